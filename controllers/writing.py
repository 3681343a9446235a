import logging
import warnings

from PIL import Image
from werkzeug.exceptions import HTTPException, NotFound, UnsupportedMediaType

from odoo import http
from odoo.fields import Domain
from odoo.http import request
from odoo.tools.image import IMAGE_MAX_RESOLUTION

from odoo.addons.html_editor.controllers.main import HTML_Editor
from odoo.addons.im_livechat.controllers.cors.main import CorsLivechatController
from odoo.addons.im_livechat.controllers.main import LivechatController
from odoo.addons.im_livechat.tools.misc import force_guest_env
from odoo.addons.mail.controllers.attachment import AttachmentController
from odoo.addons.mail.controllers.discuss.channel import ChannelController
from odoo.addons.mail.controllers.discuss.public_page import PublicPageController
from odoo.addons.mail.controllers.discuss.rtc import RtcController
from odoo.addons.mail.controllers.discuss.search import SearchController
from odoo.addons.mail.controllers.guest import GuestController
from odoo.addons.mail.controllers.link_preview import LinkPreviewController
from odoo.addons.mail.controllers.message_reaction import MessageReactionController
from odoo.addons.mail.controllers.thread import ThreadController
from odoo.addons.rating.controllers.main import Rating

from ..tools.sent import is_record_id, is_text, keep_ids
from .main import find_guest, find_refusal, is_buyer_in, is_maybe_buyer, is_said, may_ask

_logger = logging.getLogger(__name__)

# Besides messages buyers send files, edit what they have written, react to what was said, rate, say
# where they were and what they are called, search, let the server look at links and print: as in
# core, but for who is blocked or does it without end.

_ACTIONS = ("add", "remove")

# Core looks at each link of a message for some seconds; people send few at once.
_LINKS_MAX = 5

# So many pages an agent is told of, as core's page keeps them, of so many characters at most.
_PAGES_MAX, _PAGE_LENGTH_MAX = 15, 2000
_PAGES_BEGIN = ("/", "https://", "http://")

# So many messages a page asks for at once, and for words of so many letters: PostgreSQL compares
# each letter of what is looked for with each that was written.
_MESSAGES_MAX, _SEARCH_LENGTH_MAX = 100, 200

# Pages draw small pictures of files.
_THUMBNAIL_LENGTH_MAX = 1_000_000

# Core says itself of somewhat shorter names that they are too long.
_NAME_LENGTH_MAX = 10_000

# So much a page says to others in a call at once, which is far more than calls need.
_TOLD_TO_PEERS_MAX, _TOLD_TO_PEERS_LENGTH_MAX = 100, 100_000


def _is_refused(message_id, said=None):
    """Tell whether a buyer may do nothing about this message, or it is none.

    :param said: what it is to say from now on, as core's page sends that.
    """
    if not is_maybe_buyer():
        return False
    if not is_record_id(message_id):
        return not request.env.user._is_internal()
    find_guest()
    # sudo: mail.message - of which chat it is; whether the buyer may read that is asked there
    message = request.env["mail.message"].sudo()
    message = message.search_fetch(
        [("id", "=", message_id), ("model", "=", "discuss.channel")], ["res_id"]
    )
    if not is_buyer_in(message.res_id):
        return False
    if message and said is not None and not ("body" in said and is_said(said)):
        return True
    return bool(message and find_refusal(message.res_id, "word"))


class WritingThreadController(ThreadController):
    @http.route()
    def mail_message_update_content(self, message_id=None, update_data=None, **kwargs):
        if not isinstance(update_data, dict) or _is_refused(message_id, update_data):
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
        if thread_model == "discuss.channel" and is_buyer_in(thread_id):
            find_guest()
            if refusal := find_refusal(thread_id, "file"):
                return request.make_json_response({"error": refusal})
            if _is_vast(ufile.stream):
                refusal = request.env._("This picture is too large: make it smaller first.")
                return request.make_json_response({"error": refusal})
        return super().mail_attachment_upload(ufile, thread_id, thread_model, is_pending, **kwargs)

    @http.route()
    def mail_attachment_delete(self, attachment_id=None, access_token=None, **_ignored):
        # Also of what is no file of the caller's somebody is told.
        if not is_record_id(attachment_id) or not may_ask("look"):
            return None
        return super().mail_attachment_delete(attachment_id, _read_token(access_token))

    # What is counted is written.
    @http.route(readonly=False)
    def mail_attachment_pdf_first_page(self, attachment_id, access_token=None, **_ignored):
        # The server takes the file apart each time.
        if not is_record_id(attachment_id) or not may_ask("preview"):
            raise NotFound()
        return super().mail_attachment_pdf_first_page(attachment_id, _read_token(access_token))

    def _get_pdf_first_page_response(self, attachment):
        # Core draws pictures as well, for which no page asks, and vast ones.
        is_pdf = attachment.mimetype == "application/pdf" and attachment.raw
        try:
            if is_pdf:
                return super()._get_pdf_first_page_response(attachment)
        except HTTPException:
            raise
        except Exception:
            # A file that calls itself one may break its reader in any way.
            _logger.info("The first page of %s cannot be read", attachment, exc_info=True)
        raise UnsupportedMediaType()

    @http.route()
    def mail_attachement_update_thumbnail(
        self, attachment_id=None, thumbnail=None, access_token=None, **_ignored
    ):
        # The server draws it smaller.
        is_drawn = is_text(thumbnail or "", _THUMBNAIL_LENGTH_MAX)
        if not (is_record_id(attachment_id) and is_drawn and may_ask("preview")):
            return None
        return super().mail_attachement_update_thumbnail(
            attachment_id, thumbnail, _read_token(access_token)
        )


def _is_vast(file):
    """Tell whether a file is a picture of more points than Odoo keeps of its own: a small file may
    be one whose points fill the memory of whoever draws it. It is read from its beginning after."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # Nothing but what the file says of itself is read.
            width, height = Image.open(file).size
        return width * height > IMAGE_MAX_RESOLUTION
    except Image.DecompressionBombError:
        return True
    except Exception:
        # What is no picture nobody draws.
        return False
    finally:
        file.seek(0)


def _read_token(said):
    """Return the token of a file as core takes it."""
    return said if isinstance(said, str) and said.isascii() else None


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
        if message.model != "discuss.channel" or not is_buyer_in(message.res_id):
            return False
        find_guest()
        # sudo: discuss.channel - whether somebody has answered in the buyer's own chat
        chat = request.env["discuss.channel"].search([("id", "=", message.res_id)]).sudo()
        has_many = (message.body or "").count("href=") > _LINKS_MAX
        if chat._is_unheard() or (has_many and chat._is_dispatched()):
            return True
        return bool(find_refusal(message.res_id, "preview"))


class WritingEditorController(HTML_Editor):
    @http.route()
    def link_preview_metadata(self, preview_url=None, **_ignored):
        # The server waits for whatever address is named, and tells what is there.
        if not is_text(preview_url, _PAGE_LENGTH_MAX) or request.env.user._is_public():
            return False
        if not may_ask("preview"):
            return False
        return super().link_preview_metadata(preview_url)


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


class WritingCorsLivechatController(CorsLivechatController):
    @http.route()
    def cors_feedback(self, guest_token, channel_id=None, rate=None, reason=None):
        """As core's, but a page elsewhere hears as well whether the rating is kept."""
        force_guest_env(guest_token)
        return self.feedback(channel_id, rate, reason)


class WritingCallController(RtcController):
    @http.route()
    def channel_call_join(
        self, channel_id=None, check_rtc_session_ids=None, camera=False, **_ignored
    ):
        find_guest()
        # It rings whoever is in the chat.
        if not is_record_id(channel_id) or find_refusal(channel_id, "look"):
            return {}
        known = keep_ids(check_rtc_session_ids)
        return super().channel_call_join(channel_id, known, bool(camera))

    @http.route()
    def session_call_notify(self, peer_notifications=None, **_ignored):
        if is_maybe_buyer():
            said = peer_notifications if isinstance(peer_notifications, list) else []
            peer_notifications = [one for one in said if _is_told_to_peers(one)][
                :_TOLD_TO_PEERS_MAX
            ]
            if self._is_refused({session_id for session_id, _to, _what in peer_notifications}):
                return None
        return super().session_call_notify(peer_notifications)

    @http.route()
    def session_update_and_broadcast(self, session_id=None, values=None, **_ignored):
        if not (is_record_id(session_id) and isinstance(values, dict)):
            return None
        if is_maybe_buyer() and self._is_refused([session_id]):
            return None
        return super().session_update_and_broadcast(session_id, values)

    def _is_refused(self, session_ids):
        """Tell whether nobody in these calls hears what a buyer's page says to it."""
        find_guest()
        # sudo: discuss.channel.rtc.session - of which chats; whose they are is asked by core
        sessions = request.env["discuss.channel.rtc.session"].sudo().browse(session_ids).exists()
        return any(find_refusal(chat.id, "here") for chat in sessions.channel_id)


def _is_told_to_peers(one):
    """Tell whether this is what a page says to others in a call: from which session, to which, and
    a text."""
    return (
        isinstance(one, list)
        and len(one) == 3
        and is_record_id(one[0])
        and isinstance(one[1], list)
        and all(map(is_record_id, one[1]))
        and is_text(one[2], _TOLD_TO_PEERS_LENGTH_MAX)
    )


class WritingChannelController(ChannelController):
    @http.route()
    def discuss_channel_messages(self, channel_id=None, fetch_params=None, **_ignored):
        if not is_buyer_in(channel_id):
            return super().discuss_channel_messages(channel_id, fetch_params)
        if not is_record_id(channel_id):
            raise NotFound()
        asked = _read_fetch_params(fetch_params)
        find_guest()
        if words := asked.get("search_term"):
            # Each search reads the names of all files there are.
            if not is_text(words, _SEARCH_LENGTH_MAX) or find_refusal(channel_id, "look"):
                return {"count": 0, "data": {}, "messages": []}
        return super().discuss_channel_messages(channel_id, asked)

    @http.route()
    def discuss_channel_notify_typing(self, channel_id=None, is_typing=False, **_ignored):
        if not is_record_id(channel_id):
            raise NotFound()
        find_guest()
        # Each of them goes to all pages on which the chat is shown.
        if find_refusal(channel_id, "here"):
            return None
        return super().discuss_channel_notify_typing(channel_id, bool(is_typing))


def _read_fetch_params(said):
    """Return which messages of a chat a buyer's page asks for, as core takes it."""
    said = said if isinstance(said, dict) else {}
    asked = {
        name: said[name]
        for name in ("after", "around", "before")
        if type(said.get(name)) is int and 0 <= said[name] < 2**31
    }
    if type(limit := said.get("limit")) is int:
        asked["limit"] = min(max(limit, 1), _MESSAGES_MAX)
    for name in ("is_notification", "search_term"):
        if said.get(name) is not None:
            asked[name] = said[name]
    return asked


class WritingPublicPageController(PublicPageController):
    def _response_discuss_channel_invitation(self, store, channel, guest_email=None):
        # sudo: discuss.channel, im_livechat.channel - whose chat it is; the link was asked for
        chat = channel.sudo()
        is_newcomer = not request.env.user._is_internal() and not chat.self_member_id
        if is_newcomer and chat._is_dispatched():
            shop = chat.livechat_channel_id
            is_open = shop.search(Domain("id", "=", shop.id) & shop._match_open_to_caller())
            # Each who comes without a cookie is a guest more, and said in the chat.
            if not is_open or not shop._is_welcome("chat"):
                raise NotFound()
        return super()._response_discuss_channel_invitation(store, channel, guest_email)


class WritingSearchController(SearchController):
    @http.route()
    def search(self, term="", category_id=None, limit=10, **_ignored):
        # The names of all chats there are are read for it.
        is_asked = is_text(term, _SEARCH_LENGTH_MAX) and is_record_id(limit)
        if not (is_asked and (request.env.user._is_internal() or may_ask("look"))):
            return {}
        return super().search(term, category_id, min(limit, _MESSAGES_MAX))


class WritingGuestController(GuestController):
    @http.route()
    def mail_guest_update_name(self, guest_id=None, name=None, **_ignored):
        if not (is_record_id(guest_id) and is_text(name, _NAME_LENGTH_MAX)):
            raise NotFound()
        find_guest()
        guest = request.env["mail.guest"]._get_guest_from_context()
        # sudo: mail.guest, discuss.channel - in which chats whoever asks is read under its name
        chats = guest.sudo().channel_ids.filtered(lambda chat: chat.channel_type == "livechat")
        # Of several of one channel each would be answered the same.
        newest = [max(rows.ids) for rows in chats.grouped("livechat_channel_id").values()]
        if guest.id == guest_id and any(find_refusal(chat_id, "look") for chat_id in newest):
            return None
        return super().mail_guest_update_name(guest_id, name)


class WritingRatingController(Rating):
    def _get_rating_and_record(self, token):
        rating, record = super()._get_rating_and_record(token)
        # Nobody is sent such a link for a live chat, and its agent can read what would be in it.
        if record._name == "discuss.channel" and record._is_dispatched():
            raise NotFound()
        return rating, record
