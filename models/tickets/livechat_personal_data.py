from odoo import api, models


class LivechatPersonalData(models.AbstractModel):
    _inherit = "livechat.personal.data"

    @api.model
    def _export_agent(self, partner, shops):
        """Add which tickets dispatch has given to the agent."""
        data = super()._export_agent(partner, shops)
        users = partner.with_context(active_test=False).user_ids
        users = users.filtered(lambda one: one.main_account_id & shops) or users
        # Served by livechat_ticket_decision's index on user_id.
        given = partner.env["livechat.ticket.decision"].search(
            [("user_id", "in", users.ids)], order="id"
        )
        if given:
            data["tickets"] = [
                {"ticket": one.ticket_name, **self._describe_decision(one)} for one in given
            ]
        return data
