"""Real servers for the tests of this folder: `dev/test system` runs them.

A test makes the channel and the agents it needs; agents of different tests never meet, so the
tests share one database and one server, except those that break things.
"""

import pytest
import shop as shops
from browsers import FIRST_PAGE, PATIENCE
from playwright.sync_api import sync_playwright

import devenv


def pytest_collection_modifyitems(items):
    # When the database restarts, core's listeners of all servers hear nothing for 50 s, and pages of
    # other tests would wait for what they missed.
    items.sort(key=lambda item: item.module.__name__ == "test_crash")


@pytest.fixture(scope="session")
def template():
    with devenv.postgres():
        yield devenv.template_db((*devenv.CORE_MODULES, devenv.ADDON))


@pytest.fixture(scope="session")
def server(template):
    """An Odoo with four http workers on a database of this run."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=4) as running:
        yield running


@pytest.fixture(scope="session")
def shop(server):
    return shops.Shop(server.db, server.url)


@pytest.fixture(scope="module")
def fragile(template):
    """A server and database of the module's own, to be broken; and the shop on it."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=4) as running:
        yield running, shops.Shop(db, running.url)


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
