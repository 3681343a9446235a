"""Who the buyer of a chat is: what its agent is told, and nobody else."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tools.discuss import Store

from .common import DispatchCommon, ShopCommon
from .walks import WalkCase, walk

# Of one chat with orders, an earlier chat and a cart: see `test_the_card_takes_few_queries`.
_CARD_QUERIES = 60


class BuyerCardCommon(DispatchCommon, ShopCommon):
    """A shop with agents of several roles, and a buyer who has bought something."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.role_after_sales = cls.env.ref("im_livechat_subaccount.role_after_sales")
        cls.maria = cls._enable("Maria", cls.role_reception)
        cls.omar = cls._enable("Omar", cls.role_after_sales)
        cls.channel = cls._create_channel(
            cls.maria | cls.omar, main_account_id=cls.owner.id, name="Flagship Shop"
        )
        cls.buyer = new_test_user(
            cls.env,
            "ella_buyer",
            "base.group_portal",
            name="Ella",
            email="ella@hidden.example.com",
            phone="13800138642",
            tz="Asia/Shanghai",
        )

    @classmethod
    def _enable(cls, name, roles):
        return super()._enable(name, roles, login=f"card_{name.lower()}")

    def _chat(self, agent, buyer, page=None):
        """A chat of this buyer with this agent, who has written."""
        (self.maria | self.omar | self.owner).dispatch_paused = True
        agent.dispatch_paused = False
        self.env.flush_all()
        channel = self.channel.with_context(livechat_dispatch_page=page)
        chat = self._come(channel, buyer)
        self.assertEqual(self._agent_of(chat), agent)
        self._say(chat, buyer, "Is it in stock?")
        return chat

    def _card(self, chat, user):
        return call_kw(
            self.env["discuss.channel"].with_user(user), "get_buyer_card", [chat.ids], {}
        )


@tagged("post_install", "-at_install")
class TestBuyerCard(BuyerCardCommon):
    def test_it_says_who_comes_from_where_and_whom_it_had_before(self):
        before = self._chat(self.maria, self.buyer)
        self._say(before, self.maria, "Yes")
        self._close(before)
        chat = self._chat(self.maria, self.buyer, "https://elsewhere.example.com/lamps")
        chat.country_id = self.env.ref("base.cn")
        card = self._card(chat, self.maria)
        self.assertEqual(
            card["about"], {"page": "https://elsewhere.example.com/lamps", "url": False}
        )
        self.assertEqual(card["country"], {"code": "CN", "name": "China"})
        self.assertEqual(card["timezone"], "Asia/Shanghai")
        self.assertEqual(card["last"]["agent"], "Maria")
        self.assertEqual(card["earlier"]["count"], 1)
        self.assertEqual([one["id"] for one in card["earlier"]["chats"]], before.ids)
        self.assertEqual((card["orders"], card["cart"], card["offer"]), ([], False, False))

    def test_the_last_agent_is_who_answered(self):
        before = self._chat(self.maria, self.buyer)
        self._say(before, self.maria, "Yes")
        self._close(before)
        silent = self._chat(self.maria, self.buyer)
        self.omar.dispatch_paused = False
        silent.with_user(self.maria).transfer("asked", user_id=self.omar.id)
        self._close(silent)
        chat = self._chat(self.maria, self.buyer)

        self.assertEqual(self._card(chat, self.maria)["last"]["agent"], "Maria")

    def test_all_earlier_chats_are_listed_that_the_agent_reads(self):
        chats = self.env["discuss.channel"]
        for _number in range(7):
            chats |= (before := self._chat(self.maria, self.buyer))
            self._say(before, self.maria, "Yes")
            self._close(before)
        chat = self._chat(self.maria, self.buyer)
        self.assertEqual(self._card(chat, self.maria)["earlier"]["count"], 7)
        action = chat.with_user(self.maria).action_open_earlier()
        found = self.env["discuss.channel"].with_user(self.maria).search(action["domain"])
        self.assertEqual(found, chats)
        with self.assertRaises(AccessError):
            chat.with_user(self.omar).action_open_earlier()

    def test_it_says_language_and_group_and_how_long_the_buyer_has_waited(self):
        # Whoever comes to an agent at once has waited for nobody.
        before = self._chat(self.maria, self._create_guest())
        card = self._card(before, self.maria)
        self.assertEqual(
            [card[name] for name in ("waited", "language", "group")], [0, False, False]
        )

        self.env["res.lang"]._activate_lang("fr_FR")
        group = self.env["livechat.dispatch.group"].create(
            {"name": "After-sales", "channel_id": self.channel.id, "user_ids": self.maria.ids}
        )
        french = self.env["res.lang"]._lang_get("fr_FR")
        group.scope_ids = [Command.create({"kind": "lang", "lang_id": french.id})]
        self.channel.write(
            {"queue_enabled": True, "max_sessions_mode": "limited", "max_sessions": 1}
        )
        guest = self._create_guest()
        guest.timezone = "America/New_York"
        chat = self._come(self.channel, guest, lang="fr_FR")
        self.assertEqual(chat.dispatch_state, "queued")
        chat.dispatch_queued_at -= timedelta(seconds=95)
        # As the route notes it.
        chat.livechat_lang_id = french.id
        self._close(before)
        self.env.flush_all()
        self.env["im_livechat.channel"]._drain_all()
        self.assertEqual(self._agent_of(chat), self.maria)
        card = self._card(chat, self.maria)
        self.assertEqual(
            (card["language"], card["group"], card["timezone"]),
            (french.name, "After-sales", "America/New_York"),
        )
        self.assertGreaterEqual(card["waited"], 95)

    def test_contact_data_is_as_the_role_says(self):
        contact = self._card(self._chat(self.maria, self.buyer), self.maria)["contact"]
        self.assertEqual((contact["name"], contact["email"]), ("Ella", "e***@hidden.example.com"))
        self.assertEqual(contact["phone"], "***42")
        self.env["discuss.channel"].search([]).livechat_end_dt = "2026-01-01 00:00:00"
        contact = self._card(self._chat(self.omar, self.buyer), self.omar)["contact"]
        self.assertEqual(contact["email"], "ella@hidden.example.com")

    def test_it_is_for_the_agents_of_the_chat_and_who_manages_its_dispatch(self):
        chat = self._chat(self.maria, self.buyer)
        plain = new_test_user(self.env, "plain_card", "base.group_user")
        for user in (self.maria, self.owner):
            with self.subTest(user.login):
                self.assertEqual(self._card(chat, user)["contact"]["name"], "Ella")
        # A colleague of the group may read the chat, which says nothing of the buyer's orders.
        chat.with_user(self.omar).check_access("read")
        for user in (self.omar, self.buyer):
            with self.subTest(user.login):
                self.assertIs(self._card(chat, user), False)
        for user in (self.rival, plain, self.env.ref("base.public_user")):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self._card(chat, user)
        for user in (self.omar, self.buyer, self.rival, self.env.ref("base.public_user")):
            with self.subTest(user.login), self.assertRaises(AccessError):
                chat.with_user(user).action_make_contact()

    def test_earlier_chats_of_another_shop_are_not_told(self):
        others = self._create_channel(self.rival, main_account_id=self.rival.id)
        foreign = self._open_chat(others, self.rival)
        foreign._add_members(
            partners=self.buyer.partner_id,
            create_member_params={"livechat_member_type": "visitor"},
        )
        card = self._card(self._chat(self.maria, self.buyer), self.maria)
        self.assertEqual((card["earlier"]["count"], card["last"]), (0, False))

    def test_a_guest_becomes_a_contact_when_the_agent_says_so_and_the_guest_reads_it(self):
        guest = self._create_guest()
        chat = self._chat(self.maria, guest)
        self.assertIs(self._card(chat, self.maria)["offer"], False)
        with self.assertRaises(UserError):
            chat.with_user(self.maria).action_make_contact()
        self._say(chat, guest, "Write to me: Wei@Hidden.example.com, please")
        self.assertEqual(self._card(chat, self.maria)["offer"], "w***@hidden.example.com")
        self.assertFalse(chat.dispatch_contact_id, "nothing was made before somebody said so")
        card = (
            chat.with_user(self.maria).with_context(default_is_company=True).action_make_contact()
        )
        contact = chat.dispatch_contact_id
        self.assertEqual(contact.email, "wei@hidden.example.com")
        self.assertFalse(contact.is_company, "a caller's context chooses nothing")
        self.assertEqual((card["contact"]["id"], card["offer"]), (contact.id, False))
        line = chat.message_ids.sorted("id")[-1]
        self.assertIn("Maria keeps your e-mail address as a contact", line.body)
        with self.assertRaises(UserError):
            chat.with_user(self.maria).action_make_contact()
        self._close(chat)
        again = self._chat(self.maria, guest)
        self.assertEqual(self._card(again, self.maria)["contact"]["id"], contact.id)
        with self.assertRaises(UserError):
            again.with_user(self.maria).action_make_contact()

    def test_a_guest_of_a_language_that_is_not_installed_becomes_a_contact_as_well(self):
        guest = self._create_guest()
        chat = self._chat(self.maria, guest)
        langs = self.env["res.lang"].with_context(active_test=False)
        chat.livechat_lang_id = langs.search([("active", "=", False)], limit=1)
        self.assertTrue(chat.livechat_lang_id)
        self._say(chat, guest, "wei@hidden.example.com")
        chat.with_user(self.maria).action_make_contact()
        self.assertIn("keeps your e-mail", chat.message_ids.sorted("id")[-1].body)

    def test_an_address_that_somebody_else_has_shows_nobodys_data(self):
        guest = self._create_guest()
        chat = self._chat(self.omar, guest)
        self._say(chat, guest, "I am ella@hidden.example.com")
        chat.with_user(self.omar).action_make_contact()
        self.assertNotEqual(chat.dispatch_contact_id, self.buyer.partner_id)
        self.assertFalse(self._card(chat, self.omar)["contact"]["phone"])

    def test_an_erased_guest_leaves_no_contact_behind_but_one_with_more_to_it(self):
        for is_needed in (False, True):
            with self.subTest(is_needed=is_needed):
                guest = self._create_guest()
                chat = self._chat(self.maria, guest)
                self._say(chat, guest, "wei@hidden.example.com")
                chat.with_user(self.maria).action_make_contact()
                contact = chat.dispatch_contact_id
                if is_needed:
                    self.env["res.partner"].create({"name": "Child", "parent_id": contact.id})
                chat.dispatch_cart_id = 7
                self._close(chat)
                chat.with_user(self.owner).action_erase_buyer()
                self.assertFalse(chat.dispatch_contact_id or chat.dispatch_cart_id)
                self.assertEqual(contact.email, is_needed and "wei@hidden.example.com")
                self.assertFalse(
                    chat.message_ids.filtered(lambda line: "hidden.example" in line.body)
                )

    def test_what_no_page_sends_is_refused(self):
        for ids in ([], [0], [-1], [2**40], ["x"], [self._chat(self.maria, self.buyer).id, 1]):
            with self.subTest(ids), self.assertRaises(UserError):
                call_kw(
                    self.env["discuss.channel"].with_user(self.maria), "get_buyer_card", [ids], {}
                )

    def test_chats_are_named_by_what_tells_them_apart(self):
        guest, named = self._create_guest(), self._create_guest("Ella")
        first, second = self._chat(self.maria, guest), self._chat(self.maria, named)
        self.assertEqual(
            (first | second)._get_titles(),
            {first.id: f"Visitor {guest.id}", second.id: "Ella"},
        )
        store = Store(bus_channel=self.maria).add(first).get_result()
        self.assertEqual(store["discuss.channel"][0]["dispatch_title"], f"Visitor {guest.id}")
        for bus_channel in (guest, first):
            store = Store(bus_channel=bus_channel).add(first).get_result()
            self.assertNotIn("dispatch_title", store["discuss.channel"][0])

    def test_a_name_that_is_an_address_is_masked_in_the_title(self):
        self.buyer.name = "ella@hidden.example.com"
        chat = self._chat(self.maria, self.buyer)
        store = Store(bus_channel=self.maria).add(chat).get_result()
        self.assertEqual(store["discuss.channel"][0]["dispatch_title"], "e***@hidden.example.com")

    def test_a_chat_of_odoo_itself_keeps_its_name(self):
        self.channel.dispatch_mode = "native"
        chat = self._open_chat(self.channel, self.maria)
        store = Store(bus_channel=self.maria).add(chat).get_result()
        self.assertNotIn("dispatch_title", store["discuss.channel"][0])

    def test_an_agents_phone_is_told_who_and_what(self):
        chat = self._chat(self.maria, self.buyer)
        message = chat.message_ids[:1]
        payload = chat.sudo()._notify_by_web_push_prepare_payload(message)
        self.assertEqual(payload["title"], "Ella")
        self.assertIn("in stock?", payload["options"]["body"])

    def test_a_chat_that_opens_costs_at_most_two_queries_more(self):
        """What is sent of fifteen chats to their agent, with the titles and without."""
        pages = ["/shop/lamp-1", None, "/shop/kettle-2"]
        base = self.channel.get_base_url()
        chats = self.env["discuss.channel"]
        for number in range(15):
            page = pages[number % 3]
            chats |= self._chat(self.maria, self._create_guest(), page and base + page)

        def send():
            Store(bus_channel=self.maria).add(chats).get_result()

        send()
        with_titles = self._list_statements(send)

        def without_titles(chats, _target):
            return dict.fromkeys(chats.ids, "")

        with patch.object(type(chats), "_get_titles_for", without_titles):
            without = self._list_statements(send)
        self.assertLessEqual(with_titles.total() - without.total(), 2, with_titles - without)

    def test_a_chat_that_opens_costs_at_most_two_queries_more_than_in_odoo_itself(self):
        """What an agent's page waits for: the chat, and what was said in it. Who the buyer is comes
        after that, by a call of its own."""
        native = self._create_channel(self.maria, dispatch_mode="native")
        guests = self._create_guest() | self._create_guest()
        plain, ours = self._open_chat(native, self.maria), self._chat(self.maria, guests[0])
        self._say(plain, self.maria, "Is it in stock?")
        self._say(ours, self.maria, "Is it in stock?")

        def list_statements(chat):
            def open_it():
                opened = chat.with_user(self.maria).with_prefetch()
                Store(bus_channel=self.maria).add(opened).get_result()
                found = opened.env["mail.message"]._message_fetch(domain=None, thread=opened)
                found["messages"].set_message_done()
                Store(bus_channel=self.maria).add(found["messages"]).get_result()

            open_it()
            return self._list_statements(open_it)

        without, with_dispatch = list_statements(plain), list_statements(ours)
        self.assertLessEqual(with_dispatch.total() - without.total(), 2, with_dispatch - without)


@tagged("post_install", "-at_install")
class TestBuyersOrders(WalkCase, BuyerCardCommon):
    """What the shop's own applications know of the buyer, as far as the agent's role reaches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not {"sale_stock", "website_sale"} <= set(cls.env["ir.module.module"]._installed()):
            cls.skipTest(cls, "sale_stock or website_sale is not installed; dev/test has them")
        role = cls.env.ref("im_livechat_subaccount.role_store_manager")
        cls.manager = cls._enable("Manager", role)
        cls.channel.user_ids |= cls.manager
        cls.lamp = cls.env["product.template"].create(
            {
                "name": "Desk lamp",
                "list_price": 30.5,
                "is_storable": True,
                "invoice_policy": "order",
                "is_published": True,
            }
        )
        warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.owner.company_id.id)], limit=1
        )
        cls.env["stock.quant"]._update_available_quantity(
            cls.lamp.product_variant_id, warehouse.lot_stock_id, 10
        )
        cls.page = f"{cls.channel.get_base_url()}/shop/desk-lamp-{cls.lamp.id}"

    @classmethod
    def _order(cls, partner, **vals):
        return cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "order_line": [
                    Command.create(
                        {"product_id": cls.lamp.product_variant_id.id, "product_uom_qty": 3}
                    )
                ],
                **vals,
            }
        )

    @classmethod
    def _deliver(cls, order):
        order.action_confirm()
        order.picking_ids.move_ids.quantity = 3
        order.picking_ids.button_validate()
        order._create_invoices().action_post()
        return order

    def _put_into_cart(self, partner):
        website = self.env["website"].search([], limit=1)
        return self._order(partner, website_id=website.id)

    def _chat(self, agent, buyer, page=None):
        self.manager.dispatch_paused = True
        return super()._chat(agent, buyer, page)

    def test_a_product_has_a_picture_a_price_and_its_page(self):
        chat = self._chat(self.maria, self.buyer, self.page)
        about = self._card(chat, self.maria)["about"]
        self.assertEqual((about["name"], about["url"]), ("Desk lamp", self.page))
        self.assertIn("30.50", about["price"])
        self.assertIn(f"/{self.lamp.id}/", about["image"])
        self.assertEqual(chat._get_titles()[chat.id], "Ella · Desk lamp")

    def test_a_product_that_is_gone_is_a_page(self):
        chat = self._chat(self.maria, self.buyer, f"{self.page}9999")
        self.assertEqual(
            self._card(chat, self.maria)["about"],
            {"page": f"{self.page}9999", "url": f"{self.page}9999"},
        )
        self.assertEqual(chat._get_titles()[chat.id], "Ella")

    def test_the_order_a_buyer_names_is_shown_to_who_may_read_it_and_believed_of_nobody(self):
        mine, other = self._order(self.buyer.partner_id), self._order(self.owner.partner_id)
        chat = self._chat(self.maria, self.buyer)
        self.assertFalse(self._card(chat, self.maria)["named"])
        chat.dispatch_order_number = other.name
        named = self._card(chat, self.maria)["named"]
        self.assertEqual(named, {"number": other.name, "order": False, "is_own": False})
        chat.with_user(self.owner).transfer("knowledge", user_id=self._resume(self.omar).id)
        named = self._card(chat, self.omar)["named"]
        self.assertEqual((named["order"]["id"], named["is_own"]), (other.id, False))
        chat.dispatch_order_number = mine.name
        named = self._card(chat, self.omar)["named"]
        self.assertEqual((named["order"]["id"], named["is_own"]), (mine.id, True))
        chat.dispatch_order_number = "% or 1=1"
        self.assertFalse(self._card(chat, self.omar)["named"]["order"])

    def test_orders_and_what_can_be_done_are_what_the_role_reaches(self):
        order = self._deliver(self._order(self.buyer.partner_id))
        picking, invoice = order.picking_ids, order.invoice_ids
        chat = self._chat(self.maria, self.buyer)
        self.assertEqual(self._card(chat, self.maria)["orders"], [])
        chat.with_user(self.owner).transfer("knowledge", user_id=self._resume(self.omar).id)
        (told,) = self._card(chat, self.omar)["orders"]
        self.assertEqual(
            (told["id"], told["name"], told["state"], told["delivery"]),
            (order.id, order.name, "Sales Order", "Fully Delivered"),
        )
        self.assertEqual(
            (told["pickings"], told["return_id"], told["refund_id"]),
            (picking.ids, picking.id, False),
        )
        chat.with_user(self.owner).transfer("knowledge", user_id=self._resume(self.manager).id)
        (told,) = self._card(chat, self.manager)["orders"]
        self.assertEqual((told["return_id"], told["refund_id"]), (picking.id, invoice.id))

    def _resume(self, agent):
        agent.dispatch_paused = False
        self.env.flush_all()
        return agent

    def test_only_what_is_delivered_can_come_back(self):
        order = self._order(self.buyer.partner_id)
        order.action_confirm()
        (told,) = self._card(self._chat(self.omar, self.buyer), self.omar)["orders"]
        self.assertEqual((told["pickings"], told["return_id"]), (order.picking_ids.ids, False))

    def test_orders_of_somebody_else_are_not_told(self):
        self._order(self.env["res.partner"].create({"name": "Somebody"})).action_confirm()
        self.assertEqual(self._card(self._chat(self.omar, self.buyer), self.omar)["orders"], [])
        guests = self._chat(self.omar, self._create_guest())
        self.assertEqual(self._card(guests, self.omar)["orders"], [])

    def test_a_cart_is_told_with_its_total_to_who_reads_orders(self):
        cart = self._put_into_cart(self.buyer.partner_id)
        chat = self._chat(self.omar, self.buyer)
        told = self._card(chat, self.omar)
        self.assertEqual((told["cart"]["id"], told["cart"]["count"]), (cart.id, 3))
        self.assertEqual(told["orders"], [], "a cart is no order")

    def test_the_cart_of_a_guest_is_told_by_the_session(self):
        guest = self._create_guest()
        cart = self._put_into_cart(self.env.ref("base.public_partner"))
        channels = type(self.env["im_livechat.channel"])
        with patch.object(channels, "_read_cart_id", lambda channels: cart.id):
            chat = self._chat(self.maria, guest)
        self.assertEqual(chat._get_titles()[chat.id], f"Visitor {guest.id} · cart 3")
        self.assertEqual(
            self._card(chat, self.maria)["cart"], {"count": 3, "id": False, "total": False}
        )
        self.assertEqual(self._card(chat, self.manager)["cart"]["id"], cart.id)
        cart.action_confirm()
        self.assertIs(self._card(chat, self.maria)["cart"], False)

    def test_the_card_takes_few_queries(self):
        self._deliver(self._order(self.buyer.partner_id))
        self._put_into_cart(self.buyer.partner_id)
        before = self._chat(self.omar, self.buyer, self.page)
        self._say(before, self.omar, "Yes")
        self._close(before)
        chat = self._chat(self.omar, self.buyer, self.page)
        self._card(chat, self.omar)
        self.env.flush_all()
        self.env.invalidate_all()
        count = self.env.cr.sql_log_count
        self._card(chat, self.omar)
        self.assertLessEqual(self.env.cr.sql_log_count - count, _CARD_QUERIES)

    def _open_panel(self, chat, agent, tour):
        self.start_tour(
            f"/odoo/discuss?active_id=discuss.channel_{chat.id}", tour, login=agent.login
        )

    @walk
    def test_each_button_of_the_panel_leads_to_what_it_says(self):
        order = self._deliver(self._order(self.buyer.partner_id, note="What has come"))
        order.picking_ids.origin = "One parcel"
        other = self._order(self.buyer.partner_id)
        other.action_confirm()
        first = other.picking_ids
        first.origin = "First parcel"
        first.move_ids.quantity = 1
        first.with_context(skip_backorder=True).button_validate()
        (other.picking_ids - first).origin = "Second parcel"
        self._put_into_cart(self.buyer.partner_id).note = "What is in the cart"
        chat = self._chat(self.omar, self.buyer, self.page)
        chat.with_user(self.owner).transfer("knowledge", user_id=self._resume(self.manager).id)
        chat.channel_member_ids.unpin_dt = False
        for button in ("cart", "order", "delivery", "deliveries", "refund"):
            with self.subTest(button):
                tour = f"im_livechat_subaccount.buyer_panel_{button}"
                self._open_panel(chat, self.manager, tour)
        self.assertEqual(len(order.invoice_ids.reversal_move_ids), 1)

    @walk
    def test_an_agent_starts_a_return_beside_the_chat(self):
        order = self._deliver(self._order(self.buyer.partner_id))
        chat = self._chat(self.omar, self.buyer, self.page)
        chat.channel_member_ids.unpin_dt = False
        group = {"name": "After-sales", "channel_id": self.channel.id}
        chat.write(
            {
                "country_id": self.env.ref("base.cn").id,
                "livechat_lang_id": self.env.ref("base.lang_fr").id,
                "dispatch_group_id": self.env["livechat.dispatch.group"].create(group).id,
                "dispatch_waited_seconds": 95,
            }
        )
        self._open_panel(chat, self.omar, "im_livechat_subaccount.buyer_panel")
        returns = order.picking_ids.return_ids
        self.assertEqual(len(returns), 1)
