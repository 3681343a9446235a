"""The part of the benchmark in which an agent's desk is used: with many chats, and by hand.

    python bench/desk.py PLAIN_DATABASE PLAIN_URL OUR_DATABASE OUR_URL > result.json

Started by run.py in the Python of the tests, which has Playwright. A page on Odoo without the addon
and one with it, in contexts (and so processes) of their own, do the same in turn.
"""

import itertools
import json
import sys

import desk_tasks
import shop as shops
from browser import measure_frames
from browsers import DESKTOP, FIRST_PAGE, opening_pages, start_browser
from playwright.sync_api import expect

OPEN, ENDED, WAITING = 20, 200, 8
ROUNDS = 11
# Seconds of a hand: the keystroke-level model of Card, Moran and Newell says 1.1 to point and 0.2
# to press, and 0.2 for a key of somebody who types well.
CLICK, KEY = 1.3, 0.2
# How often each task is done.
TIMES = 3
# Milliseconds after which a page that was opened has done what it does next.
SETTLED = 2000
DO_ACTION = "odoo.__WOWL_DEBUG__.root.env.services.action.doAction"
ROWS = ".o-mail-DiscussSidebarChannel"


class Side:
    """One of the two: its shop, and the desk of an agent."""

    def __init__(self, open_page, name, db, url):
        self.name, self.is_ours = name, name == "ours"
        self.open_page = open_page
        self.tasks = desk_tasks.Ours if self.is_ours else desk_tasks.Plain
        self.shop = shops.Shop(db, url)
        self.reception, self.chats, self.returning = desk_tasks.open_desk(
            self.shop, OPEN, ENDED, WAITING, weigh=self.is_ours
        )
        self.agent, self.colleague = self.reception.agents
        self.words = (f"Here is more {number}" for number in itertools.count())

    # ----------------------------------------------------------- a full desk

    def measure_reload(self):
        """Load the desk anew; ms until the chats that are open are drawn."""
        self.page.goto(f"{self.shop.url}/odoo/discuss", timeout=FIRST_PAGE)
        ms = self.page.evaluate("window.drawn")
        self.page.wait_for_timeout(SETTLED)
        return ms

    def measure_opening(self):
        """Come from another page; ms until the chats that are open are drawn."""
        self.page.evaluate(f"() => {{ {DO_ACTION}('contacts.action_contacts'); }}")
        expect(self.page.locator(".o_action_manager .o_view_controller")).to_be_visible()
        ms = self.page.evaluate(
            f"""async () => {{
                const started = performance.now();
                window.watch();
                {DO_ACTION}("mail.action_discuss");
                return (await window.drawn) - started;
            }}"""
        )
        self.page.wait_for_timeout(SETTLED)
        return ms

    def measure_message(self, number):
        """An answered buyer says more; ms of the most expensive frame that shows it."""
        buyer, chat_id = self.chats[WAITING + number]
        return measure_frames(self.page, lambda: buyer.say(chat_id, next(self.words)))

    # ----------------------------------------------------------- by hand

    def get_hand(self, page):
        return desk_tasks.Hand(page, CLICK, KEY)

    def answer_longest(self, number):
        page = self.page
        page.goto(f"{self.shop.url}/odoo/contacts", timeout=FIRST_PAGE)
        expect(page.locator(".o_menu_systray .badge").first).to_be_visible()
        page.wait_for_timeout(SETTLED)
        hand = self.get_hand(page)
        words = f"Yes, three are left {self.reception.id}.{number}"
        self.tasks.answer_longest(hand, words)
        taken = hand.clicks, hand.seconds
        ((chat_id,),) = shops.wait_until(
            lambda: self.shop.sql(
                "SELECT res_id FROM mail_message WHERE model = 'discuss.channel' AND body LIKE %s",
                f"%{words}%",
            ),
            "nothing was sent",
        )
        # In plain Odoo a chat that the page has opened by itself is read, and never stands there.
        if self.is_ours:
            assert chat_id == self.longest[number], "not who waits longest"
        page.evaluate("localStorage.removeItem('mail.ChatHub')")
        return taken

    def start_return(self, _number):
        desk_tasks.open_chat(self.shop, self.page, self.returning)
        hand = self.get_hand(self.page)
        self.tasks.start_return(hand)
        return hand.clicks, hand.seconds

    def transfer(self, number):
        _buyer, chat_id = self.chats[-1 - number]
        desk_tasks.open_chat(self.shop, self.page, chat_id)
        hand = self.get_hand(self.page)
        self.tasks.transfer(hand, self.colleague, "Asks about dyes")
        return hand.clicks, hand.seconds

    def leave_message(self, number):
        page = self.open_page(f"{self.shop.url}/shop", DESKTOP)
        page.wait_for_timeout(SETTLED)
        hand = self.get_hand(page)
        self.tasks.leave_message(hand, "Is it in stock?", f"ella{number}@example.com")
        taken = hand.clicks, hand.seconds
        page.context.close()
        return taken


def main():
    databases = sys.argv[1:]
    with start_browser() as browser, opening_pages(browser) as open_page:
        sides = [Side(open_page, "plain", *databases[:2]), Side(open_page, "ours", *databases[2:])]
        result = {"full": measure_full_desk(sides), "tasks": measure_tasks(sides)}
    json.dump(result, sys.stdout)


def measure_full_desk(sides):
    for side in sides:
        side.page = desk_tasks.come_in(side.shop, side.open_page, side.agent, DESKTOP)
        side.page.context.add_init_script(
            f"""window.watch = () => {{
                window.drawn = new Promise((resolve) => {{
                    const look = () =>
                        document.querySelectorAll("{ROWS}").length >= {OPEN}
                            ? resolve(performance.now())
                            : requestAnimationFrame(look);
                    look();
                }});
            }};
            window.watch();"""
        )
        side.measure_reload()
    figures = {}
    for name, measure in (
        ("reload", lambda side, _number: side.measure_reload()),
        ("opening", lambda side, _number: side.measure_opening()),
        ("message", lambda side, number: side.measure_message(number)),
    ):
        figures[name] = {side.name: [] for side in sides}
        for number in range(ROUNDS):
            for side in sides:
                figures[name][side.name].append(measure(side, number))
    return figures


def measure_tasks(sides):
    for side in sides:
        side.longest = [chat_id for _buyer, chat_id in side.chats]
    figures = {}
    for name in ("answer_longest", "start_return", "transfer", "leave_message"):
        if name == "leave_message":
            for side in sides:
                go_home(side)
        figures[name] = {side.name: [] for side in sides}
        for number in range(TIMES):
            for side in sides:
                figures[name][side.name].append(getattr(side, name)(number))
    return figures


def go_home(side):
    """Nobody is in the shop any more, and its site has its chat."""
    values = {"offline_rule": "pool"} if side.is_ours else {}
    empty = side.shop.open_reception([], mode="share" if side.is_ours else None, **values)
    agents = side.shop.add_agents([100], online=False, weigh=side.is_ours)
    ids = [agent.user_id for agent in agents]
    side.shop.call("im_livechat.channel", "write", [empty.id], {"user_ids": [[6, 0, ids]]})
    websites = side.shop.call("website", "search", [])
    side.shop.call("website", "write", websites, {"channel_id": empty.id})


if __name__ == "__main__":
    main()
