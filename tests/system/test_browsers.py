"""A buyer and an agent in two real browsers, over the real websocket."""

import time

import pytest
from playwright.sync_api import expect, sync_playwright

import devenv

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# Odoo compiles its assets for the first page; after that a second is enough.
FIRST_PAGE, PATIENCE = 120_000, 30_000

SCREENSHOTS = devenv.LOGS / "screenshots"

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser():
    assert devenv.CHROMIUM, "Debian's chromium is not installed"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=devenv.CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser):
    """Open pages in browsers of their own (no common cookies), closed after the test."""
    contexts = []

    def open_page(url, viewport):
        context = browser.new_context(viewport=viewport, locale="en-US")
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.set_default_timeout(PATIENCE)
        page.goto(url, timeout=FIRST_PAGE)
        return page

    yield open_page
    for context in contexts:
        context.close()


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


def shoot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"system-{name}.png")


def log_in(page, agent):
    page.fill("input[name=login]", agent.login)
    page.fill("input[name=password]", agent.login)
    page.click("button[type=submit].btn-primary")
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)


def wait_until_online(shop, agent):
    deadline = time.monotonic() + PATIENCE / 1000
    while not shop.sql(
        "SELECT FROM mail_presence WHERE user_id = %s AND status = 'online'", agent.user_id
    ):
        assert time.monotonic() < deadline, "the websocket brought nobody online"
        time.sleep(0.2)


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
