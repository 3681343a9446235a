import logging
from functools import partial

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, sql

from ...tools import sent
from ...tools.layers import lay_over
from ...tools.sentinels import DECIDED
from .discuss_channel import ChatBesideHelpdesk
from .helpdesk_ticket import HelpdeskTicket

_logger = logging.getLogger(__name__)

_TICKETS = "helpdesk.ticket"
# What a ticket calls its number, in the helpdesks we know.
_NUMBERS = ("number", "ticket_ref")
# What a team calls its people, in the helpdesks we know.
_MEMBERS = ("user_ids", "member_ids")
# How a stage says that its tickets are done, in the helpdesks we know.
_CLOSED = ("closed", "fold")

# So often a new ticket is tried again beside which others are dispatched.
_TRIES_MAX = 10


def _dispatch_after_commit(registry, ticket_id):
    """Dispatch a new ticket in a transaction of its own, which sees what those beside it did."""
    for _try in range(_TRIES_MAX):
        try:
            with registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                env["livechat.helpdesk"]._dispatch_again(ticket_id)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            continue
        except Exception:
            _logger.exception("Ticket %s could not be dispatched", ticket_id)
        return
    _logger.error("Ticket %s could not be dispatched beside so many others", ticket_id)


class LivechatHelpdesk(models.AbstractModel):
    """The helpdesk of this database, if there is one: the only place that looks for it.

    It is no module that ours depends on: whatever has a model ``helpdesk.ticket`` with a title, a
    description, a team, an assignee and a buyer is one, and a field that it lacks is left out. What
    we keep of it are numbers in fields of our own, which are read only while it is there.
    """

    _name = "livechat.helpdesk"
    _description = "Helpdesk beside Live Chat"

    def _post_model_setup__(self):
        super()._post_model_setup__()
        if _TICKETS in self.env.registry:
            lay_over(self.env.registry[_TICKETS], HelpdeskTicket)
            lay_over(self.env.registry["discuss.channel"], ChatBesideHelpdesk)

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
    def _check_helpdesk(self):
        """Refuse what needs a helpdesk.

        :raise UserError: there is none.
        """
        if self._get_tickets() is None:
            raise UserError(self.env._("There is no helpdesk in this database."))

    @api.model
    def _check_handles_tickets(self):
        """Refuse who may make no tickets.

        :raise UserError: nobody may, as there is no helpdesk.
        :raise AccessError: the caller may not.
        """
        self._check_helpdesk()
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
        numbers = (ticket[name] for name in _NUMBERS if name in ticket._fields)
        return next(numbers, None) or str(ticket.id)

    @api.model
    def _get_members(self, team):
        """Return the people of a team; ``None`` of one that has none, and of no team.

        :param team: with sudo, or none.
        """
        name = next((name for name in _MEMBERS if team and name in team._fields), None)
        return (name and team[name]) or None

    @api.model
    def _filter_handlers(self, users, team):
        """Return those of these users who may handle tickets, and work in the team; in one without
        people everybody does.

        :param team: with sudo, or none.
        """
        tickets = self._get_tickets()
        members = self._get_members(team) or users
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
        tickets = self._get_tickets().sudo().with_context(active_test=True)
        rows = tickets._read_group(
            Domain("user_id", "in", users.ids) & self._get_open_domain(), ["user_id"], ["__count"]
        )
        return {user.id: count for user, count in rows}

    @api.model
    def _find_open(self, domain):
        """Return the open tickets of this domain, with sudo; the oldest first."""
        # sudo: helpdesk.ticket - whoever takes an agent away sees to its tickets
        tickets = self._get_tickets().sudo().with_context(active_test=True)
        return tickets.search(Domain(domain) & self._get_open_domain(), order="id")

    @api.model
    def _give(self, ticket, user):
        """Let this user, or nobody, have a ticket.

        :param ticket: with sudo.
        """
        ticket.with_context(sent.without_defaults(self.env.context)).user_id = user

    @api.model
    def _get_team(self, ticket):
        """Return the helpdesk team of a ticket; false where the helpdesk has none."""
        return "team_id" in ticket._fields and ticket.team_id

    @api.model
    def _make_ticket(self, values):
        """Make a ticket in the name of the caller, who was found to be allowed to.

        :param dict values: those of fields that this helpdesk does not have are left out.
        :return: it, with sudo.
        """
        # sudo: helpdesk.ticket - of values of the server; one's own rights need not reach the
        # tickets of the team that gets it
        tickets = self._get_tickets().sudo().with_context(livechat_ticket=DECIDED)
        return tickets.create(
            {name: value for name, value in values.items() if name in tickets._fields}
        )

    @api.model
    def _dispatch_new(self, tickets):
        """Give tickets that have just come by mail or form, or by hand, to whom dispatch chooses,
        where a group dispatches all tickets of its team: those that are open and nobody's. What is
        imported is not new. A ticket for whom that fails is left to its team.
        """
        if self.env.context.get("livechat_ticket") is DECIDED:
            return
        if self.env.context.get("import_file"):
            return
        for ticket, group in self._find_dispatched(tickets):
            self._give_or_leave(ticket, partial(group.channel_id._give_ticket, ticket, group))

    @api.model
    def _give_or_leave(self, ticket, give):
        """Say whose a ticket is that has just come; one for whom that fails is left as it is.

        :param give: called without arguments.
        """
        try:
            with self.env.cr.savepoint():
                give()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Another ticket is just given to the same agents. To begin again, as elsewhere, would
            # lose a mail: whoever fetches mails tries none a second time.
            again = partial(_dispatch_after_commit, self.env.registry, ticket.id)
            self.env.cr.postcommit.add(again)
        except Exception:
            _logger.exception("%s could not be dispatched", ticket)

    @api.model
    def _filter_done(self, tickets):
        """Return those of these tickets that are not open: done, or archived."""
        # sudo: helpdesk.ticket - in which stage it is, whoever moves it
        tickets = tickets.sudo()
        is_open = self._get_open_domain()
        if "active" in tickets._fields:
            is_open &= Domain("active", "=", True)
        return tickets - tickets.filtered_domain(is_open)

    @api.model
    def _dispatch_reopened(self, tickets):
        """Dispatch tickets again that were done and are open anew, for an answer that came by mail
        for example, while whose they are has gone.

        :param tickets: those that were done, with sudo.
        """
        # All of somebody's go at once: whose they are then keeps them.
        for user, left in self._find_left(tickets).grouped("user_id").items():
            self._give_or_leave(left[:1], user._hand_over_tickets)

    @api.model
    def _find_left(self, tickets):
        """Return those of these tickets that are open, and of somebody who is disabled or may
        handle none any more.

        :param tickets: with sudo.
        """
        tickets -= self._filter_done(tickets)
        users = tickets.user_id
        gone = users - self._filter_handlers(users.filtered("active"), None)
        return tickets.filtered(lambda ticket: ticket.user_id in gone)

    @api.model
    def _dispatch_again(self, ticket_id):
        """Dispatch a ticket, if it is still there and nobody's, or of who has gone."""
        tickets = self._find_tickets([ticket_id])
        for ticket, group in self._find_dispatched(tickets):
            group.channel_id._give_ticket(ticket, group)
        for ticket in self._find_left(tickets) if tickets else ():
            ticket.user_id._hand_over_tickets()

    @api.model
    def _find_dispatched(self, tickets):
        """Return those of these tickets that are open, nobody's, and in a team of which a group
        dispatches all tickets; each with sudo and with the group.

        None leaves the people of its team, whoever else a shop has: what is nobody's they can all
        read, and others cannot.

        :param tickets: ``None`` without a helpdesk.
        :rtype: list[tuple[models.Model, livechat.dispatch.group]]
        """
        if not tickets or "team_id" not in tickets._fields:
            return []
        # sudo: livechat.dispatch.group, helpdesk.ticket - whoever opens a ticket, a buyer as well
        groups = self.env["livechat.dispatch.group"].sudo()
        groups = groups.search([("dispatches_team", "=", True), ("helpdesk_team", "!=", False)])
        by_team = {group._get_helpdesk_team(): group for group in reversed(groups)}
        # Of what comes by mail, which OdooBot receives, a helpdesk may make OdooBot the assignee.
        nobodys = Domain("user_id", "in", [False, SUPERUSER_ID])
        # sudo: helpdesk.ticket - as above
        new = tickets.sudo().filtered_domain(nobodys & self._get_open_domain())
        return [
            (ticket, by_team[ticket.team_id])
            for ticket in (new if groups else ())
            if ticket.team_id in by_team and self._get_members(ticket.team_id)
        ]

    @api.model
    def _follow_counts(self, tickets):
        """Say that the assignees of these tickets have another number of open ones."""
        announcement = self.env["livechat.announcement"]
        # sudo: helpdesk.ticket - whose they are, whoever changes them
        users = tickets.sudo().user_id
        announcement._look_again(users, "agents")
        if users and self.env["res.config.settings"]._get_dispatch_ticket_load():
            announcement._look_again(users, "bars")
            announcement._seat_may_be_free(users._get_chat_channels())

    @api.model
    def _forget_helpdesk(self):
        """Forget which tickets and teams we know of: another helpdesk would have others under the
        same numbers."""
        if sql.column_exists(self.env.cr, "im_livechat_channel", "offline_rule"):
            self._end_ticket_rule()
        self.env.flush_all()
        # Served by scans: this happens when a helpdesk is uninstalled.
        for table, column in (
            ("discuss_channel", "dispatch_ticket_id"),
            ("livechat_dispatch_group", "helpdesk_team"),
            ("livechat_ticket_decision", "ticket_id"),
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

    @api.model
    def _end_ticket_rule(self):
        """Let the message pool keep what was to become tickets, and tell whose it is."""
        # sudo: im_livechat.channel - whoever uninstalls the helpdesk
        channels = self.env["im_livechat.channel"].sudo().search([("offline_rule", "=", "ticket")])
        channels.offline_rule = "pool"
        for channel in channels:
            channel.main_account_id._bus_send(
                "simple_notification",
                {
                    "type": "warning",
                    "sticky": True,
                    "message": self.env._(
                        "There is no helpdesk any more: what buyers of %s write while nobody is "
                        "here is kept in the message pool.",
                        channel.name,
                    ),
                },
            )
