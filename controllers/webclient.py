from odoo import fields
from odoo.fields import Domain
from odoo.http import request, route

from odoo.addons.im_livechat.controllers.cors.webclient import WebClient as CorsWebclient
from odoo.addons.mail.controllers.webclient import WebclientController

from ..dispatch.scope import clean_page
from ..tools.here import read_now
from ..tools.sent import is_record_id, keep_ids


def _read_question(page_url, fetch_params, context):
    """Return what a page elsewhere asks for, as core takes it: what no page asks, nobody asks.

    :param page_url: where that page is; the request keeps it.
    """
    request.update_context(livechat_dispatch_page=clean_page(page_url))

    def is_question(one):
        return isinstance(one, str) or (isinstance(one, list) and one and isinstance(one[0], str))

    asked = fetch_params if isinstance(fetch_params, list) else []
    return {
        "fetch_params": [one for one in asked if is_question(one)],
        "context": context if isinstance(context, dict) else None,
    }


# So much a page asks for at once, and more: each answer about a channel of live chat is worked out.
_QUESTIONS_MAX = 100
# So many chats an agent's page may ask about: more than anybody has open.
_CHATS_MAX = 1000


class DispatchWebclientController(WebclientController):
    @classmethod
    def _process_request_loop(cls, store, fetch_params):
        if not request.env.user._is_internal():
            fetch_params = fetch_params[:_QUESTIONS_MAX] if isinstance(fetch_params, list) else []
        super()._process_request_loop(store, fetch_params)

    @classmethod
    def _process_request_for_all(cls, store, name, params):
        if name == "init_livechat" and not is_record_id(params):
            # Anybody can ask; core would answer with a traceback.
            return
        if name != "init_livechat":
            super()._process_request_for_all(store, name, params)
            return
        # sudo: im_livechat.channel - what core reads for the same
        channels = request.env["im_livechat.channel"].sudo()
        channel = channels.search(Domain("id", "=", params) & channels._match_open_to_caller())
        if not channel:
            # There is none, or its shop has blocked who asks: the same for both.
            store.add_global_values(livechat_available=False, can_download_transcript=False)
            return
        if channel.dispatch_mode == "native":
            request.update_context(livechat_dispatch_page=None)
        super()._process_request_for_all(store, name, params)
        if channel.dispatch_mode == "native":
            return
        chat = channel._find_chat_of_before()
        if not chat and (answered := channel._find_unseen_answer()):
            # A word opens what has ended meanwhile again.
            chat = answered._return(*channel._identify_buyer())
        if chat:
            store.add(chat, extra_fields={"open_chat_window": True})
        # Core shows the button while an agent has room: here a buyer may also wait, or leave a
        # message.
        code = request.geoip.country_code
        # sudo: res.country, im_livechat.channel.rule - what core reads for the same
        country = request.env["res.country"].sudo().search([("code", "=", code or "")])
        rules = request.env["im_livechat.channel.rule"].sudo()
        rule = rules.match_rule(params, request.httprequest.headers.get("Referer"), country.id)
        if rule.action != "hide_button" and channel._is_reception_open():
            store.add_global_values(livechat_available=True)

    @classmethod
    def _process_request_for_internal_user(cls, store, name, params):
        super()._process_request_for_internal_user(store, name, params)
        if name == "livechat_dispatch_owed":
            chats = request.env["discuss.channel"]._find_owed()
            request.update_context(channels=request.env.context["channels"] | chats)
            known = {*keep_ids(params, _CHATS_MAX)} - {*chats.ids}
            mine = chats._find_mine([("id", "in", [*known])])
            store.add(mine, mine._list_clocks_to_store())
            for chat in chats.browse(known - {*mine.ids}):
                # Why not is nothing to this page: it may have lost the chat, and read it no more.
                store.add(chat, {"dispatch_clock": False, "dispatch_proposal": False})
            # A browser's clock may be wrong: what it counts is the server's time.
            now = fields.Datetime.to_string(read_now(request.env))
            store.add_global_values(livechat_dispatch_now=now)


class DispatchCorsWebclientController(CorsWebclient):
    """A page elsewhere tells where it is: its browser tells us of no more than its site."""

    @route()
    def livechat_action(
        self, guest_token="", page_url=None, fetch_params=None, context=None, **_ignored
    ):
        return super().livechat_action(
            guest_token=guest_token, **_read_question(page_url, fetch_params, context)
        )

    @route()
    def livechat_data(
        self, guest_token="", page_url=None, fetch_params=None, context=None, **_ignored
    ):
        return super().livechat_data(
            guest_token=guest_token, **_read_question(page_url, fetch_params, context)
        )
