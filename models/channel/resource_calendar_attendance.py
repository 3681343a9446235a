from odoo import api, models


class ResourceCalendarAttendance(models.Model):
    """When a calendar's hours are."""

    _inherit = "resource.calendar.attendance"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._find_hours()._follow_hours()
        return lines

    def write(self, vals):
        before = self._find_hours()
        result = super().write(vals)
        (before | self._find_hours())._follow_hours()
        return result

    def unlink(self):
        calendars = self._find_hours()
        result = super().unlink()
        calendars._follow_hours()
        return result

    def _find_hours(self):
        """Return the calendars that these lines are about.

        :rtype: resource.calendar
        """
        return self.calendar_id
