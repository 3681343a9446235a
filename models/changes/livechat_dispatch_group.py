from odoo import api, models


class LivechatDispatchGroup(models.Model):
    """What is logged of dispatch groups."""

    _inherit = "livechat.dispatch.group"

    @api.model_create_multi
    def create(self, vals_list):
        groups = super().create(vals_list)
        self.env["livechat.dispatch.log"]._note_created(groups, "user_ids")
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
        with self.env["livechat.dispatch.log"]._deleting(self):
            return super().unlink()
