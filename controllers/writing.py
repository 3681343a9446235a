from werkzeug.exceptions import NotFound

from odoo import http
from odoo.http import request

from odoo.addons.im_livechat.controllers.main import LivechatController
from odoo.addons.mail.controllers.attachment import AttachmentController
from odoo.addons.mail.controllers.discuss.rtc import RtcController
from odoo.addons.mail.controllers.link_preview import LinkPreviewController
from odoo.addons.mail.controllers.message_reaction import MessageReactionController
from odoo.addons.mail.controllers.thread import ThreadController
from odoo.addons.rating.controllers.main import Rating

from ..tools.sent import is_record_id, is_text
from .main import find_guest, find_refusal

# Besides messages buyers send files, edit what they have written, react to what was said, rate, say
# where they were, let the server look at links and print: as in core, but for who is blocked or
# does it without end.

_ACTIONS = ("add", "remove")

# Core looks at each link of a message for some seconds; people send few at once.
_LINKS_MAX = 5

# So many pages an agent is told of, as core's page keeps them, of so many characters at most.
_PAGES_MAX, _PAGE_LENGTH_MAX = 15, 2000
_PAGES_BEGIN = ("/", "https://", "http://")


def _is_refused(message_id):
    """Tell whether a buyer may do nothing about this message, or it is none."""
    if request.env.user._is_internal():
        return False
    if not is_record_id(message_id):
        return True
    find_guest()
    # sudo: mail.message - of which chat it is; whether the buyer may read that is asked there
    message = request.env["mail.message"].sudo()
    message = message.search_fetch(
        [("id", "=", message_id), ("model", "=", "discuss.channel")], ["res_id"]
    )
    return bool(message and find_refusal(message.res_id, "word"))


class WritingThreadController(ThreadController):
    @http.route()
    def mail_message_update_content(self, message_id=None, update_data=None, **kwargs):
        if _is_refused(message_id) or not isinstance(update_data, dict):
            return False
        return super().mail_message_update_content(message_id, update_data, **kwargs)


class WritingReactionController(MessageReactionController):
    @http.route()
    def mail_message_reaction(self, message_id=None, content=None, action=None, **kwargs):
        if _is_refused(message_id) or not is_text(content) or action not in _ACTIONS:
            return False
        return super().mail_message_reaction(message_id, content, action, **kwargs)


class WritingAttachmentController(AttachmentController):
    @http.route()
    def mail_attachment_upload(
        self, ufile=None, thread_id=None, thread_model=None, is_pending=False, **kwargs
    ):
        if not (hasattr(ufile, "filename") and thread_model in request.env):
            raise NotFound()
        if thread_model == "discuss.channel" and not request.env.user._is_internal():
            find_guest()
            if refusal := find_refusal(thread_id, "word"):
                return request.make_json_response({"error": refusal})
        return super().mail_attachment_upload(ufile, thread_id, thread_model, is_pending, **kwargs)


class WritingLinkPreviewController(LinkPreviewController):
    @http.route()
    def mail_link_preview(self, message_id=None, **_ignored):
        if not is_record_id(message_id) or self._is_refused(message_id):
            return None
        return super().mail_link_preview(message_id)

    def _is_refused(self, message_id):
        """Tell whether the server looks at none of the links in this message of a buyer."""
        # sudo: mail.message - of which chat it is; whether the caller wrote it is asked by core
        message = request.env["mail.message"].sudo().search([("id", "=", message_id)])
        if request.env.user._is_internal() or message.model != "discuss.channel":
            return False
        find_guest()
        # sudo: discuss.channel - whether somebody has answered in the buyer's own chat
        chat = request.env["discuss.channel"].search([("id", "=", message.res_id)]).sudo()
        has_many = (message.body or "").count("href=") > _LINKS_MAX
        if chat._is_unheard() or (has_many and chat._is_dispatched()):
            return True
        return bool(find_refusal(message.res_id, "preview"))


class WritingLivechatController(LivechatController):
    @http.route()
    def feedback(self, channel_id=None, rate=None, reason=None, **kwargs):
        find_guest()
        if find_refusal(channel_id, "look"):
            return False
        return super().feedback(channel_id, rate, reason=reason, **kwargs)

    @http.route()
    def history_pages(self, pid=None, channel_id=None, page_history=None, **_ignored):
        find_guest()
        if not (is_record_id(pid) and is_record_id(channel_id)) or find_refusal(channel_id, "look"):
            return None
        said = page_history if isinstance(page_history, list) else []
        pages = [
            page
            for page in said
            if is_text(page, _PAGE_LENGTH_MAX) and page.startswith(_PAGES_BEGIN)
        ]
        return super().history_pages(pid, channel_id, pages[:_PAGES_MAX])

    @http.route()
    def download_livechat_transcript(self, channel_id):
        find_guest()
        if refusal := find_refusal(channel_id, "transcript"):
            return request.make_response(refusal, status=429)
        return super().download_livechat_transcript(channel_id)


class WritingCallController(RtcController):
    @http.route()
    def channel_call_join(
        self, channel_id=None, check_rtc_session_ids=None, camera=False, **_ignored
    ):
        find_guest()
        # It rings whoever is in the chat.
        if not is_record_id(channel_id) or find_refusal(channel_id, "look"):
            return {}
        said = check_rtc_session_ids if isinstance(check_rtc_session_ids, list) else []
        known = [session_id for session_id in said if is_record_id(session_id)]
        return super().channel_call_join(channel_id, known, bool(camera))


class WritingRatingController(Rating):
    def _get_rating_and_record(self, token):
        rating, record = super()._get_rating_and_record(token)
        # Nobody is sent such a link for a live chat, and its agent can read what would be in it.
        if record._name == "discuss.channel" and record._is_dispatched():
            raise NotFound()
        return rating, record
