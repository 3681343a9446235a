from odoo import api, models


class LivechatDispatchGroup(models.Model):
    """Open Reception pages follow the tree of groups."""

    _inherit = "livechat.dispatch.group"

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        groups._mark_reception()
        return groups

    def write(self, vals):
        result = super().write(vals)
        self._mark_reception()
        return result

    def unlink(self):
        self._mark_reception()
        return super().unlink()

    def _on_scope_change(self):
        self._mark_reception()
        return super()._on_scope_change()

    def _mark_reception(self):
        # sudo: livechat.dispatch.group - whose it is, to tell those who may know
        self.sudo().channel_id._mark_reception("trees")
