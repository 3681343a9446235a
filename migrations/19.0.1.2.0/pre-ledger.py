"""Credits are kept for each set of channels that share agents, where they were one row for all; the
next decision deals them out."""

from odoo.tools import sql

from odoo.addons.im_livechat_subaccount.dispatch import ledger


def migrate(cr, version):
    if sql.column_exists(cr, "livechat_dispatch_credit", "id"):
        cr.execute(
            """
            ALTER TABLE livechat_dispatch_credit
                  DROP CONSTRAINT IF EXISTS livechat_dispatch_credit_id_check;
            ALTER TABLE livechat_dispatch_credit RENAME COLUMN id TO circle;
            ALTER TABLE livechat_dispatch_reservation
                  ADD COLUMN circle integer NOT NULL DEFAULT 1;
            ALTER TABLE livechat_dispatch_reservation ALTER circle DROP DEFAULT
            """
        )
    cr.execute(
        "ALTER TABLE livechat_dispatch_seat"
        " ADD COLUMN IF NOT EXISTS is_forgotten boolean NOT NULL DEFAULT false"
    )
    ledger.create_tables(cr)
    ledger.note_forgotten(cr)
    ledger.note_change(cr)
