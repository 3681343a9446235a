from odoo import http
from odoo.http import request

from .activation import guard


class PoolMail(http.Controller):
    """The page behind the link that confirms where a shop mails its buyers' messages."""

    @http.route(
        "/livechat/confirm/<string:token>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        website=True,
        sitemap=False,
    )
    def confirm(self, token, **_ignored):
        """Show the question, or take the answer: programs that look at mails open links as well."""
        channels = request.env["im_livechat.channel"]
        if not channels._is_welcome("activation"):
            return self._render({"wait": channels._say_wait()}, status=429)
        channel = channels._find_by_pool_email_token(token)
        if not channel:
            return self._render({"invalid": True}, status=404)
        if request.httprequest.method == "POST":
            channel._confirm_pool_email()
        done = request.httprequest.method == "POST"
        return self._render({"name": channel.name, "email": channel.pool_email, "done": done})

    def _render(self, values, status=200):
        return guard(request.render("im_livechat_subaccount.pool_email", values, status=status))
