from odoo import api, models

# What may change how many open tickets somebody has; of another team a helpdesk may take the
# assignee and the stage away.
_COUNTED = {"stage_id", "user_id", "team_id", "active"}
# What opens a ticket again.
_OPENS = {"stage_id", "active"}


class HelpdeskTicket(models.Model):
    """What dispatch does about the tickets of a helpdesk. It is laid over the model of whatever
    module brings it, which ours does not depend on; see ``livechat.helpdesk``."""

    _register = False
    _inherit = ["helpdesk.ticket"]

    @api.model_create_multi
    def create(self, vals_list):
        tickets = super().create(vals_list)
        helpdesk = self.env["livechat.helpdesk"]
        helpdesk._dispatch_new(tickets)
        helpdesk._follow_counts(tickets)
        return tickets

    def write(self, vals):
        helpdesk = self.env["livechat.helpdesk"]
        if _COUNTED & vals.keys():
            # Whose they were have fewer.
            helpdesk._follow_counts(self)
        done = helpdesk._filter_done(self) if _OPENS & vals.keys() else self.browse()
        teams = {}
        if "team_id" in vals and "user_id" not in vals:
            # sudo: helpdesk.ticket - in which team it was, whoever moves it
            teams = {ticket.id: ticket.team_id for ticket in self.sudo()}
        result = super().write(vals)
        if teams:
            # sudo: helpdesk.ticket - as above
            moved = self.sudo().filtered(lambda ticket: ticket.team_id != teams[ticket.id])
            # New to the team that has them now.
            helpdesk._dispatch_new(moved)
        if done:
            helpdesk._dispatch_reopened(done)
        if _COUNTED & vals.keys():
            helpdesk._follow_counts(self)
        return result

    def unlink(self):
        self.env["livechat.helpdesk"]._follow_counts(self)
        return super().unlink()
