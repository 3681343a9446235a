from odoo import http
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestRatings(DispatchCommon, PatientCase):
    """The stars of a buyer belong to the agent who served, whoever came into the chat first."""

    def setUp(self):
        super().setUp()
        self.first, self.second = self._create_agent("first"), self._create_agent("second")
        self.channel = self._create_channel(self.first | self.second, queue_enabled=True)
        self.buyer = new_test_user(self.env, "buyer_who_rates", "base.group_portal")

    def _come_as_buyer(self):
        """A signed-in buyer who is in the chat before its agent: it waited in line."""
        self.authenticate("buyer_who_rates", "buyer_who_rates")
        session = self.make_jsonrpc_request(
            "/im_livechat/get_session", {"channel_id": self.channel.id, "persisted": True}
        )
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self._say(chat, self.buyer, "Is it in stock?")
        return chat

    def _rate(self, chat):
        self.make_jsonrpc_request("/im_livechat/feedback", {"channel_id": chat.id, "rate": 5})
        (rating,) = chat.rating_ids
        return rating

    def test_who_waited_in_line_rates_the_agent_who_came(self):
        self.channel.max_sessions_mode, self.channel.max_sessions = "limited", 1
        others = [self._come(self.channel) for _number in range(2)]
        chat = self._come_as_buyer()
        self.assertEqual(chat.dispatch_state, "queued")
        self._close(others[1])
        self.channel._drain()
        agent = self._agent_of(chat)
        self._say(chat, agent, "Yes.")
        rating = self._rate(chat)
        self.assertEqual(rating.rated_partner_id, agent.partner_id)
        self.assertEqual(rating.partner_id, self.buyer.partner_id)
        history = chat.livechat_agent_history_ids.filtered("rating_id")
        self.assertEqual(history.partner_id, agent.partner_id)

    def test_after_a_transfer_the_last_who_answered_is_rated(self):
        chat = self._come_as_buyer()
        giver = self._agent_of(chat)
        taker = (self.first | self.second) - giver
        self._say(chat, giver, "One moment.")
        chat.with_user(giver).transfer("knowledge", user_id=taker.id)
        self.assertEqual(self._agent_of(chat), taker)
        # Who has taken it and said nothing did not serve.
        self.assertEqual(chat._get_serving_partner(), giver.partner_id)
        self._say(chat, taker, "Here I am.")
        self.assertEqual(self._rate(chat).rated_partner_id, taker.partner_id)

    def test_who_served_since_the_chat_opened_again_is_rated_then(self):
        chat = self._come_as_buyer()
        before = self._agent_of(chat)
        self._say(chat, before, "Yes.")
        chat._close_silently()
        self.assertEqual(self._rate(chat).rated_partner_id, before.partner_id)
        self._set_online(before, "offline")
        self._say(chat, self.buyer, "It has broken!")
        after = self._agent_of(chat)
        self.assertEqual(after, (self.first | self.second) - before)
        self._say(chat, after, "I send another one.")
        self.env.flush_all()
        rating = self._rate(chat)
        self.env.invalidate_all()
        self.assertEqual(rating.rated_partner_id, after.partner_id)
        rated = chat.livechat_agent_history_ids.filtered("rating_id")
        self.assertEqual(rated.partner_id, after.partner_id)

    def test_stars_come_by_the_window_that_asks_for_them_alone(self):
        """Core makes a rating of any message that says so, and of who has a rating's link."""
        chat = self._come_as_buyer()
        agent = self._agent_of(chat)
        words = {"body": "x", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        chat.with_user(agent).message_post(**words, rating_value=5)
        asked = {"thread_model": "discuss.channel", "thread_id": chat.id}
        asked["post_data"] = {**words, "rating_value": 1}
        self.assertTrue(self.make_jsonrpc_request("/mail/message/post", asked)["message_id"])
        self.assertFalse(chat.rating_ids)
        rating = self._rate(chat)
        # Whoever is rated can read it.
        token = rating.with_user(agent).read(["access_token"])[0]["access_token"]
        self.assertTrue(token)
        self.authenticate(None, None)
        values = {"rate": 1, "csrf_token": http.Request.csrf_token(self)}
        for path, data in ((f"{token}/1", None), (f"{token}/submit_feedback", values)):
            self.assertEqual(self.url_open(f"/rate/{path}", data=data).status_code, 404)
        self.env.invalidate_all()
        self.assertEqual(chat.rating_ids.mapped("rating"), [5])

    def test_no_agent_says_that_its_buyer_was_happy(self):
        chat = self._come_as_buyer()
        agent = self._agent_of(chat)
        self._say(chat, agent, "No.")
        for rate, kept in ((None, []), (1, [1])):
            self.authenticate("buyer_who_rates", "buyer_who_rates")
            if rate:
                call = {"channel_id": chat.id, "rate": rate, "reason": "Not helpful"}
                self.make_jsonrpc_request("/im_livechat/feedback", call)
            self.authenticate(agent.login, agent.login)
            call = {"channel_id": chat.id, "rate": 5, "reason": "Splendid"}
            with self.subTest(rate=rate):
                self.assertFalse(self.make_jsonrpc_request("/im_livechat/feedback", call))
                self.env.invalidate_all()
                self.assertEqual(chat.rating_ids.mapped("rating"), kept)

    def test_odoos_own_channel_rates_as_odoo_does(self):
        self.channel.dispatch_mode = "native"
        chat = self._come_as_buyer()
        self.assertEqual(self._rate(chat).rated_partner_id, chat.channel_partner_ids[0])

    def test_whom_an_agent_of_the_website_asks_is_the_buyer_and_rates_nobody_else(self):
        if "website.visitor" not in self.env:
            self.skipTest("website_livechat is not installed")
        website = self.env["website"].search([], limit=1)
        website.channel_id = self.channel
        partner = self.buyer.partner_id
        for token in (f"{7:032x}", str(partner.id)):
            with self.subTest(token):
                visitor = self.env["website.visitor"].create(
                    {"access_token": token, "website_id": website.id}
                )
                visitor.with_user(self.first).sudo().action_send_chat_request()
                self.env.flush_all()
                chat = visitor.discuss_channel_ids
                buyer = chat.livechat_customer_history_ids
                self.assertEqual(buyer.partner_id, visitor.partner_id)
                self.assertEqual(bool(buyer.guest_id), not visitor.partner_id)
                self.assertEqual(chat.dispatch_seat_partner_ids, self.first.partner_id)
                self._say(chat, self.first, "May I help you?")
                chat.is_pending_chat_request = False
                self._say(chat, buyer.guest_id or self.buyer, "Yes, please.")
                self.assertTrue(chat.dispatch_asked_at)
                self.assertEqual(chat.dispatch_state, "assigned", "its agent owes a word")
                self.assertEqual(chat._get_serving_partner(), self.first.partner_id)
                found = self.channel._find_open_chats(buyer.partner_id, buyer.guest_id)
                self.assertEqual(found, chat)

    def test_a_visitor_whose_cookie_has_changed_is_the_buyer_whom_an_agent_asked(self):
        if "website.visitor" not in self.env:
            self.skipTest("website_livechat is not installed")
        guest = self.env["mail.guest"].create({"name": "Ella"})
        asked = self.env["discuss.channel"].create(
            {
                "name": "Asked",
                "channel_type": "livechat",
                "livechat_channel_id": self.channel.id,
                "livechat_operator_id": self.first.partner_id.id,
                "is_pending_chat_request": True,
                "channel_partner_ids": [Command.link(self.first.partner_id.id)],
            }
        )
        # As core does when such a visitor opens a page.
        asked.write({"channel_member_ids": [Command.create({"guest_id": guest.id})]})
        self.assertEqual(asked.livechat_customer_history_ids.guest_id, guest)
        self.assertEqual(asked.dispatch_seat_partner_ids, self.first.partner_id)
