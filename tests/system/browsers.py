"""Real browsers, and what tests with them share."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import shop as shops
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect, sync_playwright

import devenv

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# Milliseconds. Odoo compiles its assets for the first page.
FIRST_PAGE, PATIENCE = 200_000, 1000 * shops.PATIENCE

SCREENSHOTS = devenv.LOGS / "screenshots"
AXE = devenv.DEV_HOME / "node/node_modules/axe-core/axe.min.js"
#: In its shadow a buyer's page has the chat.
WIDGET = ".o-livechat-root"
#: Whether the desk shows a chat, by its id.
SHOWS_CHAT = "id => odoo.__WOWL_DEBUG__?.root.env.services['mail.store'].discuss.thread?.id === id"

expect.set_options(timeout=PATIENCE)


@contextlib.contextmanager
def start_browser():
    """Debian's browser; also what the benchmark measures in."""
    assert devenv.CHROMIUM, "Debian's chromium is not installed"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=devenv.CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@contextlib.contextmanager
def opening_pages(browser):
    """Open pages in browsers of their own (no common cookies), closed at the end."""
    contexts = []

    def open_page(url, viewport, locale="en-US", enter=None, **options):
        context = browser.new_context(viewport=viewport, locale=locale, **options)
        contexts.append(context)
        if enter:
            enter(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.set_default_timeout(PATIENCE)
        page.goto(url, timeout=FIRST_PAGE)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def browser():
    with start_browser() as running:
        yield running


@pytest.fixture
def open_page(browser):
    with opening_pages(browser) as open_page:
        yield open_page


@contextlib.contextmanager
def foreign_page(html):
    """Serve another site than Odoo's, all of whose pages are this one; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = html.encode()
            self.send_response(404 if self.path == "/favicon.ico" else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            # Another name than Odoo's, not only another port: cookies do not go across.
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def open_widget(shop, open_page):
    """Open a page that has the chat of a reception, on the shop's site or elsewhere."""
    with contextlib.ExitStack() as stack:

        def open_widget(reception, place, viewport):
            if place == "shop":
                websites = shop.call("website", "search", [])
                shop.call("website", "write", websites, {"channel_id": reception.id})
                url = f"{shop.url}/shop"
            else:
                shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
                (channel,) = shop.call(
                    "im_livechat.channel", "read", [reception.id], ["script_external"]
                )
                url = stack.enter_context(
                    foreign_page(
                        "<!DOCTYPE html><html><head><title>Elsewhere</title>"
                        '<meta name="viewport" content="width=device-width, initial-scale=1">'
                        f"{channel['script_external']}</head><body><h1>Elsewhere</h1></body></html>"
                    )
                )
            return open_page(url, viewport)

        yield open_widget


def shoot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"system-{name}.png")


def find_barriers(page, parts, of_core=(), host=None):
    """What axe-core calls serious or critical in parts of a page.

    :param parts: selectors of what is ours.
    :param of_core: selectors of what in them is not.
    :param host: the selector of the element in whose shadow these are.
    """
    page.evaluate(AXE.read_text())

    def locate(selectors):
        found = [selector for selector in selectors if page.locator(selector).count()]
        return [{"fromShadowDom": [host, selector]} if host else [selector] for selector in found]

    include = locate(parts)
    assert len(include) == len(parts), f"not all of {parts} is there"
    return page.evaluate(
        """async ([include, exclude]) => {
            const {violations} = await axe.run({include, exclude}, {resultTypes: ['violations']});
            return violations
                .filter(({impact}) => ['serious', 'critical'].includes(impact))
                .map(({id, impact, nodes}) => [id, impact, nodes.slice(0, 3).map((n) => n.html)]);
        }""",
        [include, locate(of_core)],
    )


def open_as(open_page, shop, agent, path, viewport):
    """Open a page for who has logged in already: what the form for it loads is no part of most
    tests, and takes a busy machine seconds."""

    def enter(context):
        who = {"db": shop.db, "login": agent.login, "password": agent.login}
        answer = context.request.post(
            f"{shop.url}/web/session/authenticate", data={"jsonrpc": "2.0", "params": who}
        )
        assert "error" not in answer.json(), answer.text()

    return open_page(f"{shop.url}{path}", viewport, enter=enter)


def log_in(page, agent):
    page.fill("input[name=login]", agent.login)
    page.fill("input[name=password]", agent.login)
    page.click("button[type=submit].btn-primary")
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)


def go_to_chat(shop, page, chat_id):
    """Open the desk on a chat, anew where Odoo shows another: it leaves a chat that it has opened
    before it hears that its agent is in it."""

    def is_shown():
        page.goto(
            f"{shop.url}/odoo/discuss?active_id=discuss.channel_{chat_id}", timeout=FIRST_PAGE
        )
        with contextlib.suppress(PlaywrightTimeout):
            page.wait_for_function(SHOWS_CHAT, arg=chat_id, timeout=30_000)
            page.wait_for_timeout(500)
        return page.evaluate(SHOWS_CHAT, chat_id)

    shops.wait_until(is_shown, f"the chat {chat_id} is not shown")


def show_chat(page, words):
    """Open a chat from Discuss's list, by what its row says. Odoo opens one of its own choice a
    moment after the page is there, whatever has been chosen meanwhile."""
    row = page.locator(".o-mail-DiscussSidebarChannel", has_text=words).first

    def is_shown():
        row.click(timeout=FIRST_PAGE)
        page.wait_for_timeout(500)
        return "o-active" in row.get_attribute("class")

    shops.wait_until(is_shown, f"the chat {words} is not shown")


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
