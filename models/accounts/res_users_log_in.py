from markupsafe import Markup

from odoo import api, models, tools
from odoo.exceptions import AccessDenied
from odoo.http import request


class ResUsers(models.Model):
    """What the log-ins of a shop's people leave behind; nobody else's cost a query more."""

    _inherit = "res.users"

    @api.model
    @tools.ormcache("self.env.uid")
    def _has_shop(self):
        """Tell whether the caller is a main account or a sub-account, also if it is an
        administrator as well."""
        return bool(self.env.uid) and bool(self.env.user._get_shop_owner())

    def _check_credentials(self, credential, env):
        # Wherever a secret is asked for: at log-in, by RPC, for the second factor, and before
        # somebody changes the own password.
        try:
            auth_info = super()._check_credentials(credential, env)
        except AccessDenied:
            if self._has_shop():
                self.env["livechat.account.log"]._count("login_failed")
            raise
        # sudo: res.users - of the person that logs in, who is not the caller yet where it is asked
        # for a second factor
        person = (self or self.env.user).sudo()
        if not person.active and person._get_shop_owner():
            # Odoo looks at that when somebody begins to log in, and not at the next step.
            raise AccessDenied
        self._check_may_log_in()
        method = auth_info.get("auth_method", "")
        # The browser of who gives a password is shown where to set another, and asked for a second
        # factor after that.
        by_program = method == "password" and not (env or {}).get("interactive", True)
        if by_program or method.startswith("totp"):
            self._check_password_is_own()
        return auth_info

    @api.model
    def _check_uid_passwd(self, uid, passwd):
        # Core remembers who was right, and the hour passes.
        result = super()._check_uid_passwd(uid, passwd)
        self.with_user(uid)._check_may_log_in()
        return result

    @api.model
    def _check_may_log_in(self):
        """Refuse the caller where its account does not log in from here, or not now.

        :raise AccessDenied: saying why.
        """
        if refusal := self._find_login_refusal():
            self.env["livechat.account.log"]._count("login_refused")
            raise AccessDenied(refusal)

    @api.model
    def _find_login_refusal(self):
        """Return why the caller may not log in from here now, ``None`` if it may."""
        row = self._has_shop() and self.env.user._get_subaccount()
        if not row:
            return None
        return row._find_login_refusal(self.env["livechat.account.log"]._get_source()["address"])

    def _login(self, credential, user_agent_env):
        auth_info = super()._login(credential, user_agent_env)
        user = self.with_user(auth_info["uid"]).browse(auth_info["uid"])
        if user._has_shop():
            log = self.env["livechat.account.log"].with_user(user)
            is_new = request and log._is_new_place()
            log._count("login")
            if is_new:
                user._tell_about_new_place()
        return auth_info

    def _tell_about_new_place(self):
        """Tell this user, and the main account of its shop, that it has logged in from where it
        never had before."""
        source = self.env["livechat.account.log"]._get_source()
        # sudo: res.users - the people of one shop; mail.thread - all of it is built here
        user = self.sudo()
        row, base = user._get_subaccount(), user.get_base_url()
        for person in user | user._get_shop_owner():
            env = self.env(su=True)
            env = env(context={"lang": person.lang})
            words = {"name": user.name, "login": user.login}
            title = env._("New log-in of %(name)s", **words)
            text = env._(
                "%(name)s (%(login)s) has logged in with %(browser)s from the address %(address)s "
                "for the first time. If nobody knows of it: end the session, and make a new "
                "password.",
                **words,
                browser=source["browser"] or env._("an unknown browser"),
                address=source["address"] or env._("unknown"),
            )
            url, name = f"{base}/odoo", env._("Open Odoo")
            if row and person != user:
                action = "action-im_livechat_subaccount.livechat_subaccount_action"
                url, name = f"{url}/{action}/{row.id}", env._("Open the sub-account")
            env["mail.thread"].message_notify(
                subject=title,
                body=Markup("<p>{}</p><p><a href='{}'>{}</a></p>").format(text, url, name),
                partner_ids=person.partner_id.ids,
                author_id=env.ref("base.partner_root").id,
                # The log-in does not wait for the mail server.
                force_send=False,
            )
            person._bus_send(
                "simple_notification",
                {"type": "warning", "sticky": True, "title": title, "message": text},
            )
