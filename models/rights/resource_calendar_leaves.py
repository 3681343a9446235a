from odoo import models

from .private import Private


class ResourceCalendarLeaves(Private, models.Model):
    _inherit = "resource.calendar.leaves"
