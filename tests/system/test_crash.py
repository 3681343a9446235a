"""Processes that die in the middle of a race: no overrun, and no seat held by nobody."""

import os
import random
import signal
import time

import pytest
import shop as shops

import devenv

AGENTS, MAX_SESSIONS, ARRIVALS = 20, 2, 60
SEATS = AGENTS * MAX_SESSIONS
# What the page Health would find if a crash left something behind.
LEFT_BEHIND = (
    *("ended_wait", "lost_agent", "seat_without_chat", "chat_without_seat", "unserved"),
    *("credit_of_nobody", "long_reservation"),
)


@pytest.fixture(scope="module")
def reception(fragile):
    _server, shop = fragile
    return shop.open_reception([100] * AGENTS, max_sessions=MAX_SESSIONS)


def check_no_overrun(reception):
    over = {
        user_id: count for user_id, count in reception.open_chats().items() if count > MAX_SESSIONS
    }
    assert over == {}


def check_every_seat_can_be_taken(reception, url):
    """Fill what is left, exactly."""

    def is_full():
        if reception.open_chats().total() < SEATS:
            shops.Buyer(url).open_chat(reception)
            check_no_overrun(reception)
        return reception.open_chats().total() == SEATS

    shops.wait_until(is_full, "seats are held by nobody")
    answer = shops.Buyer(url).open_chat(reception)
    assert not answer.failed, answer.text
    assert answer.chat_id is None
    assert reception.open_chats() == {agent.user_id: MAX_SESSIONS for agent in reception.agents}
    # What nobody came for was given back: what is owed still adds up to nothing (of figures that
    # are rounded to hundredths).
    assert abs(sum(reception.credits().values())) <= 0.005 * AGENTS


def check_nothing_is_to_be_mended(reception):
    """The reconciler finds nothing that a crash would have left behind."""
    shop = reception.shop
    shop.call("livechat.dispatch.health", "action_check")
    found = shop.sql(
        "SELECT kind, found, detail FROM livechat_dispatch_health WHERE found > 0 AND kind IN %s",
        LEFT_BEHIND,
    )
    assert found == []
    ((checked,),) = shop.sql("SELECT count(*) FROM livechat_dispatch_health")
    assert checked > len(LEFT_BEHIND)


def wait_until_well(server):
    shops.wait_until(
        lambda: len(server.worker_pids()) == server.workers, "a worker has no successor"
    )
    server.wait(shops.PATIENCE)


def wait_until_served(reception, most):
    """Wait until some of the buyers are served; at least as many are being served or still wait."""
    some = random.randint(1, most)
    shops.wait_until(lambda: reception.open_chats().total() >= some, "nobody was served")


def storm(server, reception, strike):
    """Send the buyers, strike in the middle; return how many of them got no proper answer."""

    def at_start():
        wait_until_served(reception, SEATS // 2)
        strike()

    answers = reception.arrive_together([server.url], ARRIVALS, at_start)
    check_no_overrun(reception)
    wait_until_well(server)
    check_every_seat_can_be_taken(reception, server.url)
    check_nothing_is_to_be_mended(reception)
    reception.close_all()
    return sum(answer.failed for answer in answers)


@pytest.mark.parametrize("storms", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_killed_worker_leaves_no_overrun_and_no_seat_held_by_nobody(fragile, reception, storms):
    server, _shop = fragile

    def kill_worker():
        os.kill(random.choice(server.worker_pids()), signal.SIGKILL)

    lost = [storm(server, reception, kill_worker) for _repetition in range(storms)]
    assert sum(lost), "no worker died with a buyer in its hands: the test proved nothing"


def test_terminated_database_sessions_leave_no_overrun_and_no_seat_held_by_nobody(
    fragile, reception
):
    server, shop = fragile
    ended = []

    def terminate():
        for _blow in range(5):
            ended.extend(
                shop.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                    " AND pid <> pg_backend_pid() AND (state <> 'idle' OR random() < 0.3)",
                    shop.db,
                )
            )
            time.sleep(0.2)

    for _repetition in range(2):
        storm(server, reception, terminate)
    assert ended


@pytest.mark.skipif(
    not devenv.private_postgres(), reason="the PostgreSQL server is not ours to restart"
)
def test_a_database_crash_leaves_no_overrun_and_no_seat_held_by_nobody(fragile, reception):
    server, _shop = fragile
    assert storm(server, reception, lambda: devenv.restart_postgres("immediate")) > 0


def test_a_node_that_loses_power_leaves_its_seats_to_the_other(fragile, reception):
    server, shop = fragile
    with devenv.Server(server.db, workers=4) as node:

        def at_start():
            wait_until_served(reception, ARRIVALS // 4)
            node.kill()

        answers = reception.arrive_together([server.url, node.url], ARRIVALS, at_start)
    check_no_overrun(reception)
    assert any(answer.failed for answer in answers)
    check_every_seat_can_be_taken(reception, server.url)
    check_nothing_is_to_be_mended(reception)
    reception.close_all()
