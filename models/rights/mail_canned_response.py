from odoo import models

from .private import Private


class MailCannedResponse(Private, models.Model):
    _inherit = "mail.canned.response"
