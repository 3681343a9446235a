"""Indexes of one column, whose place those with a moment have taken."""

from odoo.tools import SQL

REPLACED = (
    "livechat_dispatch_decision__livechat_channel_id_index",
    "livechat_dispatch_decision__user_id_index",
    "livechat_dispatch_total__main_account_id_index",
    "livechat_dispatch_total__user_id_index",
)


def migrate(cr, version):
    for name in REPLACED:
        cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(name)))
