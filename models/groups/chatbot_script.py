from odoo import models

from ...dispatch.scope import Buyer


class ChatbotScript(models.Model):
    """A bot greets in the language of the buyer who comes, wherever the page is."""

    _inherit = "chatbot.script"

    def _get_chatbot_language(self):
        # Core asks a cookie, which pages elsewhere do not have, and takes the language of the
        # request away from the channel.
        buyer = self.env.context.get("livechat_dispatch_buyer")
        # A browser can put any JSON in the context but never such an object.
        if isinstance(buyer, Buyer) and buyer.lang:
            lang = self.env["im_livechat.channel"]._find_installed_lang(buyer.lang)
            return lang or super()._get_chatbot_language()
        return super()._get_chatbot_language()
