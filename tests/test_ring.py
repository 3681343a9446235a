"""A new chat rings at its agent's, and one that is handed over is told to all it concerns."""

import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import ShopCommon
from .test_reassign import ReassignCommon


class BusCommon(ReassignCommon):
    def _listen(self):
        """Forget what was said on the bus until now."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env["bus.bus"].search([]).unlink()

    def _hear(self, kind):
        """Return ``[(the partner told, what)]`` of what the bus was told since :meth:`_listen`."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        heard = []
        for row in self.env["bus.bus"].search([], order="id"):
            message, channel = json.loads(row.message), json.loads(row.channel)
            if message["type"] == kind:
                self.assertEqual(channel[1], "res.partner")
                partner = self.env["res.partner"].browse(channel[2])
                heard.append((partner, message["payload"]))
        return heard


@tagged("post_install", "-at_install")
class TestRing(BusCommon):
    def setUp(self):
        super().setUp()
        self.agent = self._create_agent("agent_ring", name="Maria")
        self.channel = self._create_channel(
            self.agent, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )

    def _rings(self):
        return self._hear("livechat_dispatch/ring")

    def test_who_has_waited_an_hour_rings_with_what_it_asked_and_nobody_is_invited(self):
        first, _buyer = self._ask(self.channel)
        guest = self._create_guest("Ella")
        chat = self._come(self.channel, guest)
        self.assertEqual(chat.dispatch_state, "queued")
        message = self._say(chat, guest, "Is the lamp in stock?")
        message.date -= timedelta(hours=1)
        chat.dispatch_queued_at -= timedelta(hours=1)
        self._listen()
        self._close(first)
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual(self._agent_of(chat), self.agent)
        ((_partner, ring),) = self._rings()
        self.assertEqual(
            ring,
            {"id": chat.id, "note": False, "title": "Ella", "words": "Is the lamp in stock?"},
        )
        for _partner, joined in self._hear("discuss.channel/joined"):
            self.assertNotIn("invited_by_user_id", joined)

    def test_an_invitation_by_a_colleague_is_still_told_as_one(self):
        colleague = self._create_agent("colleague_ring")
        self.channel.user_ids |= colleague
        chat, _buyer = self._ask(self.channel)
        seated = self._agent_of(chat)
        self._listen()
        chat.with_user(seated)._add_members(users=(self.agent | colleague) - seated)
        ((_partner, joined),) = self._hear("discuss.channel/joined")
        self.assertEqual(joined["invited_by_user_id"], seated.id)

    def test_the_buyer_reads_one_line_in_its_language(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self.env["ir.module.module"]._load_module_terms(["im_livechat_subaccount"], ["zh_CN"])
        first, _buyer = self._ask(self.channel)
        chat, _buyer = self._ask(self.channel)
        chat.livechat_lang_id = self.env["res.lang"]._lang_get("zh_CN")
        self._close(first)
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()
        notices = chat.message_ids.filtered(lambda line: line.message_type == "notification")
        self.assertEqual(len(notices), 1)
        self.assertIn("Maria", notices.body)
        self.assertEqual(notices.author_id, self.channel.reception_partner_id)

    def test_a_device_is_pushed_who_and_what_by_cores_queue(self):
        parameters = self.env["ir.config_parameter"].sudo()
        self.env["mail.push.device"].get_web_push_vapid_public_key()
        self.assertTrue(parameters.get_param("mail.web_push_vapid_private_key"))
        self.env["mail.push.device"].create(
            {
                "partner_id": self.agent.partner_id.id,
                "endpoint": "https://push.example.com/1",
                "keys": json.dumps({"p256dh": "x", "auth": "x"}),
            }
        )
        first, _buyer = self._ask_unpushed()
        guest = self._create_guest("Ella")
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "Is the lamp in stock?")
        self.assertFalse(self.env["mail.push"].search([]))
        self._close(first)
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual(self._agent_of(chat), self.agent)
        payload = json.loads(self.env["mail.push"].search([]).payload)
        self.assertEqual(payload["title"], "Ella")
        self.assertIn("Is the lamp in stock?", payload["options"]["body"])
        self.assertEqual(payload["options"]["data"]["res_id"], chat.id)

    def test_an_agent_who_is_not_to_be_disturbed_is_not_pushed(self):
        self.env["mail.push.device"].get_web_push_vapid_public_key()
        self.env["mail.push.device"].create(
            {
                "partner_id": self.agent.partner_id.id,
                "endpoint": "https://push.example.com/2",
                "keys": json.dumps({"p256dh": "x", "auth": "x"}),
            }
        )
        self.agent.manual_im_status = "busy"
        first, _buyer = self._ask_unpushed()
        guest = self._create_guest("Ella")
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "Is the lamp in stock?")
        self._close(first)
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual(self._agent_of(chat), self.agent)
        self.assertFalse(self.env["mail.push"].search([]))

    def _ask_unpushed(self):
        """A chat whose message core would push at once, to a service that is not there."""
        chat = self._come(self.channel, self._create_guest())
        return chat, None


@tagged("post_install", "-at_install")
class TestHandingOver(BusCommon, ShopCommon):
    def setUp(self):
        super().setUp()
        self.giver = self._create_agent("giver_over", name="Maria")
        self.taker = self._create_agent("taker_over", name="Omar")
        self.channel = self._create_channel(
            self.giver | self.taker, max_sessions_mode="limited", max_sessions=1
        )
        self.taker.dispatch_paused = True
        self.env.flush_all()
        self.chat, self.guest = self._ask(self.channel)
        self.taker.dispatch_paused = False
        self.env.flush_all()
        self.assertEqual(self._agent_of(self.chat), self.giver)

    def _transfer(self, user=None, **params):
        params = {"reason": "knowledge", "user_id": self.taker.id, **params}
        return self.chat.with_user(user or self.giver).transfer(**params)

    def _fill(self, agent):
        """Another buyer's chat takes the agent's last seat."""
        others = self._open_chat(self.channel, agent)
        self.env.flush_all()
        return others

    def _drain(self):
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()

    def _target(self):
        targets = self.chat.with_user(self.giver).get_transfer_targets()
        (agent,) = targets["agents"]
        return agent

    def test_the_buyer_is_told_who_takes_over_and_the_colleague_reads_note_and_last_words(self):
        self._say(self.chat, self.guest, "The blue one")
        self._listen()
        self._transfer(note="Knows the pumps.")
        ((partner, ring),) = self._hear("livechat_dispatch/ring")
        self.assertEqual(partner, self.taker.partner_id)
        self.assertEqual(ring["words"], "The blue one")
        self.assertEqual(ring["note"], "Maria: A colleague knows more about it: Knows the pumps.")
        line = self.chat.message_ids.sorted("id")[-1]
        self.assertIn("Omar takes over", line.body)
        self.assertNotIn("pumps", "".join(self.chat.message_ids.mapped("body")))
        # It is no answer: the clock of the new agent runs.
        self.assertTrue(self.chat.dispatch_asked_at)
        self.assertFalse(self.chat.dispatch_answered_at)

    def test_a_note_has_the_marks_of_the_language_of_who_reads_it(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        self.env["ir.module.module"]._load_module_terms(["im_livechat_subaccount"], ["zh_CN"])
        self.taker.lang = "zh_CN"
        self._listen()
        self._transfer(note="Knows the pumps.")
        ((_partner, ring),) = self._hear("livechat_dispatch/ring")
        self.assertTrue(ring["note"].startswith("Maria："), ring["note"])

    def test_who_can_take_it_and_how_soon_others_could(self):
        agent = self._target()
        self.assertEqual((agent["able"], agent["until"], agent["soon"]), (True, False, False))
        self._fill(self.taker)
        self.assertEqual((self._target()["able"], self._target()["soon"]), (False, False))
        # Twenty chats of three minutes each tell how long one takes.
        now = fields.Datetime.now()
        for _number in range(20):
            past = self._open_chat(self.channel, self.giver)
            past.dispatch_assigned_at = now - timedelta(minutes=3)
            past.livechat_end_dt = now
        self.env.flush_all()
        self.assertEqual(self._target()["soon"], [180, 180])
        until = fields.Datetime.to_string(now + timedelta(hours=1))
        self.taker.dispatch_pause(until=until)
        self.env.flush_all()
        self.assertEqual((self._target()["until"], self._target()["soon"]), (until, False))

    def test_a_chat_goes_to_who_is_full_as_soon_as_there_is_room(self):
        others = self._fill(self.taker)
        with self.assertRaises(UserError):
            self._transfer()
        answer = self._transfer(when_free=True, note="Knows the pumps.")
        self.assertEqual(answer, {"state": "promised", "agent": "Omar"})
        self._drain()
        self.assertEqual(self._agent_of(self.chat), self.giver, "there is no room yet")
        targets = self.chat.with_user(self.giver).get_transfer_targets()
        self.assertEqual(targets["promised"], "Omar")
        self._close(others)
        self._drain()
        self.assertEqual(self._agent_of(self.chat), self.taker)
        decision = self._last_decision(self.chat)
        self.assertEqual(
            (decision.kind, decision.previous_user_id, decision.user_id),
            ("transfer", self.giver, self.taker),
        )
        self.assertIn("Knows the pumps.", decision.reason)
        self.assertFalse(self.chat.dispatch_promised_id or self.chat.dispatch_promise)

    def test_whoever_has_room_gets_it_at_once(self):
        self.assertEqual(self._transfer(when_free=True)["state"], "assigned")
        self.assertEqual(self._agent_of(self.chat), self.taker)

    def test_a_promise_is_taken_back_or_ends_with_the_chat_or_with_another_agent(self):
        third = self._create_agent("third_over")
        self.channel.user_ids |= third
        others = self._fill(self.taker)
        self._transfer(when_free=True)
        self.chat.with_user(self.giver).action_keep_chat()
        self.assertFalse(self.chat.dispatch_promised_id)
        self._transfer(when_free=True)
        self._transfer(user_id=third.id)
        self.assertFalse(self.chat.dispatch_promised_id)
        self._transfer(user=third, when_free=True)
        self._close(self.chat)
        self._close(others)
        self._drain()
        self.assertFalse(self._agent_of(self.chat))

    def test_a_promise_ends_with_whom_it_is_for(self):
        def leave_channel():
            self.channel.user_ids -= self.taker

        def lose_right():
            self.taker.group_ids -= self.receive_group

        def be_archived():
            self.taker.active = False

        for end in (leave_channel, lose_right, be_archived):
            with self.subTest(end.__name__):
                self.taker.group_ids |= self.receive_group
                self.channel.user_ids |= self.taker
                others = self._fill(self.taker)
                self.assertEqual(self._transfer(when_free=True)["state"], "promised")
                end()
                self._close(others)
                self._drain()
                self.assertEqual(self._agent_of(self.chat), self.giver)
                self.assertFalse(self.chat.dispatch_promised_id)

    def test_who_never_can_is_promised_nothing(self):
        stranger = self._create_agent("stranger_over")
        for user_id in (stranger.id, self.giver.id):
            with self.subTest(user_id), self.assertRaises(UserError):
                self._transfer(user_id=user_id, when_free=True)
        self.taker.group_ids -= self.receive_group
        self.env.flush_all()
        with self.assertRaises(UserError):
            self._transfer(when_free=True)
        self.assertFalse(self.chat.dispatch_promised_id)

    def test_others_promise_and_keep_nothing(self):
        self._fill(self.taker)
        plain = new_test_user(self.env, "plain_over", "base.group_user")
        for user in (self.taker, self.rival, plain):
            with self.subTest(user.login), self.assertRaises(UserError):
                self._transfer(user=user, when_free=True)
            with self.subTest(user.login), self.assertRaises(UserError):
                self.chat.with_user(user).action_keep_chat()
        with self.assertRaises(AccessError):
            self.chat.with_user(self.giver).write({"dispatch_promised_id": self.taker.id})
