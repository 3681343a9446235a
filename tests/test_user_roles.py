"""Beside OCA's base_user_role: `dev/test compat-roles`. Without it there is nothing to be seen."""

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .test_role import RoleCommon


@tagged("post_install", "-at_install", "user_roles")
class TestUserRoles(RoleCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "res.users.role" not in cls.env:
            cls.skipTest(cls, "base_user_role is not installed: `dev/test compat-roles`")
        cls.contacts = cls.env.ref("base.group_partner_manager")

    def _user_role(self, *groups, **values):
        commands = [Command.set([group.id for group in groups])]
        return self.env["res.users.role"].create(
            {"name": "User role", "implied_ids": commands, **values}
        )

    def _give(self, user_role, user):
        user.sudo().role_line_ids = [Command.create({"role_id": user_role.id})]

    def _ways_to_write(self, user_role):
        """What makes base_user_role write its users' groups, each way."""
        return {
            "the user is written": lambda: self.user.write({"signature": "Chen"}),
            "the role is written": lambda: user_role.write({"sequence": 20}),
            "the cron": lambda: user_role.cron_update_users(),
            "the role is taken": lambda: self.user.role_line_ids.unlink(),
        }

    def test_both_kinds_of_roles_stand_beside_each_other(self):
        role = self._role(self.receive)
        user_role = self._user_role(self.contacts)
        self._give(user_role, self.user)
        self.subaccount.role_ids = role
        for way, write in self._ways_to_write(user_role).items():
            with self.subTest(way=way):
                write()
                self.assertIn(role.sudo().group_id, self.user.group_ids)
                self.assertTrue(self.user._has_agent_group())
                self.assertFalse(self.subaccount.rights_differ)
                self.assertTrue(self.user._is_internal())
        self.assertNotIn(self.contacts, self.user.group_ids)

    def test_a_default_role_holds_no_new_sub_account_up(self):
        self._user_role(self.contacts, is_default=True)
        subaccount = self.Subaccounts.create(
            {"name": "Newcomer", "role_ids": [Command.link(self.role_reception.id)]}
        )
        # base_user_role looks at active users only.
        subaccount._activate("sesame-open")
        user = subaccount.sudo().user_id
        self.assertIn(self.contacts, user.group_ids)
        self.assertTrue(user._has_agent_group())
        self.assertFalse(subaccount.rights_differ)

    def test_the_forms_tell_each_others_effects(self):
        self.subaccount.role_ids = self._role(self.receive)
        self.assertFalse(self.subaccount.has_user_roles)
        self.assertNotIn("User Roles", self.user.livechat_rights_note)
        self._give(self._user_role(self.contacts), self.user)
        self.env.invalidate_all()
        self.assertTrue(self.subaccount.has_user_roles)
        self.assertIn("User Roles", self.user.livechat_rights_note)

    def test_an_agent_by_user_role_leaves_with_it_and_its_chats_are_handed_over(self):
        channel = self._create_channel(self.env["res.users"], main_account_id=self.owner.id)
        stayer = self.Subaccounts.create(
            {"name": "Stayer", "role_ids": [Command.link(self.role_reception.id)]}
        )
        stayer._activate("sesame-open")
        self._set_online(self.user | stayer.sudo().user_id)
        user_role = self._user_role(self.receive_group)
        for way, lose in {
            "the role gives less": lambda: user_role.write({"implied_ids": [Command.clear()]}),
            "the role is taken": lambda: self.user.role_line_ids.unlink(),
        }.items():
            with self.subTest(way=way):
                self.user.role_line_ids.unlink()
                user_role.implied_ids = self.receive_group
                self._give(user_role, self.user)
                self.assertTrue(self.user._has_agent_group())
                channel.user_ids |= self.user
                chat = self._open_chat(channel, self.user)
                lose()
                self.assertFalse(self.user._has_agent_group())
                self.assertNotIn(self.user, channel.user_ids)
                self.assertNotIn(self.user.partner_id, chat.channel_member_ids.partner_id)

    def test_no_user_role_makes_a_sub_account_an_administrator(self):
        user_role = self._user_role(self.env.ref("base.group_system"))
        with self.assertRaises(ValidationError):
            self._give(user_role, self.user)

    def test_a_main_account_that_a_user_role_ends_is_followed(self):
        user_role = self._user_role(self.env.ref("base.group_user"))
        self.assertTrue(self.user.active)
        self._give(user_role, self.owner)
        self.assertFalse(self.owner.has_group("im_livechat_subaccount.group_main_account"))
        self.assertFalse(self.user.active)
        self.assertTrue(self.subaccount.sudo().waits_for_owner)
