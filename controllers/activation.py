from odoo import http
from odoo.exceptions import AccessDenied, UserError
from odoo.http import request

from odoo.addons.web.controllers.utils import _get_login_redirect_url


def guard(response):
    """Return the response of a page behind a link that is a secret: it must not leak to other
    sites, caches or frames."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


class Activation(http.Controller):
    """The page behind an activation link, where a sub-account's person sets the password."""

    @http.route(
        "/livechat/activate/<string:token>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        website=True,
        sitemap=False,
    )
    def activate(self, token, password="", confirm_password="", **kwargs):
        """Show the form, or set the password it was sent with and let the person in.

        A link that is wrong, used, expired or void gets the same answer, which tells nothing about
        who exists. Wrong links are counted like wrong passwords, with core's own cooldown.
        """
        channels = request.env["im_livechat.channel"]
        if not channels._is_welcome("activation"):
            return self._render({"wait": channels._say_wait()}, status=429)
        try:
            with request.env["res.users"]._assert_can_auth(user="activation link"):
                subaccount = request.env["livechat.subaccount"]._find_by_token(token)
                if not subaccount:
                    raise AccessDenied
        except AccessDenied:
            return self._render({"invalid": True}, status=404)
        values = {"subaccount": subaccount, "token": token}
        if request.httprequest.method == "GET":
            return self._render(values)
        if password != confirm_password:
            values["error"] = request.env._("The passwords differ; please type them again.")
            return self._render(values)
        login = subaccount.login
        try:
            with request.env.cr.savepoint():
                subaccount._activate(password)
        except UserError as error:
            # Too short, or what the password policy says.
            values["error"] = error.args[0]
            return self._render(values)
        if request.session.uid:
            # Whoever is at work in this browser stays who it is.
            return self._render({"login": login, "done": True})
        credential = {"login": login, "password": password, "type": "password"}
        try:
            auth_info = request.session.authenticate(request.env, credential)
        except AccessDenied:
            return self._render({"login": login, "done": True})
        return guard(request.redirect(_get_login_redirect_url(auth_info["uid"])))

    def _render(self, values, status=200):
        return guard(request.render("im_livechat_subaccount.activation", values, status=status))
