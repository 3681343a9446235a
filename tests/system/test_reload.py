"""The second in between: the page of the only agent is loaded anew, and buyers come meanwhile."""

import threading
import time

import pytest
import shop as shops
import simulate
from browsers import wait_until_online
from test_here import run_timers
from test_line import states


class Desk:
    """A channel with one agent, who has a session and opens and closes a websocket."""

    def __init__(self, shop, **values):
        self.shop = shop
        self.reception = shop.open_reception([], max_sessions=20, **values)
        (self.agent,) = shop.add_agents([100], online=False)
        shop.call(
            "im_livechat.channel",
            "write",
            [self.reception.id],
            {"user_ids": [[4, self.agent.user_id]]},
        )
        self.page = simulate.Agent(shop.url, threading.Event(), shop.db, self.agent.login)
        self.connect()

    def connect(self):
        self.page.connect()
        wait_until_online(self.shop, self.agent)

    def disconnect(self):
        self.page.close()
        shops.wait_until(
            lambda: self.shop.sql(
                "SELECT FROM mail_presence WHERE user_id = %s AND status = 'offline'",
                self.agent.user_id,
            ),
            "nobody noticed that the websocket is closed",
        )

    def is_offered(self):
        answer = shops.post(
            shops.Buyer(self.shop.url).session,
            f"{self.shop.url}/mail/data",
            {"fetch_params": [["init_livechat", self.reception.id]]},
        )
        assert not answer.failed, answer.text
        return answer.body["result"]["Store"]["livechat_available"]

    def get_states(self):
        return [state for _id, state, *_times in states(self.shop, self.reception)]


@pytest.fixture
def open_desk(shop):
    desks = []

    def open_desk(**values):
        desks.append(Desk(shop, **values))
        return desks[-1]

    yield open_desk
    for desk in desks:
        desk.page.close()


@pytest.mark.parametrize("rule", ["native", "pool"])
@pytest.mark.parametrize("has_line", [True, False])
def test_who_comes_while_the_agents_page_is_loaded_anew_gets_that_agent(
    server, open_desk, has_line, rule
):
    desk = open_desk(queue_enabled=has_line, offline_rule=rule)
    desk.disconnect()
    gone = time.monotonic()
    answers = desk.reception.arrive_together([server.url], 8)
    assert desk.is_offered()
    assert not [answer for answer in answers if answer.failed]
    assert all(answer.chat_id for answer in answers)
    assert desk.get_states() == ["queued"] * 8
    time.sleep(max(0, gone + 2 - time.monotonic()))
    desk.connect()
    shops.wait_until(
        lambda: desk.get_states() == ["assigned"] * 8, "the agent is back and nobody is served"
    )
    assert desk.reception.open_chats()[desk.agent.user_id] == 8


@pytest.mark.parametrize("has_line", [True, False])
def test_when_the_agent_does_not_come_back_buyers_are_told_so(shop, open_desk, has_line):
    desk = open_desk(queue_enabled=has_line, offline_rule="native")
    desk.disconnect()
    chat_id = shops.Buyer(shop.url).open_chat(desk.reception).chat_id
    run_timers(shop)
    assert desk.get_states() == ["queued"]
    shop.sql(
        "UPDATE mail_presence SET livechat_offline_since = livechat_offline_since"
        " - interval '1 minute' WHERE user_id = %s",
        desk.agent.user_id,
    )
    run_timers(shop)
    # The job leaves the lines to a thread.
    shops.wait_until(lambda: desk.get_states() == ["pool"], "the buyer waits for nobody")
    status = "SELECT livechat_status FROM discuss_channel WHERE id = %s"
    assert shop.sql(status, chat_id) == [("need_help",)]
    assert not desk.is_offered()
    assert shops.Buyer(shop.url).open_chat(desk.reception).chat_id is None
    # Nothing is lost.
    desk.connect()
    shops.wait_until(lambda: desk.get_states() == ["assigned"], "the next agent was not given it")
    assert shop.sql(status, chat_id) == [("in_progress",)]
