"""The page Reception in real browsers: live in each of them, and frugal with a large shop.

How many milliseconds that takes is measured by `dev/bench reception`.
"""

import itertools
import json
import statistics
import time
from collections import Counter

import pytest
import shop as shops
from browsers import DESKTOP, PHONE, shoot
from playwright.sync_api import expect
from reception_page import (
    AGENTS,
    WAITING,
    channel_of,
    open_large_shop,
    open_reception_page,
    row_of,
    set_presence,
    wait_until_listening,
    wait_until_told,
    weigh,
    weight_of,
)

# Milliseconds that a busy server lets a page wait, at least; and what changes meanwhile.
SLOW, CHANGES = 2400, 24
LOOK_URL = "**/get_reception*"

# As when another tab is in front, or this one again.
HIDE = """(isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

# Called once; `takeWork()` then says what the page has done since it last said so: which rows it
# has rendered, and for each change of the document in which row it was, or of which class.
WATCH = """() => {
    const { AgentRow } = odoo.loader.modules.get("@im_livechat_subaccount/reception/agent_row");
    let rendered = [];
    let records = [];
    // A row reads its status once each time it is rendered.
    const status = Object.getOwnPropertyDescriptor(AgentRow.prototype, "status");
    Object.defineProperty(AgentRow.prototype, "status", {
        get() {
            rendered.push(this.agent.id);
            return status.get.call(this);
        },
    });
    const observer = new MutationObserver((found) => records.push(...found));
    const parts = { attributes: true, characterData: true, childList: true, subtree: true };
    observer.observe(document.querySelector(".o_livechat_reception"), parts);
    const describe = ({ target }) => {
        const element = target.closest ? target : target.parentElement;
        const row = element?.closest(".o_livechat_reception_agent");
        return row ? Number(row.dataset.userId) : (element?.className ?? "gone");
    };
    window.takeWork = () => {
        const work = { rendered, touched: [...records, ...observer.takeRecords()].map(describe) };
        [rendered, records] = [[], []];
        return work;
    };
}"""


def assert_told(page, change, see, commits=1):
    """What ``change`` does is seen on a page that nobody touches: it is told, and asks once.

    :param commits: how many transactions it takes; of those that come close together a page asks
        once as well, but on a busy machine they do not.
    """
    before = len(page.looks)
    change()
    see()
    looks = Counter(page.looks[before:])
    assert looks and max(looks.values()) <= commits, looks


@pytest.mark.long
def test_changes_reach_a_second_browser_which_is_told_and_asks_once(shop, open_page):
    reception = shop.open_reception(
        [100, 100], max_sessions=1, queue_enabled=True, name="Flagship Shop"
    )
    one, other = reception.agents
    here = open_reception_page(shop, open_page, reception)
    there = open_reception_page(shop, open_page, reception, PHONE)
    row = row_of(there, reception, one)

    # What told the other page that it is told has come and gone here as well.
    expect(weight_of(here, reception, one)).to_have_value("100")
    # By hand: the arrow, and what the other page shows of it once it is saved.
    row_of(here, reception, one).locator(".o_livechat_reception_up").click()
    expect(weight_of(here, reception, one)).to_have_value("110")
    expect(weight_of(there, reception, one)).to_have_value("110")
    expect(row).to_contain_text("52.4 %")
    ((weight,),) = shop.sql("SELECT dispatch_weight FROM res_users WHERE id = %s", one.user_id)
    assert weight == 110

    # An arrow that is held goes on until it is let go.
    here.mouse.move(0, 0)
    row_of(here, reception, other).locator(".o_livechat_reception_up").hover()
    here.mouse.down()
    field = weight_of(here, reception, other)
    here.wait_for_function("(field) => field.value >= 140", arg=field.element_handle())
    here.mouse.up()
    expect(weight_of(there, reception, other)).to_have_value(field.input_value())
    field.fill("100")
    expect(weight_of(there, reception, other)).to_have_value("100")

    assert_told(
        there,
        lambda: shop.call("res.users", "dispatch_pause", [one.user_id]),
        lambda: expect(row).to_contain_text("Paused"),
    )
    assert_told(
        there,
        lambda: weigh(shop, one, 300),
        lambda: expect(weight_of(there, reception, one)).to_have_value("300"),
    )
    assert_told(
        there,
        lambda: shops.Buyer(shop.url).open_chat(reception),
        lambda: expect(row_of(there, reception, other)).to_contain_text("1/1"),
        commits=3,  # the chat, its first word, and the line that is looked at
    )
    assert_told(
        there,
        lambda: shops.Buyer(shop.url).open_chat(reception),
        lambda: expect(
            channel_of(there, reception).locator(".o_livechat_reception_buyer")
        ).to_contain_text("full: 1, paused: 1"),
        commits=3,
    )
    shoot(there, "reception-waiting-phone")
    shoot(here, "reception-waiting")
    # Who resumes takes the buyer who waits.
    shop.call("res.users", "dispatch_resume", [one.user_id])
    expect(row).to_contain_text("1/3")
    expect(channel_of(there, reception).locator(".o_livechat_reception_buyer")).to_have_count(0)
    assert_told(
        there,
        lambda: shop.call(
            "livechat.dispatch.group",
            "create",
            [{"name": "Returns", "channel_id": reception.id, "user_ids": [one.user_id]}],
        ),
        lambda: expect(channel_of(there, reception)).to_contain_text("Returns"),
    )
    assert there.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert (here.errors, there.errors) == ([], [])


def test_only_who_may_be_moved_is_dragged_by_its_photo(shop, open_page):
    main_account = shop.ref("im_livechat_subaccount.group_main_account")
    groups = [[4, shop.ref("base.group_user")], [4, main_account]]
    (owner,) = shop.add_agents([100], group_ids=groups)
    reception = shop.open_reception(
        [100],
        name="Flagship Shop",
        main_account_id=owner.user_id,
        main_account_participation="member",
    )
    (group_id,) = shop.call(
        "livechat.dispatch.group", "create", [{"name": "Returns", "channel_id": reception.id}]
    )
    page = open_reception_page(shop, open_page, reception)
    section = channel_of(page, reception)
    target = section.locator(f".o_livechat_reception_members[data-group-id='{group_id}']")
    for agent, is_dragged in ((owner, False), (reception.agents[0], True)):
        photo = row_of(page, reception, agent).locator(".o_livechat_reception_photo")
        target.scroll_into_view_if_needed()
        start, end = photo.bounding_box(), target.bounding_box()
        page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        page.mouse.down()
        page.mouse.move(end["x"] + 40, end["y"] + end["height"] / 2, steps=12)
        page.wait_for_timeout(300)
        expect(page.locator(".o_dragged")).to_have_count(int(is_dragged))
        page.mouse.up()
    expect(target.locator(f"[data-user-id='{agent.user_id}']")).to_be_visible()
    expect(target.locator(f"[data-user-id='{owner.user_id}']")).to_have_count(0)
    assert page.errors == []


@pytest.mark.long
def test_each_of_two_hundred_agents_is_drawn_once_and_again_when_it_changes_itself(shop, open_page):
    reception = open_large_shop(shop)
    (group_id,) = shop.call(
        "livechat.dispatch.group", "create", [{"name": "Returns", "channel_id": reception.id}]
    )
    page = open_reception_page(shop, open_page, reception)
    section = channel_of(page, reception)
    expect(section.locator(".o_livechat_reception_agent")).to_have_count(AGENTS)
    shoot(page, "reception-large")
    # A long line pushes nobody off the page.
    buyers = section.locator(".o_livechat_reception_buyer")
    expect(buyers).to_have_count(5)
    section.locator(".o_livechat_reception_all").click()
    expect(buyers).to_have_count(WAITING)

    # By the wheel, as a person does; scripts scroll what a person cannot.
    page.mouse.move(DESKTOP["width"] / 2, DESKTOP["height"] / 2)
    last = section.locator(".o_livechat_reception_agent").last
    expect(last).not_to_be_in_viewport()
    page.mouse.wheel(0, 100_000)
    expect(last).to_be_in_viewport()
    page.mouse.wheel(0, -100_000)
    expect(last).not_to_be_in_viewport()

    page.evaluate(WATCH)
    restyled = []
    # So much is 0.6 % of the team's weight whoever else has it, and 100 is 0.5 %: nobody's share
    # reads another than before.
    weight = 120
    for agent in reception.agents[:5]:
        restyled += assert_one_row_works(
            page,
            agent,
            lambda agent=agent: weigh(shop, agent, weight),
            lambda agent=agent: expect(weight_of(page, reception, agent)).to_have_value(
                f"{weight}"
            ),
        )
        restyled += assert_one_row_works(
            page,
            agent,
            lambda agent=agent: set_presence(shop, agent, "away"),
            lambda agent=agent: expect(row_of(page, reception, agent)).to_contain_text("Away"),
        )
    print(f"elements whose style was looked at again, for each change: {restyled}")
    assert any(restyled), "the trace tells nothing of styles"
    assert statistics.median(restyled) < 100

    # A look at all of it, after which no agent is another than before.
    page.evaluate("takeWork()")
    shop.call("livechat.dispatch.group", "write", [group_id], {"name": "Refunds"})
    expect(section).to_contain_text("Refunds")
    assert "get_reception" in page.looks
    work = page.evaluate("takeWork()")
    # An agent of another test on the same page may have a chat that has become quiet meanwhile.
    own = {agent.user_id for agent in reception.agents}
    assert not own.intersection(work["rendered"])
    assert not own.intersection(work["touched"])

    # Left and opened again, it asks once and draws each row once, also when it listens.
    page.get_by_role("menuitem", name="Channels").first.click()
    expect(page.locator(".o_livechat_reception")).to_have_count(0)
    page.evaluate("takeWork()")
    page.looks.clear()
    page.locator("[data-menu-xmlid='im_livechat_subaccount.livechat_reception_menu']").click()
    wait_until_listening(page)
    expect(section.locator(".o_livechat_reception_agent")).to_have_count(AGENTS)
    drawn = Counter(page.evaluate("takeWork()")["rendered"])
    assert set(page.looks) == {"get_reception"}
    assert {agent.user_id: drawn[agent.user_id] for agent in reception.agents} == dict.fromkeys(
        (agent.user_id for agent in reception.agents), 1
    )
    assert page.errors == []


def assert_one_row_works(page, agent, change, see):
    """Only the row of the agent is rendered again, and of the document hardly more is changed than
    what is read there: how many elements the browser looked at to style them."""
    browser = page.context.browser
    page.evaluate("takeWork()")
    page.looks.clear()
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    try:
        change()
        see()
    finally:
        trace = json.loads(browser.stop_tracing())
    work = page.evaluate("takeWork()")
    assert work["rendered"] == [agent.user_id]
    touched = Counter(work["touched"])
    # The clock of those who wait goes on meanwhile.
    touched.pop("o_livechat_reception_waited", None)
    # How many are here is told above, of the channel and of all.
    assert touched.pop("o_livechat_reception_here", 0) <= 2
    # Of its row an update changes a handful of places, whatever else is on the page.
    assert touched.keys() == {agent.user_id} and touched[agent.user_id] <= 10, touched
    assert page.looks == ["get_reception_agents"]
    styles = [event for event in trace["traceEvents"] if event["name"] == "UpdateLayoutTree"]
    return [sum(event["args"].get("elementCount", 0) for event in styles)]


@pytest.mark.long
def test_a_page_whose_answers_take_long_or_that_nobody_sees_asks_more_seldom(shop, open_page):
    reception = shop.open_reception([100], name="Flagship Shop")
    (agent,) = reception.agents
    page = open_reception_page(shop, open_page, reception)
    expect(weight_of(page, reception, agent)).to_have_value("100")

    page.evaluate(HIDE, True)
    weigh(shop, agent, 200)
    page.wait_for_timeout(2000)
    assert page.looks == []
    page.evaluate(HIDE, False)
    expect(weight_of(page, reception, agent)).to_have_value("200")

    # An answer that takes as long as two dozen changes: with a rest of many times as long.
    held, asked, weights = [], [], itertools.cycle((110, 120))

    def hold(route):
        asked.append(route.request.url.rpartition("/")[2])
        held.append(route)

    page.route(LOOK_URL, hold)
    # It asks when the rest of its last look is over, and counts what it hears from then on.
    with page.expect_request(LOOK_URL):
        weigh(shop, agent, 130)
    for _change in range(CHANGES):
        weigh(shop, agent, next(weights))
        page.wait_for_timeout(SLOW / CHANGES)
    assert len(asked) == 1
    held[0].continue_()
    page.unroute(LOOK_URL)
    page.on(
        "request",
        lambda request: (
            "get_reception" in request.url and asked.append(request.url.rpartition("/")[2])
        ),
    )
    # Whatever comes in the rest, which is shorter than the time for which the page asks nothing.
    for _change in range(3):
        weigh(shop, agent, next(weights))
    weigh(shop, agent, 300)
    expect(weight_of(page, reception, agent)).to_have_value("300")
    # It heard of changes no more, and asked for everything by the clock.
    assert asked[1:2] == ["get_reception"]
    # When answers come soon, it listens as before.
    wait_until_told(shop, page, reception)
    assert page.errors == []


def test_a_weight_that_is_saved_during_a_look_is_looked_at_without_a_rest(shop, open_page):
    reception = shop.open_reception([100, 100], name="Flagship Shop")
    one, other = reception.agents
    page = open_reception_page(shop, open_page, reception)
    held = []
    page.route(LOOK_URL, lambda route: held.append(route))
    with page.expect_request(LOOK_URL):
        weigh(shop, other, 130)
    with page.expect_response("**/dispatch_set_weight"):
        row_of(page, reception, one).locator(".o_livechat_reception_up").click()
    page.wait_for_timeout(SLOW)
    # After an answer that took so long the page would rest for longer than it took.
    began = time.monotonic()
    with page.expect_request(LOOK_URL):
        held[0].continue_()
        page.unroute(LOOK_URL)
    assert 1000 * (time.monotonic() - began) < SLOW
    expect(weight_of(page, reception, other)).to_have_value("130")
    assert page.errors == []
