from collections import Counter, defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

from ...tools import clock, sent
from ...tools.here import read_now
from ...tools.turn import MISSED

# From which day to which, counted from today where somebody is; the second is not part of it.
_PERIODS = {"today": (0, 1), "yesterday": (-1, 0), "week": (-6, 1)}

# What is summed up of the hourly totals.
_SUMS = (
    "received",
    "handled",
    "answered",
    "answer_seconds",
    "online_seconds",
    "paused_seconds",
    "offered",
    "entitled",
    "served",
    "difference",
    "transferred",
    "unanswered",
    "declined",
    "nobody",
)


class LivechatTeam(models.AbstractModel):
    """What the page *Team* says of each agent: what came, what came of it, and how fair it was."""

    _name = "livechat.team"
    _description = "Team"

    @api.model
    def get_team(self, period="today"):
        """Return the figures of the caller's team, of an agent without more rights its own.

        :param period: "today", "yesterday" or "week": today and the six days before, where the
            caller is.
        :return: ``{"agents": [figures with "user_id" and "name"], "rest": figures of what came to
            nobody or to who is gone, false without any, "all": figures, "date_from", "date_to": the
            days, "may_compare", "may_analyse": whether reports of whole chats are the caller's,
            "is_mailed": whether a mail comes each morning}``.
            Figures are ``{"received", "transferred", "declined", "missed", "ended_unanswered",
            "unanswered", "nobody", "served"}`` in chats or buyers, ``{"entitled", "difference"}``
            in chats, ``{"answered_share", "satisfaction", "share"}`` from 0 to 1 and
            ``"first_answer"`` in seconds, ``None`` of nothing, ``{"online_seconds",
            "paused_seconds"}``. *missed* is the sum of its three parts, which follow it.
        :raise AccessError: for who is no agent and oversees none.
        :raise UserError: for another period.
        """
        days = self._get_days(period)
        self._count_new()
        figures = self._read_figures(*(clock.begin_day(day, self.env.tz) for day in days))
        names = self._read_names(figures)
        return {
            "agents": [
                {"user_id": user_id, "name": name, **figures[user_id]}
                for user_id, name in sorted(names.items(), key=lambda item: (item[1], item[0]))
            ],
            "rest": figures[None],
            "all": figures[0],
            "date_from": fields.Date.to_string(days[0]),
            "date_to": fields.Date.to_string(days[1] - timedelta(days=1)),
            "may_compare": self.env["livechat.dispatch.compare"].has_access("create"),
            "may_analyse": self.env["im_livechat.report.channel"].has_access("read"),
            "is_mailed": self._get_digest().is_subscribed,
        }

    @api.model
    def get_trend(self, user_id):
        """Return an agent's figures of each of the last seven days, today last.

        :return: ``[{"day": "yyyy-mm-dd", **figures}]``, as :meth:`get_team` has them; figures of
            nothing for whom the caller may not read.
        :raise AccessError, UserError: as there, and for what is no id.
        """
        if not sent.is_record_id(user_id):
            raise UserError(self.env._("This is no agent."))
        days = self._get_days("week")
        self._count_new()
        trend = []
        for number in range((days[1] - days[0]).days):
            day = days[0] + timedelta(days=number)
            moments = (clock.begin_day(one, self.env.tz) for one in (day, day + timedelta(days=1)))
            figures = self._read_figures(*moments)
            own = figures.get(user_id) or self._derive(Counter())
            trend.append({"day": fields.Date.to_string(day), **own})
        return trend

    @api.model
    def get_pauses(self, user_id, period="today"):
        """Return for what an agent paused in a period, the longest first.

        A pause counts from its beginning to its end, also while the agent is not here.

        :param period: as for :meth:`get_team`.
        :return: ``[{"reason": as it was called then, false for none given, "count": pauses,
            "seconds"}]``; nothing for whom the caller may not read.
        :raise AccessError, UserError: as there, and for what is no id.
        """
        self._check_reader()
        if not sent.is_record_id(user_id):
            raise UserError(self.env._("This is no agent."))
        days = self._get_days(period)
        now = read_now(self.env)
        start, end = (clock.begin_day(day, self.env.tz) for day in days)
        pauses = self.env["livechat.dispatch.pause"].search(
            [
                ("user_id", "=", user_id),
                ("began_at", "<", end),
                "|",
                ("ended_at", "=", False),
                ("ended_at", ">", start),
            ]
        )
        counts, seconds = Counter(), Counter()
        for pause in pauses:
            lasts = min(pause.ended_at or now, end) - max(pause.began_at, start)
            counts[pause.reason] += 1
            seconds[pause.reason] += max(0, int(lasts.total_seconds()))
        return [
            {"reason": reason, "count": counts[reason], "seconds": time}
            for reason, time in sorted(seconds.items(), key=lambda item: (-item[1], item[0] or ""))
        ]

    @api.model
    def set_mailed(self, is_mailed):
        """Begin or cease to send the caller a mail each morning; return whether one comes.

        :raise AccessError: as for :meth:`get_team`.
        :raise UserError: for who has no address.
        """
        self._check_reader()
        if is_mailed and not self.env.user.email:
            raise UserError(self.env._("Your user has no e-mail address to write to."))
        # Not by core's methods, which write the list of recipients as far as the caller sees it.
        command = Command.link if is_mailed else Command.unlink
        # sudo: digest.digest - nobody but the caller is added or removed
        self._get_digest().sudo().user_ids = [command(self.env.uid)]
        return self._get_digest().is_subscribed

    def _get_digest(self):
        digest = self.env.ref("im_livechat_subaccount.digest_team", raise_if_not_found=False)
        return digest or self.env["digest.digest"]

    def _check_reader(self):
        user = self.env.user
        if not (user._reads_all_figures() or user._has_agent_group()):
            raise AccessError(self.env._("Figures are for agents and those who oversee them."))

    def _get_days(self, period):
        """Return the first day of a period and the first one after it."""
        if not isinstance(period, str) or period not in _PERIODS:
            raise UserError(self.env._("There are figures of today, yesterday and 7 days."))
        today = clock.get_day(read_now(self.env), self.env.tz)
        return [today + timedelta(days=number) for number in _PERIODS[period]]

    def _count_new(self):
        """Bring the totals up to date, for who may read them."""
        self._check_reader()
        # sudo: livechat.dispatch.total - to count changes nothing that anybody decides
        self.env["livechat.dispatch.total"].sudo()._count(fresh=True)

    def _read_figures(self, start, end):
        """Return the figures between two moments, of those whom the caller may read.

        :return: ``{user id: figures, None: the rest, 0: those of all together}``; see
            :meth:`get_team`.
        """
        self._check_reader()
        user = self.env.user
        reads_all = user._reads_all_figures()
        sums = defaultdict(Counter)
        rows = self.env["livechat.dispatch.total"]._read_group(
            [("hour", ">=", start), ("hour", "<", end)],
            ["user_id"],
            [f"{name}:sum" for name in _SUMS],
        )
        for agent, *values in rows:
            sums[agent.id or 0].update(
                {name: value or 0 for name, value in zip(_SUMS, values, strict=True)}
            )
        channels = self._get_channels()
        for agent in channels.user_ids if reads_all else user:
            sums.setdefault(agent.id, Counter())
        # sudo: res.users - which contact is whose, of those whose figures may be read
        agents = self.env["res.users"].sudo().browse(key for key in sums if key)
        # Of a contact with several users, the one that is an agent here.
        by_partner = {agent.partner_id.id: agent.id for agent in agents.sorted("id", reverse=True)}
        for partner, name, count in self._read_outcomes(channels, start, end):
            agent_id = by_partner.get(partner.id, 0)
            if agent_id or reads_all:
                sums[agent_id][name] += count
        rest = sums.pop(0, None)
        everything = Counter(rest)
        for one in sums.values():
            everything.update(one)
        figures = {user_id: self._derive(one) for user_id, one in sums.items()}
        has_rest = bool(rest) and any(rest.values())
        return {**figures, None: has_rest and self._derive(rest), 0: self._derive(everything)}

    def _get_channels(self):
        """Return the dispatched channels whose figures the caller reads, with sudo."""
        domain = [("dispatch_mode", "!=", "native"), *self.env.user._get_shop_domain()]
        # sudo: im_livechat.channel - numbers only, of the caller's shop
        return self.env["im_livechat.channel"].sudo().search(domain)

    def _read_outcomes(self, channels, start, end):
        """Yield ``(partner of the agent, figure, count)`` of what only chats and ratings know."""
        # sudo: discuss.channel, rating.rating - numbers only, of channels that the caller's figures
        # are of
        chats = self.env["discuss.channel"].sudo()
        for partner, count in chats._read_group(
            [
                ("channel_type", "=", "livechat"),
                ("livechat_channel_id", "in", channels.ids),
                ("create_date", ">=", start),
                ("create_date", "<", end),
                *MISSED,
            ],
            ["livechat_operator_id"],
            ["__count"],
        ):
            yield partner, "ended_unanswered", count
        for partner, text, count in (
            self.env["rating.rating"]
            # sudo: rating.rating - how many of each, of channels whose figures the caller reads
            .sudo()
            ._read_group(
                [
                    ("parent_res_model", "=", "im_livechat.channel"),
                    ("parent_res_id", "in", channels.ids),
                    ("consumed", "=", True),
                    # Core has an index of when they were last written: when that transaction
                    # began, which is never long before they were given.
                    ("write_date", ">=", start - timedelta(hours=1)),
                    ("rated_on", ">=", start),
                    ("rated_on", "<", end),
                    ("rating_text", "!=", "none"),
                ],
                ["rated_partner_id", "rating_text"],
                ["__count"],
            )
        ):
            yield partner, "rated", count
            if text == "top":
                yield partner, "happy", count

    @api.model
    def _derive(self, sums):
        """Return the figures that follow from sums, each said here alone."""

        def divide(part, whole):
            return sums[part] / sums[whole] if sums[whole] else None

        parts = ("ended_unanswered", "unanswered", "nobody")
        kept = ("received", "transferred", "declined", "served", "entitled", "difference", *parts)
        return {
            **{name: sums[name] for name in (*kept, "online_seconds", "paused_seconds")},
            "missed": sum(sums[part] for part in parts),
            "answered_share": divide("answered", "handled"),
            "first_answer": divide("answer_seconds", "answered"),
            "satisfaction": divide("happy", "rated"),
            "share": divide("entitled", "offered"),
        }

    def _read_names(self, figures):
        # sudo: res.users - the names of colleagues whose figures may be read
        agents = self.env["res.users"].sudo().browse(user_id for user_id in figures if user_id)
        return {agent.id: agent.name for agent in agents.exists()}
