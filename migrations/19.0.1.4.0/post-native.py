"""The chats of a channel that was given back to Odoo's own dispatch have kept what ours had to do
about them: its agents hear no more of it, and a buyer can end the chat of who was away."""

from odoo import SUPERUSER_ID, api

from odoo.addons.im_livechat_subaccount.models.handover.discuss_channel_native import TO_DO


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    native = env["im_livechat.channel"].search([("dispatch_mode", "=", "native")])
    chats = env["discuss.channel"]._find_left_to_odoo(native)
    chats.filtered(lambda chat: any(chat[name] for name in TO_DO))._leave_to_odoo()
