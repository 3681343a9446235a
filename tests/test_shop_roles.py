from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, JsonRpcException, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ShopCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestShopRoles(PatientCase, ShopCommon):
    """What the roles open in the shop's own applications, with `sale_stock` installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "sale_stock" not in cls.env["ir.module.module"]._installed():
            cls.skipTest(cls, "sale_stock is not installed; dev/test has it")
        cls.shipper = cls._enable("Shipper", cls.role_shipping)
        cls.auditor = cls._enable("Auditor", cls.role_audit)
        product = cls.env["product.product"].create({"name": "Kettle", "is_storable": True})
        warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.owner.company_id.id)], limit=1
        )
        cls.env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 10)
        cls.order = cls.env["sale.order"].create(
            {
                "partner_id": cls.env["res.partner"].create({"name": "Buyer"}).id,
                "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 2})],
            }
        )
        cls.order.action_confirm()
        cls.delivery = cls.order.picking_ids

    @classmethod
    def _enable(cls, name, role):
        subaccount = cls.Subaccounts.create(
            {"name": name, "login": name.lower(), "role_ids": [Command.set(role.ids)]}
        )
        subaccount._activate("sesame-open")
        return subaccount.sudo().user_id

    def test_every_permission_works_when_the_shops_modules_are_there(self):
        for name in ("look_at_orders", "handle_orders", "ship_orders", "handle_returns", "refund"):
            permission = self.env.ref(f"im_livechat_subaccount.permission_{name}")
            with self.subTest(permission=name):
                self.assertTrue(permission.available, permission.availability)

    def test_shipping_validates_a_delivery_and_a_return(self):
        delivery = self.delivery.with_user(self.shipper)
        delivery.move_ids.quantity = 2
        delivery.button_validate()
        self.assertEqual(delivery.state, "done")
        wizard = Form(
            self.env["stock.return.picking"]
            .with_user(self.shipper)
            .with_context(active_id=delivery.id, active_model="stock.picking")
        ).save()
        wizard.product_return_moves.quantity = 1
        back = (
            self.env["stock.picking"]
            .with_user(self.shipper)
            .browse(wizard.action_create_returns()["res_id"])
        )
        back.move_ids.quantity = 1
        back.button_validate()
        self.assertEqual(back.state, "done")

    def test_shipping_validates_with_the_calls_of_the_web_client(self):
        self.authenticate("shipper", "sesame-open")
        actions = self.make_jsonrpc_request(
            "/web/dataset/call_kw/stock.move/web_save",
            {
                "model": "stock.move",
                "method": "web_save",
                "args": [self.delivery.move_ids.ids, {"quantity": 2}],
                "kwargs": {"specification": {"quantity": {}}},
            },
        )
        self.assertEqual(actions[0]["quantity"], 2)
        self._press("button_validate")
        self.assertEqual(self.delivery.state, "done")

    def test_audit_is_refused_the_calls_of_the_web_client(self):
        self.authenticate("auditor", "sesame-open")
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException) as refused:
            self._press("button_validate")
        self.assertIn("AccessError", str(refused.exception))
        self.assertNotEqual(self.delivery.state, "done")

    def _press(self, button):
        self.make_jsonrpc_request(
            "/web/dataset/call_button/stock.picking/" + button,
            {
                "model": "stock.picking",
                "method": button,
                "args": [self.delivery.ids],
                "kwargs": {"context": {}},
            },
        )
        self.delivery.invalidate_recordset()

    def test_shipping_opens_neither_invoices_nor_settings(self):
        for model, operation in (
            ("account.move", "read"),
            ("account.move", "create"),
            ("res.config.settings", "create"),
            ("res.users", "write"),
            ("product.template", "write"),
            ("website", "write"),
        ):
            with self.subTest(model=model, operation=operation):
                self.assertFalse(self.env[model].with_user(self.shipper).has_access(operation))
        new_test_user(self.env, login="employee", password="sesame-open")
        self.assertEqual(self._menus("shipper") - self._menus("employee"), {"Inventory"})

    def test_audit_reads_orders_and_deliveries_and_changes_none(self):
        invoice = self.env["account.move"].search([], limit=1)
        for record in (self.order, self.order.order_line, self.delivery, self.delivery.move_ids):
            with self.subTest(model=record._name):
                mine = record.with_user(self.auditor)
                self.assertTrue(mine.read(["display_name"]))
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(mine.has_access(operation))
        self.assertFalse(invoice.with_user(self.auditor).has_access("write"))
        with self.assertRaises(AccessError):
            self.delivery.with_user(self.auditor).button_validate()
        with self.assertRaises(AccessError):
            self.order.with_user(self.auditor).action_cancel()
        new_test_user(self.env, login="employee", password="sesame-open")
        self.assertEqual(self._menus("auditor") - self._menus("employee"), {"Live Chat"})

    def _menus(self, login):
        """The names of the applications in this person's web client."""
        self.authenticate(login, "sesame-open")
        menus = self.url_open("/web/webclient/load_menus").json()
        return {menus[str(menu)]["name"] for menu in menus["root"]["children"]}
