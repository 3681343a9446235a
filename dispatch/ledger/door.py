"""Who asks for a chat, and how often: the same buyer at the same time is served one request after
the other, and nobody asks without end.

A buyer is known by texts, such as ``mail.guest 7``. Whoever asks for a chat writes a row for each
of them in the transaction that opens it. Of two at the same time the second waits for the first; as
Odoo's transactions are REPEATABLE READ it then fails, Odoo retries it, and it finds the chat of the
first.

What somebody asks for fills a bucket that runs out evenly, empty after an hour; what would make it
run over is refused. So all of an hour may come at once, and who is refused waits for a minute.
"""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from odoo.modules import module

#: How many chats an address may open an hour, if nothing else is set.
ADDRESS_CHATS_DEFAULT = 60

#: How often a buyer may ask an hour: for a ``chat``, for a ``look`` at the widget, to bring a
#: ``word`` before the first answer, to ``leave`` a message. Generous for people.
PER_BUYER = {"chat": 20, "look": 240, "word": 240, "leave": 20}

#: And an address, in chats of an address: a school or an office has one for all.
PER_ADDRESS = {"chat": 1, "look": 20, "word": 20, "leave": 1, "activation": 1}


class Request(NamedTuple):
    """Something that is asked for."""

    what: str
    who: str
    """Who asks: a buyer or an address."""
    amount: int
    """How often it may be an hour."""


def read_address_chats(text: str | bool) -> int:
    """Return how many chats an address may open an hour, 0 for no limit.

    :param text: the system parameter, which may be edited by hand: a typing mistake there must not
        close the shop.
    """
    makes_sense = text and text.isdecimal() and len(text) < 10
    return int(text) if makes_sense else ADDRESS_CHATS_DEFAULT


def read_address(text: str | None) -> str | None:
    """Return by what an address is known, ``None`` for nobody's: whoever has one of IPv6 has 2**64
    of them, and behind a proxy of which Odoo was not told all buyers have the server's own."""
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return None
    if address.version == 6:
        address = ipaddress.ip_network((address, 64), strict=False)
    return str(address)


def admit(env, requests: Iterable[Request]) -> bool:
    """Count what is asked for, and tell whether it may be; what is refused counts as a refusal and
    not against whoever asks.

    It is committed at once, whatever becomes of the caller's transaction, so that all processes
    count together and none waits for a request of another.
    """
    # One order for all.
    requests = sorted(request for request in requests if request.amount)
    if not requests:
        return True
    if module.current_test:
        return _admit(env.cr, requests)
    with env.registry.cursor() as cr:
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return _admit(cr, requests)


def _admit(cr, requests):
    # Served by the primary keys.
    cr.execute(
        """
        INSERT INTO livechat_dispatch_rate AS rate (what, who, amount, level, asked_at, is_refused)
        SELECT what, who, amount, 1, clock_timestamp() AT TIME ZONE 'UTC', false
          FROM unnest(%s::text[], %s::text[], %s::integer[]) request (what, who, amount)
      ORDER BY what, who
            ON CONFLICT (what, who) DO UPDATE
           SET (amount, asked_at, level, is_refused) = (
                   SELECT EXCLUDED.amount, EXCLUDED.asked_at,
                          CASE WHEN left_over > EXCLUDED.amount - 1 THEN left_over
                               ELSE left_over + 1 END,
                          left_over > EXCLUDED.amount - 1
                     FROM (SELECT greatest(
                               0,
                               rate.level - rate.amount / 3600.0
                               * greatest(0, extract(epoch FROM EXCLUDED.asked_at - rate.asked_at))
                           ) AS left_over) so_far
               )
        RETURNING is_refused
        """,
        [list(column) for column in zip(*requests, strict=True)],
    )
    if not any(is_refused for (is_refused,) in cr.fetchall()):
        return True
    cr.execute(
        """
        INSERT INTO livechat_dispatch_refusal AS refusal (day, what, times)
        VALUES ((now() AT TIME ZONE 'UTC')::date, %s, 1)
            ON CONFLICT (day, what) DO UPDATE SET times = refusal.times + 1
        """,
        [requests[0].what],
    )
    return False


def count_refused(cr) -> int:
    """Return how often somebody was turned away today, by UTC."""
    # Served by the primary key.
    cr.execute(
        "SELECT coalesce(sum(times), 0) FROM livechat_dispatch_refusal"
        " WHERE day = (now() AT TIME ZONE 'UTC')::date"
    )
    return cr.fetchone()[0]


def claim(cr, channel_id: int, buyers: list[str]):
    """Let nobody else open a chat for this buyer until the transaction of ``cr`` ends.

    :param buyers: by what the buyer is known.
    :raise psycopg2.errors.SerializationFailure: somebody has since this transaction began; Odoo
        retries.
    """
    # Served by the primary key. In one order for all, so that two do not wait for each other.
    cr.execute(
        """
        INSERT INTO livechat_dispatch_buyer (channel_id, buyer, asked_at)
        SELECT %s, buyer, now() AT TIME ZONE 'UTC' FROM unnest(%s::text[]) buyer ORDER BY buyer
            ON CONFLICT (channel_id, buyer) DO UPDATE SET asked_at = EXCLUDED.asked_at
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
    """Forget who asked longer than a day ago; for the daily cleaning."""
    # Served by scans of a day's rows.
    for table in ("livechat_dispatch_buyer", "livechat_dispatch_rate"):
        cr.execute(
            f"DELETE FROM {table} WHERE asked_at < now() AT TIME ZONE 'UTC' - interval '1 day'"
        )
