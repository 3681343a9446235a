"""Why an agent got as many chats as it got: each chat taken apart into additive parts.

Pure: no Odoo, no database. For one decision that was charged to the ledger (see ``credit.py``) the
team is narrowed down step by step, from everybody it was about to the candidates, and each agent's
equal split of the chat is compared before and after each step:

* ``scope``: the equal split over everybody. Who is in more groups, or in smaller ones, gets more.
* ``presence``: what changes when those go who were away, paused, off shift or not entitled.
* ``capacity``: what changes when those go who had no room.
* ``suited``: what changes when only those stay whom language, country and expertise prefer.
* ``weight``: the share by weight less the equal split over the candidates.

These five telescope: their sum is the agent's share, its entitlement. Then comes who really got it:

* ``regulars``: the chat less the share, when the buyer belonged to the winner.
* ``credit``: the chat less the share, when the rank decided: what was owed and is paid back, and
  the fraction of a chat that nobody can get.

So for every agent the sum of all parts is ``CHAT`` if it got the chat and 0 if not, exactly,
because everything is an integer; over any number of decisions it is the number of its chats.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import floor
from typing import NamedTuple

from .credit import CHAT

#: The reason for leaving out agents whom the preference ladder passed over: able, but less suited.
UNSUITED = "unsuited"


class Parts(NamedTuple):
    """What made an agent get a chat, or not, in ``1 / CHAT`` chat each."""

    scope: int
    presence: int
    capacity: int
    suited: int
    weight: int
    regulars: int
    credit: int


#: What totals call the parts, in their order.
PARTS = tuple(f"{name}_part" for name in Parts._fields)


def split_equally(user_ids: Iterable[int]) -> dict[int, int]:
    """Split one chat equally.

    :return: ``{user_id: part}`` in ``1 / CHAT`` chat; the sum is exactly ``CHAT``, the smallest ids
        get what does not divide, one unit each.
    """
    user_ids = sorted(user_ids)
    each, rest = divmod(CHAT, len(user_ids))
    return {user_id: each + (place < rest) for place, user_id in enumerate(user_ids)}


def take_apart(
    shares: Mapping[int, int], left_out: Mapping[int, str], winner: int, rule: str
) -> dict[int, Parts]:
    """Take one chat apart, for everybody whom its decision was about.

    :param shares: ``{user_id: share}`` of the candidates, of sum ``CHAT``.
    :param left_out: ``{user_id: reason code}`` of the others, :data:`UNSUITED` among the codes.
    :param winner: who got the chat, one of the candidates.
    :param rule: what decided.
    """
    unsuited = {user_id for user_id, code in left_out.items() if code == UNSUITED}
    # They had their hands full; for any other reason, they could not take chats.
    full = {user_id for user_id, code in left_out.items() if code == "at_capacity"}
    by_scope = split_equally({*shares, *left_out})
    able = {*shares, *unsuited}
    by_presence = split_equally(able | full) if len(able | full) < len(by_scope) else by_scope
    by_capacity = split_equally(able) if full else by_presence
    by_suit = split_equally(shares) if unsuited else by_capacity
    # The buyer belongs to an agent.
    is_regular = rule in ("exclusive", "sticky")
    parts = {}
    for user_id, scope in by_scope.items():
        presence = by_presence.get(user_id, 0)
        capacity = by_capacity.get(user_id, 0)
        suited = by_suit.get(user_id, 0)
        share = shares.get(user_id, 0)
        beyond = CHAT * (user_id == winner) - share
        parts[user_id] = Parts(
            scope,
            presence - scope,
            capacity - presence,
            suited - capacity,
            share - suited,
            beyond if is_regular else 0,
            0 if is_regular else beyond,
        )
    return parts


def round_parts(parts: Mapping[str, float], digits: int = 1) -> dict[str, float]:
    """Round parts so that the rounded ones still have the sum that is shown beside them.

    Those nearest to the next step take what rounding down has left.

    :param parts: of a sum that needs no rounding itself, but for what floats lose.
    """
    scale = 10**digits
    steps = {name: floor(round(part * scale, 6)) for name, part in parts.items()}
    missing = round(sum(parts.values()) * scale) - sum(steps.values())
    by_rest = sorted(parts, key=lambda name: steps[name] - parts[name] * scale)
    for name in by_rest[:missing]:
        steps[name] += 1
    return {name: step / scale for name, step in steps.items()}


def read_team(candidates, excluded, team, agent_ids):
    """Return from a decision record whom it was about.

    :param agent_ids: of all of them, if there are more than candidates.
    :return: ``{user_id: share}`` of the candidates in ``1 / CHAT`` chat, and ``{user_id: reason
        code}`` of the others.
    :rtype: tuple[dict[int, int], dict[int, str]]
    """
    if team:
        shares = {user_id: share for share, user_ids in team["shares"] for user_id in user_ids}
        return shares, {
            user_id: code for code, user_ids in team["left_out"].items() for user_id in user_ids
        }
    shares = {candidate["user_id"]: candidate["share"] for candidate in candidates}
    left_out = {int(user_id): code for user_id, code in (excluded or {}).items()}
    for user_id in agent_ids or ():
        if user_id not in shares and user_id not in left_out:
            left_out[user_id] = UNSUITED
    return shares, left_out


def write_team(shares, excluded, agent_ids):
    """Return what :func:`read_team` reads: a large team, each share and reason written once."""
    by_share, by_code = defaultdict(list), defaultdict(list)
    for user_id in agent_ids:
        if user_id in shares:
            by_share[shares[user_id]].append(user_id)
        else:
            by_code[excluded.get(user_id, UNSUITED)].append(user_id)
    return {"shares": [[share, ids] for share, ids in by_share.items()], "left_out": by_code}
