import secrets

from odoo import api, fields, models

from ...dispatch import policy
from ...dispatch.ledger import door
from ...dispatch.weights import WEIGHT_DEFAULT, WEIGHT_MAX, WEIGHT_MIN
from ...tools import clock, sent
from ...tools.here import read_now

DECISION_DAYS_DEFAULT = 90
LAID_ASIDE_DEFAULT = 5

_METRICS_TOKEN = "im_livechat_subaccount.metrics_token"


def _is_days(days):
    return 0 <= days <= 36500


def _is_minutes(minutes):
    return 0 <= minutes <= 1440


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
        logged=True,
    )
    dispatch_weight_default = fields.Integer(
        "Weight of New Agents",
        default=WEIGHT_DEFAULT,
        at_least=WEIGHT_MIN,
        at_most=WEIGHT_MAX,
        config_parameter="im_livechat_subaccount.dispatch_weight_default",
        help="The dispatch weight a user created from now on starts with.",
        logged=True,
    )
    dispatch_quiet_hold = fields.Float(
        "Hold of a Quiet Chat",
        default=policy.QUIET_HOLD_DEFAULT,
        at_least=0,
        at_most=1,
        help="How much of a seat an open chat keeps after 15 minutes without a message: 0 nothing, "
        "1 the whole seat.",
        logged=True,
    )
    dispatch_ticket_load = fields.Float(
        "Weight of a Ticket in Chats",
        default=0,
        at_least=0,
        at_most=1,
        help="How much of a seat each open ticket takes of its agent: 0 nothing, 1 the whole seat.",
        logged=True,
    )

    dispatch_decision_days = fields.Integer(
        "Keep Decision Records (days)",
        default=DECISION_DAYS_DEFAULT,
        at_least=0,
        at_most=36500,
        help="Older records are deleted; the figures they are part of stay. 0: never.",
        logged=True,
    )

    dispatch_buyer_days = fields.Integer(
        "Keep What Guests Wrote (days)",
        default=0,
        at_least=0,
        at_most=36500,
        help="So many days after a chat has ended its guest's name, address, words and files are "
        "erased; chats, answers and figures stay. 0: never.",
        logged=True,
    )
    dispatch_figure_days = fields.Integer(
        "Keep Figures by Agent (days)",
        default=0,
        at_least=0,
        at_most=36500,
        help="Older figures no longer say whose they are; the shop's totals stay. 0: never.",
        logged=True,
    )

    dispatch_address_chats = fields.Integer(
        "New Chats per Address and Hour",
        default=door.ADDRESS_CHATS_DEFAULT,
        at_least=0,
        at_most=sent.MANY,
        help="Who opens more from one address is asked to wait a minute; looks at the widget and "
        "messages before the first answer have limits in proportion. 0: no limit for anything.",
        logged=True,
    )
    dispatch_reports_health = fields.Boolean(
        "Report Health",
        help="Programs that watch the server may read what the page Health shows.",
        logged=True,
    )
    # A secret: the log of settings says that there is one, and not which.
    dispatch_health_token = fields.Char("Token of the Health Report", readonly=True)
    dispatch_laid_aside_minutes = fields.Integer(
        "Lay Ended Chats Aside After (minutes)",
        default=LAID_ASIDE_DEFAULT,
        at_least=0,
        at_most=1440,
        help="So long after its end a chat stands among the open ones in its agent's Discuss, then "
        "folded with the others that have ended. 0: at once.",
        logged=True,
    )
    dispatch_refused_today = fields.Integer("Turned Away Today", readonly=True)

    @api.model
    def get_values(self):
        today = clock.get_midnight(read_now(self.env), self.env.tz)
        return {
            **super().get_values(),
            "dispatch_reports_health": self._get_dispatch_reports_health(),
            "dispatch_health_token": self.env["ir.config_parameter"].get_param(_METRICS_TOKEN),
            "dispatch_address_chats": self._get_dispatch_address_chats(),
            "dispatch_refused_today": sum(door.count_refused(self.env.cr, today).values()),
            "dispatch_quiet_hold": self._get_dispatch_quiet_hold(),
            "dispatch_ticket_load": self._get_dispatch_ticket_load(),
            "dispatch_decision_days": self._get_dispatch_decision_days(),
            "dispatch_buyer_days": self._get_dispatch_buyer_days(),
            "dispatch_figure_days": self._get_dispatch_figure_days(),
            "dispatch_laid_aside_minutes": self._get_dispatch_laid_aside_minutes(),
        }

    def set_values(self):
        super().set_values()
        # Not a `config_parameter` field: those take a zero for "not set".
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.quiet_hold", repr(self.dispatch_quiet_hold)
        )
        names = ("ticket_load", "decision_days", "buyer_days", "figure_days", "laid_aside_minutes")
        for name in names:
            self.env["ir.config_parameter"].set_param(
                f"im_livechat_subaccount.{name}", repr(self[f"dispatch_{name}"])
            )
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.address_chats", repr(self.dispatch_address_chats)
        )
        if self.dispatch_reports_health != self._get_dispatch_reports_health():
            token = self.dispatch_reports_health and secrets.token_urlsafe(24)
            self.env["ir.config_parameter"].set_param(_METRICS_TOKEN, token)

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
    def _get_dispatch_quiet_hold(self):
        """Return what a quiet chat counts, between 0 and 1."""
        # sudo: ir.config_parameter - reading our own settings, which are no secret
        parameters = self.env["ir.config_parameter"].sudo()
        return policy.read_quiet_hold(parameters.get_param("im_livechat_subaccount.quiet_hold"))

    @api.model
    def _get_dispatch_ticket_load(self):
        """Return what an open ticket counts in an agent's load, between 0 and 1."""
        # sudo: ir.config_parameter - as above
        parameters = self.env["ir.config_parameter"].sudo()
        return policy.read_ticket_load(parameters.get_param("im_livechat_subaccount.ticket_load"))

    @api.model
    def _get_load_rules(self):
        """Return by which rules an agent's load is counted, on whatever channel.

        :rtype: policy.Rules
        """
        return policy.Rules(
            mode="share",
            quiet_hold=self._get_dispatch_quiet_hold(),
            ticket_load=self._get_dispatch_ticket_load(),
        )

    @api.model
    def _get_dispatch_decision_days(self):
        """Return for how many days decision records are kept, 0 for ever."""
        return self._get_dispatch_parameter("decision_days", int, DECISION_DAYS_DEFAULT, _is_days)

    @api.model
    def _get_dispatch_buyer_days(self):
        """Return how many days after a chat the traces of its guest are kept, 0 for ever."""
        return self._get_dispatch_parameter("buyer_days", int, 0, _is_days)

    @api.model
    def _get_dispatch_figure_days(self):
        """Return for how many days figures say whose they are, 0 for ever."""
        return self._get_dispatch_parameter("figure_days", int, 0, _is_days)

    @api.model
    def _get_dispatch_laid_aside_minutes(self):
        """Return how many minutes after its end an agent's page lays a chat aside."""
        return self._get_dispatch_parameter(
            "laid_aside_minutes", int, LAID_ASIDE_DEFAULT, _is_minutes
        )

    @api.model
    def _get_dispatch_address_chats(self):
        """Return how many chats an address may open an hour, 0 for no limit."""
        return self.env["im_livechat.channel"]._read_address_chats()

    @api.model
    def _get_dispatch_reports_health(self):
        """Tell whether programs that watch the server may read of its health."""
        # sudo: ir.config_parameter - whether there is a token, not which
        return bool(self.env["ir.config_parameter"].sudo().get_param(_METRICS_TOKEN))

    @api.model
    def _get_dispatch_mode_default(self):
        """Return the dispatch mode of a new channel."""
        modes = dict(self.env["im_livechat.channel"]._fields["dispatch_mode"].selection)
        return self._get_dispatch_parameter(
            "dispatch_mode_default", str, "native", modes.__contains__
        )
