"""A buyer and an agent in two real browsers, over the real websocket."""

import pytest
from browsers import DESKTOP, FIRST_PAGE, PHONE, log_in, shoot, wait_until_online
from playwright.sync_api import expect


@pytest.fixture
def reception(shop):
    """The shop's own channel: a strong agent who has to come online, a weak one who is."""
    reception = shop.open_reception([10], name="Flagship Shop")
    reception.agents += shop.add_agents([1000], online=False)
    shop.call(
        "im_livechat.channel",
        "write",
        [reception.id],
        {"user_ids": [[4, reception.agents[1].user_id]]},
    )
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": reception.id})
    return reception


@pytest.mark.parametrize(("device", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_a_buyer_on_the_shop_page_talks_to_the_agent_chosen_by_weight(
    shop, reception, open_page, device, viewport
):
    agent = reception.agents[1]
    agents_page = open_page(f"{shop.url}/web/login?redirect=/odoo/discuss", DESKTOP)
    log_in(agents_page, agent)
    expect(agents_page.locator(".o-mail-DiscussSidebar")).to_be_visible(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)

    buyers_page = open_page(f"{shop.url}/shop", viewport)
    buyers_page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    composer = buyers_page.locator(".o-mail-Composer-input")
    expect(composer).to_be_visible()
    # Before the first message there is no agent yet: the buyer sees the shop.
    window = buyers_page.locator(".o-mail-ChatWindow")
    expect(window).to_contain_text("Flagship Shop")
    expect(window).not_to_contain_text(agent.name)
    shoot(buyers_page, f"{device}-buyer-before")
    question = f"Is the blue one in stock? ({device})"
    composer.fill(question)
    composer.press("Enter")
    expect(window.locator(".o-mail-Message", has_text=question)).to_be_visible()

    # The agent's page is not loaded again: what it shows came over the websocket.
    thread = agents_page.locator(".o-mail-DiscussSidebar-item", has_text="Visitor").first
    expect(thread).to_be_visible()
    shoot(agents_page, f"{device}-agent-notified")
    thread.click()
    expect(agents_page.locator(".o-mail-Message", has_text=question)).to_be_visible()
    answer = f"Yes, four of them. ({device})"
    agents_page.locator(".o-mail-Discuss .o-mail-Composer-input").fill(answer)
    agents_page.locator(".o-mail-Discuss .o-mail-Composer-input").press("Enter")

    expect(window.locator(".o-mail-Message", has_text=answer)).to_be_visible()
    expect(window).to_contain_text(agent.name)
    shoot(buyers_page, f"{device}-buyer-answered")
    shoot(agents_page, f"{device}-agent-answered")
    assert reception.served()[-1] == agent.user_id
    assert buyers_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert (buyers_page.errors, agents_page.errors) == ([], [])
