"""What Odoo lets employees share with each other, a shop's staff keeps to itself."""

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .security_matrix import SecurityCommon

_ADDON = "im_livechat_subaccount"
# What the staff of a shop may create or write by its roles, beside what `ir.rule` keeps to itself
# and what is ours. Of each somebody has looked whether the page of another person obeys it.
_REVIEWED = {
    # Its own by core's rules or code.
    "auth.passkey.key",
    "calendar.filters",
    "discuss.gif.favorite",
    "hr.employee.location",
    "hr.employee.skill",
    "hr.resume.line",
    "mail.scheduled.message",
    "res.users.settings",
    "res.users.settings.embedded.action",
    "res.users.settings.volumes",
    # What people say to each other; core asks for the document. Links: see mail.activity.
    "calendar.alarm",
    "calendar.attendee",
    "calendar.event",
    "calendar.recurrence",
    "discuss.channel",
    "discuss.channel.member",
    "mail.activity",
    "mail.message",
    "mail.notification",
    "rating.rating",
    "snailmail.letter",
    # Files: none that a page runs; see ir.attachment for those offered to editors.
    "ir.attachment",
    # Without a token, which administrators set.
    "iap.account",
    # Of the own shop by our rules.
    "im_livechat.channel",
    "im_livechat.channel.rule",
    # Names to choose from, without anything that is done.
    "crm.tag",
    "hr.skill",
    "utm.campaign",
    "utm.medium",
    "utm.source",
    # The business itself, which a permission gives: see its sentence in the catalogue.
    "res.partner",
    "stock.move.line",
    "stock.reference",
}
# The business itself, which a permission gives, by the module that brings it.
_BUSINESS = {
    "account": {
        "account.cash.rounding",
        "account.full.reconcile",
        "account.move",
        "account.move.line",
        "account.partial.reconcile",
        "account.payment",
        "account.payment.method",
        "account.payment.method.line",
        "account.reconcile.model",
        "account.reconcile.model.line",
    },
    "analytic": {
        "account.analytic.account",
        "account.analytic.distribution.model",
        "account.analytic.line",
    },
    "crm": {"crm.lead"},
    "payment": {"payment.transaction"},
    "product": {"product.attribute.custom.value"},
    "sale": {"sale.order", "sale.order.line"},
    "stock": {
        "stock.lot",
        "stock.move",
        "stock.package",
        "stock.package.history",
        "stock.picking",
        "stock.quant",
        "stock.scrap",
        "stock.scrap.reason.tag",
    },
    "website_sale_wishlist": {"product.wishlist"},
}


@tagged("post_install", "-at_install")
class TestPrivate(SecurityCommon):
    def _share_with_sudo(self, who):
        """What stands in a database from the time before, or got there by another way."""
        env = self.env["base"].with_user(self.users[who]).sudo().env
        return env

    def test_every_model_that_staff_may_change_was_looked_at(self):
        private = self.env["ir.rule"]._get_private_models()
        changed = {}
        for who in self.staff:
            env = self.env(user=self.users[who])
            access = env["ir.model.access"]
            for name, model in env.items():
                if model._abstract or model._transient or model._original_module == _ADDON:
                    continue
                modes = [
                    mode
                    for mode in ("create", "write", "unlink")
                    if access.check(name, mode, raise_exception=False)
                ]
                if modes and name not in private:
                    changed.setdefault(name, {})[who] = modes
        business = {name for models in _BUSINESS.values() for name in models}
        reviewed = _REVIEWED | business
        self.assertFalse({name: changed[name] for name in changed.keys() - reviewed})
        # What nobody may change any more, or is gone, would come back unseen.
        for module, models in _BUSINESS.items():
            if module in self.env.registry._init_modules:
                self.assertFalse(models - changed.keys())
        there = {name for name in _REVIEWED if name in self.env}
        self.assertFalse(there - changed.keys())

    def test_staff_changes_no_tag_by_which_another_shops_buyers_are_known(self):
        if "crm.lead" not in self.env:
            self.skipTest("with the CRM sellers may change tags")
        user = self.users["reception"]
        user.group_ids |= self.env.ref("sales_team.group_sale_salesman")
        buyer = self.env["res.partner"].create({"name": "Buyer"})
        tag = self.env["res.partner.category"].create({"name": "VIP", "partner_ids": buyer.ids})
        for vals in ({"name": "x"}, {"partner_ids": [Command.clear()]}, {"active": False}):
            with self.subTest(**vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                tag.with_user(user).write(vals)
        buyer.with_user(user).category_id = [Command.unlink(tag.id)]
        own = tag.with_user(user).create({"name": "Likes tea"})
        own.name = "Likes green tea"
        tag.with_user(self.env.ref("base.user_admin")).name = "Very important"

    def test_nobody_obeys_a_filter_that_staff_made_for_all(self):
        admin = self.env.ref("base.user_admin")
        made = self._share_with_sudo("reception")["ir.filters"].create(
            {
                "name": "trick",
                "model_id": "res.users",
                "context": "{'default_password': 'evil'}",
                "is_default": True,
            }
        )
        for user in (admin, self.owner, self.rival, self.users["employee"]):
            found = self.env["ir.filters"].with_user(user).get_filters("res.users")
            self.assertNotIn(made.id, [row["id"] for row in found])
        found = self.env["ir.filters"].with_user(made.create_uid).get_filters("res.users")
        self.assertIn(made.id, [row["id"] for row in found])
        made = self.env["ir.filters"].create({"name": "good", "model_id": "res.users"})
        found = self.env["ir.filters"].with_user(self.users["reception"]).get_filters("res.users")
        self.assertIn(made.id, [row["id"] for row in found])

    def test_nobody_is_shown_a_button_that_staff_made_for_all(self):
        action = self.env.ref("base.action_res_users")
        buttons = self._share_with_sudo("reception")["ir.embedded.actions"]
        values = {
            "name": "trick",
            "parent_action_id": action.id,
            "parent_res_model": "res.users",
            "python_method": "preference_save",
        }
        made = buttons.create(values)
        good = self.env["ir.embedded.actions"].create(values)
        for who in ("employee", "main_account"):
            user = self.users[who]
            # As the page loads an action.
            shown = action.with_user(user).sudo().with_context(active_id=user.id)
            self.assertEqual(shown.embedded_action_ids, good)
        self.assertNotIn(
            made, self.env["ir.embedded.actions"].with_user(self.users["employee"]).search([])
        )

    def test_nobody_is_offered_an_answer_or_a_template_that_staff_made_for_all(self):
        env = self._share_with_sudo("reception")
        made = {
            "mail.canned.response": {
                "source": "pay",
                "substitution": "pay at evil.example.com",
                "group_ids": [Command.set(self.internal.ids)],
            },
            "mail.template": {
                "name": "pay",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
            },
            "ir.exports": {"name": "pay", "resource": "res.partner"},
        }
        for name, vals in made.items():
            record = env[name].create(vals)
            for who in ("main_account", "agent", "store_manager"):
                with self.subTest(name=name, who=who):
                    found = self.env[name].with_user(self.users[who]).search([])
                    self.assertNotIn(record.id, found.ids)

    def test_what_staff_made_for_itself_goes_with_it(self):
        row = self.subaccounts["colleague"]
        own = self.env["ir.filters"].with_user(row.user_id)
        own = own.create({"name": "own", "model_id": "res.users", "user_ids": row.user_id.ids})
        row.with_user(self.owner).action_disable()
        row.with_user(self.owner).action_delete()
        self.assertFalse(own.exists())

    def test_who_is_nobodys_staff_shares_as_before(self):
        employee = new_test_user(self.env, "sharing", "base.group_user")
        made = self.env["ir.filters"].with_user(employee)
        made = made.create({"name": "ours", "model_id": "res.partner"})
        found = self.env["ir.filters"].with_user(self.users["agent"]).get_filters("res.partner")
        self.assertIn(made.id, [row["id"] for row in found])
        made.with_user(self.users["agent"]).name = "everybody's"

    def test_what_staff_says_for_all_is_no_default_of_ours(self):
        field = self.env["ir.model.fields"]._get("livechat.subaccount", "email")
        values = {"field_id": field.id, "json_value": '"evil@example.com"'}
        rows = self.env["livechat.subaccount"].with_user(self.owner)
        self._share_with_sudo("reception")["ir.default"].create(values)
        self.assertFalse(rows.default_get(["email"]).get("email"))
        self.env["ir.default"].search([("field_id", "=", field.id)]).unlink()
        self.env["ir.default"].create({**values, "json_value": '"desk@example.com"'})
        self.assertEqual(rows.default_get(["email"]), {"email": "desk@example.com"})
