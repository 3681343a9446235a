from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL

from ..dispatch.ledger import FORGOTTEN_AFTER
from .res_users import READERS

# After so many buyers in a row without an answer an agent is paused.
_MISSES_TO_PAUSE = 3

# Odoo notes the activity of a browser once an hour.
_DEVICE_ACTIVE = timedelta(hours=1, minutes=5)

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

# What an agent sees of itself changes with these.
_STATUS = frozenset({"dispatch_paused", "dispatch_paused_until", "dispatch_overloaded"})


class ResUsers(models.Model):
    _inherit = "res.users"

    dispatch_paused_until = fields.Datetime(
        "Paused Until", copy=False, groups=READERS, help="The pause ends then by itself."
    )
    dispatch_pause_above = fields.Integer(
        "Pause Above (chats)",
        groups=READERS,
        help="With more open chats than these the agent gets no new buyers; 0: never.",
    )
    dispatch_resume_below = fields.Integer(
        "Resume Below (chats)",
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

    _dispatch_pause_limits = models.Constraint(
        "CHECK(dispatch_pause_above >= 0 AND dispatch_resume_below >= 0"
        " AND dispatch_resume_below <= dispatch_pause_above + 1)",
        "An agent resumes below the number of chats above which it pauses.",
    )

    @api.ondelete(at_uninstall=False)
    def _count_before_unlink(self):
        # sudo: livechat.dispatch.total - decisions are counted while they still name the agent
        self.env["livechat.dispatch.total"].sudo()._count(wait=True)

    def unlink(self):
        self.check_access("unlink")
        self._hand_over_chats()
        return super().unlink()

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
        if _STATUS & vals.keys():
            self._send_dispatch_status()
        return result

    def _send_dispatch_status(self):
        """Let the pages of these agents look again at :meth:`get_dispatch_status`."""
        for user in self:
            user._bus_send("livechat_dispatch/status", {})

    @api.model
    def _is_there_a_shift(self):
        """Tell whether any agent follows a shift; most shops have none."""
        # sudo: res.users - whether, not who
        return bool(
            self.sudo()
            .with_context(active_test=False)
            .search_count([("dispatch_calendar_id", "!=", False)], limit=1)
        )

    def _leave_reception(self, identifier):
        """Give away the chats of somebody who logs out, and let no more come.

        :param identifier: of the session that ends; whoever has another one stays.
        """
        self.ensure_one()
        # sudo: res.users, mail.presence - one's own chats and presence
        user = self.sudo()
        if not user.livechat_channel_ids.filtered(lambda row: row.dispatch_mode != "native"):
            return
        elsewhere = user.device_ids.filtered(
            lambda device: (
                not device.revoked
                and device.session_identifier != identifier
                and device.last_activity >= fields.Datetime.now() - _DEVICE_ACTIVE
            )
        )
        if elsewhere:
            # The other browser is still there, and its presence says for how long.
            return
        user.presence_ids.filtered(lambda row: row.status != "offline").status = "offline"
        user._hand_over_chats()

    # ------------------------------------------------------------
    # Pause
    # ------------------------------------------------------------

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

    @api.model
    def get_dispatch_status(self):
        """Return what an agent sees about itself, ``False`` for whoever is none.

        :return: ``{"paused", "until", "overloaded", "load", "capacity", "waiting", "lines"}``; the
            capacity is that of the agent's roomiest channel, ``None`` for no limit; ``lines`` says
            of which channel how many are waiting.
        :rtype: dict | bool
        """
        user = self.env.user
        # sudo: im_livechat.channel, res.users - the agent's own figures
        channels = user.sudo().livechat_channel_ids.filtered(
            lambda channel: channel.dispatch_mode != "native"
        )
        if not channels or not user._has_agent_group():
            return False
        # sudo: res.users - the agent's own figures
        user = user.sudo()
        loads, capacities = [0], []
        for channel in channels:
            for agent in channel._read_dispatch_agents(user):
                loads.append(channel._get_load(agent))
                capacities.append(channel._get_capacity(agent))
        lines = {channel.id: channel.dispatch_queued_count for channel in channels}
        until = user.dispatch_paused_until
        paused = user.dispatch_paused and (not until or until > fields.Datetime.now())
        return {
            "paused": paused,
            "until": fields.Datetime.to_string(until) if paused and until else False,
            "overloaded": user.dispatch_overloaded,
            "load": max(loads),
            "capacity": None if None in capacities else max(capacities, default=None),
            "waiting": sum(lines.values()),
            "lines": lines,
        }

    def _check_pause(self):
        for user in self:
            if user == self.env.user and user._has_agent_group():
                continue
            # sudo: res.users - whose sub-account it is
            if not self.env.user._manages_dispatch_of(user.sudo().main_account_id or user):
                raise AccessError(
                    self.env._("You can pause yourself and the agents of your shop only.")
                )

    def _read_until(self, until):
        """Return the end of a pause as a datetime.

        :raise ValidationError: for what is none, or is past.
        """
        if not until:
            return False
        try:
            until = fields.Datetime.to_datetime(until)
        except (TypeError, ValueError) as error:
            raise ValidationError(self.env._("This is no date and time.")) from error
        if until <= fields.Datetime.now():
            raise ValidationError(self.env._("The end of the pause is past."))
        return until

    def _manages_some_dispatch(self):
        """Tell whether there may be channels whose dispatch this user manages."""
        self.ensure_one()
        if self._is_shop_staff():
            return self.has_group("im_livechat_subaccount.group_dispatch_manager")
        return self.has_group("im_livechat.im_livechat_group_manager")

    def _manages_dispatch_of(self, main_account):
        """Tell whether this user manages the dispatch of that main account's shop, or all dispatch.

        :type main_account: res.users
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return self.has_group("im_livechat.im_livechat_group_manager")
        return main_account == self._get_shop_owner() and self._manages_some_dispatch()

    def _get_decision_domain(self):
        """Return which decision records this user may read: its own, or its shop's.

        :rtype: list
        """
        self.ensure_one()
        own = ["|", ("user_id", "=", self.id), ("previous_user_id", "=", self.id)]
        return [*self._get_shop_domain(), *([] if self._reads_all_decisions() else own)]

    def _reads_all_decisions(self):
        """Tell whether this user reads what dispatch did for others as well, in its shop."""
        self.ensure_one()
        return any(
            self.has_group(group)
            for group in (
                "im_livechat.im_livechat_group_manager",
                "im_livechat_subaccount.group_main_account",
                "im_livechat_subaccount.group_dispatch_manager",
                "im_livechat_subaccount.group_auditor",
            )
        )

    def _get_total_domain(self):
        """Return which figures this user may read: its own, or its shop's.

        :return: a domain on ``livechat.dispatch.total``.
        :rtype: list
        """
        self.ensure_one()
        own = [("user_id", "=", self.id)]
        reads_all = self._reads_all_decisions() or self.has_group(
            "im_livechat_subaccount.group_report_reader"
        )
        return [*self._get_shop_domain(), *([] if reads_all else own)]

    def _get_dispatch_presence(self):
        """Return what this agent does now, as in ``livechat.dispatch.presence``."""
        self.ensure_one()
        if self.presence_ids.status != "online":
            return "gone"
        return "paused" if self.dispatch_paused else "online"

    def _get_shop_of_figures(self):
        """Return in whose figures the time of this agent belongs: its main account, or the one
        whose channels it serves, if there is just one.

        :rtype: res.users
        """
        self.ensure_one()
        owners = self._get_shop_owner() or self.livechat_channel_ids.main_account_id
        return owners if len(owners) == 1 else owners.browse()

    @api.model
    def get_my_dispatch_figures(self):
        """Return an agent's own figures, ``False`` for whoever is none.

        :return: ``{"today": figures, "week": figures}``, since midnight and since midnight six days
            before, in the agent's time zone. Figures are ``{"received", "entitled", "served",
            "difference", "share", "online_seconds", "median_answer_seconds"}``: chats, the share
            between 0 and 1, and ``None`` for a median of nothing.
        :rtype: dict | bool
        """
        user = self.env.user
        if not user._has_agent_group():
            return False
        # sudo: livechat.dispatch.total - to count changes nothing that anybody decides
        self.env["livechat.dispatch.total"].sudo()._count(fresh=True)
        get_midnight = self.env["im_livechat.channel"]._get_midnight
        return {
            name: user._get_dispatch_figures(get_midnight(days))
            for name, days in (("today", 0), ("week", -6))
        }

    def _get_dispatch_figures(self, since):
        """Return the figures of :meth:`get_my_dispatch_figures` since a moment in UTC."""
        names = ("received", "entitled", "served", "difference", "share", "online_seconds")
        # sudo: livechat.dispatch.total, im_livechat.report.channel - one's own figures
        totals = self.env["livechat.dispatch.total"].sudo()
        chats = self.env["im_livechat.report.channel"].sudo()
        ((*sums,),) = totals._read_group(
            [("user_id", "=", self.id), ("hour", ">=", since)],
            aggregates=[f"{name}:{totals._fields[name].aggregator}" for name in names],
        )
        query = chats._search(
            [("partner_id", "=", self.partner_id.id), ("start_date", ">=", since)]
        )
        median = SQL("percentile_cont(0.5) WITHIN GROUP (ORDER BY time_to_answer)")
        ((hours,),) = self.env.execute_query(query.select(median))
        return {
            **{name: value or 0 for name, value in zip(names, sums, strict=True)},
            "median_answer_seconds": None if hours is None else round(3600 * hours),
        }

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

    def _count_miss(self):
        """Count a buyer whom this agent left without an answer; pause it after three in a row."""
        self.ensure_one()
        misses = self.dispatch_miss_count + 1
        if misses < _MISSES_TO_PAUSE:
            self.dispatch_miss_count = misses
            return
        with self.env["livechat.dispatch.log"]._by("dispatch"):
            self.write({"dispatch_miss_count": 0, "dispatch_paused": True})
        self._bus_send(
            "simple_notification",
            {
                "type": "warning",
                "sticky": True,
                "title": self.env._("You are paused"),
                "message": self.env._(
                    "Three buyers in a row got no answer from you and went to colleagues. Resume "
                    "when you are back."
                ),
            },
        )
