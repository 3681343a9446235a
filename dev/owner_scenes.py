"""The scenes of dev/pictures on the owner's side, in one language: the pages of the demo shop.

python dev/owner_scenes.py DATABASE URL LANGUAGE FOLDER
"""

from types import SimpleNamespace

import scenes
import shop as shops
from browsers import FIRST_PAGE, log_in
from playwright.sync_api import expect

from devenv import ADDON

PAGE = {"width": 1280, "height": 800}
HERE = ("desk1", "desk2", "desk3", "service1", "service2")
WORDS = {
    "en_US": {
        "new_shop": "Lena's Lamps",
        "owner": "Lena Vogt",
        "buyers": ("Ben", "Chloe", "Davi", "Ines", "Kofi"),
        "said": ("Is the desk in stock?", "Do you deliver to Norway?", "Thank you!"),
        "returns": ("Chloe", "Davi", "Ines"),
        "back": "I want to send it back",
    },
    "zh_CN": {
        "new_shop": "灯火家居",
        "owner": "李娜",
        "buyers": ("陈晨", "方圆", "高兴", "何静", "罗林"),
        "said": ("书桌有现货吗？", "能发货到香港吗？", "谢谢！"),
        "returns": ("方圆", "高兴", "何静"),
        "back": "我想退货",
    },
}


class OwnerScenes(scenes.Scenes):
    def __init__(self, browser, shop, lang, folder):
        super().__init__(browser, shop, lang, folder)
        self.words = WORDS[lang]
        self.owner = self.find_user("flagship")
        self.channel = SimpleNamespace(id=shop.ref(f"{ADDON}.im_livechat_channel_flagship"))

    def find_user(self, login):
        ((user_id,),) = self.shop.sql("SELECT id FROM res_users WHERE login = %s", login)
        return SimpleNamespace(user_id=user_id, login=login)

    def set_up(self):
        staff = self.shop.call("res.users", "search", [("login", "=like", "flagship%")])
        self.shop.call("res.users", "write", [*staff, 2], {"lang": self.lang})
        websites = self.shop.call("website", "search", [])
        self.shop.call("website", "write", websites, {"channel_id": self.channel.id})
        here = [self.find_user(f"flagship:{name}").user_id for name in HERE]
        self.shop.sql("DELETE FROM mail_presence WHERE user_id = ANY(%s)", here)
        values = {"status": "online", "last_poll": shops.EVER}
        rows = [{"user_id": user_id, **values} for user_id in here]
        self.shop.call("mail.presence", "create", rows)
        for number, name in enumerate(self.words["buyers"]):
            self.come(name, self.words["said"][number % 3])
        for name in self.words["returns"]:
            self.come(name, self.words["back"], page_url=f"{self.shop.url}/returns")

    def come(self, name, words, **params):
        buyer = shops.Buyer(self.shop.url)
        chat_id = buyer.open_chat(self.channel, words=None, **params).chat_id
        self.shop.sql(
            "UPDATE mail_guest SET name = %s WHERE id IN (SELECT guest_id"
            " FROM discuss_channel_member WHERE channel_id = %s AND guest_id IS NOT NULL)",
            name,
            chat_id,
        )
        buyer.say(chat_id, words)

    def come_in(self, login, path):
        page = self.open_page(f"{self.shop.url}/web/login", PAGE)
        log_in(page, SimpleNamespace(login=login))
        page.goto(f"{self.shop.url}{path}", timeout=FIRST_PAGE)
        page.wait_for_selector(".o_action_manager > *", timeout=FIRST_PAGE)
        return page

    def show_owners_pages(self):
        page = self.come_in("flagship", self.path("livechat_reception_action"))
        expect(page.locator(".o_livechat_reception_buyer").first).to_be_visible()
        # As for who has come by a click: where the keyboard goes on is not marked.
        page.evaluate("document.activeElement.blur()")
        self.shoot(page, "reception")
        self.visit(page, "livechat_team_action")
        page.locator(".o_livechat_team_agent button").first.wait_for()
        page.locator("[data-agent='Maria Santos'] button").click()
        expect(page.locator(".o_livechat_team_trend")).to_be_visible()
        self.shoot(page, "team")
        self.visit(page, "livechat_conversation_action")
        search = page.locator(".o_searchview_input")
        search.fill("parcel")
        search.press("Enter")
        expect(page.locator(".o_searchview_facet")).to_be_visible()
        self.shoot(page, "conversations")
        self.visit(page, "livechat_subaccount_action")
        expect(page.locator(".o_data_row").first).to_be_visible()
        self.shoot(page, "subaccounts")
        self.visit(page, "livechat_shop_channel_action", self.channel.id)
        agents = page.locator(".o_field_widget[name=user_ids]").last
        agents.scroll_into_view_if_needed()
        self.shoot(page, "channel_form")
        page.context.close()

    def path(self, action, record_id=None):
        path = f"/odoo/action-{self.shop.ref(f'{ADDON}.{action}')}"
        return f"{path}/{record_id}" if record_id else path

    def visit(self, page, action, record_id=None):
        page.goto(f"{self.shop.url}{self.path(action, record_id)}", timeout=FIRST_PAGE)

    def show_settings(self):
        page = self.come_in("admin", "/odoo/settings#im_livechat")
        page.locator(".settings_tab .tab[data-key=im_livechat]").click()
        page.locator("[name=dispatch_mode_default]").scroll_into_view_if_needed()
        self.shoot(page, "settings")
        page.context.close()

    def show_first_day(self):
        (user_id,) = self.shop.call(
            "res.users",
            "create",
            [
                {
                    "name": self.words["owner"],
                    "login": "lena",
                    "lang": self.lang,
                    "image_1920": False,
                    "group_ids": [[4, self.shop.ref(f"{ADDON}.group_main_account")]],
                }
            ],
            context={"no_reset_password": True},
        )
        password = shops.hash_quickly("lena")
        self.shop.sql("UPDATE res_users SET password = %s WHERE id = %s", password, user_id)
        values = {"name": self.words["new_shop"], "main_account_id": user_id}
        values |= {"dispatch_mode": "share", "user_ids": [[5]]}
        self.shop.call("im_livechat.channel", "create", [values])
        page = self.come_in("lena", self.path("livechat_reception_action"))
        expect(page.locator(".o_livechat_first_day")).to_be_visible()
        self.shoot(page, "first_day")
        page.context.close()

    def show(self):
        self.set_up()
        self.show_owners_pages()
        self.show_settings()
        self.show_first_day()


if __name__ == "__main__":
    scenes.main(OwnerScenes)
