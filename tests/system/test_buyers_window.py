"""The buyer's window on a phone, as everybody meets it: what is asked before the chat, the line
and the hours of the shop by the buyer's own clock, from right to left, and by who cannot see it."""

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import shop as shops
from browsers import (
    DESKTOP,
    FIRST_PAGE,
    PHONE,
    WIDGET,
    find_barriers,
    foreign_page,
    go_to_chat,
    shoot,
)
from desk_tasks import RIGHTS
from playwright.sync_api import expect
from test_desk_browsers import NEXT, SYSTRAY, answer, come_in, set_agents
from test_here import embed, run_timers
from test_refusal_browsers import NOTICE, block_buyer, count_words
from test_waiting_browsers import BANNER, ask, fits, last_chat, occupy, write_first

QUESTION, REACH = ".o-livechat-FirstQuestion", ".o-livechat-WaitingReach"
CARD = ".o_livechat_buyer_panel"
WINDOW, RATING = ".o-mail-ChatWindow", ".o-livechat-Rating"
CLOSE = f"{WINDOW}-header [name=close], {WINDOW}-header [title*=Close]"


@pytest.fixture
def asking_shop(shop):
    """A reception of which two groups are shown to buyers; its agents may read orders."""
    reception = shop.open_reception([], max_sessions=9, name="Flagship Shop")
    rights = [[4, shop.ref(xmlid)] for xmlid in RIGHTS]
    reception.agents = shop.add_agents([100, 100], group_ids=rights)
    set_agents(shop, reception, reception.agents)
    for name, agent in zip(("Pre-sales", "After-sales"), reception.agents, strict=True):
        values = {"name": name, "channel_id": reception.id, "lamp": "light"}
        shop.call(
            "livechat.dispatch.group", "create", [{**values, "user_ids": [[4, agent.user_id]]}]
        )
    shop.call("im_livechat.channel", "write", [reception.id], {"first_question": "topic"})
    return reception


def wait_for_chat(shop, reception, before=None):
    """The newest chat, once there is another one than before."""
    return shops.wait_until(
        lambda: last_chat(shop, reception) != before and last_chat(shop, reception),
        "no chat has begun",
    )


def read_chat(shop, chat_id):
    ((*row,),) = shop.sql(
        "SELECT operator.id, chat.dispatch_by_wish, chat.dispatch_order_number"
        " FROM discuss_channel chat JOIN res_users operator"
        " ON operator.partner_id = chat.livechat_operator_id WHERE chat.id = %s",
        chat_id,
    )
    return row


def rate_by_keyboard(shop, page, agent, chat_id):
    """The buyer was served, closes the chat and is unhappy, and who watches the shop reads it."""
    answer(shop, agent, chat_id)
    expect(page.locator(".o-mail-Message", has_text="Yes, it is")).to_be_visible()
    page.locator(CLOSE).first.click()
    page.locator(".o-livechat-CloseConfirmation-leave").click()
    faces = page.locator(RATING).get_by_role("button", name=re.compile("satisfied|Okay", re.I))
    expect(faces).to_have_count(3)
    faces.first.focus()
    for _step in range(2):
        page.keyboard.press("Tab")
    face = page.get_by_role("button", name="Dissatisfied")
    expect(face).to_be_focused()
    page.keyboard.press("Space")
    expect(face).to_have_attribute("aria-pressed", "true")
    shoot(page, "rating")
    assert fits(page)
    assert find_barriers(page, [RATING], host=WIDGET) == []
    page.get_by_placeholder("Explain your note").fill("Not a word about the price")
    page.get_by_role("button", name="Send").press("Enter")
    expect(page.locator(RATING)).to_contain_text("Thank you for your feedback")
    rated = (
        "SELECT rated_partner_id, rating::integer FROM rating_rating"
        " WHERE res_model = 'discuss.channel' AND res_id = %s"
    )
    shops.wait_until(
        lambda: shop.sql(rated, chat_id) == [(agent.partner_id, 1)], "it was not rated"
    )
    unhappy = shop.call("im_livechat.channel", "get_reception")["unhappy"]["chats"]
    assert chat_id in [row["id"] for row in unhappy]


def test_one_question_before_the_chat_leads_to_its_group_or_order_and_holds_nobody_up(
    shop,
    asking_shop,
    open_page,
    open_widget,
):
    reception = asking_shop
    before, after = reception.agents
    (product,) = shop.call("product.product", "create", [{"name": "Desk lamp", "type": "consu"}])
    line = {"product_id": product, "product_uom_qty": 1}
    customer = {"partner_id": before.partner_id, "order_line": [[0, 0, line]]}
    (order_id,) = shop.call("sale.order", "create", [customer])
    (order,) = shop.call("sale.order", "read", [order_id], ["name"])

    # A topic is a click, or none: it can be taken back.
    page = open_widget(reception, "shop", PHONE)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    topics = page.locator(f"{QUESTION}-topic")
    expect(topics).to_have_text(["Pre-sales", "After-sales"])
    expect(page.get_by_role("group", name="What is it about?")).to_be_visible()
    for topic, pressed in ((0, "true"), (0, "false"), (1, "true")):
        topics.nth(topic).click()
        expect(topics.nth(topic)).to_have_attribute("aria-pressed", pressed)
        # Whoever has chosen goes on writing.
        expect(page.locator(".o-mail-Composer-input")).to_be_focused()
    expect(topics.nth(0)).to_have_attribute("aria-pressed", "false")
    shoot(page, "question-topic")
    assert fits(page)
    assert find_barriers(page, [QUESTION], host=WIDGET) == []
    page.keyboard.type("It does not light")
    page.keyboard.press("Enter")
    chat_id = wait_for_chat(shop, reception)
    expect(page.locator(WINDOW)).to_contain_text(after.name)
    expect(page.locator(QUESTION)).to_have_count(0)
    assert read_chat(shop, chat_id) == [after.user_id, True, None]
    rate_by_keyboard(shop, page, after, chat_id)

    # Who just writes is served as well.
    silent = open_widget(reception, "shop", PHONE)
    ask(silent, "Hello")
    chat_id = wait_for_chat(shop, reception, chat_id)
    expect(silent.locator(QUESTION)).to_have_count(0)
    assert read_chat(shop, chat_id) == [before.user_id, False, None]

    shop.call("im_livechat.channel", "write", [reception.id], {"first_question": "order"})
    named = open_widget(reception, "elsewhere", PHONE)
    named.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    number = named.get_by_label("Order number (optional)")
    number.fill(f" {order['name']} ")
    shoot(named, "question-order")
    assert fits(named)
    assert find_barriers(named, [QUESTION], host=WIDGET) == []
    # Without a mouse.
    number.press("Tab")
    composer = named.locator(".o-mail-Composer-input")
    expect(composer).to_be_focused()
    named.keyboard.type("Where is it?")
    named.keyboard.press("Enter")
    chat_id = wait_for_chat(shop, reception, chat_id)
    user_id, _wish, order_number = read_chat(shop, chat_id)
    assert order_number == order["name"]

    # The agent of each reads it beside the chat.
    agent = after if user_id == after.user_id else before
    desk = come_in(shop, open_page, agent)
    go_to_chat(shop, desk, chat_id)
    card = desk.locator(CARD)
    expect(card.locator(".o_livechat_buyer_named")).to_contain_text(
        re.compile(f"Names order\\s*{order['name']}")
    )
    expect(card.locator(".o_livechat_buyer_named")).to_contain_text("Not known to be this buyer's")
    shoot(desk, "question-desk")
    clock = ".o-mail-DiscussContent-header .o_livechat_reply_clock"
    assert find_barriers(desk, [CARD, NEXT, SYSTRAY, clock]) == []
    desk.click("button[name=livechat-transfer]")
    expect(desk.locator(".o_livechat_transfer label").first).to_be_visible()
    assert find_barriers(desk, [".o_livechat_transfer"]) == []
    shoot(desk, "question-transfer")
    desk.keyboard.press("Escape")
    expect(desk.locator(".o_livechat_transfer")).to_have_count(0)
    card.get_by_role("button", name=order["name"]).click()
    expect(desk.locator(".o_form_view .o_field_widget[name=partner_id]")).to_be_visible()
    assert [silent.errors, page.errors, named.errors, desk.errors] == [[]] * 4


def open_on(shop, days):
    """A calendar of a shop that opens on one evening, so many days from now: its id, and when."""
    moment = datetime.now(timezone.utc).replace(hour=20, minute=30, second=0, microsecond=0)
    moment += timedelta(days=days)
    hours = {"name": "Evening", "dayofweek": str(moment.weekday())}
    hours |= {"hour_from": 20.5, "hour_to": 22}
    values = {"name": "Evenings", "tz": "UTC", "attendance_ids": [[5], [0, 0, hours]]}
    (calendar,) = shop.call("resource.calendar", "create", [values])
    return calendar, moment


def find_strays(page, part):
    """What of a part of the window is not within the page, by its class."""
    return page.locator(part).evaluate_all(
        """(parts) => parts.flatMap((part) => [part, ...part.querySelectorAll("*")])
            .filter((node) => {
                const { left, right, width } = node.getBoundingClientRect();
                return width && (left < -1 || right > window.innerWidth + 1);
            }).map((node) => node.className)"""
    )


def get_box(locator):
    box = locator.bounding_box()
    return box["x"], box["x"] + box["width"]


def is_right_of(first, second):
    """Whether the whole of the first stands on the right of the second's beginning, with a gap."""
    return get_box(first)[0] >= get_box(second)[1] + 2


def go_on(page, to):
    """By Tab, to there; a moment later core would have the cursor where one writes."""
    page.keyboard.press("Tab")
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    expect(to).to_be_focused()


@pytest.mark.long
def test_who_goes_on_by_tab_stays_in_what_is_to_be_chosen_and_filled_in(
    shop,
    asking_shop,
    open_widget,
):
    page = open_widget(asking_shop, "shop", DESKTOP)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    topics = page.locator(f"{QUESTION}-topic")
    topics.first.focus()
    go_on(page, topics.last)

    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Full Shop"
    )
    occupy(shop, reception)
    page = open_widget(reception, "shop", DESKTOP)
    ask(page, "Is the lamp in stock?")
    page.locator(f"{BANNER}-leave").click()
    expect(page.locator(BANNER)).to_contain_text("we keep it and answer")
    page.click(f"{REACH}-reach")
    expect(page.locator(f"{REACH}-email")).to_be_focused()
    page.keyboard.type("ella@example.com")
    go_on(page, page.locator(f"{REACH}-phone"))
    page.keyboard.type("+49 30 1234567")
    go_on(page, page.locator(f"{REACH}-send"))
    page.keyboard.press("Enter")
    expect(page.locator(f"{BANNER}-mails")).to_be_visible()
    assert page.errors == []


def test_from_right_to_left_on_a_phone_with_the_shops_hours_by_the_buyers_clock(shop, open_page):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents
    occupy(shop, reception)
    html = embed(shop, reception).replace("<html>", '<html lang="ar" dir="rtl">')
    html = html.replace("<head>", '<head><meta name="viewport" content="width=device-width">')
    with foreign_page(html) as url:
        page = open_page(url, PHONE, timezone_id="Asia/Tokyo")
        window = ask(page, "هل المصباح متوفر؟")
        banner = window.locator(BANNER)
        expect(banner).to_contain_text("You are number 1 in line")
        shoot(page, "rtl-line")

        def check(icon, words):
            assert is_right_of(banner.locator(icon), banner.locator(words))
            for part in (BANNER, REACH):
                assert find_strays(page, part) == []
            assert fits(page)
            assert find_barriers(page, [BANNER, REACH], host=WIDGET) == []

        check(".fa-hourglass-half", f"{BANNER}-place")
        for button in (f"{BANNER}-leave", f"{REACH}-reach"):
            icon, words = page.locator(f"{button} .fa"), page.locator(f"{button} span")
            assert is_right_of(icon, words)

        # Everybody goes, and the shop is closed.
        calendar, opens_at = open_on(shop, days=2)
        shop.call("im_livechat.channel", "write", [reception.id], {"calendar_id": calendar})
        shop.sql("DELETE FROM mail_presence WHERE user_id = %s", agent.user_id)
        run_timers(shop)
        opens = window.locator(f"{BANNER}-opens")
        there = opens_at.astimezone(ZoneInfo("Asia/Tokyo"))
        expect(opens).to_have_text(
            re.compile(
                rf"^The shop is open from {there:%A}, {there:%B} {there.day} at 5:30\sAM"
                r" to 7:00\sAM, by your clock\.$"
            )
        )
        page.click(f"{REACH}-reach")
        mailbox = page.locator(f"{REACH}-email")
        mailbox.fill("ella")
        mailbox.press("Enter")
        expect(page.locator(f"{REACH}-error")).to_be_visible()
        shoot(page, "rtl-pool")
        check(".fa-envelope-o", f"{BANNER}-pool")
        # An address is read from left to right by everybody.
        assert mailbox.evaluate("field => getComputedStyle(field).direction") == "ltr"
        mailbox.fill("ella@example.com")
        mailbox.press("Enter")
        expect(page.locator(f"{BANNER}-mails")).to_be_visible()
        shoot(page, "rtl-pool-done")
        check(".fa-envelope-o", f"{BANNER}-pool")
        mails = f"{BANNER}-mails"
        assert is_right_of(banner.locator(f"{mails} .fa"), banner.locator(f"{mails} span"))
        assert page.errors == []


@pytest.mark.parametrize(
    ("place", "viewport"),
    [pytest.param("shop", PHONE, marks=pytest.mark.long), ("elsewhere", DESKTOP)],
)
def test_who_has_left_a_message_closes_the_window_unasked_and_opens_it_again(
    shop,
    open_widget,
    place,
    viewport,
):
    calendar, _opens_at = open_on(shop, days=2)
    reception = shop.open_reception(
        [], offline_rule="pool", calendar_id=calendar, name="Flagship Shop"
    )
    page = open_widget(reception, place, viewport)
    button = page.locator(".o-livechat-LivechatButton")
    button.click(timeout=FIRST_PAGE)
    # Whoever decides whether to write knows what becomes of it.
    banner = page.locator(BANNER)
    expect(banner).to_contain_text("we keep it and answer")
    expect(banner).to_contain_text("The shop is open from")
    shoot(page, f"pool-before-the-first-word-{place}")
    window = write_first(page, "Is the lamp in stock?")
    expect(banner).to_contain_text("we keep it and answer")
    chat_id = wait_for_chat(shop, reception)
    expect(button).to_have_count(0)

    page.locator(CLOSE).first.click()
    # The chat does not end, and nobody has answered a question.
    expect(window).to_have_count(0)
    expect(page.locator(RATING)).to_have_count(0)
    button.click()
    expect(window.locator(".o-mail-Message", has_text="Is the lamp in stock?")).to_be_visible()
    expect(button).to_have_count(0)
    composer = page.locator(".o-mail-Composer-input")
    expect(composer).to_be_focused()
    page.keyboard.type("The blue one")
    page.keyboard.press("Enter")
    shops.wait_until(lambda: count_words(shop, chat_id) == 2, "the words never came")

    # By keyboard, and on the next page of the shop.
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(button).to_be_visible()
    page.reload(timeout=FIRST_PAGE)
    ask(page, "Or the red one")
    shops.wait_until(lambda: count_words(shop, chat_id) == 3, "the words are not in the same chat")
    assert last_chat(shop, reception) == chat_id

    # Whoever has closed the window reads the answer all the same.
    page.locator(CLOSE).first.click()
    expect(window).to_have_count(0)
    words = {"body": "Two are left", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
    shop.call("discuss.channel", "message_post", [chat_id], **words)
    expect(window.locator(".o-mail-Message", has_text="Two are left")).to_be_visible()
    assert page.errors == []


@pytest.mark.parametrize("place", ["shop", pytest.param("elsewhere", marks=pytest.mark.long)])
def test_a_rating_that_is_not_kept_is_there_to_be_sent_again(
    shop,
    open_widget,
    place,
):
    reception = shop.open_reception([100], name="Flagship Shop")
    (agent,) = reception.agents
    page = open_widget(reception, place, PHONE)
    ask(page, "Is the lamp in stock?")
    chat_id = wait_for_chat(shop, reception)
    answer(shop, agent, chat_id)
    expect(page.locator(".o-mail-Message", has_text="Yes, it is")).to_be_visible()
    page.locator(CLOSE).first.click()
    page.locator(".o-livechat-CloseConfirmation-leave").click()
    page.get_by_role("button", name="Dissatisfied").click()
    words = page.get_by_placeholder("Explain your note")
    words.fill("Not a word about the price")
    send, notice = page.get_by_role("button", name="Send"), page.locator(NOTICE)

    page.route("**/feedback", lambda route: route.abort())
    send.click()
    expect(notice.filter(has_text="did not work")).to_have_count(1)
    expect(words).to_have_value("Not a word about the price")
    page.unroute("**/feedback")
    # Refused: whoever is blocked, or asks too often, rates nobody.
    block_buyer(shop, chat_id)
    send.click()
    expect(notice.filter(has_text="did not work")).to_have_count(2)
    expect(words).to_be_visible()
    shop.sql("DELETE FROM livechat_dispatch_block")
    send.click()
    expect(page.locator(RATING)).to_contain_text("Thank you for your feedback")
    rated = (
        "SELECT count(*) FROM rating_rating WHERE res_model = 'discuss.channel' AND res_id = %s"
        " AND rating = 1"
    )
    shops.wait_until(lambda: shop.sql(rated, chat_id) == [(1,)], "it was not rated")
    assert page.errors == []


def open_line(shop, open_widget, viewport):
    """A buyer waits in line of a shop that keeps messages: the page, and the chat."""
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Full Shop"
    )
    occupy(shop, reception)
    page = open_widget(reception, "shop", viewport)
    window = ask(page, "Is the lamp in stock?")
    expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
    return page, last_chat(shop, reception)


def test_who_is_refused_to_leave_the_line_reads_that_it_stands_there(shop, open_widget):
    page, chat_id = open_line(shop, open_widget, PHONE)
    block_buyer(shop, chat_id)
    page.click(f"{BANNER}-leave")
    expect(page.locator(NOTICE, has_text="still in line")).to_be_visible()
    expect(page.locator(f"{BANNER}-leave")).to_be_visible()
    assert page.errors == []


@pytest.mark.long
def test_whoever_asks_for_the_form_gets_out_of_it_and_is_met_by_an_agent(shop, open_widget):
    page, _chat_id = open_line(shop, open_widget, DESKTOP)
    window, composer = page.locator(WINDOW), page.locator(".o-mail-Composer-input")
    page.click(f"{REACH}-reach")
    expect(page.locator(f"{REACH}-email")).to_be_focused()
    page.keyboard.type("ella")
    page.keyboard.press("Escape")
    expect(page.locator(f"{REACH}-email")).to_have_count(0)
    expect(composer).to_be_focused()
    expect(page.locator(".o-livechat-CloseConfirmation")).to_have_count(0)
    expect(window).to_be_visible()

    # An agent comes in the moment of the click: there is nothing to wait for any more.
    page.evaluate(
        """(selector) => {
            const stores = [...owl.App.apps].map((app) => app.env?.services?.["mail.store"]);
            const [thread] = stores.find((store) => store?.activeLivechats).activeLivechats;
            const { shadowRoot } = document.querySelector(".o-livechat-root");
            shadowRoot.querySelector(selector).click();
            thread.dispatch_wait = false;
        }""",
        f"{REACH}-reach",
    )
    expect(page.locator(REACH)).to_have_count(0)
    composer.fill("Are you there?")
    composer.press("Enter")
    expect(window.locator(".o-mail-Message", has_text="Are you there?")).to_be_visible()
    assert page.errors == []


@pytest.mark.long
def test_the_order_that_was_typed_is_there_when_the_window_is_opened_again(
    shop,
    asking_shop,
    open_widget,
):
    reception = asking_shop
    shop.call("im_livechat.channel", "write", [reception.id], {"first_question": "order"})
    page = open_widget(reception, "shop", DESKTOP)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    number = page.get_by_label("Order number (optional)")
    number.press_sequentially("S 0042 ")
    expect(number).to_have_value("S 0042 ")
    page.locator(f"{WINDOW}-header").click(position={"x": 200, "y": 10})
    expect(number).to_have_count(0)
    page.locator(".o-mail-ChatBubble").first.click()
    expect(number).to_have_value("S 0042 ")
    composer = page.locator(".o-mail-Composer-input")
    composer.fill("Where is it?")
    composer.press("Enter")
    chat_id = wait_for_chat(shop, reception)
    assert read_chat(shop, chat_id)[2] == "S 0042"
    assert page.errors == []


@pytest.mark.parametrize("place", [pytest.param("shop", marks=pytest.mark.long), "elsewhere"])
def test_who_left_the_line_by_choice_reads_so_on_the_next_page_and_in_another_tab(
    shop, open_widget, place
):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Full Shop"
    )
    occupy(shop, reception)
    page = open_widget(reception, place, PHONE)
    ask(page, "Is the lamp in stock?")
    expect(page.locator(BANNER)).to_contain_text("You are number 1 in line")
    tab = page.context.new_page()
    tab.goto(page.url, timeout=FIRST_PAGE)
    expect(tab.locator(BANNER)).to_contain_text("You are number 1 in line", timeout=FIRST_PAGE)
    page.click(f"{BANNER}-leave")
    for one in (page, tab):
        expect(one.locator(BANNER)).to_contain_text("as soon as somebody is free")
    page.reload(timeout=FIRST_PAGE)
    expect(page.locator(BANNER)).to_contain_text("we keep it and answer", timeout=FIRST_PAGE)
    expect(page.locator(BANNER)).to_contain_text("as soon as somebody is free")
    assert page.errors == []


@pytest.mark.long
def test_who_gives_up_the_line_is_not_asked_how_it_was(shop, open_widget):
    page, chat_id = open_line(shop, open_widget, DESKTOP)
    page.locator(CLOSE).first.click()
    page.locator(".o-livechat-CloseConfirmation-leave").click()
    expect(page.locator(WINDOW)).to_have_count(0)
    expect(page.locator(RATING)).to_have_count(0)
    ended = "SELECT FROM discuss_channel WHERE id = %s AND livechat_end_dt IS NOT NULL"
    shops.wait_until(lambda: shop.sql(ended, chat_id), "the chat goes on")
    expect(page.locator(".o-livechat-LivechatButton")).to_be_visible()
    assert page.errors == []


def test_a_message_for_who_is_away_closes_unasked_until_it_is_answered(shop, open_widget):
    (proxy,) = shop.add_agents([100], online=False)
    reception = shop.open_reception([], name="Flagship Shop")
    set_agents(shop, reception, [proxy])
    rule = {"offline_rule": "proxy", "proxy_user_ids": [[6, 0, [proxy.user_id]]]}
    shop.call("im_livechat.channel", "write", [reception.id], rule)
    page = open_widget(reception, "shop", DESKTOP)
    window = ask(page, "Is the lamp in stock?")
    chat_id = wait_for_chat(shop, reception)
    shops.wait_until(lambda: count_words(shop, chat_id) == 1, "the words never came")
    assert reception.open_chats() == {proxy.user_id: 1}
    # It is a message, as one that waits for whoever comes.
    expect(window.locator(BANNER)).to_contain_text("we keep it and answer")
    page.click(f"{REACH}-reach")
    expect(page.locator(f"{REACH}-email")).to_be_focused()
    page.keyboard.type("ella@example.com")
    shoot(page, "away-reach")
    assert find_barriers(page, [BANNER, REACH], host=WIDGET) == []
    page.keyboard.press("Enter")
    expect(window.locator(f"{BANNER}-mails")).to_be_visible()
    page.locator(CLOSE).first.click()
    expect(window).to_have_count(0)
    expect(page.locator(RATING)).to_have_count(0)
    page.locator(".o-livechat-LivechatButton").click()
    expect(window.locator(".o-mail-Message", has_text="Is the lamp in stock?")).to_be_visible()
    # Who has got an answer is asked, as everybody.
    answer(shop, proxy, chat_id)
    expect(window.locator(".o-mail-Message", has_text="Yes, it is")).to_be_visible()
    expect(window.locator(f"{BANNER} > div")).to_have_count(0)
    expect(window.locator(REACH)).to_have_count(0)
    page.locator(CLOSE).first.click()
    page.locator(".o-livechat-CloseConfirmation-leave").click()
    expect(page.locator(RATING)).to_be_visible()
    assert page.errors == []
