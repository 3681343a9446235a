from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dispatch.credit import CHAT, charge, split_chat

weights = st.dictionaries(st.integers(1, 10**6), st.integers(10, 1000), min_size=1, max_size=60)


@given(weights)
def test_shares_of_a_chat_add_up_to_exactly_one_chat(weights):
    assert sum(split_chat(weights).values()) == CHAT


@given(weights)
def test_a_share_is_within_one_unit_of_the_exact_fraction(weights):
    total = sum(weights.values())
    for user_id, share in split_chat(weights).items():
        assert abs(share - Fraction(weights[user_id] * CHAT, total)) < 1


@given(weights)
def test_what_a_decision_charges_adds_up_to_zero(weights):
    shares = split_chat(weights)
    winner = max(weights)
    changes = charge(shares, winner)
    assert sum(changes.values()) == 0
    assert changes[winner] == shares[winner] - CHAT


def test_one_candidate_is_entitled_to_the_whole_chat_and_pays_it():
    shares = split_chat({7: 10})
    assert shares == {7: CHAT}
    assert charge(shares, 7) == {7: 0}


def test_weights_100_50_10_split_a_chat_in_sixteenths():
    shares = split_chat({1: 100, 2: 50, 3: 10})
    assert shares == {1: CHAT * 10 // 16, 2: CHAT * 5 // 16, 3: CHAT // 16}
