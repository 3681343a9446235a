"""Two shops in companies of their own, and two in one: what each permission reaches then."""

from odoo.fields import Command
from odoo.tests import tagged

from .common import get_turn, is_every_case_tried
from .security_matrix import ALLOWED, EMPTY, NOTHING, SECRET, Attack, SecurityCommon
from .test_security_rpc import RpcCommon

_TEMPLATES = ("reception", "after_sales", "shipping", "audit", "store_manager")
# With one of these alone somebody sees the orders of a company.
_SEE_ORDERS = ("look_at_orders", "handle_orders")


class CompanyCommon(SecurityCommon):
    """One sub-account for each permission of the catalogue, beside those of the templates."""

    own_companies = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = {"sale_stock", "account", "crm"} - cls.env["ir.module.module"]._installed().keys()
        if missing:
            cls.skipTest(cls, f"{missing} are not installed; dev/test has them")
        company = cls.owner.company_id
        if cls.own_companies:
            company = cls.env["res.company"].create({"name": f"{SECRET} company"})
            rivals = cls.rival | cls.victims.user_id
            rivals.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        permissions = cls.env["livechat.permission"].search([])
        permissions.grantable = True
        names = {
            row_id: xmlid.rpartition("permission_")[2]
            for row_id, xmlid in permissions.get_external_id().items()
        }
        roles = cls.Roles.create(
            [{"name": names[row.id], "permission_ids": row.ids} for row in permissions]
        )
        team = {f"only {role.name}": role for role in roles.with_env(cls.env)}
        for name, row in cls._create_team(cls.owner, team).items():
            cls.users[name.replace(" ", "_")] = row.user_id
        cls.permission_names = [
            name.removeprefix("only_") for name in cls.users if name.startswith("only_")
        ]
        cls.people = ["main_account", *_TEMPLATES]
        cls.people += [f"only_{name}" for name in cls.permission_names]
        cls.trade = cls._trade(company)
        cls.env.cr.flush()

    @classmethod
    def _trade(cls, company):
        """What a shop leaves behind in the applications of its company."""
        env = cls.env(context={"allowed_company_ids": company.ids, "tracking_disable": True})
        partner = env["res.partner"].create({"name": f"{SECRET} contact", "company_id": company.id})
        journal = env["account.journal"].create(
            {"name": "Rival", "type": "sale", "code": "RIVAL", "company_id": company.id}
        )
        warehouse = env["stock.warehouse"].search([("company_id", "=", company.id)], limit=1)
        kind = warehouse.out_type_id
        product = env["product.template"].create(
            {"name": f"{SECRET} product", "company_id": company.id}
        )
        return {
            "res.partner": partner,
            "product.template": product,
            "product.product": product.product_variant_id,
            "sale.order": env["sale.order"].create(
                {
                    "partner_id": partner.id,
                    "company_id": company.id,
                    "client_order_ref": f"{SECRET} order",
                    "user_id": cls.rival.id,
                }
            ),
            "stock.picking": env["stock.picking"].create(
                {
                    "partner_id": partner.id,
                    "picking_type_id": kind.id,
                    "location_id": kind.default_location_src_id.id,
                    "location_dest_id": kind.default_location_dest_id.id,
                    "origin": f"{SECRET} delivery",
                }
            ),
            "account.move": env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "journal_id": journal.id,
                    "ref": f"{SECRET} invoice",
                }
            ),
            "crm.lead": env["crm.lead"].create(
                {"name": f"{SECRET} lead", "company_id": company.id, "user_id": cls.rival.id}
            ),
        }


@tagged("post_install", "-at_install")
class TestCompanies(RpcCommon, CompanyCommon):
    """Shops in companies of their own, over RPC."""

    def _get_rows(self, records):
        for who in self.people:
            for model, record in records.items():
                if not is_every_case_tried() and get_turn(3, who, model):
                    continue
                domain = [("id", "in", record.ids)]
                for method, ids, args, expected in (
                    ("search_read", None, (domain, ["display_name"]), EMPTY),
                    ("search_count", None, (domain,), EMPTY),
                    ("read", record.ids, (["display_name"],), EMPTY),
                    ("write", record.ids, ({"active": False},), NOTHING),
                ):
                    yield Attack(
                        "nothing of another company", who, model, method, ids, args,
                        expected=expected,
                    )  # fmt: skip

    def test_no_permission_reaches_the_trade_of_another_company(self):
        self.run_attacks(self._get_rows(self.trade), self.call_kw)

    def test_no_permission_reaches_the_chats_of_another_shop(self):
        chats = {
            model: self.victim_shop[model]
            for model in (
                *("discuss.channel", "mail.message", "rating.rating", "im_livechat.channel"),
                *("livechat.dispatch.decision", "livechat.dispatch.group"),
            )
        }
        self.run_attacks(self._get_rows(chats), self.call_kw)

    def test_what_is_said_of_shops_in_companies_of_their_own(self):
        self.assertFalse(self.owner._shares_company())
        permissions = self.env["livechat.permission"].with_user(self.owner).search([])
        self.assertFalse(permissions.filtered("shares_company"))
        self.assertFalse(self.subaccounts["after_sales"].with_user(self.owner).shares_company)


@tagged("post_install", "-at_install")
class TestOneCompany(RpcCommon, CompanyCommon):
    """Shops that share a company, over RPC."""

    own_companies = False

    def test_who_may_see_orders_sees_those_of_both_shops(self):
        order = self.trade["sale.order"]
        self.run_attacks(
            [
                Attack(
                    "a shared company",
                    who,
                    "sale.order",
                    "read",
                    order.ids,
                    (["name"],),
                    expected=expected,
                )
                for who, expected in (
                    *((f"only_{name}", ALLOWED) for name in _SEE_ORDERS),
                    *((who, ALLOWED) for who in ("after_sales", "audit", "store_manager")),
                    *((who, EMPTY) for who in ("reception", "only_receive_buyers")),
                )
            ],
            self.call_kw,
        )

    def test_what_is_said_of_shops_that_share_a_company(self):
        self.assertTrue(self.owner._shares_company())
        permissions = self.env["livechat.permission"].with_user(self.owner).search([])
        reaching = permissions.filtered("shares_company")
        names = {
            xmlid.rpartition("permission_")[2] for xmlid in reaching.get_external_id().values()
        }
        self.assertEqual(
            names,
            {
                *("look_at_orders", "handle_orders", "ship_orders", "handle_returns", "refund"),
                *("handle_tickets", "edit_products", "edit_shop_pages"),
            }
            & set(self.permission_names),
        )
        self.assertTrue(self.subaccounts["after_sales"].with_user(self.owner).shares_company)
