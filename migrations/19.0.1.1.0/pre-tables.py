"""The tables of the ledger that were not there before."""

from odoo.addons.im_livechat_subaccount.dispatch import ledger


def migrate(cr, version):
    ledger.create_tables(cr)
