import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .test_reception import ReceptionCommon
from .walks import PatientCase

SECRET = "Offer him ten percent off"


class SteeringCommon(ReceptionCommon):
    """A chat of Maria's with a guest, and one of the rival's agent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_online(cls.foreign_agent | cls.owner)
        cls.guest = cls._create_guest("Ada")
        (cls.maria | cls.omar | cls.sofie).dispatch_paused = True
        cls.maria.dispatch_paused = False
        cls.chat = cls._come(cls.channel, cls.guest)
        (cls.maria | cls.omar | cls.sofie).dispatch_paused = False
        cls._say(cls.chat, cls.guest, "Where is my parcel?")
        cls.foreign_chat = cls._come(cls.foreign_channel)

    def _let_wait(self):
        """A chat that waits because everybody is full; Omar has room as soon as he resumes."""
        self.channel.max_sessions = 1
        self.maria.dispatch_weight = 100
        self.omar.dispatch_paused = True
        chat = self._come(self.channel)
        self.assertEqual(chat.dispatch_state, "queued")
        return chat

    def _by(self, user, chat=None):
        return (chat or self.chat).with_user(user)

    def _last(self, chat=None):
        return (chat or self.chat).dispatch_decision_ids.sorted("id")[-1]

    def _kinds(self, chat=None):
        return (chat or self.chat).dispatch_decision_ids.sorted("id").mapped("kind")


@tagged("post_install", "-at_install")
class TestSteering(SteeringCommon):
    """What who watches a reception sees of chats, and does with them."""

    def _see(self, user, agent=None):
        chats = self.env["discuss.channel"].with_user(user)
        return chats.get_agent_chats((agent or self.maria).id)

    def test_an_agents_open_chats_say_who_where_what_and_since_when(self):
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self.chat.dispatch_page = "/shop/cart"
        self._say(self.chat, self.guest, "Hello? Anybody?")

        (row,) = self._see(self.owner)

        self.assertEqual(
            (row["id"], row["name"], row["page"], row["words"]),
            (self.chat.id, "Ada", "/shop/cart", "Where is my parcel?"),
        )
        self.assertEqual(row["asked_at"], fields.Datetime.to_string(self.chat.dispatch_asked_at))
        self._say(self.chat, self.maria, "On its way")
        self.assertFalse(self._see(self.owner)[0]["asked_at"])
        self._close(self.chat)
        self.assertEqual(self._see(self.owner), [])

    def test_who_may_not_read_a_chat_sees_that_it_is_there_and_not_whose(self):
        (row,) = self._see(self.planner)

        self.assertEqual((row["name"], row["words"]), (False, False))

    def test_who_waits_is_named_without_whom_the_chat_was_with(self):
        chat = self._let_wait()
        self.assertIn(self.channel.name, chat.name)
        channels = self.env["im_livechat.channel"].with_user(self.owner)
        (row,) = channels.get_reception_lines()["waiting"]
        self.assertEqual(row["name"], f"Visitor {chat.livechat_customer_history_ids.guest_id.id}")

    def test_who_may_not_read_a_chat_learns_from_no_record_whose_it_is(self):
        self._by(self.owner).action_listen()
        decisions = self.env["livechat.dispatch.decision"]
        found = [("discuss_channel_id", "=", self.chat.id)]
        for user, learns in ((self.owner, True), (self.maria, True), (self.planner, False)):
            rows = decisions.with_user(user).search_read(found, ["discuss_channel_id"])
            with self.subTest(user=user.name):
                self.assertTrue(rows)
                for row in rows:
                    self.assertEqual("Ada" in row["discuss_channel_id"][1], learns)

    def test_what_is_done_by_hand_is_said_to_be_by_whom(self):
        """And nobody is said to be chosen."""
        self._by(self.owner).action_listen()
        self._by(self.owner).action_whisper(SECRET)
        waiting = self._let_wait()
        self._by(self.owner, waiting).action_put_first()
        self._by(self.owner, waiting).action_end_wait()
        self._by(self.owner).action_end_chat()
        for chat, kinds in (
            (self.chat, ["assign", "watch", "whisper", "end"]),
            (waiting, ["queue", "first", "leave"]),
        ):
            self.assertEqual(self._kinds(chat), kinds)
            for decision in chat.dispatch_decision_ids.sorted("id")[1:].with_user(self.owner):
                with self.subTest(kind=decision.kind):
                    self.assertEqual(decision.sentence, f"By {self.owner.name}")

    def test_who_takes_a_chat_itself_was_chosen_by_no_colleague(self):
        waiting = self._let_wait()
        self._by(self.owner, waiting).action_take()
        taken = self._last(waiting)
        self.assertEqual(taken.with_user(self.owner).sentence, "You took it")
        self.assertEqual(taken.with_user(self.auditor).sentence, "Took it by hand")
        why = "Taken over on Reception"
        self._by(self.owner).action_take_over()
        self.assertEqual(self._last().with_user(self.owner).sentence, f"You took it: {why}")
        self.assertEqual(self._last().with_user(self.auditor).sentence, f"Took it by hand: {why}")
        self._by(self.owner, waiting).action_give_to(self.maria.id)
        given = self._last(waiting)
        self.assertIn("A colleague chose you: ", given.with_user(self.maria).sentence)
        self.assertEqual(
            given.with_user(self.owner).sentence, "Chosen by a colleague: Given on Reception"
        )
        # Where an agent of both groups keeps the chat nobody is chosen at all.
        self.returns.user_ids |= self.maria
        self.sofie.dispatch_paused = True
        self._by(self.owner, waiting).transfer("wrong_group", group_id=self.returns.id)
        self.assertEqual(self._agent_of(waiting), self.maria)
        self.assertEqual(self._last(waiting).sentence, "Another group's matter")

    def test_nobody_is_offered_to_whisper_to_itself_or_to_take_what_it_cannot(self):
        def see(user, agent):
            (row,) = self._see(user, agent)
            return row["may_whisper"], row["may_take"]

        self.assertEqual(see(self.owner, self.maria), (True, True))
        # Of every shop, and no agent here.
        self.assertEqual(see(self.boss, self.maria), (True, False))
        self._by(self.owner).action_take_over()
        self.assertEqual(see(self.owner, self.owner), (False, False))

    def test_of_another_shop_nothing_is_seen(self):
        self.assertEqual(self._see(self.owner, self.foreign_agent), [])
        self.assertEqual(self._see(self.rival), [])
        with self.assertRaises(AccessError):
            self._see(self.omar)

    def test_what_a_waiting_buyer_wrote_is_read_by_who_may(self):
        chat = self._let_wait()
        for words in ("One", "Two"):
            self._say(chat, self._create_guest(), words)
            self._say(chat, chat.livechat_customer_history_ids.guest_id, words)

        self.assertEqual(
            self._by(self.owner, chat).get_waiting_words()["words"], ["Hello", "One", "Two"]
        )
        self.assertFalse(self._by(self.planner, chat).get_waiting_words()["words"])
        for user in (self.rival, self.omar):
            with self.assertRaises(AccessError):
                self._by(user, chat).get_waiting_words()

    def test_what_a_waiting_buyer_took_back_is_no_attachment(self):
        chat = self._let_wait()
        guest = chat.livechat_customer_history_ids.guest_id
        chat._message_update_content(self._say(chat, guest, "Wrong shop"), body="")
        self._say(chat, guest, "", attachments=[("torn-box.png", b"x")])

        words = self._by(self.owner, chat).get_waiting_words()["words"]
        self.assertEqual(words, ["Hello", "An attachment"])

    def test_a_chat_is_given_to_an_agent_whether_it_waits_or_goes_on(self):
        waiting = self._let_wait()
        self.omar.dispatch_paused = False

        for chat in (waiting, self.chat):
            self._by(self.owner, chat).action_give_to(self.omar.id)
            self.assertEqual(self._agent_of(chat), self.omar)
            self.assertEqual(self._kinds(chat)[-1], "transfer")
            self.assertIn("Given on Reception", self._last(chat).reason)

    def test_who_was_given_by_mistake_waits_again_where_it_did(self):
        first, second = self._let_wait(), self._let_wait()
        first.dispatch_queued_at -= timedelta(minutes=1)
        line = second.livechat_channel_id._get_places(second.dispatch_group_id)
        self.omar.dispatch_paused = False
        self._by(self.owner, second).action_give_to(self.maria.id)

        self._by(self.owner, second).action_take_back()

        self.assertEqual(second.dispatch_state, "queued")
        self.assertFalse(second.dispatch_seat_partner_ids)
        self.assertEqual(second.livechat_channel_id._get_places(second.dispatch_group_id), line)
        self.assertEqual(self._kinds(second)[-2:], ["transfer", "queue"])
        self.assertIn(self.owner.name, self._last(second).reason)
        # By mistake, and not by its agent.
        self.assertFalse(self._last(second).previous_user_id)
        with self.assertRaises(UserError):
            self._by(self.owner, second).action_take_back()

    def test_what_is_taken_back_is_told_that_it_waits_and_has_waited_once(self):
        waiting = [self._let_wait() for _chat in range(5)]
        chat = waiting[4]
        place = chat.livechat_channel_id._get_places(chat.dispatch_group_id)[chat.id]
        self._by(self.owner, chat).action_give_to(self.maria.id)
        self.assertEqual(chat.dispatch_wait_count, 1)
        self._forget_bus()

        self._by(self.owner, chat).action_take_back()

        told = [
            row["dispatch_wait"]["place"]
            for _channel, _kind, payload in self._read_bus()
            for row in payload.get("discuss.channel", ())
            if row["id"] == chat.id and row.get("dispatch_wait")
        ]
        self.assertEqual(told, [place])
        self.assertEqual((chat.dispatch_wait_count, chat.dispatch_waited_seconds), (0, 0))
        self.assertFalse(any(row.has_waited for row in chat.dispatch_decision_ids))

    def test_who_has_an_agent_of_its_own_has_it_again_when_taken_back(self):
        self._let_wait()
        buyer = new_test_user(self.env, "regular", "base.group_portal")
        buyer.partner_id.livechat_agent_id = self.omar
        self._set_online(self.omar, "offline")
        chat = self._come(self.channel, buyer)
        self.assertEqual((chat.dispatch_state, chat.dispatch_regular_id), ("queued", self.omar))
        self._by(self.owner, chat).action_give_to(self.maria.id)

        self._by(self.owner, chat).action_take_back()

        self.assertEqual((chat.dispatch_state, chat.dispatch_regular_id), ("queued", self.omar))

    def test_who_was_put_first_is_so_again_when_taken_back(self):
        first, second = self._let_wait(), self._let_wait()
        self._by(self.owner, second).action_put_first()
        places = second.livechat_channel_id._get_places(second.dispatch_group_id)
        self.assertEqual(list(places), [second.id, first.id])
        for chat in (second, first):
            self._by(self.owner, chat).action_give_to(self.maria.id)
            self._by(self.owner, chat).action_take_back()

        again = second.livechat_channel_id._get_places(second.dispatch_group_id)
        self.assertEqual(again, places)

    def test_a_message_that_is_taken_back_is_not_mailed_again(self):
        self.channel.write({"queue_enabled": False, "offline_rule": "pool"})
        (self.maria | self.omar | self.sofie).dispatch_paused = True
        chat = self._come(self.channel)
        self.assertEqual(chat.dispatch_state, "pool")
        # As after the mail about it.
        chat.dispatch_is_told = True
        self.channel.pool_told_at = fields.Datetime.now()
        self.maria.dispatch_paused = False
        self._by(self.owner, chat).action_give_to(self.maria.id)
        self.maria.dispatch_paused = True
        self.assertFalse(chat.dispatch_is_told)

        self._by(self.owner, chat).action_take_back()

        self.assertEqual(chat.dispatch_state, "pool")
        self.assertTrue(chat.dispatch_is_told)

    def test_what_was_answered_or_never_waited_is_not_taken_back(self):
        waiting = self._let_wait()
        self._by(self.owner, waiting).action_give_to(self.maria.id)
        self._say(waiting, self.maria, "Good morning")
        self.omar.dispatch_paused = False
        self._by(self.owner).action_give_to(self.omar.id)

        for chat, agent in ((waiting, self.maria), (self.chat, self.omar)):
            with self.assertRaises(UserError):
                self._by(self.owner, chat).action_take_back()
            self.assertEqual(self._agent_of(chat), agent)

    def test_the_owner_takes_a_chat_over(self):
        self._by(self.owner).action_take_over()

        self.assertEqual(self._agent_of(self.chat), self.owner)
        self.assertEqual(self._kinds()[-1], "transfer")

    def test_a_chat_is_ended_for_its_buyer_as_well(self):
        self._by(self.owner).action_end_chat()

        self.assertTrue(self.chat.livechat_end_dt)
        self.assertEqual(self._kinds()[-1], "end")
        self.assertIn(self.owner.name, self._last().reason)
        self.assertFalse(self.chat.dispatch_seat_partner_ids)
        line = self.chat.message_ids[:1]
        self.assertIn("The shop has ended the chat", line.body)
        self.assertEqual(line.author_id, self.channel.reception_partner_id)
        with self.assertRaises(UserError):
            self._by(self.owner).action_end_chat()

    def test_who_listens_in_is_noted_and_changes_nothing(self):
        for user in (self.owner, self.boss):
            self._by(user).action_listen()
            self.assertEqual(self._kinds()[-1], "watch")
            self.assertIn(user.name, self._last().reason)
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self.assertNotIn(self.owner.partner_id, self.chat.channel_member_ids.partner_id)

    def test_only_who_manages_the_dispatch_of_the_shop_steers(self):
        calls = (
            ("action_give_to", [self.omar.id]),
            ("action_take_back", []),
            ("action_take_over", []),
            ("action_end_chat", []),
            ("action_whisper", [SECRET]),
        )
        for user in (self.maria, self.auditor, self.planner, self.rival):
            for method, args in calls:
                with self.subTest(user=user.name, method=method), self.assertRaises(AccessError):
                    getattr(self._by(user), method)(*args)
        for user in (self.maria, self.planner, self.auditor, self.rival):
            with self.assertRaises(AccessError):
                self._by(user).action_listen()
        self.assertEqual(self._agent_of(self.chat), self.maria)
        self.assertFalse(self.chat.livechat_end_dt)

    def test_steering_is_in_nobodys_figures(self):
        self._by(self.owner).action_listen()
        self._by(self.owner).action_whisper(SECRET)
        self.env["livechat.dispatch.total"]._count()
        totals = self.env["livechat.dispatch.total"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        )

        self.assertEqual(sum(totals.mapped("received")), 1)


@tagged("post_install", "-at_install")
class TestWhisper(PatientCase, SteeringCommon):
    """What is whispered to an agent never reaches the buyer, whichever way it asks."""

    def _hear(self, user):
        return [row["text"] for row in self._by(user).get_whispers()]

    def test_the_agent_and_who_manages_dispatch_hear_it_and_nobody_else(self):
        self._by(self.owner).action_whisper(f"  {SECRET} ")

        self.assertEqual(self._hear(self.maria), [SECRET])
        self.assertEqual(self._hear(self.owner), [SECRET])
        to_whom = [self._by(user).get_whispers()[0]["is_mine"] for user in (self.maria, self.owner)]
        self.assertEqual(to_whom, [True, False])
        for user in (self.omar, self.auditor, self.rival):
            with self.assertRaises(AccessError):
                self._hear(user)
        self.assertEqual(self._kinds()[-1], "whisper")
        self.assertNotIn(SECRET, f"{self.chat.dispatch_decision_ids.mapped('reason')}")
        # Once the chat has ended it is of no use.
        self._close(self.chat)
        self.assertEqual(self._hear(self.maria), [])

    def test_nothing_to_say_and_nobody_to_hear_are_refused(self):
        for text in ("", "   ", "x" * 501, False, 3, ["x"]):
            with self.subTest(text=text), self.assertRaises(UserError):
                self._by(self.owner).action_whisper(text)
        waiting = self._let_wait()
        with self.assertRaises(UserError):
            self._by(self.owner, waiting).action_whisper(SECRET)

    def test_a_buyer_with_an_account_hears_nothing_either(self):
        buyer = self._create_portal_buyer()
        self.maria.dispatch_paused = False
        chat = self._come(self.channel, buyer)
        self._by(self.owner, chat).action_whisper(SECRET)

        self.assertEqual(self._by(buyer, chat).get_whispers(), [])
        with self.assertRaises(AccessError):
            self.env["livechat.whisper"].with_user(buyer).search([])
        with self.assertRaises(AccessError):
            self.env["livechat.whisper"].with_user(self.owner).search([])

    def _create_portal_buyer(self):
        return self.env["res.users"].create(
            {
                "name": "Bob",
                "login": "bob_whisper",
                "group_ids": self.env.ref("base.group_portal").ids,
            }
        )

    def test_it_is_no_message_and_goes_by_the_agents_own_bus_channel(self):
        self.env["bus.bus"].search([]).unlink()
        self._by(self.owner).action_whisper(SECRET)
        self.env.flush_all()
        self.env.cr.precommit.run()

        self.assertFalse(self.env["mail.message"].search([("body", "ilike", SECRET)]))
        told = self.env["bus.bus"].search([])
        whispered = told.filtered(lambda row: "livechat_dispatch/whisper" in row.message)
        self.assertTrue(whispered)
        self.assertEqual({json.loads(row.channel)[1] for row in whispered}, {"res.partner"})
        self.assertEqual(
            {json.loads(row.channel)[2] for row in whispered}, {self.maria.partner_id.id}
        )
        self.assertFalse(told.filtered(lambda row: SECRET in row.message))

    def test_the_buyer_finds_it_on_no_way(self):
        self._by(self.owner).action_whisper(SECRET)
        self._say(self.chat, self.maria, "On its way")
        token = self.guest._format_auth_cookie()
        cookies = {self.guest._cookie_name: token}
        answers = {}
        for name, route, params in (
            ("history", "/discuss/channel/messages", {"channel_id": self.chat.id}),
            (
                "pinned",
                "/discuss/channel/pinned_messages",
                {"channel_id": self.chat.id},
            ),
            (
                "data",
                "/mail/data",
                {"fetch_params": ["init_messaging", ["discuss.channel", [self.chat.id]]]},
            ),
            (
                "cors history",
                "/im_livechat/cors/channel/messages",
                {"channel_id": self.chat.id, "guest_token": token},
            ),
            (
                "cors data",
                "/im_livechat/cors/data",
                {
                    "guest_token": token,
                    "fetch_params": ["init_messaging", ["discuss.channel", [self.chat.id]]],
                },
            ),
        ):
            answers[name] = json.dumps(self.make_jsonrpc_request(route, params, cookies=cookies))
        for name in ("history", "cors history"):
            self.assertIn("On its way", answers[name], name)
        for name, answer in answers.items():
            self.assertNotIn(SECRET, answer, name)

    def test_it_is_in_no_transcript(self):
        self._by(self.owner).action_whisper(SECRET)
        self._say(self.chat, self.maria, "On its way")

        self.chat.with_user(self.maria)._email_livechat_transcript("ada@example.com")
        mail = self.env["mail.mail"].search([("email_to", "like", "ada@example.com")], limit=1)
        self.assertIn("On its way", mail.body_html)
        self.assertNotIn(SECRET, mail.body_html)
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "im_livechat.action_report_livechat_conversation",
            self.chat.ids,
            data={"company": self.env.company, "tz": None},
        )
        self.assertIn("On its way", html.decode())
        self.assertNotIn(SECRET, html.decode())
        rows = self.chat.with_user(self.owner).export_data(
            ["name", "message_ids/body", "channel_member_ids/id"]
        )["datas"]
        self.assertNotIn(SECRET, f"{rows}")
