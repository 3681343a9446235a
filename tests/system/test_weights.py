"""Buyers who come one after another, over the route the widget calls."""

import pytest

WEIGHTS = (100, 50, 10)
CHATS = sum(WEIGHTS)


@pytest.mark.parametrize(
    "close",
    [
        pytest.param(False, id="chats_stay_open"),
        # The credit is the same; tests/pure/test_policy.py counts it without a server.
        pytest.param(True, id="each_chat_closed_before_the_next", marks=pytest.mark.long),
    ],
)
def test_share_gives_exactly_by_weight_and_is_never_more_than_a_chat_and_a_half_off(shop, close):
    reception = shop.open_reception(WEIGHTS, mode="share")
    history = reception.serve(CHATS, close)
    assert [history[-1][agent.user_id] for agent in reception.agents] == list(WEIGHTS)
    for number, counts in enumerate(history, 1):
        for agent in reception.agents:
            assert abs(counts[agent.user_id] - number * agent.weight / CHATS) <= 1.5, (
                number,
                counts,
            )
    assert set(reception.credits().values()) == {0}


@pytest.mark.long
def test_least_load_in_a_quiet_shop_follows_the_weights_within_five_percent(shop):
    reception = shop.open_reception(WEIGHTS, mode="least_load")
    history = reception.serve(CHATS, close=True)
    for agent in reception.agents:
        assert abs(history[-1][agent.user_id] / CHATS - agent.weight / CHATS) <= 0.05
    assert not reception.open_chats().total()


@pytest.mark.long
def test_least_load_keeps_open_chats_in_proportion_to_the_weights(shop):
    reception = shop.open_reception(WEIGHTS, mode="least_load")
    history = reception.serve(CHATS, close=False)
    for agent in reception.agents:
        assert abs(history[-1][agent.user_id] - agent.weight) <= 1
