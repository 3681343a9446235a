from odoo import api, models


class ResGroups(models.Model):
    _inherit = "res.groups"

    @api.constrains("user_ids", "implied_ids", "implied_by_ids")
    def _check_reception_boundary(self):
        self.env["livechat.role"]._check_boundary()

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"user_ids", "all_user_ids", "implied_ids", "implied_by_ids"}:
            # Core looks after agents who lose their right when a user or a group's list of users
            # is written, and forgets those who lose it because a group implies less.
            self.env["im_livechat.channel"]._release_lost_agents()
        return result

    def unlink(self):
        result = super().unlink()
        self.env["im_livechat.channel"]._release_lost_agents()
        return result
