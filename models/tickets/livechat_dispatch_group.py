from odoo import api, fields, models
from odoo.exceptions import ValidationError


class LivechatDispatchGroup(models.Model):
    _inherit = "livechat.dispatch.group"

    # The id of a team: a many-to-one needs its model, and the helpdesk need not be installed.
    helpdesk_team = fields.Selection(
        "_list_helpdesk_teams",
        "Helpdesk Team",
        help="Gets the tickets that are made of this group's chats. Empty: the team of the group "
        "above, or none.",
        frees_seats=False,
        logged=True,
    )
    dispatches_team = fields.Boolean(
        "Dispatch All Tickets of the Team",
        help="What comes to the helpdesk team by mail or form, and is nobody's, is given to those "
        "of this group's agents as well who are in the team.",
        frees_seats=False,
        logged=True,
    )
    has_helpdesk = fields.Boolean(compute="_compute_has_helpdesk")

    @api.depends_context("uid")
    def _compute_has_helpdesk(self):
        self.has_helpdesk = self.env["livechat.helpdesk"]._get_tickets() is not None

    @api.constrains("dispatches_team", "helpdesk_team")
    def _check_dispatches_team(self):
        helpdesk = self.env["livechat.helpdesk"]
        for group in self.filtered("dispatches_team"):
            team = group._get_helpdesk_team()
            if team and not helpdesk._get_members(team):
                raise ValidationError(
                    self.env._(
                        "Choose a helpdesk team with people in it: only they get the tickets that "
                        "come to it by mail or form."
                    )
                )

    def _forget_agents(self, agents):
        super()._forget_agents(agents)
        for group in self:
            agents._hand_over_tickets(group.channel_id, group, may_stay=True)

    @api.model
    def _list_helpdesk_teams(self):
        """Return the teams of the helpdesk that the caller knows, ``[(id, name)]``.

        :rtype: list[tuple[str, str]]
        """
        teams = self.env["livechat.helpdesk"]._get_teams()
        if teams is None or not teams.has_access("read"):
            return []
        return [(str(team.id), team.display_name) for team in teams.search([])]

    def _get_helpdesk_team(self):
        """Return the team that gets this group's tickets, with sudo, or none: its own, else that of
        the nearest group above that has one; ``None`` without a helpdesk."""
        teams = self.env["livechat.helpdesk"]._get_teams()
        if teams is None:
            return None
        # sudo: livechat.dispatch.group, helpdesk teams - whose tickets they are is no secret of
        # the groups above
        group, teams = self.sudo(), teams.sudo()
        while group and not group.helpdesk_team:
            group = group.parent_id
        team = teams.browse(int(group.helpdesk_team) if group.helpdesk_team else ()).exists()
        return team.filtered("active") if "active" in team._fields else team
