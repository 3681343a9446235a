"""What is true of a channel and its agents, read in one statement each."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ...tools.here import IS_JUST_GONE, IS_OFF, IS_ONLINE, IS_PAUSED, IS_SET_AWAY
from ...tools.word import list_given_up
from .. import policy
from ..policy import Facts, Rules
from .circle import OF_CHANNEL

# After this time without a message a chat is quiet and keeps only a light hold; the same time
# after which core forgets it altogether.
QUIET_AFTER = timedelta(minutes=15)

# After this time without a message a chat holds nothing: buyers close the tab without a word, and
# core may leave such a chat open for good.
FORGOTTEN_AFTER = timedelta(hours=24)

# The daily cleaning notes on the seat that a chat is forgotten, so that decisions do not look at
# what piles up. Should it not have run for so long, such a chat counts as a lively one.
NOTED_WITHIN = timedelta(days=2)

# Core removes a call session that was not refreshed for so long (discuss.channel.rtc.session).
CALL_ALIVE = timedelta(minutes=1)

#: What is true of an agent is read as one number of 64 bits, because a dozen columns of a thousand
#: rows take their time (3/4, 1/2 and 1/3 of it for 20, 100 and 1000 agents: 0.045 → 0.035,
#: 0.14 → 0.07 and 1.3 → 0.45 ms, the least of 400 calls). These are the facts and how many bits
#: each has, from the lowest; both PostgreSQL's side and ours are made from this.
LAYOUT = (
    ("same_country", 1),
    ("speaks_language", 3),
    ("is_main_account", 1),
    ("in_call", 1),
    ("paused", 1),
    ("online", 1),
    ("permitted", 1),
    ("enabled", 1),
    ("overloaded", 1),
    ("off_shift", 1),
    ("just_gone", 1),
    ("weight", 15),
    ("quiet_chats", 16),
    ("lively_chats", 19),
)
_NAMES, _WIDTHS = zip(*LAYOUT, strict=True)
_SHIFTS = (0, *accumulate(_WIDTHS[:-1]))
_FLAGS = frozenset(name for name, width in LAYOUT if width == 1)


class Query(NamedTuple):
    """Whom to read for a decision, and what about the buyer they are compared with."""

    receive_group_id: int
    """``res.groups`` id; holding it, directly or by implication, is the right to receive buyers."""
    now: datetime
    channel_id: int | None = None
    """All agents of this ``im_livechat.channel``, or …"""
    user_ids: list[int] | None = None
    """… exactly these users, when given."""
    main_account_id: int | None = None
    asks_in_call: bool = False
    """Whether it matters who is in a call."""
    languages: dict[str, int] | None = None
    """How well each language suits the buyer, as ``scope.rate_languages`` says."""
    country_id: int | None = None
    expertise_ids: tuple[int, ...] = ()
    circle: int | None = None
    """That of the channel, when it has just been read and only its own agents are asked for; see
    ``circle``."""
    count_tickets: str | None = None
    """The statement that returns how many open tickets each of the users ``%(user_ids)s`` has who
    has any; ``None`` where tickets do not count."""


class Channel(NamedTuple):
    """What a decision is told by a channel: the values of fields of ``im_livechat.channel`` as they
    are stored, and what all channels share."""

    dispatch_mode: str
    max_sessions_mode: str
    max_sessions: int | None
    block_assignment_during_call: bool | None
    main_account_participation: str
    prefers_suited_agents: bool | None
    main_account_id: int | None
    queue_enabled: bool | None
    queue_limit: int | None
    offline_rule: str
    calendar_id: int | None
    ramp_minutes: int | None
    has_shifts: bool
    """Whether any agent of the database follows a shift; most shops have none."""
    quiet_hold: str | None
    """What a quiet chat counts, as ``policy.read_quiet_hold`` reads it."""
    ticket_load: str | None
    """What an open ticket counts, as ``policy.read_ticket_load`` reads it."""
    circle: int | None
    """With which other channels it shares agents; see ``circle``."""


# Fragments of the statements below. A statement has only the parts that it needs.

# Served by res_users' index on dispatch_calendar_id.
_HAS_SHIFTS = "EXISTS (SELECT FROM res_users WHERE dispatch_calendar_id IS NOT NULL)"

# Served by the unique index on the key.
_PARAMETER = """(SELECT value
                    FROM ir_config_parameter
                   WHERE key = 'im_livechat_subaccount.{}')"""

# Served by the primary key.
_CIRCLE = "(SELECT circle FROM livechat_dispatch_circle WHERE channel_id = channel.id)"

#: The fields of a Channel that are those of ``im_livechat.channel``.
CHANNEL_FIELDS = Channel._fields[: Channel._fields.index("has_shifts")]

# The values of a Channel.
_CHANNEL = ", ".join(
    [
        *(f"channel.{name}" for name in CHANNEL_FIELDS),
        f"{_HAS_SHIFTS} AS has_shifts",
        f"{_PARAMETER.format('quiet_hold')} AS quiet_hold",
        f"{_PARAMETER.format('ticket_load')} AS ticket_load",
        f"{_CIRCLE} AS circle",
    ]
)

# The groups that are or imply the right to receive buyers: effective at this moment, whatever an
# application server may have cached. A few rows of res_groups_implied_rel.
RECEIVE_GROUPS = """receive_group (id) AS (
            SELECT %(receive_group_id)s::integer
             UNION
            SELECT implied.gid
              FROM res_groups_implied_rel implied
              JOIN receive_group ON implied.hid = receive_group.id
        )"""

# Whether a reservation holds a seat: while its transaction is in progress. Our own is past that:
# what it did, its own statements see. No request lives for ten minutes; a reservation that old came
# with a database restored on another server, which has yet to reach its transaction id.
IS_HELD = """NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
                   AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
                   AND created_at > now() - interval '10 minutes'"""

# Whether the chat of a seat holds it.
_IS_SEATED = f"seat.discuss_channel_id NOT IN ({list_given_up('%(now)s')})"

_IS_IN_CALL = """users.partner_id IN (
                   SELECT partner_id
                     FROM discuss_channel_member
                    WHERE partner_id IS NOT NULL
                      AND id = ANY(ARRAY(
                              SELECT channel_member_id
                                FROM discuss_channel_rtc_session
                               WHERE write_date >= %(call_alive_after)s
                          ))
               )"""

_SPEAKS_LANGUAGE = """greatest(
                   coalesce((%(languages)s::jsonb ->> partner.lang)::integer, 0),
                   coalesce(spoken.rate, 0)
               )"""

# What agents speak beside the language of their pages.
_SPOKEN = """LEFT JOIN (
                   SELECT settings.user_id, max(rated.value::integer) AS rate
                     FROM jsonb_each_text(%(languages)s::jsonb) rated
                     JOIN res_lang lang ON lang.code = rated.key
                     JOIN res_lang_res_users_settings_rel spoken ON spoken.res_lang_id = lang.id
                     JOIN res_users_settings settings
                       ON settings.id = spoken.res_users_settings_id
                 GROUP BY settings.user_id
               ) spoken ON spoken.user_id = users.id"""


def _is_of(query: Query) -> str:
    """Return the condition on ``users`` that selects the agents of the query."""
    if query.user_ids is not None:
        return "users.id = ANY(%(user_ids)s)"
    main_account = "UNION ALL SELECT %(main_account_id)s" if query.main_account_id else ""
    return f"""users.id IN (
                   SELECT user_id
                     FROM im_livechat_channel_im_user
                    WHERE channel_id = %(channel_id)s
                    {main_account}
               )"""


def with_agents(query: Query) -> str:
    """Return the WITH query of the agents of the query. All that is read of them is looked up for
    these alone: what a decision costs follows the shop, and not what else the database has."""
    # Served by im_livechat_channel_im_user_pkey and res_users_pkey.
    return f"""agents AS MATERIALIZED (
            SELECT users.* FROM res_users users WHERE {_is_of(query)}
        )"""


_IS_AGENTS = "= ANY(ARRAY(SELECT id FROM agents))"


def get_values(query: Query) -> dict:
    """Return the parameters of the statements that read agents."""
    return {
        **query._asdict(),
        "languages": json.dumps(query.languages),
        "quiet_before": query.now - QUIET_AFTER,
        "forgotten_before": query.now - FORGOTTEN_AFTER,
        "noted_before": query.now - FORGOTTEN_AFTER - NOTED_WITHIN,
        "call_alive_after": query.now - CALL_ALIVE,
    }


def read_channel(cr, channel_id: int) -> Channel | None:
    """Return what the transaction of ``cr`` sees of a channel, ``None`` when it is gone."""
    # Served by im_livechat_channel_pkey.
    cr.execute(
        f"SELECT {_CHANNEL} FROM im_livechat_channel channel WHERE channel.id = %(channel_id)s",
        {"channel_id": channel_id},
    )
    row = cr.fetchone()
    return row and Channel(*row)


def has_room_among_few(cr, query: Query, get_rules: Callable[[Channel], Rules]) -> bool:
    """As ``ledger.has_room_at_once``.

    Among 1000 agents it takes a seventh of the time of reading them all (4.7 → 0.71 ms), among 100
    four fifths (0.65 → 0.53 ms).
    """
    # Served by im_livechat_channel_pkey, res_users_pkey, the unique index on mail_presence
    # (user_id), the index on time off that is not over, res_groups_users_rel's index on uid,
    # livechat_dispatch_seat's on partner_id and discuss_channel_pkey. Sub-selects of single values
    # are planned at once and looked up for the few only.
    cr.execute(
        f"""
        WITH RECURSIVE {RECEIVE_GROUPS}
        SELECT few.dispatch_weight,
               load.lively + (
                   SELECT count(*)
                     FROM livechat_dispatch_reservation
                    WHERE user_id = few.id AND {IS_HELD}
               ),
               load.quiet,
               channel.*
          FROM (SELECT {_CHANNEL}
                  FROM im_livechat_channel channel
                 WHERE channel.id = %(channel_id)s) channel,
               LATERAL (
                   SELECT users.id, users.partner_id, users.dispatch_weight
                     FROM res_users users
                    WHERE {_is_of(query)}
                      AND users.active
                      AND NOT {IS_PAUSED}
                      AND users.dispatch_overloaded IS NOT TRUE
                      AND users.second_factor_due IS NOT TRUE
                      AND users.dispatch_calendar_id IS NULL
                      AND NOT {IS_OFF}
                      AND users.id IS DISTINCT FROM channel.main_account_id
                      AND NOT {IS_SET_AWAY}
                      AND (SELECT {IS_ONLINE}
                             FROM mail_presence presence
                            WHERE presence.user_id = users.id)
                      AND (SELECT count(*) > 0
                             FROM res_groups_users_rel
                            WHERE uid = users.id AND gid IN (SELECT id FROM receive_group))
                    LIMIT 5
               ) few,
               LATERAL (
                   SELECT count(*) FILTER (WHERE chat.last_interest_dt >= %(quiet_before)s),
                          count(*) FILTER (WHERE chat.last_interest_dt < %(quiet_before)s)
                     FROM livechat_dispatch_seat seat
                     JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
                    WHERE seat.partner_id = few.partner_id
                      AND NOT seat.is_forgotten
                      AND chat.livechat_end_dt IS NULL
                      AND chat.last_interest_dt >= %(forgotten_before)s
                      AND {_IS_SEATED}
               ) load (lively, quiet)
        """,
        get_values(query),
    )
    rows = cr.fetchall()
    if not rows:
        return False
    channel = Channel(*rows[0][3:])
    rules = get_rules(channel)
    if rules.mode == "native" or rules.block_during_call:
        return False
    if channel.calendar_id or channel.ramp_minutes:
        return False
    if rules.ticket_load and rules.max_sessions is not None:
        # How many tickets they have is not asked here.
        return False
    return any(
        policy.has_room(lively, quiet, weight, rules) for weight, lively, quiet, *_channel in rows
    )


def _pack_facts(expressions: dict[str, str]) -> str:
    """Return the SQL of the number that says these facts.

    :param expressions: the SQL of each, none of them null.
    """
    if expressions.keys() != set(_NAMES):
        raise ValueError("each fact has one expression")
    return " + ".join(
        f"(({expressions[name]}){'::integer' * (name in _FLAGS)}::bigint << {shift})"
        for name, shift in zip(_NAMES, _SHIFTS, strict=True)
    )


def select_facts(query: Query) -> str:
    """Return the statement that reads what is true of the agents of the query: their ids as 32-bit
    integers and, in the same order, the numbers that say it as 64-bit integers."""
    partner = "JOIN res_partner partner ON partner.id = users.partner_id"
    # Of the chats only those that have gone quiet are looked at: a seat's chat is open.
    # Served by res_users_pkey, livechat_dispatch_seat's index on partner_id (of what is not
    # forgotten), discuss_channel__dispatch_quiet_idx, discuss_channel__dispatch_wordless_idx, the
    # unique index on mail_presence (user_id), the index on time off that is not over,
    # res_groups_users_rel_pkey and res_partner_pkey.
    facts = _pack_facts(
        {
            "lively_chats": "coalesce(load.lively, 0) + coalesce(reserved.seats, 0)",
            "quiet_chats": "coalesce(load.quiet, 0)",
            "weight": "users.dispatch_weight",
            "overloaded": "users.dispatch_overloaded IS TRUE",
            # What the hours of shift, group and channel say is added later.
            "off_shift": IS_OFF,
            "enabled": "users.active IS TRUE",
            "permitted": f"""users.second_factor_due IS NOT TRUE AND users.id IN (
                       SELECT uid
                         FROM res_groups_users_rel
                        WHERE gid = ANY(ARRAY(SELECT id FROM receive_group))
                          AND uid {_IS_AGENTS}
                   )""",
            "online": f"""NOT {IS_SET_AWAY} AND users.id IN (
                       SELECT user_id
                         FROM mail_presence presence
                        WHERE user_id {_IS_AGENTS} AND {IS_ONLINE}
                   )""",
            "just_gone": f"""NOT {IS_SET_AWAY} AND users.id IN (
                       SELECT user_id
                         FROM mail_presence presence
                        WHERE user_id {_IS_AGENTS} AND {IS_JUST_GONE}
                   )""",
            "paused": IS_PAUSED,
            "in_call": _IS_IN_CALL if query.asks_in_call else "false",
            "is_main_account": "users.id IS NOT DISTINCT FROM %(main_account_id)s",
            "speaks_language": _SPEAKS_LANGUAGE if query.languages else "0",
            "same_country": "coalesce(partner.country_id = %(country_id)s, false)"
            if query.country_id
            else "false",
        }
    )
    # Users whom somebody names, and who serves a channel that is being filled in, may have their
    # chats anywhere.
    of_seats = """AND id = ANY(ARRAY(
                               SELECT discuss_channel_id
                                 FROM livechat_dispatch_seat
                                WHERE partner_id = ANY(ARRAY(SELECT partner_id FROM agents))
                                  AND NOT is_forgotten
                           ))"""
    of_circle = f"""AND livechat_channel_id = ANY(ARRAY(
                               SELECT channel_id
                                 FROM livechat_dispatch_circle
                                WHERE circle = ({OF_CHANNEL})
                            UNION ALL
                               SELECT %(channel_id)s
                           ))"""

    def quiet(since):
        # Lists, and no joins: PostgreSQL cannot know how long they are when it plans for all.
        return f"""SELECT id
                             FROM discuss_channel
                            WHERE livechat_end_dt IS NULL
                              AND channel_type = 'livechat'
                              AND last_interest_dt < %(quiet_before)s
                              AND last_interest_dt >= %({since})s
                              {of_circle if query.channel_id else of_seats}"""

    return f"""
        SELECT string_agg(int4send(users.id), '') AS user_ids,
               string_agg(int8send({facts}), '') AS numbers
          FROM agents users
               {partner if query.languages or query.country_id else ""}
               {_SPOKEN if query.languages else ""}
     LEFT JOIN (SELECT seat.partner_id,
                       count(*) FILTER (
                           WHERE seat.discuss_channel_id NOT IN ({quiet("noted_before")})
                       ) AS lively,
                       count(*) FILTER (
                           WHERE seat.discuss_channel_id IN ({quiet("forgotten_before")})
                       ) AS quiet
                  FROM livechat_dispatch_seat seat
                 WHERE seat.partner_id = ANY(ARRAY(SELECT partner_id FROM agents))
                   AND NOT seat.is_forgotten
                   AND {_IS_SEATED}
              GROUP BY seat.partner_id) load ON load.partner_id = users.partner_id
     LEFT JOIN (SELECT user_id, count(*) AS seats
                  FROM livechat_dispatch_reservation
                 WHERE {IS_HELD}
              GROUP BY user_id) reserved ON reserved.user_id = users.id
    """


@lru_cache(4096)
def unpack_facts(number: int) -> Facts:
    """Return what the number says; the same object to all who share it."""
    values = {
        name: number >> shift & (1 << width) - 1
        for (name, width), shift in zip(LAYOUT, _SHIFTS, strict=True)
    }
    return Facts(**values | {name: bool(values[name]) for name in _FLAGS})


def read_quiet_times(cr, user_ids: list[int], now: datetime) -> dict[int, timedelta]:
    """Return ``{user_id: for how long their quiet chats are quiet}``: since the last word in any of
    them. Who has no quiet chat is left out."""
    # Served by res_users_pkey, livechat_dispatch_seat's index on partner_id (of what is not
    # forgotten), discuss_channel_pkey and discuss_channel__dispatch_wordless_idx.
    cr.execute(
        f"""
        SELECT users.id, %(now)s - max(chat.last_interest_dt)
          FROM res_users users
          JOIN livechat_dispatch_seat seat ON seat.partner_id = users.partner_id
          JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
         WHERE users.id = ANY(%(user_ids)s)
           AND NOT seat.is_forgotten
           AND {_IS_SEATED}
           AND chat.livechat_end_dt IS NULL
           AND chat.last_interest_dt < %(quiet_before)s
           AND chat.last_interest_dt >= %(forgotten_before)s
      GROUP BY users.id
        """,
        get_values(Query(0, now, user_ids=user_ids)),
    )
    return dict(cr.fetchall())


def read_tickets(cr, query: Query, user_ids: list[int]) -> dict[int, int]:
    """Return ``{user_id: number}`` of the open tickets of these users, for those who have any."""
    return _count_tickets(cr, query.count_tickets, user_ids) if query.count_tickets else {}


def _count_tickets(cr, statement, user_ids):
    # The helpdesk's own, of names of its models alone.
    cr.execute(statement, {"user_ids": list(user_ids)})
    return dict(cr.fetchall())


def read_expertises(cr, query: Query) -> dict[int, int]:
    """Return ``{user_id: number}`` of the asked expertises, for those who have any."""
    if not query.expertise_ids:
        return {}
    # Served by im_livechat_expertise_res_users_settings_rel's index on the expertise.
    cr.execute(
        """
        SELECT settings.user_id, count(*)
          FROM im_livechat_expertise_res_users_settings_rel known
          JOIN res_users_settings settings ON settings.id = known.res_users_settings_id
         WHERE known.im_livechat_expertise_id = ANY(%(expertise_ids)s)
      GROUP BY settings.user_id
        """,
        {"expertise_ids": list(query.expertise_ids)},
    )
    return dict(cr.fetchall())
