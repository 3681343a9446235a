"""Who waits is served at once when somebody may take a buyer: no cron runs here.

What it may be that changes is in ``tests/test_free_seats.py``.
"""

import re
import threading
import time

import shop as shops
from playwright.sync_api import expect
from reception_page import channel_of, open_reception_page, row_of
from test_line import states

import devenv

# A guest whose browser is there is refused after the agent was chosen, when nobody holds the lock.
FAILS, LOCK = "Antarctica/Troll", 4711


class TwoGroups:
    """A channel with a group A that has a free agent, and a group B in whose line one buyer waits,
    as its only agent is busy."""

    def __init__(self, shop, **values):
        self.shop = shop
        self.reception = shop.open_reception(
            [100, 100], max_sessions=1, queue_enabled=True, **values
        )
        self.free, self.busy = self.reception.agents
        self.a = self.create("A", self.free, {"kind": "page", "page_pattern": "/refunds"})
        self.b = self.create("B", self.busy, {"kind": "visitor", "visitor": "guest"})
        _served, self.waiting = (
            shops.Buyer(shop.url).open_chat(self.reception).chat_id for _buyer in range(2)
        )
        self.check_waits()

    def create(self, name, agent, line):
        (group_id,) = self.shop.call(
            "livechat.dispatch.group",
            "create",
            [
                {
                    "name": name,
                    "channel_id": self.reception.id,
                    "user_ids": [[4, agent.user_id]],
                    "scope_ids": [[0, 0, line]],
                }
            ],
        )
        return group_id

    def check_waits(self):
        # What was asked for until now has been done after that.
        time.sleep(1)
        assert find_state(self.shop, self.reception, self.waiting) == "queued"

    def check_served(self, change):
        """This serves the buyer: nothing else does anything here."""
        change()
        done = time.monotonic()
        shops.wait_until(
            lambda: find_state(self.shop, self.reception, self.waiting) == "assigned",
            "the line was not served",
        )
        print(f"served after {time.monotonic() - done:.2f} s")
        assert self.reception.open_chats()[self.free.user_id] == 1


def find_state(shop, reception, chat_id):
    return dict(row[:2] for row in states(shop, reception))[chat_id]


def test_an_agent_moved_into_the_group_serves_its_line(shop):
    groups = TwoGroups(shop)
    reception = groups.reception
    move = (reception.id, groups.free.user_id, groups.a, groups.b)
    groups.check_served(
        lambda: shop.call("im_livechat.channel", "move_dispatch_agent", [move[0]], *move[1:])
    )


def test_an_agent_dragged_into_the_group_on_reception_serves_its_line(shop, open_page):
    groups = TwoGroups(shop, name="Two Groups")
    page = open_reception_page(shop, open_page, groups.reception)
    section = channel_of(page, groups.reception)
    handle = row_of(page, groups.reception, groups.free).locator(".o_livechat_reception_handle")
    target = section.locator(f".o_livechat_reception_members[data-group-id='{groups.b}']")

    def drag():
        target.scroll_into_view_if_needed()
        handle.scroll_into_view_if_needed()
        start, end = handle.bounding_box(), target.bounding_box()
        page.mouse.move(start["x"] + 5, start["y"] + start["height"] / 2)
        page.mouse.down()
        page.mouse.move(end["x"] + 40, end["y"] + end["height"] / 2, steps=12)
        expect(target).to_have_class(re.compile("o_livechat_reception_target"))
        page.mouse.up()

    groups.check_served(drag)
    # And the page shows it.
    section.locator(".o_livechat_reception_buyer").wait_for(state="detached")
    assert page.errors == []


def test_hours_that_are_changed_in_their_calendar_serve_the_line(shop):
    groups = TwoGroups(shop)
    hours = {
        "name": "Shift",
        "hour_from": 0,
        "hour_to": 24,
        "day_period": "morning",
    }
    (calendar,) = shop.call(
        "resource.calendar", "create", [{"name": "Never", "tz": "UTC", "attendance_ids": [[5]]}]
    )
    shop.call("res.users", "write", [groups.free.user_id], {"dispatch_calendar_id": calendar})
    shop.call(
        "livechat.dispatch.group", "write", [groups.b], {"user_ids": [[4, groups.free.user_id]]}
    )
    groups.check_waits()
    lines = [[0, 0, {**hours, "dayofweek": str(day)}] for day in range(7)]
    groups.check_served(
        lambda: shop.call("resource.calendar", "write", [calendar], {"attendance_ids": lines})
    )


def test_a_seat_of_a_request_that_fails_serves_the_line(shop):
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True)
    shop.sql(
        f"""
        CREATE FUNCTION test_refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.timezone = '{FAILS}' THEN
                PERFORM pg_advisory_xact_lock({LOCK});
                RAISE EXCEPTION 'refused for a test';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER test_refuse_late BEFORE INSERT ON mail_guest
            FOR EACH ROW EXECUTE FUNCTION test_refuse_late();
        """
    )
    holder = devenv.connect(shop.db)
    try:
        holder.cursor().execute("SELECT pg_advisory_lock(%s)", [LOCK])
        fails, waits = shops.Buyer(shop.url), shops.Buyer(shop.url)
        fails.session.cookies.set("tz", FAILS)
        answers = []
        failing = threading.Thread(target=lambda: answers.append(fails.open_chat(reception)))
        failing.start()
        shops.wait_until(
            lambda: shop.sql(
                "SELECT FROM livechat_dispatch_reservation"
                " WHERE user_id = %s AND pg_xact_status(xid) = 'in progress'",
                reception.agents[0].user_id,
            ),
            "the request never came to its decision",
        )
        chat_id = waits.open_chat(reception).chat_id
        assert find_state(shop, reception, chat_id) == "queued"
        holder.close()
        failing.join()
        assert "refused for a test" in answers[0].text
        shops.wait_until(
            lambda: find_state(shop, reception, chat_id) == "assigned",
            "the line was not served",
        )
    finally:
        holder.close()
        shop.sql("DROP FUNCTION test_refuse_late CASCADE")
