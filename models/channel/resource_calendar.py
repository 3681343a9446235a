from datetime import datetime, time, timedelta, timezone

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.intervals import Intervals

from ...tools.here import TIME_OFF, read_now


def _to_utc(moment):
    """Return a moment as the database has it; to core a day ends one microsecond early."""
    moment += timedelta(microseconds=moment.microsecond == 999999)
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


class ResourceCalendar(models.Model):
    _inherit = "resource.calendar"

    def write(self, vals):
        result = super().write(vals)
        self._follow_hours()
        return result

    def _follow_hours(self):
        """Follow that the hours of these calendars have changed, where an agent, a group or a
        channel keeps them."""
        paths = (
            "calendar_id",
            "dispatch_group_ids.calendar_id",
            "user_ids.dispatch_calendar_id",
            "main_account_id.dispatch_calendar_id",
        )
        # sudo: im_livechat.channel - who keeps the hours, whoever changes them
        channels = self.env["im_livechat.channel"].sudo()
        channels = channels.search(Domain.OR(Domain(path, "in", self.ids) for path in paths))
        if channels:
            self.env["livechat.announcement"]._seat_may_be_free(channels)
            self.env["livechat.announcement"]._look_again(channels, "trees")

    @api.model
    def _follow_the_clock(self):
        """Follow that hours, or somebody's time off, have begun or ended since the last minutes."""
        now = read_now(self.env)
        # The cron comes late at times; what is looked at twice has lost nothing.
        since = now - timedelta(minutes=3)
        # sudo: resource.calendar, resource.calendar.leaves - the clock is nobody
        env = self.sudo().env
        kept = [
            env[model].with_context(active_test=False).search([(name, "!=", False)])[name]
            for model, name in (
                ("im_livechat.channel", "calendar_id"),
                ("livechat.dispatch.group", "calendar_id"),
                ("res.users", "dispatch_calendar_id"),
            )
        ]
        self.union(*kept).filtered(
            lambda calendar: calendar._is_working(since) != calendar._is_working(now)
        )._follow_hours()
        # Served by resource_calendar_leaves__livechat_own_idx: what was not over by then.
        leaves = env["resource.calendar.leaves"].search(
            Domain(TIME_OFF)
            & Domain("date_to", ">", since)
            & (
                Domain("date_to", "<=", now)
                | (Domain("date_from", ">", since) & Domain("date_from", "<=", now))
            )
        )
        leaves._find_absentees()._follow_time_off()

    def _is_working_now(self):
        """Tell whether this calendar's hours include this moment."""
        return self._is_working(read_now(self.env))

    def _is_working(self, moment):
        """Tell whether this calendar's hours include a moment, in its own time zone and without the
        public holidays of its company; no calendar is always working.

        :param moment: in UTC.
        """
        return bool(self._get_hours(moment, moment + timedelta(seconds=1)))

    def _find_opening(self, moment):
        """Return when the hours of all these calendars begin next, or this moment when they have;
        ``None`` if not within two weeks.

        :param moment: in UTC.
        """
        return next(self._find_openings(moment), (None, None))[0]

    def _find_openings(self, moment):
        """Yield when the hours of all these calendars begin and end, for two weeks, as of
        :meth:`_find_opening`."""
        for start, stop, _lines in self._get_hours(moment, moment + timedelta(days=14)):
            yield start, stop

    def _describe_opening(self, moment):
        """Return what a buyer is told of the hours of all these calendars while they have not
        begun: ``opens_at`` and ``closes_at``, in UTC.

        :rtype: dict[str, str]
        """
        opens_at, closes_at = next(self._find_openings(moment), (moment, moment))
        if opens_at <= moment:
            return {}
        return {
            "opens_at": fields.Datetime.to_string(opens_at),
            "closes_at": fields.Datetime.to_string(closes_at),
        }

    def _get_hours(self, start, end):
        """Return the hours that all these calendars share between two moments in UTC, see
        :meth:`_is_working`.

        :rtype: Intervals
        """
        found = Intervals([(start, end, set())])
        start, end = (moment.replace(tzinfo=timezone.utc) for moment in (start, end))
        # sudo: resource.calendar - whether a shop is open is no secret
        for calendar in self.sudo():
            # Core leaves the choice to the caller: a holiday of no calendar is one of a company.
            holidays = Domain("time_type", "=", "leave") & (
                Domain("calendar_id", "=", calendar.id)
                | Domain("company_id", "in", [False, calendar.company_id.id])
            )
            if calendar.flexible_hours or calendar.duration_based:
                # How long somebody works and not when; core puts that around noon of some days.
                hours = Intervals([(start, end, set())])
                if not calendar.flexible_hours:
                    hours &= calendar._get_days(start, end)
                hours -= calendar._leave_intervals_batch(start, end, domain=list(holidays))[False]
            else:
                hours = calendar._work_intervals_batch(start, end, domain=list(holidays))[False]
            found &= Intervals((_to_utc(row[0]), _to_utc(row[1]), set()) for row in hours)
        return found

    def _get_days(self, start, end):
        """Return the days, or halves of days, on which this calendar has hours, whatever hours they
        are.

        :param start: with a time zone, and so is ``end``.
        :rtype: Intervals
        """
        zone = pytz.timezone(self.tz)
        first, last = (moment.astimezone(zone).date() for moment in (start, end))

        def to_moment(day, hour):
            day += timedelta(days=hour // 24)
            return zone.localize(datetime.combine(day, time(hour % 24)))

        whole_days = to_moment(first, 0), to_moment(last, 24)
        days = []
        for begin, _end, lines in self._attendance_intervals_batch(*whole_days)[False]:
            for period in lines.mapped("day_period"):
                hours = {"morning": (0, 12), "afternoon": (12, 24)}.get(period, (0, 24))
                days.append((*(to_moment(begin.date(), hour) for hour in hours), set()))
        return Intervals(days)
