import time

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, JsonRpcException, tagged
from odoo.tools import mute_logger

from .test_buyer_card import BuyerCardCommon
from .test_reception import ReceptionCommon


class AnswersCommon(ReceptionCommon):
    """A shop with answers of its own, of a group and of an agent, and a rival with one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Answers = cls.env["mail.canned.response"]
        # Odoo comes with one for everybody.
        cls.Answers.search([]).unlink()
        cls.subgroup = cls.env["livechat.dispatch.group"].create(
            {
                "name": "Broken",
                "channel_id": cls.channel.id,
                "parent_id": cls.returns.id,
                "user_ids": cls.sofie.ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/returns/broken"})],
            }
        )
        cls.of_shop = cls._write(cls.planner, "hello", "Hello {buyer}", is_of_shop=True)
        cls.of_group = cls._write(
            cls.owner, "return", "Send it", is_of_shop=True, dispatch_group_id=cls.returns.id
        )
        cls.own = cls._write(cls.maria, "mine", "I am {agent} of {shop}")
        cls.rivals = cls._write(cls.rival, "secret", "Ours is cheaper", is_of_shop=True)

    @classmethod
    def _write(cls, user, source, words, **vals):
        vals = {"source": source, "substitution": words, **vals}
        return cls.Answers.with_user(user).create(vals).with_env(cls.env)

    def _chat(self, agent, group=None, page=None):
        return self._open_chat(
            self.channel, agent, dispatch_group_id=group and group.id, dispatch_page=page
        )

    def _at_hand(self, chat, user):
        return {row["source"]: row for row in chat.with_user(user).get_answers_at_hand() or ()}


@tagged("post_install", "-at_install")
class TestAnswers(AnswersCommon):
    """Words at hand: what a shop's agents say again and again."""

    def test_a_chat_offers_the_answers_of_its_shop_and_group_and_ones_own(self):
        chat = self._chat(self.maria)
        self.assertEqual({*self._at_hand(chat, self.maria)}, {"hello", "mine"})
        self.assertEqual(
            self._at_hand(chat, self.maria)["mine"]["text"], "I am Maria Santos of Flagship Shop"
        )
        self.assertEqual({*self._at_hand(chat, self.owner)}, {"hello"})
        for group in (self.returns, self.subgroup):
            chat = self._chat(self.sofie, group)
            self.assertEqual({*self._at_hand(chat, self.sofie)}, {"hello", "return"})
        for stranger in (self.maria, self.auditor, self.foreign_agent):
            with self.assertRaises(AccessError):
                chat.with_user(stranger).get_answers_at_hand()

    def test_a_shops_answers_are_edited_by_who_manages_its_dispatch_and_own_ones_by_oneself(self):
        for user, answer, may in (
            (self.planner, self.of_shop | self.of_group, True),
            (self.owner, self.of_shop, True),
            (self.maria, self.of_shop, False),
            (self.maria, self.own, True),
            (self.omar, self.own, False),
            (self.owner, self.own, False),
        ):
            with self.subTest(user=user.name, answer=answer.mapped("source")):
                for operation in ("write", "unlink"):
                    self.assertIs(answer.with_user(user).has_access(operation), may)
                if may:
                    answer.with_user(user).substitution = "Hi {buyer}"
                    self.assertEqual(answer[0].substitution, "Hi {buyer}")
        self.assertTrue(self.of_shop.with_user(self.omar).has_access("read"))
        self.assertFalse(self.own.with_user(self.omar).has_access("read"))
        for change in (
            lambda: self.own.with_user(self.maria).write({"is_of_shop": True}),
            lambda: self._write(self.maria, "x", "x", is_of_shop=True),
            lambda: self._write(self.maria, "x", "x", main_account_id=self.owner.id),
            lambda: self._write(self.planner, "x", "x", group_ids=self.receive_group.ids),
            lambda: self.of_shop.with_user(self.planner).write({"main_account_id": False}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                change()
        self.of_shop.with_user(self.planner).is_of_shop = False
        self.assertFalse(self.of_shop.with_user(self.omar).has_access("read"))

    def test_the_page_makes_them_for_the_shop_where_somebody_may_and_else_for_oneself(self):
        for user, owner in ((self.planner, self.owner), (self.omar, self.env["res.users"])):
            answers = self.Answers.with_user(user).with_context(default_is_of_shop=True)
            with self.subTest(user=user.name):
                self.assertIs(answers.default_get(["is_of_shop"])["is_of_shop"], bool(owner))
                made = answers.create({"source": "x", "substitution": "x"})
                self.assertEqual(made.sudo().main_account_id, owner)

    def test_another_shop_sees_and_changes_nothing_of_them(self):
        answers = self.of_shop | self.of_group | self.own
        for stranger in (self.rival, self.foreign_agent):
            self.assertFalse(self.Answers.with_user(stranger).search([("id", "in", answers.ids)]))
            for operation in ("read", "write", "unlink"):
                self.assertFalse(answers.with_user(stranger)._filtered_access(operation))
        for vals in ({"main_account_id": self.owner.id}, {"dispatch_group_id": self.returns.id}):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self._write(self.rival, "x", "x", is_of_shop=True, **vals)
        # Even what an administrator shares with everybody stays in its shop.
        self.of_shop.group_ids = self.env.ref("base.group_user")
        self.assertFalse(self.of_shop.with_user(self.foreign_agent).has_access("read"))

    def test_a_shops_answers_outlive_who_wrote_them_and_ones_own_do_not(self):
        self.assertEqual(self.of_shop.create_uid, self.planner)
        self.planner.unlink()
        self.assertTrue(self.of_shop.with_user(self.omar).has_access("read"))
        self.maria.unlink()
        self.assertFalse(self.own.exists())

    def test_answers_of_a_deleted_group_are_offered_to_no_other_groups_buyers(self):
        deep = self._write(
            self.owner, "broken", "Sorry", is_of_shop=True, dispatch_group_id=self.subgroup.id
        )
        for group in (self.subgroup, self.returns):
            group.user_ids = [Command.clear()]
        self.subgroup.with_user(self.owner).unlink()
        self.assertEqual((deep.dispatch_group_id, deep.is_of_shop), (self.returns, True))
        self.returns.with_user(self.owner).unlink()
        chat = self._chat(self.maria)
        self.assertEqual({*self._at_hand(chat, self.maria)}, {"hello", "mine"})
        # Nothing is lost: who wrote them has them, and shares them again.
        self.assertEqual({*self._at_hand(chat, self.owner)}, {"hello", "return", "broken"})
        deep.with_user(self.owner).is_of_shop = True
        self.assertIn("broken", self._at_hand(chat, self.maria))

    def test_answers_of_a_deleted_channels_groups_neither(self):
        other = self._create_channel(self.maria, main_account_id=self.owner.id)
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Elsewhere", "channel_id": other.id}
        )
        self._write(self.owner, "away", "Away", is_of_shop=True, dispatch_group_id=group.id)
        other.unlink()
        chat = self._chat(self.maria)
        self.assertEqual({*self._at_hand(chat, self.maria)}, {"hello", "mine"})

    def test_those_most_sent_on_this_page_come_first(self):
        other = self._write(self.planner, "always", "Always", is_of_shop=True)
        here, elsewhere = (
            self._chat(self.omar, page=f"https://shop.example.com{path}?x=1")
            for path in ("/lamps", "/chairs")
        )
        for _time in range(3):
            elsewhere.with_user(self.omar)._note_answers(other.ids)
        here.with_user(self.omar)._note_answers([self.of_shop.id, self.rivals.id, "x", None])

        for chat, expected in (
            (here, [("hello", 1), ("always", 0)]),
            (elsewhere, [("always", 3), ("hello", 0)]),
        ):
            rows = chat.with_user(self.omar).get_answers_at_hand()
            self.assertEqual([(row["source"], row["here"]) for row in rows], expected)

        uses = self.env["livechat.answer.use"]
        self.assertFalse(uses.search([("response_id", "=", self.rivals.id)]))
        uses._gc_add_up()
        self.assertEqual(uses.search([("response_id", "=", other.id)]).mapped("uses"), [3])
        self.assertEqual(other.with_user(self.omar).use_count, 3)
        with self.assertRaises(AccessError):
            uses.with_user(self.omar).search([])

    def test_what_is_not_known_is_left_out_and_nothing_is_evaluated(self):
        known = {"buyer": "Ella {order}", "product": "", "order": False}
        for words, said in (
            ("Hello {buyer}, welcome", "Hello Ella {order}, welcome"),
            ("您好{买家}，请稍等", "您好Ella {order}，请稍等"),
            ("Your order {order} is on its way", "Your order is on its way"),
            ("{order}, is that so?", "is that so?"),
            ("It is here ({order}).", "It is here."),
            ("One\n{ nonsense }two", "One\ntwo"),
            ("{buyer.env} {{buyer}} {} %(buyer)s ${buyer}", None),
            ("{% if 1 %}{0}{__class__}", None),
            ("Nothing to fill  (really)", "Nothing to fill  (really)"),
        ):
            with self.subTest(words=words):
                answer = self.Answers.new({"source": "x", "substitution": words})
                filled = answer._fill(known.get)
                if said is None:
                    self.assertNotIn("res.users", filled)
                else:
                    self.assertEqual(filled, said)

    def test_no_answer_keeps_a_server_busy(self):
        for words in (" " * 60_000 + "x", "{buyer}" + " " * 60_000 + "x", "{" * 20_000):
            self.own.substitution = words
            started = time.process_time()
            self._at_hand(self._chat(self.maria), self.maria)
            self.assertLess(time.process_time() - started, 2)


@tagged("post_install", "-at_install")
class TestAnswersOfBuyers(BuyerCardCommon):
    def test_they_say_of_the_buyer_what_the_role_lets_its_agent_know(self):
        words = "Hello {buyer}, about {product} and order {order}."
        self.env["mail.canned.response"].search([]).unlink()
        self.env["mail.canned.response"].with_user(self.owner).create(
            {"source": "hello", "substitution": words, "is_of_shop": True}
        )
        page, product, name = None, "", ""
        if "product.public.category" in self.env:
            lamp = self.env["product.template"].create({"name": "Lamp", "is_published": True})
            page, product = f"{self.channel.get_base_url()}/shop/lamp-{lamp.id}", " Lamp"
        if "sale.order" in self.env:
            order = self.env["sale.order"].create(
                {"partner_id": self.buyer.partner_id.id, "state": "sale"}
            )
            name = f" {order.name}"

        def say(agent, buyer):
            chat = self._chat(agent, buyer, page)
            (row,) = chat.with_user(agent).get_answers_at_hand()
            return row["text"]

        self.assertEqual(say(self.omar, self.buyer), f"Hello Ella, about{product} and order{name}.")
        self.assertEqual(say(self.maria, self.buyer), f"Hello Ella, about{product} and order.")
        for name in ("Visitor", "访客 #7", "ella@hidden.example.com"):
            guest = self._create_guest(name)
            self.assertEqual(say(self.maria, guest), f"Hello, about{product} and order.")


@tagged("post_install", "-at_install")
class TestAnswersRpc(AnswersCommon, HttpCase):
    """As pages ask, and whoever imitates them."""

    def _ask(self, user, model, method, *args, **kwargs):
        self.authenticate(user.login, user.login)
        return self.make_jsonrpc_request(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def _list_sources(self, user):
        """What core's own page keeps of canned answers."""
        self.authenticate(user.login, user.login)
        found = self.make_jsonrpc_request("/mail/data", {"fetch_params": ["mail.canned.response"]})
        return {row["source"] for row in found.get("mail.canned.response", ())}

    def test_what_is_sent_is_counted_and_strangers_get_and_change_nothing(self):
        chat = self._chat(self.omar)
        thread = {"thread_model": "discuss.channel", "thread_id": chat.id}
        post = {"body": "Hello", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        self.authenticate(self.omar.login, self.omar.login)
        self.make_jsonrpc_request(
            "/mail/message/post",
            {**thread, "post_data": post, "canned_response_ids": [self.of_shop.id, self.rivals.id]},
        )
        (row,) = self._ask(self.omar, "discuss.channel", "get_answers_at_hand", chat.ids)
        self.assertEqual((row["source"], row["here"]), ("hello", 1))

        self.assertIn("mine", self._list_sources(self.maria))
        for user in (self.foreign_agent, self.rival):
            read = self._ask(user, "mail.canned.response", "search_read", [], ["source"])
            self.assertFalse({"hello", "return", "mine"} & {row["source"] for row in read})
            self.assertFalse(self._list_sources(user) & {"hello", "return", "mine"})
            for model, method, args in (
                ("discuss.channel", "get_answers_at_hand", [chat.ids]),
                ("mail.canned.response", "read", [self.of_shop.ids, ["substitution"]]),
                ("mail.canned.response", "write", [self.of_shop.ids, {"substitution": "x"}]),
                ("mail.canned.response", "unlink", [self.of_shop.ids]),
                ("livechat.answer.use", "create", [{"response_id": self.of_shop.id}]),
            ):
                with (
                    self.subTest(user=user.name, method=method),
                    mute_logger("odoo.http"),
                    self.assertRaises(JsonRpcException),
                ):
                    self._ask(user, model, method, *args)
        self.assertEqual(self.of_shop.substitution, "Hello {buyer}")
