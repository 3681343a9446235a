from odoo import api, models
from odoo.exceptions import AccessError


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_library(vals_list)
        return super().create(vals_list)

    def write(self, vals):
        self._check_library([vals])
        return super().write(vals)

    @api.model
    def _check_library(self, vals_list):
        """Refuse what a shop's staff would put among the pictures that are offered to whoever edits
        a page; its editors may.

        :raise AccessError:
        """
        if (
            not self.env.su
            and any(vals.get("res_model") == "ir.ui.view" for vals in vals_list)
            and self.env["ir.rule"]._serves_staff()
            and not self.env.user.has_group("website.group_website_restricted_editor")
        ):
            raise AccessError(self.env._("Only editors of pages put files there."))
