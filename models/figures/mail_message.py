from odoo import fields, models

from ...tools import said


class MailMessage(models.Model):
    _inherit = "mail.message"

    is_said_in_livechat = fields.Boolean(
        "Said in a Live Chat",
        copy=False,
        readonly=True,
        help="Its words are found on the page Conversations.",
    )

    # PostgreSQL computes the words of live chats' messages only.
    _said_idx = models.Index(said.INDEX)
