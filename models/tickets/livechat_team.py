from odoo import api, models


class LivechatTeam(models.AbstractModel):
    _inherit = "livechat.team"

    @api.model
    def get_team(self, period="today"):
        """Say also how many open tickets each agent has now, as ``"tickets"``, when there are any;
        see the method below."""
        team = super().get_team(period)
        helpdesk = self.env["livechat.helpdesk"]
        if helpdesk._get_tickets() is None:
            return team
        users = self.env["res.users"].browse([agent["user_id"] for agent in team["agents"]])
        counts = helpdesk._count_open(users)
        if counts:
            team["all"]["tickets"] = sum(counts.values())
            for agent in team["agents"]:
                agent["tickets"] = counts.get(agent["user_id"], 0)
        return team
