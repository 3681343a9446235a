from odoo import api, fields, models

from ...dispatch.weights import WEIGHT_DEFAULT, WEIGHT_MAX, WEIGHT_MIN
from ...tools import sent

QUIET_HOLD_DEFAULT = 0.5
DECISION_DAYS_DEFAULT = 90


class ResConfigSettings(sent.Guard, models.TransientModel):
    _inherit = "res.config.settings"

    dispatch_mode_default = fields.Selection(
        selection=lambda self: (
            self.env["im_livechat.channel"]
            ._fields["dispatch_mode"]
            ._description_selection(self.env)
        ),
        string="Dispatch of New Channels",
        default="native",
        config_parameter="im_livechat_subaccount.dispatch_mode_default",
        help="How a channel created from now on chooses the agent. Existing channels keep theirs.",
    )
    dispatch_weight_default = fields.Integer(
        "Weight of New Agents",
        default=WEIGHT_DEFAULT,
        at_least=WEIGHT_MIN,
        at_most=WEIGHT_MAX,
        config_parameter="im_livechat_subaccount.dispatch_weight_default",
        help="The dispatch weight a user created from now on starts with.",
    )
    dispatch_quiet_hold = fields.Float(
        "Hold of a Quiet Chat",
        default=QUIET_HOLD_DEFAULT,
        at_least=0,
        at_most=1,
        help="How much of a seat an open chat keeps after 15 minutes without a message: 0 nothing, "
        "1 the whole seat.",
    )

    subaccount_limit = fields.Integer(
        "Sub-accounts per Main Account",
        at_least=0,
        at_most=sent.MANY,
        config_parameter="im_livechat_subaccount.subaccount_limit",
        help="How many sub-accounts each main account can have; 0 for as many as it likes.",
    )

    dispatch_decision_days = fields.Integer(
        "Keep Decision Records (days)",
        default=DECISION_DAYS_DEFAULT,
        at_least=0,
        at_most=36500,
        help="Older records are deleted; the figures they are part of stay. 0: never.",
    )

    @api.model
    def get_values(self):
        return {
            **super().get_values(),
            "dispatch_quiet_hold": self._get_dispatch_quiet_hold(),
            "dispatch_decision_days": self._get_dispatch_decision_days(),
        }

    def set_values(self):
        before = self._read_dispatch_settings()
        super().set_values()
        # Not a `config_parameter` field: those take a zero for "not set".
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.quiet_hold", repr(self.dispatch_quiet_hold)
        )
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.decision_days", repr(self.dispatch_decision_days)
        )
        log = self.env["livechat.dispatch.log"]
        log._add_rows(
            [
                {
                    "subject": log._get_label(self._name, name),
                    "what": f"{self._name}.{name}",
                    "old_value": before[name],
                    "new_value": value,
                }
                for name, value in self._read_dispatch_settings().items()
                if value != before[name]
            ]
        )

    @api.model
    def _read_dispatch_settings(self):
        """Return ``{field: value}`` of the settings of dispatch as they are in force."""
        return {
            "dispatch_mode_default": self._get_dispatch_mode_default(),
            "dispatch_weight_default": self._get_dispatch_weight_default(),
            "dispatch_quiet_hold": self._get_dispatch_quiet_hold(),
            "dispatch_decision_days": self._get_dispatch_decision_days(),
            "subaccount_limit": self._get_subaccount_limit(),
        }

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
    def _get_dispatch_weight_default(self):
        """Return the dispatch weight a new user starts with."""
        return self._get_dispatch_parameter(
            "dispatch_weight_default",
            int,
            WEIGHT_DEFAULT,
            lambda weight: WEIGHT_MIN <= weight <= WEIGHT_MAX,
        )

    @api.model
    def _get_subaccount_limit(self):
        """Return how many sub-accounts a main account can have, 0 for no limit."""
        return self._get_dispatch_parameter("subaccount_limit", int, 0, lambda limit: limit >= 0)

    @api.model
    def _get_dispatch_quiet_hold(self):
        """Return what a quiet chat counts, between 0 and 1."""
        return self._get_dispatch_parameter(
            "quiet_hold", float, QUIET_HOLD_DEFAULT, lambda hold: 0 <= hold <= 1
        )

    @api.model
    def _get_dispatch_decision_days(self):
        """Return for how many days decision records are kept, 0 for ever."""
        return self._get_dispatch_parameter(
            "decision_days", int, DECISION_DAYS_DEFAULT, lambda days: 0 <= days <= 36500
        )

    @api.model
    def _get_dispatch_mode_default(self):
        """Return the dispatch mode of a new channel."""
        modes = dict(self.env["im_livechat.channel"]._fields["dispatch_mode"].selection)
        return self._get_dispatch_parameter(
            "dispatch_mode_default", str, "native", modes.__contains__
        )
