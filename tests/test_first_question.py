"""What the shop asks before the chat, and that nobody has to answer."""

from odoo.tests import tagged

from .test_lamps import SENSELESS, LampsCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestFirstQuestion(LampsCommon, PatientCase):
    def _ask(self):
        return self.channel.sudo()._get_channel_infos().get("dispatch_question")

    def _open(self, **params):
        self.opener.cookies.clear()  # another buyer
        session = self.make_jsonrpc_request(
            "/im_livechat/get_session",
            {"channel_id": self.channel.id, "persisted": True, **params},
        )
        self.env.invalidate_all()
        return self.env["discuss.channel"].browse(session["channel_id"])

    def test_pages_are_told_what_to_ask_and_only_of_groups_that_the_shop_shows(self):
        self._create_group("Blacklist", self.sales)
        self.assertIsNone(self._ask())
        self.channel.first_question = "topic"
        self.assertEqual(
            self._ask(),
            {
                "kind": "topic",
                "topics": [
                    {"id": self.before.id, "name": "Pre-sales"},
                    {"id": self.after.id, "name": "After-sales"},
                ],
            },
        )
        self.before.lamp = False
        # With one answer it is no question.
        self.assertIsNone(self._ask())
        self.channel.first_question = "order"
        self.assertEqual(self._ask(), {"kind": "order", "topics": []})
        self.channel.dispatch_mode = "native"
        self.assertIsNone(self._ask())

    def test_a_topic_leads_to_its_group_and_no_answer_nowhere(self):
        self.channel.first_question = "topic"
        chat = self._open(wished_group_id=self.after.id)
        self.assertEqual((chat.dispatch_group_id, chat.dispatch_by_wish), (self.after, True))
        chat = self._open()
        self.assertTrue(chat)
        self.assertFalse(chat.dispatch_group_id)

    def test_the_order_that_is_named_is_kept_and_nonsense_blocks_nobody(self):
        self.channel.write({"first_question": "order", "max_sessions_mode": "unlimited"})
        self.assertEqual(self._open(order_number=" S00042 ").dispatch_order_number, "S00042")
        for said in (
            "S\u0660\u0660\u0660\u0664\u0662",
            "\uff330\uff100\uff14\uff12",
            "\u202aS00042\u202c",
        ):
            with self.subTest(said=said):
                self.assertEqual(self._open(order_number=said).dispatch_order_number, "S00042")
        for number in (*(value for value in SENSELESS if value != "1"), "x" * 5000):
            with self.subTest(number=str(number)[:20]):
                chat = self._open(order_number=number)
                self.assertTrue(chat)
                self.assertFalse(chat.dispatch_order_number)
        # Whom nobody asks names none.
        self.channel.first_question = False
        self.assertFalse(self._open(order_number="S00042").dispatch_order_number)
