from odoo import api, fields, models

from ...dispatch import ledger, policy
from ...dispatch.ledger import tickets as accounts
from ...tools import sent

_TICKETS_MAX = 1000


class ImLivechatChannel(models.Model):
    """Tickets of a channel's chats are dispatched by the rules of its chats, with a credit and a
    capacity of their own."""

    _inherit = "im_livechat.channel"

    ticket_assignee = fields.Selection(
        [
            ("agent", "The agent of the chat"),
            ("dispatch", "Whom dispatch chooses, by weight"),
        ],
        "Tickets Go To",
        default="agent",
        required=True,
        help="Who gets a ticket that is made of a chat. If the chat's agent cannot take it, "
        "dispatch chooses as well. Each ticket is charged to who gets it, apart from chats.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    ticket_capacity = fields.Integer(
        "Ticket Capacity",
        at_least=0,
        at_most=_TICKETS_MAX,
        help="How many open tickets an agent of weight 100 can have at the same time. 0: no limit.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    offline_rule = fields.Selection(
        selection_add=[("ticket", "Tickets: keep the messages as tickets of the helpdesk")],
        ondelete={"ticket": "set pool"},
    )
    has_helpdesk = fields.Boolean(compute="_compute_has_helpdesk")

    _ticket_capacity_range = models.Constraint(
        f"CHECK (ticket_capacity BETWEEN 0 AND {_TICKETS_MAX})",
        "An agent can have at most 1000 open tickets; 0 is for no limit.",
    )

    @api.depends_context("uid")
    def _compute_has_helpdesk(self):
        self.has_helpdesk = self.env["livechat.helpdesk"]._get_tickets() is not None

    @api.constrains("offline_rule")
    def _check_ticket_rule(self):
        if self.filtered(lambda channel: channel.offline_rule == "ticket"):
            self.env["livechat.helpdesk"]._check_helpdesk()

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Offer the rule that makes tickets only beside a helpdesk."""
        described = super().fields_get(allfields, attributes)
        rule = described.get("offline_rule", {})
        if "selection" in rule and self.env["livechat.helpdesk"]._get_tickets() is None:
            rule["selection"] = [option for option in rule["selection"] if option[0] != "ticket"]
        return described

    @api.model
    def _run_dispatch_timers(self):
        super()._run_dispatch_timers()
        # After the lines were served: who is here by now has taken messages as chats.
        self.env["discuss.channel"]._make_tickets_of_messages()

    @api.model
    def _describe_agents(self, facts):
        """Say also how many open tickets each has, where there is a helpdesk."""
        described = super()._describe_agents(facts)
        helpdesk = self.env["livechat.helpdesk"]
        if helpdesk._get_tickets() is not None:
            users = self.env["res.users"].browse([agent["id"] for agent in described])
            counts = helpdesk._count_open(users)
            for agent in described:
                agent["tickets"] = counts.get(agent["id"], 0)
        return described

    @api.model
    def _ask_for_tickets(self, query):
        query = super()._ask_for_tickets(query)
        return query._replace(count_tickets=self.env["livechat.helpdesk"]._get_count_statement())

    def write(self, vals):
        sent.expect_values(self.env, vals)
        before = {}
        if "user_ids" in vals and self.env["livechat.helpdesk"]._get_tickets() is not None:
            # sudo: im_livechat.channel - who its agents are, disabled ones as well
            channels = self.sudo().with_context(active_test=False)
            before = {channel: channel.user_ids for channel in channels}
        result = super().write(vals)
        for channel, agents in before.items():
            (agents - channel.user_ids)._hand_over_tickets(channel)
        return result

    @api.model
    def _release_lost_agents(self):
        """Hand over the tickets of who may handle none any more as well."""
        super()._release_lost_agents()
        helpdesk = self.env["livechat.helpdesk"]
        if helpdesk._get_tickets() is None:
            return
        # sudo: res.users - whoever changed the rights changed who handles tickets
        agents = self.env["res.users"].sudo().search([("livechat_channel_ids", "!=", False)])
        busy = agents.browse(helpdesk._count_open(agents))
        (busy - helpdesk._filter_handlers(busy, None))._hand_over_tickets()

    def _give_ticket(self, ticket, group, leavers=None, may_stay=False):
        """Give a ticket of no chat to whom dispatch chooses, present or not, and write down why.

        :param ticket: with sudo.
        :param leavers: see :meth:`_dispatch_ticket`.
        :param may_stay: who has it keeps what nobody else takes.
        """
        team = self.env["livechat.helpdesk"]._get_team(ticket)
        given = self._dispatch_ticket(group, team, leavers=leavers, even_absent=True)
        if may_stay and not given["user_id"]:
            return
        self.env["livechat.helpdesk"]._give(ticket, given["user_id"])
        self.env["livechat.ticket.decision"]._record(ticket, self, given)

    def _dispatch_ticket(self, group, team, agent=None, leavers=None, even_absent=False):
        """Choose who gets a ticket, and charge it, in the transaction of the caller, who makes it.

        :param group: the ``livechat.dispatch.group`` of the chat; when none of its agents can take
            the ticket, those of the groups above join.
        :param team: whose ticket it will be, with sudo; none for nobody's.
        :param agent: the ``res.users`` who has the chat; none for a ticket of no chat.
        :param leavers: the ``res.users`` who give it up, the first of them had it; they do not get
            it.
        :param even_absent: whether it goes to who is not here when nobody is who can take it, and
            waits for that one to come.
        :return: the values of the record, as ``livechat.dispatch.decision._describe_decision`` says
            them; ``user_id`` is false when nobody can.
        :rtype: dict
        """
        self.ensure_one()
        rules = self._get_dispatch_rules()
        rules = rules._replace(
            mode="share" if rules.mode == "native" else rules.mode,
            max_sessions=self.ticket_capacity or None,
            # A ticket speaks no language, and can be left alone while somebody is in a call.
            prefers_suited=False,
            ticket_load=0,
            block_during_call=False,
        )
        regulars = ()
        if self.ticket_assignee == "agent" and agent:
            regulars = (policy.Regular(agent.id, "exclusive", even_paused=True),)
        levels = self._get_ticket_levels(group, regulars)
        agents = self._read_ticket_agents(group, team, leavers.ids if leavers else ())
        ascent = policy.ascend(agents, rules, levels, regulars)
        if even_absent and not ascent.decision.winner:
            rules = rules._replace(needs_presence=False)
            ascent = policy.ascend(agents, rules, levels, regulars)
        decision = ascent.decision
        if decision.winner:
            accounts.charge(self.env.cr, decision.shares, decision.winner)
        described = self.env["livechat.ticket.decision"]._describe_decision(
            decision, ascent.agents, ascent.rules, ascent.regulars
        )
        kind = ("overflow" if ascent.level else "assign") if decision.winner else "nobody"
        before = leavers or agent
        return {
            **described,
            "user_id": decision.winner or False,
            "previous_user_id": before and before[:1].id,
            "kind": "hand_over" if leavers else kind,
            "group_id": group.id,
        }

    def _get_ticket_levels(self, group, regulars):
        """Return who may get the ticket: who has the chat, of whatever group, and the group's
        agents, then also those above; see ``policy.ascend``."""
        levels, members = [], {regular.user_id for regular in regulars}
        while group:
            members = members | set(self._get_member_ids(group.id))
            levels.append(members)
            group = group.parent_id
        if levels:
            return levels
        others = self._get_member_ids(None)
        return None if others is None else [members | others]

    def _read_ticket_agents(self, group, team, declined=()):
        """Return what is true of the channel's agents for tickets: their load is that of tickets,
        and whoever may not handle them, or works in another team, lacks a permission.

        :rtype: list[policy.Agent]
        """
        self.env.flush_all()
        complete = self._complete_facts(group, declined)
        query = self._get_dispatch_query()._replace(count_tickets=None)
        agents = complete(ledger.read_agents(self.env.cr, query))
        users = self.env["res.users"].browse([agent.user_id for agent in agents])
        owed = accounts.take_turn(self.env.cr, users.ids)
        helpdesk = self.env["livechat.helpdesk"]
        handlers = {*helpdesk._filter_handlers(users, team).ids}
        loads = helpdesk._count_open(users)
        described = []
        for agent in agents:
            credit, last_turn = owed[agent.user_id]
            facts = agent.facts._replace(
                # Whose page is just being loaded has the ticket when it is there.
                online=agent.online or agent.just_gone,
                lively_chats=loads.get(agent.user_id, 0),
                quiet_chats=0,
                tickets=0,
                overloaded=False,
                missing_permission=agent.missing_permission or agent.user_id not in handlers,
            )
            described.append(policy.Agent(agent.user_id, facts, credit, last_turn))
        return described
