"""Real browsers, and what tests with them share."""

import pytest
import shop as shops
from playwright.sync_api import expect, sync_playwright

import devenv

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# Milliseconds. Odoo compiles its assets for the first page.
FIRST_PAGE, PATIENCE = 200_000, 1000 * shops.PATIENCE

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

    def open_page(url, viewport, locale="en-US"):
        context = browser.new_context(viewport=viewport, locale=locale)
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


def shoot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"system-{name}.png")


def log_in(page, agent):
    page.fill("input[name=login]", agent.login)
    page.fill("input[name=password]", agent.login)
    page.click("button[type=submit].btn-primary")
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)


def wait_until_online(shop, agent):
    shops.wait_until(
        lambda: shop.sql(
            "SELECT FROM mail_presence WHERE user_id = %s AND status = 'online'", agent.user_id
        ),
        "the websocket brought nobody online",
    )


def activate_chinese(shop):
    (lang_id,) = shop.call(
        "res.lang", "search", [("code", "=", "zh_CN"), ("active", "in", [True, False])]
    )
    wizard = shop.call(
        "base.language.install", "create", [{"lang_ids": [[6, 0, [lang_id]]], "overwrite": False}]
    )
    shop.call("base.language.install", "lang_install", wizard)
