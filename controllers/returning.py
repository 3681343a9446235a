from urllib.parse import quote

from odoo import http
from odoo.fields import Domain
from odoo.http import request

from .activation import guard


class Returning(http.Controller):
    """The page behind the link by which a buyer comes back to its chat."""

    @http.route(
        "/livechat/return/<string:token>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        website=True,
        sitemap=False,
    )
    def come_back(self, token, **_ignored):
        """Show the way, or go it: programs that look at mails open links as well.

        A link that is wrong, too old or void gets the same answer, which tells nothing about who
        has chats. It makes nobody another buyer than whose chat it is, and logs nobody in.
        """
        channels = request.env["im_livechat.channel"]
        if not channels._is_welcome("activation"):
            return self._render({"wait": channels._say_wait()}, status=429)
        chat, partner, guest = request.env["discuss.channel"]._find_by_return_token(token)
        # sudo: im_livechat.channel - whether its shop has blocked this buyer
        is_its = Domain("id", "=", chat.livechat_channel_id.id)
        is_open = channels.with_context(guest=guest.sudo(False))._match_open_to_caller()
        if not chat or not channels.sudo().search(is_its & is_open):
            return self._render({"invalid": True}, status=404)
        user = request.env.user
        if partner and user._is_public():
            path = quote(f"/livechat/return/{token}")
            return guard(request.redirect(f"/web/login?redirect={path}"))
        if not user._is_public() and user.partner_id != partner:
            # Its own chats would be opened, and not this one.
            return self._render({"other": True}, status=403)
        if request.httprequest.method != "POST":
            return self._render({"name": chat.livechat_channel_id.name})
        if guest and not partner:
            guest._set_auth_cookie()
        chat = chat._return(partner, guest)
        page = f"/im_livechat/support/{chat.livechat_channel_id.id}#livechat-chat={chat.id}"
        return guard(request.redirect(page))

    def _render(self, values, status=200):
        return guard(request.render("im_livechat_subaccount.returning", values, status=status))
