from datetime import timedelta

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import DispatchCommon, ShopCommon


class ConversationsCommon(ShopCommon, DispatchCommon):
    """Four chats of two shops, and people who see some of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = cls._create_channel(cls.env["res.users"], main_account_id=cls.owner.id)
        cls.night = cls._create_channel(
            cls.env["res.users"], main_account_id=cls.owner.id, name="Night"
        )
        cls.foreign = cls._create_channel(cls.env["res.users"], main_account_id=cls.rival.id)
        cls.mine = cls._enable("Mine", cls.role_reception)
        cls.colleague = cls._enable("Colleague", cls.role_reception)
        (cls.channel | cls.night).write({"user_ids": [Command.unlink(cls.mine.id)]})
        cls.channel.write({"user_ids": [Command.link(cls.mine.id)]})
        cls.stranger = cls._enable("Stranger", cls.role_reception, cls.rival)
        cls.auditor = cls._enable("Auditor", cls.role_audit)
        cls.shipper = cls._enable("Shipper", cls.role_shipping)
        cls.plain = cls._create_agent("plain")
        cls.chats = {
            "own": cls._open_chat(cls.channel, cls.mine),
            "channel": cls._open_chat(cls.channel, cls.colleague),
            "night": cls._open_chat(cls.night, cls.colleague),
            "foreign": cls._open_chat(cls.foreign, cls.stranger),
        }
        for chat in cls.chats.values():
            chat.message_post(body="Where is my parcel?", message_type="comment")

    def _sees(self, user):
        return {
            name for name, chat in self.chats.items() if chat.with_user(user).has_access("read")
        }


@tagged("post_install", "-at_install")
class TestConversations(ConversationsCommon):
    """Who reads which live chat: a table of who, and what they see of four chats."""

    def test_everybody_sees_what_their_role_says_of_their_own_shop(self):
        expected = {
            self.owner: {"own", "channel", "night"},
            self.rival: {"foreign"},
            self.mine: {"own", "channel"},
            self.stranger: {"foreign"},
            self.auditor: {"own", "channel", "night"},
            self.shipper: set(),
            # Nobody's staff: core's own rules.
            self.plain: set(self.chats),
            self.env.ref("base.user_admin"): set(self.chats),
        }
        for user, chats in expected.items():
            with self.subTest(user=user.login):
                self.assertEqual(self._sees(user), chats)
                found = (
                    self.env["discuss.channel"]
                    .with_user(user)
                    .search([("channel_type", "=", "livechat")])
                )
                everything = self.env["discuss.channel"].concat(*self.chats.values())
                self.assertEqual(
                    found & everything,
                    self.env["discuss.channel"].concat(*(self.chats[name] for name in chats)),
                )
                messages = (
                    self.env["mail.message"]
                    .with_user(user)
                    .search([("model", "=", "discuss.channel"), ("res_id", "in", everything.ids)])
                )
                self.assertEqual(
                    set(messages.mapped("res_id")), {self.chats[name].id for name in chats}
                )

    def test_words_are_found_in_the_chats_that_may_be_read_and_in_no_other(self):
        everything = self.env["discuss.channel"].concat(*self.chats.values())
        for user in (self.owner, self.rival, self.mine, self.stranger, self.auditor, self.shipper):
            for words in ("parcel", "nonsense"):
                with self.subTest(user=user.login, words=words):
                    chats = self.env["discuss.channel"].with_user(user)
                    is_said = words == "parcel"
                    for operator, is_found in (("ilike", is_said), ("not ilike", not is_said)):
                        domain = [
                            ("id", "in", everything.ids),
                            ("livechat_words", operator, words),
                        ]
                        expected = self._sees(user) if is_found else set()
                        if user == self.shipper:
                            with self.assertRaises(AccessError):
                                chats.search(domain)
                            continue
                        found = chats.search(domain)
                        self.assertEqual(
                            {name for name, chat in self.chats.items() if chat in found}, expected
                        )
                        self.assertEqual(chats.search_count(domain), len(expected))

    def test_the_scope_of_a_role_takes_effect_at_once(self):
        role = self.Roles.create(
            {
                "name": "Scope",
                "permission_ids": [
                    Command.link(
                        self.env.ref("im_livechat_subaccount.permission_receive_buyers").id
                    )
                ],
            }
        )
        self.mine._get_subaccount().with_user(self.owner).role_ids = role
        for scope, chats in (
            ("own", {"own"}),
            ("group", {"own", "channel"}),
            ("shop", {"own", "channel", "night"}),
            ("own", {"own"}),
        ):
            with self.subTest(scope=scope):
                role.conversation_scope = scope
                self.assertEqual(self._sees(self.mine), chats)

    def test_a_sub_account_that_moves_sees_the_new_shop_and_not_the_old(self):
        self.mine.main_account_id = self.rival
        self.chats["own"].channel_member_ids.filtered(
            lambda member: member.partner_id == self.mine.partner_id
        ).unlink()
        self.assertEqual(self._sees(self.mine), set())
        self.mine.main_account_id = False
        self.mine.group_ids = [Command.link(self.receive_group.id)]
        self.assertEqual(self._sees(self.mine), set(self.chats))

    def test_a_colleague_is_brought_in_by_whoever_may_transfer(self):
        chat = self.chats["own"]
        for user, allowed in ((self.mine, True), (self.stranger, False), (self.auditor, False)):
            with self.subTest(user=user.login):
                members = self.env["discuss.channel.member"].with_user(user)
                vals = {"channel_id": chat.id, "partner_id": self.plain.partner_id.id}
                if allowed:
                    members.create(vals).sudo().unlink()
                else:
                    with self.assertRaises(AccessError):
                        members.create(vals)
        transfer = self.env.ref("im_livechat_subaccount.permission_transfer_chats")
        transfer.grantable = False
        with self.assertRaises(AccessError):
            self.env["discuss.channel.member"].with_user(self.mine).create(
                {"channel_id": chat.id, "partner_id": self.plain.partner_id.id}
            )

    def test_an_auditor_reads_and_cannot_write(self):
        chat = self.chats["own"].with_user(self.auditor)
        self.assertIn("parcel", chat.message_ids[-1].body)
        with self.assertRaises(AccessError):
            chat.message_post(body="I was here", message_type="comment")
        with self.assertRaises(AccessError):
            chat.write({"livechat_note": "x"})
        with self.assertRaises(AccessError):
            self.env["discuss.channel.member"].with_user(self.auditor).create(
                {"channel_id": chat.id, "partner_id": self.auditor.partner_id.id}
            )
        self.assertNotIn(self.auditor, self.channel.user_ids)
        self.assertFalse(self.channel.with_user(self.auditor).has_access("write"))

    def test_a_shops_people_change_their_own_channel_within_bounds(self):
        channel = self.channel.with_user(self.owner)
        channel.write({"dispatch_mode": "least_load", "max_sessions": 7})
        channel.write({"user_ids": [Command.unlink(self.mine.id), Command.link(self.mine.id)]})
        for vals in (
            {"main_account_id": self.rival.id},
            {"user_ids": [Command.link(self.stranger.id)]},
            {"user_ids": [Command.set(self.plain.ids)]},
            {"user_ids": [Command.create({"name": "x", "login": "x"})]},
            {"reception_partner_id": 1},
        ):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                channel.write(vals)
        with self.assertRaises(AccessError):
            self.foreign.with_user(self.owner).write({"max_sessions": 7})
        with self.assertRaises(AccessError):
            self.channel.with_user(self.mine).write({"max_sessions": 7})


# Of each filter of the page the chats that it finds; of each field of its box what is typed there.
_FILTERS = {
    "ongoing": {"night"},
    "ended": {"own", "channel", "foreign"},
    "missed": {"channel"},
    "transferred": {"channel"},
    "left_line": {"night"},
    "happy": {"own", "foreign"},
    "neutral": {"night"},
    "unhappy": {"channel"},
    "unhappy_lately": {"channel"},
    "today": {"own", "foreign"},
    "last_7_days": {"own", "channel", "foreign"},
}
_FIELDS = {
    "livechat_words": {"kettle": {"own"}, "parcel": {"own", "channel", "night", "foreign"}},
    # Nobody is a buyer because it is an agent.
    "livechat_buyer": {
        "Ada": {"own", "foreign"},
        "Bea": {"channel"},
        "Cleo": {"night"},
        "Mine": set(),
    },
    "livechat_agent_partner_ids": {"Mine": {"own"}, "Colleague": {"channel", "night"}},
    "dispatch_group_id": {"Returns": {"own"}},
    "livechat_channel_id": {"Night": {"night"}},
    "livechat_conversation_tag_ids": {"Gold": {"own", "night"}},
}
# Of each way to group them the chats that are together.
_GROUPS = {
    "group_by_agent": [{"own"}, {"channel", "night"}, {"foreign"}],
    "group_by_group": [{"own"}, {"channel", "night", "foreign"}],
    "group_by_channel": [{"own", "channel"}, {"night"}, {"foreign"}],
    "group_by_outcome": [{"own", "night", "foreign"}, {"channel"}],
    "group_by_rating": [{"own", "foreign"}, {"channel"}, {"night"}],
    "group_by_day": [{"own", "foreign"}, {"channel"}, {"night"}],
}


@tagged("post_install", "-at_install")
class TestConversationFilters(ConversationsCommon):
    """What the filters of *Conversations* find, one by one, for each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        own, channel, night, foreign = cls.chats.values()
        group = cls.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": cls.channel.id, "user_ids": cls.mine.ids}
        )
        tag = cls.env["im_livechat.conversation.tag"].create({"name": "Gold"})
        own.dispatch_group_id = group
        (own | night).livechat_conversation_tag_ids = tag
        bea = cls._create_guest("Bea")
        channel._add_members(guests=bea, create_member_params={"livechat_member_type": "visitor"})
        for chat, name in ((own, "Ada"), (night, "Cleo"), (foreign, "Ada")):
            guest = cls._create_guest(name)
            chat._add_members(
                guests=guest, create_member_params={"livechat_member_type": "visitor"}
            )
        for chat, name in zip(cls.chats.values(), ("Ada", "Visitor", "Cleo", "Ada")):
            # As core and dispatch name chats.
            chat.name = f"{name} {chat.livechat_operator_id.name}"
        cls._say(own, cls.mine, "The kettle is on its way")
        cls._say(night, cls.colleague, "It comes tomorrow")
        cls._say(foreign, cls.stranger, "It comes today")
        cls._say(channel, bea, "Nobody there?")
        channel.write({"dispatch_transfer_count": 1, "livechat_failure": "no_answer"})
        night.dispatch_has_left = True
        for chat, rate in ((own, 5), (channel, 1), (night, 3), (foreign, 5)):
            cls.env["rating.rating"].create(
                {
                    "res_id": chat.id,
                    "res_model_id": cls.env["ir.model"]._get_id("discuss.channel"),
                    "rating": rate,
                    "consumed": True,
                }
            )
        cls._close(own | channel | foreign)
        cls.env.flush_all()
        # Of the middle of these days, whatever the hour is.
        for chat, days in ((own, 0), (channel, 3), (night, 10), (foreign, 0)):
            moment = fields.Datetime.now() - timedelta(days=days)
            cls.env.cr.execute(
                "UPDATE discuss_channel SET create_date = %s WHERE id = %s", [moment, chat.id]
            )
        cls.env.invalidate_all()
        cls.action = cls.env.ref("im_livechat_subaccount.livechat_conversation_action")
        cls.everybody = (cls.owner, cls.rival, cls.mine, cls.colleague, cls.stranger, cls.auditor)

    def _read_page(self, user):
        """Return the boxes, filters and ways to group that the page has for somebody."""
        model = self.env["discuss.channel"].with_user(user)
        arch = model.get_view(self.action.search_view_id.id, "search")["arch"]
        nodes = etree.fromstring(arch)
        boxes = {node.get("name"): node for node in nodes.findall("field")}
        filters = {node.get("name"): node for node in nodes.iter("filter")}
        return boxes, filters

    def _find(self, user, domain):
        ids = [chat.id for chat in self.chats.values()]
        domain = [*safe_eval(self.action.domain), ("id", "in", ids), *domain]
        found = self.env["discuss.channel"].with_user(user).search(domain)
        return {name for name, chat in self.chats.items() if chat in found}

    def test_a_buyer_is_named_without_its_agent(self):
        # One of them has signed up with an address and no name.
        portal = new_test_user(self.env, "ada_buys", "base.group_portal", name="ada@example.com")
        bea = self._create_guest("Bea")
        for buyer, named, masked in (
            (bea, "Bea", "Bea"),
            (portal, "ada@example.com", "a***@example.com"),
        ):
            chat = self._come(self.channel, buyer)
            self.assertEqual(chat.dispatch_state, "assigned")
            self.assertEqual(chat.name, f"{named} {self._agent_of(chat).name}")
            self.assertEqual(chat.with_user(self.owner).livechat_buyer, named)
            self.assertEqual(chat.with_user(self.mine).livechat_buyer, masked)
            self._say(chat, buyer, "Is it in stock?")
            for reader, name in ((self.owner, named), (self.mine, masked)):
                chat.invalidate_recordset(["livechat_transcript"])
                transcript = chat.with_user(reader).livechat_transcript
                self.assertIn(name, transcript)
                self.assertEqual(named in transcript, name == named)
        for page in ("conversation", "waiting"):
            for kind in ("list", "kanban"):
                view = self.env.ref(f"im_livechat_subaccount.livechat_{page}_view_{kind}")
                arch = self.env["discuss.channel"].get_view(view.id, kind)["arch"]
                shown = [node.get("name") for node in etree.fromstring(arch).iter("field")]
                self.assertIn("livechat_buyer", shown)
                self.assertNotIn("name", shown)

    def test_an_address_that_is_a_name_is_not_guessed_letter_by_letter(self):
        guest = self._create_guest("eve@example.com")
        chat = self._come(self.channel, guest)
        agent = self._agent_of(chat)
        self.assertTrue(chat.with_user(agent).env["res.users"]._sees_contacts_masked())
        for reader, finds in ((self.owner, True), (agent, False)):
            mine = self.env["discuss.channel"].with_user(reader)
            self.assertIn(chat, mine.search([("id", "=", chat.id)]))
            for text in ("eve", f"eve {guest.id}"):
                with self.subTest(reader=reader.name, text=text):
                    found = mine.search([("livechat_buyer", "ilike", text)])
                    self.assertEqual(chat in found, finds)

    def test_a_buyer_is_found_by_the_name_that_is_shown(self):
        guests = [self._create_guest(name) for name in ("Visitor", "Visitor", "Bea")]
        portal = new_test_user(self.env, "dora_buys", "base.group_portal", name="Dora Portal")
        chats = [self._come(self.channel, buyer) for buyer in (*guests, portal)]
        mine = self.env["discuss.channel"].with_user(self.owner)
        ids = [chat.id for chat in chats]

        def find(text):
            found = mine.search([("id", "in", ids), ("livechat_buyer", "ilike", text)])
            return {chats.index(chat) for chat in found.with_user(chats[0].env.user)}

        # As the rules of another addon, or of several companies.
        self.env["ir.rule"].create(
            {
                "name": "Not Dora",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": f"[('id', '!=', {portal.partner_id.id})]",
            }
        )
        self.assertFalse(portal.partner_id.with_user(self.owner)._filtered_access("read"))
        for number in range(4):
            with self.subTest(number):
                shown = chats[number].with_user(self.owner).livechat_buyer
                self.assertEqual(find(shown), {number})
        self.assertEqual(find(f" {guests[0].id} "), {0})
        self.assertEqual(find("visitor"), {0, 1})
        self.assertEqual(find(f"Bea {guests[0].id}"), set())
        self.assertEqual(find("Visitor 999999999999999999999"), set())
        self.assertEqual(find("Visitor 999999999"), set())

    def test_agents_read_the_ratings_of_the_chats_that_they_may_read(self):
        ids = [chat.id for chat in self.chats.values()]
        rated = [("res_model", "=", "discuss.channel"), ("res_id", "in", ids)]

        def check(user):
            ratings = self.env["rating.rating"].with_user(user).search(rated)
            found = {
                name for name, chat in self.chats.items() if chat.id in ratings.mapped("res_id")
            }
            with self.subTest(user=user.login):
                self.assertEqual(found, self._sees(user))
                everything = self.env["rating.rating"].search(rated).with_user(user)
                self.assertEqual(everything._filtered_access("read"), ratings)

        for user in self.everybody:
            check(user)
        permissions = [Command.set(self.role_reception.permission_ids.ids)]
        role = self.Roles.create({"name": "Own", "permission_ids": permissions})
        for scope in ("own", "group", "shop"):
            role.conversation_scope = scope
            self.mine._get_subaccount().with_user(self.owner).role_ids = role
            check(self.mine)

    def test_each_filter_finds_its_chats_among_those_that_may_be_read(self):
        for user in self.everybody:
            seen = self._sees(user)
            _boxes, filters = self._read_page(user)
            plain = {
                name: node.get("domain") for name, node in filters.items() if node.get("domain")
            }
            self.assertEqual(plain.keys(), {*_FILTERS, "mine"})
            self.assertEqual(filters["date"].get("date"), "create_date")
            is_agents = {self.mine: {"own"}, self.stranger: {"foreign"}}
            is_agents[self.colleague] = {"channel", "night"}
            expected = {**_FILTERS, "mine": is_agents.get(user, set())}
            for name, text in plain.items():
                with self.subTest(user=user.login, filter=name):
                    domain = safe_eval(text, {"uid": user.id})
                    self.assertEqual(self._find(user, domain), expected[name] & seen)

    def test_what_is_typed_finds_its_chats_among_those_that_may_be_read(self):
        for user in self.everybody:
            seen = self._sees(user)
            boxes, _filters = self._read_page(user)
            # Core shows tags to agents only.
            hidden = {"livechat_conversation_tag_ids"} if user == self.auditor else set()
            self.assertEqual(boxes.keys(), _FIELDS.keys() - hidden)
            for name, node in boxes.items():
                for typed, found in {**_FIELDS[name], "Nowhere": set()}.items():
                    with self.subTest(user=user.login, field=name, typed=typed):
                        domain = [(name, "ilike", typed)]
                        if text := node.get("filter_domain"):
                            domain = safe_eval(text, {"self": typed})
                        self.assertEqual(self._find(user, domain), found & seen)

    def test_each_way_to_group_counts_its_chats_among_those_that_may_be_read(self):
        ids = [chat.id for chat in self.chats.values()]
        for user in self.everybody:
            seen = self._sees(user)
            _boxes, filters = self._read_page(user)
            ways = {
                name: safe_eval(node.get("context"))["group_by"]
                for name, node in filters.items()
                if node.get("context")
            }
            self.assertEqual(ways.keys(), _GROUPS.keys())
            for name, field in ways.items():
                with self.subTest(user=user.login, way=name):
                    rows = (
                        self.env["discuss.channel"]
                        .with_user(user)
                        .formatted_read_group([("id", "in", ids)], [field], ["__count"])
                    )
                    found = [self._find(user, row["__extra_domain"]) for row in rows]
                    self.assertEqual([len(one) for one in found], [row["__count"] for row in rows])
                    expected = [part & seen for part in _GROUPS[name] if part & seen]
                    self.assertCountEqual(found, expected)
