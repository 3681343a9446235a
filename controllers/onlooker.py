from werkzeug.exceptions import NotFound

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import email_split

from odoo.addons.im_livechat.controllers.channel import LivechatChannelController
from odoo.addons.im_livechat.controllers.chatbot import LivechatChatbotScriptController
from odoo.addons.im_livechat.controllers.main import LivechatController

from ..tools.mask import mask_addresses
from ..tools.sent import is_record_id, is_text
from .main import find_guest, is_buyer_in, is_maybe_buyer

# Core takes whoever can read a conversation for somebody who takes part in it. An auditor, and a
# colleague whose role shows it the shop's conversations, only look on: each method here is core's,
# for others.
#
# What no widget sends is answered as a chat that does not exist, where core would answer with a
# traceback; `None` is what is missing.

# As many stars as a rating has, and as many characters as somebody writes about it.
_RATES, _REASON_MAX = range(6), 10_000


def _refuse_onlooker(channel_id, readers_only=False):
    """Refuse people who are not in the chat what only those in it may do.

    :param readers_only: agents may do it in every chat they can read, as in core.
    :raise NotFound: as for a chat that does not exist.
    """
    user = request.env.user
    looks_on = user._is_reader_of_chats() or (not readers_only and user._is_shop_staff())
    if looks_on and not request.env["discuss.channel"].search_count(
        [("id", "=", channel_id), ("is_member", "=", True)]
    ):
        raise NotFound()


class OnlookerLivechatController(LivechatController):
    @http.route()
    def feedback(self, channel_id=None, rate=None, reason=None, **kwargs):
        is_rate = type(rate) in (int, float) and rate in _RATES
        if not (is_record_id(channel_id) and is_rate and is_text(reason or "", _REASON_MAX)):
            return False
        _refuse_onlooker(channel_id)
        find_guest()
        chat = request.env["discuss.channel"].search([("id", "=", channel_id)])
        partner, guest = request.env["res.partner"]._get_current_persona()
        # sudo: discuss.channel - who its buyer is: nobody else says whether that one was happy, not
        # even the agent who serves there
        if chat._is_dispatched() and not chat.sudo()._is_buyer(partner or guest):
            return False
        # sudo: rating.rating - the rating of a chat that may be read
        rating = chat.sudo().rating_ids[:1]
        if rating and chat._is_dispatched():
            # Who rates once more would be refused: core has the buyer itself read the first rating.
            rating.write(
                {"rating": rate, "consumed": True, "feedback": reason, "is_internal": False}
            )
            self._post_feedback_message(chat, rating, reason)
            return rating.id
        return super().feedback(channel_id, rate, reason=reason, **kwargs)

    @http.route()
    def visitor_leave_session(self, channel_id=None, **_ignored):
        if not is_record_id(channel_id):
            return None
        _refuse_onlooker(channel_id)
        return super().visitor_leave_session(channel_id)

    @http.route()
    def email_livechat_transcript(self, channel_id=None, email=None, **_ignored):
        if not (is_record_id(channel_id) and is_text(email)):
            return None
        _refuse_onlooker(channel_id)
        user = request.env.user
        if is_maybe_buyer():
            if is_buyer_in(channel_id):
                # In core buyers who work nowhere print it only as well.
                raise NotFound()
            if not email_split(email):
                raise UserError(request.env._("This is no e-mail address."))
            request.env["im_livechat.channel"]._expect_welcome("mailed")
        result = super().email_livechat_transcript(channel_id, email)
        if user._has_shop() and request.env["discuss.channel"].search_count(
            [("id", "=", channel_id)]
        ):
            # Masked: a buyer who is erased stands in no log.
            log = request.env["livechat.account.log"]
            log._note("transcript", user, detail=mask_addresses(email))
        return result


class OnlookerChatbotController(LivechatChatbotScriptController):
    @http.route()
    def chatbot_restart(self, channel_id=None, chatbot_script_id=None, **_ignored):
        if not (is_record_id(channel_id) and is_record_id(chatbot_script_id)):
            return None
        _refuse_onlooker(channel_id)
        return super().chatbot_restart(channel_id, chatbot_script_id)

    @http.route()
    def chatbot_save_answer(
        self, channel_id=None, message_id=None, selected_answer_id=None, **_ignored
    ):
        if not all(map(is_record_id, (channel_id, message_id, selected_answer_id))):
            return None
        _refuse_onlooker(channel_id)
        return super().chatbot_save_answer(channel_id, message_id, selected_answer_id)

    @http.route()
    def chatbot_trigger_step(
        self, channel_id=None, chatbot_script_id=None, data_id=None, **_ignored
    ):
        if not (
            is_record_id(channel_id)
            and (not chatbot_script_id or is_record_id(chatbot_script_id))
            and (data_id is None or type(data_id) is int)
        ):
            return None
        _refuse_onlooker(channel_id)
        return super().chatbot_trigger_step(channel_id, chatbot_script_id, data_id)

    @http.route()
    def chatbot_validate_email(self, channel_id=None, **_ignored):
        if not is_record_id(channel_id):
            return None
        _refuse_onlooker(channel_id)
        return super().chatbot_validate_email(channel_id)


class OnlookerChannelController(LivechatChannelController):
    @http.route()
    def livechat_session_update_note(self, channel_id, note):
        _refuse_onlooker(channel_id, readers_only=True)
        return super().livechat_session_update_note(channel_id, note)

    @http.route()
    def livechat_session_update_status(self, channel_id, livechat_status):
        _refuse_onlooker(channel_id, readers_only=True)
        return super().livechat_session_update_status(channel_id, livechat_status)
