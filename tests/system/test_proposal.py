"""An agent is asked whether to take a chat, on a large screen and on a phone, beside its buyer."""

import re

import pytest
import shop as shops
from browsers import FIRST_PAGE, PHONE, shoot, show_chat, wait_until_online
from playwright.sync_api import expect
from test_buyer_panel import ask, fits, open_reception, visit
from test_desk_browsers import (
    answer,
    as_agent,
    come_in,
    open_chat,
    serve,
    set_agents,
    wait_until_it_hears,
)
from test_waiting_browsers import last_visitor

STRIP = ".o_livechat_proposal"
ANSWERS = ".o_notification_buttons button"


@pytest.fixture
def no_timers(shop):
    """What happens in time is the pages' doing."""
    cron_id = shop.ref("im_livechat_subaccount.ir_cron_dispatch")
    shop.sql("UPDATE ir_cron SET active = false WHERE id = %s", cron_id)
    yield
    shop.sql("UPDATE ir_cron SET active = true WHERE id = %s", cron_id)


def test_an_agent_accepts_or_declines_a_chat_or_lets_it_pass_on(shop, open_page, no_timers):
    reception = open_reception(shop, 2, asks_to_accept=True, accept_seconds=300)
    first, second = reception.agents
    firsts_page = come_in(shop, open_page, first)
    buyers_page = visit(shop, open_page, reception, "/shop")
    ask(buyers_page, "Is the lamp in stock?")

    # Nobody else is here yet.
    ring = firsts_page.locator(".o_livechat_ring", has_text="Is the lamp in stock?")
    expect(ring.locator(ANSWERS)).to_have_text(["Accept", "Decline"])
    shoot(firsts_page, "proposal-ring")
    ring.get_by_role("button", name="Decline").click()
    expect(ring).to_have_count(0)
    expect(firsts_page.locator(".o_notification", has_text="Nobody else")).to_be_visible()

    seconds_page = come_in(shop, open_page, second, PHONE)
    # It has loaded its page anew.
    expect(seconds_page.locator(".o_livechat_dispatch_menu")).to_be_visible()
    wait_until_online(shop, second)
    show_chat(firsts_page, last_visitor(shop, reception))
    strip = firsts_page.locator(STRIP)
    expect(strip.locator(".o_livechat_proposal_left")).to_have_text(re.compile(r"^2\d\d s$"))
    shoot(firsts_page, "proposal-strip")
    strip.get_by_role("button", name="Decline").click()

    expect(strip).to_have_count(0)
    ring = seconds_page.locator(".o_livechat_ring", has_text="Is the lamp in stock?")
    expect(ring.locator(ANSWERS)).to_have_text(["Accept", "Decline"])
    expect(ring).to_contain_text(re.compile(r"– accept by \d+:\d\d:\d\d"))
    assert fits(seconds_page)
    shoot(seconds_page, "proposal-ring-phone")
    line = buyers_page.locator(".o-mail-NotificationMessage", has_text="takes over")
    expect(line).to_have_text(re.compile(rf"^\s*{second.name} takes over"))
    ring.get_by_role("button", name="Accept").click()
    expect(ring).to_have_count(0)
    window = seconds_page.locator(".o-mail-ChatWindow", has_text="Is the lamp in stock?")
    expect(window).to_be_visible()
    expect(window.locator(STRIP)).to_have_count(0)
    assert reception.open_chats() == {second.user_id: 1}

    # Who says nothing loses it when the time is over.
    shop.call("im_livechat.channel", "write", [reception.id], {"accept_seconds": 10})
    _buyer, chat_id = open_chat(shop, reception, "Where is my parcel?")
    pages = {first.user_id: firsts_page, second.user_id: seconds_page}

    def get_agent():
        (row,) = shop.sql(
            "SELECT users.id FROM discuss_channel chat JOIN res_users users"
            " ON users.partner_id = chat.livechat_operator_id WHERE chat.id = %s",
            chat_id,
        )
        return row[0]

    asked = get_agent()
    ring = pages.pop(asked).locator(".o_livechat_ring", has_text="Where is my parcel?")
    expect(ring).to_be_visible()
    expect(ring).to_have_count(0)
    ((other, others_page),) = pages.items()
    shops.wait_until(lambda: get_agent() == other, "the chat stays with who says nothing")
    ring = others_page.locator(".o_livechat_ring", has_text="Where is my parcel?")
    expect(ring.get_by_role("button", name="Accept")).to_be_visible()
    assert (firsts_page.errors, seconds_page.errors, buyers_page.errors) == ([], [], [])


RING = ".o_livechat_ring"


@pytest.mark.long
def test_on_a_phone_the_ring_of_a_chat_that_is_gone_is_gone(shop, open_page):
    reception, giver = serve(shop)
    page = come_in(shop, open_page, giver, PHONE)
    expect(page.locator(".o_livechat_dispatch_menu")).to_be_visible()
    wait_until_it_hears(page)
    (taker,) = shop.add_agents([100])

    # Its buyer leaves.
    buyer, chat_id = open_chat(shop, reception, "Is the lamp in stock?")
    ring = page.locator(RING, has_text="Is the lamp in stock?")
    expect(ring).to_be_visible()
    buyer.leave(chat_id)
    expect(ring).to_have_count(0)

    # It goes to somebody else.
    _buyer, chat_id = open_chat(shop, reception, "Where is my parcel?")
    ring = page.locator(RING, has_text="Where is my parcel?")
    expect(ring).to_be_visible()
    set_agents(shop, reception, [giver, taker])
    as_agent(shop, giver).call(
        "discuss.channel", "transfer", [chat_id], "asked", user_id=taker.user_id
    )
    expect(ring).to_have_count(0)

    # What a page that slept hears late rings for nobody.
    heard = "id => odoo.__WOWL_DEBUG__.root.env.services['im_livechat_subaccount.ring'].ring(%s)"
    page.evaluate(heard % "{id, title: 'Late', words: 'Hello?', note: false}", chat_id)
    expect(page.locator(RING)).to_have_count(0)
    assert page.errors == []


@pytest.mark.long
def test_who_is_asked_to_accept_is_asked_until_the_end_whatever_else_comes(
    shop, open_page, no_timers
):
    reception, agent = serve(shop, asks_to_accept=True, accept_seconds=300)
    other = shop.open_reception([], max_sessions=100)
    set_agents(shop, other, [agent])
    page = come_in(shop, open_page, agent)
    wait_until_it_hears(page)
    open_chat(shop, reception, "Is the lamp in stock?")
    ring = page.locator(RING)
    expect(ring).to_contain_text("Is the lamp in stock?")
    _buyer, chat_id = open_chat(shop, other, "Where is my parcel?")
    shops.wait_until(lambda: other.open_chats(), "the second chat has no agent")
    page.wait_for_timeout(1500)
    expect(ring).to_contain_text("Is the lamp in stock?")
    # Another that is to be accepted goes first, and the first comes back.
    open_chat(shop, reception, "Do you ship to Malta?")
    expect(ring).to_contain_text("Do you ship to Malta?")
    ring.get_by_role("button", name="Decline").click()
    expect(ring).to_contain_text("Is the lamp in stock?")
    ring.get_by_role("button", name="Decline").click()
    expect(ring).to_contain_text("Where is my parcel?")
    assert page.errors == []


@pytest.mark.long
@pytest.mark.parametrize("answer_given", ["Accept", "Decline"])
def test_a_page_that_missed_that_it_is_asked_no_more_learns_it_from_its_answer(
    shop, open_page, no_timers, answer_given
):
    reception, agent = serve(shop, asks_to_accept=True, accept_seconds=300)
    page = come_in(shop, open_page, agent)
    wait_until_it_hears(page)
    _buyer, chat_id = open_chat(shop, reception, name="Ella")
    show_chat(page, "Ella")
    strip = page.locator(STRIP)
    expect(strip.locator(".o_livechat_proposal_left")).to_have_text(re.compile(r"^2\d\d s$"))
    # What is written in the database itself is told to nobody.
    shop.sql("UPDATE discuss_channel SET dispatch_proposed_at = NULL WHERE id = %s", chat_id)
    strip.get_by_role("button", name=answer_given).click()
    expect(strip).to_have_count(0)
    assert page.errors == []


@pytest.mark.long
def test_on_a_phone_the_ring_of_a_chat_that_was_answered_elsewhere_is_gone(shop, open_page):
    reception, agent = serve(shop)
    page = come_in(shop, open_page, agent, PHONE)
    expect(page.locator(".o_livechat_dispatch_menu")).to_be_visible()
    wait_until_online(shop, agent)
    _buyer, chat_id = open_chat(shop, reception, "Is the lamp in stock?")
    ring = page.locator(RING, has_text="Is the lamp in stock?")
    expect(ring).to_be_visible()
    # The same agent, at a desk.
    answer(shop, agent, chat_id)
    expect(ring).to_have_count(0)
    assert page.errors == []


def test_on_a_phone_a_chat_that_was_given_away_opens_no_window_after_a_reload(shop, open_page):
    reception, giver = serve(shop)
    _buyer, chat_id = open_chat(shop, reception, name="Given")
    (taker,) = shop.add_agents([100])
    set_agents(shop, reception, [giver, taker])
    page = come_in(shop, open_page, giver, PHONE)
    page.locator(".o-mail-NotificationItem", has_text="Given").first.click()
    window = page.locator(".o-mail-ChatWindow", has_text="Given")
    expect(window).to_be_visible()
    as_agent(shop, giver).call(
        "discuss.channel", "transfer", [chat_id], "asked", user_id=taker.user_id
    )
    expect(window).to_have_count(0)
    with page.expect_response("**/mail/data"):
        page.reload(timeout=FIRST_PAGE)
    expect(page.locator(".o_livechat_dispatch_menu")).to_contain_text("0")
    expect(page.locator(".o-mail-ChatWindow")).to_have_count(0)

    # Nor does one that is given away while there is no page that could hear of it. The other agent
    # comes back when the chat has its agent: a page that was loaded anew may be gone for a moment.
    set_agents(shop, reception, [giver])
    _buyer, chat_id = open_chat(shop, reception, name="Later")
    page.locator(".o-mail-NotificationItem", has_text="Later").first.click()
    expect(page.locator(".o-mail-ChatWindow", has_text="Later")).to_be_visible()
    set_agents(shop, reception, [giver, taker])
    page.goto("about:blank")
    as_agent(shop, giver).call(
        "discuss.channel", "transfer", [chat_id], "asked", user_id=taker.user_id
    )
    with page.expect_response("**/mail/data"):
        page.goto(f"{shop.url}/odoo/discuss", timeout=FIRST_PAGE)
    expect(page.locator(".o_livechat_dispatch_menu")).to_contain_text("0")
    expect(page.locator(".o-mail-ChatWindow")).to_have_count(0)
    assert page.errors == []
