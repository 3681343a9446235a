from odoo import api, models


class LivechatDispatchGroup(models.Model):
    """Open Reception pages follow the tree of groups."""

    _inherit = "livechat.dispatch.group"

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        self.env["livechat.announcement"]._look_again(groups, "trees")
        return groups

    def unlink(self):
        self.env["livechat.announcement"]._look_again(self, "trees")
        return super().unlink()
