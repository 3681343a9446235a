from functools import partial
from itertools import product
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.http_routing.tests.common import MockRequest

from .security_matrix import EMPTY, NOTHING, REFUSED, SECRET, Attack, SecurityMatrix


@tagged("post_install", "-at_install")
class TestSecurity(SecurityMatrix):
    """The matrix through the ORM."""

    def test_nobody_touches_sub_accounts_of_another_shop(self):
        self.run_attacks(self.rows_foreign_subaccounts())

    def test_no_search_finds_the_staff_of_another_shop(self):
        self.run_attacks(self.rows_foreign_searches())

    def test_nobody_changes_roles_that_are_not_its_own(self):
        self.run_attacks(self.rows_foreign_roles())

    def test_nobody_gains_or_gives_more_than_the_boundary(self):
        self.run_attacks(self.rows_boundary())

    def test_nobody_gives_more_than_it_has_or_works_on_itself(self):
        self.run_attacks(self.rows_managers())

    def test_nobody_gets_access_to_users(self):
        self.run_attacks(self.rows_users())

    def test_nobody_adopts_or_gives_away_sub_accounts(self):
        self.run_attacks(self.rows_adoption())

    def test_nobody_finds_a_link_or_its_hash(self):
        self.run_attacks(self.rows_secrets())

    def test_nobody_touches_dispatch_groups_of_another_shop(self):
        self.run_attacks(self.rows_foreign_groups())

    def test_dispatch_managers_manage_the_groups_of_their_shop(self):
        self.run_attacks(self.rows_own_groups())

    def test_wrong_types_for_groups_get_a_clear_error(self):
        self.run_attacks(self.rows_group_wrong_types())

    def test_reception_shows_and_changes_the_own_shop_only(self):
        self.run_attacks(self.rows_reception())

    def test_nobody_changes_figures_or_sees_those_of_another_shop(self):
        self.run_attacks(self.rows_figures())

    def test_what_if_is_for_those_who_manage_the_dispatch(self):
        self.run_attacks(self.rows_whatif())

    def test_nobody_touches_dated_changes_of_another_shop_or_the_log(self):
        self.run_attacks(self.rows_dated_changes())

    def test_outsiders_get_nothing_new(self):
        self.run_attacks(self.rows_outsiders())

    def test_wrong_types_get_a_clear_error(self):
        self.run_attacks(self.rows_wrong_types())

    def test_wrong_ids_get_a_clear_error(self):
        self.run_attacks(self.rows_wrong_ids())

    def test_the_same_calls_work_in_the_own_shop(self):
        self.run_attacks(self.rows_own())

    def test_staff_makes_only_what_is_its_own_alone(self):
        self.run_attacks(self.rows_shared())


@tagged("post_install", "-at_install")
class TestSecurityChats(SecurityMatrix):
    """The rows about conversations, through the ORM."""

    def test_one_shop_sees_nothing_of_another(self):
        self.run_attacks(self.rows_foreign_chats())

    def test_audit_reads_and_changes_nothing(self):
        self.run_attacks(self.rows_audit())


@tagged("post_install", "-at_install")
class TestSecurityCases(SecurityMatrix):
    """Attacks that take more than one call."""

    def _count(self, number=1):
        type(self).vectors += number

    def _refuse(self, call, *errors):
        """Fail when ``call`` succeeds; undo what it did when it raises."""
        self._count()
        expected = errors or (AccessError, UserError)
        with self._rollback():
            try:
                call()
                self.env.flush_all()
            except expected:
                return
            self.fail("not refused")

    # ------------------------------------------------------------
    # Context
    # ------------------------------------------------------------

    def test_the_context_of_a_client_changes_no_new_sub_account(self):
        plain = {
            "name": "plain",
            "state": "pending",
            "role_ids": self.env["livechat.role"],
        }
        contexts = [{key: value} for key, value in self.rows_context().items()]
        contexts.append(self.rows_context())
        for context in contexts:
            for who in ("main_account", "store_manager", "deputy"):
                with self.subTest(who=who, context=list(context)), self._rollback():
                    self._count()
                    rows = self.env["livechat.subaccount"].with_user(self.users[who])
                    row = rows.with_context(**context).create({"name": "plain"})
                    self.env.cr.flush()
                    row, user = row.with_env(self.env), row.with_env(self.env).user_id
                    self.assertEqual({name: row[name] for name in plain}, plain)
                    self.assertEqual(row.main_account_id, self.owner)
                    self.assertEqual(user.group_ids, self.internal)
                    self.assertEqual(user.company_ids, self.owner.company_id)
                    self.assertFalse(user.active)
                    self.assertFalse(user.livechat_channel_ids)
                    self.assertFalse(user.main_account_code)
                    self.assertFalse(row.activation_token_hash)
                    self.assertEqual((row.dispatch_weight, row.dispatch_paused), (100, False))
                    self.assertNotEqual(user.partner_id, self.env.ref("base.user_admin").partner_id)
                    self.assertFalse(user.partner_id.parent_id)
                    self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", [user.id])
                    self.assertFalse(self.env.cr.fetchone()[0])

    def test_the_context_of_a_client_changes_no_new_role(self):
        for key, value in self.rows_context().items():
            with self.subTest(key=key), self._rollback():
                self._count()
                role = self.Roles.with_context(**{key: value}).create({"name": "plain"})
                role = role.with_env(self.env).sudo()
                self.assertEqual(role.main_account_id, self.owner)
                self.assertFalse(role.permission_ids)
                self.assertEqual(role.conversation_scope, "own")
                self.assertEqual(role.group_id.implied_ids, self.internal)
                self.assertFalse(role.group_id.user_ids)

    def test_no_context_keeps_a_change_out_of_the_log(self):
        row = self.subaccounts["colleague"]
        for context in (
            {},
            {"tracking_disable": True},
            {"mail_notrack": True},
            {"mail_create_nolog": True, "tracking_disable": True},
            {"install_mode": True},
            {"default_model": "x", "default_res_id": 1},
            {"default_author_id": self.rival.partner_id.id},
        ):
            for vals in (
                {"dispatch_weight": 333},
                {"login": "logged:name"},
                {"role_ids": [Command.clear()]},
            ):
                with self.subTest(context=context, vals=vals), self._rollback():
                    self._count()
                    before = row.message_ids
                    mine = row.with_user(self.owner).with_context(**context)
                    mine.write(vals)
                    mine.env.flush_all()
                    self.env.cr.flush()
                    row.invalidate_recordset()
                    log = (row.message_ids - before).sudo()
                    self.assertTrue(log.tracking_value_ids)
                    self.assertEqual(log.author_id, self.owner.partner_id)

    def test_nobody_edits_the_log(self):
        row = self.subaccounts["colleague"]
        row.with_user(self.owner).write({"dispatch_weight": 333})
        self.env.cr.flush()
        log = row.message_ids.filtered("tracking_value_ids")
        self.assertTrue(log)
        for who in ("main_account", "store_manager", "deputy", "planner"):
            user = self.users[who]
            attacks = [
                Attack("the log", who, "mail.message", "unlink", log.ids),
                Attack("the log", who, "mail.message", "write", log.ids, ({"body": "x"},)),
                Attack(
                    "the log",
                    who,
                    "mail.message",
                    "write",
                    log.ids,
                    ({"author_id": self.users["colleague"].partner_id.id},),
                ),
                Attack("the log", who, "mail.message", "write", log.ids, ({"res_id": 10**6},)),
                Attack(
                    "the log",
                    who,
                    "mail.message",
                    "create",
                    None,
                    (
                        {
                            "model": "livechat.subaccount",
                            "res_id": row.id,
                            "body": "forged",
                            "author_id": self.rival.partner_id.id,
                        },
                    ),
                ),
                Attack(
                    "the log",
                    who,
                    "livechat.subaccount",
                    "message_post",
                    row.ids,
                    (),
                    {"body": "forged", "author_id": user.partner_id.id},
                ),
            ]
            self.run_attacks(attacks)

    # ------------------------------------------------------------
    # The boundary, from an administrator's side and later
    # ------------------------------------------------------------

    def test_no_deputy_of_a_main_account_is_given_the_settings_or_made_a_main_account(self):
        deputies = [self.users[who] for who in ("store_manager", "deputy", "planner")]
        groups = [
            self.env.ref(xmlid)
            for xmlid in (
                "base.group_system",
                "base.group_erp_manager",
                "im_livechat_subaccount.group_main_account",
                "mail.group_mail_template_editor",
            )
        ]
        for user, group in product(deputies, groups):
            with self.subTest(user=user.login, group=group.full_name):
                # Even an administrator gives them to nobody who works for a shop.
                for records, name, given in (
                    (user, "group_ids", group),
                    (group, "user_ids", user),
                ):
                    self._refuse(partial(records.write, {name: [Command.link(given.id)]}))
                self.assertNotIn(group, user.all_group_ids)
        for user in [*deputies, self.owner]:
            env = self.env(user=user)
            with self.subTest(user=user.login):
                for call in (
                    lambda env=env: env["res.config.settings"].create({}).execute(),
                    lambda env=env: env["ir.config_parameter"].set_param("x", "y"),
                    lambda env=env: env.ref("base.module_account").button_install(),
                ):
                    self._refuse(call)

    def test_no_later_edit_carries_a_role_over_the_boundary(self):
        forbidden = [
            self.env.ref(xmlid)
            for xmlid in (
                "base.group_system",
                "base.group_erp_manager",
                "base.group_sanitize_override",
            )
        ]
        bridge = self.env["res.groups"].create({"name": "Bridge"})
        self.env["ir.model.data"].create(
            {
                "module": "security_test",
                "name": "bridge",
                "model": "res.groups",
                "res_id": bridge.id,
            }
        )
        permission = self.env["livechat.permission"].create(
            {"name": "Bridge", "group_xmlids": "security_test.bridge"}
        )
        role = self.Roles.create({"name": "Bridge", "permission_ids": permission.ids})
        row = self.subaccounts["colleague"]
        row.with_user(self.owner).role_ids = [Command.link(role.id)]
        user = row.user_id
        self.assertIn(bridge, user.all_group_ids)
        role_group = role.sudo().group_id
        for group in forbidden:
            for label, records, vals in (
                ("the permission's group implies", bridge, {"implied_ids": group}),
                ("from the other side", group, {"implied_by_ids": bridge}),
                ("the role's group implies", role_group, {"implied_ids": group}),
                ("every internal user's group implies", self.internal, {"implied_ids": group}),
                (
                    "a new group between",
                    self.env["res.groups"],
                    {"name": "Between", "implied_ids": group, "implied_by_ids": bridge},
                ),
                ("the user's form", user, {"group_ids": group}),
                ("the group's form", group, {"user_ids": user}),
                (
                    "becoming a sub-account",
                    self.env.ref("base.user_admin"),
                    {"main_account_id": self.owner.id},
                ),
                ("the catalogue", permission, {"group_xmlids": group.get_external_id()[group.id]}),
            ):
                commands = {
                    name: value if isinstance(value, (str, int)) else [Command.link(value.id)]
                    for name, value in vals.items()
                }
                with self.subTest(group=group.full_name, label=label):
                    self._refuse(partial(records.write if records else records.create, commands))
                    self.assertFalse(user.all_group_ids & group)
        with self.subTest("access to users"):
            self._refuse(
                lambda: self.env["ir.model.access"].create(
                    {
                        "name": "users for the bridge",
                        "model_id": self.env["ir.model"]._get_id("res.users"),
                        "group_id": bridge.id,
                        "perm_write": True,
                    }
                ),
                ValidationError,
            )

    def test_an_external_id_that_arrives_gives_no_administrators_group(self):
        for number, xmlid in enumerate(
            ("base.group_system", "base.group_erp_manager", "base.group_sanitize_override")
        ):
            group = self.env.ref(xmlid)
            with self.subTest(xmlid=xmlid):
                self._count()
                permission = self.env["livechat.permission"].create(
                    {"name": f"Waits {number}", "group_xmlids": f"security_test.later{number}"}
                )
                role = self.Roles.create({"name": f"R{number}", "permission_ids": permission.ids})
                row = self.subaccounts["colleague"]
                row.with_user(self.owner).role_ids = [Command.link(role.id)]
                wrapper = self.env["res.groups"].create(
                    {"name": "Wrapper", "implied_ids": [Command.link(group.id)]}
                )
                self.env["ir.model.data"]._update_xmlids(
                    [{"xml_id": f"security_test.later{number}", "record": wrapper}]
                )
                self.env.invalidate_all()
                self.assertFalse(permission.available)
                self.assertNotIn(group, row.user_id.all_group_ids)
                self.assertNotIn(wrapper, role.sudo().group_id.all_implied_ids)

    def test_nobody_gets_beyond_through_a_colleague_with_hand_given_groups(self):
        """A password link of somebody who can more than the one who asks is a way to more."""
        hand_given = self.env["res.groups"].create({"name": "Accounting, by hand"})
        row = self.subaccounts["reception"]
        row.user_id.group_ids = [Command.link(hand_given.id)]
        self.env.cr.flush()
        for who in ("deputy", "store_manager"):
            mine = row.with_user(self.users[who])
            with self.subTest(who=who):
                self._refuse(mine.action_activation_link)
                self._refuse(lambda mine=mine: mine.write({"email": "evil@example.com"}))
                self._refuse(lambda mine=mine: mine.write({"login": "evil"}))

    def test_nobody_gets_a_wider_look_through_a_puppet(self):
        row = self.subaccounts["colleague"]
        row.with_user(self.owner).role_ids = [Command.set(self.role_wide.ids)]
        deputy = self.users["deputy"]
        self._refuse(row.with_user(deputy).action_activation_link)
        self._refuse(
            lambda: (
                self.env["livechat.subaccount"]
                .with_user(deputy)
                .create({"name": "puppet", "role_ids": [Command.link(self.role_wide.id)]})
            )
        )

    def test_no_cycles(self):
        admin = self.env.ref("base.user_admin")
        users = self.users
        for label, call in {
            "itself": lambda: self.owner.write({"main_account_id": self.owner.id}),
            "a sub-account as owner": lambda: users["employee"].write(
                {"main_account_id": users["colleague"].id}
            ),
            "an owner as sub-account": lambda: self.owner.write({"main_account_id": self.rival.id}),
            "an owner of its own sub-account": lambda: self.owner.write(
                {"main_account_id": users["colleague"].id}
            ),
            "a portal user": lambda: users["portal"].write({"main_account_id": self.owner.id}),
            "the public": lambda: users["public"].write({"main_account_id": self.owner.id}),
            "an administrator": lambda: admin.write({"main_account_id": self.owner.id}),
        }.items():
            with self.subTest(label):
                self._refuse(call, ValidationError, UserError)

    def test_roles_of_the_old_shop_do_not_move_with_a_sub_account(self):
        self._count()
        row = self.subaccounts["colleague"]
        row.with_user(self.owner).role_ids = [Command.set(self.role_deputy.ids)]
        row.user_id.main_account_id = self.rival
        self.env.cr.flush()
        self.assertNotIn(self.role_deputy, row.role_ids)
        self.assertNotIn(self.role_deputy.group_id, row.user_id.group_ids)
        self.assertFalse(self.Subaccounts.search([("id", "=", row.id)]))

    # ------------------------------------------------------------
    # Partners of staff
    # ------------------------------------------------------------

    @mute_logger("odoo.sql_db")
    def test_nobody_redirects_a_link_by_changing_the_partner(self):
        """Contact managers write partners; core protects those of active internal users only."""
        seller = new_test_user(
            self.env, login="seller", groups="base.group_user,base.group_partner_manager"
        )
        for target in (*self.victims, self.subaccounts["pending"], self.subaccounts["colleague"]):
            partner = target.user_id.partner_id.with_user(seller)
            for vals in (
                {"email": "evil@example.com"},
                {"name": "evil"},
                {"parent_id": seller.partner_id.id},
                {"active": not partner.active},
                {"signup_type": "reset"},
            ):
                with self.subTest(target=target.state, vals=vals):
                    self._refuse(lambda partner=partner, vals=vals: partner.write(vals))
            with self.subTest(target=target.state):
                self._refuse(partner.signup_prepare)
                # What the database refuses, the server tells as a ValidationError.
                self._refuse(partner.unlink, AccessError, UserError, IntegrityError)

    def test_nobody_signs_up_on_the_partner_of_staff(self):
        self.env["ir.config_parameter"].set_param("auth_signup.invitation_scope", "b2c")
        deleted = self._create_staff(self.owner, "gone", self.roles["reception"], "disabled")
        gone = deleted.user_id.partner_id
        deleted.with_user(self.owner).action_delete()
        self.env.cr.flush()
        partners = [row.user_id.partner_id for row in self.victims | self.subaccounts["pending"]]
        for partner in [*partners, gone]:
            for who in ("employee", "reception", "main_account"):
                with self.subTest(partner=partner.name, who=who), self._rollback():
                    self._count()
                    try:
                        answer = partner.with_user(self.users[who]).signup_get_auth_param()
                    except (AccessError, UserError):
                        continue
                    token = answer[partner.id].get("auth_signup_token")
                    self.assertFalse(token, "a token to sign up as a member of staff")

    # ------------------------------------------------------------
    # Links and tokens
    # ------------------------------------------------------------

    def test_a_link_is_nowhere_in_the_database(self):
        """Looks at every text there is, of every table."""
        row = self.subaccounts["pending"]
        context = row.with_user(self.owner).action_activation_link()["context"]
        url = context["default_url"]
        token = url.rpartition("/")[2]
        # The dialog that shows the link, in every way a client can save it.
        for dialog in (
            self.env["livechat.activation.link"].with_user(self.owner),
            self.env["livechat.activation.link"].with_user(self.owner).with_context(**context),
        ):
            dialog.create([{"url": url, "name": url}, {}])
            dialog.web_save({"url": url, "login": url}, {"url": {}})
        self.env.cr.flush()
        self.assertGreaterEqual(len(token), 40)
        self.env.cr.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND is_updatable = 'YES' "
            "AND data_type IN ('text', 'character varying', 'jsonb', 'json')"
        )
        by_table = {}
        for table, column in self.env.cr.fetchall():
            by_table.setdefault(table, []).append(column)
        self.assertIn("activation_token_hash", by_table["livechat_subaccount"])
        for table, columns in by_table.items():
            self._count()
            found = SQL(" OR ").join(
                SQL("position(%s in %s::text) > 0", token, SQL.identifier(column))
                for column in columns
            )
            self.env.cr.execute(SQL("SELECT 1 FROM %s WHERE %s", SQL.identifier(table), found))
            self.assertFalse(self.env.cr.fetchall(), table)

    def test_a_link_works_once_and_only_for_its_own(self):
        rows = self.env["livechat.subaccount"]
        pending = self.subaccounts["pending"]
        owner = pending.with_user(self.owner)

        def make():
            return owner.action_activation_link()["context"]["default_url"].rpartition("/")[2]

        first, second = make(), make()
        self._count(12)
        self.assertNotEqual(first, second)
        self.assertFalse(rows._find_by_token(first), "a new link voids the old one")
        self.assertEqual(rows._find_by_token(second), pending)
        for wrong in (
            "",
            None,
            False,
            True,
            0,
            1.5,
            [],
            {},
            b"x",
            second + "x",
            second[:-1],
            second.upper(),
            "x" * 10**6,
            "\x00",
            "💥",
            "\ud800",
            pending.activation_token_hash,
            "%",
            "_" * 43,
        ):
            with self.subTest(wrong=str(wrong)[:50].encode("ascii", "replace")):
                self._count()
                self.assertFalse(rows._find_by_token(wrong))
        rows._find_by_token(second)._activate("a-good-password")
        self.assertFalse(rows._find_by_token(second), "used")
        third = make()
        pending._store({"activation_expiration": fields.Datetime.now()})
        self.env.flush_all()
        self.assertFalse(rows._find_by_token(third), "expired")
        fourth = make()
        owner.action_disable()
        self.assertFalse(rows._find_by_token(fourth), "disabled")
        owner.action_enable()
        self.assertFalse(rows._find_by_token(fourth), "enabled again")
        fifth = make()
        pending.user_id.main_account_id = self.rival
        self.env.flush_all()
        self.assertFalse(rows._find_by_token(fifth), "another shop's now")

    def test_a_mailed_link_is_readable_for_nobody(self):
        self.env["ir.mail_server"].create({"name": "x", "smtp_host": "localhost"})
        pending = self.subaccounts["pending"]
        with patch.object(
            self.env.registry["mail.mail"], "send", autospec=True, side_effect=lambda *a, **k: None
        ):
            url = pending.with_user(self.owner).action_activation_link()["context"]["default_url"]
        mail = self.env["mail.mail"].search([("email_to", "like", "pending@")], limit=1)
        self.assertIn(url.rpartition("/")[2], mail.body_html, "the mail is there to be found")
        token = url.rpartition("/")[2]
        for who in (*self.staff, *self.outsiders):
            if who == "main_account":
                continue  # has asked for the link, and sees it anyway
            for model, domain in (
                ("mail.message", [("id", "=", mail.mail_message_id.id)]),
                ("mail.message", [("body", "like", token)]),
                ("mail.mail", [("body_html", "like", token)]),
                ("mail.notification", [("mail_message_id", "=", mail.mail_message_id.id)]),
            ):
                self.run_attacks(
                    [
                        Attack(
                            "a mailed link",
                            who,
                            model,
                            "search_read",
                            None,
                            (domain, []),
                            expected=EMPTY,
                        )
                    ]
                )
            self.run_attacks(
                [
                    Attack(
                        "a mailed link",
                        who,
                        "mail.message",
                        "read",
                        mail.mail_message_id.ids,
                        (["body"],),
                    )
                ]
            )

    def test_no_template_of_somebody_renders_foreign_staff(self):
        """Core renders a template with more rights than the reader has when it looks harmless."""
        for who in ("employee", "reception", "main_account"):
            user = self.users[who]
            for model, record in (
                ("livechat.subaccount", self.victim),
                ("livechat.role", self.victim_role),
                ("discuss.channel", self.victim_shop["discuss.channel"]),
                ("im_livechat.channel", self.victim_shop["im_livechat.channel"]),
            ):
                if who == "employee" and model not in ("livechat.subaccount", "livechat.role"):
                    continue
                with self.subTest(who=who, model=model), self._rollback():
                    self._count()
                    try:
                        template = (
                            self.env["mail.template"]
                            .with_user(user)
                            .create(
                                {
                                    "name": "mine",
                                    "model_id": self.env["ir.model"]._get_id(model),
                                    "subject": "{{ object.name }}",
                                    "body_html": "<p><t t-out='object.name'/></p>",
                                }
                            )
                        )
                        self.env.flush_all()
                        self.env.transaction.clear()
                        composer = (
                            self.env["mail.compose.message"]
                            .with_user(user)
                            .create(
                                {
                                    "template_id": template.id,
                                    "model": model,
                                    "res_ids": str(record.ids),
                                    "composition_mode": "comment",
                                }
                            )
                        )
                        text = f"{composer.subject} {composer.body}"
                    except (AccessError, UserError):
                        continue
                    self.assertNotIn(SECRET, text)

    def test_no_mail_of_ours_carries_somebody_elses_link(self):
        """The words of the invitation, with an address of the attacker's."""
        link = {"url": "http://evil.example.com/", "name": "x", "login": "x", "owner_name": "x"}
        ways = {
            "security_test.template": {},
            "im_livechat_subaccount.activation_mail": {"render_values": {"link": link}},
        }
        for who in (*self.staff, "agent", "employee"):
            for target, (source, values) in product(
                (self.victim_pending, self.victim), ways.items()
            ):
                rows = self.env["livechat.subaccount"].with_user(self.users[who])
                with self.subTest(who=who, target=target.state), self._rollback():
                    self._count()
                    before = set(self.env["mail.mail"].search([]).ids)
                    try:
                        rows.browse(target.id).with_context(
                            activation_url="http://evil.example.com/"
                        ).message_mail_with_source(source, **values)
                    except (AccessError, UserError):
                        continue
                    mails = self.env["mail.mail"].search([("id", "not in", list(before))])
                    self.assertNotIn("evil.example.com", "".join(mails.mapped("body_html")))
                    self.assertFalse(mails, "a mail to foreign staff")

    # ------------------------------------------------------------
    # Chats
    # ------------------------------------------------------------

    def test_no_message_gets_into_a_chat_by_answering_oneself(self):
        """Core lets whoever was addressed in a message answer to it, wherever the answer goes."""
        for who in self.staff:
            me = self.users[who]
            for chat in (self.victim_shop["discuss.channel"], self.shop["discuss.channel"]):
                if chat == self.shop["discuss.channel"] and who != "audit":
                    continue
                with self.subTest(who=who, chat=chat.name), self._rollback():
                    self._count()
                    messages = self.env["mail.message"].with_user(me)
                    before = chat.message_ids
                    try:
                        mine = messages.create(
                            {"body": "to me", "partner_ids": [Command.link(me.partner_id.id)]}
                        )
                        messages.create(
                            {
                                "body": "into the chat",
                                "model": "discuss.channel",
                                "res_id": chat.id,
                                "parent_id": mine.id,
                                "message_type": "comment",
                            }
                        )
                    except (AccessError, UserError):
                        continue
                    chat.invalidate_recordset()
                    self.assertEqual(chat.message_ids, before)

    def test_nobody_brings_strangers_into_a_chat(self):
        """Colleagues can be brought in; the staff of another shop cannot."""
        chat = self.shop["discuss.channel"]
        before = chat.channel_member_ids
        for label, user in {
            "foreign staff": self.victim.user_id,
            "the other main account": self.rival,
        }.items():
            with self.subTest(label), self._rollback():
                self._count()
                try:
                    chat.with_user(self.users["reception"]).add_members(user.partner_id.ids)
                except (AccessError, UserError):
                    continue
                chat.invalidate_recordset()
                self.assertEqual(chat.channel_member_ids, before)

    def test_without_the_permission_nobody_is_brought_into_a_chat(self):
        chat = self.shop["discuss.channel"]
        self.subaccounts["reception"].with_user(self.owner).role_ids = [
            Command.set(self.role_wide.ids)
        ]
        self.env.cr.flush()
        self._refuse(
            lambda: chat.with_user(self.users["reception"]).add_members(
                self.users["colleague"].partner_id.ids
            )
        )

    def test_nobody_listens_to_the_chats_of_another_shop(self):
        other = self.victim_shop
        names = [
            "im_livechat.looking_for_help",
            f"discuss.channel_{other['discuss.channel'].id}",
            f"im_livechat.channel_{other['im_livechat.channel'].id}",
            f"livechat.subaccount_{self.victim.id}",
            f"res.users_{self.victim.user_id.id}",
            f"res.partner_{self.victim.user_id.partner_id.id}",
            f"mail.guest_{other['guest'].id}",
        ]
        group = self.env.ref("im_livechat.im_livechat_group_user")
        strangers = {
            other["discuss.channel"],
            other["im_livechat.channel"],
            self.victim,
            self.victim.user_id,
            self.victim.user_id.partner_id,
            other["guest"],
        }
        for who in self.staff:
            websocket = self.env["ir.websocket"].with_user(self.users[who])
            for channels in ([name] for name in names):
                with self.subTest(who=who, channels=channels), MockRequest(websocket.env):
                    self._count()
                    heard = websocket._build_bus_channel_list(list(channels))
                    records = {item[0] if isinstance(item, tuple) else item for item in heard}
                    records = {item for item in records if not isinstance(item, str)}
                    self.assertFalse(records & strangers)
                    self.assertNotIn((group, "LOOKING_FOR_HELP"), heard)

    def test_scope_decides_which_chats_of_the_own_shop_are_seen(self):
        chat = self.shop["discuss.channel"]
        seen = {
            who: bool(self.env["discuss.channel"].with_user(user).search([("id", "=", chat.id)]))
            for who, user in self.users.items()
            if who in (*self.staff, "colleague", "employee", "portal", "public", "agent")
        }
        self._count(len(seen))
        self.assertEqual(
            seen,
            {
                "main_account": True,
                "reception": True,  # its own
                "colleague": False,  # not an agent of the channel
                "after_sales": False,
                "shipping": False,
                "audit": True,  # all of the shop
                "store_manager": True,
                "deputy": False,
                "planner": False,
                "agent": True,  # core's rules
                "employee": False,
                "portal": False,
                "public": False,
            },
        )

    # ------------------------------------------------------------
    # The matrix itself
    # ------------------------------------------------------------

    def test_the_matrix_notices_when_a_check_is_gone(self):
        """Each of the checks taken away, some rows fail; a matrix that cannot fail is worth
        nothing."""
        row = Attack(
            "x",
            "store_manager",
            "livechat.subaccount",
            "write",
            self.subaccounts["store_manager"].ids,
            ({"dispatch_weight": 500},),
        )
        role = Attack(
            "x",
            "deputy",
            "livechat.subaccount",
            "write",
            self.subaccounts["colleague"].ids,
            ({"role_ids": [Command.link(self.roles["store_manager"].id)]},),
        )
        foreign = Attack(
            "x",
            "main_account",
            "livechat.subaccount",
            "read",
            self.victim.ids,
            (["name"],),
            expected=EMPTY,
        )
        chats = Attack(
            "x",
            "reception",
            "discuss.channel",
            "search_read",
            None,
            ([], ["name"]),
            expected=NOTHING,
        )
        login = Attack(
            "x",
            "main_account",
            "livechat.subaccount",
            "create",
            None,
            ({"name": "x", "login": "rival:desk99"},),
            expected=REFUSED,
        )
        registry = self.env.registry

        def without_rule(xmlid):
            rule = self.env.ref(f"im_livechat_subaccount.{xmlid}")

            class Off:
                def __enter__(self):
                    rule.domain_force = "[(1, '=', 1)]"
                    rule.env.flush_all()

                def __exit__(self, *args):
                    pass

            return Off()

        for attack, loosened in (
            (
                row,
                lambda: patch.object(
                    registry["livechat.subaccount"], "_check_manageable", lambda *a, **k: None
                ),
            ),
            (
                role,
                lambda: patch.object(
                    registry["livechat.role"], "_reaches_beyond", lambda *a, **k: False
                ),
            ),
            (
                login,
                lambda: patch.object(
                    registry["livechat.subaccount"], "_check_login", lambda *a, **k: None
                ),
            ),
            (foreign, lambda: without_rule("livechat_subaccount_rule_shop")),
            (chats, lambda: without_rule("discuss_channel_rule_own_shop")),
        ):
            with self.subTest(who=attack.who, call=f"{attack.model}.{attack.method}"):
                self._run_attack(attack, self.call_orm)
                savepoint = self.env.cr.savepoint()
                try:
                    with loosened():
                        self.env.registry.clear_cache()
                        self._before = None
                        try:
                            self._run_attack(attack, self.call_orm)
                        except AssertionError:
                            noticed = True
                        else:
                            noticed = False
                finally:
                    savepoint.rollback()
                    savepoint.close(rollback=False)
                    self.env.invalidate_all()
                    self.env.registry.clear_cache()
                    self._before = None
                self.assertTrue(noticed)
