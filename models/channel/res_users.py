from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...dispatch.ledger import FORGOTTEN_AFTER
from ...dispatch.weights import CHATS_MAX, WEIGHT_MAX, WEIGHT_MIN
from ...tools import sent
from ...tools.rights import READERS

# What gives a seat to somebody who waits when it changes.
_FREES_SEATS = frozenset(
    {
        "active",
        "dispatch_paused",
        "dispatch_paused_until",
        "dispatch_pause_above",
        "dispatch_resume_below",
        "dispatch_weight",
        "dispatch_calendar_id",
        "group_ids",
    }
)


class ResUsers(sent.Guard, models.Model):
    _inherit = "res.users"

    def _default_dispatch_weight(self):
        return self.env["res.config.settings"]._get_dispatch_weight_default()

    dispatch_weight = fields.Integer(
        "Dispatch Weight",
        default=_default_dispatch_weight,
        required=True,
        at_least=WEIGHT_MIN,
        at_most=WEIGHT_MAX,
        aggregator=None,
        groups=READERS,
        help="How many buyers this agent gets compared with the others: 200 gets twice as many as "
        "100. It also scales how many chats the agent can have at the same time.",
    )
    dispatch_paused = fields.Boolean(
        "Dispatch Paused",
        copy=False,
        groups=READERS,
        help="No new buyers; the chats the agent already has go on.",
    )
    dispatch_paused_until = fields.Datetime(
        "Paused Until", copy=False, groups=READERS, help="The pause ends then by itself."
    )
    dispatch_pause_above = fields.Integer(
        "Pause Above (chats)",
        at_least=0,
        at_most=CHATS_MAX,
        groups=READERS,
        help="With more open chats than these the agent gets no new buyers; 0: never.",
    )
    dispatch_resume_below = fields.Integer(
        "Resume Below (chats)",
        at_least=0,
        at_most=CHATS_MAX,
        groups=READERS,
        help="With fewer open chats than these the agent gets new buyers again.",
    )
    dispatch_overloaded = fields.Boolean(copy=False, readonly=True, groups=READERS)
    dispatch_miss_count = fields.Integer(
        "Misses in a Row",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Buyers who went to somebody else because this agent did not answer, since the last "
        "answer.",
    )
    dispatch_calendar_id = fields.Many2one(
        "resource.calendar",
        "Shift",
        index="btree_not_null",
        ondelete="restrict",
        groups=READERS,
        help="New buyers come in these working hours only; empty: whenever the agent is here.",
    )
    _dispatch_weight_range = models.Constraint(
        "CHECK (dispatch_weight BETWEEN 10 AND 1000)",
        "A dispatch weight is a whole number from 10 to 1000.",
    )
    _dispatch_pause_limits = models.Constraint(
        "CHECK(dispatch_pause_above >= 0 AND dispatch_resume_below >= 0"
        " AND dispatch_resume_below <= dispatch_pause_above + 1)",
        "An agent resumes below the number of chats above which it pauses.",
    )

    def write(self, vals):
        if "dispatch_paused" in vals:
            # A new pause does not end when the last one was to end.
            vals = {"dispatch_paused_until": False, **vals}
        result = super().write(vals)
        if "dispatch_paused" in vals:
            # sudo: res.users, mail.presence - of those who are here, when they paused
            here = self.sudo().filtered(lambda user: user.presence_ids.status == "online")
            self.env["livechat.dispatch.presence"]._note(here)
        if {"dispatch_pause_above", "dispatch_resume_below"} & vals.keys():
            self._follow_load()
        if _FREES_SEATS & vals.keys():
            self.env["im_livechat.channel"]._drain_soon()
        return result

    @api.model
    def _is_there_a_shift(self):
        """Tell whether any agent follows a shift; most shops have none."""
        # sudo: res.users - whether, not who
        return bool(
            self.sudo()
            .with_context(active_test=False)
            .search_count([("dispatch_calendar_id", "!=", False)], limit=1)
        )

    def dispatch_pause(self, until=False):
        """Give these agents no new buyers; their own chats go on.

        :param until: when the pause ends by itself, in UTC; never, if not given.
        :raise AccessError: for others than the agent, who manages its shop's dispatch, or a live
            chat manager.
        """
        self._check_pause()
        until = self._read_until(until)
        # sudo: res.users - checked above, and nothing but the pause
        self.sudo().write({"dispatch_paused": True, "dispatch_paused_until": until})
        return True

    def dispatch_resume(self):
        """Give these agents new buyers again."""
        self._check_pause()
        # sudo: res.users - checked above, and nothing but the pause
        self.sudo().write(
            {"dispatch_paused": False, "dispatch_paused_until": False, "dispatch_miss_count": 0}
        )
        return True

    @api.model
    def _get_past_pause_domain(self):
        """Return who is still called paused though the pause was to end by itself."""
        return [
            ("dispatch_paused", "=", True),
            ("dispatch_paused_until", "<=", fields.Datetime.now()),
        ]

    def _end_pause(self):
        """Let an agent resume whose pause was to end by itself."""
        # Found a while ago: meanwhile it may have paused anew.
        agent = self.try_lock_for_update(allow_referencing=True)
        if agent.filtered_domain(self._get_past_pause_domain()):
            with self.env["livechat.dispatch.log"]._by("dispatch"):
                agent.write({"dispatch_paused": False, "dispatch_paused_until": False})

    def _read_until(self, until):
        """Return the end of a pause as a datetime.

        :raise ValidationError: for what is none, or is past.
        """
        if not until:
            return False
        until = sent.to_moment(until)
        if not until:
            raise ValidationError(self.env._("This is no date and time."))
        if until <= fields.Datetime.now():
            raise ValidationError(self.env._("The end of the pause is past."))
        return until

    def _follow_load(self):
        """Pause agents who have more chats than they want, and let them resume."""
        concerned = self.filtered(
            lambda user: user.dispatch_pause_above or user.dispatch_overloaded
        )
        if not concerned:
            return
        # A search does not wait for computed relations by itself.
        self.env["discuss.channel"].flush_model(["dispatch_seat_partner_ids"])
        for user in concerned:
            chats = self.env["discuss.channel"].search_count(
                [
                    ("dispatch_seat_partner_ids", "in", user.partner_id.ids),
                    ("livechat_end_dt", "=", False),
                    # As the ledger: older ones are abandoned.
                    ("last_interest_dt", ">=", fields.Datetime.now() - FORGOTTEN_AFTER),
                ]
            )
            limit = user.dispatch_pause_above
            if limit and chats > limit:
                user.dispatch_overloaded = True
            elif not limit or chats < (user.dispatch_resume_below or limit):
                user.dispatch_overloaded = False
