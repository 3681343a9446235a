from odoo import http
from odoo.http import request

from odoo.addons.im_livechat.controllers.cors.main import CorsLivechatController
from odoo.addons.im_livechat.controllers.main import LivechatController

from ..dispatch.scope import clean_page
from ..tools.sent import is_record_id
from ..tools.sentinels import PREVIEW

# Extra parameters of `get_session` reach `_get_operator_info` next to these, which core passes
# itself: a browser that sends them would break the call.
_CORE_PARAMS = ("lang", "country_id")


# So many languages of a browser are looked at; people set three or four.
_LANGUAGES_MAX = 10


def _describe_buyer(channel, page, lang):
    """Return what is known about whoever sent this request.

    :param page: where its browser is.
    :param lang: the language of that page, as the page says.
    :rtype: scope.Buyer
    """
    guest = request.env["mail.guest"]._get_guest_from_context()
    if not guest:
        token = request.cookies.get(guest._cookie_name, "")
        guest = guest._get_guest_from_token(token)
    country = request.env["res.country"]
    if request.geoip.country_code:
        country = country.search([("code", "=", request.geoip.country_code)], limit=1)
    return channel.with_context(guest=guest)._describe_buyer(
        page=page,
        # Pages elsewhere send no cookie.
        lang=request.cookies.get("frontend_lang") or lang,
        accepted=list(request.httprequest.accept_languages.values())[:_LANGUAGES_MAX],
        country_id=country.id,
    )


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
        **kwargs,
    ):
        """As core's, but what makes no sense gets no session instead of a traceback, and a
        preview costs no agent anything.

        :param page_url: address of the page the buyer is on; it chooses among dispatch groups.
        :param page_lang: the language of that page; what the browser asks for counts without one.
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
        # sudo: im_livechat.channel - whether a channel exists is what core's route tells, too
        channel = request.env["im_livechat.channel"].sudo().search([("id", "=", channel_id)])
        if not channel:
            return False
        if not persisted:
            request.update_context(livechat_dispatch_preview=PREVIEW)
        page = clean_page(page_url) or clean_page(request.httprequest.referrer)
        request.update_context(livechat_dispatch_page=page)
        if channel.dispatch_mode != "native":
            buyer = _describe_buyer(channel, page, page_lang)
            request.update_context(livechat_dispatch_buyer=buyer)
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
        return session


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
