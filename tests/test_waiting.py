from datetime import datetime, timedelta

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.base.models.ir_autovacuum import is_autovacuum
from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch.line import Round, estimate_wait
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestWaiting(DispatchCommon):
    """The waiting line and the message pool, within one transaction."""

    def _create_busy_channel(self, agents, **vals):
        return self._create_channel(
            agents,
            **{
                "max_sessions_mode": "limited",
                "max_sessions": 1,
                "queue_enabled": True,
                **vals,
            },
        )

    def _kinds(self, chat):
        return chat.dispatch_decision_ids.sorted("id").mapped("kind")

    def test_who_comes_when_everybody_is_busy_waits_with_the_desk(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        first, second, third = (self._come(channel) for _buyer in range(3))
        self.assertEqual(first.dispatch_state, "assigned")
        self.assertEqual(self._agent_of(first), agent)
        for place, chat in enumerate((second, third), 1):
            self.assertEqual(chat.dispatch_state, "queued")
            self.assertFalse(self._agent_of(chat))
            self.assertEqual(chat.livechat_operator_id, channel.reception_partner_id)
            self.assertEqual(
                chat._get_wait(),
                {
                    "state": "queued",
                    "place": place,
                    "estimate": None,
                    "mails": False,
                    "takes_email": True,
                },
            )
        self.assertEqual(channel.dispatch_queued_count, 2)
        self.assertEqual(second.dispatch_decision_ids.excluded, {str(agent.id): "at_capacity"})
        self.assertEqual(self._kinds(third), ["queue"])

    def test_a_manager_puts_one_who_waits_first_and_all_are_told_their_places(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        serving, *line = (self._come(channel) for _buyer in range(4))
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        line[1].with_user(manager).action_put_first()
        line[2].with_user(manager).action_put_first()
        self.assertEqual([chat._get_wait()["place"] for chat in line], [3, 2, 1])
        self.assertEqual(self._kinds(line[2]), ["queue", "first"])
        decision = line[2].dispatch_decision_ids[0]
        self.assertEqual((decision.rule, decision.create_uid), ("by_hand", manager))
        self.assertIn(manager.name, decision.reason)
        self.assertEqual(
            [row["id"] for row in channel._describe_waiting()], [chat.id for chat in reversed(line)]
        )
        for chat in reversed(line):
            self._close(serving)
            channel._drain()
            self.assertEqual(self._agent_of(chat), agent)
            serving = chat
        # Who waits once more stands where its time puts it.
        self.assertFalse(serving.dispatch_put_first)

    def test_buyers_with_the_shops_tag_go_first_and_the_others_are_told(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        tag = self.env["res.partner.category"].create({"name": "VIP"})
        vera, viola = (
            new_test_user(self.env, name, "base.group_portal") for name in ("vera", "viola")
        )
        (vera | viola).partner_id.category_id = tag
        self._come(channel)
        unset = self._come(channel, viola)
        self.assertFalse(unset.dispatch_goes_first)
        self.assertNotIn("others_first", unset._get_wait())
        self._close(unset)
        channel.line_first_tag_id = tag
        long, short = self._come(channel), self._come(channel)
        for chat, minutes in ((long, 15), (short, 5)):
            chat.dispatch_queued_at -= timedelta(minutes=minutes)

        first = self._come(channel, vera)

        self.assertTrue(first.dispatch_goes_first)
        # It passes who has waited for less than ten minutes, and nobody else.
        line = (long, first, short)
        self.assertEqual([chat._get_wait()["place"] for chat in line], [1, 2, 3])
        self.assertEqual(
            [chat._get_wait().get("others_first", False) for chat in line], [False, False, True]
        )
        self.assertEqual(
            [row["goes_first"] for row in channel._describe_waiting()], [False, "VIP", False]
        )
        self.assertEqual(channel._get_next_in_line(Round()), long)

    def test_a_manager_ends_the_wait_of_one_and_the_others_move_up(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        _serving, joke, buyer = (self._come(channel) for _buyer in range(3))
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        joke.with_user(manager).action_end_wait()
        self.assertTrue(joke.livechat_end_dt)
        self.assertFalse(joke.dispatch_state)
        self.assertEqual(self._kinds(joke), ["queue", "leave"])
        self.assertIn("The shop has ended the chat", joke.message_ids[:1].body)
        self.assertEqual(joke.dispatch_decision_ids[0].rule, "by_hand")
        self.assertEqual(buyer._get_wait()["place"], 1)
        for action in ("action_end_wait", "action_put_first"):
            with self.subTest(action=action), self.assertRaises(UserError):
                getattr(joke.with_user(manager), action)()

    def test_whose_wait_somebody_else_ends_has_not_left_the_line(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        _serving, joke, noisy, leaver = (self._come(channel) for _buyer in range(4))
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        joke.with_user(manager).action_end_wait()
        noisy.with_user(manager)._block_buyer({}, by_address=False)
        leaver._close_livechat_session()
        chats = joke | noisy | leaver
        self.assertEqual(chats.mapped("dispatch_has_left"), [False, False, True])
        of_channel = [("livechat_channel_id", "=", channel.id)]
        reports = self.env["im_livechat.report.channel"].search(of_channel)
        self.assertEqual(sum(reports.mapped("dispatch_left")), 1)
        self.env["livechat.dispatch.total"]._count(fresh=True)
        totals = self.env["livechat.dispatch.total"].search(of_channel)
        self.assertEqual(sum(totals.mapped("left_line")), 1)
        # They have waited all the same.
        self.assertEqual(sum(totals.mapped("waited_count")), 3)
        found = self.env["livechat.dispatch.decision"].search(
            of_channel + self._read_filter("livechat_dispatch_decision_view_search", "left")
        )
        self.assertEqual(found.discuss_channel_id, leaver)

    def test_who_has_waited_twice_is_found_among_those_who_waited(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        chats = self.env["discuss.channel"].concat(*(self._come(channel) for _buyer in range(3)))
        for chat, times in zip(chats, (0, 1, 2), strict=True):
            chat.dispatch_wait_count = times
        self.env.flush_all()
        waited = self._read_filter("im_livechat_report_channel_view_search", "waited")
        found = self.env["im_livechat.report.channel"].search([("id", "in", chats.ids), *waited])
        self.assertEqual(set(found.ids), set(chats[1:].ids))

    def _read_filter(self, view, name):
        """Return the domain of a filter of a page."""
        arch = etree.fromstring(self.env.ref(f"im_livechat_subaccount.{view}").arch)
        (node,) = arch.xpath(f"//filter[@name='{name}']")
        return safe_eval(node.get("domain"))

    def test_a_manager_gives_one_who_waits_to_a_named_agent(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        _serving, waiting = self._come(channel), self._come(channel)
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        targets = waiting.with_user(manager).get_transfer_targets()
        self.assertEqual([target["id"] for target in targets["agents"]], agent.ids)
        waiting.with_user(manager).transfer("asked", user_id=agent.id)
        self.assertEqual(self._agent_of(waiting), agent)
        self.assertEqual(self._kinds(waiting), ["queue", "transfer"])

    def test_whoever_gives_a_chat_learns_who_would_keep_it_until_then(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        serving, waiting = self._come(channel), self._come(channel)
        manager = self._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        for chat, giver, expected in (
            (serving, agent, (agent.name, True)),
            (serving, manager, (agent.name, False)),
            # Nobody: it cannot be promised.
            (waiting, manager, (False, False)),
        ):
            with self.subTest(chat=chat.dispatch_state, giver=giver.name):
                targets = chat.with_user(giver).get_transfer_targets()
                self.assertEqual((targets["keeper"], targets["is_keeper"]), expected)

    def test_nobody_else_decides_about_who_waits(self):
        agent = self._create_agent("agent")
        shops = {
            name: self._create_agent(name, groups="im_livechat_subaccount.group_main_account")
            for name in ("owner", "rival")
        }
        channel = self._create_busy_channel(agent, main_account_id=shops["owner"].id)
        serving, waiting = self._come(channel), self._come(channel)
        portal = new_test_user(self.env, login="a_portal", groups="base.group_portal")
        for action in ("action_put_first", "action_end_wait"):
            for user in (agent, shops["rival"], portal):
                with self.subTest(user=user.login, action=action), self.assertRaises(AccessError):
                    getattr(waiting.with_user(user), action)()
            with self.subTest(action=action), self.assertRaises(UserError):
                getattr(serving.with_user(shops["owner"]), action)()
            with self.subTest(action=action), self.assertRaises(AccessError):
                getattr(waiting.browse().with_user(agent), action)()
        self.assertEqual(waiting.dispatch_state, "queued")
        for name in ("action_put_first", "action_end_wait"):
            getattr(waiting.with_user(shops["owner"]), name)()
        self.assertTrue(waiting.livechat_end_dt)

    def test_the_time_to_answer_of_who_waited_is_known(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        first, waiting = self._come(channel), self._come(channel)
        self.assertEqual(waiting.dispatch_state, "queued")
        self._close(first)
        channel._drain()
        self.assertEqual(self._agent_of(waiting), agent)
        self._say(waiting, agent, "Sorry to let you wait")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE discuss_channel SET create_date = create_date - interval '3 minutes'"
            " WHERE id = %s",
            [waiting.id],
        )
        report = self.env["im_livechat.report.channel"].browse(waiting.id)
        self.assertAlmostEqual(report.time_to_answer * 3600, 180, delta=20)

    def test_the_line_is_served_in_order_when_a_seat_frees(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        chats = [self._come(channel) for _buyer in range(4)]
        self._say(chats[2], chats[2].channel_member_ids.guest_id, "Is it waterproof?")
        for done, waiting in zip(chats, chats[1:]):
            self._close(done)
            channel._drain()
            self.assertEqual(waiting.dispatch_state, "assigned")
            self.assertEqual(self._agent_of(waiting), agent)
            self.assertEqual(waiting.livechat_operator_id, agent.partner_id)
            self.assertEqual(waiting.livechat_failure, "no_answer")
            self.assertFalse(waiting._get_wait())
            self.assertNotIn(channel.reception_partner_id, waiting.channel_member_ids.partner_id)
        self.assertEqual(self._kinds(chats[1]), ["queue", "assign"])
        self.assertIn("waterproof", "".join(chats[2].message_ids.mapped("body")))
        self.assertFalse(channel.dispatch_queued_count)

    def test_nobody_overtakes_the_line(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        first, second = self._come(channel), self._come(channel)
        self._close(first)
        # The seat is free and the line is not served yet: who comes now comes after it.
        late = self._come(channel)
        self.assertEqual(late.dispatch_state, "queued")
        self.assertEqual(late.dispatch_decision_ids.rule, "line")
        channel._drain()
        self.assertEqual(self._agent_of(second), agent)
        self.assertEqual(late.dispatch_state, "queued")

    def test_a_buyer_who_leaves_is_removed_and_the_others_move_up(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        _first, second, third = (self._come(channel) for _buyer in range(3))
        second._close_livechat_session()
        self.assertFalse(second.dispatch_state)
        self.assertEqual(self._kinds(second), ["queue", "leave"])
        self.assertEqual(third._get_wait()["place"], 1)

    def test_nobody_waits_for_agents_who_are_not_there(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        self._set_online(agent, "offline")
        self.assertFalse(self._come(channel))
        self.assertFalse(channel._is_livechat_available())

    def test_the_line_has_an_end(self):
        channel = self._create_busy_channel(self._create_agent("agent"), queue_limit=2)
        chats = [self._come(channel) for _buyer in range(4)]
        self.assertEqual(
            [chat.dispatch_state for chat in chats], ["assigned", "queued", "queued", False]
        )
        self.assertFalse(chats[3])
        channel.offline_rule = "pool"
        self.assertEqual(self._come(channel).dispatch_state, "pool")

    def test_without_a_line_the_answer_is_cores(self):
        channel = self._create_busy_channel(self._create_agent("agent"), queue_enabled=False)
        self.assertTrue(self._come(channel))
        self.assertFalse(self._come(channel))

    def test_an_absent_buyer_leaves_the_line_and_what_was_written_is_kept(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        self._come(channel)
        writer, away = (self._create_guest() for _guest in range(2))
        chats = [self._come(channel, guest) for guest in (writer, away)]
        for guest, gone in ((writer, 6), (away, 4)):
            self.env["mail.presence"]._update_presence(guest)
            guest.presence_ids.status = "offline"
            guest.presence_ids.livechat_offline_since -= timedelta(minutes=gone)
        self.env.flush_all()
        self.env["discuss.channel"]._remove_absent_buyers()
        self.assertEqual([chat.dispatch_state for chat in chats], ["pool", "queued"])
        self.assertFalse(chats[0].livechat_end_dt)

    def test_a_buyer_who_is_served_while_the_timers_run_does_not_leave(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        first = self._come(channel)
        guests = [self._create_guest() for _guest in range(2)]
        gone, served = (self._come(channel, guest) for guest in guests)
        for guest in guests:
            self.env["mail.presence"]._update_presence(guest)
            guest.presence_ids.status = "offline"
            guest.presence_ids.livechat_offline_since -= timedelta(minutes=6)
        self.env.flush_all()

        def serve():
            self._close(first)
            channel._drain()

        with self._meanwhile(serve):
            self.env["discuss.channel"]._remove_absent_buyers()
        self.assertEqual(gone.dispatch_state, "pool")
        self.assertEqual(self._agent_of(served), agent)
        self.assertFalse(served.livechat_end_dt)

    def test_the_estimate_comes_from_the_shops_own_chats_or_there_is_none(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent, max_sessions=2)
        now = fields.Datetime.now()
        for number in range(19):
            self._open_chat(channel, agent).write(
                {
                    "dispatch_assigned_at": now - timedelta(seconds=100 + 20 * (number % 2)),
                    "livechat_end_dt": now,
                }
            )
        none = self.env["livechat.dispatch.group"]
        self.assertIsNone(channel._get_pace(none))
        self._open_chat(channel, agent).write(
            {"dispatch_assigned_at": now - timedelta(seconds=120), "livechat_end_dt": now}
        )
        self.env.flush_all()
        mean, deviation, seats = channel._get_pace(none)
        self.assertEqual((mean, deviation, seats), (110, 10, 2))
        self.assertEqual(estimate_wait(4, (110, 10, 2)), (210, 230))
        self.assertIsNone(estimate_wait(4, None))

    def test_messages_are_kept_in_the_pool_and_handed_out_once(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        channel = self._create_busy_channel(
            one | other, max_sessions=30, queue_enabled=False, offline_rule="pool"
        )
        self._set_online(one | other, "offline")
        self.assertTrue(channel._is_livechat_available())
        chats = [self._come(channel) for _buyer in range(50)]
        self.assertEqual({chat.dispatch_state for chat in chats}, {"pool"})
        self.assertEqual(chats[0]._get_wait()["state"], "pool")
        channel._drain()
        self.assertEqual(channel.dispatch_pool_count, 50)
        self._set_online(one | other)
        channel._drain()
        self.assertEqual({chat.dispatch_state for chat in chats}, {"assigned"})
        agents = [self._agent_of(chat) for chat in chats]
        self.assertEqual((agents.count(one), agents.count(other)), (25, 25))

    def test_a_message_of_the_evening_is_handed_out_the_next_morning(self):
        agent = self._create_agent("agent")
        shift = self.env["resource.calendar"].create(
            {
                "name": "Day",
                "tz": "Asia/Shanghai",
                "attendance_ids": [
                    Command.create(
                        {
                            "name": "Day",
                            "dayofweek": str(day),
                            "hour_from": 9,
                            "hour_to": 18,
                            "day_period": "morning",
                        }
                    )
                    for day in range(7)
                ],
            }
        )
        channel = self._create_busy_channel(agent, calendar_id=shift.id, offline_rule="pool")
        guest = self._create_guest()
        # 20:00 in Shanghai.
        with freeze_all_time(datetime(2026, 11, 11, 12, 0)):
            self._set_online(agent)
            chat = self._come(channel, guest)
            self._say(chat, guest, "Do you have it in red?")
            self.env["im_livechat.channel"]._run_dispatch_timers()
            self.assertEqual(chat.dispatch_state, "pool")
        with freeze_all_time(datetime(2026, 11, 12, 0, 59)):
            self.env["im_livechat.channel"]._run_dispatch_timers()
            self.assertEqual(chat.dispatch_state, "pool")
        with freeze_all_time(datetime(2026, 11, 12, 1, 1)):
            self.env["im_livechat.channel"]._run_dispatch_timers()
            self.assertEqual(self._agent_of(chat), agent)
        self.assertIn("in red", "".join(chat.message_ids.mapped("body")))

    def test_the_daily_cleaning_ends_no_chat_that_waits(self):
        # Core ends after a day what only bots took part in, and what everybody has read.
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent, offline_rule="pool")
        guests = [self._create_guest() for _guest in range(3)]
        answered = self._come(channel, guests[0])
        self._say(answered, guests[0], "Is it in stock?")
        self._say(answered, agent, "One moment.")
        agent._leave_reception("elsewhere")
        self._set_online(agent, "offline")
        asked, bots = (self._come(channel, guest) for guest in guests[1:])
        waiting = answered | asked
        self.assertEqual(waiting.mapped("dispatch_state"), ["pool", "pool"])
        bots.dispatch_state = False
        read = self._open_chat(channel, agent)
        long_ago = fields.Datetime.now() - timedelta(hours=25)
        chats = waiting | bots | read
        chats.last_interest_dt = long_ago
        chats.channel_member_ids.last_seen_dt = long_ago
        pinned = waiting.channel_member_ids.filtered("is_pinned")
        self.assertEqual(pinned.guest_id, guests[0] | guests[1])
        self.env.flush_all()
        for model, clean in (
            ("discuss.channel", "_gc_bot_only_ongoing_sessions"),
            ("discuss.channel.member", "_gc_unpin_livechat_sessions"),
        ):
            self.assertTrue(is_autovacuum(getattr(type(self.env[model]), clean)))
            getattr(self.env[model], clean)()
        self.assertEqual(waiting.mapped("livechat_end_dt"), [False, False])
        self.assertTrue(all(pinned.mapped("is_pinned")))
        self.assertEqual(waiting.mapped("dispatch_state"), ["pool", "pool"])
        self.assertTrue(all((bots | read).mapped("livechat_end_dt")))

    def test_the_daily_cleaning_ends_no_chat_that_waits_for_its_agents_first_word(self):
        agent, proxy = self._create_agent("agent"), self._create_agent("proxy")
        self._set_online(agent | proxy, "offline")
        channel = self._create_channel(
            agent | proxy, offline_rule="proxy", proxy_user_ids=proxy.ids
        )
        guests = [self._create_guest() for _guest in range(2)]
        asked, answered = (self._come(channel, guest) for guest in guests)
        self.assertEqual(self._agent_of(asked), proxy)
        for chat, guest in zip((asked, answered), guests, strict=True):
            self._say(chat, guest, "Can I send it back?")
        self._say(answered, proxy, "Within two weeks.")
        chats = asked | answered
        friday = fields.Datetime.now() - timedelta(days=2)
        chats.last_interest_dt = friday
        chats.channel_member_ids.last_seen_dt = friday
        for chat in chats:
            # Everybody has read everything.
            chat.channel_member_ids.new_message_separator = max(chat.message_ids.ids) + 1
        chats.channel_member_ids.filtered("guest_id").unpin_dt = False
        self.env.flush_all()
        self.env["discuss.channel"]._gc_bot_only_ongoing_sessions()
        self.env["discuss.channel.member"]._gc_unpin_livechat_sessions()
        self.assertFalse(asked.livechat_end_dt)
        self.assertTrue(answered.livechat_end_dt)

    def test_the_estimate_does_not_take_the_daily_cleaning_for_service(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        now = fields.Datetime.now()
        for silent in (timedelta(), timedelta(days=2)):
            for _chat in range(10):
                chat = self._open_chat(channel, agent)
                chat.sudo().write(
                    {
                        "dispatch_assigned_at": now - timedelta(days=3),
                        "last_interest_dt": now - timedelta(days=3, minutes=-5),
                        "livechat_end_dt": now - timedelta(days=3, minutes=-5) + silent,
                    }
                )
        self.env.flush_all()
        mean, deviation, _seats = channel._get_pace(self.env["livechat.dispatch.group"])
        self.assertEqual((mean, deviation), (300, 0))

    def test_the_shop_is_told_each_time_a_buyer_comes_to_wait_in_the_pool(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(
            agent,
            offline_rule="pool",
            pool_email="shop@flagship.example",
            pool_email_confirmed="shop@flagship.example",
        )

        def read_mails():
            return (
                self.env["mail.mail"]
                .search([("email_to", "=", "shop@flagship.example")], order="id")
                .mapped("body_html")
            )

        self._set_online(agent, "offline")
        guest = self._create_guest()
        chat = self._come(channel, guest)
        self._say(chat, guest, "Is it in stock?")
        self._say(chat, guest, "And in red?")
        self.assertEqual(len(read_mails()), 1)
        self._set_online(agent)
        channel._drain()
        self._say(chat, agent, "Tomorrow I know more.")
        agent._leave_reception("elsewhere")
        self.assertEqual(chat.dispatch_state, "pool")
        # All was answered so far.
        self.assertEqual(len(read_mails()), 1)
        # Five minutes after the first mail the next may follow.
        channel.pool_told_at -= timedelta(minutes=6)
        self._say(chat, guest, "It is urgent!")
        self.assertEqual(len(read_mails()), 2)
        self.assertIn("urgent", read_mails()[1])
        self.assertNotIn("stock", read_mails()[1])

    def test_when_everybody_has_gone_the_whole_line_is_in_the_pool_at_once(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent, offline_rule="pool")
        _first, *waiting = (self._come(channel) for _buyer in range(4))
        self.assertEqual({chat.dispatch_state for chat in waiting}, {"queued"})
        self._set_online(agent, "offline")
        channel._drain()
        self.assertEqual({chat.dispatch_state for chat in waiting}, {"pool"})

    def test_the_pool_waits_behind_the_line(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent, offline_rule="pool")
        self._set_online(agent, "offline")
        message = self._come(channel)
        self.assertEqual(message.dispatch_state, "pool")
        self._set_online(agent)
        here = self._come(channel)
        self.assertEqual(self._agent_of(here), agent)
        queued = self._come(channel)
        self._close(here)
        channel._drain()
        self.assertEqual((queued.dispatch_state, message.dispatch_state), ("assigned", "pool"))
        self._close(queued)
        channel._drain()
        self.assertEqual(self._agent_of(message), agent)

    def test_who_does_not_want_to_wait_leaves_a_message(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        _first, second, third = (self._come(channel) for _buyer in range(3))
        second._leave_message()
        self.assertEqual(second.dispatch_state, "pool")
        self.assertEqual(third._get_wait()["place"], 1)
        self.assertEqual(self._kinds(second), ["queue", "pool"])

    def test_main_account_and_proxies_take_chats_while_away(self):
        agent, owner = self._create_agent("agent"), self._create_agent("owner")
        self._set_online(agent | owner, "offline")
        channel = self._create_busy_channel(
            agent, offline_rule="main_account", main_account_id=owner.id, max_sessions=2
        )
        self.assertTrue(channel._is_livechat_available())
        chats = [self._come(channel) for _buyer in range(3)]
        self.assertEqual([self._agent_of(chat) for chat in chats[:2]], [owner, owner])
        # Away or not: nobody is above capacity.
        self.assertFalse(chats[2])
        self.assertEqual(chats[0].dispatch_decision_ids.rule, "offline")
        channel.write({"offline_rule": "proxy", "proxy_user_ids": [Command.set(agent.ids)]})
        self.assertEqual(self._agent_of(self._come(channel)), agent)

    def test_messages_are_kept_while_the_last_proxy_is_disabled(self):
        agent, proxy = self._create_agent("agent"), self._create_agent("proxy")
        self._set_online(agent | proxy, "offline")
        channel = self._create_busy_channel(
            agent | proxy, offline_rule="proxy", proxy_user_ids=[Command.set(proxy.ids)]
        )
        proxy.active = False
        self.env.flush_all()
        self.assertTrue(channel._is_livechat_available())
        chat = self._come(channel)
        self.assertEqual(chat.dispatch_state, "pool")
        proxy.active = True
        self.env.flush_all()
        channel._drain()
        self.assertEqual((self._agent_of(chat), chat.dispatch_rule), (proxy, "offline"))
        # Nobody who works there would ever read them.
        (agent | proxy).active = False
        self.env.flush_all()
        self.assertFalse(channel._is_livechat_available())
        self.assertFalse(self._come(channel))

    def test_messages_are_kept_when_the_last_proxy_is_deleted(self):
        agent, proxy = self._create_agent("agent"), self._create_agent("proxy")
        self._set_online(agent, "offline")
        channel = self._create_busy_channel(
            agent | proxy, offline_rule="proxy", proxy_user_ids=[Command.set(proxy.ids)]
        )
        proxy.unlink()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self._come(channel).dispatch_state, "pool")

    def test_an_offline_rule_names_somebody(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        for rule in ("main_account", "proxy"):
            with self.subTest(rule=rule), self.assertRaisesRegex(Exception, "Choose|Name"):
                channel.offline_rule = rule

    def test_a_channel_that_becomes_odoos_own_leaves_nobody_waiting(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        other_agent = self._create_agent("other")
        other = self._create_busy_channel(other_agent)
        _first, second, third = (self._come(channel) for _buyer in range(3))
        busy, waits = self._come(other), self._come(other)
        channel.write({"dispatch_mode": "native", "max_sessions_mode": "unlimited"})
        for chat in (second, third):
            self.assertFalse(chat.dispatch_state)
            self.assertEqual(chat.livechat_operator_id, agent.partner_id)
        # The other shop's line is served as before.
        self._close(busy)
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual(self._agent_of(waits), other_agent)

    def test_a_channel_on_which_somebody_waits_is_not_deleted(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        chats = [self._come(channel) for _buyer in range(2)]
        with self.assertRaisesRegex(UserError, "1 buyers still wait"):
            channel.unlink()
        self._close(chats[0] | chats[1])
        channel.unlink()
        self.assertFalse(chats[1]._get_wait())

    def test_proxies_take_chats_outside_the_opening_hours_too(self):
        agent, proxy = self._create_agent("agent"), self._create_agent("proxy")
        never = self.env["resource.calendar"].create(
            {"name": "Never", "tz": "UTC", "attendance_ids": [Command.clear()]}
        )
        channel = self._create_busy_channel(
            agent | proxy,
            calendar_id=never.id,
            offline_rule="proxy",
            proxy_user_ids=[Command.set(proxy.ids)],
        )
        self.assertTrue(channel._is_livechat_available())
        self.assertEqual(self._agent_of(self._come(channel)), proxy)

    def test_a_buyer_who_was_served_before_waits_in_front_and_anew(self):
        leaver, busy = self._create_agent("leaver"), self._create_agent("busy")
        channel = self._create_busy_channel(leaver | busy)
        served, _other, waiting = (self._come(channel) for _buyer in range(3))
        served.dispatch_assigned_at -= timedelta(hours=1)
        self._agent_of(served)._hand_over_chats()
        self.assertEqual(served.dispatch_state, "queued")
        self.assertLess(served._get_waited_seconds(), 60)
        self.assertEqual([chat._get_wait()["place"] for chat in (served, waiting)], [1, 2])

    def test_a_chatbot_forwards_into_the_line(self):
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        self._come(channel)
        chat, bot = self._forward_from_bot(channel)
        self.assertEqual(chat.dispatch_state, "queued")
        self._close(channel.env["discuss.channel"].search([("dispatch_state", "=", "assigned")]))
        channel._drain()
        self.assertEqual(self._agent_of(chat), agent)
        self.assertNotIn(bot, chat.channel_member_ids.partner_id)

    def test_the_line_is_served_once_a_chatbot_has_put_somebody_into_it(self):
        # The seat that the decision did not see free may be free by now.
        agent = self._create_agent("agent")
        channel = self._create_busy_channel(agent)
        busy = self._come(channel)
        queued, _bot = self._forward_from_bot(channel)
        self.assertEqual(queued.dispatch_state, "queued")
        self.assertTrue(self.env.cr.postcommit.data.get("livechat_drain"))
        self._close(busy | queued)
        self._set_online(agent, "offline")
        channel.offline_rule = "pool"
        chat, _bot = self._forward_from_bot(channel)
        self.assertEqual(chat.dispatch_state, "pool")
        self.assertTrue(self.env.cr.postcommit.data.get("livechat_drain"))

    def test_a_proxy_to_whom_a_chatbot_forwards_is_not_expected_to_answer_soon(self):
        proxy = self._create_agent("proxy")
        channel = self._create_busy_channel(
            proxy, offline_rule="proxy", proxy_user_ids=[Command.set(proxy.ids)]
        )
        self._set_online(proxy, "offline")
        chat, _bot = self._forward_from_bot(channel)
        self.assertEqual(self._agent_of(chat), proxy)
        self.assertTrue(chat.dispatch_is_away)

    def test_no_caller_keeps_the_line_from_being_served(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        data = self.env.cr.postcommit.data
        for value in (True, "object", {}):
            with self.subTest(value=value):
                data.pop("livechat_drain", None)
                channel.with_context(livechat_draining=value)._drain_soon()
                self.assertTrue(data.get("livechat_drain"))

    def test_a_chat_that_its_bot_starts_again_has_not_waited_yet(self):
        channel = self._create_busy_channel(self._create_agent("agent"))
        self._come(channel)
        chat = self._come(channel)
        chat.dispatch_queued_at -= timedelta(hours=1)
        self._close(chat)
        chat.livechat_end_dt = False
        self.assertLess(chat._get_waited_seconds(), 3600)
