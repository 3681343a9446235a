"""An agent's desk in real browsers: what the bar says, who waits longest, what has ended."""

import re
from types import SimpleNamespace

import pytest
import shop as shops
from browsers import (
    DESKTOP,
    FIRST_PAGE,
    PHONE,
    log_in,
    open_as,
    shoot,
    show_chat,
    wait_until_online,
)
from playwright.sync_api import expect
from wire import Wire

SYSTRAY = ".o_menu_systray .o_livechat_dispatch_menu"
MENU = ".o_livechat_dispatch_menu_content"
BUS = "odoo.__WOWL_DEBUG__.root.env.services.bus_service"
ERROR = ".o_error_dialog, .o_dialog_error"


def come_in(shop, open_page, agent, viewport=DESKTOP):
    """Log in to Discuss and wait until dispatch knows of it."""
    if viewport == PHONE:
        # Odoo's bot greets whoever comes for the first time, in a window over the others.
        shop.sql("UPDATE res_users SET odoobot_state = 'disabled' WHERE id = %s", agent.user_id)
    page = open_as(open_page, shop, agent, "/odoo/discuss", viewport)
    expect(page.locator(".o-mail-Discuss")).to_be_visible(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)
    if viewport == DESKTOP:
        # Odoo opens a chat of its own choice a moment after the page is there.
        expect(page.locator(".o-mail-DiscussContent-threadName")).to_be_visible()
    if viewport == PHONE:
        # Odoo opens windows of chats that have just begun: on a phone they lie over each other.
        page.evaluate("localStorage.removeItem('mail.ChatHub')")
        page.reload(timeout=FIRST_PAGE)
    return page


def wait_until_it_hears(page):
    """Wait until a page is told what happens. With its first connection it is told what happened in
    the minute before, and so what is not true any more."""
    page.wait_for_function(f"() => {BUS}.workerState === 'CONNECTED'")


def set_agents(shop, reception, agents):
    ids = [agent.user_id for agent in agents]
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})


def test_the_bar_survives_that_its_agent_leaves_the_channel_and_is_taken_out(shop, open_page):
    reception = shop.open_reception([], max_sessions=2, queue_enabled=True)
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = come_in(shop, open_page, agent)
    bar = page.locator(SYSTRAY)
    expect(bar).to_contain_text("0/2")

    # The owner takes the agent out while it looks into the menu, and back in.
    bar.click()
    expect(page.locator(MENU)).to_be_visible()
    set_agents(shop, reception, [])
    expect(bar).to_have_count(0)
    expect(page.locator(MENU)).to_have_count(0)
    set_agents(shop, reception, [agent])
    expect(bar).to_contain_text("0/2")

    # The agent leaves by itself, and opens the menu before its page has heard of it.
    held = []
    page.route("**/res.users/get_dispatch_status", lambda route: held.append(route))
    as_agent(shop, agent).call("im_livechat.channel", "action_quit", [reception.id])
    shops.wait_until(lambda: page.evaluate("1") and held, "the page does not hear of it")
    bar.click()
    shops.wait_until(lambda: page.evaluate("1") and len(held) > 1, "the menu does not ask")
    for route in held[1:]:
        route.continue_()
    expect(bar).to_have_count(0)
    expect(page.locator(MENU)).to_have_count(0)
    expect(page.locator(ERROR)).to_have_count(0)
    held[0].continue_()
    assert page.errors == []


def test_the_badge_follows_the_lines_of_a_channel_joined_later_and_no_old_answer(shop, open_page):
    reception = shop.open_reception([], max_sessions=1)
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = come_in(shop, open_page, agent)
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    bar, badge = page.locator(SYSTRAY), page.locator(f"{SYSTRAY} .o_livechat_dispatch_waiting")
    expect(bar).to_contain_text("1/1")

    # The page is open when its agent is added to another channel, and told of its line.
    other = shop.open_reception([], max_sessions=1, queue_enabled=True, name="Outlet")
    with page.expect_response("**/res.users/get_dispatch_status"):
        set_agents(shop, other, [agent])
    page.wait_for_timeout(1000)
    waiting = shops.Buyer(shop.url)
    chat_id = waiting.open_chat(other).chat_id
    expect(badge).to_have_text("1")

    # The line is empty before the rest of the answer comes.
    held = []
    page.route("**/res.users/get_why_no_buyers", lambda route: held.append(route))
    with page.expect_response("**/res.users/get_dispatch_status"):
        bar.click()
    waiting.leave(chat_id)
    expect(badge).to_have_count(0)
    for route in held:
        route.continue_()
    page.wait_for_timeout(1000)
    expect(badge).to_have_count(0)
    assert page.errors == []


def test_who_leaves_a_channel_in_discuss_is_asked_first(shop, open_page):
    reception = shop.open_reception([], name="Flagship Shop")
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = come_in(shop, open_page, agent)
    category = page.locator(".o-mail-DiscussSidebarCategory-livechat", has_text="Flagship Shop")
    leave = category.locator("button[title='Leave Flagship Shop']")
    question = page.get_by_role("dialog")

    def is_agent():
        (row,) = shop.call("im_livechat.channel", "read", [reception.id], ["user_ids"])
        return agent.user_id in row["user_ids"]

    expect(page.locator(SYSTRAY)).to_contain_text("0")
    for answer_it in (
        lambda: question.get_by_role("button", name="Cancel").click(),
        lambda: page.keyboard.press("Escape"),
    ):
        category.hover()
        leave.click()
        expect(question).to_contain_text("Your open chats stay yours")
        answer_it()
        expect(question).to_have_count(0)
        assert is_agent()
    category.hover()
    leave.click()
    question.get_by_role("button", name="Ok").click()
    shops.wait_until(lambda: not is_agent(), "it is still an agent")
    expect(page.locator(SYSTRAY)).to_have_count(0)
    assert page.errors == []


def test_the_bar_says_on_duty_paused_until_when_and_full_with_the_line_as_a_link(shop, open_page):
    reception = shop.open_reception([], max_sessions=1, queue_enabled=True)
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = come_in(shop, open_page, agent)
    bar = page.locator(SYSTRAY)
    expect(bar).to_have_text(re.compile(r"^\s*On duty\s*0/1\s*$"))

    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    expect(bar).to_have_text(re.compile(r"^\s*Full\s*1/1\s*$"))
    # A quiet chat is half a load, and one chat.
    shop.sql(
        "UPDATE discuss_channel SET last_interest_dt = last_interest_dt - interval '20 minutes'"
        " WHERE livechat_channel_id = %s",
        reception.id,
    )
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    bar.click()
    menu = page.locator(MENU)
    expect(menu).to_contain_text("1/1")
    expect(menu).to_contain_text("You have no room for another chat")
    shoot(page, "desk-bar-full")
    menu.get_by_role("menuitem", name="Buyers waiting in line: 1").click()
    expect(page.locator(".o_last_breadcrumb_item")).to_contain_text("Waiting Buyers")
    expect(page.locator(".o_facet_value")).to_contain_text("In Line")

    bar.click()
    page.get_by_role("menuitem", name="Pause for 15 min").click()
    expect(bar.locator(".o_livechat_dispatch_until")).to_have_text(
        re.compile(r"^Paused until \d+:\d\d")
    )
    shoot(page, "desk-bar-paused")
    # A phone has no room for the hour: the menu has it.
    page.set_viewport_size(PHONE)
    expect(bar.get_by_text("Paused", exact=True)).to_be_visible()
    expect(bar.get_by_text("Paused until")).to_be_hidden()
    assert page.errors == []


CLOCK = ".o_livechat_reply_clock"
NEXT = ".o_livechat_answer_next"
ROW = ".o-mail-DiscussSidebarChannel"
LAID_ASIDE = ".o_livechat_laid_aside"


def open_chat(shop, reception, words="Is the lamp in stock?", name=None):
    """A buyer without a browser opens a chat; the buyer and the chat."""
    buyer = shops.Buyer(shop.url)
    if name:
        # Before the chat is there: an agent's open page hears of it in the same moment.
        guest_id = shop.call("mail.guest", "create", {"name": name})
        (guest,) = shop.call("mail.guest", "read", [guest_id], ["access_token"])
        buyer.session.cookies.set("dgid", f"{guest_id}|{guest['access_token']}")
    chat_id = buyer.open_chat(reception, words).chat_id
    assert chat_id
    return buyer, chat_id


def ask_earlier(shop, chat_id, seconds):
    """Let the buyer of a chat have asked so much earlier; pages learn of it when they load."""
    shop.sql(
        "UPDATE discuss_channel SET dispatch_asked_at = dispatch_asked_at - %s * interval '1 s',"
        " dispatch_assigned_at = dispatch_assigned_at - %s * interval '1 s' WHERE id = %s",
        seconds,
        seconds,
        chat_id,
    )
    # Which would bring a page that has just loaded what was sent to it before, too.
    shop.sql("DELETE FROM bus_bus")


def as_agent(shop, agent):
    return shops.Shop(shop.db, shop.url, agent.login, agent.login)


def answer(shop, agent, chat_id):
    as_agent(shop, agent).call(
        "discuss.channel",
        "message_post",
        [chat_id],
        body="Yes, it is",
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
    )


def get_head(page, viewport):
    """The head of the chat that is open in Discuss, where a phone shows a window over it."""
    return page.locator(
        ".o-mail-DiscussContent-header" if viewport == DESKTOP else ".o-mail-ChatWindow-header"
    )


def expect_head(page, viewport, name):
    head = get_head(page, viewport)
    if viewport == DESKTOP:
        expect(head.locator(".o-mail-DiscussContent-threadName")).to_have_value(name)
    else:
        expect(head).to_contain_text(name)


def serve(shop, **values):
    """A reception with one agent, who will come with a browser."""
    reception = shop.open_reception([], max_sessions=100, **values)
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    # The agent is here before its page is.
    shop.call(
        "mail.presence",
        "create",
        [{"user_id": agent.user_id, "status": "online", "last_poll": shops.EVER}],
    )
    return reception, agent


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "narrow"])
def test_every_buyer_who_waits_has_a_clock_that_a_persons_answer_stops(shop, open_page, viewport):
    reception, agent = serve(shop, no_reply_seconds=3000)
    early, early_chat = open_chat(shop, reception, name="Early")
    ask_earlier(shop, early_chat, 2100)
    _middle, middle_chat = open_chat(shop, reception, name="Middle")
    ask_earlier(shop, middle_chat, 1200)
    _late, late_chat = open_chat(shop, reception, name="Late")
    page = come_in(shop, open_page, agent, viewport)

    bar = page.locator(NEXT)
    expect(bar.locator(".o_livechat_answer_next_count")).to_have_text("3")
    expect(bar.locator(CLOCK)).to_have_class(re.compile("third_3"))
    expect(page).to_have_title(re.compile(r"^\(3\) "))
    if viewport == DESKTOP:
        rows = page.locator(ROW, has=page.locator(CLOCK))
        expect(rows).to_have_text([re.compile(name) for name in ("Early", "Middle", "Late")])
        for row, third in enumerate((3, 2, 1)):
            expect(rows.nth(row).locator(CLOCK)).to_have_class(re.compile(f"third_{third}"))
    shoot(page, f"desk-clocks-{viewport['width']}")
    before = bar.locator(CLOCK).inner_text()
    expect(bar.locator(CLOCK)).not_to_have_text(before)

    # One click to whoever waits longest, and its head has the clock as well.
    bar.click()
    head = get_head(page, viewport)
    expect_head(page, viewport, "Early")
    expect(head.locator(CLOCK)).to_be_visible()
    composer = page.locator(".o-mail-Composer-input:visible")
    expect(composer).to_be_focused()
    shoot(page, f"desk-head-{viewport['width']}")
    composer.fill("It is in stock")
    composer.press("Enter")
    expect(head.locator(CLOCK)).to_have_count(0)
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    early.say(early_chat, "Thank you")
    expect(head.locator(CLOCK)).to_be_visible()
    if viewport == DESKTOP:
        # The buyer's new word is younger than those of the others. A phone has no such keys.
        page.keyboard.press("Alt+Shift+W")
        expect_head(page, viewport, "Middle")

    answer(shop, agent, middle_chat)
    answer(shop, agent, late_chat)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert page.errors == []


def test_who_comes_back_after_a_reload_sees_the_same_anywhere(shop, open_page):
    reception, agent = serve(shop, no_reply_seconds=3000)
    _buyer, chat_id = open_chat(shop, reception, name="Ada")
    ask_earlier(shop, chat_id, 1500)
    page = come_in(shop, open_page, agent)
    for url in ("discuss", "action-im_livechat.im_livechat_channel_action"):
        page.goto(f"{shop.url}/odoo/{url}", timeout=FIRST_PAGE)
        expect(page.locator(f"{NEXT} {CLOCK}")).to_have_class(re.compile("third_2"))
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    # The list puts the cursor into its search when it is there.
    expect(page.locator(".o_searchview_input")).to_be_focused()
    # The command palette has it as well.
    page.keyboard.press("Control+k")
    expect(page.locator(".o_command_palette")).to_contain_text("Answer the buyer who waits longest")
    page.keyboard.press("Escape")
    # From any page one click opens the chat.
    page.locator(NEXT).click()
    window = page.locator(".o-mail-ChatWindow")
    expect(window.locator(CLOCK)).to_be_visible()
    composer = window.locator(".o-mail-Composer-input")
    expect(composer).to_be_focused()

    # Who answers before a list is there keeps the cursor when it comes.
    page.evaluate(
        """() => odoo.__WOWL_DEBUG__.root.env.services.action.doAction(
            "im_livechat.im_livechat_channel_action", { clearBreadcrumbs: true })"""
    )
    expect(page.locator(".o_searchview_input")).to_be_visible()
    expect(composer).to_be_focused()
    assert page.errors == []


# Notes what is to be heard, and what the browser is to show beside its own page, which nobody
# looks at.
LISTEN = """() => {
    window.sounds = 0;
    HTMLMediaElement.prototype.play = async function () { window.sounds++; };
    window.shown = [];
    window.Notification = class extends EventTarget {
        static permission = "granted";
        constructor(title) {
            super();
            window.shown.push(title);
        }
    };
    document.hasFocus = () => false;
}"""


def set_skew(page, seconds):
    """Put forward the clock of the page, not that of the server."""
    page.evaluate(
        "seconds => { odoo.__WOWL_DEBUG__.root.env.services['mail.store'].livechatSkew"
        " = seconds * 1000; }",
        seconds,
    )


def test_at_a_third_and_two_thirds_of_no_reply_the_agent_is_reminded(shop, open_page):
    """As the agent's own settings say."""
    reception, agent = serve(shop, no_reply_seconds=3000)
    page = come_in(shop, open_page, agent)
    loud, loud_chat = open_chat(shop, reception, name="Loud")
    # Whoever waits for less is told last, over the others.
    muted_chat = open_chat(shop, reception, name="Muted")[1]
    expect(page.locator(f"{NEXT} .o_livechat_answer_next_count")).to_have_text("2")
    post = as_agent(shop, agent).session

    def set_muted(chat_id):
        url, params = "/discuss/settings/mute", {"minutes": -1, "channel_id": chat_id}
        assert not shops.post(post, f"{shop.url}{url}", params).failed

    set_muted(muted_chat)
    expect(page.locator(ROW, has_text="Muted")).to_have_class(re.compile("opacity-50"))
    page.evaluate(LISTEN)
    reminder = page.locator(".o_livechat_reminder")
    for rung, (seconds, waited) in enumerate(((1000, "For 16 min"), (2000, "For 33 min")), 1):
        set_skew(page, seconds)
        expect(reminder).to_contain_text("Loud waits for your answer")
        expect(reminder).to_contain_text(waited)
        shops.wait_until(
            lambda count=rung: page.evaluate("sounds") >= count, "nothing was to be heard"
        )
        assert page.evaluate("[sounds, shown]") == [rung, ["Loud waits for your answer"] * rung]
    shoot(page, "desk-reminder")
    reminder.get_by_role("button", name="Answer").click()
    expect(get_head(page, DESKTOP).locator(CLOCK)).to_be_visible()
    expect(reminder).to_have_count(0)

    # Without sound, and without leave to show anything elsewhere, it is to be read on the page.
    page.evaluate(
        "() => { odoo.__WOWL_DEBUG__.root.env.services['mail.store'].settings.messageSound = false;"
        " Notification.permission = 'denied'; }"
    )
    answer(shop, agent, loud_chat)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    set_skew(page, 0)
    loud.say(loud_chat, "And the red one?")
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    set_skew(page, 1000)
    expect(reminder).to_contain_text("Loud waits for your answer")
    page.wait_for_timeout(1000)
    assert page.evaluate("[sounds, shown.length]") == [2, 2]
    # Nobody rings for who does not want to be disturbed.
    reminder.locator(".o_notification_close").click()
    assert not shops.post(post, f"{shop.url}/mail/set_manual_im_status", {"status": "busy"}).failed
    page.wait_for_function(
        "() => odoo.__WOWL_DEBUG__.root.env.services['mail.store'].self.im_status.includes('busy')"
    )
    set_skew(page, 2000)
    expect(page.locator(f"{NEXT} {CLOCK}")).to_have_class(re.compile("third_3"))
    page.wait_for_timeout(1000)
    expect(reminder).to_have_count(0)
    assert page.errors == []


def test_what_has_ended_is_laid_aside_and_opens_no_window_after_a_reload(shop, open_page):
    reception, agent = serve(shop)
    living, _chat = open_chat(shop, reception, name="Living")
    over, over_chat = open_chat(shop, reception, name="Departed")
    answer(shop, agent, over_chat)
    page = come_in(shop, open_page, agent)
    # Two windows on another page.
    page.goto(f"{shop.url}/odoo/action-im_livechat.im_livechat_channel_action", timeout=FIRST_PAGE)
    page.locator(".o_menu_systray .o-mail-DiscussSystray-class").first.click()
    page.locator(".o-mail-NotificationItem", has_text="Departed").first.click()
    expect(page.locator(".o-mail-ChatWindow", has_text="Departed")).to_be_visible()
    page.locator(NEXT).click()
    expect(page.locator(".o-mail-ChatWindow", has_text="Living")).to_be_visible()
    over.leave(over_chat)
    # It has just ended: what is being read stays.
    expect(page.locator(".o-mail-ChatWindow", has_text="has ended")).to_be_visible()
    page.reload(timeout=FIRST_PAGE)
    expect(page.locator(".o-mail-ChatWindow", has_text="Living")).to_be_visible()
    expect(page.locator(".o-mail-ChatWindow", has_text="Departed")).to_have_count(0)

    # In Discuss it stands at the end, and after five minutes with the others that have ended.
    page.goto(f"{shop.url}/odoo/discuss", timeout=FIRST_PAGE)
    rows = page.locator(ROW, has_text=re.compile("Living|Departed"))
    expect(rows).to_have_text([re.compile("Living"), re.compile("Departed")])
    expect(page.locator(LAID_ASIDE)).to_have_count(0)
    shop.sql(
        "UPDATE discuss_channel SET livechat_end_dt = livechat_end_dt - interval '5 min'"
        " WHERE id = %s",
        over_chat,
    )
    # A page that comes anew is told of the last minute again, as it was then.
    shop.sql("DELETE FROM bus_bus")
    for _load in range(2):
        page.reload(timeout=FIRST_PAGE)
        expect(page.locator(LAID_ASIDE)).to_have_text(re.compile(r"Ended:\s*1"))
        expect(page.locator(ROW, has_text="Departed")).to_have_count(0)
    page.locator(LAID_ASIDE).click()
    expect(page.locator(ROW, has_text="Departed")).to_be_visible()
    shoot(page, "desk-laid-aside")

    # Also in the list of the drop-down menu, and on a phone.
    page.locator(".o_menu_systray .o-mail-DiscussSystray-class").first.click()
    phone = open_as(open_page, shop, agent, "/odoo/discuss", PHONE)
    phone.locator(".o-mail-MessagingMenu-tab", has_text="Live Chat").click(timeout=FIRST_PAGE)
    for small in (page, phone):
        menu = small.locator(".o-mail-MessagingMenu")
        departed = menu.locator(".o-mail-NotificationItem", has_text="Departed")
        expect(menu.locator(".o-mail-NotificationItem", has_text="Living")).to_be_visible()
        expect(departed).to_have_count(0)
        menu.locator(LAID_ASIDE).click()
        expect(departed).to_be_visible()
        expect(menu.locator(LAID_ASIDE)).to_have_attribute("aria-expanded", "true")
    shoot(phone, "desk-laid-aside-phone")
    assert (page.errors, phone.errors) == ([], [])


def test_close_and_next_ends_the_chat_and_opens_whose_buyer_waits_longest(shop, open_page):
    reception, agent = serve(shop)
    chats = [open_chat(shop, reception, name=name)[1] for name in ("Done", "Second", "Third")]
    for seconds, chat_id in zip((300, 200, 100), chats):
        ask_earlier(shop, chat_id, seconds)
    answer(shop, agent, chats[0])
    page = come_in(shop, open_page, agent)
    show_chat(page, "Done")
    header = get_head(page, DESKTOP)
    expect_head(page, DESKTOP, "Done")

    header.get_by_role("button", name="Close and next").click()

    expect_head(page, DESKTOP, "Second")
    expect(page.locator(".o-mail-Composer-input")).to_be_focused()
    expect(page.locator(ROW, has_text="Done")).to_have_count(0)
    shops.wait_until(
        lambda: shop.sql(
            "SELECT FROM discuss_channel WHERE id = %s AND livechat_end_dt IS NOT NULL", chats[0]
        ),
        "the chat goes on",
    )
    # Who has not been answered is not closed by a slip of the mouse.
    header.get_by_role("button", name="Close and next").click()
    expect(page.get_by_role("dialog")).to_contain_text("waits for your answer")
    page.get_by_role("dialog").get_by_role("button", name="Leave Conversation").click()
    expect_head(page, DESKTOP, "Third")
    expect(page.locator(ROW, has_text="Second")).to_have_count(0)
    assert page.errors == []


def end_chats(shop, reception, agent, count):
    """Let an agent have so many chats that ended an hour ago, and are still in its list."""
    code = (
        f"channel = env['im_livechat.channel'].browse({reception.id})\n"
        f"agent = env['res.users'].browse({agent.user_id})\n"
        "hour_ago = datetime.datetime.now() - datetime.timedelta(hours=1)\n"
        f"guests = env['mail.guest'].create([{{'name': 'Past'}}] * {count})\n"
        "values = {'name': 'Past', 'channel_type': 'livechat', 'livechat_channel_id': channel.id,\n"
        "    'livechat_operator_id': agent.partner_id.id, 'livechat_end_dt': hour_ago}\n"
        "env['discuss.channel'].create([{**values, 'channel_member_ids': [\n"
        "    (0, 0, {'partner_id': agent.partner_id.id, 'livechat_member_type': 'agent'}),\n"
        "    (0, 0, {'guest_id': guest.id, 'livechat_member_type': 'visitor'}),\n"
        "]} for guest in guests])\n"
    )
    (action,) = shop.call(
        "ir.actions.server",
        "create",
        [
            {
                "name": "Past chats",
                "model_id": shop.ref("mail.model_discuss_channel"),
                "state": "code",
                "code": code,
            }
        ],
    )
    shop.call("ir.actions.server", "run", [action])


WATCH_ROWS = """() => {
    window.changed = new Set();
    new MutationObserver((records) => {
        for (const { target } of records) {
            const node = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
            const row = node.closest(".o-mail-DiscussSidebarChannel");
            if (row && !node.closest(".o_livechat_reply_clock")) {
                const name = row.querySelector(".o-mail-DiscussSidebarChannel-itemName");
                window.changed.add(name.textContent.trim());
            }
        }
    }).observe(document.querySelector(".o-mail-DiscussSidebar"), {
        childList: true, subtree: true, characterData: true, attributes: true,
    });
}"""


@pytest.mark.long
def test_a_desk_with_20_open_and_200_ended_chats_draws_what_lives(shop, open_page):
    reception, agent = serve(shop, no_reply_seconds=3000)
    buyers = [open_chat(shop, reception, name=f"Buyer {chr(65 + i)}") for i in range(20)]
    for place, (_buyer, chat_id) in enumerate(buyers[1:]):
        ask_earlier(shop, chat_id, 100 * (20 - place))
    (talker, chat_id), *_rest = buyers
    answer(shop, agent, chat_id)
    end_chats(shop, reception, agent, 200)
    page = come_in(shop, open_page, agent)
    expect(page.locator(LAID_ASIDE)).to_have_text(re.compile(r"Ended:\s*200"))
    expect(page.locator(f"{ROW}:has({CLOCK})")).to_have_count(19)
    living = page.locator(ROW, has_text=re.compile("Buyer|Past"))
    expect(living).to_have_count(20)
    shoot(page, "desk-220-chats")

    # A word of one buyer touches its own row, beside the clocks that go on.
    page.evaluate(WATCH_ROWS)

    def changed():
        # OdooBot greets whoever comes for the first time.
        return [name for name in page.evaluate("[...window.changed]") if name != "OdooBot"]

    before = page.locator(f"{NEXT} {CLOCK}").inner_text()
    expect(page.locator(f"{NEXT} {CLOCK}")).not_to_have_text(before)
    assert changed() == []
    talker.say(chat_id, "Are you there?")
    expect(page.locator(f"{ROW}:has({CLOCK})")).to_have_count(20)
    assert changed() == ["Buyer A"]
    expect(page).to_have_title(re.compile(r"^\(20\) "))
    assert page.errors == []


@pytest.mark.long
def test_close_and_next_in_a_window_leaves_the_cursor_with_the_next_buyer(shop, open_page):
    reception, agent = serve(shop)
    chats = [open_chat(shop, reception, name=name)[1] for name in ("Departing", "Ella")]
    answer(shop, agent, chats[0])
    page = come_in(shop, open_page, agent)
    page.evaluate("localStorage.removeItem('mail.ChatHub')")
    page.goto(f"{shop.url}/odoo/action-im_livechat.im_livechat_channel_action", timeout=FIRST_PAGE)
    page.locator(".o_menu_systray .o-mail-DiscussSystray-class").first.click()
    page.locator(".o-mail-NotificationItem", has_text="Departing").first.click()
    departing = page.locator(".o-mail-ChatWindow", has_text="Departing")
    expect(departing.locator(".o-mail-Composer-input")).to_be_focused()
    # Whether anything else has had the cursor once the next window has it.
    page.evaluate(
        """() => {
            window.focused = [];
            document.addEventListener("focusin", ({ target }) => window.focused.push(
                target.className
            ));
        }"""
    )
    departing.locator(".o-mail-ChatWindow-moreActions").click()
    page.locator(".o-dropdown--menu").get_by_text("Close and next").click()
    expect(departing).to_have_count(0)
    composer = page.locator(".o-mail-ChatWindow", has_text="Ella").locator(".o-mail-Composer-input")
    expect(composer).to_be_focused()
    page.keyboard.type("At once")
    expect(composer).to_have_value("At once")
    assert not [name for name in page.evaluate("window.focused") if "CloseConfirmation" in name]
    shops.wait_until(
        lambda: shop.sql(
            "SELECT FROM discuss_channel WHERE id = %s AND livechat_end_dt IS NOT NULL", chats[0]
        ),
        "the chat goes on",
    )
    assert page.errors == []


@pytest.mark.long
def test_of_a_buyer_of_whom_nothing_is_known_nobody_says_that_it_is_gone(shop, open_page):
    reception, agent = serve(shop)
    # It brings no cookie to the websocket, as whoever is on a page elsewhere.
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Ella")
    expect(page.locator(".o-mail-Message", has_text="Is the lamp in stock?")).to_be_visible()
    gone = page.locator(".o-livechat-VisitorDisconnected")
    # Odoo waits for a moment before it says so.
    page.wait_for_timeout(2500)
    expect(gone).to_have_count(0)
    offline = page.locator(".o-mail-DiscussSidebarChannel", has_text="Ella").locator(
        "[aria-label='User is offline']"
    )
    expect(offline).to_have_count(0)
    ((guest_id,),) = shop.sql(
        "SELECT guest_id FROM discuss_channel_member"
        " WHERE channel_id = %s AND guest_id IS NOT NULL",
        chat_id,
    )
    known = {"guest_id": guest_id, "status": "offline", "last_poll": "2026-01-01 10:00:00"}
    shop.call("mail.presence", "create", [known])
    page.reload(timeout=FIRST_PAGE)
    show_chat(page, "Ella")
    expect(gone).to_be_visible()
    expect(offline).to_be_visible()
    assert page.errors == []


@pytest.mark.long
def test_a_chat_is_put_on_hold_in_any_digits(shop, open_page):
    reception, agent = serve(shop)
    page = come_in(shop, open_page, agent)
    wait_until_it_hears(page)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    show_chat(page, "Ella")
    # As Odoo has it for who reads Arabic.
    page.evaluate("luxon.Settings.defaultNumberingSystem = 'arab'")
    page.locator("[title='Put on hold'], [name='livechat-hold']").first.click()
    moment = page.locator(".o_livechat_hold_moment")
    expect(moment).to_have_value(re.compile("^[0-9]{4}-[0-9-]{5}T[0-9:]{5}$"))
    page.locator(".o_livechat_hold").click()
    expect(page.locator(".o_livechat_hold_mark").first).to_be_visible()
    ((held,),) = shop.sql(
        "SELECT dispatch_held_until > now() AT TIME ZONE 'UTC' + interval '50 min'"
        " FROM discuss_channel WHERE id = %s",
        chat_id,
    )
    assert held

    # A page that has missed that the hold is over learns it when it ends it.
    shop.sql("UPDATE discuss_channel SET dispatch_held_until = NULL WHERE id = %s", chat_id)
    page.locator("[title='End the hold'], [name='livechat-end-hold']").first.click()
    expect(page.locator(".o_livechat_hold_mark")).to_have_count(0)
    assert page.errors == []


@pytest.mark.long
def test_what_a_lost_connection_did_not_show_of_a_buyer_is_shown_when_it_is_back(
    shop, server, open_page
):
    reception, agent = serve(shop)
    for name in ("Ella", "Omar"):
        open_chat(shop, reception, name=name)
    with Wire(server.port) as wire:
        page = open_page(f"http://127.0.0.1:{wire.port}/web/login?redirect=/odoo/discuss", DESKTOP)
        log_in(page, agent)
        show_chat(page, "Ella")
        panel = page.locator(".o_livechat_buyer_panel")
        expect(panel).to_contain_text("Ella")
        reason = page.locator(".o_livechat_dispatch_reason")
        expect(reason).to_be_visible()
        page.locator(ROW, has_text="Omar").click()
        expect(panel).to_contain_text("Omar")
        expect(reason).to_be_visible()

        for call in ("get_buyer_card", "get_dispatch_reason"):
            page.route(f"**/{call}", lambda route: route.abort())
        page.locator(ROW, has_text="Ella").click()
        page.wait_for_timeout(1000)
        expect(panel).to_have_count(0)
        expect(reason).to_have_count(0)
        page.unroute_all()
        # It connects again.
        wire.hang_up()
        expect(panel).to_contain_text("Ella")
        expect(reason).to_be_visible()


@pytest.mark.long
def test_why_a_chat_came_is_told_of_whom_it_is_with_now(shop, open_page):
    reception, agent = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    (colleague,) = shop.add_agents([100])
    set_agents(shop, reception, [agent, colleague])
    reason = ".o_livechat_dispatch_reason"
    page = come_in(shop, open_page, agent)
    show_chat(page, "Ella")
    expect(page.locator(reason)).to_contain_text("Only you were free")
    # Who watches keeps the chat open while it goes from one to the other.
    watchers_page = open_as(
        open_page,
        shop,
        SimpleNamespace(login="admin"),
        f"/odoo/discuss?active_id=discuss.channel_{chat_id}",
        DESKTOP,
    )
    told = watchers_page.locator(reason)
    expect(told).to_contain_text(f"Came to {agent.name}: Nobody else was free", timeout=FIRST_PAGE)

    for receiver in (colleague, agent):
        shop.call("discuss.channel", "transfer", [chat_id], "asked", user_id=receiver.user_id)
        expect(told).to_contain_text(f"Came to {receiver.name}: Chosen by a colleague")
    show_chat(page, "Ella")
    expect(page.locator(reason)).to_contain_text("A colleague chose you")
    assert (page.errors, watchers_page.errors) == ([], [])


def end_unread(shop, page, reception, agent):
    """A chat of this agent ends whose buyer's last word it has not read, as its page knows."""
    over, over_chat = open_chat(shop, reception, name="Departed")
    answer(shop, agent, over_chat)
    over.say(over_chat, "Thank you")
    over.leave(over_chat)
    page.wait_for_function(
        """(id) => {
            const { Thread } = odoo.__WOWL_DEBUG__.root.env.services["mail.store"];
            const chat = Thread.get({ model: "discuss.channel", id });
            return chat?.livechat_end_dt && chat.isUnread;
        }""",
        arg=over_chat,
    )


@pytest.mark.long
def test_tab_leads_to_no_chat_that_has_ended(shop, open_page):
    reception, agent = serve(shop)
    open_chat(shop, reception, name="Living")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Living")
    end_unread(shop, page, reception, agent)
    composer = page.locator(".o-mail-Composer-input")
    composer.focus()
    expect(composer).not_to_have_attribute("placeholder", re.compile("Tab"))
    page.keyboard.press("Tab")
    page.wait_for_timeout(500)
    expect_head(page, DESKTOP, "Living")
    # To one that goes on it does.
    open_chat(shop, reception, name="Waiting")
    expect(page.locator(ROW, has_text="Waiting")).to_be_visible()
    composer.focus()
    expect(composer).to_have_attribute("placeholder", "Tab to next livechat")
    page.keyboard.press("Tab")
    expect_head(page, DESKTOP, "Waiting")
    assert page.errors == []


@pytest.mark.long
def test_a_phones_tab_counts_chats_that_go_on(shop, open_page):
    reception, agent = serve(shop)
    page = come_in(shop, open_page, agent, PHONE)
    open_chat(shop, reception, name="Living")
    tab = page.locator(".o-mail-MessagingMenu-tab", has_text="Live Chats")
    count = tab.locator(".o-mail-MessagingMenu-tabCounter")
    expect(count).to_have_text("1")
    end_unread(shop, page, reception, agent)
    page.wait_for_timeout(500)
    expect(count).to_have_text("1")
    assert page.errors == []


def test_a_whisper_names_its_chat_and_leads_to_it(shop, open_page):
    reception, agent = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    open_chat(shop, reception, name="Omar")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Omar")
    shop.call("discuss.channel", "action_whisper", [chat_id], "Offer ten percent off")
    notice = page.locator(".o_notification", has_text="whispers to you")
    expect(notice).to_contain_text("Ella")
    notice.get_by_role("button", name="Open").click()
    expect_head(page, DESKTOP, "Ella")
    expect(page.locator(".o_livechat_whisper")).to_contain_text("Offer ten percent off")
    expect(notice).to_have_count(0)
    assert page.errors == []


def test_an_answer_that_comes_late_takes_no_whisper_back(shop, open_page):
    reception, agent = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    open_chat(shop, reception, name="Omar")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Omar")
    asked, answers = [], []

    def hold_first(route):
        asked.append(route)
        if len(asked) > 1:
            route.continue_()
        else:
            answers.append((route, route.fetch()))

    page.route("**/get_whispers", hold_first)
    show_chat(page, "Ella")
    shops.wait_until(lambda: page.wait_for_timeout(100) or answers, "nobody asks for whispers")
    shop.call("discuss.channel", "action_whisper", [chat_id], "Offer the discount")
    whisper = page.locator(".o_livechat_whisper", has_text="Offer the discount")
    expect(whisper).to_be_visible()
    for route, response in answers:
        route.fulfill(response=response)
    page.wait_for_timeout(1000)
    expect(whisper).to_be_visible()
    assert page.errors == []


@pytest.mark.long
def test_a_page_that_missed_an_answer_asks_again_and_no_late_answer_brings_a_clock_back(
    shop, server, open_page
):
    reception, agent = serve(shop, no_reply_seconds=3000)
    asked, answers = [], []

    def hold_first(route):
        if not asked and "livechat_dispatch_owed" in route.request.post_data:
            asked.append(route)
            answers.append((route, route.fetch()))
        else:
            route.continue_()

    with Wire(server.port) as wire:
        page = open_page(f"http://127.0.0.1:{wire.port}/web/login?redirect=/odoo/discuss", DESKTOP)
        log_in(page, agent)
        expect(page.locator(SYSTRAY)).to_be_visible()
        wait_until_it_hears(page)
        chats = [open_chat(shop, reception, name=name)[1] for name in ("Ella", "Omar")]
        expect(page).to_have_title(re.compile(r"^\(2\) "))
        # What is written in the database itself is told to nobody.
        shop.sql("UPDATE discuss_channel SET dispatch_asked_at = NULL WHERE id = %s", chats[0])
        wire.hang_up()
        expect(page).to_have_title(re.compile(r"^\(1\) "))

        page.route("**/mail/data", hold_first)
        wire.hang_up()
        shops.wait_until(
            lambda: page.wait_for_timeout(100) or answers, "the page does not ask what is owed"
        )
        answer(shop, agent, chats[1])
        answered = re.compile(r"^(?!\()")
        expect(page).to_have_title(answered)
        for route, response in answers:
            route.fulfill(response=response)
        page.wait_for_timeout(1000)
        expect(page).to_have_title(answered)
    assert page.errors == []


@pytest.mark.long
def test_a_notification_beside_the_page_leads_to_its_chat(shop, open_page):
    reception, agent = serve(shop)
    open_chat(shop, reception, name="Omar")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Omar")
    page.evaluate(LISTEN)
    page.evaluate(
        """() => {
            window.notices = [];
            window.Notification = class extends EventTarget {
                static permission = "granted";
                constructor(title) {
                    super();
                    window.notices.push({ title, notice: this });
                }
                close() {}
            };
        }"""
    )
    open_chat(shop, reception, name="Ella")
    page.wait_for_function("() => notices.some(({ title }) => title.includes('Ella'))")
    page.evaluate(
        "() => notices.find(({ title }) => title.includes('Ella'))"
        ".notice.dispatchEvent(new Event('click'))"
    )
    expect_head(page, DESKTOP, "Ella")
    assert page.errors == []


@pytest.mark.long
def test_what_time_it_is_where_the_buyer_is_goes_on(shop, open_page):
    reception, agent = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    shop.sql(
        "UPDATE mail_guest SET timezone = 'Asia/Tokyo' WHERE id IN (SELECT guest_id"
        " FROM discuss_channel_member WHERE channel_id = %s)",
        chat_id,
    )
    page = come_in(shop, open_page, agent)
    show_chat(page, "Ella")
    place = page.locator(".o_livechat_buyer_place")
    expect(place).to_contain_text("there")
    before = place.inner_text()
    set_skew(page, 3600)
    expect(place).not_to_have_text(before)
    expect(place).to_contain_text("there")
    assert page.errors == []


@pytest.mark.long
def test_what_is_today_is_so_by_the_shops_clock_and_loads_have_the_readers_signs(shop, open_page):
    reception, agent = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    page = come_in(shop, open_page, agent)
    show_chat(page, "Ella")
    # The battery of the computer's clock is empty. At noon all that is soon is of the same day.
    set_skew(
        page,
        page.evaluate(
            "() => { const now = luxon.DateTime.now(); return now.plus({ days: 2 })"
            ".set({ hour: 12, minute: 0 }).diff(now, 'seconds').seconds; }"
        ),
    )
    page.locator(SYSTRAY).click()
    page.get_by_role("menuitem", name="Pause for 15 min").click()
    expect(page.locator(f"{SYSTRAY} .o_livechat_dispatch_until")).to_have_text(
        re.compile(r"^Paused until \d+:\d\d\s*[AP]M$")
    )
    page.locator("[title='Put on hold'], [name='livechat-hold']").first.click()
    page.locator("[data-choice=soon]").click()
    expect(page.locator(".o_livechat_hold_mark").first).to_contain_text(re.compile(r"\d:\d\d"))
    load = page.evaluate(
        """() => {
            const { modules } = odoo.loader;
            modules.get("@web/core/l10n/localization").localization.decimalPoint = ",";
            return modules
                .get("@im_livechat_subaccount/dispatch_menu/dispatch_status_service")
                .formatLoad({ load: 3.5, capacity: 7 });
        }"""
    )
    assert load == "3,5/7"
    assert page.errors == []
