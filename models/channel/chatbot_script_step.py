from odoo import api, models

from ...tools import sent


class ChatbotScriptStep(models.Model):
    _inherit = "chatbot.script.step"

    @api.constrains("message")
    def _check_lengths(self):
        sent.check_lengths(self, {"message": 20_000})
