from odoo import http
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.im_livechat.controllers.chatbot import LivechatChatbotScriptController

from ..tools.sent import is_record_id
from .main import find_guest, find_refusal, refuse, speak


def _speak_in(channel_id):
    """Let the bot of this chat go on in the language it began in: pages elsewhere send no cookie,
    and the browser may ask for another than the page's.

    :return: the chat, with sudo; empty for one that the caller may not read, or whose shop has
        blocked it.
    """
    find_guest()
    chat = request.env["discuss.channel"]
    if is_record_id(channel_id):
        channels = request.env["im_livechat.channel"]
        named = Domain("id", "=", channel_id)
        # sudo: discuss.channel - the language of a chat that may be read, and how it stands
        chat = chat.search(named & channels._match_open_to_caller("livechat_channel_id")).sudo()
    if chat._is_dispatched():
        speak(chat.livechat_lang_id.code)
    return chat


class DispatchChatbotController(LivechatChatbotScriptController):
    @http.route()
    def chatbot_restart(self, channel_id, chatbot_script_id):
        chat = _speak_in(channel_id)
        if not chat:
            refusal = find_refusal(channel_id, "look")
            return refuse(refusal) if refusal else None
        try:
            chat.with_env(request.env(su=True))._begin_anew(chatbot_script_id)
        except UserError as error:
            return refuse(str(error))
        return super().chatbot_restart(channel_id, chatbot_script_id)

    @http.route()
    def chatbot_trigger_step(self, channel_id, chatbot_script_id=None, data_id=None):
        chat = _speak_in(channel_id)
        if not chat or (chatbot_script_id and not chat._has_bot(chatbot_script_id)):
            return None
        return super().chatbot_trigger_step(channel_id, chatbot_script_id, data_id)

    @http.route()
    def chatbot_validate_email(self, channel_id):
        # Each time it is none, the bot says so.
        if not _speak_in(channel_id) or find_refusal(channel_id, "look"):
            return None
        return super().chatbot_validate_email(channel_id)
