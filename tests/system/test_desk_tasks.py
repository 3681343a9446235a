"""What agents and buyers do most takes few clicks, and a message little work of an agent's page.

How many seconds and milliseconds, `dev/bench desk` says.
"""

import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE
from desk_tasks import Hand, Ours, come_in, open_chat, open_desk
from playwright.sync_api import expect

# Counts from now on how often a component of the page is rendered, by the name of its class.
COUNT_RENDERS = """() => {
    window.renders = {};
    const count = (node) => {
        const { name } = node.component.constructor;
        const render = node.renderFn;
        node.renderFn = (...args) => {
            window.renders[name] = (window.renders[name] ?? 0) + 1;
            return render(...args);
        };
        Object.values(node.children).forEach(count);
    };
    count(odoo.__WOWL_DEBUG__.root.__owl__);
}"""


@pytest.mark.long
def test_what_is_done_most_takes_few_clicks(shop, open_page):
    reception, chats, returning = open_desk(shop, 8, ended=2, waiting=2)
    agent, colleague = reception.agents
    (_buyer, longest), *_others, (last, given) = chats
    page = come_in(shop, open_page, agent, DESKTOP)

    hand = Hand(page)
    Ours.answer_longest(hand, "Three are left")
    assert hand.clicks == 1
    shops.wait_until(
        lambda: shop.sql(
            "SELECT FROM mail_message WHERE model = 'discuss.channel' AND res_id = %s"
            " AND body LIKE '%%Three are left%%'",
            longest,
        ),
        "the answer did not go to who waits longest",
    )

    open_chat(shop, page, returning)
    # A message draws the row of its chat, not the list.
    rows = page.locator(".o-mail-DiscussSidebarChannel")
    expect(rows.nth(7)).to_be_visible()
    page.evaluate(COUNT_RENDERS)

    def is_quiet():
        page.evaluate("window.renders = {}")
        page.wait_for_timeout(2000)
        return "DiscussSidebarChannel" not in page.evaluate("window.renders")

    shops.wait_until(is_quiet, "the page does not come to rest")
    waiting = rows.filter(has=page.locator(".o_livechat_reply_clock"))
    before = waiting.count()
    last.say(given, "One more question")
    expect(waiting).to_have_count(before + 1)
    rendered = page.evaluate("window.renders")
    assert 1 <= rendered["DiscussSidebarChannel"] <= 2, rendered

    hand = Hand(page)
    Ours.start_return(hand)
    assert hand.clicks == 1

    open_chat(shop, page, given)
    hand = Hand(page)
    Ours.transfer(hand, colleague, "Asks about dyes")
    assert hand.clicks == 5
    shops.wait_until(
        lambda: reception.open_chats()[colleague.user_id] == 1, "the chat did not go over"
    )

    absent = shop.open_reception([], offline_rule="pool")
    (someone,) = shop.add_agents([100], online=False)
    values = {"user_ids": [[6, 0, [someone.user_id]]]}
    shop.call("im_livechat.channel", "write", [absent.id], values)
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": absent.id})
    buyers_page = open_page(f"{shop.url}/shop", DESKTOP)
    buyers_page.locator(".o-livechat-LivechatButton").wait_for(timeout=FIRST_PAGE)
    hand = Hand(buyers_page)
    Ours.leave_message(hand, "Is it in stock?", "ella@example.com")
    assert hand.clicks == 2
    assert (page.errors, buyers_page.errors) == ([], [])
