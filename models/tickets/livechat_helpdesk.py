from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, sql

from ...tools import sent

_TICKETS = "helpdesk.ticket"
# What a ticket calls its number, in the helpdesks we know.
_NUMBERS = ("number", "ticket_ref")
# What a team calls its people, in the helpdesks we know.
_MEMBERS = ("user_ids", "member_ids")
# How a stage says that its tickets are done, in the helpdesks we know.
_CLOSED = ("closed", "fold")


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
    def _find_tickets(self, ticket_ids):
        """Return tickets with sudo, as far as they are there; ``None`` without a helpdesk."""
        tickets = self._get_tickets()
        # sudo: helpdesk.ticket - whether it is there does not depend on who looks
        return None if tickets is None else tickets.sudo().browse(ticket_ids).exists()

    @api.model
    def _get_number(self, ticket):
        """Return by what a ticket is known to people."""
        return next((ticket[name] for name in _NUMBERS if name in ticket._fields), str(ticket.id))

    @api.model
    def _filter_handlers(self, users, team):
        """Return those of these users who may handle tickets, and work in the team; in one without
        people everybody does.

        :param team: with sudo, or none.
        """
        tickets = self._get_tickets()
        name = next((name for name in _MEMBERS if team and name in team._fields), None)
        members = (name and team[name]) or users
        return (users & members).filtered(lambda user: tickets.with_user(user).has_access("create"))

    @api.model
    def _get_closed_field(self):
        """Return the model of stages, and the name of the field by which one says that its tickets
        are done; ``None`` where none does."""
        stages = self.env[self._get_tickets()._fields["stage_id"].comodel_name]
        return stages, next((name for name in _CLOSED if name in stages._fields), None)

    @api.model
    def _get_open_domain(self):
        """Return which tickets are open; archived ones are not."""
        _stages, closed = self._get_closed_field()
        if not closed:
            return Domain.TRUE
        return Domain("stage_id", "=", False) | Domain(f"stage_id.{closed}", "=", False)

    @api.model
    def _get_count_statement(self):
        """Return the statement that counts the open tickets of ``%(user_ids)s``, as
        :meth:`_count_open` does; ``None`` without a helpdesk.

        :rtype: str | None
        """
        tickets = self._get_tickets()
        if tickets is None:
            return None
        stages, closed = self._get_closed_field()
        is_open = ["ticket.active" if "active" in tickets._fields else "true"]
        if closed:
            is_open.append(f"stage.{closed} IS NOT TRUE")
        # Served by helpdesk_ticket's index on user_id and the primary key of stages, which are few.
        return f"""
            SELECT ticket.user_id, count(*)
              FROM {tickets._table} ticket
         LEFT JOIN {stages._table} stage ON stage.id = ticket.stage_id
             WHERE ticket.user_id = ANY(%(user_ids)s)
               AND {" AND ".join(is_open)}
          GROUP BY ticket.user_id
        """

    @api.model
    def _count_open(self, users):
        """Return ``{user id: number}`` of the open tickets of these users who have any."""
        # sudo: helpdesk.ticket - how many somebody has does not depend on who looks
        tickets = self._get_tickets().sudo()
        rows = tickets._read_group(
            Domain("user_id", "in", users.ids) & self._get_open_domain(), ["user_id"], ["__count"]
        )
        return {user.id: count for user, count in rows}

    @api.model
    def _find_open(self, domain):
        """Return the open tickets of this domain, with sudo; the oldest first."""
        # sudo: helpdesk.ticket - whoever takes an agent away sees to its tickets
        tickets = self._get_tickets().sudo()
        return tickets.search(Domain(domain) & self._get_open_domain(), order="id")

    @api.model
    def _give(self, ticket, user):
        """Let this user, or nobody, have a ticket.

        :param ticket: with sudo.
        """
        ticket.with_context(sent.without_defaults(self.env.context)).user_id = user

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
            if not sql.column_exists(self.env.cr, table, column):
                # This addon goes as well, and its columns have gone before.
                continue
            self.env.cr.execute(
                SQL(
                    "UPDATE %(table)s SET %(column)s = NULL WHERE %(column)s IS NOT NULL",
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                )
            )
        self.env.invalidate_all()
