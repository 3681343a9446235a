from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..dispatch import credit, ledger, policy

WEIGHT_DEFAULT = 100
WEIGHT_MIN = 10
WEIGHT_MAX = 1000

# Who may see how agents are dispatched; nobody else meets these fields, not even by RPC.
_READERS = "im_livechat.im_livechat_group_user,base.group_erp_manager"


class ResUsers(models.Model):
    _inherit = "res.users"

    def _default_dispatch_weight(self):
        return self.env["res.config.settings"]._get_dispatch_weight_default()

    # None of these is in SELF_WRITEABLE_FIELDS: nobody raises their own weight.
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
        groups=_READERS,
        help="The shop owner whose sub-account this user is.",
    )
    dispatch_weight = fields.Integer(
        "Dispatch Weight",
        default=_default_dispatch_weight,
        required=True,
        aggregator=None,
        groups=_READERS,
        help="How many buyers this agent gets compared with the others: 200 gets twice as many as "
        "100. It also scales how many chats the agent can have at the same time.",
    )
    dispatch_paused = fields.Boolean(
        "Dispatch Paused",
        copy=False,
        groups=_READERS,
        help="No new buyers; the chats the agent already has go on.",
    )
    dispatch_share = fields.Float(
        "Share",
        compute="_compute_dispatch_share",
        groups=_READERS,
        help="Part of the channel's new chats that goes to this agent when everybody is there.",
    )
    dispatch_capacity = fields.Integer(
        "Capacity",
        compute="_compute_dispatch_share",
        groups=_READERS,
        help="How many chats this agent can have at the same time; 0 for no limit.",
    )
    dispatch_load = fields.Float(
        "Load",
        compute="_compute_dispatch_share",
        digits=(16, 1),
        groups=_READERS,
        help="Open chats of this agent on all channels; a quiet chat counts as the settings say.",
    )
    dispatch_credit = fields.Float(
        "Credit",
        compute="_compute_dispatch_credit",
        digits=(16, 2),
        groups=_READERS,
        help="Chats this agent was entitled to, less the chats it got. The highest credit gets the "
        "next buyer.",
    )

    _dispatch_weight_range = models.Constraint(
        "CHECK (dispatch_weight BETWEEN 10 AND 1000)",
        "A dispatch weight is a whole number from 10 to 1000.",
    )

    @api.depends("dispatch_weight", "dispatch_paused", "group_ids", "active")
    @api.depends_context("im_livechat_channel_id")
    def _compute_dispatch_share(self):
        channel = self.env["im_livechat.channel"].search(
            [("id", "=", self.env.context.get("im_livechat_channel_id", False))]
        )
        rules = channel._get_dispatch_rules() if channel else policy.Rules(mode="share")
        staff = channel._get_dispatch_staff() if channel else []
        loads = {agent.user_id: policy.load(agent, rules.quiet_hold) for agent in staff}
        # A weight being typed may still be refused; what it would do shows at once.
        typed = {user._origin.id: max(WEIGHT_MIN, user.dispatch_weight) for user in self}
        shares = credit.split_chat(
            (agent.user_id, typed.get(agent.user_id, agent.weight)) for agent in staff
        )
        for user in self:
            user.dispatch_share = shares.get(user._origin.id, 0) / credit.CHAT
            user.dispatch_load = loads.get(user._origin.id, 0)
            user.dispatch_capacity = (
                policy.capacity(rules.max_sessions, user.dispatch_weight or WEIGHT_DEFAULT) or 0
            )

    def _compute_dispatch_credit(self):
        credits = ledger.read_credits(self.env.cr)
        for user in self:
            user.dispatch_credit = credits.get(user.id, 0) / credit.CHAT

    @api.constrains("main_account_id")
    def _check_main_account_id(self):
        # sudo: res.users - sub-accounts the editor does not see count as well
        owners = self.sudo().search([("main_account_id", "in", self.ids)]).main_account_id
        for user in self.filtered("main_account_id"):
            if user in owners or user.main_account_id.main_account_id:
                raise ValidationError(
                    self.env._(
                        "%(user)s cannot be a sub-account of %(main_account)s: a main account is "
                        "nobody's sub-account.",
                        user=user.display_name,
                        main_account=user.main_account_id.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_dispatch_weight(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_dispatch_weight(vals)
        return super().write(vals)

    @api.model
    def _check_dispatch_weight(self, vals):
        """Refuse a weight that is not a whole number within the limits.

        Before the ORM sees it: an integer field would take "abc" for a programming error and 99.9
        for 99.

        :raise ValidationError: with the limits in it.
        """
        if "dispatch_weight" not in vals:
            return
        weight = vals["dispatch_weight"]
        try:
            if isinstance(weight, bool) or weight != weight // 1:
                raise TypeError
            valid = WEIGHT_MIN <= weight <= WEIGHT_MAX
        except TypeError:
            valid = False
        if not valid:
            raise ValidationError(
                self.env._(
                    "A dispatch weight is a whole number from %(minimum)s to %(maximum)s.",
                    minimum=WEIGHT_MIN,
                    maximum=WEIGHT_MAX,
                )
            )
