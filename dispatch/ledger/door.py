"""Who asks for a chat, and how often: the same buyer at the same time is served one request after
the other, and nobody asks without end.

A buyer is known by texts, such as ``mail.guest 7``. Whoever asks for a chat writes a row for each
of them in the transaction that opens it. Of two at the same time the second waits for the first; as
Odoo's transactions are REPEATABLE READ it then fails, Odoo retries it, and it finds the chat of the
first.

What somebody asks for fills a bucket that runs out evenly, empty after an hour; what would make it
run over is refused. So all of an hour may come at once, and who is refused waits for a minute.

While very many ask at once, a *rush*, nobody can tell a script from people by how often it asks in
an hour: then each address gets its hour's share minute by minute instead of at once. People at home
notice nothing of it, an office goes on at a walk, and a script is refused before it costs anything.

What a shop has the server mail to addresses that it says is counted in the same way, and so is how
often somebody was turned away.
"""

import ipaddress
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from odoo.http import request as http_request
from odoo.modules import module

from ...tools.here import read_now
from .locks import KEEPALIVE

#: How many chats an address may open an hour, if nothing else is set.
ADDRESS_CHATS_DEFAULT = 60
# More than any address opens; what follows from it is to be an integer of PostgreSQL.
_ADDRESS_CHATS_MOST = 10**6

#: How often a buyer may ask an hour: for a ``chat``, for a ``look`` at the widget, to bring a
#: ``word`` before the first answer, to ``leave`` a message, to say that it is still ``here``, as
#: the page of who waits does twice a minute; for the ``preview`` of a link, for which the server
#: asks others, or of a file, and for a ``transcript``, which it prints: all take seconds. What an
#: agent has ``mailed`` is counted as well. Generous for people.
PER_BUYER = {
    "chat": 20,
    "look": 240,
    "word": 240,
    "leave": 20,
    "here": 600,
    "file": 120,
    "preview": 20,
    "transcript": 20,
    "mailed": 60,
}

#: And an address, in chats of an address: a school or an office has one for all. What is more than
#: its chats does not come all at once, but a quarter of it.
PER_ADDRESS = {
    "chat": 1,
    "look": 20,
    "word": 20,
    "leave": 1,
    "here": 120,
    "activation": 1,
    "file": 10,
    "preview": 1,
    "transcript": 1,
    "mailed": 10,
}

#: What an address gets a minute in a rush, in its chats of a minute.
PER_ADDRESS_IN_RUSH = {"chat": 1, "look": 2, "word": 4}

# So much is usual that is asked of a channel in a minute: six times what the buyers of twenty busy
# agents ask; or so many times what an address may ask in an hour, where that is more. A rush begins
# with half a minute's of it at once, and is over when for a minute less was asked.
_RUSH = 120
_RUSH_ADDRESSES = 2
# Of that one address is no more than a third: a class at school alone makes no rush.
_RUSH_PARTS = 3

#: So many mails of a kind a shop has sent to addresses that it says a day.
MAILS_A_DAY = 20
_NEVER = 10**9

#: So many mails an hour get to a mailbox that buyers say is theirs; a shop sends so many a day.
MAILS_A_MAILBOX = 10
MAILS_TO_BUYERS_A_DAY = 1000

#: What it counts as that somebody was turned away whom a shop has blocked.
BLOCKED = "blocked"

# {cursor: {what was asked for: what was answered}}, in transactions that were rolled back: Odoo
# tries a request again with the same cursor.
_TOLD = WeakKeyDictionary()

# Whoever blocks more addresses than these prefixes have blocks a country.
_SHORTEST_PREFIX = {4: 16, 6: 32}


# What is in a bucket of ``rate`` now.
_LEFT_OVER = """greatest(
    0,
    rate.level - rate.amount / {seconds}::float
    * greatest(0, extract(epoch FROM {now} - rate.asked_at))
)"""


class Request(NamedTuple):
    """Something that is asked for."""

    what: str
    who: str
    """Who asks: a buyer or an address."""
    amount: int
    """How often it may be in ``seconds``."""
    seconds: int = 3600
    most: int | None = None
    """What the bucket holds, if that is more than the amount: it counts what is refused as well."""


class Rush(NamedTuple):
    """What is asked for of what all together get of a channel."""

    total: Request
    """Of what everybody gets; when there is no more of it, the channel is in a rush."""
    part: Request
    """Of how much of that may be one address's."""
    share: Request
    """Of what an address gets in a rush."""


def read_address_chats(text: str | bool) -> int:
    """Return how many chats an address may open an hour, 0 for no limit.

    :param text: the system parameter, which may be edited by hand: a typing mistake there must not
        close the shop.
    """
    makes_sense = text and text.isdecimal() and len(text) < 10
    return min(int(text), _ADDRESS_CHATS_MOST) if makes_sense else ADDRESS_CHATS_DEFAULT


def read_address(text: str | None) -> str | None:
    """Return by what an address is known, ``None`` for nobody's: whoever has one of IPv6 has 2**64
    of them, and behind a proxy of which Odoo was not told all buyers have the server's own."""
    address = find_address(text)
    if address and ":" in address:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return address


def find_address(text: str | None) -> str | None:
    """Return the one address that this names, ``None`` for nobody's: see :func:`read_address`."""
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return None if address.is_loopback else str(address)


def read_network(text: str) -> str | None:
    """Return the address or the first part of addresses that somebody wrote, as PostgreSQL reads
    it; ``None`` for what is none, and for what nearly everybody has."""
    if one := find_address(text.strip()):
        return one
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    is_narrow = network.prefixlen >= _SHORTEST_PREFIX[network.version]
    return str(network) if is_narrow and not network.is_loopback else None


def find_limit(what: str, address: str, chats: int) -> Request:
    """Return what an address asks for.

    :param chats: how many an address may open an hour.
    """
    factor = PER_ADDRESS[what]
    if factor == 1:
        return Request(what, address, chats)
    return Request(what, address, max(1, chats * factor // 4), 900)


def find_rush(what: str, address: str, chats: int, channel_id: int) -> Rush | None:
    """Return what an address asks for of what all get of a channel; ``None`` where it does not
    matter how many ask. The parameters are those of :func:`find_limit`."""
    if not (channel_id and what in PER_ADDRESS_IN_RUSH):
        return None
    usual = max(_RUSH, _RUSH_ADDRESSES * chats)
    return Rush(
        total=Request("rush", f"channel {channel_id}", usual // 2, 30, usual // 2 + usual),
        part=Request("rush part", address, usual // _RUSH_PARTS, 60),
        share=Request(f"rush {what}", address, max(1, chats * PER_ADDRESS_IN_RUSH[what] // 60), 60),
    )


def is_too_much(env, rush: Rush) -> bool:
    """Tell whether somebody asks in a rush for more than its share; without a write."""
    return _are_full(env.cr, [rush.total, rush.share])


def note_too_much(env, rush: Rush, what: str, channel_id: int):
    """Count that somebody was turned away before it cost anything; the rush goes on."""
    with _committing(env) as cr:
        _turn_away(cr, rush, what, channel_id)


def _turn_away(cr, rush, what, channel_id):
    part, part_values = _write_filling([rush.part], "part")
    total, total_values = _write_filling(
        [rush.total], "total", "WHERE NOT (SELECT is_refused FROM part)"
    )
    # One statement, as this is what a script makes us do most. What goes beyond an address's part
    # is not counted. Each step waits for the one before, else two might wait for each other. Served
    # by the primary keys.
    cr.execute(
        f"""
        WITH part AS ({part}),
             total AS ({total}),
             counted AS (SELECT count(*) FROM total)
        {_NOTE_REFUSAL.format(after="FROM counted")}
        """,
        {**part_values, **total_values, "what": what, "channel_id": channel_id},
    )


def admit(env, requests: Iterable[Request], channel_id: int = 0, rush: Rush | None = None) -> bool:
    """Count what is asked for, and tell whether it may be; what is refused counts as a refusal and
    not against whoever asks.

    It is committed at once, whatever becomes of the caller's transaction, so that all processes
    count together and none waits for a request of another. What Odoo tries again is counted once.

    :param channel_id: ``im_livechat.channel`` that is asked for, 0 for none.
    :param rush: see :func:`find_rush`.
    """
    requests = [request for request in requests if request.amount]
    if not requests:
        return True

    def count():
        with _committing(env) as cr:
            return _admit(cr, requests, channel_id, rush)

    return _count_once(env, (*requests, channel_id, rush), count)


def may_mail(env, what: str, account: str, shop: str) -> bool:
    """Count a mail that somebody has the server send, and tell whether it may be: one a minute for
    each account, ``MAILS_A_DAY`` a day, by UTC, for each shop."""
    day = read_now(env).date()

    def count():
        with _committing(env) as cr:
            # A bucket of a day that never runs out.
            return not _fill(cr, [Request(what, account, 1, 60)]) and not _fill(
                cr, [Request(what, f"{shop} {day}", MAILS_A_DAY, _NEVER)]
            )

    return _count_once(env, (what, account, shop), count)


def note_blocked(env, channel_id: int):
    """Count that somebody was turned away whom the shop has blocked."""
    with _committing(env) as cr:
        _note_refusal(cr, BLOCKED, channel_id)


def _count_once(env, asked, count):
    """Return what ``count`` returns; of a request that Odoo tries again, after another came in
    between, what it has returned before: that is committed, and whoever asks has asked once.

    :param asked: what is asked for; as often as it was asked for before it is not counted again.
    """
    if not http_request:
        return count()
    told = _TOLD.setdefault(env.cr, {})
    answers = told.get(asked)
    answer = answers.pop(0) if answers else count()
    env.cr.postrollback.add(lambda: told.setdefault(asked, []).append(answer))
    return answer


@contextmanager
def _committing(env):
    """Yield a cursor whose work is committed at once; a test has but one."""
    if module.current_test:
        yield env.cr
        return
    with env.registry.cursor() as cr:
        # A crash may forget some requests; nobody waits for a disk to be refused.
        cr.execute(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
        )
        yield cr


def may_mail_buyer(env, mailbox: str, shop: str) -> bool:
    """Count a mail to a mailbox of which a buyer says that it is its own, and tell whether it may
    be: what somebody types may be anybody's.

    :param mailbox: by what it is known here, and cannot be read.
    """
    day = read_now(env).date()

    def count():
        with _committing(env) as cr:
            return not _fill(cr, [Request("buyer mail", mailbox, MAILS_A_MAILBOX)]) and not _fill(
                cr, [Request("buyer mail", f"{shop} {day}", MAILS_TO_BUYERS_A_DAY, _NEVER)]
            )

    return _count_once(env, (mailbox, shop), count)


def _admit(cr, requests, channel_id, rush):
    refused = _fill(cr, [*requests, *((rush.part, rush.share) if rush else ())])
    is_admitted = not any(request.what in refused for request in requests)
    if rush and _count_rush(cr, rush, refused):
        is_admitted = is_admitted and rush.share.what not in refused
    if not is_admitted:
        _note_refusal(cr, requests[0].what, channel_id)
    return is_admitted


def _count_rush(cr, rush, refused):
    """Count what somebody asks for among all who ask, and tell whether they are in a rush.

    :param refused: of what there was no room: what goes beyond an address's part is not counted.
    """
    if rush.part.what in refused:
        return _are_full(cr, [rush.total])
    return bool(_fill(cr, [rush.total]))


def _are_full(cr, requests):
    """Tell whether there is no room for any of these."""
    # Served by the primary key.
    cr.execute(
        """
        SELECT count(*)
          FROM livechat_dispatch_rate rate
          JOIN unnest(%(what)s::text[], %(who)s::text[], %(amount)s::integer[],
                      %(seconds)s::integer[]) asked (what, who, most, seconds)
               USING (what, who)
         WHERE {left_over} > most - 1
        """.format(
            left_over=_LEFT_OVER.format(
                now="clock_timestamp() AT TIME ZONE 'UTC'", seconds="seconds"
            )
        ),
        {name: [getattr(one, name) for one in requests] for name in Request._fields[:4]},
    )
    return cr.fetchone()[0] == len(requests)


def _fill(cr, requests):
    """Put what is asked for into the buckets; of what there is no room, ``{what}``."""
    # Served by the primary keys.
    cr.execute(*_write_filling(requests))
    return {what for what, is_refused in cr.fetchall() if is_refused}


def _write_filling(requests, name="request", only_if=""):
    """Return the statement that puts what is asked for into the buckets, and its values.

    :param name: what tells its values from those of another in the same statement.
    :param only_if: a condition of all of it.
    """
    # In one order for all, so that two do not wait for each other.
    statement = """
        INSERT INTO livechat_dispatch_rate AS rate (what, who, amount, level, asked_at, is_refused)
        SELECT what, who, amount, 1, clock_timestamp() AT TIME ZONE 'UTC', false
          FROM unnest(%({name}_what)s::text[], %({name}_who)s::text[], %({name}_amount)s::integer[])
               request (what, who, amount)
               {only_if}
      ORDER BY what, who
            ON CONFLICT (what, who) DO UPDATE
           SET (amount, asked_at, level, is_refused) = (
                   SELECT EXCLUDED.amount, EXCLUDED.asked_at,
                          CASE WHEN left_over > most - 1 THEN left_over ELSE left_over + 1 END,
                          left_over > EXCLUDED.amount - 1
                     FROM (SELECT {left_over} AS left_over, most
                             FROM unnest(
                                      %({name}_what)s::text[],
                                      %({name}_who)s::text[],
                                      %({name}_seconds)s::integer[],
                                      %({name}_most)s::integer[]
                                  ) asked (what, who, seconds, most)
                            WHERE asked.what = EXCLUDED.what AND asked.who = EXCLUDED.who
                          ) so_far
               )
        RETURNING what, is_refused
    """.format(
        name=name,
        only_if=only_if,
        left_over=_LEFT_OVER.format(now="EXCLUDED.asked_at", seconds="seconds"),
    )
    values = {
        "what": [request.what for request in requests],
        "who": [request.who for request in requests],
        "amount": [request.amount for request in requests],
        "seconds": [request.seconds for request in requests],
        "most": [request.most or request.amount for request in requests],
    }
    return statement, {f"{name}_{column}": value for column, value in values.items()}


# Served by the primary key.
_NOTE_REFUSAL = """
    INSERT INTO livechat_dispatch_refusal AS refusal (hour, what, channel_id, times)
    SELECT date_trunc('hour', now() AT TIME ZONE 'UTC'), %(what)s, %(channel_id)s, 1 {after}
        ON CONFLICT (hour, what, channel_id) DO UPDATE SET times = refusal.times + 1
"""


def _note_refusal(cr, what, channel_id):
    cr.execute(_NOTE_REFUSAL.format(after=""), {"what": what, "channel_id": channel_id})


def count_refused(cr, since: datetime, channel_ids: Iterable[int] | None = None) -> dict:
    """Return how often somebody was turned away.

    :param since: from the hour on that this moment, in UTC, is in.
    :param channel_ids: of which channels; of the whole database without.
    :return: ``{"often": times somebody asked too often, "blocked": times somebody is blocked}``.
    """
    # Served by the primary key.
    cr.execute(
        """
        SELECT coalesce(sum(times) FILTER (WHERE what != %(blocked)s), 0),
               coalesce(sum(times) FILTER (WHERE what = %(blocked)s), 0)
          FROM livechat_dispatch_refusal
         WHERE hour >= date_trunc('hour', %(since)s)
           AND (%(all)s OR channel_id = ANY(%(channel_ids)s))
        """,
        {
            "blocked": BLOCKED,
            "since": since,
            "all": channel_ids is None,
            "channel_ids": list(channel_ids or ()),
        },
    )
    return dict(zip(("often", BLOCKED), cr.fetchone(), strict=True))


def claim(cr, channel_id: int, buyers: list[str]):
    """Let nobody else open a chat for this buyer until the transaction of ``cr`` ends.

    :param buyers: by what the buyer is known.
    :raise psycopg2.errors.SerializationFailure: somebody has since this transaction began; Odoo
        retries.
    """
    # Served by the primary key. In one order for all, so that two do not wait for each other. Where
    # the machine of the first vanishes, its buyer may ask another within half a minute.
    cr.execute(
        f"""
        INSERT INTO livechat_dispatch_buyer (channel_id, buyer, asked_at)
        SELECT %s, buyer, now() AT TIME ZONE 'UTC' FROM unnest(%s::text[]) buyer ORDER BY buyer
            ON CONFLICT (channel_id, buyer) DO UPDATE SET asked_at = EXCLUDED.asked_at
     RETURNING {KEEPALIVE}
        """,
        [channel_id, buyers],
    )


def note_guest(cr, channel_id: int, buyer: str, guest_id: int):
    """Keep which ``mail.guest`` a buyer has become who was not known as one."""
    # Served by the primary key.
    cr.execute(
        "UPDATE livechat_dispatch_buyer SET guest_id = %s WHERE channel_id = %s AND buyer = %s",
        [guest_id, channel_id, buyer],
    )


def find_guest(cr, channel_id: int, buyer: str) -> int | None:
    """Return the id of the ``mail.guest`` that :func:`note_guest` has kept."""
    # Served by the primary key.
    cr.execute(
        "SELECT guest_id FROM livechat_dispatch_buyer WHERE channel_id = %s AND buyer = %s",
        [channel_id, buyer],
    )
    return (cr.fetchone() or [None])[0]


def forget(cr):
    """Forget who asked longer than a day ago, and how many were refused last month; for the daily
    cleaning."""
    # Served by scans of a day's rows.
    for table in ("livechat_dispatch_buyer", "livechat_dispatch_rate"):
        cr.execute(
            f"DELETE FROM {table} WHERE asked_at < now() AT TIME ZONE 'UTC' - interval '1 day'"
        )
    # Served by the primary key.
    cr.execute(
        "DELETE FROM livechat_dispatch_refusal"
        " WHERE hour < now() AT TIME ZONE 'UTC' - interval '31 days'"
    )
