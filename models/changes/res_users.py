from odoo import api, models


class ResUsers(models.Model):
    """What is logged of agents, and who reads the log and plans changes."""

    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        if any("livechat_channel_ids" in vals for vals in vals_list):
            log = self.env["livechat.dispatch.log"]
            members = log._read_values_of(users, "livechat_channel_ids")
            rows = [
                row
                for user in users
                for row in log._describe_difference(
                    user, "livechat_channel_ids", set(), members[user.id]
                )
            ]
            log._add_rows(rows)
        return users

    def write(self, vals):
        with self.env["livechat.dispatch.log"]._comparing(self, vals):
            return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        log = self.env["livechat.dispatch.log"]
        members = log._read_values_of(self, "livechat_channel_ids")
        rows = [
            {**row, "agent_id": False}
            for user in self
            for row in log._describe_difference(
                user, "livechat_channel_ids", members[user.id], set()
            )
        ]
        for row in rows:
            # What names a shop whose owner is gone as well names none.
            if row["main_account_id"] in self.ids:
                row["main_account_id"] = False
        log._forget(self)
        result = super().unlink()
        log._add_rows(rows)
        return result

    # ------------------------------------------------------------
    # Who may do what
    # ------------------------------------------------------------
