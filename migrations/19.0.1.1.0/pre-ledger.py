"""The ledger's numbers as they are packed now: ids and turns in 32 bits, what a decision charged in
one column.

Earlier states had 64 bits for each number, and a reservation told its candidates and their shares
beside each other.
"""

import struct

from odoo.tools import sql


def migrate(cr, version):
    # Its ids are as long as its credits, where they have 64 bits. Least significant byte first.
    cr.execute(
        """
        UPDATE livechat_dispatch_credit
           SET (user_ids, last_turns) = (
                   SELECT string_agg(substring(user_ids FROM start FOR 4), '' ORDER BY start),
                          string_agg(substring(last_turns FROM start FOR 4), '' ORDER BY start)
                     FROM generate_series(1, length(credits) - 7, 8) start
               )
         WHERE length(user_ids) = length(credits)
           AND length(credits) > 0
        """
    )
    if not sql.column_exists(cr, "livechat_dispatch_reservation", "candidate_ids"):
        return
    # The rows that are left are settled by the next decision: it gives back what was not used.
    cr.execute(
        """
        ALTER TABLE livechat_dispatch_reservation ADD COLUMN split bytea;
        ALTER TABLE livechat_dispatch_reservation ALTER split SET STORAGE EXTERNAL;
        SELECT id, candidate_ids, shares FROM livechat_dispatch_reservation
        """
    )
    for reservation_id, *columns in cr.fetchall():
        user_ids, shares = (struct.unpack(f"<{len(column) // 8}q", column) for column in columns)
        # How many shares there are, each with the one who had it; then their ids.
        heads = [number for share in shares for number in (share, 1)]
        split = struct.pack(f"<{1 + len(heads)}q{len(user_ids)}i", len(shares), *heads, *user_ids)
        cr.execute(
            "UPDATE livechat_dispatch_reservation SET split = %s WHERE id = %s",
            [split, reservation_id],
        )
    cr.execute(
        """
        ALTER TABLE livechat_dispatch_reservation
              ALTER split SET NOT NULL,
              DROP COLUMN candidate_ids,
              DROP COLUMN shares
        """
    )
