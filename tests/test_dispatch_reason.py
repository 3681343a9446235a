from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestDispatchReason(WalkCase, DispatchCommon):
    """An agent reads in the chat why it came."""

    def setUp(self):
        super().setUp()
        self.maria = self._create_agent("maria_why", weight=200)
        self.omar = self._create_agent("omar_why")
        self.channel = self._create_channel(self.maria | self.omar, sticky_hours=72)
        self.buyer = self._create_guest()
        self.chat = self._come(self.channel, self.buyer)
        self.assertEqual(self._agent_of(self.chat), self.maria)

    def _why(self, chat, user):
        return chat.with_user(user).get_dispatch_reason()

    def test_the_figures_of_the_decision(self):
        decision = self.chat.dispatch_decision_ids
        self.assertEqual(
            self._why(self.chat, self.maria),
            {
                "text": "Your turn: 0.7 chats behind your share",
                "decision_id": decision.id,
            },
        )

    def test_a_returning_buyer(self):
        for age, words in (
            (timedelta(hours=3), "3 hours"),
            (timedelta(days=1, hours=2), "1 day"),
        ):
            with self.subTest(words):
                self._say(self.chat, self.maria, "At your service")
                self._close(self.chat)
                self.chat.last_interest_dt = fields.Datetime.now() - age
                # Dispatch reads what requests before it have committed.
                self.env.flush_all()
                again = self._come(self.channel, self.buyer)
                self.assertEqual(
                    self._why(again, self.maria)["text"],
                    f"You answered this buyer last, {words} before",
                )
                self.assertEqual(again.dispatch_decision_ids.run_again(), self.maria.id)
                self._say(again, self.maria, "Welcome back")
                self._close(again)
                again.last_interest_dt = fields.Datetime.now() - timedelta(days=30)

    def test_a_chat_given_by_a_colleague(self):
        self.chat.with_user(self.maria).transfer(
            user_id=self.omar.id, reason="asked", note="speaks French"
        )
        self.assertIn("A colleague chose you: ", self._why(self.chat, self.omar)["text"])

    def test_who_had_a_chat_reads_how_it_came_to_whom_it_is_with_now(self):
        self.maria.group_ids |= self.env.ref("im_livechat.im_livechat_group_manager")
        self.assertEqual(
            self._why(self.chat, self.maria)["text"], "Your turn: 0.7 chats behind your share"
        )
        self.chat.with_user(self.maria).transfer(user_id=self.omar.id, reason="asked")
        self.assertEqual(
            self._why(self.chat, self.maria)["text"],
            f"Came to {self.omar.name}: Chosen by a colleague: The buyer asked for it",
        )

    def test_a_transfer_to_another_group_says_its_reason(self):
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": self.channel.id, "user_ids": self.omar.ids}
        )
        self.chat.with_user(self.maria).transfer("knowledge", group_id=group.id)
        self.assertEqual(self._agent_of(self.chat), self.omar)
        self.assertEqual(
            self._why(self.chat, self.omar)["text"],
            "Only you were free; transferred: A colleague knows more about it",
        )

    def test_while_a_chat_waits_nobody_is_said_to_have_it(self):
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        self._come(self.channel)
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": self.channel.id, "user_ids": self.omar.ids}
        )
        self.maria.group_ids |= self.env.ref("im_livechat.im_livechat_group_manager")
        self.chat.with_user(self.maria).transfer("knowledge", group_id=group.id)
        self.assertEqual(self.chat.dispatch_state, "queued")
        self.assertFalse(self._why(self.chat, self.maria))

    def test_others_learn_nothing(self):
        self.assertFalse(self._why(self.chat, self.omar))
        packer = new_test_user(self.env, "packer_why", "base.group_user")
        with self.assertRaises(AccessError):
            self._why(self.chat, packer)

    def test_a_manager_reads_whose_and_why(self):
        manager = new_test_user(
            self.env, "manager_why", "im_livechat.im_livechat_group_manager,base.group_user"
        )
        self.assertEqual(
            self._why(self.chat, manager)["text"],
            f"Came to {self.maria.name}: Next by share: 0.7 chats behind it",
        )

    def test_a_chat_of_odoo_itself_has_no_reason(self):
        self.channel.dispatch_mode = "native"
        chat = self._open_chat(self.channel, self.maria)
        self.assertFalse(self._why(chat, self.maria))

    @walk
    def test_the_agent_reads_it_above_the_messages(self):
        self._say(self.chat, self.buyer, "Is the blue one in stock?")
        # Pinned by the message of a second later, in a shop where time passes.
        self.chat.channel_member_ids.unpin_dt = False
        self.start_tour(
            f"/odoo/discuss?active_id=discuss.channel_{self.chat.id}",
            "im_livechat_subaccount.dispatch_reason",
            login=self.maria.login,
        )
