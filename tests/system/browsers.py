"""What tests with real browsers share; the browsers themselves are fixtures of conftest.py."""

import time

from playwright.sync_api import expect

import devenv

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# Odoo compiles its assets for the first page; after that a second is enough.
FIRST_PAGE, PATIENCE = 120_000, 30_000

SCREENSHOTS = devenv.LOGS / "screenshots"

expect.set_options(timeout=PATIENCE)


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
