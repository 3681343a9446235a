from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dispatch.credit import CHAT, add_changes, charge, split_chat

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


@given(weights)
def test_a_split_is_ones_own(weights):
    first = split_chat(weights)
    kept = dict(first)
    first.update(dict.fromkeys(first, 0))
    assert split_chat(weights) == kept
    # The same weights of others.
    others = {-user_id: weight for user_id, weight in weights.items()}
    assert split_chat(others) == {-user_id: share for user_id, share in kept.items()}


@given(weights, st.integers(0, 10))
def test_what_is_added_and_taken_back_leaves_each_credit_as_it_was(weights, known):
    credits = dict.fromkeys(list(weights)[:known], 7)
    changes = charge(split_chat(weights), max(weights))
    add_changes(credits, changes)
    assert credits.keys() == weights.keys()
    assert sum(credits.values()) == 7 * min(known, len(weights))
    add_changes(credits, {user_id: -amount for user_id, amount in changes.items()})
    assert sorted(credits.values()) == sorted(
        [7] * min(known, len(weights)) + [0] * max(0, len(weights) - known)
    )
