"""Share arithmetic: who is owed the next chat.

At each decision every candidate i of the set A is entitled to ``weight_i / Σ_A weight`` of the
chat and the chosen one pays 1. Hence two invariants, exact because everything is an integer:

* ``credit_i = entitled_i - served_i`` for every agent, whatever came and went meanwhile;
* ``Σ credit = 0`` over all agents.

Amounts are integers in units of ``1 / CHAT`` chat, so that no rounding error ever accumulates and
equal credits compare equal. A 64-bit integer holds ± 9 million chats of credit.

Source: deficit form of the smooth weighted round-robin of nginx
(``ngx_http_upstream_get_peer``), normalised to chats so that it survives candidate sets that
differ from one decision to the next.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, repeat
from operator import add, sub

#: One chat, in the unit of every credit and share of this package.
CHAT = 10**12


def split_chat(weights: Mapping[int, int]) -> dict[int, int]:
    """Split one chat over the candidates in proportion to their weights.

    :param weights: ``{user_id: weight}`` of the candidates, weights above zero.
    :return: ``{user_id: share}`` in ``1 / CHAT`` chat; the sum is exactly ``CHAT`` and each share
        differs from the exact fraction by less than one unit.
    """
    return dict(zip(weights, _split(tuple(weights.values())), strict=True))


# Mostly the same agents can take the next chat as the last one.
@lru_cache(16)
def _split(weights: tuple[int, ...]) -> list[int]:
    """Return the share of each weight."""
    total = sum(weights)
    # Rounding the running total, not each share, makes the sum exact by construction.
    reached = [heaped * CHAT // total for heaped in accumulate(weights)]
    return list(map(sub, reached, [0, *reached]))


def charge(shares: Mapping[int, int], winner: int) -> dict[int, int]:
    """Return what one decision adds to each candidate's credit: its share, less the chat for the
    winner. The sum is exactly zero.

    :param shares: of all candidates, from :func:`split_chat`.
    :param winner: ``user_id`` of the chosen candidate.
    :return: ``{user_id: change of credit}`` in ``1 / CHAT`` chat.
    """
    return {**shares, winner: shares[winner] - CHAT}


def add_changes(credits: dict[int, int], changes: Mapping[int, int]):
    """Add what a decision changes to the credits; who is not among them had none.

    :param credits: ``{user_id: credit}`` in ``1 / CHAT`` chat.
    :param changes: from :func:`charge`.
    """
    before = map(credits.get, changes, repeat(0))
    credits.update(zip(changes, map(add, before, changes.values()), strict=True))
