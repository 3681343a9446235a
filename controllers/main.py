from odoo import http
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.im_livechat.controllers.cors.main import CorsLivechatController
from odoo.addons.im_livechat.controllers.main import LivechatController
from odoo.addons.mail.controllers.thread import ThreadController
from odoo.addons.mail.tools.discuss import Store

from ..dispatch.scope import clean_page
from ..tools.sent import is_record_id, is_text
from ..tools.sentinels import PREVIEW

# Extra parameters of `get_session` reach `_get_operator_info` next to these, which core passes
# itself: a browser that sends them would break the call.
_CORE_PARAMS = ("lang", "country_id")


# Far more than somebody writes or pastes at once.
_MESSAGE_MAX = 100_000

# So many people are named and files sent in one message: core asks of each whether it may be.
_NAMED_MAX = 100

# What core would take of a buyer's message: stars for who answers, with each word, and a mail to
# all who are in the chat.
_NOT_SAID_BY_BUYERS = ("rating_value", "special_mentions")

# So many languages of a browser are looked at; people set three or four.
_LANGUAGES_MAX = 10


def _describe_buyer(channel, page, lang, wish):
    """Return what is known about whoever sent this request.

    :param page: where its browser is.
    :param lang: the language of that page, as the page says.
    :param wish: the group whose lamp was clicked, as the page says.
    :rtype: scope.Buyer
    """
    country = request.env["res.country"]
    if request.geoip.country_code:
        country = country.search([("code", "=", request.geoip.country_code)], limit=1)
    return channel._describe_buyer(page, *_read_langs(lang), country.id, wish)


def _read_langs(page_lang):
    """Return the language of the page that sends this request, and those its browser asks for."""
    # Pages elsewhere send no cookie.
    lang = request.cookies.get("frontend_lang") or page_lang
    return lang, list(request.httprequest.accept_languages.values())[:_LANGUAGES_MAX]


def speak(lang):
    """Let Odoo, and so its chatbots, speak the buyer's language, as far as it is installed.

    :param lang: its code; of none, what Odoo has found out itself stays.
    """
    lang = lang and request.env["im_livechat.channel"]._find_installed_lang(lang)
    if lang:
        request.update_context(lang=lang)


def find_guest():
    """Put the guest of the cookie into the context; that of a token is there already. One of an
    attempt that Odoo retries is gone."""
    # sudo: mail.guest - whether there is one
    guest = request.env["mail.guest"]._get_guest_from_context().sudo().exists()
    guest = guest or guest._get_guest_from_token(request.cookies.get(guest._cookie_name, ""))
    request.update_context(guest=guest.sudo(False))


def _get_session_key():
    """Return what tells this browser from others before it has a guest's cookie, ``None`` for
    nothing: its session is as secret, and all its tabs have the same."""
    sid = request.cookies.get("session_id")
    return sid if sid and sid == request.session.sid else None


def _describe_session(chat):
    """Return what core's ``get_session`` answers for a chat it has just opened, for one that is
    there."""
    chat = chat.with_env(request.env(su=True))
    guest = request.env["mail.guest"]._get_guest_from_context()
    store = Store()
    if request.env.user._is_public():
        # sudo: mail.guest - the buyer's own token
        store.add_global_values(guest_token=guest.sudo()._format_auth_cookie())
    request.env["res.users"]._init_store_data(store)
    # The widget asks for what was said before.
    store.add(chat, extra_fields={"isLoaded": False, "scrollUnread": False})
    if not request.env.user._is_public():
        partner = request.env.user.partner_id
        store.add(partner, {"email": partner.email})
    return {"store_data": store.get_result(), "channel_id": chat.id}


def _foretell(channel, session):
    """Say in core's answer to a look what becomes of a first word; a bot answers at once."""
    for chat in session["store_data"]["discuss.channel"]:
        if not chat.get("chatbot") and (wait := channel._foretell_wait()):
            chat["dispatch_wait"] = wait


def refuse(refusal=None):
    """Return the answer to a page that gets nothing: no chat and no message, and why.

    :param refusal: why, instead of that it asks too often.
    """
    refusal = refusal or request.env["im_livechat.channel"]._say_wait()
    return {"channel_id": False, "message_id": False, "dispatch_refusal": refusal}


def _refuse_session(page_lang, channel_id=None):
    """As :func:`refuse`, in the language of whoever sends this request.

    :param channel_id: whose shop has blocked it; else it asks too often.
    """
    langs = request.env["im_livechat.channel"]._find_langs(*_read_langs(page_lang))
    speak(next(iter(langs), None))
    channel = request.env["im_livechat.channel"].browse(channel_id)
    return refuse(channel._turn_away() if channel else None)


def _refuse_ended(chat_id):
    """Return the answer to a page that writes into a chat which has ended, as it does not know yet:
    nobody would read that. ``None`` while somebody does, and of others' chats."""
    chat = request.env["discuss.channel"].search([("id", "=", chat_id)])
    # sudo: discuss.channel - whether the reader's own chat has ended, and a word opens it again
    chat = chat.sudo()
    # Who was told that a word opens it again reads so also where Odoo itself dispatches by now.
    is_ours = chat._is_dispatched() or chat.dispatch_is_closed_silent
    if not is_ours or not chat.livechat_end_dt or chat._reopens():
        return None
    speak(chat.livechat_lang_id.code)
    refusal = request.env._("This chat has ended, and nobody would read it. Open a new one.")
    told = Store().add(chat, ["livechat_end_dt", chat._get_reopens_to_store()]).get_result()
    return {**refuse(refusal), "store_data": told}


def is_said(post_data):
    """Tell whether this is what the widget sends of what a buyer says, now or by an edit."""

    def are_ids(value):
        return value is None or (
            isinstance(value, list) and len(value) <= _NAMED_MAX and all(map(is_record_id, value))
        )

    if not isinstance(post_data, dict):
        return False
    tokens = post_data.get("attachment_tokens") or []
    return (
        is_text(post_data.get("body") or "", _MESSAGE_MAX)
        and are_ids(post_data.get("attachment_ids"))
        and are_ids(post_data.get("partner_ids"))
        and are_ids(post_data.get("role_ids"))
        and not post_data.get("partner_emails")
        and isinstance(tokens, list)
        and len(tokens) <= _NAMED_MAX
        and all(map(is_text, tokens))
        and isinstance(post_data.get("partner_ids_mention_token") or {}, dict)
    )


def _is_message(thread_id, post_data, context, others):
    """Tell whether this is what the widget sends as a buyer's message."""
    return (
        is_said(post_data)
        and isinstance(context or {}, dict)
        and len(text := str(thread_id).strip()) < 11
        and text.isdecimal()
        and is_record_id(int(text))
        and isinstance(others.get("canned_response_ids", []), list)
        and bool(post_data.get("body") or post_data.get("attachment_ids"))
        and post_data.get("message_type", "comment") == "comment"
        and post_data.get("subtype_xmlid", "mail.mt_comment") == "mail.mt_comment"
    )


def _read_chat_id(sent_id):
    """Return which chat a browser names, as core reads it; ``None`` for what is none."""
    try:
        chat_id = int(sent_id)
    except (TypeError, ValueError, OverflowError):
        return None
    return chat_id if is_record_id(chat_id) else None


def is_maybe_buyer():
    """Tell whether who makes this request is a buyer somewhere: whoever is no employee, and who
    works for a shop is one in others."""
    return not request.env.user._is_internal() or request.env["ir.rule"]._serves_staff()


def is_buyer_in(sent_id):
    """Tell whether who makes this request is asked what buyers are of a chat: whoever is no
    employee, and in a live chat of another shop whoever works for one.

    :param sent_id: what a browser says is the chat.
    """
    if not is_maybe_buyer():
        return False
    if not request.env.user._is_internal():
        return True
    chat = request.env["discuss.channel"].search([("id", "=", _read_chat_id(sent_id))])
    return chat._takes_caller_for_buyer() if chat else False


def find_refusal(sent_id, what):
    """Return why the buyer who makes this request does not get what it asks of a chat, ``None`` if
    it does: the shop has blocked the buyer, or it is too often. Who has an answer may write as
    often as it likes while the chat goes on, and nothing is counted where Odoo itself dispatches.

    :param sent_id: what a browser says is the chat.
    :param what: one of ``door.PER_ADDRESS``.
    """
    chat_id = _read_chat_id(sent_id)
    if not chat_id or not is_buyer_in(chat_id):
        return None
    chats, channels = request.env["discuss.channel"], request.env["im_livechat.channel"]
    named = Domain("id", "=", chat_id)
    open_chat = chats.search(named & channels._match_open_to_caller("livechat_channel_id"))
    # sudo: discuss.channel, im_livechat.channel - what the shop of the reader's chat lets it do
    chat = (open_chat or chats.search(named)).sudo()
    channel = chat.livechat_channel_id
    if what == "word" and chat.dispatch_is_closed_silent and chat._reopens():
        # It costs what a new one does.
        what = "chat"
    is_heard = chat.dispatch_answered_at and not chat.livechat_end_dt
    is_free = not chat._is_dispatched() or (what == "word" and is_heard)
    if not chat or (open_chat and (is_free or channel._is_welcome(what))):
        return None
    speak(chat.livechat_lang_id.code)
    channel = channel.with_env(request.env)
    return channel._say_wait() if open_chat else channel._turn_away()


def may_ask(what):
    """Tell whether the server does something for who makes this request that takes it long: for
    strangers not without end, whatever it is about."""
    if request.env.user._is_internal():
        return True
    find_guest()
    return request.env["im_livechat.channel"]._is_welcome(what)


def _forget_client_context():
    """Drop the context that the caller of a JSON route sent along.

    Odoo puts it into the environment of any route. The widget sends none, and chats are created
    with more rights than the caller has.
    """
    sent = (request.get_json_data() or {}).get("params") or {}
    if sent.get("context"):
        kept = {
            key: value for key, value in request.env.context.items() if key not in sent["context"]
        }
        request.update_env(context=kept)


class DispatchLivechatController(LivechatController):
    @http.route()
    def get_session(
        self,
        channel_id=None,
        previous_operator_id=None,
        chatbot_script_id=None,
        persisted=True,
        page_url=None,
        page_lang=None,
        wished_group_id=None,
        order_number=None,
        is_page_known=False,
        **kwargs,
    ):
        """As core's, but what makes no sense gets no session instead of a traceback, and a
        preview costs no agent anything; a buyer who has a chat open gets that one.

        :param page_url: address of the page the buyer is on; it chooses among dispatch groups.
        :param page_lang: the language of that page; what the browser asks for counts without one.
        :param wished_group_id: the dispatch group whose lamp was clicked; one that has none, or is
            of another channel, chooses nothing.
        :param order_number: the order that the buyer names; whatever is none is ignored.
        :param is_page_known: whether the page had an answer to a look before, which told it what is
            the same for each chat: a stranger's is not told that once more.
        """
        if not (
            is_record_id(channel_id)
            and (not previous_operator_id or is_record_id(previous_operator_id))
            and (not chatbot_script_id or is_record_id(chatbot_script_id))
            and isinstance(persisted, bool)
            # PostgreSQL takes no text with a NUL in it.
            and "\0" not in request.cookies.get("frontend_lang", "")
        ):
            return False
        _forget_client_context()
        what = "chat" if persisted else "look"
        if request.env["im_livechat.channel"]._is_too_much(channel_id, what):
            return _refuse_session(page_lang)
        find_guest()
        # sudo: im_livechat.channel - whether a channel exists is what core's route tells, too
        channels = request.env["im_livechat.channel"].sudo()
        named = Domain("id", "=", channel_id)
        channel = channels.search(named & channels._match_open_to_caller())
        if not channel:
            channel = channels.search(named)
            return _refuse_session(page_lang, channel.id) if channel else False
        if not persisted:
            request.update_context(livechat_dispatch_preview=PREVIEW)
        session_key = None
        if persisted and channel.dispatch_mode != "native":
            session_key = _get_session_key()
            if chat := channel._join_open_chat(session_key):
                if channel._is_welcome("look"):
                    return _describe_session(chat)
                return _refuse_session(page_lang)
        if channel.dispatch_mode != "native" and not channel._is_welcome(what):
            return _refuse_session(page_lang)
        page = clean_page(page_url) or clean_page(request.httprequest.referrer)
        request.update_context(livechat_dispatch_page=page, livechat_dispatch_order=order_number)
        if channel.dispatch_mode != "native":
            is_known = persisted and is_page_known is True and request.env.user._is_public()
            request.update_context(livechat_is_page_known=is_known)
            buyer = _describe_buyer(channel, page, page_lang, wished_group_id)
            request.update_context(livechat_dispatch_buyer=buyer)
            speak(buyer.lang)
        for param in _CORE_PARAMS:
            kwargs.pop(param, None)
        session = super().get_session(
            channel_id=channel_id,
            previous_operator_id=previous_operator_id,
            chatbot_script_id=chatbot_script_id,
            persisted=persisted,
            **kwargs,
        )
        if persisted and session is False:
            channel._record_nobody()
            if channel.dispatch_mode != "native":
                # What its buyer has typed is there to be sent again.
                return refuse(request.env["im_livechat.channel"]._say_nobody())
        elif session and not persisted:
            _foretell(channel, session)
        elif session_key:
            channel._note_session(session_key, request.env["mail.guest"]._get_guest_from_context())
        return session

    @http.route()
    def loader(self, channel_id, **kwargs):
        """As core's, for the guest of the cookie: who comes back by the link of a mail goes on with
        its chat though nobody else is taken."""
        find_guest()
        return super().loader(channel_id, **kwargs)


class DispatchThreadController(ThreadController):
    @http.route()
    def mail_message_post(
        self, thread_model=None, thread_id=None, post_data=None, context=None, **kwargs
    ):
        """As core's, but a buyer to whom nobody has answered yet does not write without end, and
        one who is blocked not at all; what no widget sends is no message, and what is written
        into a chat that has ended is not kept where nobody reads it."""
        is_named = isinstance(thread_model, str) and thread_model in request.env
        if not (is_named and isinstance(post_data, dict) and isinstance(context or {}, dict)):
            return False
        if thread_model == "discuss.channel" and is_buyer_in(thread_id):
            if not _is_message(thread_id, post_data, context, kwargs):
                return False
            find_guest()
            if refusal := find_refusal(thread_id, "word"):
                return refuse(refusal)
            if ended := _refuse_ended(int(thread_id)):
                return ended
            # sudo: discuss.channel - whether it is the chat of a buyer, and not Odoo's own
            if request.env[thread_model].sudo().browse(int(thread_id)).exists()._is_dispatched():
                post_data = {
                    name: post_data[name] for name in post_data if name not in _NOT_SAID_BY_BUYERS
                }
        result = super().mail_message_post(thread_model, thread_id, post_data, context, **kwargs)
        answer_ids = kwargs.get("canned_response_ids")
        if thread_model == "discuss.channel" and answer_ids and request.env.user._is_internal():
            request.env[thread_model].browse(int(thread_id))._note_answers(answer_ids)
        return result


class DispatchCorsLivechatController(CorsLivechatController):
    @http.route()
    def cors_get_session(
        self,
        channel_id=None,
        previous_operator_id=None,
        chatbot_script_id=None,
        persisted=True,
        guest_token="",
        **kwargs,
    ):
        """As core's, with the same care as :meth:`DispatchLivechatController.get_session`."""
        return super().cors_get_session(
            channel_id=channel_id,
            previous_operator_id=previous_operator_id,
            chatbot_script_id=chatbot_script_id,
            persisted=persisted,
            guest_token=guest_token if isinstance(guest_token, str) else "",
            **kwargs,
        )
