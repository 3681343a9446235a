from odoo import api, models


class IrModelAccess(models.Model):
    _inherit = "ir.model.access"

    @api.constrains("model_id", "group_id", "perm_write", "perm_create", "perm_unlink", "active")
    def _check_reception_boundary(self):
        # A group that may write users makes administrators of its members.
        self.env["livechat.role"]._check_boundary()
