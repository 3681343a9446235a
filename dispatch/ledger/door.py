"""Who asks for a chat: the same buyer at the same time is served one request after the other.

A buyer is known by texts, such as ``guest 7``. Whoever asks for a chat writes a row for each of them
in the transaction that opens it. Of two at the same time the second waits for the first; as Odoo's
transactions are REPEATABLE READ it then fails, Odoo retries it, and it finds the chat of the first.
"""


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
        SELECT %s, buyer, now() AT TIME ZONE 'UTC' FROM unnest(%s) buyer ORDER BY buyer
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
    # Served by a scan of a day's rows.
    cr.execute(
        "DELETE FROM livechat_dispatch_buyer"
        " WHERE asked_at < now() AT TIME ZONE 'UTC' - interval '1 day'"
    )
