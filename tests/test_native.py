from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from ..dispatch import ledger
from .common import DispatchCommon
from .test_desk import DeskCommon


@tagged("post_install", "-at_install")
class TestNative(DispatchCommon):
    """A channel in `native` mode behaves as without this addon."""

    def test_a_channel_is_native_unless_somebody_chose_otherwise(self):
        self.env["ir.config_parameter"].search(
            [("key", "=", "im_livechat_subaccount.dispatch_mode_default")]
        ).unlink()
        channel = self.env["im_livechat.channel"].create({"name": "Plain"})
        self.assertEqual(channel.dispatch_mode, "native")
        self.assertFalse(channel.reception_partner_id)

    def test_a_native_channel_never_meets_the_ledger(self):
        agent = self._create_agent("agent", 10)
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(agent | packer, dispatch_mode="native")
        with (
            patch.object(ledger, "reserve_seat", side_effect=AssertionError),
            patch.object(ledger, "read_agents", side_effect=AssertionError),
            patch("random.choice", lambda choices: choices[-1]),
        ):
            self.assertEqual(channel._get_operator(), packer, "core asks for no right")
            self.assertEqual(channel.available_operator_ids, agent | packer)
            self.assertTrue(channel._is_livechat_available())
            info = channel._get_operator_info(
                lang=None, country_id=None, previous_operator_id=agent.partner_id.id
            )
            self.assertEqual(info["operator_partner"], agent.partner_id)
            self.assertEqual(channel.remaining_session_capacity, 20)

    def test_a_paused_agent_of_a_native_channel_is_chosen(self):
        agent = self._create_agent("agent", dispatch_paused=True)
        channel = self._create_channel(agent, dispatch_mode="native")
        self.assertEqual(channel._get_operator(), agent)

    def test_a_native_decision_has_nobody_served(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, dispatch_mode="native")
        self.env.flush_all()
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        self.assertEqual(channel._get_operator(), agent)
        self.env["res.users"].write({"active": True})
        self.env.flush_all()
        self.assertNotIn("livechat_drain", self.env.cr.postcommit.data)


@tagged("post_install", "-at_install")
class TestLeftToOdoo(DeskCommon):
    """A channel whose dispatch becomes Odoo's own while chats go on there."""

    def setUp(self):
        super().setUp()
        self.channel.write({"asks_to_accept": True, "close_after_hours": 24, "max_sessions": 9})
        self.channel.user_ids |= self.omar
        self.guests = [self._create_guest(name) for name in ("Bo", "Cleo", "Dora", "Eve")]
        self.now = fields.Datetime.now()

    def _run_at(self, **later):
        with self._at(self.now + timedelta(**later)):
            self.env["im_livechat.channel"]._run_dispatch_timers()

    def _leave_to_odoo(self):
        self.env.flush_all()
        self._forget_bus()
        self.channel.dispatch_mode = "native"
        self.env.flush_all()

    def test_what_was_asked_and_promised_of_agents_ends_with_dispatch(self):
        proposed, held, promised, silent = (self._come(self.channel, one) for one in self.guests)
        chats = proposed | held | promised | silent
        for chat, guest in zip(chats, self.guests):
            self._say(chat, guest)
        agents = {chat: self._agent_of(chat) for chat in chats}
        until = fields.Datetime.to_string(self.now + timedelta(hours=2))
        held.with_user(agents[held]).action_hold(until)
        promised.with_user(agents[promised]).action_accept()
        other = (self.maria | self.omar) - agents[promised]
        promised.write({"dispatch_promised_id": other.id, "dispatch_promise": "Knows it"})
        self._say(silent, agents[silent])
        with self._at(self.now + timedelta(hours=23, minutes=1)):
            self.env["discuss.channel"]._close_silent()
        self.assertTrue(silent.dispatch_told_close_at)
        decisions = len(chats.dispatch_decision_ids)

        self._leave_to_odoo()

        told = {
            thread["id"]: thread
            for _to, kind, payload in self._read_bus()
            if kind == "mail.record/insert"
            for thread in payload.get("discuss.channel", ())
            if "dispatch_transferable" in thread
        }
        for chat in chats:
            shown = [told[chat.id][f"dispatch_{name}"] for name in ("proposal", "clock")]
            self.assertEqual([*shown, told[chat.id]["dispatch_held_until"]], [False] * 3)
        for hours in (24, 25, 60):
            self._run_at(hours=hours)
        self.env["im_livechat.channel"]._drain_all()
        for mode in ("native", "share"):
            # Nor does it come back with dispatch.
            self.channel.dispatch_mode = mode
            for chat in chats:
                self.assertFalse(chat.dispatch_promised_id or chat.dispatch_held_until)
                self.assertFalse(chat._get_proposal() or self._clock(chat))
        self._run_at(hours=61)
        self.assertEqual({chat: self._agent_of(chat) for chat in chats}, agents)
        self.assertFalse(chats.filtered("livechat_end_dt"))
        self.assertEqual(len(chats.dispatch_decision_ids), decisions)

    def test_who_had_not_written_yet_keeps_its_chat(self):
        guest = self.guests[0]
        chat = self._come(self.channel, guest, has_words=False)
        self.assertTrue(chat.dispatch_wordless_since)
        agent = self._agent_of(chat)
        self._leave_to_odoo()
        self._say(chat, guest)
        self._run_at(minutes=5)
        self.assertFalse(chat.livechat_end_dt)
        self.assertEqual(self._agent_of(chat), agent)

    def test_a_buyer_ends_the_chat_of_who_was_away(self):
        self._set_online(self.maria | self.omar, "offline")
        self.channel.write({"offline_rule": "proxy", "proxy_user_ids": self.omar.ids})
        guest = self.guests[0]
        chat = self._come(self.channel, guest)
        self._say(chat, guest)
        self.assertTrue(chat.dispatch_is_away)
        self._leave_to_odoo()
        self._say(chat, self.omar)
        public = self.env.ref("base.public_user")
        chat.with_user(public).with_context(guest=guest)._close_livechat_session()
        self.assertTrue(chat.livechat_end_dt)

    def test_who_is_given_back_to_dispatch_goes_by_its_clocks_with_the_next_word(self):
        guest = self.guests[0]
        chat = self._come(self.channel, guest)
        self._say(chat, guest)
        agent = self._agent_of(chat)
        self._leave_to_odoo()
        self._say(chat, agent)
        self.channel.write({"dispatch_mode": "share", "asks_to_accept": False})
        # What was answered meanwhile is owed no more.
        self._run_at(minutes=30)
        self.assertEqual((self._agent_of(chat), self._clock(chat)), (agent, False))
        self._say(chat, guest, "And the red one?")
        self.assertTrue(self._clock(chat))

    def test_what_lies_silent_is_looked_at_only_for_what_goes_on_by_itself(self):
        quiet, held = (self._come(self.channel, guest) for guest in self.guests[:2])
        for chat, guest in zip(quiet | held, self.guests):
            self._say(chat, guest)
            self._say(chat, self._agent_of(chat))
        until = fields.Datetime.to_string(self.now + timedelta(days=9))
        held.with_user(self._agent_of(held)).action_hold(until)
        (quiet | held).last_interest_dt = self.now - timedelta(days=3)
        self._leave_to_odoo()
        self.assertEqual((quiet.dispatch_state, held.dispatch_state), ("assigned", False))
