"""The scenes of dev/pictures, in one language.

python dev/scenes.py DATABASE URL LANGUAGE FOLDER
"""

import sys
from pathlib import Path

import desk_tasks
import shop as shops
from browsers import FIRST_PAGE, PATIENCE, activate_chinese
from playwright.sync_api import expect, sync_playwright

import devenv

DESK = {"width": 1366, "height": 700}
PHONE = {"width": 360, "height": 640}
WORDS = {
    "en_US": {
        "shop": "Flagship Shop",
        "greets": "How may I help you?",
        "agents": ("Maria Lopez", "Omar Haddad"),
        "buyers": ("Ben", "Chloe", "Davi"),
        "ella": "Ella",
        "lamp": "Desk lamp",
        "asks": ("Do you ship to Norway?", "Is the lamp in stock?", "Thank you, it fits!"),
        "wants": "I want to send the lamp back",
        "why": "What is wrong with it?",
        "note": "The shade is cracked; she wants another one",
        "answer": "You are welcome!",
    },
    "zh_CN": {
        "shop": "旗舰店",
        "greets": "您好，有什么可以帮您？",
        "agents": ("林晓", "周毅"),
        "buyers": ("陈晨", "方圆", "高兴"),
        "ella": "艾拉",
        "lamp": "台灯",
        "asks": ("能发货到香港吗？", "台灯有现货吗？", "谢谢，很合适！"),
        "wants": "我想退台灯",
        "why": "台灯有什么问题？",
        "note": "灯罩裂了，买家想换一个",
        "answer": "不客气！",
    },
}


class Scenes:
    def __init__(self, browser, shop, lang, folder):
        self.browser, self.shop, self.lang, self.folder = browser, shop, lang, folder
        self.words = WORDS[lang]
        self.suffix = "_zh" if lang == "zh_CN" else ""
        shop.call("res.company", "write", [1], {"email": "flagship@example.com"})
        if self.suffix:
            activate_chinese(shop)
            languages = shop.call("res.lang", "search", [("code", "in", ["en_US", "zh_CN"])])
            websites = shop.call("website", "search", [])
            shop.call("website", "write", websites, {"language_ids": [[6, 0, languages]]})

    def open_page(self, url, viewport):
        context = self.browser.new_context(viewport=viewport, locale=self.lang.replace("_", "-"))
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url, timeout=FIRST_PAGE)
        return page

    def shoot(self, page, name, place=None):
        # Nothing blinks, and the mouse points at nothing.
        page.mouse.move(0, 0)
        page.wait_for_timeout(1500)
        options = {"path": self.folder / f"{name}{self.suffix}.png", "animations": "disabled"}
        (place or page).screenshot(**options)

    # ------------------------------------------------------------ the agent

    def set_desk(self):
        self.reception, chats, self.returning = desk_tasks.open_desk(
            self.shop, 4, waiting=2, name=self.words["shop"], words=self.words
        )
        for agent, name in zip(self.reception.agents, self.words["agents"]):
            # Without a picture it is the first letter of the name.
            values = {"name": name, "lang": self.lang, "image_1920": False}
            self.shop.call("res.users", "write", [agent.user_id], values)
        self.shop.call(
            "im_livechat.channel",
            "write",
            [self.reception.id],
            {
                "no_reply_seconds": 300,
                "max_sessions_mode": "limited",
                "max_sessions": 6,
                "queue_enabled": True,
            },
        )
        for (_buyer, chat_id), name, seconds in zip(chats, self.words["buyers"], (220, 130, 40)):
            self.shop.sql(
                "UPDATE mail_guest SET name = %s WHERE id IN (SELECT guest_id"
                " FROM discuss_channel_member WHERE channel_id = %s AND guest_id IS NOT NULL)",
                name,
                chat_id,
            )
            self.shop.sql(
                "UPDATE discuss_channel SET dispatch_asked_at = dispatch_asked_at"
                " - %s * interval '1 s', dispatch_assigned_at = dispatch_assigned_at"
                " - %s * interval '1 s' WHERE id = %s",
                seconds,
                seconds,
                chat_id,
            )

    def show_desk(self):
        agent, colleague = self.reception.agents
        page = desk_tasks.come_in(self.shop, self.open_page, agent, DESK)
        desk_tasks.open_chat(self.shop, page, self.returning)
        expect(page.locator(".o_livechat_buyer_return")).to_be_visible()
        self.shoot(page, "desk_panel")
        page.click(".o_menu_systray .o_livechat_dispatch_menu")
        menu = page.locator(".o_livechat_dispatch_menu_content")
        expect(menu).to_be_visible()
        self.shoot(page, "desk_menu", menu)
        page.keyboard.press("Escape")
        page.click("button[name=livechat-transfer]")
        dialog = page.locator(".o_livechat_transfer")
        dialog.locator("select").select_option("knowledge")
        dialog.locator("textarea").fill(self.words["note"])
        dialog.locator("label", has_text=self.words["agents"][1]).click()
        self.shoot(page, "desk_transfer", dialog)
        page.context.close()

    # ------------------------------------------------------------ the buyer

    def open_reception(self, weights, **values):
        names = {"name": self.words["shop"], "default_message": self.words["greets"]}
        return self.shop.open_reception(weights, **names, **values)

    def open_widget(self, reception, words):
        websites = self.shop.call("website", "search", [])
        self.shop.call("website", "write", websites, {"channel_id": reception.id})
        prefix = "/zh_CN" if self.suffix else ""
        page = self.open_page(f"{self.shop.url}{prefix}/shop", PHONE)
        page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
        composer = page.locator(".o-mail-Composer-input")
        composer.fill(words)
        composer.press("Enter")
        expect(page.locator(".o-livechat-WaitingBanner > div").first).to_be_visible()
        return page

    def show_line(self):
        reception = self.open_reception([100], max_sessions=1, queue_enabled=True)
        assert shops.Buyer(self.shop.url).open_chat(reception).chat_id
        page = self.open_widget(reception, self.words["asks"][1])
        self.shoot(page, "buyer_line")
        page.context.close()

    def show_message(self):
        reception = self.open_reception([], offline_rule="pool")
        (agent,) = self.shop.add_agents([100], online=False)
        values = {"user_ids": [[6, 0, [agent.user_id]]]}
        self.shop.call("im_livechat.channel", "write", [reception.id], values)
        page = self.open_widget(reception, self.words["asks"][1])
        page.click(".o-livechat-WaitingReach-reach")
        page.fill(".o-livechat-WaitingReach-email", "ella@example.com")
        self.shoot(page, "buyer_message")
        page.context.close()

    def show(self):
        self.set_desk()
        self.show_desk()
        self.show_line()
        self.show_message()


def main(kind=Scenes):
    db, url, lang, folder = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=devenv.CHROMIUM, args=["--no-sandbox"])
        kind(browser, shops.Shop(db, url), lang, Path(folder)).show()
        browser.close()


if __name__ == "__main__":
    main()
