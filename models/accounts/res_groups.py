from odoo import api, fields, models

from ...tools.attributes import leave_to_core


@leave_to_core
class ResGroups(models.Model):
    _name = "res.groups"
    _inherit = ["res.groups", "livechat.field.mixin"]

    user_ids = fields.Many2many(frees_seats=True, shown="staff")
    all_user_ids = fields.Many2many(frees_seats=True, shown="staff")
    implied_ids = fields.Many2many(frees_seats=True, shown="staff")
    implied_by_ids = fields.Many2many(frees_seats=True, shown="staff")

    @api.constrains("user_ids", "implied_ids", "implied_by_ids")
    def _check_reception_boundary(self):
        self.env["livechat.role"]._check_boundary()

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        groups._follow_rights()
        return groups

    def write(self, vals):
        result = super().write(vals)
        if "staff" in self._find_shown_parts(vals):
            # Core looks after agents who lose their right when a user or a group's list of users
            # is written, and forgets those who lose it because a group implies less.
            self.env["im_livechat.channel"]._release_lost_agents()
            self.env["res.users"]._follow_owners()
            self.env["livechat.subaccount"]._end_secrets_of_lesser()
        return result

    def unlink(self):
        self._follow_rights()
        result = super().unlink()
        self.env["im_livechat.channel"]._release_lost_agents()
        return result

    def _follow_rights(self):
        """Follow that these groups, and what they give their users, are new or about to go."""
        self.env["livechat.announcement"]._look_again(self, "staff")
        self.env["livechat.announcement"]._seat_may_be_free()
