from odoo import api, models


class LivechatDispatchGroup(models.Model):
    """What is logged of dispatch groups."""

    _inherit = "livechat.dispatch.group"

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        log = self.env["livechat.dispatch.log"]
        rows = log._describe_lives(groups, "create")
        members = log._read_values_of(groups, "user_ids")
        for group in groups:
            rows += log._describe_difference(group, "user_ids", set(), members[group.id])
        log._add_rows(rows)
        return groups

    def write(self, vals):
        # What is no dictionary is refused below.
        names = vals if isinstance(vals, dict) else ()
        with self.env["livechat.dispatch.log"]._comparing(self, names):
            return super().write(vals)

    def _release_agent(self, user_id):
        with self.env["livechat.dispatch.log"]._comparing(self, ["user_ids"]):
            super()._release_agent(user_id)

    def unlink(self):
        self.check_access("unlink")
        log = self.env["livechat.dispatch.log"]
        rows = log._describe_lives(self, "unlink")
        log._forget(self)
        result = super().unlink()
        log._add_rows(rows)
        return result
