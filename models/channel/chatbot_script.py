from odoo import api, models

from ...tools import sent


class ChatbotScript(models.Model):
    _inherit = "chatbot.script"

    @api.constrains("title")
    def _check_lengths(self):
        sent.check_lengths(self, {"title": 200})
