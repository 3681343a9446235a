from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def write(self, vals):
        result = super().write(vals)
        if "livechat_channel_ids" in vals:
            self.env["livechat.dispatch.group"]._release_former_agents()
        return result
