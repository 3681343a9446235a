from odoo import http
from odoo.exceptions import AccessDenied, UserError
from odoo.http import request

from odoo.addons.web.controllers.utils import _get_login_redirect_url

from .activation import guard


class OwnPassword(http.Controller):
    """Where somebody of a shop sets a password of its own who logs in with one that somebody else
    has set."""

    @http.route(
        "/livechat/own_password",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        website=True,
        sitemap=False,
    )
    def own_password(self, given="", password="", confirm_password="", redirect=None, **kwargs):
        """Show the form, or set the password it was sent with and let the person in, or on to its
        second factor.

        It is for who has logged in with a right password in this browser and nobody else; whoever
        comes otherwise is sent to the log-in page.
        """
        uid = request.session.get("pre_uid")
        # sudo: res.users - of who has given a right password in this browser
        user = request.env["res.users"].sudo().browse(uid or []).exists()
        if request.session.uid or not user.password_is_foreign:
            return guard(request.redirect("/web/login"))
        values = {"login": user.login, "redirect": redirect}
        if request.httprequest.method == "GET":
            return self._render(values)
        if password != confirm_password:
            values["error"] = request.env._("The passwords differ; please type them again.")
            return self._render(values)
        try:
            with request.env.cr.savepoint():
                user._replace_foreign_password(given, password)
        except AccessDenied as error:
            is_silent = error.args == AccessDenied().args
            values["error"] = (
                request.env._("That is not the password you have logged in with.")
                if is_silent
                else error.args[0]
            )
            return self._render(values)
        except UserError as error:
            # Too short, the same, or what the password policy says.
            values["error"] = error.args[0]
            return self._render(values)
        # Sessions are bound to the password.
        request.env.flush_all()
        request.env.registry.clear_cache()
        if not user._mfa_url():
            request.session.finalize(request.env)
            request.update_env(user=request.session.uid)
            request.update_context(**request.session.context)
        return guard(request.redirect(_get_login_redirect_url(user.id, redirect)))

    def _render(self, values):
        return guard(request.render("im_livechat_subaccount.own_password", values))
