from odoo import api, models

from ...tools import sent


class IrDefault(models.Model):
    _inherit = "ir.default"

    @api.model
    def _get_model_defaults(self, model_name, condition=False):
        defaults = super()._get_model_defaults(model_name, condition)
        if not defaults or self.env[model_name]._original_module != sent.ADDON:
            return defaults
        # sudo: ir.default - who made what this user would be proposed
        made = self.sudo().search(
            [
                ("field_id.model", "=", model_name),
                ("user_id", "in", (False, self.env.uid)),
                ("create_uid", "!=", self.env.uid),
                ("create_uid", "any", self.env["ir.rule"]._get_staff_domain()),
            ]
        )
        names = set(made.field_id.mapped("name"))
        return {name: value for name, value in defaults.items() if name not in names}
