from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon, ShopCommon


@tagged("post_install", "-at_install")
class TestDecisions(ShopCommon, DispatchCommon):
    def test_a_record_says_who_could_and_who_could_not(self):
        light, heavy = self._create_agent("light", 100), self._create_agent("heavy", 300)
        paused = self._create_agent("paused", dispatch_paused=True)
        channel = self._create_channel(
            light | heavy | paused, max_sessions_mode="limited", max_sessions=2
        )
        chat = self._come(channel)
        (decision,) = chat.dispatch_decision_ids
        self.assertEqual(
            (decision.kind, decision.rule, decision.user_id, decision.candidate_count),
            ("assign", "share", heavy, 2),
        )
        first, second = decision.candidates
        self.assertEqual(
            [first[key] for key in ("user_id", "weight", "load", "capacity")],
            [heavy.id, 300, 0, 6],
        )
        self.assertEqual(second["user_id"], light.id)
        self.assertEqual(decision.excluded, {str(paused.id): "paused"})
        self.assertEqual(decision.excluded_counts, {"paused": 1})
        self.assertGreater(decision.duration_ms, 0)
        self.assertEqual(decision.sentence, "Next by share: 0.8 chats behind it")
        self.assertEqual(decision.livechat_channel_id, channel)

    def test_who_waits_behind_others_is_told_so_in_words(self):
        channel = self._create_channel(
            self._create_agent("agent"),
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
        )
        self._come(channel)
        first, second = (self._come(channel).dispatch_decision_ids for _buyer in range(2))
        self.assertEqual((first.rule, second.rule), ("nobody", "line"))
        self.assertIn("stood in line before", second.explanation)
        self.assertNotIn("stood in line before", first.explanation)

    def test_running_a_record_again_gives_the_same_winner(self):
        for mode in ("share", "least_load"):
            agents = self.env["res.users"].union(
                *(self._create_agent(f"{mode}{n}", 50 + 10 * n) for n in range(6))
            )
            channel = self._create_channel(
                agents,
                dispatch_mode=mode,
                max_sessions_mode="limited",
                max_sessions=3,
                queue_enabled=True,
            )
            chats = [self._come(channel) for _buyer in range(15)]
            agents[2].dispatch_paused = True
            chats += [self._come(channel) for _buyer in range(5)]
            for chat in chats:
                decision = chat.dispatch_decision_ids
                self.assertEqual(decision.run_again() or False, decision.user_id.id)
            self.assertEqual(len({chat.dispatch_decision_ids.user_id for chat in chats}), 7)

    def test_of_a_large_team_the_best_and_the_counts_are_kept(self):
        agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{number}") for number in range(53))
        )
        self._set_online(agents[:2], "offline")
        channel = self._create_channel(agents)
        (decision,) = self._come(channel).dispatch_decision_ids
        self.assertEqual((decision.candidate_count, len(decision.candidates)), (51, 20))
        self.assertEqual(decision.excluded_counts, {"offline": 2})
        self.assertFalse(decision.excluded)
        self.assertEqual(decision.run_again(), decision.user_id.id)

    def test_a_rolled_back_chat_leaves_no_record(self):
        channel = self._create_channel(self._create_agent("agent"))
        before = self.env["livechat.dispatch.decision"].search_count([])
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self._come(channel)
            raise ZeroDivisionError
        self.assertEqual(self.env["livechat.dispatch.decision"].search_count([]), before)

    def test_a_decision_without_a_chat_is_not_taken_for_anothers(self):
        agent = self._create_agent("agent")
        channel, other = self._create_channel(agent), self._create_channel(agent)
        channel._get_operator()
        chat = self._open_chat(other, self._create_agent("colleague"))
        self.assertFalse(chat.dispatch_decision_ids)

    def test_a_native_channel_has_neither_records_nor_states(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, dispatch_mode="native")
        chat = self._come(channel)
        self.assertEqual(
            self.env["res.users"].search([("partner_id", "=", chat.livechat_operator_id.id)]), agent
        )
        self.assertFalse(chat.dispatch_state)
        self.assertFalse(chat.dispatch_decision_ids)

    def test_who_reads_which_records_and_nobody_writes_them(self):
        one, other = (self._enable(name, self.role_reception) for name in ("One", "Other"))
        auditor = self._enable("Auditor", self.role_audit)
        shop = self._create_channel(one | other, main_account_id=self.owner.id)
        chats = [self._come(shop) for _buyer in range(2)]
        by_agent = {
            chat.dispatch_decision_ids.user_id: chat.dispatch_decision_ids for chat in chats
        }
        everything = by_agent[one] | by_agent[other]
        manager = new_test_user(
            self.env, login="manager", groups="im_livechat.im_livechat_group_manager"
        )
        plain = self._create_agent("plain")
        portal = new_test_user(self.env, login="a_portal", groups="base.group_portal")
        nothing = everything.browse()
        for user, expected in (
            (one, by_agent[one]),
            (other, by_agent[other]),
            (self.owner, everything),
            (auditor, everything),
            (manager, everything),
            (self.rival, nothing),
            (plain, nothing),
        ):
            with self.subTest(user=user.login):
                records = everything.with_user(user)
                self.assertEqual(
                    records.search([("id", "in", everything.ids)]).sorted("id"),
                    expected.sorted("id"),
                )
                for record in everything - expected:
                    with self.assertRaises(AccessError):
                        record.with_user(user).read(["facts"])
                    with self.assertRaises(AccessError):
                        record.with_user(user).run_again()
                with self.assertRaises(AccessError):
                    records.write({"rule": "sticky"})
                with self.assertRaises(AccessError):
                    records.unlink()
                with self.assertRaises(AccessError):
                    records.create({"kind": "assign"})
        with self.assertRaises(AccessError):
            everything.with_user(portal).read(["facts"])
