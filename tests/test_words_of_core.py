import re

from lxml import etree, html

from odoo.tests import tagged

from ..tools import words_of_core
from .common import DispatchCommon, ShopCommon

ROOT = "im_livechat.menu_livechat_root"
# What other words of a shop stand for: agent, channel, buyer, chat.
CLASHING = re.compile("代理|渠道|访问者|操作员|运营商|对话时段|讯息|会话")
# Two words of English one after another; addresses and examples have none.
ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


@tagged("post_install", "-at_install")
class TestWordsOfCore(ShopCommon, DispatchCommon):
    """Core's Chinese on the pages of a shop's owner is the shop's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("zh_CN")
        modules = cls.env["ir.module.module"]
        modules._load_module_terms(
            ["mail", "rating", "im_livechat", "im_livechat_subaccount"], ["zh_CN"]
        )
        cls.chinese = cls.env(user=cls.owner, context={"lang": "zh_CN"})

    def _list_pages(self):
        """Yield ``(model, views, texts of the action)`` of what core has in the owner's menus, and
        of a channel."""
        menus = self.chinese["ir.ui.menu"].load_menus(False)
        root = next(menu for menu in menus.values() if menu.get("xmlid") == ROOT)
        items = [menus[item] for head in root["children"] for item in menus[head]["children"]]
        for item in items:
            action = self.chinese["ir.ui.menu"].sudo().browse(item["id"]).action
            if not action or action._name != "ir.actions.act_window":
                continue
            if action.res_model not in words_of_core.MODELS:
                continue
            read = action._get_action_dict()
            texts = [item["name"], read["name"]]
            if read["help"]:
                texts += html.fromstring(f"<div>{read['help']}</div>").itertext()
            views = [*action.views, (action.search_view_id.id, "search")]
            yield action.res_model, views, texts
        yield "im_livechat.channel", [(False, "form"), (False, "kanban")], []
        yield "im_livechat.channel.rule", [(False, "form"), (False, "list")], []

    def _list_texts(self):
        """Yield ``(where, text)`` of all that core's views and fields say there."""
        for model, views, texts in self._list_pages():
            yield from ((model, text) for text in texts)
            found = self.chinese[model].get_views(views)
            for kind, view in found["views"].items():
                for node in etree.fromstring(view["arch"]).iter(etree.Element):
                    if node.get("invisible") == "1" or node.get("column_invisible") == "1":
                        continue
                    shown = ("string", "placeholder", "title", "confirm", "aria-label", "alt")
                    texts = [node.get(name) for name in shown]
                    if node.tag == "field" and not node.get("string"):
                        field = found["models"][model]["fields"].get(node.get("name"), {})
                        texts += [field.get("string"), field.get("help")]
                        texts += [label for _value, label in field.get("selection") or ()]
                    for text in (*texts, node.text, node.tail):
                        if text and text.strip():
                            yield f"{model} {kind} {node.get('name') or node.tag}", text.strip()

    def test_no_word_clashes_with_the_shops(self):
        self._check_of_core(CLASHING)

    def test_nothing_of_core_is_left_in_english(self):
        self._check_of_core(ENGLISH)

    def _check_of_core(self, pattern):
        """Nothing that core says there matches; of what is ours ``TestTranslations`` takes care."""
        ours = {term for term in self._list_own_terms() if pattern.search(term)}
        found = {
            (where, text)
            for where, text in self._list_texts()
            if pattern.search(text) and " ".join(text.split()) not in ours
        }
        self.assertFalse(found)

    def _list_own_terms(self):
        """Yield our own words, in English and in Chinese."""
        for env in (self.env, self.env(context={"lang": "zh_CN"})):
            for model, names in (
                ("ir.model.fields", ("field_description", "help")),
                ("ir.model.fields.selection", ("name",)),
                ("ir.actions.act_window", ("name",)),
                ("ir.ui.menu", ("name",)),
            ):
                for record in self._list_own(model).with_env(env):
                    yield from filter(None, (record[name] for name in names))
            for view in self._list_own("ir.ui.view").with_env(env):
                for node in etree.fromstring(view.arch_db).iter(etree.Element):
                    for text in (*node.attrib.values(), node.text, node.tail):
                        yield " ".join((text or "").split())
            for action in self._list_own("ir.actions.act_window").with_env(env):
                if action.help:
                    yield from html.fromstring(f"<div>{action.help}</div>").itertext()

    def _list_own(self, model):
        own = [("module", "=", "im_livechat_subaccount"), ("model", "=", model)]
        ids = self.env["ir.model.data"].search(own).mapped("res_id")
        return self.env[model].browse(ids).exists()

    def test_english_stays_as_core_says_it(self):
        label = self.env["im_livechat.channel"].fields_get(["name"])["name"]["string"]
        self.assertEqual(label, "Channel Name")
        arch = "<form><field name='name' string='代理'/></form>"
        self.assertEqual(words_of_core.replace_in("en_US", arch), arch)

    def test_a_label_that_an_administrator_has_chosen_stays(self):
        field = self.env["ir.model.fields"]._get("im_livechat.channel", "name")
        field.with_context(lang="zh_CN").field_description = "店名"
        self.env.registry.clear_cache("stable")
        label = self.chinese["im_livechat.channel"].fields_get(["name"])["name"]["string"]
        self.assertEqual(label, "店名")

    def test_the_arch_keeps_all_but_its_words(self):
        arch = "<p class='a'>\n  操作员\n<b title='渠道名称'>x</b>\n Sessions </p>"
        self.assertEqual(
            words_of_core.replace_in("zh_CN", arch),
            '<p class="a">\n  客服\n<b title="频道名称">x</b>\n 对话 </p>',
        )
