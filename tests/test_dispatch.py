from collections import Counter
from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestDispatch(DispatchCommon):
    def test_weights_100_50_10_give_exactly_100_50_10_of_160_chats(self):
        for mode in ("share", "least_load"):
            with self.subTest(mode=mode):
                agents = self.env["res.users"].union(
                    *(self._create_agent(f"{mode}{weight}", weight) for weight in (100, 50, 10))
                )
                channel = self._create_channel(agents, dispatch_mode=mode)
                served = Counter(channel._get_operator() for _chat in range(160))
                self.assertEqual([served[agent] for agent in agents], [100, 50, 10])

    def test_least_load_keeps_loads_in_proportion_to_weights(self):
        light, heavy = self._create_agent("light", 50), self._create_agent("heavy", 200)
        channel = self._create_channel(light | heavy, dispatch_mode="least_load")
        served = Counter(self._arrive(channel)[0] for _chat in range(20))
        self.assertEqual(served, {light: 4, heavy: 16})

    def test_nobody_gets_more_than_their_capacity(self):
        weights = (10, 50, 100, 200)
        agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{weight}", weight) for weight in weights)
        )
        channel = self._create_channel(agents, max_sessions_mode="limited", max_sessions=2)
        served = Counter(self._arrive(channel)[0] for _chat in range(12))
        none = self.env["res.users"]
        self.assertEqual([served[agent] for agent in agents], [1, 1, 2, 4])
        self.assertEqual(served[none], 4)

    def test_a_closed_chat_frees_the_seat(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        _agent, chat = self._arrive(channel)
        self.assertFalse(channel._get_operator())
        self._close(chat)
        self.assertEqual(channel._get_operator(), agent)

    def test_an_agent_who_leaves_a_chat_frees_the_seat(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        _agent, chat = self._arrive(channel)
        chat.add_members(partner_ids=self._create_agent("colleague").partner_id.ids)
        self.assertFalse(channel._get_operator())
        chat._action_unfollow(partner=agent.partner_id)
        self.assertEqual(channel._get_operator(), agent)

    def test_an_archived_agent_who_is_taken_out_of_a_chat_leaves_no_seat_behind(self):
        agent, colleague = self._create_agent("agent"), self._create_agent("colleague")
        channel = self._create_channel(agent | colleague)
        chat = self._open_chat(channel, agent)
        chat.add_members(partner_ids=colleague.partner_id.ids)
        self.env.flush_all()
        agent.active = False
        agent.partner_id.active = False
        chat.channel_member_ids.filtered(lambda m: m.partner_id == agent.partner_id).unlink()
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT partner_id FROM livechat_dispatch_seat WHERE discuss_channel_id = %s", [chat.id]
        )
        self.assertEqual(self.env.cr.fetchall(), [(colleague.partner_id.id,)])

    def test_a_deleted_chat_frees_the_seat(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        self._arrive(channel)[1].unlink()
        self.assertEqual(channel._get_operator(), agent)

    def test_a_colleague_who_joins_a_chat_takes_a_seat(self):
        agent, colleague = self._create_agent("agent"), self._create_agent("colleague")
        channel = self._create_channel(agent | colleague)
        chat = self._open_chat(channel, agent)
        chat.add_members(partner_ids=colleague.partner_id.ids)
        self.assertEqual(self._read_agent(channel, colleague).lively_chats, 1)
        self.assertEqual(chat.dispatch_seat_partner_ids, (agent | colleague).partner_id)

    def test_load_counts_the_chats_of_all_channels(self):
        agent = self._create_agent("agent")
        one, other = (
            self._create_channel(agent, max_sessions_mode="limited", max_sessions=2)
            for _channel in range(2)
        )
        self._arrive(one)
        self._arrive(other)
        self.assertFalse(one._get_operator())
        self.assertFalse(other._get_operator())

    def _chat_counts(self, channel, agent):
        facts = self._read_agent(channel, agent)
        return facts.lively_chats, facts.quiet_chats

    def test_a_quiet_chat_keeps_a_light_hold(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=2)
        long_ago = fields.Datetime.now() - timedelta(minutes=16)
        chats = [self._open_chat(channel, agent, last_interest_dt=long_ago) for _chat in range(2)]
        self.assertEqual(self._chat_counts(channel, agent), (0, 2))
        self.assertTrue(channel._get_operator(), "two quiet chats hold one seat of two")
        self._open_chat(channel, agent, last_interest_dt=long_ago)
        self.assertFalse(channel._get_operator(), "three hold one and a half")
        chats[0].livechat_end_dt = fields.Datetime.now()
        self.assertTrue(channel._get_operator())
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.quiet_hold", "1")
        self.assertFalse(channel._get_operator())

    def test_who_is_full_of_quiet_chats_is_told_with_the_minutes_of_quiet(self):
        now = fields.Datetime.now()
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.quiet_hold", "1")
        with freeze_all_time(now):
            for limit, quiet, lively, words in (
                (1, (20,), 0, "1 of 1 chats, quiet for 20 minutes"),
                (2, (25, 40), 0, "2 of 2 chats, 2 of them quiet for 25 minutes or more"),
                (3, (90,), 2, "3 of 3 chats, 1 of them quiet for 90 minutes or more"),
                (1, (), 1, "has no room: 1 of 1 chats"),
            ):
                with self.subTest(words):
                    agent = self._create_agent(f"agent-{limit}-{len(quiet)}")
                    channel = self._create_channel(
                        agent,
                        max_sessions_mode="limited",
                        max_sessions=limit,
                        queue_enabled=True,
                    )
                    for minutes in [*quiet, *([0] * lively)]:
                        since = now - timedelta(minutes=minutes)
                        self._open_chat(channel, agent, last_interest_dt=since)
                    chat = self._come(channel)
                    self.assertEqual(chat.dispatch_state, "queued")
                    self.assertIn(words, chat.dispatch_decision_ids[:1].explanation)

    def test_quiet_chats_that_wake_are_counted_and_block_new_ones(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=2)
        long_ago = fields.Datetime.now() - timedelta(minutes=16)
        quiet = [self._open_chat(channel, agent, last_interest_dt=long_ago) for _chat in range(2)]
        self._arrive(channel)
        self.assertEqual(channel.dispatch_overrun_count, 0)
        for chat in quiet:
            chat.message_post(body="Are you still there?", message_type="comment")
        channel.invalidate_recordset()
        self.assertEqual(self._chat_counts(channel, agent), (3, 0))
        self.assertEqual(channel.dispatch_overrun_count, 1)
        self.assertFalse(channel._get_operator())
        channel.dispatch_mode = "native"
        self.assertEqual(channel.dispatch_overrun_count, 0)

    def test_a_chat_silent_for_a_day_holds_nothing(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        now = fields.Datetime.now()
        with freeze_all_time(now):
            chat = self._open_chat(channel, agent, last_interest_dt=now - timedelta(hours=24))
            self.assertEqual(self._chat_counts(channel, agent), (0, 1))
            self.assertFalse(channel._get_operator())
            self.assertFalse(channel._is_open_otherwise())
            chat.last_interest_dt = now - timedelta(hours=24, seconds=1)
            self.assertEqual(self._chat_counts(channel, agent), (0, 0))
            self.assertEqual(channel._get_operator(), agent)
            self.assertTrue(channel._is_open_otherwise())

    def test_a_chat_is_quiet_after_fifteen_minutes(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        now = fields.Datetime.now()
        with freeze_all_time(now):
            self._open_chat(channel, agent, last_interest_dt=now - timedelta(minutes=15))
            self._open_chat(channel, agent, last_interest_dt=now - timedelta(minutes=15, seconds=1))
            self.assertEqual(self._chat_counts(channel, agent), (1, 1))

    # ------------------------------------------------------------
    # Who may receive
    # ------------------------------------------------------------

    def test_only_permitted_agents_are_chosen_however_the_right_was_lost(self):
        role = self.env["res.groups"].create(
            {"name": "Role", "implied_ids": [Command.link(self.receive_group.id)]}
        )
        middle = self.env["res.groups"].create(
            {"name": "Post", "implied_ids": [Command.link(role.id)]}
        )
        ways = {
            "own group removed": lambda user: user.write(
                {"group_ids": [Command.unlink(self.receive_group.id)]}
            ),
            "taken out on the group's side": lambda user: self.receive_group.write(
                {"user_ids": [Command.unlink(user.id)]}
            ),
            "archived": lambda user: user.write({"active": False}),
            "paused": lambda user: user.write({"dispatch_paused": True}),
            "offline": lambda user: self._set_online(user, "offline"),
            "away": lambda user: self._set_online(user, "away"),
        }
        for number, (way, lose) in enumerate(ways.items()):
            with self.subTest(way=way):
                agent = self._create_agent(f"agent{number}")
                channel = self._create_channel(agent)
                self.assertEqual(channel._get_operator(), agent)
                lose(agent)
                self.assertFalse(channel._get_operator())
                self.assertFalse(channel.available_operator_ids)
                self.assertFalse(channel._is_livechat_available())
        for number, group in enumerate((role, middle)):
            with self.subTest(way=f"implied_ids of {group.name} edited"):
                agent = self._create_agent(f"role{number}", groups="base.group_user")
                agent.group_ids = [Command.link(group.id)]
                channel = self._create_channel(agent)
                self.assertEqual(channel._get_operator(), agent)
                role.implied_ids = [Command.unlink(self.receive_group.id)]
                self.assertNotIn(agent, channel.user_ids, "core forgets to clean this up")
                self.assertFalse(channel._get_operator())
                self.assertFalse(channel._is_livechat_available())
                role.implied_ids = [Command.link(self.receive_group.id)]
                channel.user_ids = agent
                self.assertEqual(channel._get_operator(), agent)

    def test_a_user_without_the_right_is_never_chosen(self):
        packer = self._create_agent("packer", groups="base.group_user")
        agent = self._create_agent("agent")
        channel = self._create_channel(packer | agent)
        self.assertEqual({channel._get_operator() for _chat in range(10)}, {agent})

    def test_an_agent_in_a_call_is_spared_where_the_channel_says_so(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, block_assignment_during_call=True)
        chat = self._open_chat(channel, agent)
        session = self.env["discuss.channel.rtc.session"].create(
            {"channel_member_id": chat.channel_member_ids[0].id}
        )
        self.assertFalse(channel._get_operator())
        channel.block_assignment_during_call = False
        self.assertEqual(channel._get_operator(), agent)
        channel.block_assignment_during_call = True
        session.unlink()
        self.assertEqual(channel._get_operator(), agent)

    def test_the_main_account_takes_chats_as_the_channel_says(self):
        agent, owner = self._create_agent("agent"), self._create_agent("owner", 1000)
        channel = self._create_channel(agent, main_account_id=owner.id)
        for participation, staffed, unstaffed in (
            ("never", agent, self.env["res.users"]),
            ("fallback", agent, owner),
            ("member", owner, owner),
        ):
            with self.subTest(participation=participation):
                channel.main_account_participation = participation
                self._set_online(agent)
                self.assertEqual(channel._get_operator(), staffed)
                self._set_online(agent, "offline")
                self.assertEqual(channel._get_operator(), unstaffed)
                self.assertEqual(channel._is_livechat_available(), bool(unstaffed))

    def test_only_the_given_users_are_candidates_and_only_if_they_can(self):
        agent, outsider = self._create_agent("agent"), self._create_agent("outsider")
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(agent)
        self.assertEqual(channel._get_operator(users=outsider | packer), outsider)
        self.assertFalse(channel._get_operator(users=packer))
        self.assertFalse(channel._get_operator(users=self.env["res.users"]))
        available = channel._get_available_operators_by_livechat_channel(agent | outsider | packer)
        self.assertEqual(available, {channel: agent | outsider})

    def test_available_operators_of_several_channels_are_each_channels_own(self):
        agent, native = self._create_agent("agent"), self._create_agent("native")
        one = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        other = self._create_channel(native, dispatch_mode="native")
        self.assertEqual((one | other).mapped("available_operator_ids"), agent | native)
        self._arrive(one)
        (one | other).invalidate_recordset()
        self.assertFalse(one.available_operator_ids)
        self.assertEqual(other.available_operator_ids, native)

    def test_the_quick_answer_whether_somebody_is_available_is_that_of_the_policy(self):
        """`has_room_at_once` says in SQL what `policy.exclusion` says in Python."""
        owner = self._create_agent("owner")
        agent = self._create_agent("agent", 70)
        channel = self._create_channel(
            agent | owner, main_account_id=owner.id, max_sessions_mode="limited", max_sessions=5
        )  # capacity 3.5, that is 4, of the agent
        long_ago = fields.Datetime.now() - timedelta(hours=1)
        lively = [self._open_chat(channel, agent) for _chat in range(2)]
        quiet = [self._open_chat(channel, agent, last_interest_dt=long_ago) for _chat in range(3)]
        call = self.env["discuss.channel.rtc.session"].create(
            {"channel_member_id": lively[0].channel_member_ids[0].id}
        )
        situations = [
            lambda: None,
            lambda: quiet[0].write({"livechat_end_dt": fields.Datetime.now()}),
            lambda: channel.write({"block_assignment_during_call": True}),
            lambda: call.unlink(),
            lambda: agent.write({"dispatch_weight": 50}),
            lambda: self.env["ir.config_parameter"].set_param(
                "im_livechat_subaccount.quiet_hold", "0.0"
            ),
            lambda: agent.write({"dispatch_weight": 30}),
            lambda: channel.write({"main_account_participation": "fallback"}),
            lambda: owner.write({"dispatch_paused": True}),
            lambda: channel.write({"max_sessions_mode": "unlimited"}),
            lambda: agent.write({"dispatch_paused": True}),
            lambda: channel.write({"max_sessions": 1}),
            lambda: channel.write({"max_sessions_mode": "limited", "max_sessions": 99999999}),
            lambda: agent.write({"dispatch_paused": False, "dispatch_weight": 1000}),
        ]
        answers, quick = [], set()
        for number, change in enumerate(situations):
            change()
            channel.invalidate_recordset()
            with self.subTest(situation=number):
                answers.append(channel._is_livechat_available())
                self.assertEqual(answers[-1], bool(channel.available_operator_ids))
                quick.add((channel._is_room_at_once(), answers[-1]))
        # It may say no where the answer is yet to be found, and never yes where that is no.
        self.assertEqual(quick, {(True, True), (False, True), (False, False)})

    def test_a_page_view_asks_the_database_once_whether_somebody_is_available(self):
        agents = self._create_agent("agent") | self._create_agent("other")
        channel = self._create_channel(agents, max_sessions_mode="limited", max_sessions=5)
        self.assertTrue(channel._is_livechat_available())
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertTrue(channel.name)  # the channel, which every page view reads
        with self.assertQueryCount(1):
            self.assertTrue(channel._is_livechat_available())

    def test_somebody_is_available_even_if_only_the_last_of_many_has_room(self):
        agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{number}") for number in range(12))
        )
        channel = self._create_channel(agents, max_sessions_mode="limited", max_sessions=1)
        for agent in agents[:-1]:
            self._open_chat(channel, agent)
        self.assertTrue(channel._is_livechat_available())
        chat = self._open_chat(channel, agents[-1])
        self.assertFalse(channel._is_livechat_available())
        self._close(chat)
        self.assertTrue(channel._is_livechat_available())

    # ------------------------------------------------------------
    # The buyer
    # ------------------------------------------------------------

    def test_language_then_country_then_expertise_narrow_the_choice(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        french = self.env["res.lang"]._lang_get("fr_FR")
        belgium = self.env.ref("base.be")
        dogs, cats = self.env["im_livechat.expertise"].create([{"name": "dogs"}, {"name": "cats"}])
        plain = self._create_agent("plain", 1000, lang="en_US")
        mother_tongue = self._create_agent("mother_tongue", lang="fr_FR")
        learnt = self._create_agent("learnt", lang="en_US")
        learnt.livechat_lang_ids = french
        belgian = self._create_agent("belgian", lang="en_US")
        belgian.country_id = belgium
        expert = self._create_agent("expert", lang="en_US")
        expert.livechat_expertise_ids = dogs | cats
        channel = self._create_channel(plain | mother_tongue | learnt | belgian | expert)

        def chosen(**buyer):
            return {channel._get_operator(**buyer) for _chat in range(6)}

        self.assertEqual(chosen(lang="fr_FR"), {mother_tongue, learnt})
        self.assertEqual(chosen(lang="fr_FR", country_id=belgium.id), {mother_tongue, learnt})
        self.assertEqual(chosen(country_id=belgium.id), {belgian})
        self.assertEqual(chosen(expertises=dogs), {expert})
        self.assertEqual(chosen(expertises=dogs | cats), {expert})
        self.assertEqual(chosen(country_id=belgium.id, expertises=dogs), {belgian})
        learnt.livechat_expertise_ids = dogs
        self.assertEqual(chosen(lang="fr_FR", expertises=dogs), {learnt})
        self.assertIn(plain, chosen(lang="de_DE", country_id=self.env.ref("base.cn").id))

    def test_the_previous_operator_told_by_the_browser_is_not_believed(self):
        first, second = self._create_agent("first"), self._create_agent("second")
        channel = self._create_channel(first | second)
        served = Counter(
            channel._get_operator(previous_operator_id=first.partner_id.id) for _chat in range(10)
        )
        self.assertEqual(served, {first: 5, second: 5})

    def test_a_chatbot_forwards_to_the_agent_the_dispatch_chooses(self):
        agent, full = self._create_agent("agent", 10), self._create_agent("full", 1000)
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(
            agent | full | packer, max_sessions_mode="limited", max_sessions=1
        )
        for _chat in range(10):
            self._open_chat(channel, full)
        script = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create({"step_type": "text", "message": "Hello"}),
                    Command.create({"step_type": "forward_operator", "message": "One moment"}),
                ],
            }
        )
        chat = self.env["discuss.channel"].create(
            channel._get_livechat_discuss_channel_vals(
                chatbot_script=script,
                operator_partner=script.operator_partner_id,
                operator_model="chatbot.script",
            )
        )
        self.assertFalse(chat.dispatch_seat_partner_ids)
        chat._forward_human_operator(script.script_step_ids[-1])
        self.assertEqual(chat.livechat_operator_id, agent.partner_id)
        self.assertEqual(chat.dispatch_seat_partner_ids, agent.partner_id)
        self.assertFalse(channel._get_operator(), "the forwarded chat fills the last seat")

    def test_a_bot_that_asks_for_certain_people_gets_one_of_them_or_goes_on(self):
        seller, other = self._create_agent("seller"), self._create_agent("other")
        channel = self._create_channel(
            seller | other, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        chat, _bot = self._forward_from_bot(channel, seller)
        self.assertEqual(self._agent_of(chat), seller)
        # With others in line nobody passes them by; who takes chats while nobody is here is none
        # of those either.
        served = self._come(channel)
        waiting = self._come(channel)
        self.assertEqual(waiting.dispatch_state, "queued")
        self._close(chat)
        chat, bot = self._forward_from_bot(channel, seller)
        self.assertEqual(chat.livechat_operator_id, bot)
        self.assertFalse(chat.dispatch_state)
        self._close(waiting | served)
        self._set_online(seller | other, "offline")
        for rule in ("proxy", "pool"):
            with self.subTest(rule):
                channel.write({"proxy_user_ids": other.ids, "offline_rule": rule})
                chat, bot = self._forward_from_bot(channel, seller)
                self.assertEqual(chat.livechat_operator_id, bot)
                self.assertFalse(chat.dispatch_state)

    def test_rules_that_ask_for_an_agent_follow_the_dispatch(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        with_agent, without_agent = self.env["im_livechat.channel.rule"].create(
            [
                {"channel_id": channel.id, "chatbot_enabled_condition": condition}
                for condition in ("only_if_operator", "only_if_no_operator")
            ]
        )
        rules = self.env["im_livechat.channel.rule"]
        self.assertEqual(rules.match_rule(channel.id, "/shop"), with_agent)
        self._arrive(channel)
        channel.invalidate_recordset()
        self.assertEqual(rules.match_rule(channel.id, "/shop"), without_agent)
