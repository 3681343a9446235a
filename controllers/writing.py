from werkzeug.exceptions import NotFound

from odoo import http
from odoo.http import request

from odoo.addons.mail.controllers.attachment import AttachmentController
from odoo.addons.mail.controllers.message_reaction import MessageReactionController
from odoo.addons.mail.controllers.thread import ThreadController

from ..tools.sent import is_record_id, is_text
from .main import find_guest, find_refusal

# Besides messages buyers send files, edit what they have written, and react to what was said: as in
# core, but for who is blocked or does it without end before somebody has answered.

_ACTIONS = ("add", "remove")


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
