from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import ShopCommon


@tagged("post_install", "-at_install")
class TestOnchange(ShopCommon):
    """A form that is being filled in tells its user no more than that user may read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subaccount = cls.Subaccounts.create(
            {
                "name": "Chen Jing",
                "email": "chen@shop.example",
                "role_ids": [Command.link(cls.role_reception.id)],
            }
        )
        cls.subaccount._activate("sesame-open")
        cls.agent = cls.subaccount.sudo().user_id
        manager = cls.Subaccounts.create(
            {"name": "Li Na", "role_ids": [Command.link(cls.role_store_manager.id)]}
        )
        manager._activate("sesame-open")
        cls.manager = manager.sudo().user_id

    def test_nobody_fills_a_sub_account_form_with_another_user(self):
        names = ("login", "email", "phone", "dispatch_weight", "state", "login_date")
        spec = {
            **dict.fromkeys(names, {}),
            "user_id": {},
            "channel_ids": {"fields": {"name": {}}},
            "main_account_id": {"fields": {"display_name": {}}},
        }
        admin = self.env.ref("base.user_admin")
        for caller, victims in (
            (self.rival, self.agent | self.owner | admin),
            (self.manager, self.owner | self.rival | admin),
        ):
            for victim in victims:
                forms = self.env["livechat.subaccount"].with_user(caller)
                empty = forms.onchange({}, [], spec)["value"]
                for form, said, changed in (
                    (forms, {"user_id": victim.id}, []),
                    (forms, {"user_id": victim.id}, ["user_id"]),
                    (forms, {"main_account_id": victim.id}, ["main_account_id"]),
                    (forms.with_context(default_user_id=victim.id), {}, []),
                ):
                    with self.subTest(caller=caller.login, victim=victim.login, said=said):
                        value = form.onchange(dict(said), changed, spec)["value"]
                        for name in spec:
                            self.assertEqual(value.get(name, False), empty.get(name, False), name)

    def test_what_is_no_name_of_a_field_has_not_changed(self):
        forms = self.env["livechat.subaccount"].with_user(self.owner)
        changed = [["name"], {"name": 1}, None, 7, "name"]
        value = forms.onchange({"name": "Zhao"}, changed, {"name": {}, "login": {}})["value"]
        self.assertTrue(value["login"])

    def test_a_proposed_login_writes_nothing(self):
        buyer = new_test_user(self.env, "buyer@example.com", "base.group_portal")
        forms = self.env["livechat.subaccount"].with_user(self.rival)
        spec = {"name": {}, "login": {}}

        value = forms.onchange({"name": "Zhao", "main_account_id": buyer.id}, ["name"], spec)[
            "value"
        ]

        self.assertEqual(value["login"], "rival:desk1")
        self.assertFalse(buyer.main_account_code)
        self.assertFalse(self.rival.main_account_code)
        self.assertFalse(buyer.partner_id.livechat_main_account_id)

    def test_an_administrator_is_proposed_a_login_of_the_named_shop(self):
        value = (
            self.env["livechat.subaccount"]
            .with_user(self.env.ref("base.user_admin"))
            .onchange({"name": "Zhao", "main_account_id": self.rival.id}, ["name"], {"login": {}})[
                "value"
            ]
        )
        self.assertEqual(value["login"], "rival:desk1")

    def test_the_proposed_login_is_the_one_that_is_created(self):
        forms = self.env["livechat.subaccount"].with_user(self.rival)
        proposed = forms.onchange({"name": "Zhao"}, ["name"], {"login": {}})["value"]["login"]
        self.assertEqual(forms.create({"name": "Zhao"}).login, proposed)
        self.assertEqual(self.rival.main_account_code, "rival")

    def test_a_dated_change_names_no_agent_and_no_channel_of_another_shop(self):
        channel = self.env["im_livechat.channel"].create(
            {"name": "Flagship", "main_account_id": self.owner.id, "user_ids": self.agent.ids}
        )
        changes = self.env["livechat.dispatch.change"].with_user(self.rival)
        spec = {
            "summary": {},
            "channel_id": {"fields": {"display_name": {}}},
            "line_ids": {"fields": {"user_id": {"fields": {"display_name": {}}}}},
        }
        for values in (
            {"line_ids": [[0, "virtual_1", {"user_id": self.agent.id, "weight": 50}]]},
            {"line_ids": [[0, "virtual_1", {"user_id": {"id": self.agent.id}, "weight": 50}]]},
            {"line_ids": [[0, "virtual_1", {"user_id": "abc"}]]},
            {"channel_id": channel.id},
            {"channel_id": {"id": channel.id}},
        ):
            for changed in ([], list(values)):
                with self.subTest(values=values), self.assertRaises(AccessError):
                    changes.onchange(dict(values), changed, spec)
        value = changes.with_user(self.owner).onchange(
            {"line_ids": [[0, "virtual_1", {"user_id": self.agent.id, "weight": 50}]]},
            ["line_ids"],
            spec,
        )["value"]
        self.assertIn("Chen Jing", value["summary"])

    def test_a_login_that_reads_like_another_shops_is_refused(self):
        self.Subaccounts.create({"name": "Zhao", "login": "flagship:desk9"})
        rivals = self.env["livechat.subaccount"].with_user(self.rival)
        for login in ("flagship:desk8", "Flagship:desk8", "flagship\uff1adesk8", "\uff46lagship:x"):
            with self.subTest(login=login), self.assertRaisesRegex(Exception, "another shop"):
                rivals.create({"name": "Zhao", "login": login})
