from odoo import models


class MailMessage(models.Model):
    _inherit = "mail.message"

    # Who erases a guest asks whether it has said anything elsewhere, and PostgreSQL asks again when
    # the guest goes: without this each of them reads all messages there ever were.
    _dispatch_guest_idx = models.Index("(author_guest_id) WHERE author_guest_id IS NOT NULL")
