"""What agents and buyers do most, done by a scripted hand.

For the test of how many clicks each task takes, and for bench/, where the same hand does it in
plain Odoo as well.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import shop as shops
from browsers import FIRST_PAGE, go_to_chat, open_as, wait_until_online
from playwright.sync_api import expect

#: What is said at the desk: another language has its own.
WORDS = {
    "asks": ("Is the lamp in stock?",),
    "answer": "Yes, it is",
    "ella": "Ella",
    "lamp": "Desk lamp",
    "wants": "I want to send the lamp back",
    "why": "What is wrong with it?",
}

# What the card of a buyer offers follows from what its reader may do in Odoo.
RIGHTS = (
    "base.group_user",
    "im_livechat.im_livechat_group_user",
    "sales_team.group_sale_salesman_all_leads",
    "stock.group_stock_user",
)


class Hand:
    """Somebody with a mouse and a keyboard: counts clicks, and is as slow as it is told to be.

    :param float click: seconds until a click is done: to find the place, point and press
    :param float key: seconds of a key
    """

    def __init__(self, page, click=0, key=0):
        self.page, self.click_seconds, self.key_seconds = page, click, key
        self.clicks, self.started = 0, time.perf_counter()

    @property
    def seconds(self):
        return time.perf_counter() - self.started

    def click(self, place):
        expect(place).to_be_visible()
        time.sleep(self.click_seconds)
        place.click()
        self.clicks += 1

    def choose(self, select, value):
        """A click opens the list, a second one takes the value."""
        time.sleep(2 * self.click_seconds)
        select.select_option(value)
        self.clicks += 2

    def write(self, field, words, focused=False):
        """:param focused: whether the page has put the cursor there already"""
        if focused:
            expect(field).to_be_focused()
        else:
            self.click(field)
        self.page.keyboard.type(words, delay=1000 * self.key_seconds)

    def press(self, key):
        time.sleep(self.key_seconds)
        self.page.keyboard.press(key)


# --------------------------------------------------------------------------- the shop


def open_desk(shop, open_chats, ended=0, waiting=5, weigh=True, name="Flagship Shop", words=WORDS):
    """A reception, an agent with a desk full of chats, and a colleague who can take over.

    :param open_chats: how many of the agent's chats are open; ``waiting`` of them are unanswered
    :param ended: how many have ended before
    :param weigh: False where the addon is not installed
    :return: the reception, whose agents are the two; ``[(buyer, chat id)]`` of those that are open,
        the one who waits longest first; and the open chat of who wants to send something back
    """
    shop.call("res.company", "write", [1], {"email": "flagship@example.com"})
    reception = shop.open_reception([], mode="share" if weigh else None, name=name)
    rights = [[4, shop.ref(xmlid)] for xmlid in RIGHTS]
    reception.agents = shop.add_agents([100] * 2, weigh=weigh, group_ids=rights)
    agent, colleague = reception.agents

    def set_agents(agents):
        ids = [one.user_id for one in agents]
        shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})

    set_agents([agent])
    desk = shops.Shop(shop.db, shop.url, agent.login, agent.login)
    asks = words["asks"]

    def come(number):
        buyer = shops.Buyer(shop.url)
        chat_id = buyer.open_chat(reception, asks[number % len(asks)]).chat_id
        assert chat_id
        return buyer, chat_id

    with ThreadPoolExecutor(4) as pool:
        for buyer, chat_id in pool.map(come, range(ended)):
            buyer.leave(chat_id)
    returning = come_with_order(shop, reception, words)
    say(desk, returning, words["why"])
    chats = [come(number) for number in range(open_chats - 1)]
    for _buyer, chat_id in chats[waiting:]:
        say(desk, chat_id, words["answer"])
    # They ended in the course of the day.
    shop.sql(
        "UPDATE discuss_channel SET livechat_end_dt = livechat_end_dt - interval '1 hour'"
        " WHERE livechat_channel_id = %s AND livechat_end_dt IS NOT NULL",
        reception.id,
    )
    set_agents([agent, colleague])
    return reception, chats, returning


def say(desk, chat_id, words):
    """:param desk: the shop as its agent sees it"""
    desk.call(
        "discuss.channel",
        "message_post",
        [chat_id],
        body=words,
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
    )


def come_with_order(shop, reception, words):
    """A customer who has an order that is delivered opens a chat: its id."""
    mark = f"ella{reception.id}"
    (user_id,) = shop.call(
        "res.users",
        "create",
        [
            {
                "name": words["ella"],
                "login": mark,
                "password": mark,
                "email": f"{mark}@example.com",
                "group_ids": [[6, 0, [shop.ref("base.group_portal")]]],
            }
        ],
        context={"no_reset_password": True},
    )
    (user,) = shop.call("res.users", "read", [user_id], ["partner_id"])
    (product_id,) = shop.call(
        "product.product", "create", [{"name": words["lamp"], "list_price": 30.5, "type": "consu"}]
    )
    line = {"product_id": product_id, "product_uom_qty": 1}
    order = shop.call(
        "sale.order",
        "create",
        [{"partner_id": user["partner_id"][0], "order_line": [[0, 0, line]]}],
    )
    shop.call("sale.order", "action_confirm", order)
    pickings = shop.call("stock.picking", "search", [["sale_id", "in", order]])
    moves = shop.call("stock.move", "search", [["picking_id", "in", pickings]])
    shop.call("stock.move", "write", moves, {"quantity": 1})
    shop.call("stock.picking", "button_validate", pickings)
    buyer = shops.Buyer(shop.url)
    shops.post(
        buyer.session,
        f"{shop.url}/web/session/authenticate",
        {"db": shop.db, "login": mark, "password": mark},
    )
    chat_id = buyer.open_chat(reception, words["wants"]).chat_id
    assert chat_id
    return chat_id


def come_in(shop, open_page, agent, viewport):
    """Log in on a page that is not the desk."""
    shop.sql("UPDATE res_users SET odoobot_state = 'disabled' WHERE id = %s", agent.user_id)
    # What has begun before is no news: Odoo would open a window for each chat of the last 50 s, one
    # after the other, over what is opened meanwhile.
    shop.sql("DELETE FROM bus_bus")
    page = open_as(open_page, shop, agent, "/odoo/contacts", viewport)
    # The list puts the cursor into its search when it is there, away from whatever is open by then.
    expect(page.locator(".o_searchview_input")).to_be_focused(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)
    return page


def open_chat(shop, page, chat_id):
    # On another page windows of other chats would lie over what is looked for.
    page.evaluate("localStorage.removeItem('mail.ChatHub')")
    go_to_chat(shop, page, chat_id)
    expect(page.locator(".o-mail-Message").first).to_be_visible()


# --------------------------------------------------------------------------- the tasks


class Ours:
    """Each task by the addon's own means."""

    @staticmethod
    def answer_longest(hand, words):
        hand.click(hand.page.locator(".o_livechat_answer_next"))
        # Other windows have composers as well.
        hand.write(hand.page.locator(".o-mail-Composer-input:focus"), words, focused=True)
        hand.press("Enter")
        expect(hand.page.locator(".o-mail-Message", has_text=words)).to_be_visible()

    @staticmethod
    def start_return(hand):
        hand.click(hand.page.locator(".o_livechat_buyer_return"))
        expect(hand.page.locator(".modal button[name=action_create_returns]")).to_be_visible()

    @staticmethod
    def transfer(hand, colleague, note):
        hand.click(hand.page.locator("button[name=livechat-transfer]"))
        dialog = hand.page.locator(".o_livechat_transfer")
        hand.choose(dialog.get_by_label("Reason"), "knowledge")
        hand.press("Tab")
        hand.write(dialog.get_by_label("Note"), note, focused=True)
        hand.click(dialog.locator("label", has_text=colleague.name))
        hand.click(dialog.locator("button[type=submit]"))
        expect(hand.page.locator(".o_notification", has_text=colleague.name)).to_be_visible()

    @staticmethod
    def leave_message(hand, words, mailbox):
        hand.click(hand.page.locator(".o-livechat-LivechatButton"))
        hand.write(hand.page.locator(".o-mail-Composer-input"), words, focused=True)
        hand.press("Enter")
        hand.click(hand.page.locator(".o-livechat-WaitingReach-reach"))
        hand.write(hand.page.locator(".o-livechat-WaitingReach-email"), mailbox, focused=True)
        hand.press("Enter")
        expect(hand.page.locator(".o-livechat-WaitingBanner-mails")).to_be_visible()


class Plain:
    """The same in Odoo without the addon, by who knows the shortest way."""

    @staticmethod
    def answer_longest(hand, words):
        hand.click(hand.page.locator(".o_menu_systray .o-mail-DiscussSystray-class").first)
        # What is unread, the newest first; that somebody has left is unread as well.
        unread = hand.page.locator(
            ".o-mail-NotificationItem", has=hand.page.locator(".o-mail-NotificationItem-badge")
        ).filter(has_text=WORDS["asks"][0])
        # What was said in each comes a moment after the list.
        counts = [0]
        while not counts[-1] or counts[-5:] != [counts[-1]] * 5:
            hand.page.wait_for_timeout(100)
            counts.append(unread.count())
        hand.click(unread.last)
        hand.write(hand.page.locator(".o-mail-Composer-input:focus"), words, focused=True)
        hand.press("Enter")
        expect(hand.page.locator(".o-mail-Message", has_text=words)).to_be_visible()

    @staticmethod
    def start_return(hand):
        page = hand.page
        hand.click(page.locator("a[title='View Contact']"))
        hand.click(page.locator(".oe_stat_button", has_text="Sales").first)
        hand.click(page.locator(".o_data_row .o_data_cell[name=name], .o_data_row").first)
        hand.click(page.locator("button[name=action_view_delivery]"))
        hand.click(page.locator(".o_form_statusbar button", has_text="Return"))
        expect(page.locator(".modal button[name=action_create_returns]")).to_be_visible()

    @staticmethod
    def transfer(hand, colleague, note):
        page = hand.page
        field = page.get_by_placeholder("Add your notes here...")
        # Core opens the panel once: the members, if it has not heard yet that this is a live chat.
        members = page.locator(".o-discuss-ChannelMemberList")
        expect(field.or_(members).first).to_be_visible()
        if members.is_visible():
            page.get_by_role("button", name="Information").click()
        hand.write(field, note)
        hand.click(page.locator("button[name=invite-people]"))
        hand.click(page.locator(".o-discuss-ChannelInvitation-selectable", has_text=colleague.name))
        hand.click(page.locator(".o-discuss-ChannelInvitation-invitationBox .btn-primary").first)
        expect(
            page.locator(".o-mail-NotificationMessage", has_text=colleague.name).last
        ).to_be_visible()
        rows = page.locator(".o-mail-DiscussSidebarChannel")
        before = rows.count()
        row = page.locator(".o-mail-DiscussSidebarChannel.o-active")
        row.hover()
        hand.click(row.locator("[title='Channel Actions'], [title='Chat Actions']").first)
        hand.click(page.locator("[name=leave]"))
        expect(rows).to_have_count(before - 1)

    @staticmethod
    def leave_message(hand, words, mailbox):
        # Nobody is here, so there is no chat: the shop's form is another page.
        page = hand.page
        hand.click(page.locator("header a[href='/contactus']:visible").first)
        hand.write(page.locator("input[name=name]"), "Ella")
        for name, said in (
            ("email_from", mailbox),
            ("subject", "Desk lamp"),
            ("description", words),
        ):
            field = page.locator(f".s_website_form [name={name}]")
            while not field.evaluate("field => field === document.activeElement"):
                hand.press("Tab")
            hand.write(field, said, focused=True)
        hand.click(page.locator(".s_website_form_send"))
        page.wait_for_url("**/contactus-thank-you")
