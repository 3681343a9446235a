from odoo import models

from .private import Private


class MailTemplate(Private, models.Model):
    _inherit = "mail.template"
