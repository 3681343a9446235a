from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

_TICKETS = "helpdesk.ticket"
# What a ticket calls its number, in the helpdesks we know.
_NUMBERS = ("number", "ticket_ref")
# What a team calls its people, in the helpdesks we know.
_MEMBERS = ("user_ids", "member_ids")


class LivechatHelpdesk(models.AbstractModel):
    """The helpdesk of this database, if there is one: the only place that looks for it.

    It is no module that ours depends on: whatever has a model ``helpdesk.ticket`` with a title, a
    description, a team, an assignee and a buyer is one, and a field that it lacks is left out. What
    we keep of it are numbers in fields of our own, which are read only while it is there.
    """

    _name = "livechat.helpdesk"
    _description = "Helpdesk beside Live Chat"

    @api.model
    def _get_tickets(self):
        """Return the model of tickets, ``None`` without a helpdesk."""
        return self.env[_TICKETS] if _TICKETS in self.env else None

    @api.model
    def _get_teams(self):
        """Return the model of teams, ``None`` without a helpdesk."""
        tickets = self._get_tickets()
        field = None if tickets is None else tickets._fields.get("team_id")
        return None if field is None else self.env[field.comodel_name]

    @api.model
    def _handles_tickets(self):
        """Tell whether the caller may make tickets."""
        tickets = self._get_tickets()
        return tickets is not None and tickets.has_access("create")

    @api.model
    def _check_handles_tickets(self):
        """Refuse who may make no tickets.

        :raise UserError: nobody may, as there is no helpdesk.
        :raise AccessError: the caller may not.
        """
        if self._get_tickets() is None:
            raise UserError(self.env._("There is no helpdesk in this database."))
        if not self._handles_tickets():
            raise AccessError(self.env._("Your role does not let you handle tickets."))

    @api.model
    def _find_ticket(self, ticket_id):
        """Return a ticket with sudo, as far as it is still there; ``None`` without a helpdesk."""
        tickets = self._get_tickets()
        # sudo: helpdesk.ticket - whether it is there does not depend on who looks
        return None if tickets is None else tickets.sudo().browse(ticket_id or ()).exists()

    @api.model
    def _get_number(self, ticket):
        """Return by what a ticket is known to people."""
        return next((ticket[name] for name in _NUMBERS if name in ticket._fields), str(ticket.id))

    @api.model
    def _is_member(self, user, team):
        """Tell whether this user works in a team; in one without people everybody does."""
        name = next((name for name in _MEMBERS if name in team._fields), None)
        return not name or not team[name] or user in team[name]

    @api.model
    def _make_ticket(self, values):
        """Make a ticket in the name of the caller, who was found to be allowed to.

        :param dict values: those of fields that this helpdesk does not have are left out.
        :return: it, with sudo.
        """
        # sudo: helpdesk.ticket - of values of the server; one's own rights need not reach the
        # tickets of the team that gets it
        tickets = self._get_tickets().sudo()
        return tickets.create(
            {name: value for name, value in values.items() if name in tickets._fields}
        )

    @api.model
    def _forget_helpdesk(self):
        """Forget which tickets and teams we know of: another helpdesk would have others under the
        same numbers."""
        self.env.flush_all()
        # Served by scans: this happens when a helpdesk is uninstalled.
        for table, column in (
            ("discuss_channel", "dispatch_ticket_id"),
            ("livechat_dispatch_group", "helpdesk_team"),
        ):
            self.env.cr.execute(
                SQL(
                    "UPDATE %(table)s SET %(column)s = NULL WHERE %(column)s IS NOT NULL",
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                )
            )
        self.env.invalidate_all()
