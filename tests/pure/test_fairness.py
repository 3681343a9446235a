"""The parts of a chat: they sum to the whole, for every agent and over all agents."""

from hypothesis import given
from hypothesis import strategies as st

from dispatch import fairness
from dispatch.credit import CHAT, split_chat
from dispatch.fairness import UNSUITED, Parts

CODES = ("offline", "paused", "disabled", "off_shift", "declined", "at_capacity", UNSUITED)


@st.composite
def decisions(draw):
    weights = draw(
        st.dictionaries(st.integers(1, 60), st.integers(10, 1000), min_size=1, max_size=25)
    )
    left_out = draw(st.dictionaries(st.integers(61, 120), st.sampled_from(CODES), max_size=25))
    winner = draw(st.sampled_from(sorted(weights)))
    rule = draw(st.sampled_from(("share", "least_load", "sticky", "exclusive", "offline")))
    return split_chat(weights), left_out, winner, rule


@given(decisions())
def test_the_parts_of_every_agent_sum_to_its_chat(decision):
    shares, left_out, winner, _rule = decision
    parts = fairness.take_apart(*decision)
    assert set(parts) == {*shares, *left_out}
    for user_id, part in parts.items():
        assert sum(part) == (CHAT if user_id == winner else 0)


@given(decisions())
def test_the_first_five_parts_sum_to_the_entitlement(decision):
    shares = decision[0]
    for user_id, part in fairness.take_apart(*decision).items():
        assert sum(part[:5]) == shares.get(user_id, 0)


@given(decisions())
def test_over_all_agents_scope_is_one_chat_and_every_other_part_nothing(decision):
    columns = zip(*fairness.take_apart(*decision).values(), strict=True)
    assert [sum(column) for column in columns] == [CHAT, 0, 0, 0, 0, 0, 0]


@given(st.sets(st.integers(1, 10**6), min_size=1, max_size=50))
def test_an_equal_split_differs_by_one_unit_at_most(user_ids):
    split = fairness.split_equally(user_ids)
    assert sum(split.values()) == CHAT
    assert max(split.values()) - min(split.values()) <= 1


def test_each_step_changes_the_part_it_is_named_after():
    # Four of the team: one is away, one is full, one gets twice the weight of the other.
    shares = split_chat({1: 100, 2: 200})
    parts = fairness.take_apart(shares, {3: "offline", 4: "at_capacity"}, 2, "share")
    quarter, third, half = CHAT // 4, CHAT // 3, CHAT // 2
    assert parts[1] == Parts(
        quarter, third + 1 - quarter, half - third - 1, 0, third - half, 0, -third
    )
    assert parts[3] == Parts(quarter, -quarter, 0, 0, 0, 0, 0)
    assert parts[4] == Parts(quarter, third - quarter, -third, 0, 0, 0, 0)


def test_a_regulars_chat_is_no_credit():
    shares = split_chat({1: 100, 2: 100})
    half = CHAT // 2
    for rule in ("sticky", "exclusive"):
        parts = fairness.take_apart(shares, {}, 1, rule)
        assert (parts[1].regulars, parts[1].credit) == (half, 0)
        assert (parts[2].regulars, parts[2].credit) == (-half, 0)


def test_who_is_passed_over_for_a_better_suited_one_loses_by_suit():
    parts = fairness.take_apart({1: CHAT}, {2: UNSUITED}, 1, "share")
    half = CHAT // 2
    assert parts[1] == Parts(half, 0, 0, half, 0, 0, 0)
    assert parts[2] == Parts(half, 0, 0, -half, 0, 0, 0)


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=8), st.integers(-200, 200))
def test_rounded_parts_still_sum_to_the_whole(values, total):
    parts = {str(number): value for number, value in enumerate(values)}
    parts["rest"] = total - sum(values)
    rounded = fairness.round_parts(parts)
    assert round(sum(rounded.values()), 6) == total
    assert all(abs(rounded[name] - part) < 0.1001 for name, part in parts.items())
