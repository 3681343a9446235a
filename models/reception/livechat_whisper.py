from odoo import fields, models

from ...tools.here import read_now


class LivechatWhisper(models.Model):
    """What who manages dispatch says to the agent of a chat while it goes on.

    It is no message of the chat: nothing that reads, sends, mails or exports the messages of a
    chat can come upon it, for it does not lie among them. It reaches the agents by their own bus
    channels and by ``discuss.channel.get_whispers``, which asks who reads.
    """

    _name = "livechat.whisper"
    _description = "Whisper to the Agent of a Chat"
    _order = "id"

    discuss_channel_id = fields.Many2one(
        "discuss.channel", "Chat", required=True, index=True, readonly=True, ondelete="cascade"
    )
    user_id = fields.Many2one(
        "res.users", "By", required=True, index=True, readonly=True, ondelete="cascade"
    )
    moment = fields.Datetime(default=lambda self: read_now(self.env), required=True, readonly=True)
    body = fields.Char(required=True, readonly=True)
