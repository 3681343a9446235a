"""Buyers who come at the same moment: dispatch never puts an agent above capacity."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import devenv

MAX_SESSIONS = 2
ARRIVALS = 60


def capacity(weight):
    return max(1, round(MAX_SESSIONS * weight / 100))


def check_race(reception, urls):
    """Let the buyers race for the seats; every seat is taken once and nobody meets an error."""
    answers = reception.arrive_together(urls, ARRIVALS)
    assert not [answer for answer in answers if answer.failed]
    seats = {agent.user_id: capacity(agent.weight) for agent in reception.agents}
    open_chats = reception.open_chats()
    assert {
        user_id: count for user_id, count in open_chats.items() if count > seats.get(user_id, 0)
    } == {}
    assert open_chats == seats
    assert sum(bool(answer.chat_id) for answer in answers) == sum(seats.values())


@pytest.fixture(scope="module")
def equals(shop):
    return shop.open_reception([100] * 20, max_sessions=MAX_SESSIONS)


@pytest.mark.parametrize(
    "repetition", [*range(3), *(pytest.param(more, marks=pytest.mark.long) for more in (3, 4))]
)
def test_sixty_buyers_take_forty_seats_and_no_more(server, equals, repetition):
    check_race(equals, [server.url])
    equals.close_all()


@pytest.mark.parametrize("mode", ["share", "least_load"])
def test_seats_follow_mixed_weights(server, shop, mode):
    reception = shop.open_reception([50, 100, 200] * 5, mode=mode, max_sessions=MAX_SESSIONS)
    check_race(reception, [server.url])


def test_two_channels_that_share_their_agents_share_their_seats(server, shop):
    first = shop.open_reception([100] * 10, max_sessions=MAX_SESSIONS)
    second = shop.open_reception(
        [], max_sessions=MAX_SESSIONS, user_ids=[[6, 0, [a.user_id for a in first.agents]]]
    )
    with ThreadPoolExecutor(2) as pool:
        races = [
            pool.submit(reception.arrive_together, [server.url], 20)
            for reception in (first, second)
        ]
        answers = [answer for race in races for answer in race.result()]
    assert not [answer for answer in answers if answer.failed]
    open_chats = first.open_chats() + second.open_chats()
    assert open_chats == {agent.user_id: MAX_SESSIONS for agent in first.agents}


def test_two_nodes_on_one_database_keep_one_ledger(server, equals):
    with devenv.Server(server.db, workers=4) as node:
        for _repetition in range(2):
            check_race(equals, [server.url, node.url])
            equals.close_all()
