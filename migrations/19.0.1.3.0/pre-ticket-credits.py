"""Agents are owed tickets as well as chats from now on."""

from odoo.addons.im_livechat_subaccount.dispatch.ledger import tickets


def migrate(cr, version):
    tickets.create_table(cr)
