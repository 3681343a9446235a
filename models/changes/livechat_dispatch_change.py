from collections import defaultdict
from contextlib import contextmanager
from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_datetime

from ...dispatch import recurrence
from ...dispatch.recurrence import Occurrence, RuleError, Schedule
from ...dispatch.weights import CHATS_MAX
from ...tools import clock, phrase, sent
from ...tools.clock import WEEKDAYS
from ...tools.here import read_now

_LASTS_MAX = timedelta(days=366)
# So far ahead two changes are looked at for a moment they share.
_HORIZON = timedelta(days=731)


class LivechatDispatchChange(sent.Reader, models.Model):
    """Weights, pauses, capacity and mode of a channel for a time: 11 November, an evening shift.

    What it replaces is remembered when it starts and put back when it ends, unless somebody set it
    by hand meanwhile. Of changes of one value no two are in force at the same moment.
    """

    _name = "livechat.dispatch.change"
    _description = "Dated Change"
    _inherit = ["livechat.field.mixin"]
    _order = "next_start, start desc, id desc"

    name = fields.Char(required=True, logged=True)
    channel_id = fields.Many2one(
        "im_livechat.channel", "Channel", required=True, index=True, ondelete="cascade"
    )
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        related="channel_id.main_account_id",
        store=True,
        index="btree_not_null",
        readonly=True,
        # It follows the channel, and so would all that is said of the channel's.
        logged=False,
    )
    preset = fields.Selection(
        [
            ("singles_day", "11 November: every year, the whole day"),
            ("june", "18 June: every year, the whole day"),
            ("evening", "Evening shift: every day, 18:00 to 24:00"),
            ("weekend", "Weekend: Saturday and Sunday, the whole day"),
        ],
        "Fill In As",
        store=False,
        help="Fills in name, times and repetition; change them as you like.",
    )
    start = fields.Datetime(required=True, default=lambda self: self._get_midnight(1), logged=True)
    stop = fields.Datetime(
        "End",
        required=True,
        default=lambda self: self._get_midnight(2),
        logged=True,
    )
    tz = fields.Selection(
        lambda self: [(name, name) for name in pytz.common_timezones],
        "Time Zone",
        compute="_compute_tz",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        help="The shop's: what begins at 20:00 there begins at 20:00, in summer and in winter.",
        logged=True,
    )
    recurrence = fields.Selection(
        [
            ("none", "Does not repeat"),
            ("daily", "Every day"),
            ("weekly", "On chosen weekdays"),
            ("yearly", "Every year on this date"),
            ("custom", "By a rule of its own"),
        ],
        "Repeats",
        default="none",
        required=True,
        logged=True,
    )
    monday = fields.Boolean(logged=True)
    tuesday = fields.Boolean(logged=True)
    wednesday = fields.Boolean(logged=True)
    thursday = fields.Boolean(logged=True)
    friday = fields.Boolean(logged=True)
    saturday = fields.Boolean(logged=True)
    sunday = fields.Boolean(logged=True)
    rule = fields.Char(
        help="As RFC 5545 has it, without a time of day: FREQ=MONTHLY;BYDAY=1MO is the first "
        "Monday of each month.",
        logged=True,
    )
    until = fields.Date(
        "Repeats Until",
        help="The last day on which it starts; empty: for ever.",
        logged=True,
    )
    dispatch_mode = fields.Selection(
        "_get_modes",
        "Dispatch",
        help="Empty leaves the mode as it is.",
        logged=True,
    )
    max_sessions_mode = fields.Selection(
        [("limited", "Limited"), ("unlimited", "Unlimited")],
        "Capacity",
        help="Empty leaves the capacity as it is.",
        logged=True,
    )
    max_sessions = fields.Integer(
        "Chats at Weight 100",
        at_least=0,
        at_most=CHATS_MAX,
        help="How many chats an agent of weight 100 can have.",
        logged=True,
    )
    line_ids = fields.One2many(
        "livechat.dispatch.change.line",
        "change_id",
        "Agents",
        copy=True,
        logged=True,
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("planned", "Planned"),
            ("running", "In force"),
            ("done", "Over"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        index=True,
        logged=True,
    )
    next_start = fields.Datetime(
        "Starts", readonly=True, copy=False, help="The time it runs, or the next one."
    )
    next_stop = fields.Datetime("Ends", readonly=True, copy=False)
    # Times that start then or earlier are over.
    last_start = fields.Datetime(readonly=True, copy=False)
    replaced = fields.Json(readonly=True, copy=False)
    summary = fields.Char("What Changes", compute="_compute_summary")
    can_manage = fields.Boolean(compute="_compute_can_manage")
    settable_ids = fields.Many2many(
        "res.users",
        string="Agents to Choose",
        compute="_compute_settable_ids",
        help="Whose weight the reader may set: nobody is offered whom saving refuses.",
    )

    _due_idx = models.Index("(state, next_start)")

    @api.model
    def _get_modes(self):
        field = self.env["im_livechat.channel"]._fields["dispatch_mode"]
        return field._description_selection(self.env)

    @api.model
    def _get_midnight(self, days):
        """Return the midnight so many days from today, for whoever asks, in UTC."""
        return clock.get_midnight(read_now(self.env), self.env.tz, days)

    @api.model
    def _find_tz(self, *users):
        """Return the first time zone that one of these users has set, else UTC."""
        # sudo: res.users - when it is noon in a shop is no secret
        users = self.env["res.users"].sudo().union(*users)
        return next((user.tz for user in users if user.tz in pytz.common_timezones_set), "UTC")

    @api.depends("channel_id")
    def _compute_tz(self):
        for change in self:
            change.tz = self._find_tz(change.channel_id.main_account_id, self.env.user)

    @api.depends(
        "dispatch_mode", "max_sessions_mode", "max_sessions", "line_ids.weight", "line_ids.pause"
    )
    @api.depends_context("lang")
    def _compute_summary(self):
        modes = dict(self._get_modes())
        for change in self:
            parts = [line.display_name for line in change.line_ids]
            if len(parts) > 3:
                parts = [self.env._("%(count)s agents", count=len(parts))]
            if change.dispatch_mode:
                parts.append(phrase.name_choice(modes[change.dispatch_mode]))
            if change.max_sessions_mode == "limited":
                parts.append(self.env._("Capacity %(count)s", count=change.max_sessions))
            elif change.max_sessions_mode:
                parts.append(self.env._("Capacity without limit"))
            change.summary = phrase.enumerate_parts(self.env, parts)

    @api.depends("main_account_id")
    @api.depends_context("uid")
    def _compute_can_manage(self):
        for change in self:
            # sudo: livechat.dispatch.change - whose it is
            owner = change.sudo().main_account_id
            change.can_manage = self.env.user._manages_dispatch_of(owner)

    @api.depends("channel_id")
    @api.depends_context("uid")
    def _compute_settable_ids(self):
        for change in self:
            change.settable_ids = change._find_settable().ids

    def _find_settable(self):
        """Return the agents of this change's channel whose weight the caller may set."""
        # sudo: livechat.dispatch.change, im_livechat.channel - who serves a channel that one reads
        agents = self.sudo().channel_id.user_ids
        return agents if self.env.su else agents._find_manageable(self.env.user)[0]

    @api.onchange("preset")
    def _onchange_preset(self):
        if not self.preset:
            return
        zone = pytz.timezone(self.tz or self._find_tz(self.env.user))
        today = datetime.combine(clock.get_day(read_now(self.env), zone), time.min)
        name, when, repeats = {
            "singles_day": (self.env._("11 November"), {"month": 11, "day": 11}, "yearly"),
            "june": (self.env._("18 June"), {"month": 6, "day": 18}, "yearly"),
            "evening": (self.env._("Evening shift"), {"hour": 18}, "daily"),
            "weekend": (self.env._("Weekend"), {}, "weekly"),
        }[self.preset]
        start = today.replace(**when)
        if start < today:
            start = start.replace(year=start.year + 1)
        stop = start.replace(hour=0) + timedelta(days=1)
        for weekday in WEEKDAYS:
            self[weekday] = self.preset == "weekend" and weekday in ("saturday", "sunday")
        self.name = name
        self.start, self.stop = clock.to_moment(start, zone), clock.to_moment(stop, zone)
        self.recurrence = repeats

    # ------------------------------------------------------------
    # Create, write, delete
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Make drafts of changes.

        :raise AccessError: a channel, an agent or a field that is not the caller's.
        :raise ValidationError: times, a rule or a weight that are none, another channel's agent.
        """
        self.check_access("create")
        clean = self.browse().with_context(sent.without_defaults(self.env.context))
        vals_list = clean._read_sent(vals_list, new=True)
        for vals in vals_list:
            self._check_channel(self.env["im_livechat.channel"].browse(vals["channel_id"]))
        changes = super(LivechatDispatchChange, self._sudo_clean()).create(vals_list)
        changes = changes.with_env(self.env)
        changes._check_saved()
        self.env["livechat.dispatch.log"]._note_created(changes)
        return changes

    def write(self, vals):
        """Change drafts and planned changes; see ``create``.

        :raise UserError: it is in force or over.
        """
        self._check_manageable()
        (vals,) = self._read_sent([vals])
        for change in self:
            if change.state not in ("draft", "planned"):
                raise UserError(
                    self.env._(
                        "%(change)s cannot be edited now. Undo it first, or take it back to draft.",
                        change=change.name,
                    )
                )
            if vals.get("channel_id", change.channel_id.id) != change.channel_id.id:
                raise ValidationError(
                    self.env._(
                        "A dated change stays in its channel. Make a new one in the other channel."
                    )
                )
        schedules = {change: change._get_schedule() for change in self}
        self._store(vals)
        moved = self.filtered(lambda change: change._get_schedule() != schedules[change])
        moved._store({"last_start": False})
        self._check_saved()
        planned = self.filtered(lambda change: change.state == "planned")
        for change in planned:
            change._check_plan()
            change._set_next()
            change._start_if_due()
        return True

    def _store(self, vals):
        """Write values that this file has built or checked."""
        # sudo: livechat.dispatch.change - the caller has checked who asks
        with self.env["livechat.dispatch.log"]._comparing(self, vals):
            super(LivechatDispatchChange, self._sudo_clean()).write(vals)
        return True

    def _sudo_clean(self):
        # sudo: livechat.dispatch.change - callers check who asks, and read what they say
        return self.sudo().with_context(sent.without_defaults(self.env.context))

    def unlink(self):
        self._check_manageable()
        with self.env["livechat.dispatch.log"]._deleting(self):
            return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_running(self):
        for change in self:
            if change.state == "running":
                raise UserError(
                    self.env._("%(change)s is in force: undo it first.", change=change.name)
                )

    def copy_data(self, default=None):
        sent.expect_ids(self)
        sent.expect_values(self.env, default or {})
        return [
            {**vals, "name": (default or {}).get("name") or self.env._("%s (copy)", change.name)}
            for change, vals in zip(self, super().copy_data(default), strict=True)
        ]

    # ------------------------------------------------------------
    # What a caller may say
    # ------------------------------------------------------------

    def _read_sent(self, vals_list, form=False, new=False):
        read = super()._read_sent(vals_list, form=form, new=new)
        for vals in read if not form else ():
            vals.pop("preset", None)
            if vals.get("rule"):
                with self._following_rule():
                    vals["rule"] = recurrence.clean_rule(vals["rule"])
        return read

    def _check_manageable(self):
        """Refuse who does not manage the dispatch of these changes' channels.

        :raise AccessError:
        """
        sent.expect_ids(self)
        self.check_access("write")
        for change in self:
            self._check_channel(change.channel_id)

    def _check_channel(self, channel):
        # sudo: im_livechat.channel - whose it is
        owner = channel.sudo().main_account_id
        if not (self.env.su or self.env.user._manages_dispatch_of(owner)):
            raise AccessError(self.env._("You do not manage the dispatch of this channel."))

    # ------------------------------------------------------------
    # Checks
    # ------------------------------------------------------------

    def _check_saved(self):
        """Refuse what could never be put in force.

        :raise ValidationError:
        :raise AccessError: an agent whose weight is not the caller's to set.
        """
        for change in self:
            if change.stop <= change.start:
                raise ValidationError(self.env._("The end comes after the start."))
            if change.stop - change.start > _LASTS_MAX:
                raise ValidationError(self.env._("A dated change lasts at most a year."))
            if change.recurrence == "weekly" and not change._get_weekdays():
                raise ValidationError(self.env._("Choose at least one weekday."))
            if change.recurrence == "custom":
                if not change.rule:
                    raise ValidationError(self.env._("Write down the rule by which it repeats."))
                with self._following_rule():
                    occurrences = recurrence.get_occurrences(change._get_schedule(), datetime.min)
                    if not next(occurrences, None):
                        raise ValidationError(self.env._("By this rule it never starts."))
            if change.max_sessions_mode == "limited" and change.max_sessions < 1:
                raise ValidationError(
                    self.env._("Say how many chats an agent of weight 100 can have.")
                )
            change._check_agents()

    @contextmanager
    def _following_rule(self):
        """Let a rule that cannot be followed be refused in words."""
        try:
            yield
        except RuleError as error:
            raise ValidationError(
                self.env._(
                    "The rule cannot be followed (%(part)s). It says at most how often by day, "
                    "week, month or year, such as FREQ=MONTHLY;BYDAY=1MO; the time of day comes "
                    "from the start, and the last day from Repeats Until.",
                    part=error.args[0] or "?",
                )
            ) from error

    def _check_agents(self):
        # sudo: livechat.dispatch.change, im_livechat.channel - all agents count, also disabled ones
        change = self.sudo().with_context(active_test=False)
        agents = change.line_ids.user_id
        if strangers := agents - change.channel_id.user_ids:
            raise ValidationError(
                self.env._(
                    "%(agents)s: no agent of %(channel)s. Let them join the channel first.",
                    agents=phrase.join(self.env, strangers[:5].mapped("name")),
                    channel=change.channel_id.name,
                )
            )
        beyond = agents - agents._find_manageable(self.env.user)[0]
        if beyond and not self.env.su:
            raise AccessError(
                self.env._(
                    "You cannot set how %(agents)s get buyers.",
                    # sudo: res.users - named by the caller, and agents of the caller's channel
                    agents=phrase.join(self.env, beyond.sudo()[:5].mapped("name")),
                )
            )

    def _check_plan(self):
        """Refuse what is empty, over already, or in force at the same moment as another change.

        :raise ValidationError:
        """
        self.ensure_one()
        if not self._get_keys():
            raise ValidationError(
                self.env._("Say what changes: the weight of an agent, the capacity or the mode.")
            )
        now = read_now(self.env)
        if self.state != "running" and not self._find_next(now):
            raise ValidationError(self.env._("The end of %(change)s is past.", change=self.name))
        horizon = max(now, self.start) + _HORIZON
        occurrences = list(self._get_occurrences(now, horizon))
        if again := recurrence.overlaps_itself(occurrences):
            raise ValidationError(
                self.env._(
                    "It lasts longer than until it starts again on %(moment)s.",
                    moment=format_datetime(self.env, again.start),
                )
            )
        self._check_overlap(occurrences, horizon)

    def _check_overlap(self, occurrences, horizon):
        """Refuse occurrences in which another change of the same values is in force.

        :raise ValidationError: naming the other change.
        """
        now = read_now(self.env)
        for other, keys in self._find_others():
            found = recurrence.find_overlap(occurrences, other._get_occurrences(now, horizon))
            if found:
                raise ValidationError(
                    self.env._(
                        "%(other)s changes the same from %(start)s to %(stop)s: %(what)s. Choose "
                        "other times, or take it out of one of them.",
                        other=other.with_env(self.env)._get_name(),
                        start=format_datetime(self.env, found[1].start),
                        stop=format_datetime(self.env, found[1].stop),
                        what=self._describe_key(min(keys)),
                    )
                )

    def _get_name(self):
        """Return its name, if it is one that the caller may know."""
        readable = self._filtered_access("read")
        return readable.name if readable else self.env._("Another dated change")

    def _find_others(self):
        """Yield the planned or running changes that set a value this one sets, with the values."""
        # sudo: livechat.dispatch.change - an agent of two channels has one weight
        change = self.sudo().with_context(active_test=False)
        mine = change._get_keys()
        others = change.search(
            [
                ("id", "!=", change.id),
                ("state", "in", ("planned", "running")),
                "|",
                ("channel_id", "=", change.channel_id.id),
                ("line_ids.user_id", "in", change.line_ids.user_id.ids),
            ]
        )
        for other in others:
            if keys := mine & other._get_keys():
                yield other, keys

    def _describe_key(self, key):
        model, id_, name = key
        if model == "im_livechat.channel":
            return self.env._("Capacity") if name == "max_sessions" else self.env._("Dispatch")
        # sudo: res.users - named by the caller
        agent = self.env["res.users"].sudo().browse(id_).name
        if name == "dispatch_weight":
            return self.env._("weight of %(agent)s", agent=agent)
        return self.env._("pause of %(agent)s", agent=agent)

    # ------------------------------------------------------------
    # When
    # ------------------------------------------------------------

    def _get_weekdays(self):
        return tuple(number for number, name in enumerate(WEEKDAYS) if self[name])

    def _get_schedule(self):
        """Return when it is in force, for the pure engine."""
        self.ensure_one()
        return Schedule(
            self.start,
            self.stop,
            self.tz,
            self.recurrence,
            self._get_weekdays(),
            self.rule or "",
            None if self.recurrence == "none" else self.until or None,
        )

    def _find_next(self, now):
        """Return the occurrence that includes this moment, or else the next one, ``None`` if none
        is left."""
        return recurrence.get_next(self._get_schedule(), now, self.last_start or None)

    def _get_occurrences(self, after, before):
        """Yield when it is, or will be, in force between two moments, in order."""
        self.ensure_one()
        over = self.last_start
        if self.state == "running":
            over = self.next_start
            if self.next_stop > after and self.next_start < before:
                yield Occurrence(self.next_start, self.next_stop)
        for occurrence in recurrence.get_occurrences(self._get_schedule(), after, before):
            if not over or occurrence.start > over:
                yield occurrence

    def _set_state(self, state, start=False, stop=False, **more):
        """Note the state, and the time it runs or will run next."""
        self._store({"state": state, "next_start": start, "next_stop": stop, **more})

    def _set_next(self):
        """Look for the next time, and plan to be woken then; without one it is over."""
        start, stop = self._find_next(read_now(self.env)) or (False, False)
        self._set_state("planned" if start else "done", start, stop, replaced=False)
        if start:
            self._wake_at(start)

    def _wake_at(self, moment):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch", raise_if_not_found=False)
        if cron:
            # sudo: ir.cron - that something happens then
            cron.sudo()._trigger(at=moment)

    # ------------------------------------------------------------
    # By hand
    # ------------------------------------------------------------

    def _hold(self, states, refusal):
        """Yield these changes one by one, each as it is now and held until the transaction ends.

        :param states: those in which it may be.
        :raise AccessError: the caller does not manage one.
        :raise UserError: ``refusal``, with the name of one in another state.
        :raise LockError: somebody else holds one.
        """
        self._check_manageable()
        for change in self:
            if change.state not in states:
                raise UserError(refusal % {"change": change.name})
            self.env.flush_all()
            # sudo: livechat.dispatch.change - checked above who asks
            change.sudo().lock_for_update(allow_referencing=True)
            change.invalidate_recordset(["state", "next_start", "next_stop", "replaced"])
            yield change

    def action_plan(self):
        """Let changes start and end by themselves; one that is due starts at once.

        :raise ValidationError: nothing to change, over already, or overlapping another change.
        """
        for change in self._hold(["draft"], self.env._("%(change)s is no draft any more.")):
            change._check_saved()
            change._check_plan()
            change._set_next()
            change._start_if_due()
        return True

    def action_start(self):
        """Put changes in force now, for as long as planned; the planned times stay.

        :raise ValidationError: see ``action_plan``.
        """
        refusal = self.env._("%(change)s cannot start now.")
        for change in self._hold(["draft", "planned"], refusal):
            change._check_saved()
            if change.state == "draft":
                change._check_plan()
            now = read_now(self.env)
            found = change._find_next(now)
            if not found or found.start > now:
                found = Occurrence(now, now + (change.stop - change.start))
            change._check_overlap([found], found.stop)
            change._start(found)
        return True

    def action_undo(self):
        """End changes that are in force now, and put back what they replaced.

        Their next planned times stay; ``action_cancel`` ends these as well.

        :raise UserError: one is not in force.
        """
        for change in self._hold(["running"], self.env._("%(change)s is not in force.")):
            change._finish(read_now(self.env))
        return True

    def action_cancel(self):
        """Take changes out of the plan; what is in force is undone."""
        refusal = self.env._("%(change)s is over.")
        for change in self._hold(["draft", "planned", "running"], refusal):
            if change.state == "running":
                change._restore()
            change._set_state("cancelled", replaced=False)
        return True

    def action_draft(self):
        """Take changes that are planned, over or cancelled back to draft."""
        refusal = self.env._("%(change)s is in force: undo it first.")
        for change in self._hold(["planned", "done", "cancelled"], refusal):
            change._set_state("draft", last_start=False)
        return True

    def action_add_agents(self):
        """Add the channel's agents who are missing, with the weight they have now."""
        self._check_manageable()
        for change in self:
            # sudo: livechat.dispatch.change - all its lines
            agents = change._find_settable() - change.sudo().line_ids.user_id
            lines = [{"user_id": agent.id, "weight": agent.dispatch_weight} for agent in agents]
            change.write({"line_ids": list(map(Command.create, lines))})
        return True

    def action_preview(self):
        """Open what is in force when this change starts, drafts as if they were planned."""
        sent.expect(self.env, len(self) == 1)
        sent.expect_ids(self)
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Is in Force When"),
            "res_model": "livechat.dispatch.forecast",
            "views": [(False, "form")],
            "target": "current",
            "context": {
                "default_channel_id": self.channel_id.id,
                "default_change_id": self.id,
                "default_moment": fields.Datetime.to_string(self.next_start or self.start),
            },
        }

    # ------------------------------------------------------------
    # By the clock
    # ------------------------------------------------------------

    @api.model
    def _run_due(self, attempt):
        """End and start what is due: all ends first, so that nothing starts on a borrowed value.

        :param attempt: called with what is to be done about one change; commits it.
        """
        now = read_now(self.env)
        running = self.search(
            [("state", "=", "running"), ("next_stop", "<=", now)], order="next_stop, id"
        )
        for change in running:
            attempt(change._end_if_due)
        planned = self.search(
            [("state", "=", "planned"), ("next_start", "<=", now)], order="next_start, id"
        )
        for change in planned:
            attempt(change._start_if_due)

    def _end_if_due(self):
        change = self.try_lock_for_update(allow_referencing=True)
        change.invalidate_recordset(["state", "next_start", "next_stop", "replaced"])
        if change and change.state == "running" and change.next_stop <= read_now(self.env):
            change._finish(change.next_start)

    def _start_if_due(self):
        self.env.flush_all()
        # sudo: livechat.dispatch.change - the clock does what was checked when it was planned
        change = self.sudo().try_lock_for_update(allow_referencing=True).sudo(self.env.su)
        change.invalidate_recordset(["state", "next_start", "next_stop", "replaced"])
        now = read_now(self.env)
        if not change or change.state != "planned" or change.next_start > now:
            return
        found = change._find_next(now)
        if not found or found.start != change.next_start:
            log = self.env["livechat.dispatch.log"]
            what, state = "livechat.dispatch.change.state", "planned" if found else "done"
            with log._by("change", change):
                log._add_rows([log._describe(change, what, "planned", state, remark="missed")])
            change._set_next()
        if not found or found.start > now:
            return
        if any(other.state == "running" for other, _keys in change._find_others()):
            # It holds a value that this one is to set, because it was started by hand: afterwards.
            return
        change._start(found)

    def _start(self, occurrence):
        """Set the values and remember what they replace."""
        log = self.env["livechat.dispatch.log"]
        # sudo: livechat.dispatch.log - which rows were there before
        since = log.sudo().search([], limit=1).id
        with log._by("change", self):
            replaced = {"since": since or 0, "values": self._apply()}
            self._set_state("running", *occurrence, replaced=replaced)
        self._wake_at(occurrence.stop)

    def _finish(self, last_start):
        """Put back the values, and wait for the next time, if there is one.

        :param last_start: times that start then or earlier are over.
        """
        self._restore()
        self._store({"last_start": last_start})
        with self.env["livechat.dispatch.log"]._by("change", self):
            self._set_next()

    def _get_wanted(self):
        """Return what this change sets: ``{record: {field: value}}``."""
        # sudo: livechat.dispatch.change - its agents, also the disabled ones
        change = self.sudo().with_context(active_test=False)
        wanted = {line.user_id: line._get_values() for line in change.line_ids}
        names = [name for name in ("dispatch_mode", "max_sessions_mode") if change[name]]
        if change.max_sessions_mode == "limited":
            names.append("max_sessions")
        if values := {name: change[name] for name in names}:
            wanted[change.channel_id] = values
        return wanted

    def _get_keys(self):
        """Return which values this change sets, as ``(model, id, field)``; of the capacity one."""
        return {
            (record._name, record.id, "max_sessions" if name == "max_sessions_mode" else name)
            for record, values in self._get_wanted().items()
            for name in values
        }

    def _apply(self):
        """Set what this change sets, on agents who still are the channel's.

        :return: what was there before, as :meth:`_restore` wants it.
        """
        log = self.env["livechat.dispatch.log"]
        wanted, replaced, rows = self._get_wanted(), [], []
        # sudo: im_livechat.channel - all agents, also the disabled ones
        staff = self.sudo().with_context(active_test=False).channel_id.user_ids
        todo = defaultdict(dict)
        for record, values in wanted.items():
            for name, new in values.items():
                old = log._read_values_of(record, name)[record.id]
                if record._name == "res.users" and record not in staff:
                    rows.append(log._describe(record, f"res.users.{name}", old, old, remark="gone"))
                elif old != new:
                    todo[record][name] = new
                    where = {"model": record._name, "id": record.id, "field": name}
                    replaced.append({**where, "old": old, "new": new})
        _write_all(todo)
        log._add_rows(rows)
        return replaced

    def _restore(self):
        """Put back what these changes replaced, except what somebody set by hand meanwhile."""
        log = self.env["livechat.dispatch.log"]
        for change in self:
            kept = change.sudo().replaced or {}  # sudo: livechat.dispatch.change - the server's
            todo, rows = defaultdict(dict), []
            now = read_now(self.env)
            with log._by("change", change):
                for value in kept.get("values", ()):
                    # sudo: res.users, im_livechat.channel - what was set is put back
                    record = self.env[value["model"]].sudo().browse(value["id"]).exists()
                    if not record:
                        continue
                    name = value["field"]
                    current = log._read_values_of(record, name)[record.id]
                    if current == value["old"]:
                        continue
                    if current != value["new"] or log._is_set_by_hand(record, name, kept["since"]):
                        values = f"{record._name}.{name}", value["new"], current
                        rows.append(log._describe(record, *values, remark="kept"))
                    else:
                        todo[record].update(_get_old_values(name, value["old"], now))
                _write_all(todo)
                log._add_rows(rows)


def _write_all(todo):
    """Write values of records, together where they are the same.

    :param todo: ``{record: values}``.
    """
    together = {}
    for record, values in todo.items():
        key = (record._name, tuple(sorted(values.items())))
        together[key] = together.get(key, record.browse()) | record
    for (_name, values), records in together.items():
        # sudo: res.users, im_livechat.channel - checked when the change was saved
        records.sudo().write(dict(values))


def _get_old_values(name, old, now):
    """Return the values that bring back a logged one."""
    if name != "dispatch_paused" or not isinstance(old, str):
        return {name: old}
    until = fields.Datetime.to_datetime(old)
    if until <= now:
        # That pause would be over by now.
        return {"dispatch_paused": False}
    return {"dispatch_paused": True, "dispatch_paused_until": until}
