from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import DispatchCommon, ShopCommon


@tagged("post_install", "-at_install")
class TestConversations(ShopCommon, DispatchCommon):
    """Who reads which live chat: a table of who, and what they see of four chats."""

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
