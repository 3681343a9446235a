from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged, users

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestUsers(DispatchCommon):
    def test_a_weight_is_a_whole_number_from_10_to_1000(self):
        agent = self._create_agent("agent")
        for weight in (10, 11, 100, 999, 1000):
            agent.dispatch_weight = weight
            self.assertEqual(agent.dispatch_weight, weight)
        refused = (9, 1001, 0, -100, 10**12, "abc", "", "100", False, True, None, 99.5, [100])
        for weight in (*refused, float("nan"), float("inf")):
            with self.subTest(weight=weight):
                with self.assertRaisesRegex(ValidationError, "from 10 to 1000"):
                    agent.write({"dispatch_weight": weight})
                with self.assertRaisesRegex(ValidationError, "from 10 to 1000"):
                    self.env["res.users"].create(
                        {"name": "New", "login": "new", "dispatch_weight": weight}
                    )
                agent.invalidate_recordset()
                self.assertEqual(agent.dispatch_weight, 1000)

    def test_a_new_user_has_the_weight_of_the_settings(self):
        def weight_of_new_user(login):
            return self.env["res.users"].create({"name": login, "login": login}).dispatch_weight

        parameters = self.env["ir.config_parameter"]
        self.assertEqual(weight_of_new_user("first"), 100)
        parameters.set_param("im_livechat_subaccount.dispatch_weight_default", "60")
        self.assertEqual(weight_of_new_user("second"), 60)
        parameters.set_param("im_livechat_subaccount.dispatch_weight_default", "sixty")
        self.assertEqual(weight_of_new_user("third"), 100, "a typing mistake closes no shop")

    def test_a_copy_keeps_the_weight_but_neither_owner_nor_pause(self):
        owner = self._create_agent("owner")
        agent = self._create_agent("agent", 50, main_account_id=owner.id, dispatch_paused=True)
        copy = agent.copy({"login": "copy"})
        self.assertEqual(copy.dispatch_weight, 50)
        self.assertFalse(copy.main_account_id)
        self.assertFalse(copy.dispatch_paused)

    def test_a_main_account_is_nobodys_sub_account(self):
        owner, agent = self._create_agent("owner"), self._create_agent("agent")
        stranger = self._create_agent("stranger")
        agent.main_account_id = owner
        with self.assertRaisesRegex(ValidationError, "nobody's sub-account"):
            owner.main_account_id = owner
        with self.assertRaisesRegex(ValidationError, "nobody's sub-account"):
            self._create_agent("third", main_account_id=agent.id)
        with self.assertRaisesRegex(ValidationError, "nobody's sub-account"):
            owner.main_account_id = stranger

    @users("receptionist", "manager", "employee")
    def test_nobody_but_an_administrator_changes_dispatch_fields(self):
        for user in (self.env.user | self.other).with_env(self.env):
            for vals in (
                {"dispatch_weight": 1000},
                {"dispatch_paused": True},
                {"main_account_id": self.env.uid},
            ):
                with self.subTest(user=user.login, vals=vals), self.assertRaises(AccessError):
                    user.write(vals)

    @users("employee")
    def test_an_employee_without_live_chat_does_not_see_dispatch_fields(self):
        for field in ("dispatch_weight", "dispatch_paused", "main_account_id", "dispatch_credit"):
            with self.subTest(field=field):
                with self.assertRaises(AccessError):
                    self.other.with_env(self.env).read([field])
                if field != "dispatch_credit":
                    with self.assertRaises(AccessError):
                        self.env["res.users"].search([(field, "!=", False)])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_agent("receptionist")
        cls._create_agent("manager", groups="im_livechat.im_livechat_group_manager")
        cls._create_agent("employee", groups="base.group_user")
        cls.other = cls._create_agent("other")

    def test_no_dispatch_field_is_self_writeable(self):
        mine = {name for name in self.env["res.users"]._fields if name.startswith("dispatch_")}
        writeable = set(self.env["res.users"].SELF_WRITEABLE_FIELDS)
        self.assertFalse((mine | {"main_account_id"}) & writeable)
