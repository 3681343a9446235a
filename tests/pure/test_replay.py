"""The replay: a past day's buyers once more, by the policy of the live engine."""

import random
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Shop, agent, busy_day

from dispatch import policy
from dispatch.replay import (
    Arrival,
    Change,
    Charge,
    Day,
    Fate,
    Fit,
    GroupPause,
    Membership,
    Plan,
    Seat,
    State,
    apply_plans,
    replay,
    summarize,
)
from dispatch.route import Group, Setup

SHARE = policy.Rules(mode="share")
ONE_EACH = policy.Rules(mode="share", max_sessions=1)
LINE = Setup(queue_enabled=True)


def buyers(*moments, seconds=60, **facts):
    return [Arrival(moment, None, seconds, **facts) for moment in moments]


def a_day(agents, events, rules=SHARE, setup=None, members=None, seats=()):
    return Day(tuple(agents), rules, setup or Setup(), members or {}, tuple(events), tuple(seats))


def winners(day):
    return [fate.user_id for fate in replay(day).fates]


def waits(day):
    return [fate.waited for fate in replay(day).fates]


# --- exact shares -------------------------------------------------------------------------------


def test_weights_100_50_10_give_exactly_100_50_10_of_160_chats():
    day = a_day([agent(1, 100), agent(2, 50), agent(3, 10)], buyers(*range(160)))
    result = replay(day)
    assert {i: load.served for i, load in result.loads.items()} == {1: 100, 2: 50, 3: 10}
    for user_id, entitled in {1: 100, 2: 50, 3: 10}.items():
        assert result.loads[user_id].entitled == pytest.approx(entitled, abs=1e-9)


def test_another_weight_gives_exactly_what_it_says():
    day = a_day([agent(1, 100), agent(2, 100)], buyers(*range(300)))
    assert Counter(winners(day)) == {1: 150, 2: 150}
    assert Counter(winners(apply_plans(day, {2: Plan(weight=200)}))) == {1: 100, 2: 200}
    # What was recorded of its weight during the day does not count then.
    ramped = day._replace(events=(State(5, 2, {"weight": 10, "online": True}), *day.events))
    assert Counter(winners(apply_plans(ramped, {2: Plan(weight=200)}))) == {1: 100, 2: 200}


@settings(max_examples=50)
@given(
    weights=st.lists(st.integers(10, 1000), min_size=1, max_size=8),
    mode=st.sampled_from(["share", "least_load"]),
    max_sessions=st.sampled_from([None, 1, 3]),
    seed=st.integers(0, 10**6),
)
def test_a_day_of_the_live_policy_is_replayed_exactly(weights, mode, max_sessions, seed):
    """The day is made by `policy.decide` and `credit.charge` on a shop in memory."""
    rng = random.Random(seed)
    rules = policy.Rules(mode=mode, max_sessions=max_sessions)
    shop = Shop(dict(enumerate(weights, 1)), rules)
    first = tuple(shop.agents.values())
    events, expected, ends = [], [], []
    for moment in range(1, 120):
        for user_id in [user_id for end, user_id in ends if end <= moment]:
            shop.close(user_id)
        ends = [(end, user_id) for end, user_id in ends if end > moment]
        if rng.random() < 0.1:
            user_id = rng.randint(1, len(weights))
            fact = rng.choice(["online", "paused", "overloaded"])
            facts = {fact: rng.random() < 0.5}
            shop.set(user_id, **facts)
            events.append(State(moment, user_id, facts))
        seconds = rng.randint(1, 40)
        winner = shop.arrive().winner
        expected.append(winner)
        if winner:
            ends.append((moment + seconds, winner))
        events.append(Arrival(moment, None, seconds))
    assert winners(a_day(first, events, rules)) == expected


# --- a random day -------------------------------------------------------------------------------


def random_day(seed, length=200):
    rng = random.Random(seed)
    agents = [agent(number, rng.randrange(10, 201)) for number in range(1, rng.randrange(2, 9))]
    ids = [each.user_id for each in agents]
    groups = {}
    for number in range(1, rng.randrange(1, 5)):
        parent = rng.choice([None, *groups])
        groups[number] = Group(parent, rng.choice([0, 30, 90]), number)
    members = {
        group: frozenset(rng.sample(ids, rng.randint(1, len(ids)))) for group in [None, *groups]
    }
    events = []
    for moment in sorted(rng.randrange(2000) for _event in range(length)):
        if rng.random() < 0.1:
            fact = rng.choice(["online", "paused"])
            events.append(State(moment, rng.choice(ids), {fact: rng.random() < 0.5}))
            continue
        regulars = ()
        if rng.random() < 0.1:
            rule = rng.choice(["sticky", "exclusive"])
            regulars = (policy.Regular(rng.choice(ids), rule, rng.random() < 0.5),)
        events.append(
            Arrival(
                moment,
                rng.choice([None, *groups]),
                rng.randrange(1, 300),
                lively_seconds=rng.choice([None, 20]),
                gone_after=rng.choice([None, None, rng.randrange(200)]),
                pooled_after=rng.choice([None, None, rng.randrange(200)]),
                regulars=regulars,
                fits={rng.choice(ids): Fit(speaks_language=True)} if rng.random() < 0.2 else {},
            )
        )
    rules = policy.Rules(
        mode=rng.choice(["share", "least_load"]), max_sessions=rng.choice([1, 2, 4])
    )
    setup = Setup(groups, rng.random() < 0.8, rng.choice([0, 0, 3]), rng.random() < 0.5)
    return a_day(agents, events, rules, setup, members)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_never_above_capacity_and_the_same_again(seed):
    day = random_day(seed)
    result = replay(day)
    assert replay(random_day(seed)) == result
    for each in day.agents:
        assert result.loads[each.user_id].peak <= policy.capacity(
            day.rules.max_sessions, each.weight
        )
    assert sum(load.served for load in result.loads.values()) == sum(
        fate.user_id is not None for fate in result.fates
    )
    assert sum(load.entitled for load in result.loads.values()) == pytest.approx(
        sum(load.served for load in result.loads.values())
    )
    for fate in result.fates:
        assert (fate.user_id is None) == (fate.waited is None)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_who_waits_is_served_in_order(seed):
    """Nobody is served before whoever came earlier to the same line and has the same claims."""
    day = random_day(seed)
    arrivals = [event for event in day.events if isinstance(event, Arrival)]
    lines = {}
    for arrival, fate in zip(arrivals, replay(day).fates):
        plain = not arrival.regulars and not fate.pooled and fate.waited
        if plain:
            lines.setdefault(arrival.group_id, []).append(arrival.moment + fate.waited)
    for served_at in lines.values():
        assert served_at == sorted(served_at)


# --- line, pool, overflow -----------------------------------------------------------------------


def test_who_finds_nobody_free_waits_for_the_next_seat():
    day = a_day([agent(1)], buyers(0, 10, 20), ONE_EACH, LINE)
    assert waits(day) == [0, 50, 100]
    assert summarize(replay(day).fates) == (3, 3, 2, 50, 100, 100, 0, 0)


def test_without_a_line_nobody_waits():
    assert winners(a_day([agent(1)], buyers(0, 10, 60), ONE_EACH)) == [1, None, 1]


def test_a_full_line_turns_away():
    setup = Setup(queue_enabled=True, queue_limit=1)
    assert waits(a_day([agent(1)], buyers(0, 1, 2), ONE_EACH, setup)) == [0, 59, None]


def test_a_buyer_leaves_when_it_left():
    events = [*buyers(0), *buyers(10, gone_after=30), *buyers(20)]
    assert waits(a_day([agent(1)], events, ONE_EACH, LINE)) == [0, None, 40]
    # With another agent it never waits.
    assert waits(a_day([agent(1), agent(2)], events, ONE_EACH, LINE)) == [0, 0, 40]


def test_a_buyer_who_leaves_a_message_is_served_after_the_line():
    events = [*buyers(0), *buyers(10, pooled_after=5), *buyers(20)]
    fates = replay(a_day([agent(1)], events, ONE_EACH, LINE)).fates
    assert fates == [Fate(1, 0), Fate(1, 110, pooled=True), Fate(1, 40)]
    assert summarize(fates)[:5] == (3, 3, 1, 20, 40)


def test_nobody_here_means_the_pool_or_nothing():
    away = [agent(1, online=False)]
    events = [*buyers(0), State(100, 1, {"online": True})]
    assert replay(a_day(away, events)).fates == [Fate(None)]
    pool = Setup(keeps_pool=True)
    assert replay(a_day(away, events, setup=pool)).fates == [Fate(1, 100, pooled=True)]
    assert replay(a_day(away, buyers(0), setup=pool)).fates == [Fate(None, pooled=True)]
    proxies = Setup(offline_takers=frozenset({1}))
    assert replay(a_day(away, events, setup=proxies)).fates == [Fate(1, 0)]


@pytest.mark.parametrize(
    ("rule", "fates"),
    [
        ({}, [(1, True), (1, True), (None, False)]),
        ({"keeps_pool": True}, [(1, True), (1, True), (1, True)]),
        ({"offline_takers": frozenset({2})}, [(2, False), (2, False), (2, False)]),
    ],
)
def test_when_the_last_agent_goes_the_rule_for_that_ends_the_line(rule, fates):
    events = [
        *buyers(0, 1, 2, seconds=10),
        State(5, 1, {"online": False}),
        *buyers(6, seconds=10),
        State(100, 1, {"online": True}),
    ]
    agents = [agent(1, 10), agent(2, 100, online=False)]
    rules = policy.Rules(mode="share", max_sessions=10)
    result = replay(a_day(agents, events, rules, LINE._replace(**rule)))
    assert [(fate.user_id, fate.pooled) for fate in result.fates] == [(1, False), *fates]


def test_who_is_due_or_about_to_be_back_is_waited_for_as_long_as_that_is_true():
    for fact, has_line, are_served in (
        ("due", True, True),
        ("due", False, False),
        ("just_gone", True, True),
        ("just_gone", False, True),
    ):
        events = [
            *buyers(0, 1),
            State(30, 1, {fact: False, "online": True}),
            State(31, 1, {fact: True, "online": False}),
            *buyers(32),
            State(90, 1, {fact: False}),
        ]
        day = a_day(
            [agent(1, online=False, **{fact: True})], events, setup=Setup(queue_enabled=has_line)
        )
        served = 1 if are_served else None
        fates = replay(day).fates
        assert [fate.user_id for fate in fates] == [served, served, None]
        assert fates[2].pooled == are_served, "it was promised an answer"


def test_the_sheet_says_who_is_due():
    day = a_day([agent(1, just_gone=True)], buyers(0, 20), setup=LINE)
    plan = Plan(presence=((10, 60),), due=((5, 10),))
    assert winners(apply_plans(day, {1: plan})) == [None, 1]
    result = replay(apply_plans(day, {1: plan._replace(due=((0, 10),))}))
    assert [(fate.waited, fate.pooled) for fate in result.fates] == [(10, False), (0, False)]


def test_the_agents_above_join_at_their_moment():
    setup = Setup({1: Group(2, 30, 1), 2: Group(None, 60, 2)}, queue_enabled=True)
    members = {1: frozenset({1}), 2: frozenset({2})}
    events = [Arrival(0, 1, 500), Arrival(10, 1, 500), Arrival(11, 1, 500)]
    day = a_day([agent(1), agent(2)], events, ONE_EACH, setup, members)
    assert winners(day) == [1, 2, 1]
    assert waits(day) == [0, 30, 489]


def test_a_regular_buyer_passes_the_line():
    events = [
        *buyers(0, 1, 2),
        *buyers(10, regulars=(policy.Regular(2, "exclusive", True),)),
    ]
    agents = [agent(1), agent(2, paused=True)]
    assert winners(a_day(agents, events, ONE_EACH, LINE)) == [1, 1, 1, 2]


def test_who_goes_first_and_who_was_put_first_are_served_first():
    day = a_day(
        [agent(1)],
        [
            Arrival(0, None, 1000),
            Arrival(1, None, 10),
            Arrival(2, None, 10, put_first_after=(100,)),
            Arrival(3, None, 10, put_first_after=(50, 200)),
            Arrival(4, None, 10, goes_first=True),
            Arrival(800, None, 10, goes_first=True),
        ],
        policy.Rules(mode="share", max_sessions=1),
        Setup(queue_enabled=True),
    )
    served_at = [event.moment + fate.waited for event, fate in zip(day.events, replay(day).fates)]
    # The last has a head start of ten minutes, and who came at the beginning has waited for longer.
    assert served_at == [0, 1030, 1010, 1000, 1020, 1040]


def test_who_is_paused_in_one_group_goes_on_in_the_others_but_for_who_is_there_on_the_sheet():
    groups = {number: Group(None, 0, number) for number in (1, 2)}
    day = a_day(
        [agent(1)],
        [Arrival(0, 1, 10), Arrival(1, 2, 10), GroupPause(50, 1, frozenset()), Arrival(60, 1, 10)],
        setup=Setup(groups, queue_enabled=True),
        members={None: frozenset([1]), 1: frozenset([1]), 2: frozenset([1])},
    )._replace(paused={1: frozenset([1])})
    assert winners(day) == [None, 1, 1]
    assert winners(apply_plans(day, {1: Plan(weight=50)})) == [None, 1, 1]
    assert winners(apply_plans(day, {1: Plan(presence=((0, 100),))})) == [1, 1, 1]


def test_a_quiet_chat_holds_less():
    rules = policy.Rules(mode="share", max_sessions=1, quiet_hold=0)
    day = a_day([agent(1)], buyers(0, 10, seconds=100, lively_seconds=40), rules, LINE)
    assert waits(day) == [0, 30]


# --- what was recorded --------------------------------------------------------------------------


def test_what_is_recorded_in_one_second_keeps_its_order():
    events = [*buyers(5), State(5, 1, {"online": False}), *buyers(5)]
    assert winners(a_day([agent(1)], events)) == [1, None]


def test_chats_from_elsewhere_hold_seats_and_charge_credit():
    agents = [agent(1), agent(2)]
    seats = [Seat(1, -50, 15)]
    assert winners(a_day(agents, buyers(0, 10, 20), ONE_EACH, seats=seats)) == [2, None, 1]
    half = {1: 5 * 10**11, 2: 5 * 10**11}
    assert winners(a_day(agents, [Charge(0, half, 1), *buyers(1, 2)])) == [2, 1]


def test_rules_and_groups_change_during_the_day():
    events = [*buyers(0, 1), Change(2, ONE_EACH), *buyers(3), Change(4, SHARE), *buyers(5)]
    assert winners(a_day([agent(1)], events)) == [1, 1, None, 1]
    members = {None: frozenset({1})}
    events = [*buyers(0), Membership(1, None, frozenset({2})), *buyers(2)]
    assert winners(a_day([agent(1), agent(2)], events, members=members)) == [1, 2]


def test_presence_on_the_sheet_replaces_what_was():
    agents = [agent(1, online=False), agent(2)]
    events = [State(3, 2, {"online": False}), *buyers(4, 14, 24)]
    day = a_day(agents, events)
    assert winners(day) == [None, None, None]
    assert winners(apply_plans(day, {1: Plan(presence=((10, 20),))})) == [None, 1, None]
    assert winners(apply_plans(day, {2: Plan(presence=((0, 99),))})) == [2, 2, 2]
    assert winners(apply_plans(day, {2: Plan(presence=())})) == [None, None, None]


def test_without_plans_the_day_is_the_same():
    day = random_day(5)
    assert replay(apply_plans(day, {each.user_id: Plan() for each in day.agents})) == replay(day)


def test_percentiles_are_of_those_who_got_an_agent():
    fates = [Fate(1, wait) for wait in range(1, 101)] + [Fate(None), Fate(2, 9999, pooled=True)]
    assert summarize(fates) == (102, 101, 100, 50.5, 95, 100, 1, 1)
    assert summarize([]) == (0, 0, 0, 0, 0, 0, 0, 0)


# --- work ---------------------------------------------------------------------------------------


def count_lines(do):
    """Return what a call returns, and how many lines of Python it ran."""
    lines = 0

    def trace(_frame, event, _arg):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return do(), lines
    finally:
        sys.settrace(before)


@pytest.mark.parametrize(("gap", "waited"), [(9, 0), (4, 1500)], ids=["calm", "line_of_hundreds"])
def test_an_arrival_takes_as_many_steps_in_a_long_day_as_in_a_short_one(gap, waited):
    """How many seconds a day of 10 000 takes is measured by `dev/bench replay`."""
    steps = {}
    for arrivals in (1000, 2000):
        figures, lines = count_lines(
            lambda arrivals=arrivals: summarize(replay(busy_day(arrivals, gap)).fates)
        )
        assert figures.served == arrivals
        steps[arrivals] = lines / arrivals
    assert figures.waited >= waited
    print(f"\nlines of Python for an arrival among 20 agents: {steps}")
    # The line of the short day has yet to grow; who looked at all of it each time would take twice.
    assert steps[2000] <= 1.4 * steps[1000]
    assert steps[2000] <= 10_000
