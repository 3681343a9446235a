"""Whom the shop owes how many tickets: one credit per agent, beside the one for chats.

A ticket and its charge are written in one transaction, the caller's, so that neither is without the
other whatever becomes of it. Whoever assigns a ticket to one of the same agents at the same time
waits for that transaction, and starts again when it is committed, as Odoo does with whatever cannot
be serialized: what it had read of tickets and credits is older. Chats cannot wait so long, for
there are many more of them; see :mod:`..ledger`.
"""

from .. import credit


def create_table(cr):
    """Create the table of what agents are owed. Safe to run again."""
    cr.execute(
        """
        CREATE TABLE IF NOT EXISTS livechat_ticket_credit (
            user_id integer PRIMARY KEY REFERENCES res_users ON DELETE CASCADE,
            credit bigint NOT NULL DEFAULT 0,
            last_turn integer NOT NULL DEFAULT 0
        )
        """
    )


def take_turn(cr, user_ids) -> dict[int, tuple[int, int]]:
    """Return ``{user_id: (credit in 1 / CHAT ticket, last turn)}`` of these agents, and hold them
    until the transaction ends.

    :raise psycopg2.errors.SerializationFailure: somebody else has assigned a ticket meanwhile; Odoo
        tries again.
    """
    user_ids = sorted(user_ids)
    # Served by livechat_ticket_credit_pkey; in one order, so that nobody waits for each other.
    cr.execute(
        """
        INSERT INTO livechat_ticket_credit (user_id)
        SELECT unnest(%(user_ids)s::integer[])
            ON CONFLICT DO NOTHING;
        SELECT user_id, credit, last_turn
          FROM livechat_ticket_credit
         WHERE user_id = ANY(%(user_ids)s::integer[])
      ORDER BY user_id
           FOR UPDATE
        """,
        {"user_ids": user_ids},
    )
    return {user_id: (owed, turn) for user_id, owed, turn in cr.fetchall()}


def charge(cr, shares, winner):
    """Charge one ticket.

    :param shares: of all candidates, whose turn was taken; from :func:`credit.split_chat`.
    :param winner: the user id of who gets it.
    """
    changes = credit.charge(shares, winner)
    # Served by livechat_ticket_credit_pkey, but for the number of the turn: a scan of one row per
    # agent.
    cr.execute(
        """
        UPDATE livechat_ticket_credit account
           SET credit = account.credit + change.amount,
               last_turn = CASE WHEN account.user_id = %(winner)s
                           THEN (SELECT max(last_turn) + 1 FROM livechat_ticket_credit)
                           ELSE account.last_turn END
          FROM unnest(%(user_ids)s::integer[], %(amounts)s::bigint[]) change (user_id, amount)
         WHERE account.user_id = change.user_id
        """,
        {"winner": winner, "user_ids": list(changes), "amounts": list(changes.values())},
    )


def read_credits(cr) -> dict[int, int]:
    """Return ``{user_id: credit}`` in ``1 / CHAT`` ticket."""
    cr.execute("SELECT user_id, credit FROM livechat_ticket_credit")
    return dict(cr.fetchall())


def clear(cr, user_ids):
    """Let these agents start again with a credit of zero."""
    # Served by livechat_ticket_credit_pkey.
    cr.execute(
        """
        UPDATE livechat_ticket_credit
           SET credit = 0
         WHERE user_id = ANY(%(user_ids)s::integer[])
        """,
        {"user_ids": list(user_ids)},
    )
