from odoo import api, models

from ...tools import sent


class ChatbotScriptAnswer(models.Model):
    _inherit = "chatbot.script.answer"

    @api.constrains("name", "redirect_link")
    def _check_lengths(self):
        sent.check_lengths(self, {"name": 500, "redirect_link": 2000})
