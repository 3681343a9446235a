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
        self._check_sent()
        return super().write(vals)

    def unlink(self):
        self._check_sent()
        return super().unlink()

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

    def _check_sent(self):
        """Refuse a shop's staff to change or delete what others have sent in a live chat: core lets
        whoever is in it.

        :raise AccessError:
        """
        if self.env.su or not self.env["ir.rule"]._serves_staff():
            return
        # sudo: ir.attachment, discuss.channel - who has sent it, and where
        others = self.sudo().filtered(
            lambda one: one.res_model == "discuss.channel" and one.create_uid != self.env.user
        )
        self.env["discuss.channel"].browse(others.mapped("res_id"))._keep_what_was_said()
