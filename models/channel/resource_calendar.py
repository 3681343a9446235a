from datetime import timedelta, timezone

from odoo import fields, models
from odoo.fields import Domain


class ResourceCalendar(models.Model):
    _inherit = "resource.calendar"

    def write(self, vals):
        result = super().write(vals)
        self._follow_hours()
        return result

    def _follow_hours(self):
        """Follow that the hours of these calendars have changed, where an agent, a group or a
        channel keeps them."""
        # sudo: im_livechat.channel - who keeps the hours, whoever changes them
        channels = self.env["im_livechat.channel"].sudo()
        channels = channels.search(
            Domain.OR(
                Domain(path, "in", self.ids)
                for path in (
                    "calendar_id",
                    "dispatch_group_ids.calendar_id",
                    "user_ids.dispatch_calendar_id",
                    "main_account_id.dispatch_calendar_id",
                )
            )
        )
        if channels:
            self.env["livechat.announcement"]._seat_may_be_free()
            self.env["livechat.announcement"]._look_again(channels, "trees")

    def _is_working_now(self):
        """Tell whether this calendar's hours include this moment, in its own time zone and without
        the public holidays of its company; no calendar is always working."""
        if not self:
            return True
        # sudo: resource.calendar - whether a shop is open is no secret
        calendar = self.sudo()
        now = fields.Datetime.now().replace(tzinfo=timezone.utc)
        # Core leaves the choice to the caller: a holiday of no calendar is one of a company.
        holidays = Domain("time_type", "=", "leave") & (
            Domain("calendar_id", "=", calendar.id)
            | Domain("company_id", "in", [False, calendar.company_id.id])
        )
        hours = calendar._work_intervals_batch(
            now, now + timedelta(seconds=1), domain=list(holidays)
        )
        return bool(hours[False])
