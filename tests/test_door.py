import json

from odoo import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestOneChat(PatientCase, DispatchCommon):
    """A buyer has one open chat a channel, whatever the browser sends."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls._create_agent("desk1") | cls._create_agent("desk2")
        cls.channel = cls._create_channel(cls.agents, queue_enabled=True)

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self._forget_cookie()

    def _forget_cookie(self):
        self.opener.cookies.pop("dgid", None)

    def _ask(self, channel=None, route="/im_livechat/get_session", **params):
        """What the route answers."""
        params = {"channel_id": (channel or self.channel).id, "persisted": True, **params}
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        ).json()
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        return answer["result"]

    def _open(self, *args, **params):
        return self.env["discuss.channel"].browse(self._ask(*args, **params)["channel_id"])

    def _count_decisions(self, channel=None):
        return self.env["livechat.dispatch.decision"].search_count(
            [("livechat_channel_id", "=", (channel or self.channel).id)]
        )

    def test_the_second_tab_of_a_cookie_goes_on_in_the_chat_of_the_first(self):
        first = self._ask()
        chat = self.env["discuss.channel"].browse(first["channel_id"])
        second = self._ask()
        self.assertEqual(second["channel_id"], chat.id)
        self.assertEqual(self._count_decisions(), 1)
        self.assertEqual(len(chat.channel_member_ids), 2)
        for models in (first, second):
            models["store_data"]["discuss.channel"][0].pop("isLoaded")
        names = [set(answer["store_data"]["discuss.channel"][0]) for answer in (first, second)]
        self.assertEqual(*names)
        self.assertEqual(
            *(answer["store_data"]["Store"]["guest_token"] for answer in (first, second))
        )

    def test_a_preview_is_one_as_before(self):
        self._open()
        self.assertEqual(self._ask(persisted=False)["channel_id"], -1)

    def test_the_token_of_a_page_elsewhere_does_as_well(self):
        route = "/im_livechat/cors/get_session"
        first = self._ask(route=route)
        self._forget_cookie()
        token = first["store_data"]["Store"]["guest_token"]
        again = self._ask(route=route, guest_token=token)
        self.assertEqual(again["channel_id"], first["channel_id"])
        self.assertNotEqual(self._ask(route=route)["channel_id"], first["channel_id"])

    def test_after_the_end_there_is_a_new_one(self):
        chat = self._open()
        self._close(chat)
        self.env.flush_all()
        again = self._open()
        self.assertTrue(again)
        self.assertNotEqual(again, chat)

    def test_another_channel_has_its_own(self):
        self.assertNotEqual(self._open(), self._open(self._create_channel(self.agents)))

    def test_odoos_own_channels_are_as_without_us(self):
        native = self._create_channel(self.agents, dispatch_mode="native")
        self.assertNotEqual(self._open(native), self._open(native))

    def test_who_waits_waits_once_in_line_and_in_the_pool(self):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": 1})
        for agent in self.agents:
            self._come(self.channel)
        for state in ("queued", "pool"):
            with self.subTest(state=state):
                if state == "pool":
                    self.channel.write({"queue_enabled": False, "offline_rule": "pool"})
                    self._forget_cookie()
                chat = self._open()
                self._say(chat, chat.channel_member_ids.guest_id)
                self.assertEqual(chat.dispatch_state, state)
                decisions = self._count_decisions()
                self.env.flush_all()
                self.assertEqual(self._open(), chat)
                self.assertEqual(self._count_decisions(), decisions)

    def test_with_a_bot_as_well(self):
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot",
                "script_step_ids": [
                    Command.create({"step_type": "free_input_single", "message": "What is it?"})
                ],
            }
        )
        chat = self._open(chatbot_script_id=bot.id)
        self.assertEqual(chat.livechat_operator_id, bot.operator_partner_id)
        self.assertEqual(self._open(chatbot_script_id=bot.id), chat)

    def test_a_guest_who_signs_in_goes_on_and_an_account_has_one(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        chat = self._open()
        cookie = self.opener.cookies["dgid"]
        self.authenticate("buyer", "sesame-open")
        self.opener.cookies["dgid"] = cookie
        self.assertEqual(self._open(), chat)
        members = {
            member.partner_id: member.livechat_member_type for member in chat.channel_member_ids
        }
        self.assertEqual(members[buyer.partner_id], "visitor")
        self.assertTrue(chat.with_user(buyer).has_access("read"))
        # Another browser of the same account.
        self._forget_cookie()
        self.assertEqual(self._open(), chat)
        self.assertEqual(self._count_decisions(), 1)

    def test_what_an_account_has_said_is_not_shown_to_who_signs_in_next_or_not_at_all(self):
        for login in ("one", "other"):
            new_test_user(self.env, login, "base.group_portal", password="sesame-open")
        first = self._open()
        cookie = self.opener.cookies["dgid"]
        self._close(first)
        chats = []
        for login in ("one", "other", None):
            self.authenticate(login, login and "sesame-open")
            self.opener.cookies["dgid"] = cookie
            chats.append(self._open())
        self.assertEqual(len(set(chats)), 3)

    def test_a_browser_without_a_cookie_is_known_by_its_session(self):
        chat = self._open()
        # The other tab asked before it heard of the cookie.
        self._forget_cookie()
        self.assertEqual(self._open(), chat)
        self.assertTrue(self.opener.cookies["dgid"])

    def test_what_an_agent_of_the_website_asked_a_visitor_is_no_chat_of_the_buyer(self):
        if "website.visitor" not in self.env:
            self.skipTest("website_livechat is not installed")
        chat = self._open()
        guest = chat.channel_member_ids.guest_id
        self._close(chat)
        asked = self.env["discuss.channel"].create(
            {
                "name": "Asked",
                "channel_type": "livechat",
                "livechat_channel_id": self.channel.id,
                "livechat_operator_id": self.agents[0].partner_id.id,
                "is_pending_chat_request": True,
            }
        )
        member = {"livechat_member_type": "visitor"}
        asked._add_members(guests=guest, create_member_params=member)
        self.env.flush_all()
        self.assertNotEqual(self._open(), asked)
        self._close(self._open())
        asked.is_pending_chat_request = False
        self.env.flush_all()
        self.assertEqual(self._open(), asked)
