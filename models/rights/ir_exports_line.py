from odoo import models

from .private import Private


class IrExportsLine(Private, models.Model):
    _inherit = "ir.exports.line"
