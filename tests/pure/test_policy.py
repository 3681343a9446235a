from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Shop, agent

from dispatch import policy
from dispatch.credit import CHAT

SHARE = policy.Rules(mode="share")
LEAST_LOAD = policy.Rules(mode="least_load")


# --- exact shares -------------------------------------------------------------------------------


def test_weights_100_50_10_give_exactly_100_50_10_of_160_chats():
    shop = Shop({1: 100, 2: 50, 3: 10}, SHARE)
    for _chat in range(160):
        shop.arrive()
        assert shop.unfairness() < Fraction(3, 2)
    assert shop.served == {1: 100, 2: 50, 3: 10}


@pytest.mark.parametrize("mode", ["share", "least_load"])
def test_a_quiet_shop_keeps_the_weights_in_both_modes(mode):
    shop = Shop({1: 100, 2: 50, 3: 10}, policy.Rules(mode=mode))
    for _chat in range(160):
        shop.close(shop.arrive().winner)
    assert shop.served == {1: 100, 2: 50, 3: 10}


def test_weights_5_1_1_follow_the_sequence_of_nginx():
    shop = Shop({1: 500, 2: 100, 3: 100}, SHARE)
    assert [shop.arrive().winner for _chat in range(7)] == [1, 1, 2, 1, 3, 1, 1]


@pytest.mark.parametrize("agents", [2, 7, 40, 128])
def test_equal_weights_take_turns(agents):
    shop = Shop(dict.fromkeys(range(1, agents + 1), 100), SHARE)
    rounds = [[shop.arrive().winner for _chat in range(agents)] for _round in range(5)]
    assert rounds == [list(range(1, agents + 1))] * 5


def test_a_late_agent_is_not_flooded():
    shop = Shop({1: 100, 2: 100, 3: 100}, SHARE)
    shop.set(3, online=False)
    for _chat in range(60):
        shop.arrive()
    shop.set(3, online=True)
    assert Counter(shop.arrive().winner for _chat in range(30))[3] <= 12


def test_a_weight_change_keeps_the_credit():
    shop = Shop({1: 100, 2: 100}, SHARE)
    shop.arrive()
    before = {i: shop.agents[i].credit for i in (1, 2)}
    shop.set(2, weight=300)
    assert {i: shop.agents[i].credit for i in (1, 2)} == before
    served = Counter(shop.arrive().winner for _chat in range(40))
    assert abs(served[2] - 30) <= 1


# --- least load ---------------------------------------------------------------------------------


def test_least_load_takes_the_smallest_load_per_weight():
    decision = policy.decide(
        [
            agent(1, 200, lively_chats=3),
            agent(2, 100, lively_chats=2),
            agent(3, 50, lively_chats=1),
        ],
        LEAST_LOAD,
    )
    assert [candidate.user_id for candidate in decision.ranking] == [1, 2, 3]


def test_least_load_breaks_ties_by_credit():
    agents = [agent(1, lively_chats=1), agent(2, lively_chats=1, credit=1)]
    assert policy.decide(agents, LEAST_LOAD).winner == 1, "one unit of credit is a tie"
    agents[1] = agents[1]._replace(credit=CHAT // 2)
    assert policy.decide(agents, LEAST_LOAD).winner == 2


def test_loads_that_are_the_same_for_their_weight_are_a_tie_that_credit_decides():
    rules = LEAST_LOAD._replace(quiet_hold=0.7)
    for owed in (1, 2):
        light, heavy = agent(1, 50, quiet_chats=1), agent(2, 150, quiet_chats=3)
        agents = [one._replace(credit=CHAT * (one.user_id == owed)) for one in (light, heavy)]
        decision = policy.decide(agents, rules)
        assert decision.winner == owed
        assert policy.rank(decision.ranking, "least_load")[0].user_id == owed
    agents = [light, heavy.but(lively_chats=1, quiet_chats=2)._replace(credit=CHAT)]
    assert policy.decide(agents, rules).winner == 1
    assert policy.rank([], "least_load") == []


@given(
    st.lists(
        st.tuples(st.integers(10, 1000), st.integers(0, 30), st.integers(0, 30)),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 10**6),
)
def test_least_load_goes_by_the_exact_load_per_weight(teams, hold):
    agents = [
        agent(number, weight, lively_chats=lively, quiet_chats=quiet)
        for number, (weight, lively, quiet) in enumerate(teams)
    ]
    ranking = policy.decide(agents, LEAST_LOAD._replace(quiet_hold=hold / 10**6)).ranking
    exact = [
        Fraction(lively * 10**6 + quiet * hold, weight)
        for weight, lively, quiet in (teams[candidate.user_id] for candidate in ranking)
    ]
    assert exact == sorted(exact)


# --- last ties ----------------------------------------------------------------------------------


def test_a_tie_goes_to_the_agent_longest_without_a_chat_then_to_the_smallest_id():
    waiting = [agent(1, last_turn=30), agent(2, last_turn=10)]
    assert policy.decide(waiting, SHARE).winner == 2
    never = [*waiting, agent(4), agent(3)]
    assert policy.decide(never, SHARE).winner == 3


def test_the_order_in_which_agents_are_given_does_not_matter():
    agents = [agent(i, 50 + i, lively_chats=i % 3, credit=i * CHAT // 7) for i in range(1, 9)]
    assert policy.decide(agents, SHARE).winner == policy.decide(agents[::-1], SHARE).winner
    assert (
        policy.decide(agents, LEAST_LOAD).winner == policy.decide(agents[::-1], LEAST_LOAD).winner
    )


# --- who can take a chat ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"enabled": False}, "disabled"),
        ({"permitted": False}, "not_permitted"),
        ({"paused": True}, "paused"),
        ({"online": False}, "offline"),
        ({"in_call": True}, "in_call"),
        ({"overloaded": True}, "overloaded"),
        ({"lively_chats": 3}, None),
        ({"lively_chats": 4}, "at_capacity"),
        ({"lively_chats": 2, "quiet_chats": 2}, None),
        ({"lively_chats": 3, "quiet_chats": 1}, "at_capacity"),
        ({"is_main_account": True}, "main_account_reserved"),
        # The shop's own decision is named before what passes by itself.
        ({"enabled": False, "online": False}, "disabled"),
        ({"permitted": False, "lively_chats": 9}, "not_permitted"),
        ({"paused": True, "online": False}, "paused"),
        ({"paused": True, "overloaded": True}, "paused"),
        ({"overloaded": True, "online": False}, "offline"),
    ],
)
def test_an_agent_who_cannot_take_the_chat_is_out_for_one_reason(facts, reason):
    rules = policy.Rules(mode="share", max_sessions=4, block_during_call=True)
    assert policy.exclusion(agent(1, **facts), rules) == reason


def test_a_call_matters_only_where_the_channel_says_so():
    assert policy.exclusion(agent(1, in_call=True), SHARE) is None


@pytest.mark.parametrize(
    ("max_sessions", "weight", "capacity"),
    [
        (None, 100, None),
        (5, 100, 5),
        (5, 200, 10),
        (5, 50, 2),
        (5, 10, 1),
        (1, 10, 1),
        (2, 75, 2),
        (10, 1000, 100),
    ],
)
def test_capacity_scales_with_the_weight_and_is_at_least_one(max_sessions, weight, capacity):
    assert policy.capacity(max_sessions, weight) == capacity


@pytest.mark.parametrize(
    ("hold", "quiet", "fits"),
    [
        (0, 50, True),
        (0.5, 8, True),
        (0.5, 9, False),
        (1, 4, True),
        (1, 5, False),
        (0.1, 40, True),
        (0.1, 41, False),
    ],
)
def test_a_quiet_chat_keeps_a_light_hold(hold, quiet, fits):
    rules = policy.Rules(mode="share", max_sessions=5, quiet_hold=hold)
    decision = policy.decide([agent(1, quiet_chats=quiet)], rules)
    assert (decision.winner == 1) is fits


@pytest.mark.parametrize(
    ("part", "tickets", "fits"), [(0, 99, True), (0.5, 4, True), (0.5, 5, False), (1, 3, False)]
)
def test_open_tickets_take_as_much_room_as_the_shop_says(part, tickets, fits):
    rules = policy.Rules(mode="share", max_sessions=5, quiet_hold=0.5, ticket_load=part)
    decision = policy.decide([agent(1, lively_chats=2, tickets=tickets)], rules)
    assert (decision.winner == 1) is fits
    if fits:
        assert decision.ranking[0].load == 2 + part * tickets


def test_nobody_able_is_nobody_chosen_and_everybody_has_a_reason():
    decision = policy.decide([agent(1, online=False), agent(2, permitted=False)], SHARE)
    assert decision == policy.Decision(None, "nobody", {}, (), {1: "offline", 2: "not_permitted"})


def test_a_decision_describes_the_best_fifty_and_entitles_everybody():
    decision = policy.decide([agent(i) for i in range(1, 61)], SHARE)
    assert [candidate.user_id for candidate in decision.ranking] == list(range(1, 51))
    assert list(decision.shares) == list(range(1, 61))


def test_no_agents_at_all_is_nobody():
    assert policy.decide([], SHARE).winner is None


# --- main account -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("participation", "staff_online", "winner", "reasons"),
    [
        ("never", True, 1, {9: "main_account_reserved"}),
        ("never", False, None, {1: "offline", 9: "main_account_reserved"}),
        ("fallback", True, 1, {9: "main_account_reserved"}),
        ("fallback", False, 9, {1: "offline"}),
        ("member", True, 9, {}),
        ("member", False, 9, {1: "offline"}),
    ],
)
def test_the_main_account_takes_chats_as_the_channel_says(
    participation, staff_online, winner, reasons
):
    agents = [agent(1, online=staff_online), agent(9, is_main_account=True, credit=CHAT)]
    rules = policy.Rules(mode="share", main_account_participation=participation)
    decision = policy.decide(agents, rules)
    assert (decision.winner, decision.excluded) == (winner, reasons)


# --- core's ladder of preferences ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("agents", "asked", "winner"),
    [
        ([agent(1), agent(2, speaks_language=True)], 0, 2),
        ([agent(1, speaks_language=5), agent(2, speaks_language=7)], 0, 2),
        ([agent(1, same_country=True), agent(2, speaks_language=1)], 0, 2),
        ([agent(1, speaks_language=1, expertises=1), agent(2, speaks_language=5)], 1, 2),
        ([agent(1, same_country=True), agent(2, speaks_language=True)], 0, 2),
        ([agent(1), agent(2, same_country=True)], 0, 2),
        ([agent(1, speaks_language=True), agent(2, speaks_language=True, expertises=1)], 2, 2),
        (
            [
                agent(1, speaks_language=True, expertises=1),
                agent(2, speaks_language=True, expertises=2),
            ],
            2,
            2,
        ),
        ([agent(1, speaks_language=True), agent(2, expertises=2)], 2, 1),
        ([agent(1, same_country=True), agent(2, expertises=2)], 2, 1),
        ([agent(1, expertises=1), agent(2, expertises=2)], 2, 2),
        ([agent(1), agent(2, expertises=1)], 2, 2),
        ([agent(1), agent(2)], 2, 1),
        # Not even the best-suited agent is chosen when it cannot take the chat.
        ([agent(1), agent(2, speaks_language=True, online=False)], 0, 1),
    ],
)
def test_the_best_suited_agent_comes_first(agents, asked, winner):
    rules = policy.Rules(mode="share", asked_expertises=asked)
    assert policy.decide(agents, rules).winner == winner


def test_suitability_comes_before_credit_and_only_the_suited_are_entitled():
    agents = [agent(1, credit=3 * CHAT), agent(2, speaks_language=True, credit=-CHAT)]
    decision = policy.decide(agents, SHARE)
    assert decision.winner == 2
    assert decision.shares == {2: CHAT}


# --- agents in records --------------------------------------------------------------------------


def test_an_agent_is_recorded_in_an_order_that_never_changes():
    flags = (True, False) * 4
    facts = policy.Facts(70, *flags, 3, 2, 1, True, False, True, False, True, False, 4)
    one = policy.Agent(9, facts, credit=-5, last_turn=44)
    recorded = one.to_list()
    assert recorded == [
        *(9, 70, True, False, True, False, True, False, True, False, 3, 2),
        *(-5, 44, 1, True, False, True, False, True, False, 4),
    ]
    assert policy.Agent.from_list(recorded) == one
    # Written before or after some fact was known.
    assert policy.Agent.from_list(recorded[:14]) == one.but(
        expertises=0, off_shift=False, missing_permission=False, just_gone=False, tickets=0
    )
    assert policy.Agent.from_list([*recorded, "news"]) == one


@given(st.data())
def test_it_makes_no_difference_whether_agents_share_their_facts(data):
    kinds = [
        agent(0, weight, **{reason: True}, lively_chats=chats).facts
        for weight in (50, 100)
        for reason in ("paused", "in_call", "speaks_language")
        for chats in (0, 2)
    ]
    picks = data.draw(st.lists(st.sampled_from(kinds), max_size=12))
    shared = [policy.Agent(user_id, facts, user_id) for user_id, facts in enumerate(picks, 1)]
    apart = [each.but(weight=each.weight) for each in shared]
    assert not {id(each.facts) for each in shared} & {id(each.facts) for each in apart}
    for mode in ("share", "least_load"):
        rules = policy.Rules(mode=mode, max_sessions=2, block_during_call=True)
        assert policy.decide(shared, rules) == policy.decide(apart, rules)
        # Of agents that come and go, what was found of one is not taken for another's.
        passing = (each.but(weight=each.weight) for each in shared)
        assert policy.sort_agents(passing, rules) == policy.sort_agents(shared, rules)


@given(st.data())
def test_the_ranking_begins_with_the_best_of_all_whatever_is_owed(data):
    tie = CHAT // 10**6
    near = st.builds(
        lambda steps, rest: steps * tie // 2 + rest, st.integers(-9, 9), st.integers(-2, 2)
    )
    picks = data.draw(st.lists(st.tuples(near, st.integers(0, 3)), min_size=51, max_size=120))
    agents = [
        agent(user_id, credit=credit, last_turn=turn)
        for user_id, (credit, turn) in enumerate(picks, 1)
    ]
    decision = policy.decide(agents, SHARE)
    candidates = [
        policy.Candidate(
            *(each.user_id, each.weight, 0, None, decision.shares[each.user_id]),
            *(each.credit + decision.shares[each.user_id], each.last_turn),
        )
        for each in agents
    ]
    assert list(decision.ranking) == policy.rank(candidates, "share")[:50]


# --- properties ---------------------------------------------------------------------------------

shops = st.builds(
    lambda weights, mode, limit: Shop(
        {i + 1: weight for i, weight in enumerate(weights)},
        policy.Rules(mode=mode, max_sessions=limit),
    ),
    st.lists(st.integers(10, 200), min_size=1, max_size=20),
    st.sampled_from(["share", "least_load"]),
    st.one_of(st.none(), st.integers(1, 8)),
)
# What happens next in the shop; the second number says to whom.
happenings = st.lists(
    st.tuples(
        st.sampled_from(["arrive"] * 6 + ["close"] * 3 + ["toggle", "pause", "lose"]),
        st.integers(0, 10**6),
    ),
    max_size=300,
)


def _live(shop, happenings):
    """Let things happen; yield the decision after each arrival."""
    for what, number in happenings:
        user_id = number % len(shop.agents) + 1
        one = shop.agents[user_id]
        if what == "arrive":
            yield shop.arrive()
        elif what == "close" and one.lively_chats:
            shop.close(user_id)
        elif what == "toggle":
            shop.set(user_id, online=not one.online)
        elif what == "pause":
            shop.set(user_id, paused=not one.paused)
        elif what == "lose":
            shop.set(user_id, permitted=not one.permitted)


@settings(max_examples=150)
@given(shops, happenings)
def test_nobody_is_ever_above_capacity_nor_chosen_while_excluded(shop, happenings):
    for decision in _live(shop, happenings):
        if decision.winner is None:
            assert all(policy.exclusion(one, shop.rules) for one in shop.agents.values())
            continue
        winner = shop.agents[decision.winner]
        assert winner.online and winner.permitted and not winner.paused
        limit = policy.capacity(shop.rules.max_sessions, winner.weight)
        assert limit is None or winner.lively_chats <= limit
        assert decision.winner not in decision.excluded


@settings(max_examples=150)
@given(shops, happenings)
def test_credit_is_entitled_less_served_and_adds_up_to_zero(shop, happenings):
    for _decision in _live(shop, happenings):
        credits = {i: one.credit for i, one in shop.agents.items()}
        assert sum(credits.values()) == 0
        for i, amount in credits.items():
            exact = (shop.entitled[i] - shop.served[i]) * CHAT
            assert abs(amount - exact) <= len(happenings), "at most one unit a decision"


@settings(max_examples=150)
@given(shops, happenings)
def test_share_is_fair_to_one_chat_and_a_half_at_every_moment(shop, happenings):
    shop.rules = shop.rules._replace(mode="share", max_sessions=None)
    for _decision in _live(shop, happenings):
        assert shop.unfairness() <= Fraction(3, 2)


@settings(max_examples=50)
@given(shops, happenings)
def test_the_same_happenings_give_the_same_decisions(shop, happenings):
    twin = Shop({i: one.weight for i, one in shop.agents.items()}, shop.rules)
    assert list(_live(shop, happenings)) == list(_live(twin, happenings))
