"""A whole reception in memory: a tree of groups, a line for each, agents who come and go."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import agent

from dispatch import credit, policy
from dispatch.scope import Buyer, Scope, find_group

DECISIONS = 10_000
LANGUAGES = ["zh_CN", "en_US", "fr_FR", "es_ES"]


class Reception:
    """What the ledger, the line and the pool keep; decisions by ``policy.ascend``."""

    def __init__(self, seed):
        self.random = rng = random.Random(seed)
        self.rules = policy.Rules(
            mode=rng.choice(["share", "least_load"]), max_sessions=rng.choice([1, 2, 5])
        )
        self.agents = {
            number: agent(number, rng.randrange(10, 201))
            for number in range(1, rng.randrange(3, 25))
        }
        groups = range(1, rng.randrange(2, 8))
        self.parents = {group: rng.choice([None, *range(1, group)]) for group in groups}
        self.members = {
            group: set(rng.sample(sorted(self.agents), rng.randrange(1, len(self.agents))))
            for group in groups
        }
        self.scopes = [
            Scope(group, 10, (("lang", frozenset({language})),))
            for group, language in zip(groups, LANGUAGES)
        ]
        scoped = set().union(*(self.members[scope.group_id] for scope in self.scopes))
        self.default_agents = set(self.agents) - scoped
        self.entitled = dict.fromkeys(self.agents, Fraction())
        self.served = dict.fromkeys(self.agents, 0)
        self.chats, self.lines, self.pool, self.log = {}, {}, [], []
        self.arrived = self.turn = 0

    def levels(self, group):
        """As the channel says without the time that passes: everybody above has joined."""
        if group is None:
            return [self.default_agents]
        levels, members = [], set()
        while group is not None:
            members = members | self.members[group]
            levels.append(members)
            group = self.parents[group]
        return levels

    def decide(self, buyer, group):
        levels = self.levels(group)
        joined = [agent for agent in self.agents.values() if agent.user_id in levels[-1]]
        ascent = policy.ascend(joined, self.rules, levels)
        decision = ascent.decision
        self.log.append((buyer, decision.winner))
        if decision.winner is None:
            return decision
        winner = self.agents[decision.winner]
        # Who is excluded is never picked, and nobody is above capacity afterwards.
        assert policy.exclusion(winner, self.rules) is None
        limit = policy.capacity(self.rules.max_sessions, winner.weight)
        assert limit is None or winner.lively_chats + 1 <= limit
        assert winner.user_id in levels[ascent.level]
        total = sum(candidate.weight for candidate in decision.ranking)
        for candidate in decision.ranking:
            self.entitled[candidate.user_id] += Fraction(candidate.weight, total)
        for user_id, change in credit.charge(decision.shares, winner.user_id).items():
            facts = self.agents[user_id]
            self.agents[user_id] = facts._replace(credit=facts.credit + change)
        self.turn += 1
        winner = self.agents[winner.user_id]
        winner = winner._replace(last_turn=self.turn)
        self.agents[winner.user_id] = winner.but(lively_chats=winner.lively_chats + 1)
        self.served[winner.user_id] += 1
        self.chats[buyer] = winner.user_id
        return decision

    def arrive(self):
        self.arrived += 1
        buyer = self.arrived
        language = self.random.choice([*LANGUAGES, "de_DE"])
        group_id = find_group(self.scopes, Buyer(lang=language), frozenset())
        group = group_id or None
        line = self.lines.setdefault(group, [])
        if line:
            line.append(buyer)
            return
        decision = self.decide(buyer, group)
        if decision.winner is None:
            waits = policy.PASSING_REASONS & set(decision.excluded.values())
            (line if waits else self.pool).append(buyer)

    def leave(self, user_id):
        facts = self.agents[user_id]
        self.agents[user_id] = facts.but(lively_chats=facts.lively_chats - 1)

    def drain(self):
        for group, line in self.lines.items():
            while line and self.decide(line[0], group).winner is not None:
                line.pop(0)

    def happen(self):
        what = self.random.choices(
            ["arrive", "close", "pause", "presence", "transfer"], [50, 40, 4, 4, 2]
        )[0]
        if what == "arrive":
            self.arrive()
        elif what == "close" and self.chats:
            buyer = self.random.choice(sorted(self.chats))
            self.leave(self.chats.pop(buyer))
            self.drain()
        elif what == "transfer" and self.chats:
            # To whom dispatch chooses in a group, and it is charged as any chat.
            buyer = self.random.choice(sorted(self.chats))
            giver = self.chats.pop(buyer)
            group = self.random.choice(sorted(self.members))
            if self.decide(buyer, group).winner is None:
                self.chats[buyer] = giver
            else:
                self.leave(giver)
                self.drain()
        elif what in ("pause", "presence"):
            user_id = self.random.choice(sorted(self.agents))
            facts = self.agents[user_id]
            change = (
                {"paused": not facts.paused} if what == "pause" else {"online": not facts.online}
            )
            self.agents[user_id] = facts.but(**change)
            self.drain()


def run(seed, decisions):
    reception = Reception(seed)
    happenings = 0
    while len(reception.log) < decisions and happenings < 40 * decisions:
        reception.happen()
        happenings += 1
    return reception


@pytest.mark.parametrize("seed", range(8))
def test_10_000_decisions_in_a_random_reception(seed):
    reception = run(seed, DECISIONS)
    assert len(reception.log) >= DECISIONS
    # Every buyer was assigned, waits in one line, or is in the pool; nobody is in two places.
    waiting = [buyer for line in reception.lines.values() for buyer in line] + reception.pool
    assigned = {buyer for buyer, winner in reception.log if winner is not None}
    assert sorted([*waiting, *assigned]) == list(range(1, reception.arrived + 1))
    for facts in reception.agents.values():
        assert facts.lively_chats == sum(
            winner == facts.user_id for winner in reception.chats.values()
        )
        # The credit is the difference between what it was entitled to and what it got.
        difference = reception.entitled[facts.user_id] - reception.served[facts.user_id]
        assert abs(difference - Fraction(facts.credit, credit.CHAT)) < Fraction(1, 10**6)
    assert sum(facts.credit for facts in reception.agents.values()) == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_gives_the_same_decisions(seed):
    assert run(seed, 500).log == run(seed, 500).log


@settings(max_examples=40)
@given(seed=st.integers(0, 10**9))
def test_share_without_limits_is_fair_to_one_chat_and_a_half_in_any_tree(seed):
    reception = Reception(seed)
    reception.rules = policy.Rules(mode="share")
    for _happening in range(400):
        reception.happen()
        for user_id in reception.agents:
            assert abs(reception.entitled[user_id] - reception.served[user_id]) <= Fraction(3, 2)


def test_an_agent_above_helps_only_when_nobody_below_can():
    own, above = agent(1), agent(2, 200)
    levels = [{1}, {1, 2}]
    ascent = policy.ascend([own, above], policy.Rules("share"), levels)
    assert (ascent.decision.winner, ascent.level) == (1, 0)
    ascent = policy.ascend([own.but(paused=True), above], policy.Rules("share"), levels)
    assert (ascent.decision.winner, ascent.level) == (2, 1)


def test_a_main_account_that_stands_in_comes_after_the_whole_tree():
    own, above, owner = agent(1), agent(2), agent(3, is_main_account=True)
    rules = policy.Rules("share", main_account_participation="fallback")
    levels = [{1}, {1, 2}]
    for able, winner in (([own, above, owner], 1), ([above, owner], 2), ([owner], 3)):
        assert policy.ascend(able, rules, levels).decision.winner == winner


def test_behind_a_line_only_regulars_are_served():
    regulars = [policy.Regular(1, "sticky", True)]
    levels = [{1}]
    ascent = policy.ascend([agent(1)], policy.Rules("share"), levels, (), regulars_only=True)
    assert ascent.decision.winner is None
    ascent = policy.ascend([agent(1)], policy.Rules("share"), levels, regulars, regulars_only=True)
    assert (ascent.decision.winner, ascent.decision.rule) == (1, "sticky")


def test_a_regular_is_found_unless_excluded_paused_too_long_or_in_debt():
    deep = -4 * credit.CHAT
    for facts, soon, rule in (
        ({}, False, "sticky"),
        ({"paused": True}, True, "sticky"),
        ({"overloaded": True}, True, "sticky"),
        ({"overloaded": True}, False, "share"),
        ({"paused": True}, False, "share"),
        ({"paused": True, "online": False}, True, "share"),
        ({"credit": deep}, True, "share"),
        ({"lively_chats": 5}, True, "share"),
        ({"off_shift": True}, True, "share"),
        ({"missing_permission": True}, True, "share"),
    ):
        decision = policy.decide(
            [agent(1, **facts), agent(2, 1000)],
            policy.Rules("share", max_sessions=5),
            [policy.Regular(1, "sticky", soon)],
        )
        assert (facts, decision.rule, decision.winner) == (
            facts,
            rule,
            1 if rule == "sticky" else 2,
        )


def test_an_appointed_agent_is_not_bound_by_debt():
    decision = policy.decide(
        [agent(1, credit=-9 * credit.CHAT), agent(2)],
        policy.Rules("share"),
        [policy.Regular(1, "exclusive", True)],
    )
    assert decision.rule == "exclusive"
    assert decision.shares == {1: credit.CHAT // 2, 2: credit.CHAT // 2}
