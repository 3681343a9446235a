"""Which seats are held for chats that are about to come."""

from .locks import KEEPALIVE

# Whether a reservation holds a seat: while its transaction is in progress. Our own is past that:
# what it did, its own statements see. No request lives for ten minutes; a reservation that old came
# with a database restored on another server, which has yet to reach its transaction id.
IS_HELD = """NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
                   AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
                   AND created_at > now() - interval '10 minutes'"""

# The reservations whose transaction has ended are forgotten; those that were rolled back are given
# back. Served by a scan: they are a handful of rows.
ENDED = f"""ended AS (
            DELETE FROM livechat_dispatch_reservation
             WHERE xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
               AND NOT ({IS_HELD})
         RETURNING CASE WHEN pg_visible_in_snapshot(xid, pg_current_snapshot())
                        THEN pg_xact_status(xid) = 'aborted' END AS is_unused,
                   user_id,
                   split
        )"""


def take_xid(cr) -> str:
    """Return the id of this transaction, which it is given now, and see to it that it ends within
    half a minute when its machine vanishes from the network."""
    cr.execute(f"SELECT {KEEPALIVE}, pg_current_xact_id()::text")
    return cr.fetchone()[-1]
