from functools import cache

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain

from ...dispatch.ledger import FORGOTTEN_AFTER
from ...dispatch.weights import CHATS_MAX, WEIGHT_MAX, WEIGHT_MIN
from ...tools import here, sent
from ...tools.attributes import leave_to_core
from ...tools.here import read_now
from ...tools.rights import READERS
from ...tools.word import match_given_up

# What the settings of an agent say.
_SETTING = {"groups": READERS, "frees_seats": True, "logged": True}

# Who has another of these serves elsewhere than before, or has other rights.
_ELSEWHERE = frozenset({"active", "group_ids", "livechat_channel_ids"})


@leave_to_core
class ResUsers(sent.Guard, models.Model):
    _inherit = "res.users"

    def _default_dispatch_weight(self):
        return self.env["res.config.settings"]._get_dispatch_weight_default()

    active = fields.Boolean(frees_seats=True, shown="staff")
    group_ids = fields.Many2many(frees_seats=True, shown="staff")
    livechat_channel_ids = fields.Many2many(
        frees_seats=True, logged="each", shown=("served", "bars")
    )
    manual_im_status = fields.Selection(frees_seats=True, shown="agents")
    dispatch_weight = fields.Integer(
        "Dispatch Weight",
        default=_default_dispatch_weight,
        required=True,
        at_least=WEIGHT_MIN,
        at_most=WEIGHT_MAX,
        aggregator=None,
        help="How many buyers this agent gets compared with the others: 200 gets twice as many as "
        "100. It also scales how many chats the agent can have at the same time.",
        **_SETTING,
        shown=("agents", "bars"),
    )
    dispatch_paused = fields.Boolean(
        "Dispatch Paused",
        copy=False,
        help="No new buyers; the chats the agent already has go on.",
        **_SETTING,
        shown=("agents", "bars"),
    )
    dispatch_paused_until = fields.Datetime(
        "Paused Until",
        copy=False,
        groups=READERS,
        help="The pause ends then by itself.",
        frees_seats=True,
        logged="dispatch_paused",
        shown=("agents", "bars"),
    )
    dispatch_pause_reason_id = fields.Many2one(
        "livechat.pause.reason",
        "Reason of the Pause",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        frees_seats=False,
        logged=False,
        shown=("agents", "bars"),
    )
    dispatch_pause_above = fields.Integer(
        "Pause Above (chats)",
        at_least=0,
        at_most=CHATS_MAX,
        help="With more open chats than these the agent gets no new buyers; 0: never.",
        **_SETTING,
    )
    dispatch_resume_below = fields.Integer(
        "Resume Below (chats)",
        at_least=0,
        at_most=CHATS_MAX,
        help="With fewer open chats than these the agent gets new buyers again.",
        **_SETTING,
    )
    dispatch_overloaded = fields.Boolean(
        copy=False, readonly=True, groups=READERS, frees_seats=True, shown=("agents", "bars")
    )
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
        help="New buyers come in these working hours only; empty: whenever the agent is here.",
        **_SETTING,
        shown="agents",
    )
    # Whose pause ends by itself, and who has more chats than it wants: a handful among all who have
    # ever signed up, looked for each minute.
    _dispatch_paused_until_idx = models.Index(
        "(dispatch_paused_until) WHERE dispatch_paused_until IS NOT NULL"
    )
    _dispatch_overloaded_idx = models.Index("(id) WHERE dispatch_overloaded IS TRUE")

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
            # A new pause does not end when the last one was to end, nor is it for the same reason.
            vals = {"dispatch_paused_until": False, **vals}
        result = super().write(vals)
        if "dispatch_paused" in vals and "dispatch_pause_reason_id" not in vals:
            # sudo: res.users - nobody sets a reason but by pausing
            self.sudo().filtered("dispatch_pause_reason_id").dispatch_pause_reason_id = False
        if {"dispatch_pause_above", "dispatch_resume_below"} & vals.keys():
            self._follow_load()
        return result

    def _find_freed_channels(self, names):
        if not _ELSEWHERE.isdisjoint(names):
            return super()._find_freed_channels(names)
        return self._get_chat_channels()

    def dispatch_pause(self, until=False, reason_id=False):
        """Give these agents no new buyers; their own chats go on.

        :param until: when the pause ends by itself, in UTC; never, if not given.
        :param reason_id: a ``livechat.pause.reason`` of the list of their shop.
        :raise AccessError: for others than the agent, who manages its shop's dispatch, or a live
            chat manager.
        """
        self._check_pause()
        until = self._read_until(until)
        reasons = self._find_pause_reasons() if reason_id else ()
        if reason_id and not (sent.is_record_id(reason_id) and reason_id in reasons.ids):
            raise ValidationError(self.env._("This reason is not on the list any more."))
        # sudo: res.users - checked above, and nothing but the pause
        self.sudo().write(
            {
                "dispatch_paused": True,
                "dispatch_paused_until": until,
                "dispatch_pause_reason_id": reason_id,
            }
        )
        return True

    def _find_pause_reasons(self):
        """Return the reasons from which a pause of these agents, of one shop, is explained."""
        # sudo: res.users - of which shop's list they choose
        owners = {
            user._get_shop_owner() or user.livechat_channel_ids.main_account_id
            for user in self.sudo()
        }
        owner = owners.pop() if len(owners) == 1 else self.browse()
        return self.env["livechat.pause.reason"]._find_of_shop(owner[:1])

    @api.readonly
    def get_pause_reasons(self):
        """Return why these agents may pause, in the order of their shop: ``[[id, name], …]``.

        :raise AccessError: as for :meth:`dispatch_pause`.
        """
        self._check_pause()
        return [[reason.id, reason.name] for reason in self._find_pause_reasons()]

    def dispatch_resume(self):
        """Give these agents new buyers again."""
        self._check_pause()
        # sudo: res.users - checked above, and nothing but the pause
        self.sudo().write(
            {"dispatch_paused": False, "dispatch_paused_until": False, "dispatch_miss_count": 0}
        )
        return True

    def _get_livechat_status(self):
        """Return whether this user is ``online``, which is *here*, ``away`` or ``offline``."""
        # sudo: mail.presence - whether somebody is here
        presence = self.sudo().presence_ids
        return here.get_status(
            presence.status, presence.last_poll, self.manual_im_status, read_now(self.env)
        )

    def _is_paused(self):
        """Tell whether this agent is paused, see :func:`here.is_paused`."""
        return here.is_paused(self.dispatch_paused, self.dispatch_paused_until, read_now(self.env))

    @api.model
    def action_my_time_off(self):
        """Return the page on which an agent enters its own time off.

        :raise AccessError: for who receives no buyers.
        """
        user = self.env.user
        if not user._has_agent_group():
            raise AccessError(self.env._("Only agents enter their time off here."))
        # sudo: res.users, resource.resource - the caller's own, which only *Employees* would make
        user = user.sudo()
        resource = user.resource_ids[:1] or user.env["resource.resource"].with_context({}).create(
            {
                "name": user.name,
                "user_id": user.id,
                "company_id": user.company_id.id,
                # The hours of an agent are its shift.
                "calendar_id": False,
            }
        )
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "im_livechat_subaccount.resource_calendar_leaves_action_mine"
        )
        return {**action, "context": {"default_resource_id": resource.id}}

    def _find_time_off(self):
        """Return the time off of these users that is not over yet, in its order."""
        # sudo: resource.calendar.leaves - dispatch knows of it, whoever asks
        leaves = self.env["resource.calendar.leaves"].sudo()
        # Served by resource_calendar_leaves__livechat_own_idx.
        return leaves.search(
            [
                *here.TIME_OFF,
                ("resource_id.user_id", "in", self.ids),
                ("date_to", ">", read_now(self.env)),
            ],
            order="date_from, id",
        )

    def _find_returns(self, calendars):
        """Return when pause, time off and hours let buyers come to each of these agents, in UTC:
        now, for whom they do not keep away, ``None`` where nobody knows.

        :param calendars: the hours of where they serve; their own shifts are added.
        :rtype: dict[res.users, datetime.datetime | None]
        """
        now = read_now(self.env)
        # Colleagues have hours in common, which take long to read.
        find_opening = cache(lambda hours, moment: hours._find_opening(moment))
        leaves = self._find_time_off().grouped(lambda leave: leave.resource_id.user_id)
        found = {}
        for user in self:
            hours = calendars | user.dispatch_calendar_id
            moment = user.dispatch_paused_until if user._is_paused() else now
            moment = moment and find_opening(hours, moment)
            for leave in leaves.get(user, ()):
                if moment and leave.date_from <= moment < leave.date_to:
                    moment = find_opening(hours, leave.date_to)
            found[user] = moment or None
        return found

    def _follow_time_off(self):
        """Follow that these users have other time off: those who are agents may be free now."""
        # sudo: res.users - whether they are agents, whoever enters their time off
        agents = self.sudo().filtered(
            lambda user: user.livechat_channel_ids or user._get_shop_channels()
        )
        if agents:
            self.env["livechat.announcement"]._seat_may_be_free(agents._get_chat_channels())
            self.env["livechat.announcement"]._look_again(agents, "agents")

    @api.model
    def _find_past_pauses(self):
        """Return who is still called paused though the pause has ended by itself."""
        # Served by res_users__dispatch_paused_until_idx.
        ended = [
            ("dispatch_paused", "=", True),
            ("dispatch_paused_until", "<=", read_now(self.env)),
        ]
        return self.search(ended).filtered(lambda user: not user._is_paused())

    def _read_until(self, until):
        """Return the end of a pause as a datetime.

        :raise ValidationError: for what is none, or is past.
        """
        if not until:
            return False
        until = sent.to_moment(until)
        if not until:
            raise ValidationError(self.env._("This is no date and time."))
        if until <= read_now(self.env):
            raise ValidationError(self.env._("The end of the pause is past."))
        return until

    def _follow_load(self):
        """Pause agents who have more chats than they want, and let them resume."""
        # A search does not wait for computed relations by itself.
        self.env["discuss.channel"].flush_model(["dispatch_seat_partner_ids"])
        for user in self:
            chats = self.env["discuss.channel"].search_count(
                [
                    ("dispatch_seat_partner_ids", "in", user.partner_id.ids),
                    ("livechat_end_dt", "=", False),
                    # As the ledger: older ones are abandoned, and who says nothing has no seat.
                    ("last_interest_dt", ">=", read_now(self.env) - FORGOTTEN_AFTER),
                    *~Domain(match_given_up(read_now(self.env))),
                ]
            )
            limit = user.dispatch_pause_above
            if limit and chats > limit:
                user.dispatch_overloaded = True
            elif not limit or chats < (user.dispatch_resume_below or limit):
                user.dispatch_overloaded = False
