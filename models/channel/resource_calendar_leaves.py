from odoo import api, models


class ResourceCalendarLeaves(models.Model):
    """When a calendar's hours are not: everybody's, an agent's own leave changes no shift."""

    _inherit = "resource.calendar.leaves"

    @api.model_create_multi
    def create(self, vals_list):
        leaves = super().create(vals_list)
        leaves._find_hours()._follow_hours()
        return leaves

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
        """Return the calendars that these leaves are about.

        :rtype: resource.calendar
        """
        # sudo: resource.calendar - a holiday of no calendar is one of all; whose leave it is
        leaves = self.sudo().filtered(lambda leave: not leave.resource_id)
        if all(leave.calendar_id for leave in leaves):
            return leaves.calendar_id
        return leaves.calendar_id.search([])
