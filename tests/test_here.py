import json
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..dispatch import replay
from ..tools import here
from .common import DispatchCommon, ShopCommon
from .walks import PatientCase

_HEALTH_LOGGER = "odoo.addons.im_livechat_subaccount.models.reception.livechat_dispatch_health"


@tagged("post_install", "-at_install")
class TestHere(DispatchCommon):
    """Who gave no sign of life for three minutes, or is set away, is not here: for dispatch, the
    line, pages and figures alike."""

    def setUp(self):
        super().setUp()
        self.agent = self._create_agent("agent")
        self.channel = self._create_channel(
            self.agent, queue_enabled=True, max_sessions_mode="limited", max_sessions=1
        )
        self.presence = self.agent.presence_ids

    def _is_here(self):
        """What each place says about the agent."""
        self.env.flush_all()
        channel = self.channel
        colleague = self._create_agent("colleague")
        chat = self._open_chat(channel, colleague)
        facts = self._read_agent(channel, self.agent)
        manager = new_test_user(self.env, "manager", "im_livechat.im_livechat_group_manager")
        reception = self.env["im_livechat.channel"].with_user(manager).get_reception()
        (row,) = [row for row in reception["agents"] if row["id"] == self.agent.id]
        (group,) = [
            group
            for shown in reception["channels"]
            if shown["id"] == channel.id
            for group in shown["groups"]
        ]
        (member,) = [row for row in group["members"] if row["user_id"] == self.agent.id]
        targets = chat.with_user(manager).get_transfer_targets()["agents"]
        (target,) = [row for row in targets if row["id"] == self.agent.id]
        answers = {
            "a decision": facts.online,
            "a page view": channel._is_room_at_once(),
            "core's list": self.agent in channel.available_operator_ids,
            "the button": bool(channel._is_livechat_available()),
            "reception": row["status"] == "online",
            "a group": member["reason"] != "offline",
            "a transfer": target["online"],
            "figures": self.agent._get_dispatch_presence() == "online",
            "a buyer": bool(self._come(channel)),
        }
        self.env.invalidate_all()
        self.assertEqual(len(set(answers.values())), 1, answers)
        return answers["a decision"]

    def test_who_gives_signs_of_life_is_here(self):
        self._silence(self.agent, seconds=170)
        self.assertTrue(self._is_here())

    def test_who_gave_none_for_three_minutes_is_not_whatever_the_status_says(self):
        self._silence(self.agent, minutes=3)
        self.assertEqual(self.presence.status, "online")
        self.assertFalse(self._is_here())

    def test_who_is_set_away_is_not(self):
        self.presence.status = "away"
        self.assertFalse(self._is_here())

    def test_who_set_itself_away_is_not(self):
        self.agent.manual_im_status = "away"
        self.assertFalse(self._is_here())

    def test_who_does_not_want_to_be_disturbed_is_here(self):
        self.agent.manual_im_status = "busy"
        self.assertTrue(self._is_here())

    def test_nobody_waits_for_who_is_silent(self):
        self._come(self.channel)
        self._silence(self.agent, minutes=3)
        self.assertFalse(self._come(self.channel))

    def test_who_is_heard_of_again_may_take_who_waits_and_starts_calmly(self):
        presences = self.env["mail.presence"]
        long_ago = fields.Datetime.now() - timedelta(hours=3)
        self.presence.livechat_online_since = long_ago
        self._silence(self.agent, seconds=170)
        presences._give_sign(self.agent)
        self.assertEqual(self.presence.livechat_online_since, long_ago)
        self._silence(self.agent, minutes=4)
        states = self.env["livechat.dispatch.presence"]
        states.search([("user_id", "=", self.agent.id)]).moment = long_ago
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        presences._give_sign(self.agent)
        self.assertTrue(self.env.cr.postcommit.data.get("livechat_drain"))
        self.assertGreater(self.presence.livechat_online_since, long_ago)
        states = states.search([("user_id", "=", self.agent.id)])
        self.assertEqual(states.mapped("state"), ["online", "gone", "online"])

    def test_pages_that_give_signs_often_write_seldom(self):
        now = fields.Datetime.now()
        for age, is_noted in ((10, False), (30, True)):
            self._silence(self.agent, seconds=age)
            self.env["mail.presence"]._give_sign(self.agent)
            self.assertEqual(self.presence.last_poll >= now, is_noted)

    def test_an_idle_page_keeps_its_agent_away_and_calls_nobody_away_who_uses_another(self):
        presences, idle = self.env["mail.presence"], 31 * 60 * 1000
        self._silence(self.agent, minutes=1)
        presences._give_sign(self.agent, idle)
        self.assertEqual(self.presence.status, "online")
        self.presence.status = "away"
        self._silence(self.agent, minutes=1)
        presences._give_sign(self.agent, idle)
        self.assertEqual(self.presence.status, "away")
        self.assertGreater(self.presence.last_poll, fields.Datetime.now() - timedelta(seconds=30))
        presences._give_sign(self.agent, 0)
        self.assertEqual(self.presence.status, "online")

    def test_what_an_agents_page_says_over_the_websocket_is_a_sign_of_life(self):
        clerk = new_test_user(self.env, "clerk", "base.group_user")
        for data in (
            {"inactivity_period": 0},
            {"inactivity_period": 10**40},
            {"inactivity_period": -1},
            {"inactivity_period": "soon"},
            {"inactivity_period": True},
            {"inactivity_period": None, "user_id": 2},
            {},
            [],
            None,
            "x",
        ):
            with self.subTest(data=data):
                self._silence(self.agent, minutes=5)
                for user in (self.agent, clerk):
                    websocket = self.env["ir.websocket"].with_user(user)
                    websocket._serve_ir_websocket("livechat_dispatch/here", data)
                self.assertEqual(self.presence.status, "online")
                self.assertEqual(self.agent._get_livechat_status(), "online")
                self.assertFalse(clerk.presence_ids, "whose pages say nothing of the kind")

    def test_reception_looks_again_at_who_went_silent(self):
        self._silence(self.agent, minutes=3, seconds=20)
        self.env.cr.precommit.run()
        self.env["im_livechat.channel"]._mark_gone_quiet()
        self.assertIn(
            self.agent.id, self.env["livechat.announcement"]._get_reception_marks()["agents"]
        )

    def test_the_chat_of_an_agent_who_went_silent_goes_on(self):
        guest = self._create_guest()
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "Is it in stock?")
        colleague = self._create_agent("colleague")
        self.channel.user_ids |= colleague
        self.env.flush_all()
        self._silence(self.agent, minutes=2)
        self.env["discuss.channel"]._leave_absent_agents()
        self.assertEqual(self._agent_of(chat), self.agent)
        self._silence(self.agent, minutes=4)
        self.env["discuss.channel"]._leave_absent_agents()
        self.assertEqual(self._agent_of(chat), colleague)

    def test_an_agents_pause_that_is_over_is_none_in_figures_either(self):
        self.agent.write(
            {
                "dispatch_paused": True,
                "dispatch_paused_until": fields.Datetime.now() - timedelta(minutes=1),
            }
        )
        self.assertEqual(self.agent._get_dispatch_presence(), "online")
        events = self.env["livechat.dispatch.presence"]
        events.search([("user_id", "=", self.agent.id)]).unlink()
        self.env.flush_all()
        events._note_forgotten()
        self.assertEqual(events.search([("user_id", "=", self.agent.id)]).state, "online")


@tagged("post_install", "-at_install")
class TestWrongClock(ShopCommon, DispatchCommon):
    """Of a machine whose clock is five minutes behind the database's, which the others share."""

    @contextmanager
    def _behind(self, now):
        """Let the database's clock say so."""
        behind = timedelta(minutes=-5)
        with (
            patch.object(here, "_get_skew", lambda env: behind),
            patch.object(fields.Datetime, "now", lambda *args: now + behind),
        ):
            yield

    def _open_shop(self):
        agent = self._create_agent("agent")
        return agent, self._create_channel(agent, main_account_id=self.owner.id)

    def test_what_core_tells_by_it_is_told_by_the_clock_that_all_share(self):
        agent = self._create_agent("agent")
        chat = self._come(self._create_channel(agent))
        (turn,) = chat.dispatch_decision_ids
        came = agent.presence_ids.livechat_online_since
        now = fields.Datetime.now() + timedelta(minutes=1)
        with self._behind(now):
            self.env["mail.presence"]._update_presence(agent)
            chat._close_livechat_session()
            self.assertEqual(here.read_now(self.env), now)
        self.assertEqual(agent.presence_ids.last_poll, now)
        self.assertEqual(agent.presence_ids.livechat_online_since, came, "it was here all the time")
        self.assertEqual((chat.livechat_end_dt, turn.ended_at), (now, now))
        self.assertEqual(turn.handling_seconds, (now - turn.moment).total_seconds())

    def test_a_dated_change_starts_and_ends_by_the_clock_that_all_share(self):
        agent, channel = self._open_shop()
        start = fields.Datetime.now() + timedelta(hours=1)
        stop = start + timedelta(minutes=2)
        change = self.env["livechat.dispatch.change"].create(
            {
                "name": "Rush",
                "channel_id": channel.id,
                "start": start,
                "stop": stop,
                "line_ids": [Command.create({"user_id": agent.id, "weight": 200})],
            }
        )
        change.action_plan()
        for now, weight in ((start, 200), (stop, 100)):
            with self._behind(now):
                change._run_due(lambda do: do())
            self.assertEqual(agent.dispatch_weight, weight)

    def test_what_is_noted_is_dated_by_the_clock_that_all_share(self):
        agent, channel = self._open_shop()
        chat = self._come(channel)
        now = fields.Datetime.now() + timedelta(minutes=1)
        with self._behind(now):
            chat.with_user(self.owner).action_whisper("Offer the blue one")
            agent.dispatch_weight = 150
            self.env.flush_all()
            account = self.Subaccounts.create({"name": "Maria"}).sudo()
            account.with_user(self.owner).action_activation_link()
        (whisper,) = chat.with_user(self.owner).get_whispers()
        self.assertEqual(whisper["moment"], fields.Datetime.to_string(now))
        what = [("what", "=", "res.users.dispatch_weight"), ("agent_id", "=", agent.id)]
        for rows in (
            self.env["livechat.dispatch.log"].search(what),
            self.env["livechat.account.log"].search([("account_id", "=", account.user_id.id)]),
        ):
            self.assertEqual(set(rows.mapped("moment")), {now})
        self.assertEqual(account.activation_expiration, now + account._get_link_validity())

    def test_no_timer_is_late_for_it(self):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch")
        rows = self.env["livechat.dispatch.health"]
        for since, found in ((timedelta(0), 0), (timedelta(minutes=7), 1)):
            cron.nextcall = fields.Datetime.now() - since
            with self._behind(fields.Datetime.now()), mute_logger(_HEALTH_LOGGER):
                rows._check("late_cron")
            row = rows.search([("kind", "=", "late_cron")])
            self.assertEqual((row.found, row.checked_at >= cron.nextcall), (found, True))

    def test_clocks_that_agree_as_far_as_one_can_tell_are_one(self):
        skew = here.read_skew(self.env.cr)
        self.assertIsInstance(skew, timedelta)
        self.assertLess(abs(skew), here.SKEW, "the database of the tests is on this machine")


@tagged("post_install", "-at_install")
class TestBuyersInLine(DispatchCommon):
    """Only a buyer who was here and stopped giving signs of life loses the place in line."""

    def setUp(self):
        super().setUp()
        self.channel = self._create_channel(
            self._create_agent("agent"),
            queue_enabled=True,
            max_sessions_mode="limited",
            max_sessions=1,
        )
        self._come(self.channel)

    def _wait(self, buyer, minutes=60):
        chat = self._come(self.channel, buyer)
        self.assertEqual(chat.dispatch_state, "queued")
        chat.dispatch_queued_at -= timedelta(minutes=minutes)
        self.env.flush_all()
        return chat

    def _wait_and_go(self):
        """Return the chat of a buyer who has waited for an hour, and whose page is gone."""
        guest = self._create_guest()
        chat = self._wait(guest)
        self.env["mail.presence"]._give_sign(guest)
        self._silence(guest, minutes=6)
        self.assertFalse(self._stays(chat))
        return chat

    def _stays(self, chat):
        self.env["discuss.channel"]._remove_absent_buyers()
        return chat.dispatch_state == "queued"

    def test_who_was_never_seen_is_not_gone(self):
        self.assertTrue(self._stays(self._wait(self._create_guest())))

    def test_who_was_seen_and_is_silent_is_gone_after_five_minutes(self):
        guest = self._create_guest()
        chat = self._wait(guest)
        self.env["mail.presence"]._give_sign(guest)
        for minutes, stays in ((1, True), (4, True), (6, False)):
            self._silence(guest, minutes=minutes)
            self.assertEqual(self._stays(chat), stays, minutes)

    def test_who_comes_back_waits_where_it_was(self):
        chat = self._wait_and_go()
        behind = self._wait(self._create_guest(), minutes=59)
        wait = chat._get_wait()
        self.assertEqual((wait["state"], wait["has_gone"]), ("pool", True))
        self.assertEqual(behind._get_wait()["place"], 1)

        chat._come_back()

        self.assertEqual(chat._get_wait()["place"], 1)
        self.assertEqual(behind._get_wait()["place"], 2)
        # It has asked for nothing else: it does not come twice.
        before = len(chat.dispatch_decision_ids)
        chat._come_back()
        self.assertEqual(len(chat.dispatch_decision_ids), before)

    def test_who_comes_back_overtakes_nobody(self):
        first = self._wait(self._create_guest(), minutes=70)
        chat = self._wait_and_go()
        # A seat is free, and the line not served yet.
        self.channel.max_sessions = 2
        chat._come_back()
        self.assertEqual((chat.dispatch_state, chat._get_wait()["place"]), ("queued", 2))
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual((first.dispatch_state, chat.dispatch_state), ("assigned", "queued"))

    def test_who_comes_back_after_more_than_an_hour_waits_behind_the_others(self):
        chat = self._wait_and_go()
        behind = self._wait(self._create_guest(), minutes=30)
        chat.dispatch_gone_at -= timedelta(minutes=61)
        chat._come_back()
        self.assertEqual((chat._get_wait()["place"], behind._get_wait()["place"]), (2, 1))

    def test_who_comes_back_returns_not_to_who_gave_it_away_while_others_could(self):
        giver = self.channel.user_ids
        chat = self._wait_and_go()
        other = self._create_agent("other")
        self.channel.write({"user_ids": [Command.link(other.id)], "max_sessions": 2})
        # The giver would be the first.
        giver.dispatch_weight = 1000
        chat._record({"kind": "transfer", "rule": "nobody", "previous_user_id": giver.id})
        self.env.flush_all()
        chat._come_back()
        self.assertEqual(self._agent_of(chat), other)

    def test_a_replay_lets_who_came_back_wait(self):
        chat = self._wait_and_go()

        def read_pooled():
            now = fields.Datetime.now()
            hour = timedelta(hours=1)
            past = self.channel._read_past(now - hour, now + hour)
            arrivals = [one for one in past.day.events if isinstance(one, replay.Arrival)]
            return (
                [fate.pooled for fate in past.fates],
                [arrival.pooled_after is not None for arrival in arrivals],
            )

        self.assertEqual(read_pooled(), ([False, True], [False, True]))
        chat._come_back()
        self.assertEqual(read_pooled(), ([False, False], [False, False]))

    def test_who_comes_back_to_a_free_agent_gets_it(self):
        chat = self._wait_and_go()
        agent = self.channel.user_ids
        self.channel.max_sessions = 2

        chat._come_back()

        self.assertEqual(chat.dispatch_state, "assigned")
        self.assertEqual(chat.livechat_operator_id, agent.partner_id)
        self.assertFalse(chat.dispatch_gone_at)

    def test_who_has_left_a_message_or_finds_nobody_here_stays_in_the_pool(self):
        chat = self._wait(self._create_guest())
        chat._leave_message(dispatch_gave_up_line=True)
        wait = chat._get_wait()
        self.assertNotIn("has_gone", wait)
        # Somebody is here, and each page of its buyer, in whatever browser, says no other thing.
        self.assertTrue(wait["has_left"])
        chat._come_back()
        self.assertEqual(chat.dispatch_state, "pool")

        chat = self._wait_and_go()
        self._silence(self.channel.user_ids, hours=2)
        chat._come_back()
        self.assertEqual(chat.dispatch_state, "pool")
        self.assertNotIn("has_gone", chat._get_wait())

    def test_a_page_gives_signs_from_when_its_buyer_waits(self):
        guest = self._create_guest()
        self.env["mail.presence"]._update_presence(guest)
        chat = self._wait(guest, minutes=2)
        self._silence(guest, hours=1)
        self.assertTrue(self._stays(chat))
        chat.dispatch_queued_at -= timedelta(minutes=4)
        self.env.flush_all()
        self.assertFalse(self._stays(chat))

    def test_a_contact_is_here_while_one_of_its_users_is(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal")
        other = new_test_user(self.env, "old", "base.group_portal", partner_id=buyer.partner_id.id)
        self._set_online(other)
        other.presence_ids.status = "offline"
        other.presence_ids.livechat_offline_since -= timedelta(hours=1)
        other.active = False
        self._set_online(buyer)
        chat = self._wait(buyer)
        self.assertTrue(self._stays(chat))
        self._silence(buyer, minutes=6)
        self.assertFalse(self._stays(chat))


@tagged("post_install", "-at_install")
class TestSeveralUsersOfOneContact(DispatchCommon):
    """An agent whose contact has another login, archived or not, is one agent."""

    def setUp(self):
        super().setUp()
        self.agent = self._create_agent("agent")
        self.colleague = self._create_agent("colleague")
        self.channel = self._create_channel(self.agent | self.colleague, no_reply_seconds=60)
        # The archived one comes first by its number and was never online.
        self.twin = new_test_user(
            self.env, "a_twin", "base.group_user", partner_id=self.agent.partner_id.id
        )
        self.twin.active = False
        self.colleague.dispatch_paused = True
        self.guest = self._create_guest()
        self.chat = self._come(self.channel, self.guest)
        self._say(self.chat, self.guest, "Is it in stock?")
        self.colleague.dispatch_paused = False
        self.chat.dispatch_assigned_at -= timedelta(minutes=5)
        self.chat.dispatch_asked_at -= timedelta(minutes=5)
        self.env.flush_all()

    def test_who_is_here_is_not_absent(self):
        self.env["discuss.channel"]._leave_absent_agents()
        self.assertEqual(self._agent_of(self.chat), self.agent)
        self._say(self.chat, self.agent, "Yes")
        self._say(self.chat, self.guest, "In red, too?")
        self.assertEqual(self._agent_of(self.chat), self.agent)

    def test_the_agent_of_the_channel_has_missed_the_chat(self):
        self.env["discuss.channel"]._reassign_unanswered()
        self.assertEqual(self._agent_of(self.chat), self.colleague)
        decision = self.chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual(decision.previous_user_id, self.agent)
        self.assertEqual((self.agent | self.twin).mapped("dispatch_miss_count"), [1, 0])

    def test_an_old_login_that_goes_takes_no_chats_along(self):
        self.twin.active = True
        self.twin.group_ids |= self.receive_group
        self.twin.active = False
        self.twin._hand_over_chats()
        self.assertEqual(self._agent_of(self.chat), self.agent)
        self.agent._hand_over_chats()
        self.assertEqual(self._agent_of(self.chat), self.colleague)

    def test_a_returning_buyer_gets_the_agent_of_the_channel(self):
        self.twin.active = True
        self._say(self.chat, self.agent, "Yes")
        self._close(self.chat)
        again = self._come(self.channel, self.guest)
        self.assertEqual(again.dispatch_rule, "sticky")
        self.assertEqual(again.dispatch_decision_ids.user_id, self.agent)

    def _sign_in_elsewhere(self):
        """The agent has a login for the shop's website as well, of the same contact."""
        return new_test_user(
            self.env, "at_home", "base.group_portal", partner_id=self.agent.partner_id.id
        )

    def test_nobody_gets_its_own_chat_with_whatever_login(self):
        self._close(self.chat)
        self.agent.dispatch_weight = 1000
        buyer = self._sign_in_elsewhere()
        chat = self._come(self.channel, buyer)
        self.assertEqual(self._agent_of(chat), self.colleague)
        self.assertEqual(chat.livechat_customer_history_ids.partner_id, buyer.partner_id)
        self.assertEqual(chat.dispatch_decision_ids.excluded, {str(self.agent.id): "declined"})

    def test_a_message_of_ones_own_waits_for_a_colleague(self):
        self._close(self.chat)
        self.colleague.dispatch_paused = True
        self.channel.offline_rule = "pool"
        buyer = self._sign_in_elsewhere()
        chat = self._come(self.channel, buyer)
        self.channel._drain()
        self.assertEqual((chat.dispatch_state, self._agent_of(chat).ids), ("pool", []))
        with self.assertRaisesRegex(UserError, "own chat"):
            chat.with_user(self.agent).action_take()
        with self.assertRaisesRegex(UserError, "own chat"):
            chat._get_receiver(self.agent.id)
        self.colleague.dispatch_paused = False
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.colleague)

    def test_who_tries_the_chat_meets_a_colleague_and_itself_only_alone(self):
        self._close(self.chat)
        self.agent.dispatch_weight = 1000
        chat = self._come(self.channel, self.agent)
        self.assertEqual(self._agent_of(chat), self.colleague)
        self.assertEqual(chat.livechat_customer_history_ids.partner_id, self.agent.partner_id)
        self._close(chat)
        self.colleague.dispatch_paused = True
        # As in core.
        self.assertEqual(self._agent_of(self._come(self.channel, self.agent)), self.agent)

    def test_who_may_be_invited_is_a_matter_of_one_of_them(self):
        self.twin.active = True
        self._say(self.chat, self.agent, "I ask a colleague")
        twin = new_test_user(
            self.env, "twin", "base.group_user", partner_id=self.colleague.partner_id.id
        )
        self.assertFalse(twin._has_agent_group())
        self.chat.with_user(self.agent).add_members(partner_ids=self.colleague.partner_id.ids)
        self.assertIn(self.colleague.partner_id, self.chat.channel_member_ids.partner_id)


@tagged("post_install", "-at_install")
class TestSignsOfLife(DispatchCommon, PatientCase):
    """What a buyer's page tells."""

    def _tell(self, route, **params):
        answer = self.url_open(
            f"/im_livechat_subaccount/{route}",
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.assertEqual(answer.status_code, 200)
        self.assertNotIn("error", answer.json())
        self.env.invalidate_all()
        return answer.json()["result"]

    def test_a_guest_is_known_by_cookie_and_elsewhere_by_token(self):
        for route in ("here", "cors/here"):
            with self.subTest(route):
                guest = self._create_guest()
                token = guest._format_auth_cookie()
                if route == "here":
                    self.opener.cookies["dgid"] = token
                self._tell(route, **({} if route == "here" else {"guest_token": token}))
                self.assertEqual(guest.presence_ids.status, "online")
                self._silence(guest, minutes=2)
                self._tell(route, **({} if route == "here" else {"guest_token": token}))
                self.assertGreater(
                    guest.presence_ids.last_poll, fields.Datetime.now() - timedelta(minutes=1)
                )

    def test_a_sign_brings_who_was_gone_back_into_line(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(
            agent, queue_enabled=True, max_sessions_mode="limited", max_sessions=1
        )
        self._come(channel)
        guest = self._create_guest()
        chat = self._come(channel, guest)
        chat.dispatch_queued_at -= timedelta(minutes=60)
        self.env["mail.presence"]._give_sign(guest)
        self._silence(guest, minutes=6)
        self.env["discuss.channel"]._remove_absent_buyers()
        self.assertEqual(chat.dispatch_state, "pool")
        self._tell("cors/here", guest_token=self._create_guest()._format_auth_cookie())
        self.assertEqual(chat.dispatch_state, "pool")
        self._tell("cors/here", guest_token=guest._format_auth_cookie())
        self.assertEqual(chat.dispatch_state, "queued")

    def test_a_sign_brings_nobody_back_into_a_chat_that_is_over(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, queue_enabled=True)
        guest = self._create_guest()
        chat = self._come(channel, guest)
        chat.write({"dispatch_state": "pool", "dispatch_gone_at": fields.Datetime.now()})
        self._close(chat)
        before = chat.dispatch_decision_ids
        state = chat.dispatch_state
        token = guest._format_auth_cookie()
        (told,) = self._tell("cors/here", guest_token=token, channel_ids=[chat.id])[
            "discuss.channel"
        ]
        self.assertFalse(told["dispatch_wait"])
        self.assertEqual((chat.dispatch_state, chat.dispatch_decision_ids), (state, before))

    def test_a_page_that_has_missed_it_is_told_that_it_waits_no_more(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(
            agent, queue_enabled=True, max_sessions_mode="limited", max_sessions=1
        )
        first, guest = self._come(channel), self._create_guest()
        chat, token = self._come(channel, guest), guest._format_auth_cookie()
        (told,) = self._tell("cors/here", guest_token=token)["discuss.channel"]
        self.assertEqual(told["dispatch_wait"]["place"], 1)
        self._close(first)
        channel._drain()
        self.assertEqual(self._agent_of(chat), agent)
        self.assertFalse(self._tell("cors/here", guest_token=token))
        sent = {"guest_token": token, "channel_ids": [chat.id]}
        (told,) = self._tell("cors/here", **sent)["discuss.channel"]
        self.assertEqual(
            told,
            {
                "id": chat.id,
                "dispatch_wait": False,
                "dispatch_away": False,
                "livechat_end_dt": False,
            },
        )
        chat.dispatch_is_away = True
        (told,) = self._tell("cors/here", **sent)["discuss.channel"]
        self.assertEqual(told["dispatch_away"]["state"], "pool")
        self._close(chat)
        (told,) = self._tell("cors/here", **sent)["discuss.channel"]
        self.assertTrue(told["livechat_end_dt"])
        self.assertEqual((told["dispatch_wait"], told["dispatch_away"]), (False, False))
        # Nothing is said of others' chats, nor of more than a page has.
        other = self._create_guest()._format_auth_cookie()
        self.assertFalse(self._tell("cors/here", guest_token=other, channel_ids=[chat.id]))
        many = [*range(10**6, 10**6 + 10), chat.id]
        self.assertFalse(self._tell("cors/here", guest_token=token, channel_ids=many))

    def test_of_who_is_unknown_no_sign_is_taken(self):
        before = self.env["mail.presence"].search_count([])
        guest = self._create_guest()
        for token in ("", "1", f"{guest.id}|wrong", f"{guest.id}", 5, None, ["a"], {"a": 1}, "\0"):
            with self.subTest(str(token)):
                self._tell("cors/here", guest_token=token)
                self._tell("here", guest_token=token)
        self.assertEqual(self.env["mail.presence"].search_count([]), before)

    def test_who_is_signed_in_gives_a_sign_too(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        self.authenticate("buyer", "sesame-open")
        self._tell("here")
        self.assertEqual(buyer.presence_ids.status, "online")
