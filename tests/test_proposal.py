"""Whom dispatch gives a chat may be asked to accept it, or to decline."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from .common import create_user
from .test_reassign import ReassignCommon


class ProposalCommon(ReassignCommon):
    def setUp(self):
        super().setUp()
        self.agents = self.env["res.users"].union(
            *(self._create_agent(f"proposal{number}") for number in range(3))
        )
        self.channel = self._create_channel(
            self.agents,
            asks_to_accept=True,
            main_account_id=create_user(
                self.env, "proposal_owner", "im_livechat_subaccount.group_main_account"
            ).id,
        )

    def _let_pass(self, chat, seconds):
        chat.dispatch_proposed_at -= timedelta(seconds=seconds)
        super()._let_pass(chat, seconds)

    def _run(self):
        self.env["im_livechat.channel"]._run_dispatch_timers()

    def _by(self, agent, chat):
        return chat.with_user(agent)

    def _only(self, agents):
        """Let nobody else take chats."""
        agents.dispatch_paused = False
        (self.agents - agents).dispatch_paused = True


@tagged("post_install", "-at_install")
class TestProposal(ProposalCommon):
    def test_nobody_is_asked_unless_the_shop_wants_it(self):
        self.assertEqual(self.channel.accept_seconds, 20)
        fresh = self._create_channel(self.agents)
        self.assertFalse(fresh.asks_to_accept)
        chat, _guest = self._ask(fresh)
        agent = self._agent_of(chat)
        self.assertFalse(chat._get_proposal())
        # What was asked while it was wanted is asked no more.
        proposed, _guest = self._ask(self.channel)
        self.assertTrue(proposed._get_proposal())
        asked = self._agent_of(proposed)
        self.channel.asks_to_accept = False
        self.assertFalse(proposed._get_proposal())
        self._let_pass(proposed, 3600)
        self._run()
        self.assertEqual((self._agent_of(chat), self._agent_of(proposed)), (agent, asked))

    def test_odoos_own_dispatch_asks_nobody(self):
        self.channel.dispatch_mode = "native"
        chat, _guest = self._ask(self.channel)
        self.assertTrue(chat)
        self.assertFalse(chat._get_proposal())

    def test_an_agent_is_told_until_when_with_the_buyers_first_words(self):
        """By its own bus channel: that of the chat its page may not listen to yet."""
        self._only(agent := self.agents[0])
        chat = self._come(self.channel, guest := self._create_guest())
        self._forget_bus()
        self._say(chat, guest)
        told = [
            thread["dispatch_proposal"]
            for bus_channel, kind, payload in self._read_bus()
            if kind == "discuss.channel/new_message"
            and ["res.partner", agent.partner_id.id] == bus_channel[1:3]
            for thread in payload["data"]["discuss.channel"]
            if "dispatch_proposal" in thread
        ]
        self.assertEqual(told, [chat._get_proposal()])
        self.assertTrue(told[0]["until"])

    def test_the_time_runs_from_the_buyers_first_word_until_a_yes_or_the_first_word(self):
        chat = self._come(self.channel, guest := self._create_guest())
        agent = self._agent_of(chat)
        proposal = {"partner_id": agent.partner_id.id, "until": False}
        self.assertEqual(chat._get_proposal(), proposal)
        self._say(chat, guest, "Is it in stock?")
        until = chat.dispatch_asked_at + timedelta(seconds=20)
        proposal["until"] = fields.Datetime.to_string(until)
        self.assertEqual(chat._get_proposal(), proposal)
        self._let_pass(chat, 10)
        self.assertFalse(self._by(agent, chat).action_pass_on())
        self.assertEqual(self._agent_of(chat), agent)
        self._by(agent, chat).action_accept()
        self.assertFalse(chat._get_proposal())
        self._by(agent, chat).action_accept()

        other, guest = self._ask(self.channel)
        self._say(other, self._agent_of(other), "Yes, it is.")
        self.assertFalse(other._get_proposal())
        decisions = len((chat | other).dispatch_decision_ids)
        for each in chat | other:
            super(ProposalCommon, self)._let_pass(each, 3600)
        self._run()
        self.assertEqual(len((chat | other).dispatch_decision_ids), decisions)

    def test_who_declines_loses_it_to_the_next_until_all_have_tried(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 1})
        chat, _guest = self._ask(self.channel)
        seen = [self._agent_of(chat)]
        for _turn in range(4):
            (agent,) = self._agent_of(chat)
            # The seat is held while somebody is asked, and free afterwards.
            self.assertEqual(self._read_agent(self.channel, agent).lively_chats, 1)
            self.assertTrue(self._by(agent, chat).action_decline())
            self.assertEqual(self._read_agent(self.channel, agent).lively_chats, 0)
            decision = self._last_decision(chat)
            self.assertEqual((decision.kind, decision.previous_user_id), ("decline", agent))
            self.assertEqual(decision.excluded[str(agent.id)], "declined")
            self.assertEqual(decision.run_again(), decision.user_id.id)
            self.assertTrue(chat._get_proposal())
            seen.append(self._agent_of(chat))
            self.assertNotEqual(seen[-1], agent)
        self.assertEqual(len(set(seen[:3])), 3)
        self.assertFalse(any(self.agents.mapped("dispatch_paused")))
        self.assertFalse(any(self.agents.mapped("dispatch_miss_count")))

    def test_who_says_nothing_loses_it_and_has_missed_it(self):
        lazy, others = self.agents[0], self.agents[1:]
        for number in range(3):
            self._only(lazy)
            chat, _guest = self._ask(self.channel)
            self.assertEqual(self._agent_of(chat), lazy)
            others.dispatch_paused = False
            self._let_pass(chat, 21)
            if number:
                # Its page is gone: the timers see to it.
                self._run()
            else:
                self.assertTrue(self._by(lazy, chat).action_pass_on())
            self.assertIn(self._agent_of(chat), others)
            decision = self._last_decision(chat)
            self.assertEqual((decision.kind, decision.previous_user_id), ("reassign", lazy))
            self.assertEqual(lazy.dispatch_paused, number == 2)

    def test_with_nobody_else_it_stays_and_is_asked_again_while_the_buyers_clock_goes_on(self):
        self._only(self.agents[0])
        chat, _guest = self._ask(self.channel)
        (agent,) = self._agent_of(chat)
        before = chat.dispatch_decision_ids
        self._let_pass(chat, 21)
        clock = chat._get_reply_clock()
        self.assertFalse(self._by(agent, chat).action_pass_on())
        until = fields.Datetime.to_datetime(chat._get_proposal()["until"])
        self.assertGreater(until, chat.dispatch_asked_at + timedelta(seconds=40))
        self.assertFalse(self._by(agent, chat).action_decline())
        self.assertEqual(self._agent_of(chat), agent)
        self.assertFalse(self._by(agent, chat).action_decline())
        (decision,) = chat.dispatch_decision_ids - before
        self.assertEqual((decision.kind, decision.previous_user_id), ("decline", agent))
        self.assertFalse(decision.user_id)
        self.assertEqual(chat._get_reply_clock(), clock)
        self.assertFalse(agent.dispatch_miss_count)

    def test_who_is_chosen_by_a_person_or_has_it_on_hold_is_not_asked(self):
        chat, _guest = self._ask(self.channel)
        giver = self._agent_of(chat)
        taker, third = self.agents - giver
        self._by(giver, chat).transfer("asked", user_id=taker.id)
        self.assertFalse(chat._get_proposal())
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Second", "channel_id": self.channel.id, "user_ids": third.ids}
        )
        self._by(taker, chat).transfer("wrong_group", group_id=group.id)
        self.assertEqual(self._agent_of(chat), third)
        self.assertFalse(chat._get_proposal())

        self.channel.write({"proxy_user_ids": taker.ids, "offline_rule": "proxy"})
        self._set_online(self.agents, "offline")
        left, _guest = self._ask(self.channel)
        self.assertEqual(self._last_decision(left).rule, "offline")
        self.assertFalse(left._get_proposal())
        self._set_online(self.agents)

        held, _guest = self._ask(self.channel)
        self._by(self._agent_of(held), held).action_hold(
            fields.Datetime.to_string(fields.Datetime.now() + timedelta(hours=1))
        )
        self.assertFalse(held._get_proposal())

    def test_a_regular_and_who_waited_in_line_or_pool_are_asked_about(self):
        self.channel.write(
            {
                "max_sessions_mode": "limited",
                "max_sessions": 1,
                "queue_enabled": True,
                "offline_rule": "pool",
            }
        )
        self._only(self.agents[0])
        first, guest = self._ask(self.channel)
        self._say(first, self.agents[0], "Yes.")
        waiting, _guest = self._ask(self.channel)
        self.assertEqual(waiting.dispatch_state, "queued")
        self._close(first)
        self.env["im_livechat.channel"]._drain_all()
        self.assertTrue(waiting._get_proposal())
        self._close(waiting)
        regular = self._come(self.channel, guest)
        self.assertEqual(self._last_decision(regular).rule, "sticky")
        self.assertTrue(regular._get_proposal())
        self._close(regular)
        self._set_online(self.agents, "offline")
        left, _guest = self._ask(self.channel)
        self.assertEqual(left.dispatch_state, "pool")
        self._set_online(self.agents[0])
        self.env["im_livechat.channel"]._drain_all()
        self.assertTrue(left._get_proposal())

    def test_only_who_is_asked_answers(self):
        chat, _guest = self._ask(self.channel)
        agent = self._agent_of(chat)
        colleague = (self.agents - agent)[0]
        chat.with_user(agent)._add_members(users=colleague)
        public = self.env.ref("base.public_user")
        for user in (colleague, self.channel.main_account_id, public):
            for method in ("action_accept", "action_decline", "action_pass_on"):
                with self.assertRaises(AccessError):
                    getattr(self._by(user, chat), method)()
        with self.assertRaises(AccessError):
            self._by(agent, chat).write({"dispatch_proposed_at": False})
        self.assertTrue(chat._get_proposal())
        # Who looks in has declined nothing.
        self._by(agent, chat).action_decline()
        self.assertEqual(self._last_decision(chat).previous_user_id, agent)
        accepted, _guest = self._ask(self.channel)
        agent = self._agent_of(accepted)
        self._by(agent, accepted).action_accept()
        with self.assertRaises(UserError):
            self._by(agent, accepted).action_decline()
        self.assertEqual(self._agent_of(accepted), agent)

    def test_its_page_is_told_and_the_buyers_is_not(self):
        chat, guest = self._ask(self.channel)
        (agent,) = self._agent_of(chat)

        def read(user, **context):
            store = Store().add(chat.with_user(user).with_context(**context))
            return store.get_result()["discuss.channel"][0]

        self.assertEqual(read(agent)["dispatch_proposal"], chat._get_proposal())
        public = self.env.ref("base.public_user")
        self.assertNotIn("dispatch_proposal", read(public, guest=guest))

    def test_declined_chats_are_counted_beside_what_was_missed(self):
        """Also where nobody else takes them."""
        chat, _guest = self._ask(self.channel)
        agent = self._agent_of(chat)
        self._by(agent, chat).action_decline()
        self._only(agent)
        chat, _guest = self._ask(self.channel)
        self._by(agent, chat).action_decline()
        figures = self.env["livechat.team"].with_user(agent).get_team()["agents"]
        (own,) = [row for row in figures if row["user_id"] == agent.id]
        self.assertEqual((own["declined"], own["missed"], own["transferred"]), (2, 0, 0))
