from odoo import api, models

from ...tools import sent


class ResUsers(models.Model):
    """What is logged of agents, and who reads the log and plans changes."""

    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        if any("livechat_channel_ids" in vals for vals in vals_list):
            self.env["livechat.dispatch.log"]._note_created(users, "livechat_channel_ids")
        return users

    def write(self, vals):
        sent.expect_values(self.env, vals)
        with self.env["livechat.dispatch.log"]._comparing(self, vals):
            return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        with self.env["livechat.dispatch.log"]._deleting(self, "livechat_channel_ids"):
            return super().unlink()
