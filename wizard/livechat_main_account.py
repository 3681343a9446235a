from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command

from ..tools import names, sent
from ..tools.here import read_now


class LivechatMainAccount(sent.Guard, models.TransientModel):
    """Opens a shop in one dialog: its main account, its channel, and how buyers are dispatched.

    All with the rights of who asks: an administrator of accounts and of Live Chat.
    """

    _name = "livechat.main.account"
    _description = "New Main Account"

    person = fields.Selection(
        [("new", "Somebody new"), ("existing", "Has an account")], default="new", required=True
    )
    user_id = fields.Many2one("res.users", "User", ondelete="cascade")
    name = fields.Char()
    login = fields.Char("E-mail or Login")
    lang = fields.Selection(
        selection=lambda self: self.env["res.lang"].get_installed(),
        string="Language",
        default=lambda self: self.env.lang,
    )
    channel = fields.Selection(
        [("new", "New channel"), ("existing", "A channel that is there")],
        string="Channel",
        default=lambda self: "existing" if self._get_only_free_channel() else "new",
        required=True,
    )
    channel_id = fields.Many2one(
        "im_livechat.channel",
        "Chosen Channel",
        domain="[('main_account_id', '=', False)]",
        default=lambda self: self._get_only_free_channel(),
        ondelete="cascade",
    )
    channel_name = fields.Char("Name of the Shop")
    dispatch_mode = fields.Selection(
        [
            ("share", "Share: new chats in proportion to the weights"),
            ("least_load", "Least load: the lowest load for its weight"),
        ],
        string="Dispatch",
        default="share",
        required=True,
    )

    @api.model
    def _get_only_free_channel(self):
        """Return the channel that is nobody's, if it is the only one: that of a new website."""
        channels = self.env["im_livechat.channel"].search([("main_account_id", "=", False)])
        return channels if len(channels) == 1 else channels.browse()

    def action_create(self):
        """Make the main account and give it its channel.

        :return: an action that shows the link with which somebody new sets a password, in
            ``context["default_url"]``; for who has an account the channel.
        :raise UserError: something is missing, or the channel is another shop's.
        :raise AccessError: for who may not make users, or configure channels.
        """
        self.ensure_one()
        if not self.env.is_admin():
            raise AccessError(self.env._("Only administrators open a shop."))
        self.env["im_livechat.channel"].check_access("create")
        owner = self._make_owner() if self.person == "new" else self._choose_owner()
        channel = self._choose_channel()
        channel.write({"main_account_id": owner.id, "dispatch_mode": self.dispatch_mode})
        owner._get_main_account_code()
        if self.person == "new":
            return self._show_link(owner)
        return {
            "type": "ir.actions.act_window",
            "res_model": "im_livechat.channel",
            "res_id": channel.id,
            "views": [(False, "form")],
        }

    def _make_owner(self):
        if not (self.name and self.login):
            raise UserError(self.env._("Say the name and the login of the new main account."))
        login = names.fold(self.login)
        # sudo: res.users - a login is unique among all users, whoever may read them
        users = self.env["res.users"].sudo().with_context(active_test=False)
        if users.search_count([("login", "=", login)], limit=1):
            raise ValidationError(self.env._("%(name)s is taken.", name=login))
        group = self.env.ref("im_livechat_subaccount.group_main_account")
        # The link is shown, and sent by whoever made it.
        users = self.env["res.users"].with_context(no_reset_password=True)
        owner = users.create(
            {
                "name": self.name,
                "login": login,
                "email": login if "@" in login else False,
                "lang": self.lang or self.env.lang,
                "group_ids": [Command.link(group.id)],
            }
        )
        return owner.with_env(self.env)

    def _choose_owner(self):
        owner = self.user_id
        if not owner or owner.share or owner.main_account_id:
            raise UserError(self.env._("Choose an internal user who works for no other shop."))
        group = self.env.ref("im_livechat_subaccount.group_main_account")
        owner.write({"group_ids": [Command.link(group.id)]})
        return owner

    def _choose_channel(self):
        if self.channel == "new":
            if not self.channel_name:
                raise UserError(self.env._("Say what the shop is called."))
            # Not whoever creates it is its agent.
            return self.env["im_livechat.channel"].create(
                {"name": self.channel_name, "user_ids": [Command.clear()]}
            )
        if not self.channel_id or self.channel_id.main_account_id:
            raise UserError(self.env._("Choose a channel that is no other shop's."))
        return self.channel_id

    def _show_link(self, owner):
        """As core's invitation, which is mailed; a shop may have no mail yet."""
        partner = owner.partner_id
        partner.signup_prepare(signup_type="signup")
        # sudo: ir.config_parameter - how long links live is no secret
        parameters = self.env["ir.config_parameter"].sudo()
        hours = int(parameters.get_param("auth_signup.signup.validity.hours", 144))
        expiration = read_now(self.env) + timedelta(hours=hours)
        return self.env["livechat.subaccount"]._show_link(
            url=partner._get_signup_url(),
            name=owner.name,
            login=owner.login,
            expiration=fields.Datetime.to_string(expiration),
        )
