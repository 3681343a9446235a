from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...tools import sent

ACCOUNT_LOG_DAYS_DEFAULT = 365


class ResConfigSettings(models.TransientModel):
    _name = "res.config.settings"
    _inherit = ["res.config.settings", "livechat.field.mixin"]

    subaccount_limit = fields.Integer(
        "Sub-accounts per Main Account",
        at_least=0,
        at_most=sent.MANY,
        config_parameter="im_livechat_subaccount.subaccount_limit",
        help="How many sub-accounts each main account can have; 0 for as many as it likes.",
        logged=True,
    )

    account_log_days = fields.Integer(
        "Keep the Account Log (days)",
        default=ACCOUNT_LOG_DAYS_DEFAULT,
        at_least=0,
        at_most=36500,
        help="Older rows are deleted. 0: never.",
        logged=True,
    )
    shops_share_company = fields.Boolean(compute="_compute_shops_share_company")

    shops_without_owner = fields.Integer(
        "Shops Without a Main Account", compute="_compute_shops_without_owner"
    )

    @api.depends("company_id")
    def _compute_shops_without_owner(self):
        self.shops_without_owner = len(self._find_lost_owners())

    @api.model
    def _find_lost_owners(self):
        """Return the main accounts that are gone and whose sub-accounts wait for another."""
        # sudo: livechat.subaccount - for who may open the settings of all
        rows = self.env["livechat.subaccount"].sudo()
        return rows.search([("waits_for_owner", "=", True)]).main_account_id

    def action_open_lost_shops(self):
        """Return the list of the main accounts that are gone, each to be handed over.

        :raise AccessError: not an administrator.
        """
        if not self.env.is_admin():
            raise AccessError(self.env._("Only administrators hand a shop over."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Shops without a main account"),
            "res_model": "res.users",
            "views": [[False, "list"], [False, "form"]],
            "domain": [("id", "in", self._find_lost_owners().ids)],
            "context": {"active_test": False},
        }

    @api.depends("company_id")
    def _compute_shops_share_company(self):
        self.shops_share_company = self._has_shops_of_one_company()

    @api.model
    def _has_shops_of_one_company(self):
        """Tell whether two shops that the caller may know of share a company, and so its orders,
        deliveries, invoices and products."""
        # sudo: res.users - whether there is another shop
        users = self.env["res.users"].sudo()
        owner = self.env.user._get_shop_owner()
        if self.env.user._is_shop_staff():
            return owner._shares_company()
        shops = users._read_group(
            [("main_account_id", "!=", False)], ["company_id"], ["main_account_id:count_distinct"]
        )
        return any(count > 1 for _company, count in shops)

    @api.model
    def _get_dispatch_parameter(self, name, convert, default, valid):
        """Return a system parameter of ours, or ``default`` if it is not set or makes no sense.

        System parameters can be edited by hand; a typing mistake there must not close the shop.
        """
        # sudo: ir.config_parameter - reading our own settings, which are no secret
        text = self.env["ir.config_parameter"].sudo().get_param(f"im_livechat_subaccount.{name}")
        if not text:
            return default
        try:
            value = convert(text)
        except ValueError:
            return default
        return value if valid(value) else default

    @api.model
    def _get_subaccount_limit(self):
        """Return how many sub-accounts a main account can have, 0 for no limit."""
        return self._get_dispatch_parameter("subaccount_limit", int, 0, lambda limit: limit >= 0)

    @api.model
    def _get_account_log_days(self):
        """Return for how many days rows of the account log are kept, 0 for ever."""
        return self._get_dispatch_parameter(
            "account_log_days", int, ACCOUNT_LOG_DAYS_DEFAULT, lambda days: 0 <= days <= 36500
        )

    @api.model
    def get_values(self):
        return {**super().get_values(), "account_log_days": self._get_account_log_days()}

    def set_values(self):
        super().set_values()
        # Not a `config_parameter` field: those take a zero for "not set".
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.account_log_days", repr(self.account_log_days)
        )

    @api.onchange("restrict_template_rendering")
    def _onchange_restrict_template_rendering(self):
        """Tell whom else it lets put code into templates that shops make accounts by themselves."""
        # sudo: livechat.subaccount - how many there are
        count = self.env["livechat.subaccount"].sudo().search_count([])
        if self.restrict_template_rendering or not count:
            return None
        return {
            "warning": {
                "title": self.env._("Sub-accounts exist"),
                "message": self.env._(
                    "%(count)s sub-accounts, which shops make by themselves, would be able to put "
                    "code into mail templates as well.",
                    count=count,
                ),
            }
        }
