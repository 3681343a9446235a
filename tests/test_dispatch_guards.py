from contextlib import suppress
from datetime import timedelta
from functools import partial

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon, ShopCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestDispatchGuards(ShopCommon, DispatchCommon, PatientCase):
    """What only dispatch itself, or who manages it, may say."""

    def setUp(self):
        super().setUp()
        self.agent, self.other = self._create_agent("agent"), self._create_agent("other")
        self.channel = self._create_channel(self.agent | self.other)
        self.other.dispatch_paused = True
        self.chat = self._come(self.channel)
        self.other.dispatch_paused = False
        self.assertEqual(self._agent_of(self.chat), self.agent)

    def test_opening_a_chat_again_gives_nobody_more_rights(self):
        secret = self.env["discuss.channel"].create(
            {"name": "Management", "channel_type": "group", "channel_member_ids": []}
        )
        packer = new_test_user(self.env, login="packer", groups="base.group_user")
        for chat in (secret, self.chat):
            for value in (False, None, ""):
                with (
                    self.subTest(chat=chat.name, value=value),
                    self.assertRaises(AccessError),
                    self.env.cr.savepoint(),
                ):
                    chat.with_user(packer).write({"livechat_end_dt": value, "name": "Mine"})
        self.assertEqual(secret.name, "Management")

    def test_a_chat_that_opens_again_is_dispatched_anew(self):
        self.chat.livechat_end_dt = fields.Datetime.now()
        self.chat.with_user(self.agent).write({"livechat_end_dt": False})
        self.assertFalse(self.chat.dispatch_state)
        self.assertFalse(self.chat.dispatch_assigned_at)

    def test_agents_do_not_write_what_dispatch_notes(self):
        now = fields.Datetime.now()
        for vals in (
            {"dispatch_state": "pool"},
            {"dispatch_is_away": True},
            {"dispatch_assigned_at": now},
            {"dispatch_queued_at": now - timedelta(days=1)},
            {"dispatch_group_id": False},
            {"dispatch_regular_id": self.agent.id},
            {"dispatch_seat_partner_ids": [Command.clear()]},
            {"dispatch_decision_ids": [Command.clear()]},
        ):
            with self.subTest(**vals), self.assertRaises(AccessError):
                self.chat.with_user(self.agent).write(vals)
            with self.subTest(create=vals), self.assertRaises(AccessError):
                self.env["discuss.channel"].with_user(self.agent).create({"name": "x", **vals})
        self.assertEqual(self._agent_of(self.chat), self.agent)

    def test_who_appoints_an_exclusive_agent(self):
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.link(self.role_reception.id)]}
        )
        subaccount._activate("sesame-open")
        staff = subaccount.sudo().user_id
        contacts = self.env.ref("base.group_partner_manager")
        for user in (self.agent, staff, self.owner, self.rival):
            user.group_ids = [Command.link(contacts.id)]
        manager = new_test_user(
            self.env,
            login="manager",
            groups="im_livechat.im_livechat_group_manager,base.group_partner_manager",
        )
        buyer = self.env["res.partner"].create({"name": "Li Na"})
        for who, whom, may in (
            (self.agent, self.agent, False),
            (staff, staff, False),
            (self.owner, staff, True),
            (self.rival, staff, False),
            (self.owner, self.agent, False),
            (manager, self.agent, True),
        ):
            with self.subTest(who=who.login, whom=whom.login):
                buyer.livechat_agent_id = False
                partners = self.env["res.partner"].with_user(who)
                appointing = partners.with_context(default_livechat_agent_id=whom.id)
                calls = (
                    partial(buyer.with_user(who).write, {"livechat_agent_id": whom.id}),
                    partial(partners.create, {"name": "New", "livechat_agent_id": whom.id}),
                    partial(appointing.create, {"name": "New"}),
                )
                for call in calls:
                    if may:
                        call()
                    elif call is calls[-1]:
                        # A default that is not the caller's to choose is none.
                        with suppress(AccessError), self.env.cr.savepoint():
                            self.assertFalse(call().sudo().livechat_agent_id)
                    else:
                        with self.assertRaises(AccessError), self.env.cr.savepoint():
                            call()
        buyer.livechat_agent_id = staff
        with self.assertRaises(AccessError):
            buyer.with_user(self.rival).write({"livechat_agent_id": False})
        self.env["res.partner"].with_user(self.agent).create({"name": "Plain contact"})

    def test_a_new_pause_does_not_end_when_the_last_one_was_to_end(self):
        self.agent.with_user(self.agent).dispatch_pause(
            fields.Datetime.now() + timedelta(minutes=5)
        )
        # The administrator's tick, which says nothing of a time.
        self.agent.dispatch_paused = False
        self.assertFalse(self.agent.dispatch_paused_until)
        self.agent.dispatch_paused_until = fields.Datetime.now() - timedelta(days=1)
        self.agent.dispatch_paused = True
        self.assertEqual(self._agent_of(self._come(self.channel)), self.other)
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertTrue(self.agent.dispatch_paused)

    def test_a_right_is_taken_from_the_last_proxy(self):
        self.channel.write(
            {"offline_rule": "proxy", "proxy_user_ids": [Command.set(self.agent.ids)]}
        )
        self.agent.group_ids = [Command.unlink(self.receive_group.id)]
        self.assertNotIn(self.agent, self.channel.user_ids)
        self.assertEqual(self.channel.offline_rule, "pool")
        with self.assertRaises(ValidationError):
            self.channel.offline_rule = "proxy"

    def test_hostile_transfers_get_a_clear_error(self):
        chat = self.chat.with_user(self.agent)
        for params in (
            {"reason": ["asked"]},
            {"reason": {"asked": 1}},
            {"reason": None},
            {"note": "a\0b"},
            {"user_id": True},
            {"user_id": [self.other.id]},
            {"user_id": 10**20},
            {"user_id": -1},
            {"user_id": False, "group_id": True},
            {"user_id": False, "group_id": 10**20},
        ):
            with self.subTest(**params), self.assertRaises(UserError), self.env.cr.savepoint():
                chat.transfer(**{"reason": "asked", "user_id": self.other.id, **params})
        self.assertEqual(self._agent_of(self.chat), self.agent)

    def test_who_may_not_receive_buyers_does_not_join_a_chat_that_looks_for_help(self):
        self.chat.livechat_status = "need_help"
        packer = new_test_user(self.env, login="packer", groups="base.group_user")
        with self.assertRaises(UserError):
            self.chat.with_user(packer).sudo(False).livechat_join_channel_needing_help()
        self.chat.with_user(self.other).livechat_join_channel_needing_help()
        self.assertIn(self.other, self._agent_of(self.chat))

    def test_what_the_widget_asks_first_is_answered_without_a_traceback(self):
        for params in (None, "x", "1", {"a": 1}, [1], True, -1, 0, 10**20, 1.5):
            with self.subTest(params=params):
                response = self.url_open(
                    "/mail/data", json={"params": {"fetch_params": [["init_livechat", params]]}}
                )
                self.assertNotIn("error", response.json())
        answer = self.url_open(
            "/mail/data",
            json={"params": {"fetch_params": [["init_livechat", self.channel.id]]}},
        ).json()
        self.assertTrue(answer["result"]["Store"]["livechat_available"])
