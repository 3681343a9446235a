"""The part of the benchmark that runs in a real browser: the page Reception of a large shop.

    python bench/browser.py DATABASE URL > result.json

Started by run.py in the Python of the tests, which has Playwright.
"""

import bisect
import json
import sys
import time

import reception_page as reception_pages
import shop as shops
from browsers import opening_pages, start_browser
from playwright.sync_api import expect

UPDATES = 11
# Seconds of a trace: long enough for the change to be on the page.
TRACED = 1.5


def main():
    shop = shops.Shop(*sys.argv[1:])
    reception = reception_pages.open_large_shop(shop)
    with start_browser() as browser, opening_pages(browser) as open_page:
        page = reception_pages.open_reception_page(shop, open_page, reception)
        result = {
            "opening": [measure_opening(page) for _time in range(5)],
            "told": [measure_telling(shop, page, agent) for agent in reception.agents[:UPDATES]],
            "weight": [
                measure_frames(page, lambda agent=agent: reception_pages.weigh(shop, agent, 150))
                for agent in reception.agents[:UPDATES]
            ],
            "presence": [
                measure_frames(
                    page, lambda agent=agent: reception_pages.set_presence(shop, agent, "away")
                )
                for agent in reception.agents[:UPDATES]
            ],
        }
    json.dump(result, sys.stdout)


def measure_opening(page):
    """Leave the page and come back; ms until its last row is drawn."""
    page.get_by_role("menuitem", name="Channels").first.click()
    expect(page.locator(".o_livechat_reception")).to_have_count(0)
    page.looks.clear()
    page.evaluate(
        """(agents) => {
            window.opened = new Promise((resolve) => {
                const menu = "[data-menu-xmlid='im_livechat_subaccount.livechat_reception_menu']";
                const row = ".o_livechat_reception_agent";
                const started = performance.now();
                new MutationObserver((records, observer) => {
                    if (document.querySelectorAll(row).length >= agents) {
                        observer.disconnect();
                        requestAnimationFrame(() => resolve(performance.now() - started));
                    }
                }).observe(document.body, { childList: true, subtree: true });
                document.querySelector(menu).click();
            });
        }""",
        reception_pages.AGENTS,
    )
    ms = page.evaluate("window.opened")
    reception_pages.wait_until_listening(page)
    return ms


def measure_telling(shop, page, agent):
    """Return the ms from a change on the server to what the page shows of it."""
    page.evaluate(
        """([userId, weight]) => {
            const field = `.o_livechat_reception_agent[data-user-id="${userId}"] input[inputmode]`;
            window.seen = new Promise((resolve) => {
                const look = () =>
                    document.querySelector(field).value === weight
                        ? resolve()
                        : requestAnimationFrame(look);
                look();
            });
        }""",
        [agent.user_id, "130"],
    )
    reception_pages.weigh(shop, agent, 130)
    done = time.perf_counter()
    page.evaluate("window.seen")
    return 1000 * (time.perf_counter() - done)


def measure_frames(page, change):
    """What a change costs the page's main thread in the most expensive of the frames that show it,
    in ms of processor time: scripts, style, layout and paint.

    Not the time on the clock: other processes of the machine share its processors.
    """
    browser = page.context.browser
    browser.start_tracing(page=page, categories=["toplevel", "cc"])
    try:
        change()
        # Nobody asks the page anything meanwhile: to answer costs it more than to show the change.
        time.sleep(TRACED)
    finally:
        trace = json.loads(browser.stop_tracing())
    return max(read_frames(trace["traceEvents"]))


def read_frames(events):
    """Return what each frame of the page cost its main thread since the frame before, in ms."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    done = sorted(
        (
            event
            for event in events
            if (event["pid"], event["tid"]) in threads and event["ph"] == "X"
        ),
        key=lambda event: event["ts"],
    )
    drawn = [event["ts"] for event in done if event["name"] == "ProxyMain::BeginMainFrame"]
    tasks = [event for event in done if event["name"] == "ThreadControllerImpl::RunTask"]
    assert drawn, "no frame was drawn"
    frames = [0.0] * (len(drawn) + 1)
    for task in tasks:
        # A task begins before what it does; those after the last frame are on the way to none. Of
        # what is too short for its processor time to be known, it is the time on the clock.
        cost = task.get("tdur", task["dur"])
        frames[bisect.bisect_left(drawn, task["ts"])] += cost / 1000
    return [round(cost, 1) for cost in frames[:-1]]


if __name__ == "__main__":
    main()
