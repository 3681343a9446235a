import re
from pathlib import Path

from lxml import etree

from odoo.tests import TransactionCase, tagged

from ..tools import words_of_core
from .common import create_user

_DOCS = Path(__file__).resolve().parent.parent
# What is read by people who look for it on the page: ``{language: (documents, how a document quotes
# what stands on a page, the application, a button at the end of a way)}``.
DOCUMENTS = {
    "en_US": (
        ("README.md", "docs/manual.md", "docs/operations.md", "docs/security.md"),
        r"(?<!\*)\*([^*]+)\*(?!\*)",
        "Live Chat",
        ("New", "your channel"),
    ),
    "zh_CN": (
        ("README.zh-CN.md", "docs/zh/manual.md"),
        "“([^”]+)”",
        "在线聊天",
        ("新建", "您的频道"),
    ),
}

ROOT = "im_livechat.menu_livechat_root"
AGENT = "im_livechat.im_livechat_group_user"


@tagged("post_install", "-at_install")
class TestMenus(TransactionCase):
    """Six heads for a shop's people, four items for its agents, core's own for everybody else."""

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
        for item in ("Team", "Decisions", "Change Log", "Account Log"):
            self.assertIn(item, heads["Reports"])
        # The page *Team* leads to them.
        self.assertEqual(set(heads["Reports"]) & {"Agents", "Dispatch Analysis"}, set())
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
        for item in ("Decisions", "Agents", "Dispatch Analysis"):
            self.assertIn(item, heads["Reporting"])
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


@tagged("post_install", "-at_install")
class TestManual(TransactionCase):
    """What the documents say that stands on a page stands there, in English and in Chinese."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("zh_CN")
        modules = cls.env["ir.module.module"]
        modules._load_module_terms(["base", "im_livechat", "im_livechat_subaccount"], ["zh_CN"])
        main_account = "im_livechat_subaccount.group_main_account"
        cls.owner = create_user(cls.env, "manual_owner", main_account)
        cls.agent = create_user(cls.env, "manual_agent", AGENT)
        cls.agent.main_account_id = cls.owner
        cls.admin = create_user(
            cls.env, "manual_admin", "im_livechat.im_livechat_group_manager,base.group_system"
        )

    def _read(self, name):
        """Return a document as one line of text."""
        return " ".join((_DOCS / name).read_text(encoding="utf-8").split())

    def _load(self, user, lang):
        """Return ``[(head, item), …]`` of the application, a head alone being ``(head,)``."""
        menus = self.env["ir.ui.menu"].with_user(user).with_context(lang=lang).load_menus(False)
        root = next(menu for menu in menus.values() if menu.get("xmlid") == ROOT)
        ways = []
        for head in root["children"]:
            ways.append((menus[head]["name"],))
            ways += [(menus[head]["name"], menus[id_]["name"]) for id_ in menus[head]["children"]]
        return ways

    def test_each_way_through_the_menus_is_one(self):
        for lang, (names, quoted, application, buttons) in DOCUMENTS.items():
            people = (self.owner, self.agent, self.admin)
            ways = {way for user in people for way in self._load(user, lang)}
            found = 0
            for name in names:
                for quote in re.findall(quoted, self._read(name)):
                    head, *way = quote.split(" ▸ ")
                    if head != application or not way:
                        continue
                    found += 1
                    with self.subTest(document=name, way=quote):
                        self.assertIn(tuple(one for one in way if one not in buttons), ways)
            self.assertGreater(found, 10)

    def test_what_stands_in_the_menus_of_a_shop_and_of_an_agent_is_told(self):
        for lang, name, of_shop, of_agents in (
            (
                "en_US",
                "docs/manual.md",
                "has six heads: ([^;]+);",
                "oversee nothing has four items: ([^.]+)",
            ),
            (
                "zh_CN",
                "docs/zh/manual.md",
                "菜单有六项：([^，]+)，",
                "只接待买家的客服有四项：([^。]+)。",
            ),
        ):
            text, quoted = self._read(name), DOCUMENTS[lang][1]
            for user, pattern in ((self.owner, of_shop), (self.agent, of_agents)):
                with self.subTest(lang=lang, user=user.login):
                    told = re.findall(quoted, re.search(pattern, text)[1])
                    heads = [way[0] for way in self._load(user, lang) if len(way) == 1]
                    self.assertEqual(told, heads)

    def test_an_agent_finds_who_waits_where_it_is_told(self):
        for lang, name, pattern in (
            ("en_US", "docs/manual.md", r"Agents may take a waiting buyer by hand under (.+?)\. "),
            ("zh_CN", "docs/zh/manual.md", "客服可以在(“[^”]+”)里手动领取"),
        ):
            quoted = DOCUMENTS[lang][1]
            (first, *_others) = re.findall(quoted, re.search(pattern, self._read(name))[1])
            with self.subTest(lang):
                self.assertIn(tuple(first.split(" ▸ ")[1:]), self._load(self.agent, lang))

    def test_a_shop_is_handed_over_on_the_page_that_is_told(self):
        action = self.env.ref("im_livechat_subaccount.livechat_shop_handover_action")
        for name, lang, pattern in (
            ("docs/manual.md", "en_US", r"\*Hand shop over\*, on the page \*([^*]+)\*"),
            ("docs/security.md", "en_US", r"\*Hand shop over\* on the user's page \*([^*]+)\*"),
            ("docs/zh/manual.md", "zh_CN", "在用户表单的“([^”]+)”页 ?点击“交接店铺”"),
        ):
            users = self.env["res.users"].with_context(lang=lang)
            arch = users.get_view(self.env.ref("base.view_users_form").id, "form")["arch"]
            (page,) = etree.fromstring(arch).xpath(f"//page[.//button[@name='{action.id}']]")
            with self.subTest(name):
                self.assertEqual(re.search(pattern, self._read(name))[1], page.get("string"))

    def test_no_word_of_core_is_quoted_where_a_page_says_the_shops(self):
        for name in DOCUMENTS["zh_CN"][0]:
            for quote in re.findall(DOCUMENTS["zh_CN"][1], self._read(name)):
                with self.subTest(document=name, quote=quote):
                    self.assertEqual(words_of_core.replace("zh_CN", quote), quote)
