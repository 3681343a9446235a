"""Where a buyer goes, on the smallest shops that tell."""

import pytest
from simulation import agent

from dispatch import policy
from dispatch.route import Group, Request, Setup, climb, find_route, is_open

ONE_EACH = policy.Rules("share", max_sessions=1)
BUSY = {"lively_chats": 1}
TREE = {1: Group(2, 30, 1), 2: Group(None, 60, 2)}


class Staff:
    """Agents in groups; notes whom the rule asked about."""

    def __init__(self, *agents, **members):
        self.agents = {each.user_id: each for each in agents}
        self.members = {int(name[1:]): ids for name, ids in members.items()}
        self.chosen, self.looked = [], []

    def get_members(self, group_id):
        return self.members[group_id] if group_id else self.members.get(0)

    def _read(self, user_ids):
        return [
            each for each in self.agents.values() if user_ids is None or each.user_id in user_ids
        ]

    def choose(self, user_ids, decide):
        self.chosen.append(user_ids)
        return decide(self._read(user_ids))

    def look(self, user_ids):
        self.looked.append(user_ids)
        return self._read(user_ids)


def go(staff, setup=None, rules=ONE_EACH, **request):
    route = find_route(Request(**request), rules, setup or Setup(), staff)
    return route.state, route.rule, route.ascent.decision.winner


LINE = Setup(queue_enabled=True)


def test_an_agent_who_can_takes_the_buyer():
    assert go(Staff(agent(1), agent(2, **BUSY))) == ("assigned", "share", 1)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (BUSY, "queued"),
        ({"overloaded": True}, "queued"),
        ({"online": False}, None),
        ({"paused": True}, None),
        ({"off_shift": True}, None),
        ({"enabled": False, **BUSY}, None),
        ({"missing_permission": True, **BUSY}, None),
    ],
)
def test_it_is_worth_waiting_for_who_is_here_and_will_have_room(facts, state):
    assert go(Staff(agent(1, **facts)), LINE)[0] == state
    assert go(Staff(agent(1, **facts)))[0] is None, "there is no line"


def test_who_comes_later_waits_behind_the_others_but_reaches_its_own_agent():
    staff = Staff(agent(1), agent(2))
    assert go(staff, LINE, in_line=3) == ("queued", "line", None)
    assert staff.chosen == [set()], "nobody is asked"
    regular = [policy.Regular(2, "sticky", True)]
    assert go(staff, LINE, in_line=3, regulars=regular) == ("assigned", "sticky", 2)
    # Nobody's regular here.
    regular = [policy.Regular(3, "sticky", True)]
    assert go(staff, LINE, in_line=3, regulars=regular) == ("queued", "line", None)
    # Without a line nobody stands before.
    assert go(staff, in_line=3)[0] == "assigned"


def test_the_line_has_an_end():
    setup = LINE._replace(queue_limit=2)
    staff = Staff(agent(1, **BUSY))
    states = [go(staff, setup, in_line=number)[0] for number in range(3)]
    assert states == ["queued", "queued", None]
    assert go(staff, setup._replace(keeps_pool=True), in_line=2) == ("pool", "line", None)


def test_agents_above_join_in_time_and_without_a_line_at_once():
    setup = Setup(TREE, queue_enabled=True)
    staff = Staff(agent(1, **BUSY), agent(2), g1={1}, g2={2})
    assert go(staff, setup, group_id=1, waited=29)[0] == "queued"
    assert staff.chosen == [{1}], "what is not reached is not asked for"
    assert go(staff, setup, group_id=1, waited=30) == ("assigned", "share", 2)
    assert go(staff, setup._replace(queue_enabled=False), group_id=1)[2] == 2
    assert go(staff, setup, group_id=2)[2] == 2
    assert [due for _group, due in climb(TREE, 1)] == [0, 30]


def test_who_will_join_is_worth_waiting_for():
    setup = Setup(TREE, queue_enabled=True)
    away, above = agent(1, online=False), agent(2)
    assert go(Staff(away, above, g1={1}, g2={2}), setup, group_id=1)[0] == "queued"
    assert go(Staff(away, above.but(**BUSY), g1={1}, g2={2}), setup, group_id=1)[0] == "queued"
    assert go(Staff(away, above.but(online=False), g1={1}, g2={2}), setup, group_id=1)[0] is None


def test_a_main_account_takes_part_as_the_shop_says():
    staff = Staff(agent(1, **BUSY), agent(9, is_main_account=True), g1={1}, g2=set())
    setup = Setup(TREE, main_account_id=9)
    for participation, winner in (("never", None), ("fallback", 9), ("member", 9)):
        rules = ONE_EACH._replace(main_account_participation=participation)
        assert go(staff, setup, rules, group_id=1)[2] == winner, participation
        assert go(staff, setup, rules)[2] == winner, participation
    # Not before the time of the whole tree, if there is a line.
    rules = ONE_EACH._replace(main_account_participation="fallback")
    setup = setup._replace(queue_enabled=True)
    assert go(staff, setup, rules, group_id=1, waited=29)[0] == "queued"
    assert go(staff, setup, rules, group_id=1, waited=30)[2] == 9


def test_when_nobody_is_here_the_rule_for_that_decides():
    staff = Staff(agent(1, online=False), agent(2, online=False))
    assert go(staff) == (None, "nobody", None)
    assert go(staff, Setup(keeps_pool=True)) == ("pool", "nobody", None)
    takers = Setup(offline_takers={2})
    assert go(staff, takers) == ("assigned", "offline", 2)
    assert go(staff, takers, offline=False) == (None, "nobody", None)
    full = Staff(agent(1, online=False), agent(2, online=False, **BUSY))
    assert go(full, takers) == (None, "nobody", None), "away or not, nobody is above capacity"


def test_a_bot_may_name_whom_it_asks():
    staff = Staff(agent(1), agent(2), g1={1}, g2=set())
    assert go(staff, Setup(TREE), group_id=1, user_ids={2})[2] == 2


@pytest.mark.parametrize(
    ("facts", "setup", "in_lines", "opens"),
    [
        ({}, Setup(), 0, True),
        (BUSY, Setup(), 0, False),
        (BUSY, Setup(keeps_pool=True), 0, True),
        (BUSY, Setup(offline_takers={1}), 0, False),
        ({"online": False}, Setup(offline_takers={1}), 0, True),
        (BUSY, LINE, 99, True),
        ({"online": False}, LINE, 0, False),
        (BUSY, LINE._replace(queue_limit=2), 5, True),
        (BUSY, LINE._replace(queue_limit=2), 6, False),
    ],
)
def test_a_shop_is_open_when_a_buyer_would_be_taken(facts, setup, in_lines, opens):
    assert is_open(ONE_EACH, setup, Staff(agent(1, **facts)), lambda: (in_lines, 3)) == opens
