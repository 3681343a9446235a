from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon, ShopCommon


class RoleCommon(ShopCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receive = cls.env.ref("im_livechat_subaccount.permission_receive_buyers")
        cls.audit = cls.env.ref("im_livechat_subaccount.permission_audit_conversations")
        cls.subaccount = cls.Subaccounts.create({"name": "Chen Jing"})
        cls.subaccount._activate("sesame-open")
        cls.user = cls.subaccount.sudo().user_id

    def _role(self, *permissions, **vals):
        return self.Roles.create(
            {"name": "Role", "permission_ids": [Command.set([p.id for p in permissions])], **vals}
        )


@tagged("post_install", "-at_install")
class TestRole(RoleCommon):
    def test_a_role_gives_what_its_permissions_say_and_an_edit_reaches_its_holders(self):
        role = self._role(self.receive)
        self.assertEqual(role.main_account_id, self.owner)
        self.subaccount.role_ids = role
        self.assertTrue(self.user._has_agent_group())
        role.permission_ids = [Command.link(self.audit.id)]
        self.assertTrue(self.user.has_group("im_livechat_subaccount.group_auditor"))
        role.permission_ids = [Command.set(self.audit.ids)]
        self.assertFalse(self.user._has_agent_group())
        self.assertTrue(self.user.has_group("im_livechat_subaccount.group_auditor"))

    def test_several_roles_give_their_union_and_groups_given_by_hand_stay(self):
        by_hand = self.env.ref("base.group_partner_manager")
        self.user.group_ids = [Command.link(by_hand.id)]
        receive, audit = self._role(self.receive), self._role(self.audit)
        self.subaccount.role_ids = receive | audit
        self.assertTrue(self.user._has_agent_group())
        self.assertTrue(self.user.has_group("im_livechat_subaccount.group_auditor"))
        self.subaccount.role_ids = audit
        self.assertFalse(self.user._has_agent_group())
        self.subaccount.role_ids = [Command.clear()]
        self.assertFalse(self.user.has_group("im_livechat_subaccount.group_auditor"))
        self.assertIn(by_hand, self.user.group_ids)

    def test_rights_that_drift_from_the_role_are_seen_and_mended(self):
        channel = self._create_channel(self.env["res.users"], main_account_id=self.owner.id)
        role, other = self._role(self.receive), self._role(self.audit)
        self.subaccount.role_ids = role
        self.assertFalse(self.subaccount.rights_differ)
        group, other_group = role.sudo().group_id, other.sudo().group_id
        admin_group = self.env.ref("base.group_system")
        insert = "INSERT INTO res_groups_users_rel (uid, gid) VALUES (%s, %s)"
        imply = "INSERT INTO res_groups_implied_rel (gid, hid) VALUES (%s, %s)"
        drifts = {
            "unticked on the user": lambda: self.user.write(
                {"group_ids": [Command.unlink(group.id)]}
            ),
            "taken away on the group": lambda: group.write(
                {"user_ids": [Command.unlink(self.user.id)]}
            ),
            "implies less": lambda: group.write({"implied_ids": [Command.clear()]}),
            "ticked on the user": lambda: self.user.write(
                {"group_ids": [Command.link(other_group.id)]}
            ),
            "beyond by the user": lambda: self.env.cr.execute(
                insert, [self.user.id, admin_group.id]
            ),
            "beyond by the role": lambda: self.env.cr.execute(imply, [group.id, admin_group.id]),
            "beyond by both": lambda: [
                self.env.cr.execute(insert, [self.user.id, admin_group.id]),
                self.env.cr.execute(imply, [group.id, admin_group.id]),
            ],
        }
        for drift, do in drifts.items():
            with self.subTest(drift=drift):
                do()
                self.env.flush_all()
                self.env.invalidate_all()
                self.env.registry.clear_cache("groups")
                self.env.registry.clear_cache()
                self.assertTrue(self.subaccount.rights_differ)
                self.subaccount.action_apply_roles()
                self.assertFalse(self.subaccount.rights_differ)
                self.assertIn(group, self.user.group_ids)
                self.assertNotIn(other_group, self.user.group_ids)
                self.assertTrue(self.user._has_agent_group())
                self.assertNotIn(admin_group, self.user.all_group_ids)
                self.assertIn(self.user, channel.user_ids)
                self.env["livechat.role"]._check_boundary()

    def test_who_manages_the_sub_account_applies_its_roles_again(self):
        for user in (self.rival, self.user):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.subaccount.with_user(user).action_apply_roles()

    def test_a_removed_role_takes_its_groups_along(self):
        role = self._role(self.receive)
        group = role.sudo().group_id
        self.subaccount.role_ids = role
        role.unlink()
        self.assertFalse(group.exists())
        self.assertFalse(self.user._has_agent_group())
        self.assertFalse(self.subaccount.role_ids)

    def test_whoever_may_receive_buyers_joins_and_who_may_not_leaves_with_a_hand_over(self):
        channel = self._create_channel(self.env["res.users"], main_account_id=self.owner.id)
        stayer = self.Subaccounts.create(
            {"name": "Stayer", "role_ids": [Command.link(self.role_reception.id)]}
        )
        stayer._activate("sesame-open")
        role = self._role(self.receive)
        self.subaccount.role_ids = role
        self._set_online(self.user | stayer.sudo().user_id)
        self.assertEqual(channel.user_ids, self.user | stayer.sudo().user_id)
        ways = {
            "the role is edited": (
                lambda: role.write({"permission_ids": [Command.clear()]}),
                lambda: role.write({"permission_ids": [Command.link(self.receive.id)]}),
            ),
            "the role is taken": (
                lambda: self.subaccount.write({"role_ids": [Command.clear()]}),
                lambda: self.subaccount.write({"role_ids": [Command.link(role.id)]}),
            ),
            "the permission is not grantable any more": (
                lambda: self.receive.write({"grantable": False}),
                lambda: self.receive.write({"grantable": True}),
            ),
            "the permission gives other groups": (
                lambda: self.receive.write({"group_xmlids": False}),
                lambda: self.receive.write({"group_xmlids": "im_livechat.im_livechat_group_user"}),
            ),
        }
        for way, (lose, regain) in ways.items():
            with self.subTest(way=way):
                channel.user_ids = self.user | stayer.sudo().user_id
                chat = self._open_chat(channel, self.user)
                lose()
                self.assertNotIn(self.user, channel.user_ids)
                self.assertNotIn(self.user.partner_id, chat.channel_member_ids.partner_id)
                self.assertFalse(chat.livechat_end_dt)
                regain()
                self.assertTrue(self.user._has_agent_group())

    def test_a_main_account_changes_its_own_roles_only(self):
        own, foreign = (
            self._role(self.receive),
            self.env["livechat.role"].with_user(self.rival).create({"name": "Foreign"}),
        )
        own.write({"name": "Night shift", "conversation_scope": "shop"})
        for role in (self.role_reception, foreign):
            role = role.with_user(self.owner)
            for attack in (
                lambda role=role: role.write({"name": "Mine"}),
                lambda role=role: role.unlink(),
                lambda role=role: role.toggle_permission(self.receive.id),
            ):
                with self.assertRaises(AccessError):
                    attack()
        for vals in ({"group_id": 1}, {"main_account_id": self.rival.id}, {"subaccount_ids": []}):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                self.Roles.create({"name": "Role", **vals})
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                own.write(vals)
        copy = self.role_reception.with_user(self.owner).copy()
        self.assertEqual(copy.main_account_id, self.owner)
        self.assertEqual(copy.permission_ids, self.role_reception.permission_ids)
        self.assertNotEqual(copy.sudo().group_id, self.role_reception.group_id)

    def test_only_grantable_permissions_can_be_in_a_role(self):
        secret = self.env["livechat.permission"].create({"name": "Secret", "grantable": False})
        with self.assertRaises(ValidationError):
            self._role(secret)

    def test_templates_say_what_their_names_say(self):
        expected = {
            "role_reception": (True, False, False, "group"),
            "role_after_sales": (True, False, False, "group"),
            "role_shipping": (False, False, False, "own"),
            "role_audit": (False, True, False, "shop"),
            "role_store_manager": (True, True, True, "shop"),
        }
        for name, (receives, audits, manages, scope) in expected.items():
            with self.subTest(role=name):
                role = self.env.ref(f"im_livechat_subaccount.{name}")
                groups = role.group_id.all_implied_ids
                self.assertEqual(self.receive_group in groups, receives)
                for group, has in (("auditor", audits), ("subaccount_manager", manages)):
                    group = self.env.ref(f"im_livechat_subaccount.group_{group}")
                    self.assertEqual(group in groups, has)
                self.assertEqual(role.conversation_scope, scope)

    def test_the_matrix_tells_who_has_what(self):
        self.subaccount.role_ids = self.role_audit
        matrix = self.Roles.get_matrix()
        role = next(role for role in matrix["roles"] if role["id"] == self.role_audit.id)
        self.assertIn(self.audit.id, role["permission_ids"])
        self.assertFalse(role["editable"])
        (row,) = (row for row in matrix["subaccounts"] if row["id"] == self.subaccount.id)
        self.assertEqual(row["roles"], [self.role_audit.name])
        self.assertEqual(row["grants"][self.audit.id], [self.role_audit.name])
        own = self._role(self.receive)
        self.assertNotIn(self.receive.id, own.toggle_permission(self.receive.id))
        self.assertIn(self.receive.id, own.toggle_permission(self.receive.id))
        with self.assertRaises(UserError):
            own.toggle_permission("x")

    def test_the_users_form_says_what_roles_give(self):
        self.assertFalse(self.user.livechat_rights_note)
        role = self._role(self.receive)
        self.subaccount.role_ids = role
        self.assertIn(f"as well: {role.name}. ", self.user.livechat_rights_note)


@tagged("post_install", "-at_install")
class TestPermission(RoleCommon):
    def _create(self, name, **vals):
        return self.env["livechat.permission"].create({"name": name, **vals})

    def test_a_permission_waits_for_its_module_and_works_when_it_arrives(self):
        permission = self._create("Future", group_xmlids="future_module.group_future")
        self.assertFalse(permission.available)
        self.assertIn("future_module", permission.availability)
        role = self._role(permission)
        self.subaccount.role_ids = role
        group = self.env["res.groups"]._load_records(
            [{"xml_id": "future_module.group_future", "values": {"name": "Future"}}]
        )
        self.assertTrue(permission.available)
        self.assertIn(group, self.user.all_group_ids)
        group.unlink()
        permission.invalidate_recordset()
        self.assertFalse(permission.available)

    def test_look_at_orders_reads_and_nothing_else(self):
        permission = self._create("Look at countries", read_models="res.country.group, no.such")
        self.assertTrue(permission.available, "part of the models is there")
        access = permission.reader_group_id.model_access
        self.assertEqual(access.model_id.mapped("model"), ["res.country.group"])
        self.assertEqual(
            [
                (line.perm_read, line.perm_write, line.perm_create, line.perm_unlink)
                for line in access
            ],
            [(True, False, False, False)],
        )
        self.assertFalse(self._create("Nothing", read_models="no.such").available)
        role = self._role(permission)
        self.assertIn(permission.reader_group_id, role.sudo().group_id.all_implied_ids)
        permission.read_models = False
        self.assertFalse(permission.reader_group_id.model_access)
        permission.read_models = "res.country.group"
        reader = permission.reader_group_id
        permission.unlink()
        self.assertFalse(reader.exists())

    def test_no_permission_gives_an_administrators_group(self):
        forbidden = (
            "base.group_system",
            "base.group_erp_manager",
            "base.group_sanitize_override",
            "base.group_portal",
            "im_livechat_subaccount.group_main_account",
        )
        for xmlid in forbidden:
            with self.subTest(group=xmlid), self.assertRaises(ValidationError):
                self._create(xmlid, group_xmlids=xmlid)
        hidden = self.env["res.groups"]._load_records(
            [
                {
                    "xml_id": "future_module.group_hidden",
                    "values": {
                        "name": "Hidden",
                        "implied_ids": [Command.link(self.env.ref("base.group_erp_manager").id)],
                    },
                }
            ]
        )
        with self.assertRaises(ValidationError):
            self._create("Hidden", group_xmlids="future_module.group_hidden")
        self.assertTrue(hidden)
        for xmlid in ("base.user_admin", "no dot", "base.;drop"):
            with self.subTest(xmlid=xmlid), self.assertRaises(ValidationError):
                self._create(xmlid, group_xmlids=xmlid)

    def test_a_group_that_arrives_with_an_administrators_rights_is_not_given(self):
        permission = self._create("Future", group_xmlids="future_module.group_future")
        role = self._role(permission)
        self.env["res.groups"]._load_records(
            [
                {
                    "xml_id": "future_module.group_future",
                    "values": {
                        "name": "Future",
                        "implied_ids": [Command.link(self.env.ref("base.group_system").id)],
                    },
                }
            ]
        )
        self.assertFalse(permission.available)
        self.assertEqual(role.sudo().group_id.implied_ids, self.env.ref("base.group_user"))

    def test_the_boundary_holds_from_every_side(self):
        system = self.env.ref("base.group_system")
        group = self.env["res.groups"]._load_records(
            [{"xml_id": "future_module.group_future", "values": {"name": "Future"}}]
        )
        permission = self._create("Future", group_xmlids="future_module.group_future")
        role = self._role(permission)
        self.subaccount.role_ids = role
        role_group = role.sudo().group_id
        ways = {
            "the permission's group": lambda: group.write(
                {"implied_ids": [Command.link(system.id)]}
            ),
            "the other group's side": lambda: system.write(
                {"implied_by_ids": [Command.link(group.id)]}
            ),
            "the role's group": lambda: role_group.write(
                {"implied_ids": [Command.link(system.id)]}
            ),
            "the user": lambda: self.user.write({"group_ids": [Command.link(system.id)]}),
            "the group's list of users": lambda: system.write(
                {"user_ids": [Command.link(self.user.id)]}
            ),
            "a group made for it": lambda: self.env["res.groups"].create(
                {"name": "Sly", "implied_ids": [system.id], "implied_by_ids": [role_group.id]}
            ),
            "becoming a sub-account": lambda: new_test_user(
                self.env, login="boss", groups="base.group_system"
            ).write({"main_account_id": self.owner.id}),
        }
        for way, attack in ways.items():
            with self.subTest(way=way), self.assertRaises(ValidationError):
                attack()
            # What a failed request does as well.
            self.env.registry.clear_all_caches()
            self.env.invalidate_all()
            self.assertFalse(self.user.has_group("base.group_system"))

    def test_a_plain_user_can_be_in_every_catalogued_group(self):
        forbidden = self.env["livechat.permission"]._get_forbidden_groups()
        self.assertNotIn(self.env.ref("base.group_user"), forbidden)
        for permission in self.env["livechat.permission"].search([]):
            with self.subTest(permission=permission.name):
                self.assertFalse(permission._get_groups().all_implied_ids & forbidden)
