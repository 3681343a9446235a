"""Of the catalogue of permissions: what none gives, and whose records each reaches."""

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .security_matrix import SecurityCommon


@tagged("post_install", "-at_install")
class TestCatalogue(SecurityCommon):
    def test_no_role_gives_a_group_that_runs_code_or_changes_what_all_see(self):
        forbidden = self.env["livechat.permission"]._get_forbidden_groups()
        editor = self.env.ref("mail.group_mail_template_editor")
        self.assertIn(editor, forbidden)
        self.assertNotIn(self.internal, forbidden)
        for model in ("ir.cron", "ir.actions.server", "ir.ui.view", "ir.config_parameter"):
            group = self.env["res.groups"]._load_records(
                [{"xml_id": f"catalogue_test.{model.replace('.', '_')}", "values": {"name": model}}]
            )
            self.env["ir.model.access"].create(
                {
                    "name": model,
                    "model_id": self.env["ir.model"]._get_id(model),
                    "group_id": group.id,
                    "perm_write": True,
                }
            )
            with self.subTest(model=model), self.assertRaisesRegex(ValidationError, "no role can"):
                self.env["livechat.permission"].create(
                    {"name": model, "group_xmlids": f"catalogue_test.{model.replace('.', '_')}"}
                )

    def test_who_loosens_the_templates_is_told_and_breaks_no_role(self):
        form = Form(self.env["res.config.settings"])
        with self.assertLogs("odoo.tests.form.onchange", level="WARNING") as logs:
            form.restrict_template_rendering = False
        self.assertIn("sub-accounts", logs.output[0])
        self.env["ir.config_parameter"].set_param("mail.restrict.template.rendering", False)
        self.assertTrue(self.users["reception"].has_group("im_livechat.im_livechat_group_user"))
        self.assertTrue(self.permissions["receive_buyers"].available)

    def test_each_permission_says_whose_it_reaches(self):
        for permission in self.env["livechat.permission"].search([]):
            if permission.get_external_id()[permission.id].startswith("im_livechat_subaccount."):
                self.assertTrue(permission.reach, permission.name)
        for name in ("edit_products", "edit_shop_pages"):
            permission = self.env.ref(f"im_livechat_subaccount.permission_{name}")
            self.assertFalse(permission.grantable)
            self.assertIn("Not grantable", permission.description)

    def test_shops_of_one_company_are_told(self):
        orders = self.env.ref("im_livechat_subaccount.permission_look_at_orders")
        buyers = self.permissions["receive_buyers"]
        mine = self.subaccounts["colleague"].with_user(self.owner)
        self.assertTrue(orders.shares_company)
        self.assertFalse(buyers.shares_company)
        self.assertTrue(mine.shares_company)
        self.assertTrue(self.env["res.config.settings"].create({}).shops_share_company)
        for user in (
            self.env["res.users"]
            .with_context(active_test=False)
            .search([("main_account_id", "!=", self.owner.id), ("main_account_id", "!=", False)])
        ):
            company = self.env["res.company"].create({"name": user.login})
            user.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        self.env.invalidate_all()
        self.assertFalse(mine.shares_company)
        self.assertFalse(orders.with_user(self.owner).shares_company)
