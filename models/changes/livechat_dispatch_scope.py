from odoo import api, models

from ...tools.sent import expect_ids, expect_rows, keep_ids


class LivechatDispatchScope(models.Model):
    """What is logged of scopes: a change of the group they belong to."""

    _inherit = "livechat.dispatch.scope"

    @api.model_create_multi
    def create(self, vals_list):
        expect_rows(self.env, vals_list)
        groups = self._find_named_groups(vals_list)
        with self.env["livechat.dispatch.log"]._comparing(groups, ["scope_ids"]):
            return super().create(vals_list)

    def write(self, vals):
        expect_ids(self)
        groups = self.group_id | self._find_named_groups([vals])
        with self.env["livechat.dispatch.log"]._comparing(groups, ["scope_ids"]):
            return super().write(vals)

    def unlink(self):
        expect_ids(self)
        with self.env["livechat.dispatch.log"]._comparing(self.group_id, ["scope_ids"]):
            return super().unlink()

    @api.model
    def _find_named_groups(self, vals_list):
        """Return the groups that values put lines into, as far as they are there."""
        ids = [vals.get("group_id") for vals in vals_list if isinstance(vals, dict)]
        return self.env["livechat.dispatch.group"].search([("id", "in", keep_ids(ids))])
