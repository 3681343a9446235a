from lxml import etree

from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestWaitingTours(WalkCase, DispatchCommon):
    """What agents do about their chats, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maria, cls.omar, cls.sofie, cls.pavel = (
            cls._create_agent(f"{name.split()[0].lower()}_wait", weight, name=name)
            for name, weight in [
                ("Maria Santos", 200),
                ("Omar Haddad", 200),
                ("Sofie Claes", 50),
                ("Pavel Novak", 100),
            ]
        )
        cls.pavel.dispatch_paused = True
        cls.channel = cls._create_channel(
            cls.maria | cls.omar | cls.sofie | cls.pavel,
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
        )

    def setUp(self):
        super().setUp()
        self.chat = self._ask(self.channel, self.maria)
        self._ask(self.channel, self.sofie)

    @classmethod
    def _ask(cls, channel, agent):
        chat = cls._open_chat(channel, agent, dispatch_state="assigned")
        guest = cls.env["mail.guest"].create({"name": "Visitor"})
        chat._add_members(guests=guest)
        chat.message_post(
            body="Is the blue one in stock?",
            author_id=False,
            author_guest_id=guest.id,
            message_type="comment",
        )
        # Pinned by the message of a second later, in a shop where time passes.
        chat.channel_member_ids.unpin_dt = False
        return chat

    def _start(self, tour, chat=None):
        chat = chat or self.chat
        self.start_tour(
            f"/odoo/discuss?active_id=discuss.channel_{chat.id}",
            f"im_livechat_subaccount.{tour}",
            login=self.maria.login,
        )

    @walk
    def test_agent_pauses_and_resumes_in_the_systray(self):
        self.start_tour("/odoo", "im_livechat_subaccount.systray_pause", login=self.maria.login)

        self.assertTrue(self.maria.dispatch_paused)
        self.assertFalse(self.maria.dispatch_paused_until)

    @walk
    def test_agent_reads_its_figures_in_the_systray(self):
        colleague = self._create_agent("colleague_figures", weight=self.maria.dispatch_weight)
        channel = self._create_channel(self.maria | colleague, sticky_hours=24)
        buyer = self._create_guest()
        # Half of each chat was hers by weight; the second came back to her.
        for _visit in range(2):
            chat = self._come(channel, buyer)
            self._say(chat, self.maria, "At your service")
            self.assertEqual(self._agent_of(chat), self.maria)
        self.start_tour(
            "/odoo", "im_livechat_subaccount.systray_statistics", login=self.maria.login
        )

    @walk
    def test_who_leaves_a_channel_is_asked_first(self):
        self.start_tour(
            "/odoo/action-im_livechat.im_livechat_channel_action",
            "im_livechat_subaccount.leave_channel",
            login=self.maria.login,
        )

        self.assertIn(self.maria, self.channel.user_ids)
        # So it is on the channel's page.
        form = self.channel.with_user(self.maria).get_view(view_type="form")["arch"]
        asked = etree.fromstring(form).xpath("//button[@name='action_quit'][@confirm]")
        self.assertEqual(
            [button.get("invisible").rpartition(" or ")[2] for button in asked],
            ["dispatch_mode == 'native'"],
        )

    def test_systray_of_those_who_take_no_buyers_shows_no_pause(self):
        new_test_user(self.env, "clerk_wait", "base.group_user")

        self.start_tour("/odoo", "im_livechat_subaccount.systray_none", login="clerk_wait")

    @walk
    def test_agent_transfers_a_chat_with_a_reason_and_loses_nothing_when_refused(self):
        self._start("transfer")

        self.assertEqual(self.chat.livechat_operator_id, self.omar.partner_id)
        self.assertEqual(self.chat.dispatch_seat_partner_ids, self.omar.partner_id)
        decision = self.chat.dispatch_decision_ids.filtered(lambda d: d.kind == "transfer")
        self.assertEqual(decision.user_id, self.omar)
        self.assertEqual(decision.previous_user_id, self.maria)
        self.assertEqual(decision.reason, "The sister asks for him")

    @walk
    def test_agent_transfers_a_chat_into_the_line_of_a_group(self):
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": self.channel.id, "user_ids": self.sofie.ids}
        )

        self._start("transfer_to_group")

        self.assertEqual(self.chat.dispatch_state, "queued")
        self.assertEqual(self.chat.dispatch_group_id, group)
        self.assertFalse(self.chat.dispatch_seat_partner_ids)

    def test_chat_of_a_native_channel_has_no_transfer(self):
        native = self._create_channel(self.maria, dispatch_mode="native")

        self._start("transfer_native", self._ask(native, self.maria))
