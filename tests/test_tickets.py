"""A chat that goes on as a ticket of a helpdesk: with the real one, and without any."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import LockNotAvailable, SerializationFailure

from odoo import sql_db
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import JsonRpcException, TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tools.discuss import Store

from ..dispatch import ledger
from ..dispatch.credit import CHAT
from ..dispatch.ledger import tickets as accounts
from .test_buyer_card import BuyerCardCommon
from .walks import WalkCase, walk

_PAGE = "https://elsewhere.example.com/lamps?a=1&b=2"


@tagged("post_install", "-at_install")
class TestNoHelpdesk(BuyerCardCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "helpdesk.ticket" in cls.env:
            cls.skipTest(cls, "a helpdesk is installed; in `dev/test addon-models` there is none")

    def test_nothing_is_offered_and_nothing_is_asked(self):
        chat = self._chat(self.maria, self.buyer)
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Lamps", "channel_id": self.channel.id}
        )
        self.env.flush_all()
        helpdesk = self.env["livechat.helpdesk"].with_user(self.maria)
        with self.assertQueryCount(0):
            self.assertFalse(helpdesk._handles_tickets())
            self.assertIsNone(group._get_helpdesk_team())
            self.assertFalse(group._list_helpdesk_teams() or group.has_helpdesk)
        for target in (self.maria, chat):
            attributes = chat._to_store_defaults(Store.Target(channel=target))
            names = {getattr(attribute, "field_name", attribute) for attribute in attributes}
            self.assertNotIn("dispatch_ticket", names)
        permission = self.env.ref("im_livechat_subaccount.permission_handle_tickets")
        self.assertFalse(permission.available)

    def test_the_rule_that_makes_tickets_is_neither_offered_nor_allowed(self):
        offered = self.channel.with_user(self.owner).fields_get(["offline_rule"], ["selection"])
        self.assertNotIn("ticket", dict(offered["offline_rule"]["selection"]))
        with self.assertRaisesRegex(UserError, "There is no helpdesk"):
            self.channel.with_user(self.owner).offline_rule = "ticket"

    def test_reception_and_team_are_as_before(self):
        shown = self.channel.with_user(self.owner).get_reception_agents(self.maria.ids)
        team = self.env["livechat.team"].with_user(self.owner).get_team()
        for rows in (shown["agents"], team["agents"], [team["all"]]):
            self.assertFalse(any("tickets" in row for row in rows))

    def test_who_leaves_costs_no_query_for_tickets(self):
        with self.assertQueryCount(0):
            self.maria._hand_over_tickets()
            self.assertIsNone(self.channel._ask_for_tickets(ledger.Query(0, None)).count_tickets)

    def test_a_call_is_refused_with_a_sentence(self):
        chat = self._chat(self.maria, self.buyer).with_user(self.maria)
        for call in (chat.make_ticket, chat.get_ticket_draft, chat.execute_command_ticket):
            with self.assertRaisesRegex(UserError, "There is no helpdesk"):
                call()


@tagged("post_install", "-at_install")
class TestTicketCredits(TransactionCase):
    """What agents are owed, between transactions; it leaves the database as it is."""

    def test_who_assigns_at_the_same_time_waits_and_starts_again(self):
        database = sql_db.db_connect(self.env.cr.dbname)
        user_id = self.env.ref("base.user_root").id
        with closing(database.cursor()) as one, closing(database.cursor()) as other:
            accounts.take_turn(one, [user_id])
            accounts.charge(one, {user_id: CHAT}, user_id)
            other.execute("SET LOCAL lock_timeout = '50ms'")
            with mute_logger("odoo.sql_db"), self.assertRaises(LockNotAvailable):
                accounts.take_turn(other, [user_id])
            other.rollback()
            other.execute("SELECT FROM livechat_ticket_credit")
            one.commit()
            try:
                with mute_logger("odoo.sql_db"), self.assertRaises(SerializationFailure):
                    accounts.take_turn(other, [user_id])
                other.rollback()
            finally:
                one.execute("DELETE FROM livechat_ticket_credit WHERE user_id = %s", [user_id])
                one.commit()


class TicketCommon(BuyerCardCommon):
    """Buyers of a group below another, which has a team of the helpdesk."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Without the role that sees contact data.
        cls.role = cls.Roles.create(
            {
                "name": "Tickets",
                "permission_ids": [
                    Command.link(cls.env.ref(f"im_livechat_subaccount.permission_{name}").id)
                    for name in ("receive_buyers", "handle_tickets")
                ],
            }
        )
        cls.tina = cls._enable("Tina", cls.role)
        cls.channel.user_ids += cls.tina
        cls.team = cls.env["helpdesk.ticket.team"].create({"name": "Repairs"})
        groups = cls.env["livechat.dispatch.group"]
        above = groups.create(
            {
                "name": "Goods",
                "channel_id": cls.channel.id,
                "helpdesk_team": str(cls.team.id),
            }
        )
        cls.group = groups.create(
            {
                "name": "Lamps",
                "channel_id": cls.channel.id,
                "parent_id": above.id,
                "user_ids": [Command.set((cls.maria | cls.tina | cls.omar).ids)],
            }
        )

    def _chat(self, agent, buyer, page=_PAGE):
        self.tina.dispatch_paused = True
        chat = super()._chat(agent, buyer, page)
        chat.dispatch_group_id = self.group
        return chat

    def _make(self, chat, agent, *args, **kwargs):
        made = call_kw(
            self.env["discuss.channel"].with_user(agent), "make_ticket", [chat.ids, *args], kwargs
        )
        return self.env["helpdesk.ticket"].browse(made["id"])

    def _get_new_words(self, chat):
        return chat.message_ids.sorted("id")[-1].body


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestTickets(TicketCommon):
    def test_a_ticket_says_who_and_what_to_the_team_of_the_group_and_both_lead_to_each_other(self):
        chat = self._chat(self.omar, self.buyer)
        self._say(chat, self.buyer, "It is <b>broken</b>")
        ticket = self._make(chat, self.omar, "Broken lamp")
        self.assertEqual(
            (ticket.name, ticket.team_id, ticket.user_id, ticket.partner_id),
            ("Broken lamp", self.team, self.omar, self.buyer.partner_id),
        )
        self.assertEqual(ticket.partner_email, "ella@hidden.example.com")
        for said in ("elsewhere.example.com/lamps", "Is it in stock?", "<strong>Ella:</strong>"):
            self.assertIn(said, ticket.description)
        self.assertNotIn("<b>broken", ticket.description)
        self.assertNotIn("lamps?a=1&b=2", ticket.description)
        note = ticket.message_ids.filtered(lambda line: "Made of the chat" in line.body)
        self.assertIn(f'data-oe-id="{chat.id}"', note.body)
        self.assertTrue(note.subtype_id.internal, "a buyer who follows the ticket reads none")
        self.assertEqual(
            chat._describe_ticket(),
            {
                "id": ticket.id,
                "name": ticket.display_name,
                "why_id": self._get_why(ticket).id,
            },
        )
        self.assertNotIn(ticket.number, "".join(chat.message_ids.mapped("body")))

    def test_agents_are_told_the_ticket_and_buyers_are_not(self):
        chat = self._chat(self.omar, self.buyer)
        self.assertIs(self._show(chat, self.maria)["dispatch_ticket"], False)
        ticket = self._make(chat, self.omar)
        self.assertEqual(self._show(chat, self.maria)["dispatch_ticket"]["id"], ticket.id)
        for target in (self.buyer, chat, self.rival.browse(self.env.ref("base.public_user").id)):
            self.assertNotIn("dispatch_ticket", self._show(chat, target))

    def _show(self, chat, target):
        return Store(bus_channel=target).add(chat).get_result()["discuss.channel"][0]

    def test_orders_are_those_that_the_agent_may_read(self):
        order = self.env["sale.order"].create({"partner_id": self.buyer.partner_id.id})
        order.action_confirm()
        for agent, is_told in ((self.tina, False), (self.omar, True)):
            with self.subTest(agent.name):
                chat = self._chat(agent, self.buyer)
                ticket = self._make(chat, agent)
                (self.assertIn if is_told else self.assertNotIn)(order.name, ticket.description)
                self._close(chat)

    def test_how_to_reach_the_buyer_is_masked_as_the_role_of_each_reader_says(self):
        self.buyer.name = "ella@hidden.example.com"
        ticket = self._make(self._chat(self.tina, self.buyer), self.tina)
        rows = ticket.with_user(self.tina).read(
            ["partner_email", "partner_name", "description", "name"]
        )
        self.assertNotIn("ella@", str(rows))
        self.assertEqual(rows[0]["partner_email"], "e***@hidden.example.com")
        self.assertFalse(
            self.env["helpdesk.ticket"]
            .with_user(self.tina)
            .search([("partner_email", "=like", "ella%")])
        )
        # Nor does a form that is being filled in, once a contact is chosen.
        new = self.env["helpdesk.ticket"].with_user(self.tina)
        chosen = {"partner_id": self.buyer.partner_id.id}
        typed = new.onchange(chosen, ["partner_id"], {"partner_email": {}, "partner_name": {}})
        self.assertNotIn("ella@", str(typed))
        self.assertEqual(typed["value"]["partner_email"], "e***@hidden.example.com")
        # And what it shows masked is not what it saves.
        shown = {name: typed["value"][name] for name in ("partner_email", "partner_name")}
        saved = new.create({"name": "By hand", "description": "Late", **chosen, **shown})
        self.assertEqual(saved.sudo().partner_email, "ella@hidden.example.com")
        self.assertEqual(saved.sudo().partner_name, self.buyer.name)
        saved.write({**chosen, **shown})
        self.assertEqual(saved.sudo().partner_email, "ella@hidden.example.com")
        ticket.user_id = self.omar
        (row,) = ticket.with_user(self.omar).read(["partner_email"])
        self.assertEqual(row["partner_email"], "ella@hidden.example.com")

    def test_a_long_name_makes_no_title_that_is_refused_and_none_no_traceback(self):
        guest = self._create_guest("W" * 400)
        chat = self._chat(self.omar, guest)
        draft = chat.with_user(self.omar).get_ticket_draft()
        self.assertTrue(self._make(chat, self.omar, **draft))
        company = self.env["res.partner"].create({"name": "Lamps", "is_company": True})
        self._close(chat)
        chat = self._chat(self.omar, self.buyer)
        self.buyer.partner_id.write({"parent_id": company.id, "type": "invoice", "name": False})
        self.assertTrue(self._make(chat, self.omar))

    def test_a_ticket_without_a_number_is_known_by_its_id(self):
        ticket = self._make(self._chat(self.omar, self.buyer), self.omar)
        ticket.number = False
        self.assertEqual(self.env["livechat.helpdesk"]._get_number(ticket), str(ticket.id))

    def test_a_guest_is_named_as_it_named_itself(self):
        guest = self._create_guest("Wei")
        guest.email = "wei@hidden.example.com"
        ticket = self._make(self._chat(self.tina, guest), self.tina)
        self.assertEqual(
            (ticket.partner_id.ids, ticket.partner_name, ticket.partner_email),
            ([], "Wei", "wei@hidden.example.com"),
        )

    def test_the_chat_goes_on_or_ends_with_a_word_to_the_buyer(self):
        chat = self._chat(self.omar, self.buyer)
        self._make(chat, self.omar)
        self.assertFalse(chat.livechat_end_dt)
        self.assertIn("in stock?", self._get_new_words(chat), "the buyer is told nothing")
        self._close(chat)
        chat = self._chat(self.omar, self.buyer)
        draft = chat.with_user(self.omar).get_ticket_draft()
        self.assertIn("Ella", draft["title"])
        ticket = self._make(chat, self.omar, **draft, end=True)
        self.assertTrue(chat.livechat_end_dt)
        words = chat.message_ids.filtered(lambda line: ticket.number in line.body)
        self.assertEqual(words.author_id, self.omar.partner_id)
        self.assertEqual(words.message_type, "comment")
        chat = self._chat(self.omar, self.buyer)
        self._close(chat)
        with self.assertRaisesRegex(UserError, "has ended"):
            self._make(chat, self.omar, "", "Hello")
        self.assertTrue(self._make(chat, self.omar), "who has gone has a ticket as well")

    def test_a_chat_has_one_ticket_as_long_as_that_is_there(self):
        chat = self._chat(self.omar, self.buyer)
        ticket = self._make(chat, self.omar)
        with self.assertRaisesRegex(UserError, "has a ticket already"):
            self._make(chat, self.omar)
        ticket.unlink()
        self.assertFalse(chat.dispatch_ticket_name)
        ticket = self._make(chat, self.omar)
        self.assertTrue(ticket.exists())
        # As when the helpdesk is uninstalled: another one would give the number to another ticket.
        self.env["ir.model"]._get("res.partner")._forget_tickets()
        self.assertEqual(chat.dispatch_ticket_id, ticket.id)
        self.env["ir.model"]._get("helpdesk.ticket")._forget_tickets()
        self.assertFalse(chat.dispatch_ticket_id or self.group.parent_id.helpdesk_team)

    def test_a_chat_of_a_channel_that_odoo_dispatches_may_be_a_ticket_as_well(self):
        chat = self._chat(self.omar, self.buyer)
        self.channel.dispatch_mode = "native"
        self.assertEqual(self._make(chat, self.omar).user_id, self.omar)

    def test_the_command_makes_a_ticket_and_says_nothing_to_the_buyer(self):
        chat = self._chat(self.omar, self.buyer)
        before = chat.message_ids
        chat.with_user(self.omar).execute_command_ticket(body="/ticket  Broken lamp ")
        self.assertEqual(chat.message_ids, before)
        ticket = self.env["helpdesk.ticket"].browse(chat.dispatch_ticket_id)
        self.assertEqual((ticket.name, ticket.create_uid), ("Broken lamp", self.omar))

    def test_who_is_not_of_the_team_leaves_the_ticket_to_it(self):
        self.team.user_ids = self.maria
        ticket = self._make(self._chat(self.omar, self.buyer), self.omar)
        self.assertEqual((ticket.team_id, ticket.user_id.ids), (self.team, []))
        why = self._get_why(ticket)
        self.assertEqual((why.kind, why.user_id.ids), ("nobody", []))
        self.assertEqual({*why.excluded.values()} - {"paused"}, {"missing_permission"})
        self.assertIn("in another helpdesk team", why.explanation)

    def _get_why(self, ticket):
        why = self.env["livechat.ticket.decision"].search([("ticket_id", "=", ticket.id)])
        self.assertEqual(len(why), 1, "each ticket has one record")
        return why

    def test_a_ticket_stays_with_the_agent_of_its_chat_and_the_record_says_so(self):
        chat = self._chat(self.omar, self.buyer)
        self.tina.dispatch_paused = False
        self.owner.group_ids += self.env.ref("helpdesk_mgmt.group_helpdesk_user_own")
        before = ledger.read_credits(self.env.cr), chat.dispatch_decision_ids
        ticket = self._make(chat, self.owner)
        self.assertEqual(ticket.user_id, self.omar)
        why = self._get_why(ticket)
        self.assertEqual(
            (why.user_id, why.rule, why.group_id, why.ticket_name, why.main_account_id),
            (self.omar, "exclusive", self.group, ticket.number, self.owner),
        )
        self.assertEqual(why.with_user(self.omar).sentence, "The agent of the chat")
        self.assertEqual(why.run_again(), self.omar.id)
        with self.assertRaises(AccessError):
            why.with_user(self.rival).read(["sentence"])
        self.assertFalse(why.with_user(self.tina).search([("id", "=", why.id)]))
        held = (
            self.env["livechat.personal.data"]
            .sudo()
            ._export_agent(self.omar.partner_id, self.owner)
        )
        self.assertEqual([one["ticket"] for one in held["tickets"]], [ticket.number])
        # Chats know nothing of it.
        self.assertEqual((ledger.read_credits(self.env.cr), chat.dispatch_decision_ids), before)
        owed = accounts.read_credits(self.env.cr)
        self.assertEqual(owed[self.omar.id], -owed[self.tina.id])
        self.assertLess(owed[self.omar.id], 0)

    def test_an_agent_whose_page_is_being_loaded_keeps_the_ticket_of_its_chat(self):
        chat = self._chat(self.omar, self.buyer)
        self.tina.dispatch_paused = False
        self._reload(self.omar)
        self.assertEqual(self._make(chat, self.omar).user_id, self.omar)

    def test_160_tickets_are_split_exactly_by_weight(self):
        self.channel.ticket_assignee = "dispatch"
        agents = self.omar | self.tina | self._enable("Uma", self.role)
        self.channel.user_ids = agents
        agents.dispatch_paused = False
        for agent, weight in zip(agents, (100, 50, 10), strict=True):
            agent.dispatch_weight = weight
        got = Counter(
            self.channel._dispatch_ticket(self.env["livechat.dispatch.group"], self.team, agent)[
                "user_id"
            ]
            for _ticket in range(160)
        )
        self.assertEqual([got[agent.id] for agent in agents], [100, 50, 10])
        owed = accounts.read_credits(self.env.cr)
        self.assertFalse(any(owed.values()), "nobody is owed anything")
        self.assertFalse(any(ledger.read_credits(self.env.cr).values()), "nor a chat")

    def test_dispatch_gives_tickets_to_who_may_is_at_work_and_has_room_for_one(self):
        self.channel.write({"ticket_assignee": "dispatch", "ticket_capacity": 1})
        chats = [self._chat(self.omar, self._create_guest()) for _ticket in range(4)]
        (self.maria | self.tina).dispatch_paused = False
        self.omar.dispatch_weight = 200
        tickets = [self._make(chat, self.omar) for chat in chats[:3]]
        # Maria lacks the permission; Omar has twice the capacity.
        self.assertEqual(
            Counter(ticket.user_id for ticket in tickets), {self.omar: 2, self.tina: 1}
        )
        why = self._get_why(self._make(chats[3], self.omar))
        self.assertEqual(
            (why.excluded[str(self.maria.id)], why.excluded[str(self.omar.id)], why.user_id.ids),
            ("missing_permission", "at_capacity", []),
        )
        self.assertIn("2 of 2 tickets", why.explanation)
        # Done, paused, off shift.
        tickets[0].stage_id = self.env["helpdesk.ticket.stage"].search([("closed", "=", True)])[0]
        chosen = self._dispatch()
        self.assertEqual(chosen["user_id"], tickets[0].user_id.id)
        tickets[0].user_id.dispatch_paused = True
        self.assertEqual(self._dispatch()["kind"], "nobody")
        tickets[0].user_id.dispatch_paused = False
        self.channel.calendar_id = self.env["resource.calendar"].create(
            {"name": "Closed", "attendance_ids": [Command.clear()]}
        )
        excluded = {*self._dispatch()["excluded"].values()}
        self.assertEqual(excluded - {"missing_permission"}, {"off_shift"})

    def _dispatch(self):
        return self.channel._dispatch_ticket(self.group, self.team, self.omar)

    def test_a_group_asks_those_above_when_none_of_its_agents_can(self):
        self.channel.ticket_assignee = "dispatch"
        (self.maria | self.omar | self.tina).dispatch_paused = False
        self.group.user_ids = self.maria
        self.group.parent_id.user_ids = self.tina
        chosen = self._dispatch()
        self.assertEqual((chosen["user_id"], chosen["kind"]), (self.tina.id, "overflow"))

    def test_who_is_enabled_again_is_owed_no_ticket_either(self):
        self.omar.dispatch_paused = self.tina.dispatch_paused = False
        self.assertEqual(self._dispatch()["user_id"], self.omar.id)
        self.assertLess(accounts.read_credits(self.env.cr)[self.omar.id], 0)
        ledger.clear_credits(self.env, self.omar.ids)
        self.assertEqual(accounts.read_credits(self.env.cr)[self.omar.id], 0)

    def test_a_team_is_one_that_the_caller_knows(self):
        groups = self.group.with_user(self.owner)
        self.assertIn((str(self.team.id), "Repairs"), groups._list_helpdesk_teams())
        groups.helpdesk_team = str(self.team.id)
        row = self.env["livechat.dispatch.log"].search(
            [("what", "=", "livechat.dispatch.group.helpdesk_team")], order="id desc", limit=1
        )
        self.assertEqual((row.user_id, row.new_text), (self.owner, "Repairs"))
        for value in ("0", "-1", str(self.team.id + 99), "x", self.team.id, [1], {}, "1 OR 1"):
            with self.subTest(value), self.assertRaises(UserError):
                groups.write({"helpdesk_team": value})
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        others = self.team.create({"name": "Others", "company_id": elsewhere.id})
        with self.assertRaises(UserError):
            groups.helpdesk_team = str(others.id)
        self.team.active = False
        self.assertFalse(self.group._get_helpdesk_team())

    def test_only_a_chats_agents_and_who_manages_its_dispatch_make_tickets_and_with_the_permission(
        self,
    ):
        chat = self._chat(self.omar, self.buyer)
        plain = new_test_user(self.env, "plain_ticket", "base.group_user")
        helper = new_test_user(
            self.env, "helper_ticket", "base.group_user,helpdesk_mgmt.group_helpdesk_manager"
        )
        public = self.env.ref("base.public_user")
        owner_group = self.env.ref("helpdesk_mgmt.group_helpdesk_user_own")
        outsiders = (self.rival, plain, helper, public, self.buyer)
        for user in (*outsiders, self.maria, self.tina, self.owner):
            for method in ("make_ticket", "get_ticket_draft", "execute_command_ticket"):
                with self.subTest(user.login, method=method), self.assertRaises(AccessError):
                    call_kw(self.env["discuss.channel"].with_user(user), method, [chat.ids], {})
        self.assertFalse(chat.dispatch_ticket_id)
        self.owner.group_ids += owner_group
        self.assertEqual(self._make(chat, self.owner).team_id, self.team)

    def test_what_no_page_sends_is_refused_and_a_callers_context_chooses_nothing(self):
        chat = self._chat(self.omar, self.buyer)
        for values in (
            {"title": 1},
            {"title": ["x"]},
            {"title": "x" * 257},
            {"title": "\0"},
            {"title": "\ud800"},
            {"word": "x" * 501},
            {"word": {"a": 1}},
            {"end": 1},
            {"end": "yes"},
        ):
            with self.subTest(values), self.assertRaises(UserError):
                self._make(chat, self.omar, **values)
        for ids in ([], [0], [-1], [2**40], ["x"], [chat.id, 1]):
            with self.subTest(ids), self.assertRaises(UserError):
                call_kw(self.env["discuss.channel"].with_user(self.omar), "make_ticket", [ids], {})
        self.assertFalse(chat.dispatch_ticket_id)
        others = self.team.create({"name": "Others"})
        hostile = {"default_priority": "3", "default_team_id": others.id, "default_closed": True}
        made = chat.with_user(self.omar).with_context(**hostile).make_ticket("<img onerror=x>")
        ticket = self.env["helpdesk.ticket"].browse(made["id"])
        self.assertEqual((ticket.priority, ticket.team_id), ("1", self.team))


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestTicketsHandedOver(TicketCommon):
    """Whoever leaves gives up its tickets as it does its chats."""

    def _subaccount(self, user):
        return self.env["livechat.subaccount"].search([("user_id", "=", user.id)])

    def _give_one(self):
        """Return a ticket that Omar has, with Tina ready to take it."""
        ticket = self._make(self._chat(self.omar, self.buyer), self.omar)
        self.assertEqual(ticket.user_id, self.omar)
        (self.omar | self.tina).dispatch_paused = False
        self.env.flush_all()
        return ticket

    def _get_last_why(self, ticket):
        return self.env["livechat.ticket.decision"].search(
            [("ticket_id", "=", ticket.id)], order="id desc", limit=1
        )

    def _check_handed_over(self, ticket, to, rule="share"):
        self.assertEqual(ticket.user_id, to)
        why = self._get_last_why(ticket)
        self.assertEqual(
            (why.kind, why.rule, why.user_id, why.previous_user_id, why.livechat_channel_id),
            ("hand_over", rule, to, self.omar, self.channel),
        )
        return why

    def test_who_is_disabled_gives_up_its_tickets_and_their_records_say_so(self):
        ticket = self._give_one()
        self._subaccount(self.omar).with_user(self.owner).action_disable()
        why = self._check_handed_over(ticket, self.tina)
        self.assertEqual((why.group_id, why.main_account_id), (self.group, self.owner))
        self.assertEqual(why.run_again(), self.tina.id)
        self.assertGreater(accounts.read_credits(self.env.cr).get(self.omar.id, 0), -CHAT)
        # Closed ones stay whose they were.
        ticket.stage_id = self.env["helpdesk.ticket.stage"].search([("closed", "=", True)])[0]
        self._subaccount(self.tina).with_user(self.owner).action_disable()
        self.assertEqual(ticket.user_id, self.tina)

    def test_what_was_done_and_is_opened_again_goes_to_who_is_there(self):
        """A buyer answers by mail, and whoever had the ticket has gone."""
        stages = self.env["helpdesk.ticket.stage"]
        closed = stages.search([("closed", "=", True)])[0]
        opened = stages.search([("closed", "=", False)])[0]
        ticket = self._give_one()
        ticket.stage_id = closed
        ticket.stage_id = opened
        self.assertEqual(ticket.user_id, self.omar, "it is there")
        ticket.stage_id = closed
        self._subaccount(self.omar).with_user(self.owner).action_disable()
        self.assertEqual(ticket.user_id, self.omar)
        ticket.stage_id = opened
        self._check_handed_over(ticket, self.tina)
        # The same of what was archived, and of who may handle none any more.
        ticket.active = False
        self.tina.dispatch_paused = True
        self._subaccount(self.tina).with_user(self.owner).write(
            {"role_ids": [Command.set(self.role_reception.ids)]}
        )
        self.assertEqual(ticket.user_id, self.tina)
        ticket.active = True
        self.assertFalse(ticket.user_id, "nobody can: it is its team's")

    def test_of_two_that_are_opened_again_at_once_nobody_else_loses_one(self):
        stages = self.env["helpdesk.ticket.stage"]
        closed = stages.search([("closed", "=", True)])[0]
        opened = stages.search([("closed", "=", False)])[0]
        values = {"description": "Broken", "team_id": self.team.id, "stage_id": opened.id}
        one, two, own = self.env["helpdesk.ticket"].create(
            [
                {**values, "name": f"Lamp {number}", "user_id": user.id}
                for number, user in enumerate((self.omar, self.omar, self.tina))
            ]
        )
        self.tina.dispatch_paused = False
        (one | two).stage_id = closed
        self._subaccount(self.omar).with_user(self.owner).action_disable()
        (one | two).stage_id = opened
        for ticket in (one, two):
            self._check_handed_over(ticket, self.tina)
        self.assertEqual(own.user_id, self.tina)
        self.assertFalse(self._get_last_why(own), "nobody was asked about it")

    def test_a_chosen_successor_takes_those_that_it_may_handle(self):
        ticket = self._give_one()
        disable = self._subaccount(self.omar).with_user(self.owner)._disable
        disable(self._subaccount(self.tina).with_user(self.owner))
        self._check_handed_over(ticket, self.tina, "by_hand")

    def test_with_a_successor_who_handles_none_they_are_dispatched(self):
        ticket = self._give_one()
        disable = self._subaccount(self.omar).with_user(self.owner)._disable
        disable(self._subaccount(self.maria).with_user(self.owner))
        self._check_handed_over(ticket, self.tina)

    def test_whom_nobody_else_takes_is_left_to_its_team(self):
        ticket = self._give_one()
        self.tina.dispatch_paused = True
        self._subaccount(self.omar).with_user(self.owner).action_disable()
        why = self._check_handed_over(ticket, self.env["res.users"], "nobody")
        self.assertEqual(why.excluded[str(self.tina.id)], "paused")
        self.assertEqual(ticket.team_id, self.team)

    def test_who_loses_the_permission_gives_them_up(self):
        for lose in (
            lambda: (
                self._subaccount(self.omar)
                .with_user(self.owner)
                .write({"role_ids": [Command.set(self.role_reception.ids)]})
            ),
            # As core's own form of users does.
            lambda: self.omar.write(
                {"group_ids": [Command.unlink(self.role_after_sales.group_id.id)]}
            ),
        ):
            with self.subTest(lose), self.cr.savepoint() as savepoint:
                ticket = self._give_one()
                lose()
                self._check_handed_over(ticket, self.tina)
                self.env.flush_all()
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_role_that_loses_the_permission_takes_them_from_all_who_have_it(self):
        ticket = self._give_one()
        role = self.role.copy({"name": "Other"})
        self._subaccount(self.omar).with_user(self.owner).role_ids = role
        self.assertEqual(ticket.user_id, self.omar)
        permission = self.env.ref("im_livechat_subaccount.permission_handle_tickets")
        role.with_user(self.owner).write({"permission_ids": [Command.unlink(permission.id)]})
        self._check_handed_over(ticket, self.tina)

    def test_who_leaves_the_channel_gives_them_up(self):
        ticket = self._give_one()
        archived = ticket.copy({"user_id": self.omar.id, "active": False})
        self.channel.with_user(self.owner).user_ids = self.tina | self.maria
        self._check_handed_over(ticket, self.tina)
        self.assertEqual(archived.user_id, self.omar)

    def test_who_leaves_the_group_gives_up_those_of_the_group_that_others_take(self):
        ticket = self._give_one()
        group = self.group.with_user(self.owner)
        self.tina.dispatch_paused = True
        group.write({"user_ids": [Command.unlink(self.omar.id)]})
        self.assertEqual(ticket.user_id, self.omar, "nobody else takes it")
        group.write({"user_ids": [Command.link(self.omar.id)]})
        self.tina.dispatch_paused = False
        other = self.group.copy({"name": "Chairs", "user_ids": [Command.set(self.omar.ids)]})
        other.with_user(self.owner).write({"user_ids": [Command.clear()]})
        self.assertEqual(ticket.user_id, self.omar, "it is another group's")
        group.write({"user_ids": [Command.unlink(self.omar.id)]})
        self._check_handed_over(ticket, self.tina)

    def test_a_ticket_given_by_hand_in_a_team_of_a_group_goes_as_well_and_others_stay(self):
        (self.omar | self.tina).dispatch_paused = False
        tickets = self.env["helpdesk.ticket"]
        values = {"name": "Late", "description": "Late", "user_id": self.omar.id}
        ours = tickets.create({**values, "team_id": self.team.id})
        elsewhere = self.team.create({"name": "Others"})
        others = tickets.create({**values, "team_id": elsewhere.id})
        # A team without people takes nobody; the helpdesk itself takes out who is none of it.
        (self.team | elsewhere).user_ids = self.omar | self.tina
        (ours | others).user_id = self.omar
        self._subaccount(self.omar).with_user(self.owner).action_disable()
        self.assertEqual(self._check_handed_over(ours, self.tina).group_id, self.group)
        self.assertEqual(others.user_id, self.omar)
        self.assertFalse(self._get_last_why(others))
        # Whose tickets are no shop's are for who manages the helpdesk to give away.
        with self.assertRaisesRegex(UserError, "has open tickets"):
            self._subaccount(self.omar).with_user(self.owner).action_delete()
        others.user_id = self.tina
        self._subaccount(self.omar).with_user(self.owner).action_delete()
        self.assertFalse(self.omar.exists())

    def test_a_user_who_is_deleted_gives_them_up(self):
        ticket = self._give_one()
        self._subaccount(self.omar)._disable()
        ticket.user_id = self.omar
        self.omar.unlink()
        self.assertEqual(ticket.user_id, self.tina)

    def test_what_another_helpdesk_has_under_the_same_number_stays(self):
        ticket = self._give_one()
        why = self._get_last_why(ticket)
        self.env["ir.model"]._get("helpdesk.ticket")._forget_tickets()
        self._subaccount(self.omar).action_disable()
        self.assertEqual(ticket.user_id, self.omar)
        self.assertEqual((why.ticket_name, why.user_id), (ticket.number, self.omar))

    def test_a_callers_context_chooses_nothing(self):
        ticket = self._give_one()
        hostile = {"default_user_id": self.maria.id, "default_kind": "nobody"}
        self._subaccount(self.omar).with_user(self.owner).with_context(**hostile).action_disable()
        self._check_handed_over(ticket, self.tina)


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestTicketsInLoad(TicketCommon):
    """How much room for chats open tickets take."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel.write({"max_sessions_mode": "limited", "max_sessions": 3})
        (cls.omar | cls.tina | cls.maria).dispatch_paused = False
        values = {"name": "Late", "description": "Late", "user_id": cls.omar.id}
        cls.tickets = cls.env["helpdesk.ticket"].create([values] * 3)

    def _weigh(self, part):
        self.env["res.config.settings"].create({"dispatch_ticket_load": part}).execute()
        self.env.flush_all()

    def test_a_ticket_that_counts_nothing_is_not_asked_for(self):
        self._weigh(0)
        self.assertIsNone(self.channel._get_dispatch_query().count_tickets)
        self.assertEqual(self._read_agent(self.channel, self.omar).tickets, 0)

    def test_the_statement_counts_what_the_orm_counts(self):
        self.tickets[0].stage_id = self.env["helpdesk.ticket.stage"].search(
            [("closed", "=", True)]
        )[0]
        self.tickets[1].active = False
        self._weigh(0.5)
        users = self.omar | self.tina
        query = self.channel._get_dispatch_query()
        read = ledger.read_tickets(self.env.cr, query, users.ids)
        self.assertEqual(read, {self.omar.id: 1})
        self.assertEqual(read, self.env["livechat.helpdesk"]._count_open(users))

    def test_caps_hold_with_it_and_the_record_says_why(self):
        self._weigh(1)
        chat = self._come(self.channel, self.buyer)
        why = chat.dispatch_decision_ids
        self.assertNotEqual(self._agent_of(chat), self.omar)
        self.assertEqual(why.excluded[str(self.omar.id)], "at_capacity")
        self.assertIn("0 of 3 chats, and 3 open tickets, each counts 1", why.explanation)
        self.assertEqual(why.facts["rules"]["ticket_load"], 1)
        self.assertEqual(why.run_again(), why.user_id.id)
        (self.tina | self.maria).dispatch_paused = True
        self.assertFalse(self._come(self.channel), "nobody has room")
        self.assertFalse(self.channel._is_livechat_available())
        self._weigh(0.5)
        self.assertTrue(self.channel._is_livechat_available())
        chat = self._come(self.channel)
        (candidate,) = chat.dispatch_decision_ids.candidates
        self.assertEqual((self._agent_of(chat), candidate["load"]), (self.omar, 1.5))

    def test_agents_and_reception_see_it_and_a_ticket_that_is_done_frees_a_seat(self):
        self._weigh(0.5)
        status = self.env["res.users"].with_user(self.omar).get_dispatch_status()
        self.assertEqual((status["load"], status["chats"], status["tickets"]), (1.5, 0, 3))
        shown = self.channel.with_user(self.owner).get_reception_agents(self.omar.ids)
        self.assertEqual((shown["agents"][0]["load"], shown["agents"][0]["tickets"]), (1.5, 3))
        team = self.env["livechat.team"].with_user(self.owner).get_team()
        rows = {row["user_id"]: row["tickets"] for row in team["agents"]}
        self.assertEqual((rows[self.omar.id], rows[self.tina.id]), (3, 0))
        self.assertEqual(team["all"]["tickets"], 3)
        announcement = self.env.registry["livechat.announcement"]
        with (
            patch.object(announcement, "_seat_may_be_free", autospec=True) as freed,
            patch.object(announcement, "_look_again", autospec=True) as looked,
        ):
            self.tickets[0].stage_id = self.env["helpdesk.ticket.stage"].search(
                [("closed", "=", True)]
            )[0]
        self.assertTrue(freed.called)
        self.assertIn(self.omar, [call.args[1] for call in looked.call_args_list])

    def test_a_ticket_that_another_team_gets_frees_the_seat_of_whom_it_leaves(self):
        self._weigh(0.5)
        self.team.user_ids = self.tina
        announcement = self.env.registry["livechat.announcement"]
        with (
            patch.object(announcement, "_seat_may_be_free", autospec=True) as freed,
            patch.object(announcement, "_look_again", autospec=True) as looked,
        ):
            self.tickets[0].team_id = self.team
        self.assertFalse(self.tickets[0].user_id, "the helpdesk gives it to nobody")
        self.assertTrue(freed.called)
        self.assertIn(self.omar, [call.args[1] for call in looked.call_args_list])


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestMessagesBecomeTickets(TicketCommon):
    """What buyers write while nobody is here, where the shop wants tickets of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel.offline_rule = "ticket"
        cls._set_online(cls.omar | cls.tina | cls.maria, "offline")

    def _leave_message(self, buyer):
        channel = self.channel.with_context(livechat_dispatch_page=_PAGE)
        chat = self._come(channel, buyer)
        chat.dispatch_group_id = self.group
        self._say(chat, buyer, "My lamp is broken")
        self.assertEqual(chat.dispatch_state, "pool")
        return chat

    def _wait(self, chat, minutes=6):
        chat.last_interest_dt -= timedelta(minutes=minutes)
        self.env["im_livechat.channel"]._run_dispatch_timers()

    def _get_ticket(self, chat):
        return self.env["helpdesk.ticket"].browse(chat.dispatch_ticket_id or ())

    def test_a_message_becomes_a_ticket_that_is_dispatched_and_its_buyer_is_told(self):
        order = self.env["sale.order"].create({"partner_id": self.buyer.partner_id.id})
        order.action_confirm()
        chat = self._leave_message(self.buyer)
        self._wait(chat, minutes=4)
        self.assertFalse(self._get_ticket(chat), "its buyer may go on writing")
        self._wait(chat)
        ticket = self._get_ticket(chat)
        self.assertEqual((ticket.team_id, ticket.partner_id), (self.team, self.buyer.partner_id))
        self.assertIn(ticket.user_id, self.omar | self.tina, "who may, though not here")
        for said in ("My lamp is broken", "elsewhere.example.com/lamps"):
            self.assertIn(said, ticket.description)
        self.assertNotIn(order.name, ticket.description, "who reads the ticket may read no orders")
        last = chat.message_ids.sorted("id")[-1]
        self.assertIn(ticket.number, last.body)
        self.assertEqual(last.author_id, self.channel.reception_partner_id)
        self.assertTrue(chat.livechat_end_dt)
        self.assertFalse(chat.dispatch_state)
        left = chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual((left.kind, left.reason), ("leave", f"Ticket: {ticket.number}"))
        why = self.env["livechat.ticket.decision"].search([("ticket_id", "=", ticket.id)])
        self.assertEqual((why.user_id, why.discuss_channel_id), (ticket.user_id, chat))
        self.assertEqual(why.run_again(), ticket.user_id.id)
        self._wait(chat)
        self.assertEqual(self._get_ticket(chat), ticket, "and no other one")

    def test_whoever_closes_the_window_has_said_all(self):
        guest = self._create_guest("Wei")
        chat = self._leave_message(guest)
        public = self.env.ref("base.public_user")
        chat.with_user(public).with_context(guest=guest)._close_livechat_session()
        ticket = self._get_ticket(chat)
        self.assertEqual((ticket.partner_name, ticket.team_id), ("Wei", self.team))
        self.assertEqual(ticket.create_uid, self.env.ref("base.user_root"))
        self.assertTrue(chat.livechat_end_dt)

    def test_a_window_closes_though_the_helpdesk_refuses_and_the_message_is_kept(self):
        guest = self._create_guest("Wei")
        chat = self._leave_message(guest)
        public = self.env.ref("base.public_user")
        refused = patch.object(
            self.env.registry["livechat.helpdesk"], "_make_ticket", side_effect=UserError("No")
        )
        with refused, self.assertLogs("odoo.addons.im_livechat_subaccount", "ERROR"):
            chat.with_user(public).with_context(guest=guest)._close_livechat_session()
        self.assertEqual((chat.dispatch_state, chat.livechat_end_dt), ("pool", False))
        self._wait(chat)
        self.assertEqual(self._get_ticket(chat).partner_name, "Wei")

    def test_what_the_helpdesk_refuses_for_long_is_tried_once_an_hour(self):
        chat = self._leave_message(self._create_guest("Wei"))
        chats, start = self.env["discuss.channel"], chat.last_interest_dt
        refused = patch.object(
            self.env.registry["livechat.helpdesk"], "_make_ticket", side_effect=UserError("No")
        )
        for hours, tries in ((0, 55), (5, 1)):
            with (
                self.subTest(hours),
                refused as tried,
                self.assertLogs("odoo.addons.im_livechat_subaccount", "ERROR"),
            ):
                for minute in range(60):
                    with freeze_time(start + timedelta(hours=hours, minutes=minute)):
                        chats._make_tickets_of_messages()
                self.assertEqual(tried.call_count, tries)
        with freeze_time(start + timedelta(hours=6)):
            chats._make_tickets_of_messages()
        self.assertEqual(self._get_ticket(chat).partner_name, "Wei")

    def test_a_message_of_days_becomes_a_ticket_in_the_next_minute(self):
        """The timers stood still, or the shop wants tickets of what it has kept as messages."""
        self.channel.offline_rule = "pool"
        chat = self._leave_message(self._create_guest("Wei"))
        self.channel.offline_rule = "ticket"
        # In any minute.
        now = chat.last_interest_dt + timedelta(days=2)
        for minute in (chat.id + 1, chat.id + 2):
            with freeze_time(now.replace(minute=minute % 60)):
                self.env["discuss.channel"]._make_tickets_of_messages()
        self.assertEqual(self._get_ticket(chat).partner_name, "Wei")

    def test_a_ticket_is_of_the_company_of_its_shop(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.team.company_id = False
        self.owner.write({"company_ids": [Command.link(company.id)], "company_id": company.id})
        chat = self._leave_message(self.buyer)
        self._wait(chat)
        self.assertEqual(self._get_ticket(chat).company_id, company)

    def test_who_comes_meanwhile_takes_it_as_a_chat(self):
        chat = self._leave_message(self.buyer)
        self._set_online(self.omar)
        self.omar.dispatch_paused = False
        self._wait(chat)
        self.assertEqual((self._agent_of(chat), self._get_ticket(chat).ids), (self.omar, []))

    def test_the_route_and_the_past_keep_messages_as_with_the_pool(self):
        channel = self.channel
        self.assertTrue(channel._read_settings().setup.keeps_pool)
        self.assertTrue(channel._is_livechat_available())
        now = self.env.cr.now()
        day = channel._read_past(now - timedelta(hours=1), now + timedelta(hours=1)).day
        self.assertTrue(day.setup.keeps_pool)
        channel.offline_rule = "native"
        self.assertFalse(channel._read_settings().setup.keeps_pool)

    def test_without_the_helpdesk_messages_are_kept_and_the_shop_is_told(self):
        chat = self._leave_message(self.buyer)
        self.env["ir.model"]._get("helpdesk.ticket")._forget_tickets()
        self.assertEqual(self.channel.offline_rule, "pool")
        self._wait(chat)
        self.assertEqual((chat.dispatch_state, self._get_ticket(chat).ids), ("pool", []))
        row = self.env["livechat.dispatch.log"].search(
            [("what", "=", "im_livechat.channel.offline_rule")], order="id desc", limit=1
        )
        self.assertIn("pool", row.new_text.lower())


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestNewTickets(TicketCommon):
    """Tickets of no chat, where a group dispatches all of its team."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.omar | cls.tina).dispatch_paused = False
        cls.team.user_ids = cls.omar | cls.tina
        cls.group.write({"helpdesk_team": str(cls.team.id), "dispatches_team": True})

    def _open_ticket(self, **values):
        values = {"name": "Late", "description": "Late", "team_id": self.team.id} | values
        return self.env["helpdesk.ticket"].create({**values, "user_id": False})

    def _get_why(self, ticket):
        return self.env["livechat.ticket.decision"].search([("ticket_id", "=", ticket.id)])

    def test_a_mail_and_a_form_are_dispatched_with_a_record(self):
        mailed = self.env["helpdesk.ticket"].message_new(
            {"subject": "Late", "body": "Late", "from": "wei@hidden.example.com", "to": ""},
            {"team_id": self.team.id},
        )
        # As the portal's form does.
        portal = self.env["helpdesk.ticket"].with_user(self.buyer).sudo()
        sent = portal.create(
            {"name": "Late", "description": "Late", "team_id": self.team.id, "user_id": False}
        )
        self.assertEqual(mailed.user_id | sent.user_id, self.omar | self.tina)
        for ticket in mailed | sent:
            why = self._get_why(ticket)
            self.assertEqual(
                (why.user_id, why.rule, why.group_id, why.livechat_channel_id, why.ticket_name),
                (ticket.user_id, "share", self.group, self.channel, ticket.number),
            )
        self.assertFalse(any(ledger.read_credits(self.env.cr).values()), "chats know nothing of it")

    def test_while_nobody_is_here_it_waits_for_one_of_them(self):
        self._set_online(self.omar | self.tina, "offline")
        self.omar.dispatch_paused = True
        ticket = self._open_ticket()
        self.assertEqual(ticket.user_id, self.tina)
        self.assertEqual(self._get_why(ticket).run_again(), self.tina.id)

    def test_what_is_old_done_somebodys_or_anothers_is_left_alone(self):
        closed = self.env["helpdesk.ticket.stage"].search([("closed", "=", True)])[0]
        others = self.team.create({"name": "Others"})
        tickets = self.env["helpdesk.ticket"].with_context(import_file=True)
        left = [
            self._open_ticket(stage_id=closed.id),
            self._open_ticket(team_id=others.id),
            self._open_ticket(team_id=False),
            tickets.create(
                {
                    "name": "Old",
                    "description": "Old",
                    "team_id": self.team.id,
                    "user_id": False,
                }
            ),
        ]
        for ticket in left:
            self.assertFalse(ticket.user_id or self._get_why(ticket))
        given = self.env["helpdesk.ticket"].create(
            {"name": "x", "description": "x", "team_id": self.team.id, "user_id": self.tina.id}
        )
        self.assertFalse(self._get_why(given))
        self.group.dispatches_team = False
        self.assertFalse(self._open_ticket().user_id)

    def test_what_comes_to_the_team_later_is_dispatched_as_well(self):
        others = self.team.create({"name": "Others", "user_ids": [Command.link(self.maria.id)]})
        late = [
            self._open_ticket(team_id=False),
            self._open_ticket(team_id=others.id),
            self.env["helpdesk.ticket"].create(
                {
                    "name": "x",
                    "description": "x",
                    "team_id": others.id,
                    "user_id": self.maria.id,
                }
            ),
        ]
        for ticket in late:
            self.assertFalse(self._get_why(ticket))
            ticket.team_id = self.team
            self.assertIn(ticket.user_id, self.omar | self.tina)
            self.assertEqual(self._get_why(ticket).user_id, ticket.user_id)
        # Who says whose it is has decided, and who saves it again has moved nothing.
        late[0].write({"team_id": others.id, "user_id": False})
        late[0].write({"team_id": self.team.id, "user_id": False})
        late[0].write({"team_id": self.team.id, "name": "Later"})
        self.assertFalse(late[0].user_id)

    def test_a_ticket_of_a_chat_is_dispatched_once(self):
        chat = self._chat(self.omar, self.buyer)
        self.team.user_ids = self.maria
        ticket = self._make(chat, self.omar)
        self.assertEqual((self._get_why(ticket).kind, ticket.user_id.ids), ("nobody", []))

    def test_a_ticket_is_opened_though_dispatch_fails(self):
        broken = patch.object(
            self.env.registry["im_livechat.channel"], "_give_ticket", side_effect=ValueError
        )
        with broken, self.assertLogs("odoo.addons.im_livechat_subaccount", "ERROR"):
            ticket = self._open_ticket()
        self.assertTrue(ticket.exists())
        self.assertFalse(ticket.user_id)

    def test_what_comes_beside_another_is_dispatched_as_soon_as_both_are_there(self):
        give = self.env.registry["im_livechat.channel"]._give_ticket
        busy = [SerializationFailure(), SerializationFailure()]

        def give_in_turn(*args, **kwargs):
            if busy:
                raise busy.pop()
            return give(*args, **kwargs)

        beside = patch.object(
            self.env.registry["im_livechat.channel"], "_give_ticket", give_in_turn
        )
        with beside, self.assertNoLogs("odoo.addons.im_livechat_subaccount", "ERROR"):
            ticket = self._open_ticket()
            self.assertFalse(ticket.user_id, "the other one is not committed yet")
            with self.enter_registry_test_mode():
                self.env.cr.postcommit.run()
        self.env.invalidate_all()
        self.assertIn(ticket.user_id, self.omar | self.tina)
        self.assertEqual(self._get_why(ticket).user_id, ticket.user_id)

    def test_nobody_but_the_people_of_the_team_gets_what_comes_to_it(self):
        self.team.user_ids = self.tina
        self.assertEqual((self._open_ticket() | self._open_ticket()).user_id, self.tina)
        # As long as a team has none, its tickets are read by who manages the helpdesk alone.
        self.team.user_ids = False
        self.assertFalse(self._open_ticket().user_id)
        with self.assertRaisesRegex(UserError, "a helpdesk team with people"):
            self.group.with_user(self.owner).dispatches_team = True

    def test_only_who_manages_the_group_sets_it(self):
        for user in (self.tina, self.rival):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.group.with_user(user).write({"dispatches_team": False})
        self.group.with_user(self.owner).dispatches_team = False


@tagged("post_install", "-at_install", "-standard", "livechat_helpdesk")
class TestTicketPages(TicketCommon, WalkCase):
    def test_over_the_wire_others_make_no_ticket(self):
        chat = self._chat(self.omar, self.buyer)

        def call(login, method, *args):
            self.authenticate(login, "sesame-open")
            return self.make_jsonrpc_request(
                f"/web/dataset/call_kw/discuss.channel/{method}",
                {
                    "model": "discuss.channel",
                    "method": method,
                    "args": [chat.ids, *args],
                    "kwargs": {"context": {"default_user_id": self.maria.id}},
                },
            )

        for login in (self.maria.login, self.tina.login):
            with mute_logger("odoo.http"), self.assertRaises(JsonRpcException) as refused:
                call(login, "make_ticket")
            self.assertIn("AccessError", str(refused.exception))
        made = call(self.omar.login, "make_ticket", "Broken")
        self.assertEqual(self.env["helpdesk.ticket"].browse(made["id"]).user_id, self.omar)

    @walk
    def test_an_agent_makes_a_ticket_beside_transfer_and_opens_it(self):
        chat = self._chat(self.omar, self.buyer)
        self.start_tour(
            f"/odoo/discuss?active_id=discuss.channel_{chat.id}",
            "im_livechat_subaccount_ticket_tour",
            login=self.omar.login,
        )
        ticket = self.env["helpdesk.ticket"].browse(chat.dispatch_ticket_id)
        self.assertEqual(ticket.name, "Broken lamp")
        words = chat.message_ids.filtered(lambda line: ticket.number in line.body)
        self.assertEqual(words.author_id, self.omar.partner_id)
