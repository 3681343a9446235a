from odoo import api, models


class ResourceCalendarLeaves(models.Model):
    """When a calendar's hours are not, and when an agent has time off."""

    _inherit = "resource.calendar.leaves"

    # Of the time off of people the little that is not over: every decision asks who has some.
    _livechat_own_idx = models.Index("(date_to) WHERE resource_id IS NOT NULL")

    @api.model_create_multi
    def create(self, vals_list):
        leaves = super().create(vals_list)
        leaves._follow_leaves()
        return leaves

    def write(self, vals):
        # Whose they were, and whose they are.
        self._follow_leaves()
        result = super().write(vals)
        self._follow_leaves()
        return result

    def unlink(self):
        self._follow_leaves()
        return super().unlink()

    def _follow_leaves(self):
        self._find_hours()._follow_hours()
        self._find_absentees()._follow_time_off()

    def _find_hours(self):
        """Return the calendars that these leaves are about."""
        # sudo: resource.calendar - a holiday of no calendar is one of all; whose leave it is
        leaves = self.sudo().filtered(lambda leave: not leave.resource_id)
        if all(leave.calendar_id for leave in leaves):
            return leaves.calendar_id
        return leaves.calendar_id.search([])

    def _find_absentees(self):
        """Return the users whose own time off this is."""
        # sudo: resource.resource - whose time off it is, whoever enters it
        return self.sudo().resource_id.user_id
