"""Buyers who wait, and the agents they wait for, in real browsers over the real websocket."""

import re

import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, PHONE, foreign_page, open_as, shoot, wait_until_online
from playwright.sync_api import expect

BANNER = ".o-livechat-WaitingBanner"
SYSTRAY = ".o_menu_systray .o_livechat_dispatch_menu"
POOL_TEXT = (
    "Nobody is here right now. Write your message: we keep it and answer as soon as somebody comes."
)


def ask(page, question):
    """A buyer writes the first message; the chat window."""
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    return write_first(page, question)


def write_first(page, question):
    """As :func:`ask`, of who has opened the window."""
    composer = page.locator(".o-mail-Composer-input")
    expect(composer).to_be_visible()
    # Nobody has a place in line before there is a chat.
    expect(page.locator(f"{BANNER}-place")).to_have_count(0)
    composer.fill(question)
    composer.press("Enter")
    window = page.locator(".o-mail-ChatWindow")
    expect(window.locator(".o-mail-Message", has_text=question)).to_be_visible()
    return window


def last_visitor(shop, reception):
    """What agents call the guest who came last."""
    ((guest_id,),) = shop.sql(
        "SELECT guest_id FROM discuss_channel_member"
        " WHERE channel_id = %s AND guest_id IS NOT NULL",
        last_chat(shop, reception),
    )
    # A row's clock follows without a space.
    return re.compile(rf"Visitor {guest_id}(?!\d)")


def occupy(shop, reception):
    """A buyer without a browser takes a seat; the buyer and the chat."""
    buyer = shops.Buyer(shop.url)
    chat_id = buyer.open_chat(reception).chat_id
    assert chat_id
    return buyer, chat_id


def come_in(shop, open_page, agent, viewport=DESKTOP):
    """Log in to Discuss and wait until dispatch knows of it."""
    page = open_as(open_page, shop, agent, "/odoo/discuss", viewport)
    expect(page.locator(".o-mail-DiscussSidebar")).to_be_visible(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)
    return page


def last_chat(shop, reception):
    ((chat_id,),) = shop.sql(
        "SELECT max(id) FROM discuss_channel WHERE livechat_channel_id = %s", reception.id
    )
    return chat_id


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


@pytest.mark.parametrize(
    ("place", "device", "viewport"),
    [
        pytest.param("shop", "desktop", DESKTOP, marks=pytest.mark.long),
        ("shop", "phone", PHONE),
        ("elsewhere", "desktop", DESKTOP),
        pytest.param("elsewhere", "phone", PHONE, marks=pytest.mark.long),
    ],
)
def test_buyers_count_down_in_line_meet_the_agent_without_reload_or_leave_a_message(
    shop, open_widget, place, device, viewport
):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents
    first, first_chat = occupy(shop, reception)

    second_page = open_widget(reception, place, viewport)
    second = ask(second_page, "Is the blue one in stock?")
    expect(second.locator(BANNER)).to_contain_text("You are number 1 in line")
    second_chat = last_chat(shop, reception)
    third_page = open_widget(reception, place, viewport)
    third = ask(third_page, "When will my parcel arrive?")
    expect(third.locator(BANNER)).to_contain_text("You are number 2 in line")
    # A shop that has served so few knows no times.
    expect(third.locator(f"{BANNER}-estimate")).to_have_count(0)
    expect(third.locator(BANNER)).to_have_attribute("aria-live", "polite")
    expect(second).not_to_contain_text(agent.name)
    assert fits(third_page)
    shoot(third_page, f"waiting-{place}-{device}-number-2")

    first.leave(first_chat)

    expect(second).to_contain_text(agent.name)
    expect(second.locator(f"{BANNER} > div")).to_have_count(0)
    expect(third.locator(BANNER)).to_contain_text("You are number 1 in line")
    shoot(second_page, f"waiting-{place}-{device}-agent-came")
    shoot(third_page, f"waiting-{place}-{device}-number-1")

    # By keyboard: it comes before the way to be mailed, the field one writes in, and that field's
    # own menu.
    third_page.locator(".o-mail-Composer-input").focus()
    for _step in range(3):
        third_page.keyboard.press("Shift+Tab")
    leave = third.locator(f"{BANNER}-leave")
    expect(leave).to_be_focused()
    shoot(third_page, f"waiting-{place}-{device}-focus")
    leave.press("Enter")
    expect(third.locator(BANNER)).to_contain_text("we keep it and answer")
    expect(leave).to_have_count(0)
    expect(third_page.locator(".o-mail-Composer-input")).to_be_focused()
    shoot(third_page, f"waiting-{place}-{device}-left")
    assert shop.sql(
        "SELECT dispatch_state FROM discuss_channel WHERE id = %s", last_chat(shop, reception)
    ) == [("pool",)]

    shop.call("discuss.channel", "write", [second_chat], {"livechat_end_dt": "2026-01-01 00:00:00"})

    # Who left a message is answered as soon as there is room.
    expect(third).to_contain_text(agent.name)
    expect(third.locator(f"{BANNER} > div")).to_have_count(0)
    assert reception.open_chats() == {agent.user_id: 1}
    assert (second_page.errors, third_page.errors) == ([], [])


def test_who_stands_far_behind_reads_its_place_at_once(shop, open_widget):
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True, offline_rule="pool")
    for _buyer in range(5):
        occupy(shop, reception)
    page = open_widget(reception, "shop", DESKTOP)
    asked = []
    page.on("request", lambda request: asked.append(request))
    window = ask(page, "Is the blue one in stock?")
    expect(window.locator(BANNER)).to_contain_text("You are number 5 in line")
    # Of the second answer the page needs only what the first, to its look, has not said.
    sessions = [
        request.post_data_json["params"]
        for request in asked
        if request.url.endswith("/im_livechat/get_session")
    ]
    assert [(each["persisted"], each["is_page_known"]) for each in sessions] == [
        (False, False),
        (True, True),
    ]
    reception.close_all()


def test_who_leaves_the_line_has_left_it_in_each_browser(shop, open_page, open_widget):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    occupy(shop, reception)
    page = open_widget(reception, "shop", DESKTOP)
    window = ask(page, "Is the blue one in stock?")
    expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
    # The same guest, in a browser that keeps nothing of what the other one does.
    cookies = page.context.cookies()
    other = open_page(f"{shop.url}/shop", PHONE, enter=lambda context: context.add_cookies(cookies))
    elsewhere = ask(other, "Or the red one?")
    expect(elsewhere.locator(BANNER)).to_contain_text("You are number 1 in line")
    window.locator(f"{BANNER}-leave").click()
    for banner in (window.locator(BANNER), elsewhere.locator(BANNER)):
        expect(banner).to_contain_text("answer as soon as somebody is free")
    other.reload(timeout=FIRST_PAGE)
    expect(other.locator(BANNER)).to_contain_text("answer as soon as somebody is free")
    assert last_chat(shop, reception) and count_open(shop, reception) == 2
    assert (page.errors, other.errors) == ([], [])


def count_open(shop, reception):
    ((count,),) = shop.sql(
        "SELECT count(*) FROM discuss_channel"
        " WHERE livechat_channel_id = %s AND livechat_end_dt IS NULL",
        reception.id,
    )
    return count


@pytest.mark.long
def test_estimate_comes_from_the_shops_own_times(shop, open_widget):
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True, name="Flagship Shop")
    for _chat in range(20):
        buyer, chat_id = occupy(shop, reception)
        buyer.leave(chat_id)
    # Chats of two and of four minutes: three on average, one more or less.
    shop.sql(
        "UPDATE discuss_channel SET dispatch_assigned_at = livechat_end_dt"
        " - (2 + 2 * (id %% 2)) * interval '1 minute' WHERE livechat_channel_id = %s",
        reception.id,
    )
    occupy(shop, reception)

    page = open_widget(reception, "shop", PHONE)
    window = ask(page, "Is the blue one in stock?")

    expect(window.locator(f"{BANNER}-estimate")).to_have_text(
        "Estimated wait: about 2 to 4 minutes"
    )
    shoot(page, "waiting-estimate")
    # What one was told is there again after the page is loaded anew.
    page.reload(timeout=FIRST_PAGE)
    expect(page.locator(BANNER)).to_contain_text("You are number 1 in line")
    assert page.errors == []


def test_message_for_an_empty_reception_is_kept_and_handed_out_to_who_comes(
    shop, open_page, open_widget
):
    reception = shop.open_reception(
        [], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents = shop.add_agents([100], online=False)
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[4, agent.user_id]]})
    buyers_page = open_widget(reception, "shop", PHONE)
    window = ask(buyers_page, "Do you ship to Ghent?")
    expect(window.locator(BANNER)).to_have_text(POOL_TEXT)
    assert fits(buyers_page)
    shoot(buyers_page, "waiting-pool")

    agents_page = come_in(shop, open_page, agent)

    expect(window).to_contain_text(agent.name)
    expect(window.locator(f"{BANNER} > div")).to_have_count(0)
    expect(agents_page.locator(SYSTRAY)).to_have_text(re.compile(r"^\s*Full\s*1/1\s*$"))
    visitor = last_visitor(shop, reception)
    agents_page.locator(".o-mail-DiscussSidebar-item", has_text=visitor).click()
    message = agents_page.locator(".o-mail-Message", has_text="Do you ship to Ghent?")
    expect(message).to_be_visible()
    shoot(agents_page, "waiting-pool-handed-out")
    assert (buyers_page.errors, agents_page.errors) == ([], [])


@pytest.mark.parametrize(
    ("page_lang", "loader_lang", "expected"),
    [("", "", "zh_CN"), (' lang="fr"', "", "fr_FR"), (' lang="fr"', ' lang="zh-TW"', "zh_TW")],
)
def test_a_buyer_on_a_page_elsewhere_goes_to_the_group_of_its_language(
    shop, open_page, page_lang, loader_lang, expected
):
    """By the loader's own setting, else the page's, else the browser's."""
    reception = shop.open_reception([100, 100], max_sessions=9, name="Flagship Shop")
    groups = {}
    for agent, code in zip(reception.agents, ("zh_CN", "fr_FR"), strict=True):
        ((lang_id,),) = shop.sql("SELECT id FROM res_lang WHERE code = %s", code)
        (groups[code],) = shop.call(
            "livechat.dispatch.group",
            "create",
            [
                {
                    "name": code,
                    "channel_id": reception.id,
                    "user_ids": [[6, 0, [agent.user_id]]],
                    "scope_ids": [[0, 0, {"kind": "lang", "lang_id": lang_id}]],
                }
            ],
        )
    shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
    (channel,) = shop.call("im_livechat.channel", "read", [reception.id], ["script_external"])
    script = channel["script_external"].replace("<script", f"<script{loader_lang}")
    html = f"<!DOCTYPE html><html{page_lang}><head>{script}</head><body></body></html>"
    with foreign_page(html) as url:
        page = open_page(url, DESKTOP, "zh-CN")
        ask(page, "有蓝色的吗？")
        assert page.errors == []
        shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    ((lang, group_id),) = shop.sql(
        "SELECT lang.code, chat.dispatch_group_id FROM discuss_channel chat"
        " LEFT JOIN res_lang lang ON lang.id = chat.livechat_lang_id WHERE chat.id = %s",
        last_chat(shop, reception),
    )
    assert (lang, group_id) == (expected, groups["fr_FR" if expected == "fr_FR" else "zh_CN"])


@pytest.mark.long
def test_the_rules_of_a_channel_know_on_which_page_elsewhere_the_buyer_is(shop, open_page):
    reception = shop.open_reception([100], max_sessions=9, name="Flagship Shop")
    rules = [
        [0, 0, {"regex_url": regex, "action": action, "sequence": place}]
        for place, (regex, action) in enumerate((("/returns", "hide_button"), ("/", "auto_popup")))
    ]
    shop.call("im_livechat.channel", "write", [reception.id], {"rule_ids": rules})
    shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
    (channel,) = shop.call("im_livechat.channel", "read", [reception.id], ["script_external"])
    html = f"<!DOCTYPE html><html><head>{channel['script_external']}</head><body></body></html>"
    with foreign_page(html) as url:
        # The chat opens by itself, but on the page on which there is to be none.
        lamps = open_page(f"{url}lamps", DESKTOP)
        expect(lamps.locator(".o-mail-ChatWindow")).to_be_visible(timeout=FIRST_PAGE)
        returns = open_page("about:blank", DESKTOP)
        with returns.expect_response(
            lambda answer: (
                answer.url.endswith("/im_livechat/cors/action") and answer.request.method == "POST"
            )
        ) as answer:
            returns.goto(f"{url}returns/7")
        (rule,) = answer.value.json()["result"]["im_livechat.channel.rule"]
        assert rule["action"] == "hide_button"
        expect(returns.locator(".o-livechat-LivechatButton")).to_have_count(0)
        assert (lamps.errors, returns.errors) == ([], [])


def test_pause_in_one_browser_sends_the_next_buyer_elsewhere(shop, open_page):
    reception = shop.open_reception([10], max_sessions=10, queue_enabled=True)
    strong, (weak,) = shop.add_agents([100], online=False)[0], reception.agents
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[4, strong.user_id]]})
    page = come_in(shop, open_page, strong)
    menu = page.locator(SYSTRAY)
    expect(menu).to_have_text(re.compile(r"^\s*On duty\s*0/10\s*$"))
    occupy(shop, reception)
    assert reception.open_chats() == {strong.user_id: 1}
    # The page hears of the chat by itself.
    expect(menu).to_have_text(re.compile(r"^\s*On duty\s*1/10\s*$"))
    shoot(page, "systray-active")

    menu.focus()
    menu.press("Enter")
    page.get_by_role("menuitem", name="Pause for 15 min").press("Enter")

    expect(menu).to_contain_text("Paused")
    menu.click()
    expect(page.locator(".o_livechat_dispatch_menu_content")).to_contain_text("paused until")
    shoot(page, "systray-paused")
    page.keyboard.press("Escape")
    occupy(shop, reception)
    assert reception.open_chats() == {strong.user_id: 1, weak.user_id: 1}
    # The weak one has no seat more: who comes now waits, and the agents see it.
    occupy(shop, reception)
    expect(page.locator(f"{SYSTRAY} .o_livechat_dispatch_waiting")).to_have_text("1")
    shoot(page, "systray-waiting")

    menu.click()
    page.get_by_role("menuitem", name="Resume").click()

    expect(menu).not_to_contain_text("Paused")
    expect(menu).to_have_text(re.compile(r"^\s*On duty\s*2/10\s*$"))
    assert reception.open_chats() == {strong.user_id: 2, weak.user_id: 1}
    # A pause by somebody else is shown as well.
    shop.call("res.users", "dispatch_pause", [strong.user_id])
    expect(menu).to_contain_text("Paused")
    assert page.errors == []


@pytest.mark.parametrize("surface", ["discuss", pytest.param("window", marks=pytest.mark.long)])
def test_transfer_with_a_reason_closes_the_chat_here_and_opens_it_there(
    shop, open_page, open_widget, surface
):
    reception = shop.open_reception([], max_sessions=2, queue_enabled=True, name="Flagship Shop")
    giver, taker = reception.agents = shop.add_agents([100, 100], online=False)
    shop.call(
        "im_livechat.channel",
        "write",
        [reception.id],
        {"user_ids": [[6, 0, [giver.user_id, taker.user_id]]]},
    )
    givers_page = come_in(shop, open_page, giver)
    buyers_page = open_widget(reception, "shop", PHONE)
    window = ask(buyers_page, "Is the blue one in stock?")
    expect(window).to_contain_text(giver.name)
    takers_page = come_in(shop, open_page, taker)
    # Other tests have left chats that look for help.
    visitor = last_visitor(shop, reception)
    thread = givers_page.locator(".o-mail-DiscussSidebar-item", has_text=visitor)
    expect(thread).to_be_visible()
    if surface == "discuss":
        thread.click()
        givers_page.locator("button[name=livechat-transfer]").click()
    else:
        givers_page.goto(
            f"{shop.url}/odoo/action-im_livechat.im_livechat_channel_action", timeout=FIRST_PAGE
        )
        givers_page.locator(".o_menu_systray .o-mail-DiscussSystray-class").first.click()
        givers_page.locator(".o-mail-NotificationItem", has_text=visitor).click()
        givers_page.locator(".o-mail-ChatWindow-moreActions").click()
        givers_page.get_by_text("Transfer", exact=True).click()
    dialog = givers_page.locator(".o_livechat_transfer")
    dialog.get_by_label("Reason").select_option("knowledge")
    dialog.get_by_label("Note").fill("She wants to know about dyes")
    dialog.locator("label", has_text=taker.name).click()
    shoot(givers_page, f"transfer-{surface}-dialog")
    dialog.locator("button[type=submit]").click()

    expect(givers_page.locator(".o_notification")).to_contain_text(f"Transferred to {taker.name}")
    expect(dialog).to_have_count(0)
    expect(givers_page.locator(".o-mail-ChatWindow", has_text="Visitor")).to_have_count(0)
    shoot(givers_page, f"transfer-{surface}-done")
    expect(window).to_contain_text(taker.name)
    takers_page.locator(".o-mail-DiscussSidebar-item", has_text=visitor).click()
    # The history is kept.
    question = takers_page.locator(".o-mail-Message", has_text="Is the blue one in stock?")
    expect(question).to_be_visible()
    shoot(takers_page, f"transfer-{surface}-taken")
    assert reception.open_chats() == {taker.user_id: 1}
    ((reason,),) = shop.sql(
        "SELECT reason FROM livechat_dispatch_decision"
        " WHERE livechat_channel_id = %s AND kind = 'transfer'",
        reception.id,
    )
    assert reason == "A colleague knows more about it: She wants to know about dyes"
    errors = (givers_page.errors, buyers_page.errors, takers_page.errors)
    assert errors == ([], [], [])


def test_who_signs_in_before_the_next_page_goes_on_with_its_chat(shop, open_widget):
    reception = shop.open_reception([100], name="Flagship Shop")
    login = f"buyer-{reception.id}@example.com"
    portal = [[6, 0, [shop.ref("base.group_portal")]]]
    buyer = {"name": "Ella", "login": login, "password": login, "group_ids": portal}
    shop.call("res.users", "create", [buyer])
    page = open_widget(reception, "shop", DESKTOP)
    ask(page, "Is it in stock?")
    chat_id = shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    page.goto(f"{shop.url}/web/login?redirect=/shop", timeout=FIRST_PAGE)
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", login)
    page.click("button[type=submit].btn-primary")
    page.wait_for_url("**/shop", timeout=FIRST_PAGE)
    window = page.locator(".o-mail-ChatWindow")
    for _page in range(2):
        expect(window.locator(".o-mail-Message", has_text="Is it in stock?")).to_be_visible()
        page.wait_for_timeout(1500)
        composer = window.locator(".o-mail-Composer-input")
        composer.fill("In blue")
        composer.press("Enter")
        expect(window.locator(".o-mail-Message", has_text="In blue").last).to_be_visible()
        page.reload(timeout=FIRST_PAGE)
    assert last_chat(shop, reception) == chat_id
    assert page.errors == []
