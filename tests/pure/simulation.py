"""A shop in memory: agents come and go, chats open and close, `policy.decide` chooses."""

import random
from fractions import Fraction

from dispatch import credit, policy
from dispatch.replay import Arrival, Day, Setup

ABLE = {
    "enabled": True,
    "permitted": True,
    "online": True,
    "paused": False,
    "in_call": False,
    "is_main_account": False,
}


def agent(user_id, weight=100, credit=0, last_turn=0, **facts):
    """An agent who can take a chat, but for the facts given."""
    return policy.Agent(
        user_id, policy.Facts(weight=weight, **{**ABLE, **facts}), credit, last_turn
    )


def busy_day(arrivals, gap):
    """A day of a shop with a line and 20 agents, who keep up with a buyer every 5 seconds.

    :param gap: seconds from one buyer to the next.
    """
    rng = random.Random(1)
    events = tuple(
        Arrival(gap * number, None, rng.expovariate(1 / 600), lively_seconds=900)
        for number in range(arrivals)
    )
    agents = tuple(agent(number, 10 * number + 50) for number in range(1, 21))
    rules = policy.Rules(mode="share", max_sessions=4)
    return Day(agents, rules, Setup(queue_enabled=True), {}, events)


class Shop:
    """Keeps what the ledger keeps, and beside it the exact entitlement as fractions."""

    def __init__(self, weights, rules):
        self.rules = rules
        self.agents = {user_id: agent(user_id, weight) for user_id, weight in weights.items()}
        self.entitled = dict.fromkeys(weights, Fraction())
        self.served = dict.fromkeys(weights, 0)
        self.turn = 0

    def set(self, user_id, **facts):
        self.agents[user_id] = self.agents[user_id].but(**facts)

    def arrive(self):
        """One buyer comes; return the decision."""
        self.turn += 1
        decision = policy.decide(self.agents.values(), self.rules)
        if decision.winner is None:
            return decision
        total = sum(candidate.weight for candidate in decision.ranking)
        for candidate in decision.ranking:
            self.entitled[candidate.user_id] += Fraction(candidate.weight, total)
        for user_id, change in credit.charge(decision.shares, decision.winner).items():
            one = self.agents[user_id]
            self.agents[user_id] = one._replace(credit=one.credit + change)
        self.served[decision.winner] += 1
        winner = self.agents[decision.winner]._replace(last_turn=self.turn)
        self.agents[winner.user_id] = winner.but(lively_chats=winner.lively_chats + 1)
        return decision

    def close(self, user_id):
        """One chat of the agent ends."""
        self.set(user_id, lively_chats=self.agents[user_id].lively_chats - 1)

    def unfairness(self):
        """The greatest difference between entitled and served, in chats."""
        return max(abs(self.entitled[i] - self.served[i]) for i in self.agents)
