from odoo import api, fields, models
from odoo.fields import Command

from ...tools.attributes import leave_to_core
from ...tools.rights import KNOWN_GROUPS


@leave_to_core
class ResGroups(models.Model):
    _name = "res.groups"
    _inherit = ["res.groups", "livechat.field.mixin"]

    user_ids = fields.Many2many(frees_seats=True, shown="staff")
    all_user_ids = fields.Many2many(frees_seats=True, shown="staff")
    implied_ids = fields.Many2many(frees_seats=True, shown="staff")
    implied_by_ids = fields.Many2many(frees_seats=True, shown="staff")

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        if self._find_shown_parts(set().union(*vals_list)):
            self._follow_rights()
            # Of a new group nothing else says so.
            self.env["livechat.announcement"]._seat_may_be_free()
        return groups

    def write(self, vals):
        if not self._find_shown_parts(vals):
            return super().write(vals)
        # Before and after, because whoever loses a right is concerned as well.
        known = self._filter_known()
        result = super().write(vals)
        users = self._find_touched(vals)
        if known or self._filter_known() or users is None or users.filtered("main_account_id"):
            self._follow_rights()
        return result

    def unlink(self):
        # An agent may lose what the group implied; of one that implies nothing nobody has less.
        # sudo: res.groups - who is concerned, whoever deletes a group
        implied = self._get_group_definitions().get_superset_ids
        giving = self.sudo().filtered(lambda group: {*implied(group.ids)} - {group.id})
        known = giving.all_user_ids._filter_known()
        if known:
            self.env["livechat.announcement"]._look_again(self, "staff")
        result = super().unlink()
        if known:
            self.env["im_livechat.channel"]._release_lost_agents()
        return result

    def _filter_known(self):
        """Return those of these groups that make somebody one whom live chat follows; see
        ``res.users._filter_known``."""
        definitions = self._get_group_definitions()
        known = {definitions.get_id(xmlid) for xmlid in KNOWN_GROUPS}
        return self.filtered(
            lambda group: known & {group.id, *definitions.get_superset_ids(group.ids)}
        )

    def _find_touched(self, vals):
        """Return the users whom a change of these groups lets in or out one by one; ``None`` where
        it may be anybody."""
        commands = vals.get("user_ids")
        single = (Command.LINK, Command.UNLINK)
        if vals.keys() & {"implied_ids", "implied_by_ids"} or not isinstance(commands, list):
            return None
        if not all(isinstance(one, (list, tuple)) and one[0] in single for one in commands):
            return None
        # sudo: res.users - whose staff they are, whoever changes a group
        return self.env["res.users"].sudo().browse(one[1] for one in commands)

    @api.model
    def _follow_rights(self):
        """Follow that somebody may have other rights than before."""
        self.env["livechat.role"]._check_boundary()
        # Core looks after agents who lose their right when a user or a group's list of users is
        # written, and forgets those who lose it because a group implies less.
        self.env["im_livechat.channel"]._release_lost_agents()
        self.env["res.users"]._follow_owners()
        self.env["livechat.subaccount"]._end_secrets_of_lesser()
