"""Signs of life of real pages: who gives none any more is not here, whatever the server believes.

The clocks of the pages are moved on, and so are the last signs in the database.
"""

import contextlib
import time
from datetime import datetime, timedelta

import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, PHONE, foreign_page, log_in, wait_until_online
from playwright.sync_api import expect
from test_waiting_browsers import BANNER, ask, last_chat, occupy
from wire import Wire

import devenv

ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Mobile Safari/537.36"
)
HIDE = """state => {
    Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => state});
    document.dispatchEvent(new Event('visibilitychange'));
}"""

GIVE_SIGN = "document.dispatchEvent(new Event('visibilitychange'))"


def age(shop, minutes, **whose):
    """Nothing was heard of these people for so long."""
    ((name, value),) = whose.items()
    shop.sql(
        f"UPDATE mail_presence SET last_poll = now() AT TIME ZONE 'UTC' - %s * interval '1 minute'"
        f" WHERE {name} = %s",
        minutes,
        value,
    )


def is_heard(shop, **whose):
    ((name, value),) = whose.items()
    return bool(
        shop.sql(
            "SELECT FROM mail_presence WHERE last_poll > now() AT TIME ZONE 'UTC'"
            f" - interval '1 minute' AND {name} = %s",
            value,
        )
    )


def stop_clock(page):
    """From now on time passes in the page when it is told to."""
    # A busy machine is late, and no clock goes back.
    page.clock.pause_at(datetime.now() + timedelta(seconds=20))
    # What the page has just said arrives.
    page.wait_for_timeout(1000)


def run_timers(shop):
    shop.run_cron("im_livechat_subaccount.ir_cron_dispatch")


def get_agent(shop, agent):
    reception = shop.call("im_livechat.channel", "get_reception")
    (row,) = [row for row in reception["agents"] if row["id"] == agent.user_id]
    return row


def embed(shop, reception):
    """Return a page of a shop elsewhere that has this channel's button."""
    shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
    (channel,) = shop.call("im_livechat.channel", "read", [reception.id], ["script_external"])
    return f"<!DOCTYPE html><html><head>{channel['script_external']}</head><body></body></html>"


@pytest.fixture
def open_clocked_page(browser):
    """Open pages whose clock can be moved on, in browsers of their own."""
    contexts = []

    def open_clocked_page(url, viewport, **options):
        context = browser.new_context(viewport=viewport, locale="en-US", **options)
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.clock.install()
        page.goto(url, timeout=FIRST_PAGE)
        return page

    yield open_clocked_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("device", ["desk", "phone"])
def test_an_agents_page_gives_a_sign_of_life_every_minute_and_a_phone_in_a_pocket_none(
    shop, open_clocked_page, device
):
    reception = shop.open_reception([], max_sessions=9)
    (agent,) = reception.agents = shop.add_agents([100], online=False)
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[4, agent.user_id]]})
    viewport, options = (PHONE, {"user_agent": ANDROID}) if device == "phone" else (DESKTOP, {})
    page = open_clocked_page(f"{shop.url}/web/login?redirect=/odoo/discuss", viewport, **options)
    log_in(page, agent)
    expect(page.locator(".o_menu_systray, .o_mobile_menu_toggle").first).to_be_visible(
        timeout=FIRST_PAGE
    )
    wait_until_online(shop, agent)
    whose = {"user_id": agent.user_id}
    stop_clock(page)

    age(shop, 4, **whose)
    assert shops.Buyer(shop.url).open_chat(reception).chat_id is None
    assert get_agent(shop, agent)["status"] == "offline"
    if device == "phone":
        page.evaluate(HIDE, "hidden")
        for _minute in range(4):
            page.clock.fast_forward("01:00")
        page.wait_for_timeout(2000)
        assert not is_heard(shop, **whose)
        page.evaluate(HIDE, "visible")
    else:
        page.clock.fast_forward("01:00")

    shops.wait_until(lambda: is_heard(shop, **whose), "the page gave no sign of life")
    assert get_agent(shop, agent)["status"] == "online"
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    assert page.errors == []


@pytest.mark.long
def test_the_agent_of_a_server_that_was_killed_is_not_here_for_hours(template, browser):
    with devenv.temp_db(template) as db:
        with devenv.Server(db, workers=2) as server:
            shop = shops.Shop(db, server.url)
            reception = shop.open_reception([], queue_enabled=True, offline_rule="pool")
            (agent,) = reception.agents = shop.add_agents([100], online=False)
            shop.call(
                "im_livechat.channel", "write", [reception.id], {"user_ids": [[4, agent.user_id]]}
            )
            context = browser.new_context(viewport=DESKTOP, locale="en-US")
            page = context.new_page()
            page.goto(f"{shop.url}/web/login?redirect=/odoo/discuss", timeout=FIRST_PAGE)
            log_in(page, agent)
            wait_until_online(shop, agent)
            assert shops.Buyer(shop.url).open_chat(reception).chat_id
            server.kill()
            context.close()
        with devenv.Server(db, workers=2) as server:
            shop = shops.Shop(db, server.url)
            # Nobody has noticed, and for three minutes nobody can know.
            states = "SELECT status FROM mail_presence WHERE user_id = %s"
            assert shop.sql(states, agent.user_id) == [("online",)]
            age(shop, 4, user_id=agent.user_id)
            assert shop.sql(states, agent.user_id) == [("online",)]

            chat_id = shops.Buyer(shop.url).open_chat(reception).chat_id
            assert shop.sql(
                "SELECT dispatch_state FROM discuss_channel WHERE id = %s", chat_id
            ) == [("pool",)]
            assert get_agent(shop, agent)["status"] == "offline"
            run_timers(shop)
            ((counted,),) = shop.sql(
                "SELECT counted_until <= last_poll FROM livechat_dispatch_presence event"
                " JOIN mail_presence presence USING (user_id) WHERE user_id = %s",
                agent.user_id,
            )
            assert counted in (True, None), "what is counted ends with the last sign of life"


def test_a_buyer_on_a_page_elsewhere_waits_as_long_as_the_page_is_open(shop, open_clocked_page):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    html = embed(shop, reception)
    with foreign_page(html) as url:
        page = open_clocked_page(url, DESKTOP)
        window = ask(page, "Is the blue one in stock?")
        expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
        chat_id = last_chat(shop, reception)
        state = "SELECT dispatch_state FROM discuss_channel WHERE id = %s"
        ((guest_id,),) = shop.sql(
            "SELECT guest_id FROM discuss_channel_member WHERE channel_id = %s"
            " AND guest_id IS NOT NULL",
            chat_id,
        )
        shop.sql(
            "UPDATE discuss_channel SET dispatch_queued_at = dispatch_queued_at"
            " - interval '10 minutes' WHERE id = %s",
            chat_id,
        )

        # The browser keeps no cookie for Odoo, which hears of this guest in no other way.
        stop_clock(page)
        page.clock.fast_forward("00:30")
        seen = "SELECT FROM mail_presence WHERE guest_id = %s"
        shops.wait_until(lambda: shop.sql(seen, guest_id), "no sign of life was given")
        for _half_minute in range(3):
            age(shop, 6, guest_id=guest_id)
            page.clock.fast_forward("00:30")
            shops.wait_until(lambda: is_heard(shop, guest_id=guest_id), "no sign of life was given")
            run_timers(shop)
            assert shop.sql(state, chat_id) == [("queued",)]
        expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
        assert page.errors == []
        page.close()
    age(shop, 6, guest_id=guest_id)
    run_timers(shop)
    assert shop.sql(state, chat_id) == [("pool",)]


@pytest.mark.parametrize(
    "what, minutes, state",
    [("network", 4, "queued"), ("phone", 4, "queued"), ("phone", 30, "pool")],
)
def test_neither_a_lost_network_nor_a_phone_that_sleeps_costs_a_buyer_its_place(
    shop, server, open_clocked_page, what, minutes, state
):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents
    first, first_chat = occupy(shop, reception)
    second, second_chat = occupy(shop, reception)
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": reception.id})
    with Wire(server.port) as wire:
        page = open_clocked_page(f"http://127.0.0.1:{wire.port}/shop", PHONE)
        window = ask(page, "Is the blue one in stock?")
        banner = window.locator(BANNER)
        expect(banner).to_contain_text("You are number 2 in line")
        chat_id = last_chat(shop, reception)
        ((guest_id,),) = shop.sql(
            "SELECT guest_id FROM discuss_channel_member WHERE channel_id = %s"
            " AND guest_id IS NOT NULL",
            chat_id,
        )
        # Somebody comes after it.
        occupy(shop, reception)
        stop_clock(page)
        page.clock.fast_forward("00:30")
        shops.wait_until(lambda: is_heard(shop, guest_id=guest_id), "no sign of life was given")

        wire.cut()
        if what == "network":
            # The page goes on, and nobody hears of it.
            page.clock.run_for("01:00")
        shop.sql(
            "UPDATE discuss_channel SET dispatch_queued_at = dispatch_queued_at"
            " - interval '40 minutes' WHERE livechat_channel_id = %s",
            reception.id,
        )
        age(shop, minutes, guest_id=guest_id)
        run_timers(shop)
        # Whoever was gone for long has no place meanwhile.
        query = "SELECT dispatch_state FROM discuss_channel WHERE id = %s"
        assert shop.sql(query, chat_id) == [(state,)]
        second.leave(second_chat)
        expect(banner).to_contain_text("You are number 2 in line")
        if what == "network":
            wire.mend()
        else:
            wire.hang_up()
        page.clock.fast_forward("04:00")
        # What comes is drawn while time passes.
        page.clock.resume()

        expect(banner).to_contain_text("You are number 1 in line")
        shops.wait_until(lambda: is_heard(shop, guest_id=guest_id), "no sign of life was given")
        first.leave(first_chat)
        expect(window).to_contain_text(agent.name)
        expect(window.locator(f"{BANNER} > div")).to_have_count(0)
        composer = page.locator(".o-mail-Composer-input")
        composer.fill("Here I am")
        composer.press("Enter")
        expect(window.locator(".o-mail-Message", has_text="Here I am")).to_be_visible()
        assert reception.open_chats() == {agent.user_id: 1}
        assert page.errors == []


def test_what_a_sign_of_life_is_told_late_or_again_never_hides_that_an_agent_has_come(
    shop, open_page
):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents
    first, first_chat = occupy(shop, reception)
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": reception.id})
    answers = []
    page = open_page(f"{shop.url}/shop", DESKTOP)
    window = ask(page, "Is the blue one in stock?")
    expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
    page.route(
        "**/im_livechat_subaccount/here", lambda route: answers.append((route, route.fetch()))
    )

    # The answer is on its way when the agent comes.
    page.evaluate(GIVE_SIGN)
    shops.wait_until(lambda: page.wait_for_timeout(100) or answers, "no sign of life was given")
    first.leave(first_chat)
    expect(window).to_contain_text(agent.name)
    expect(window.locator(f"{BANNER} > div")).to_have_count(0)
    route, response = answers.pop()
    assert '"place": 1' in response.text()
    route.fulfill(response=response)
    page.wait_for_timeout(1000)
    expect(window.locator(f"{BANNER} > div")).to_have_count(0)
    page.unroute("**/im_livechat_subaccount/here")

    # What the bus tells was lost on its way: the next sign brings it.
    second_page = open_page(f"{shop.url}/shop", DESKTOP)
    second_window = ask(second_page, "When will my parcel arrive?")
    expect(second_window.locator(BANNER)).to_contain_text("You are number 1 in line")
    shop.sql(
        "UPDATE discuss_channel SET dispatch_state = NULL WHERE id = %s",
        last_chat(shop, reception),
    )
    second_page.evaluate(GIVE_SIGN)
    expect(second_window.locator(f"{BANNER} > div")).to_have_count(0)
    assert (page.errors, second_page.errors) == ([], [])


def test_who_was_told_that_nobody_is_here_learns_that_somebody_came(shop, open_page):
    reception = shop.open_reception([], queue_enabled=True, offline_rule="pool", name="Shop")
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": reception.id})
    # An agent came, or the chat was ended.
    ended = "livechat_status = NULL, livechat_end_dt = now() AT TIME ZONE 'UTC'"
    for change in ("dispatch_state = 'assigned'", f"dispatch_state = NULL, {ended}"):
        page = open_page(f"{shop.url}/shop", DESKTOP)
        window = ask(page, "Is the blue one in stock?")
        expect(window.locator(BANNER)).to_contain_text("Nobody is here right now")
        # That was foretold before the first word, and what is offered now is told of the chat.
        expect(window.locator(".o-livechat-WaitingReach")).to_be_visible()
        shop.sql(f"UPDATE discuss_channel SET {change} WHERE id = %s", last_chat(shop, reception))
        page.evaluate(GIVE_SIGN)
        expect(window.locator(f"{BANNER} > div")).to_have_count(0)
        assert page.errors == []


@pytest.mark.long
@pytest.mark.parametrize("is_foreign", [True, False], ids=["elsewhere", "own"])
def test_seven_minutes_in_line_cost_nobody_its_place(shop, open_page, is_foreign):
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, offline_rule="pool", name="Flagship Shop"
    )
    (agent,) = reception.agents
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    with contextlib.ExitStack() as stack:
        if is_foreign:
            url = stack.enter_context(foreign_page(embed(shop, reception)))
        else:
            websites = shop.call("website", "search", [])
            shop.call("website", "write", websites, {"channel_id": reception.id})
            url = f"{shop.url}/shop"
        page = open_page(url, DESKTOP)
        window = ask(page, "Is the blue one in stock?")
        expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
        chat_id = last_chat(shop, reception)
        state = "SELECT dispatch_state FROM discuss_channel WHERE id = %s"
        end = time.monotonic() + 7 * 60
        while time.monotonic() < end:
            # The agent is there all the time; its page is not what is tried here.
            age(shop, 0, user_id=agent.user_id)
            run_timers(shop)
            assert shop.sql(state, chat_id) == [("queued",)]
            page.wait_for_timeout(20_000)
        expect(window.locator(BANNER)).to_contain_text("You are number 1 in line")
        assert page.errors == []
