from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from functools import partial

import pytz

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tools import format_date, format_datetime

from ..dispatch import replay
from ..dispatch.weights import CHATS_MAX
from ..tools import clock, phrase, sent
from ..tools.here import read_now

# A replay has to end while somebody looks at the page; see the tests for what it takes.
_ARRIVALS_MAX = 50_000
_DAYS_MAX = 92

# Settings of the channel that are on the sheet, as they are until somebody says otherwise.
_SETTINGS = (
    "dispatch_mode",
    "max_sessions_mode",
    "max_sessions",
    "main_account_participation",
    "queue_enabled",
)
_SETTING = {"compute": "_compute_settings", "store": True, "readonly": False}


class LivechatDispatchWhatif(sent.Reader, models.TransientModel):
    """A sheet with other weights, groups or settings, and what they would have done to the buyers
    of a past period. Nothing of it is in force before :meth:`action_apply`."""

    _name = "livechat.dispatch.whatif"
    _description = "Dispatch What If"

    channel_id = fields.Many2one(
        "im_livechat.channel",
        "Channel",
        required=True,
        default=lambda self: self._search_channels()[:1],
        ondelete="cascade",
        domain="[('dispatch_mode', '!=', 'native')]",
    )
    period = fields.Selection(
        [
            ("yesterday", "Yesterday"),
            ("today", "Today"),
            ("week", "The last 7 days"),
            ("custom", "Other"),
        ],
        required=True,
        default="yesterday",
    )
    date_from = fields.Datetime(
        "From", compute="_compute_dates", store=True, readonly=False, precompute=True
    )
    date_to = fields.Datetime(
        "To", compute="_compute_dates", store=True, readonly=False, precompute=True
    )
    arrival_count = fields.Integer("Buyers", compute="_compute_arrival_count")
    dispatch_mode = fields.Selection(
        [
            ("share", "Share: new chats in proportion to the weights"),
            ("least_load", "Least load: the lowest load for its weight"),
        ],
        string="Dispatch",
        **_SETTING,
    )
    max_sessions_mode = fields.Selection(
        [("unlimited", "Unlimited"), ("limited", "Limited")],
        string="Chats at the Same Time",
        **_SETTING,
    )
    max_sessions = fields.Integer(
        "Capacity at Weight 100",
        at_least=0,
        at_most=CHATS_MAX,
        help="How many chats an agent of weight 100 may have at the same time.",
        **_SETTING,
    )
    main_account_participation = fields.Selection(
        [
            ("never", "Never"),
            ("fallback", "When nobody else can"),
            ("member", "Like any agent"),
        ],
        string="Main Account Takes Chats",
        **_SETTING,
    )
    queue_enabled = fields.Boolean("Waiting Line", **_SETTING)
    has_groups = fields.Boolean(compute="_compute_has_groups")
    line_ids = fields.One2many(
        "livechat.dispatch.whatif.line",
        "whatif_id",
        "Agents",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    result = fields.Json(readonly=True)
    is_stale = fields.Boolean(readonly=True)
    has_changes = fields.Boolean(compute="_compute_has_changes")

    def _compute_display_name(self):
        for sheet in self:
            sheet.display_name = self.env._("What If")

    @api.depends("period")
    def _compute_dates(self):
        for sheet in self:
            if sheet.period != "custom" or not (sheet.date_from and sheet.date_to):
                sheet.date_from, sheet.date_to = sheet._get_period()

    @api.depends("channel_id", "date_from", "date_to")
    def _compute_arrival_count(self):
        for sheet in self:
            channel = sheet._find_channel()
            period = sheet.date_from, sheet.date_to
            sheet.arrival_count = channel._count_arrivals(*period) if channel and all(period) else 0

    @api.depends("channel_id")
    def _compute_settings(self):
        for sheet in self:
            channel = sheet._find_channel()
            for name in _SETTINGS:
                sheet[name] = channel[name]

    @api.depends("channel_id")
    def _compute_has_groups(self):
        for sheet in self:
            sheet.has_groups = bool(sheet._find_channel().dispatch_group_ids)

    @api.depends("channel_id")
    def _compute_line_ids(self):
        for sheet in self:
            channel = sheet._find_channel()
            lines = [Command.clear()]
            for user in (channel.user_ids | channel.main_account_id).sorted("name"):
                group_ids = [
                    group.id for group in channel.dispatch_group_ids if user in group.user_ids
                ]
                values = {"user_id": user.id, "weight": user.dispatch_weight}
                lines.append(Command.create({**values, "group_ids": [Command.set(group_ids)]}))
            sheet.line_ids = lines

    @api.depends("result")
    def _compute_has_changes(self):
        for sheet in self:
            sheet.has_changes = bool((sheet.result or {}).get("changes"))

    @api.constrains("date_from", "date_to", "max_sessions", "max_sessions_mode", "channel_id")
    def _check_sheet(self):
        for sheet in self:
            sheet._get_managed_channel()
            if not (sheet.date_from and sheet.date_to) or sheet.date_from >= sheet.date_to:
                raise ValidationError(self.env._("The period ends before it begins."))
            if sheet.date_to - sheet.date_from > timedelta(days=_DAYS_MAX):
                raise ValidationError(
                    self.env._("A period has at most %(maximum)s days.", maximum=_DAYS_MAX)
                )
            if sheet.max_sessions_mode == "limited" and sheet.max_sessions < 1:
                raise ValidationError(
                    self.env._("Say how many chats an agent of weight 100 can have.")
                )

    # ------------------------------------------------------------
    # What a caller may say
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Open sheets.

        :raise AccessError: a channel or an agent that is not the caller's.
        :raise UserError: a value that is none.
        """
        sheets = super().create(self.browse()._read_sent(vals_list, new=True))
        # As the caller: whoever looked at the lines first would own them.
        sheets.mapped("line_ids")
        return sheets

    def write(self, vals):
        """Change sheets; see ``create``."""
        (vals,) = self._read_sent([vals])
        result = super().write({**vals, "is_stale": True} if vals else vals)
        self.mapped("line_ids")
        return result

    @api.onchange("channel_id", "period", "date_from", "date_to", *_SETTINGS, "line_ids")
    def _onchange_sheet(self):
        self.is_stale = True

    def _read_sent(self, vals_list, form=False, new=False):
        read = super()._read_sent(vals_list, form=form, new=new)
        for vals in read:
            channel = self._find_channel()
            if vals.get("channel_id"):
                channel = self._search_channels([("id", "=", vals["channel_id"])])
                if not channel:
                    raise AccessError(self.env._("You do not manage the dispatch of this channel."))
            channel = channel or self._search_channels()[:1]
            for _code, _line_id, line_vals in vals.get("line_ids") or ():
                if isinstance(line_vals, dict):
                    self.line_ids._check_choice(line_vals, channel)
        return read

    @api.model
    def _search_channels(self, domain=()):
        """Return the channels whose dispatch the caller may replay."""
        channels = self.env["im_livechat.channel"].search(
            [*domain, ("dispatch_mode", "!=", "native")], order="id"
        )
        user = self.env.user
        return channels.filtered(
            # sudo: im_livechat.channel - whose it is
            lambda channel: user._manages_dispatch_of(channel.sudo().main_account_id)
        )

    def _find_channel(self):
        """Return the channel of the sheet, if its dispatch is the caller's to manage."""
        found = self._search_channels([("id", "in", self[:1].channel_id._origin.ids)])
        # sudo: im_livechat.channel - who manages its dispatch sees how it is set up
        return found.sudo()

    # ------------------------------------------------------------
    # The period
    # ------------------------------------------------------------

    def _get_period(self):
        """Return the beginning and the end of the chosen period, in UTC."""
        period = {"today": (0, 1), "week": (-7, 0)}.get(self.period, (-1, 0))
        now = read_now(self.env)
        return tuple(clock.get_midnight(now, self.env.tz, days) for days in period)

    def _to_utc(self, day, hours):
        """Return a time of a day where the caller is, in UTC.

        :param hours: since midnight, up to 24.
        """
        local = datetime.combine(day, time()) + timedelta(minutes=round(60 * hours))
        return clock.to_moment(local, self.env.tz)

    def _get_days(self):
        """Return the period's days, and the one before: a night shift reaches into the next."""
        period = self.date_from, self.date_to
        first, last = (clock.get_day(moment, self.env.tz) for moment in period)
        return [first + timedelta(days=day) for day in range(-1, (last - first).days + 1)]

    # ------------------------------------------------------------
    # Replay
    # ------------------------------------------------------------

    def action_replay(self):
        """Let the buyers of the period come once more, as it was and with this sheet.

        :raise AccessError: not the caller's channel.
        :raise UserError: more buyers than can be replayed while somebody waits.
        """
        channel = self._get_managed_channel()
        self._check_sheet()
        count = channel._count_arrivals(self.date_from, self.date_to)
        if count > _ARRIVALS_MAX:
            raise UserError(
                self.env._(
                    "%(count)s buyers came in this period; at most %(maximum)s can be replayed. "
                    "Choose a shorter period.",
                    count=count,
                    maximum=_ARRIVALS_MAX,
                )
            )
        past = channel._read_past(self.date_from, self.date_to)
        baseline = replay.replay(past.day)
        changed = replay.replay(self._get_changed_day(channel, past))
        self._store({"result": self._describe(channel, past, baseline, changed), "is_stale": False})
        return True

    def _get_managed_channel(self):
        self.ensure_one()
        self.check_access("write")
        channel = self._find_channel()
        if not channel:
            raise AccessError(self.env._("You do not manage the dispatch of this channel."))
        return channel

    def _store(self, vals):
        """Write what only the server may say."""
        return super().write(vals)

    def _get_changed_day(self, channel, past):
        """Return the day as it would have been with this sheet.

        :type past: models.decision.past.Past
        """
        day = past.day

        def change(rules):
            return rules._replace(
                mode=self.dispatch_mode,
                max_sessions=self.max_sessions if self.max_sessions_mode == "limited" else None,
                main_account_participation=self.main_account_participation,
            )

        members = self._get_members(channel, day)
        day = day._replace(
            rules=change(day.rules),
            setup=day.setup._replace(queue_enabled=self.queue_enabled),
            members={**day.members, **members},
            events=tuple(
                event._replace(rules=change(event.rules))
                if isinstance(event, replay.Change)
                else event
                for event in day.events
                if not (isinstance(event, replay.Membership) and event.group_id in members)
            ),
        )
        return replay.apply_plans(
            day, {line.user_id.id: line._get_plan(past) for line in self.line_ids}
        )

    def _get_members(self, channel, day):
        """Return ``{group_id: user ids}`` of the groups that are others than they were."""
        last = dict(day.members)
        last |= {
            event.group_id: event.user_ids
            for event in day.events
            if isinstance(event, replay.Membership)
        }
        wanted = {
            group.id: frozenset(self._get_lines(group).user_id.ids)
            for group in channel.dispatch_group_ids
        }
        scoped = {scope.group_id for scope in channel._read_dispatch_scopes() if scope.values}
        agents = (self.line_ids.user_id & channel.user_ids).ids
        if scoped:
            taken = set().union(*(wanted[group_id] for group_id in scoped))
            wanted[None] = frozenset(set(agents) - taken)
        elif None in last:
            # Who left since belongs to the day; who came since does so if the sheet says so.
            planned = self.line_ids.filtered(lambda line: line.presence != "as_was").user_id.ids
            wanted[None] = last[None] | (frozenset(agents) & frozenset(planned))
        return dict(wanted.items() - last.items())

    def _get_lines(self, group):
        """Return the lines of the agents whom the sheet puts into a group."""
        return self.line_ids.filtered(lambda line: group in line.group_ids)

    # ------------------------------------------------------------
    # What the page shows
    # ------------------------------------------------------------

    def _describe(self, channel, past, baseline, changed):
        """Return what the page shows of a replay, see ``whatif_result.js``."""
        runs = {"real": past.fates, "baseline": baseline.fates, "changed": changed.fates}
        pairs = zip(past.fates, baseline.fates, strict=True)
        same = sum(real.user_id == again.user_id for real, again in pairs)
        return {
            "arrivals": len(past.fates),
            "unknown": past.unknown,
            "estimated": past.estimated,
            "accuracy": same / len(past.fates) if past.fates else None,
            "summary": {run: replay.summarize(fates)._asdict() for run, fates in runs.items()},
            "agents": self._describe_agents(past, baseline, changed),
            "waits": self._describe_waits(past, runs),
            "unseen": phrase.join(
                self.env,
                (
                    # sudo: res.users - names of the channel's agents
                    line.user_id.sudo().name
                    for line in self.line_ids
                    if line.user_id.id in past.unseen
                    and line.presence == "as_was"
                    # A main account that stands back is not missed.
                    and (
                        line.user_id != channel.main_account_id
                        or self.main_account_participation != "never"
                    )
                ),
            ),
            "changes": [text for text, _apply in self._list_changes(channel)],
        }

    def _describe_agents(self, past, baseline, changed):
        # sudo: res.users - names of the channel's agents, present and former
        users = self.env["res.users"].sudo().with_context(active_test=False)
        names = {user.id: user.name for user in users.browse(baseline.loads).exists()}
        really = Counter(fate.user_id for fate in past.fates)
        listed = set(self.line_ids.user_id.ids)
        agents = [
            {
                "id": user_id,
                "name": names.get(user_id) or self.env._("deleted"),
                "real": {"served": really[user_id], "peak": past.peaks.get(user_id, 0)},
                "baseline": load._asdict(),
                "changed": changed.loads[user_id]._asdict(),
            }
            for user_id, load in baseline.loads.items()
            if user_id in listed or really[user_id] or load.served or changed.loads[user_id].served
        ]
        return sorted(agents, key=lambda agent: (agent["name"], agent["id"]))

    def _describe_waits(self, past, runs):
        """Return the mean wait of each hour, or of each day of a longer period, in seconds."""
        arrivals = (event for event in past.day.events if isinstance(event, replay.Arrival))
        zone = self.env.tz
        by_day = self.date_to - self.date_from > timedelta(days=4)
        buckets = defaultdict(list)
        for index, arrival in enumerate(arrivals):
            moment = self.date_from + timedelta(seconds=arrival.moment)
            local = moment.replace(tzinfo=pytz.utc).astimezone(zone)
            # A day is a date: on those on which the clocks change, midnight has another offset.
            start = local.date() if by_day else local.replace(minute=0, second=0, microsecond=0)
            buckets[start].append(index)
        one_day = self.date_to - self.date_from <= timedelta(hours=25)
        series = {"labels": [], "arrivals": [], **{run: [] for run in runs}}
        for start in sorted(buckets):
            if by_day:
                label = format_date(self.env, start)
            else:
                utc = start.astimezone(pytz.utc).replace(tzinfo=None)
                label = format_datetime(
                    self.env, utc, tz=zone.zone, dt_format="HH:mm" if one_day else "MM-dd HH:mm"
                )
            series["labels"].append(label)
            series["arrivals"].append(len(buckets[start]))
            for run, fates in runs.items():
                figures = replay.summarize(fates[index] for index in buckets[start])
                series[run].append(round(figures.mean, 1))
        return series

    # ------------------------------------------------------------
    # Apply
    # ------------------------------------------------------------

    def action_apply(self):
        """Put the sheet in force: weights, groups and settings; presence is the agents' own.

        :raise AccessError: not the caller's to change.
        :raise UserError: before a replay of this very sheet, or when somebody has changed the
            settings since.
        """
        channel = self._get_managed_channel()
        if not self.result or self.is_stale:
            raise UserError(self.env._("Replay this sheet first, to see what it would do."))
        changes = self._list_changes(channel)
        if [text for text, _apply in changes] != self.result["changes"]:
            raise UserError(
                self.env._(
                    "Somebody has changed the settings since the replay. Replay this sheet again."
                )
            )
        for _text, apply in changes:
            apply()
        self._store({"result": {**self.result, "changes": []}})
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("These settings are in force now."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _list_changes(self, channel):
        """Return what the sheet would change, as (text, function that does it).

        The functions write as the caller, through the checks that any other page meets.

        :param channel: with sudo.
        """
        # sudo: taken away - the changes are the caller's to make
        own = channel.sudo(False)
        changes = []
        values = {name: self[name] for name in _SETTINGS if self[name] != channel[name]}
        if self.max_sessions_mode != "limited":
            values.pop("max_sessions", None)
        for name, value in values.items():
            text = self.env._(
                "%(field)s: %(value)s instead of %(old)s",
                field=self._fields[name]._description_string(self.env),
                value=self._get_words(name, value),
                old=self._get_words(name, channel[name]),
            )
            changes.append((text, partial(own.write, {name: value})))
        for line in self.line_ids:
            # sudo: res.users - the agents of a channel the caller manages
            user = line.user_id.sudo()
            if line.weight != user.dispatch_weight:
                text = self.env._(
                    "%(agent)s: weight %(value)s instead of %(old)s",
                    agent=user.name,
                    value=line.weight,
                    old=user.dispatch_weight,
                )
                changes.append((text, partial(line.user_id.dispatch_set_weight, line.weight)))
        for group in channel.dispatch_group_ids:
            lines = self._get_lines(group)
            joining = lines.user_id - group.user_ids
            leaving = (self.line_ids - lines).user_id & group.user_ids
            for users, text, command in (
                (joining, self.env._("%(group)s: %(agents)s join"), Command.link),
                (leaving, self.env._("%(group)s: %(agents)s leave"), Command.unlink),
            ):
                if users:
                    commands = [command(user.id) for user in users]
                    # sudo: res.users - as above
                    names = phrase.join(self.env, users.sudo().mapped("name"))
                    apply = partial(group.sudo(False).write, {"user_ids": commands})
                    changes.append((text % {"group": group.name, "agents": names}, apply))
        return changes

    def _get_words(self, name, value):
        if isinstance(value, bool):
            return self.env._("yes") if value else self.env._("no")
        field = self._fields[name]
        if field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, value)
        return str(value)
