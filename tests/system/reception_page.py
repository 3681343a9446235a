"""The page Reception in real browsers: for the tests of it, and for bench/."""

import contextlib
import itertools
from typing import NamedTuple

import shop as shops
from browsers import DESKTOP, FIRST_PAGE, log_in
from playwright.sync_api import expect

#: A large shop: its agents, and the buyers who wait because all of them are paused.
AGENTS, WAITING = 200, 50
LOOK = "/web/dataset/call_kw/im_livechat.channel/get_reception"


class Admin(NamedTuple):
    login: str = "admin"


def open_reception_page(shop, open_page, reception, viewport=DESKTOP):
    """Open the page and wait until it is told of what changes.

    Its ``looks`` are the methods by which it has asked the server since then.
    """
    page = open_page(f"{shop.url}/web/login?redirect=/odoo/livechat-reception", viewport)
    page.looks = []
    page.on("requestfinished", lambda request: note_look(page, request))
    log_in(page, Admin())
    expect(channel_of(page, reception)).to_be_visible(timeout=FIRST_PAGE)
    wait_until_listening(page)
    wait_until_told(shop, page, reception)
    page.looks.clear()
    return page


def note_look(page, request):
    if LOOK in request.url:
        page.looks.append(request.url.rpartition("/")[2])


def wait_until_listening(page):
    """When it has asked the bus to listen, the page looks at everything a second time."""
    while page.looks.count("get_reception") < 2:
        page.wait_for_event("requestfinished", lambda request: LOOK in request.url)


def wait_until_told(shop, page, reception):
    """A page that is told shows a weight that changes; the server of a first websocket needs long
    to begin, and a page whose looks take long rests for long."""
    agent = reception.agents[0]
    changes = itertools.count(1)

    def is_told():
        weigh(shop, agent, weight := agent.weight + (change := next(changes)))
        with contextlib.suppress(AssertionError):
            expect(weight_of(page, reception, agent)).to_have_value(
                f"{weight}", timeout=1000 * change
            )
            return True
        return False

    shops.wait_until(is_told, "the page is told nothing")
    weigh(shop, agent, agent.weight)
    expect(weight_of(page, reception, agent)).to_have_value(f"{agent.weight}")


def channel_of(page, reception):
    return page.locator(f".o_livechat_reception_channel[data-channel-id='{reception.id}']")


def row_of(page, reception, agent):
    return channel_of(page, reception).locator(
        f".o_livechat_reception_agent[data-user-id='{agent.user_id}']"
    )


def weight_of(page, reception, agent):
    return row_of(page, reception, agent).locator("input[inputmode]")


def weigh(shop, agent, weight):
    shop.call("res.users", "dispatch_set_weight", [agent.user_id], weight)


def open_large_shop(shop):
    """A reception with many agents, none of whom takes buyers, and many buyers who wait."""
    reception = shop.open_reception([], max_sessions=3, offline_rule="pool", name="Large Shop")
    for _batch in range(AGENTS // 25):
        reception.agents += shop.add_agents([100] * 25)
    ids = [agent.user_id for agent in reception.agents]
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})
    shop.sql("UPDATE res_users SET dispatch_paused = true WHERE id = ANY(%s)", ids)
    for _buyer in range(WAITING):
        assert shops.Buyer(shop.url).open_chat(reception).chat_id
    return reception


def set_presence(shop, agent, status):
    presences = shop.call("mail.presence", "search", [["user_id", "=", agent.user_id]])
    shop.call("mail.presence", "write", presences, {"status": status})
