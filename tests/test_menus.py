from odoo.tests import TransactionCase, tagged

from .common import create_user

ROOT = "im_livechat.menu_livechat_root"
AGENT = "im_livechat.im_livechat_group_user"


@tagged("post_install", "-at_install")
class TestMenus(TransactionCase):
    """Six heads for a shop's people, three for its agents, core's own for everybody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = create_user(cls.env, "menu_owner", "im_livechat_subaccount.group_main_account")

    def _create_staff(self, *groups):
        user = create_user(self.env, "menu_staff", ",".join(groups))
        user.main_account_id = self.owner
        return user

    def _load(self, user):
        """Return ``{head: names of its items}``, a head without items being an item itself."""
        menus = self.env["ir.ui.menu"].with_user(user).with_context(lang="en_US").load_menus(False)
        root = next(menu for menu in menus.values() if menu.get("xmlid") == ROOT)
        return {
            menus[head]["name"]: [menus[item]["name"] for item in menus[head]["children"]]
            for head in root["children"]
        }

    def test_an_owner_has_six_heads(self):
        heads = self._load(self.owner)
        self.assertEqual(
            list(heads), ["Reception", "Conversations", "Team", "Plan", "Reports", "Shop"]
        )
        self.assertIn("Waiting and Messages", heads["Conversations"])
        self.assertIn("Looking for Help", heads["Conversations"])
        self.assertEqual(heads["Conversations"].count("All Conversations"), 1)
        for item in ("Sub-accounts", "Dispatch Groups", "Roles", "Permissions Matrix"):
            self.assertIn(item, heads["Team"])
        for item in ("Dated Changes", "What If"):
            self.assertIn(item, heads["Plan"])
        for item in ("Decisions", "Change Log", "Account Log", "Agents"):
            self.assertIn(item, heads["Reports"])
        self.assertEqual(
            heads["Shop"], ["Channels", "Canned Answers", "Tags", "Expertise", "Reasons of Pauses"]
        )

    def test_visitors_are_among_conversations(self):
        if not self.env.ref("website_livechat.website_livechat_visitor_menu", False):
            self.skipTest("there is no website")
        self.assertIn("Visitors", self._load(self.owner)["Conversations"])

    def test_an_agent_has_what_its_work_needs(self):
        self.assertEqual(
            list(self._load(self._create_staff(AGENT))),
            ["My Desk", "Waiting and Messages", "My Statistics", "Canned Answers"],
        )

    def test_an_auditor_reads_and_manages_nothing(self):
        heads = self._load(self._create_staff("im_livechat_subaccount.group_auditor"))
        self.assertEqual(list(heads), ["Reception", "Conversations", "Plan", "Reports"])

    def test_nobodys_staff_keeps_the_heads_of_core(self):
        manager = create_user(self.env, "menu_manager", "im_livechat.im_livechat_group_manager")
        agent = create_user(self.env, "menu_agent", AGENT)
        for user in (manager, agent):
            with self.subTest(user.login):
                heads = self._load(user)
                for head in ("Channels", "Sessions", "Configuration"):
                    self.assertIn(head, heads)
                self.assertEqual(heads.keys() & {"My Desk", "Conversations", "Shop"}, set())
                self.assertIn("Waiting and Messages", heads["Sessions"])
                self.assertIn("Canned Responses", heads["Configuration"])
        heads = self._load(manager)
        self.assertIn("Chatbots", heads["Configuration"])
        self.assertIn("Decisions", heads["Reporting"])
        self.assertNotIn("Reports", heads)

    def test_who_joins_a_shop_has_its_heads_at_once(self):
        agent = create_user(self.env, "menu_agent", AGENT)
        self.assertIn("Sessions", self._load(agent))
        agent.main_account_id = self.owner
        self.assertNotIn("Sessions", self._load(agent))

    def test_who_has_nothing_to_do_with_live_chat_has_no_head(self):
        clerk = create_user(self.env, "menu_clerk", "base.group_user")
        menus = self.env["ir.ui.menu"].with_user(clerk).load_menus(False)
        self.assertNotIn(ROOT, [menu.get("xmlid") for menu in menus.values()])
