from odoo import http
from odoo.http import request

from odoo.addons.im_livechat.controllers.chatbot import LivechatChatbotScriptController

from ..tools.sent import is_record_id
from .main import find_guest, speak


def _speak_in(channel_id):
    """Let the bot of this chat go on in the language it began in: pages elsewhere send no cookie,
    and the browser may ask for another than the page's."""
    find_guest()
    chat = request.env["discuss.channel"]
    if is_record_id(channel_id):
        # sudo: discuss.channel - the language of a chat that may be read
        chat = chat.search([("id", "=", channel_id)]).sudo()
    if chat.livechat_channel_id.dispatch_mode not in (False, "native"):
        speak(chat.livechat_lang_id.code)


class DispatchChatbotController(LivechatChatbotScriptController):
    @http.route()
    def chatbot_restart(self, channel_id, chatbot_script_id):
        _speak_in(channel_id)
        return super().chatbot_restart(channel_id, chatbot_script_id)

    @http.route()
    def chatbot_trigger_step(self, channel_id, chatbot_script_id=None, data_id=None):
        _speak_in(channel_id)
        return super().chatbot_trigger_step(channel_id, chatbot_script_id, data_id)

    @http.route()
    def chatbot_validate_email(self, channel_id):
        _speak_in(channel_id)
        return super().chatbot_validate_email(channel_id)
