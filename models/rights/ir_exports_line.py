from odoo import models


class IrExportsLine(models.Model):
    _name = "ir.exports.line"
    _inherit = ["ir.exports.line", "livechat.private.mixin"]
