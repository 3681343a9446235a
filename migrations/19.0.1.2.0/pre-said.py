"""Which messages were said in live chats: their words are found. The ORM makes the index."""

from odoo.addons.im_livechat_subaccount.tools import said


def migrate(cr, version):
    said.mark(cr)
