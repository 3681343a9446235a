from odoo import models


class MailCannedResponse(models.Model):
    _name = "mail.canned.response"
    _inherit = ["mail.canned.response", "livechat.private.mixin"]
