"""Where a buyer goes, on the smallest shops that tell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import agent

from dispatch import policy
from dispatch.route import Group, Request, Setup, climb, find_route, is_open

ONE_EACH = policy.Rules("share", max_sessions=1)
BUSY = {"lively_chats": 1}
GONE = {"online": False}
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
        ({**GONE, "due": True}, "queued"),
        ({**GONE, "due": True, **BUSY}, "queued"),
        ({"off_shift": True, "due": True}, "queued"),
        ({"paused": True, "due": True}, "queued"),
        ({"enabled": False, "due": True}, None),
        ({"permitted": False, "due": True}, None),
        ({"declined": True, "due": True}, None),
        ({**GONE, "just_gone": True, "paused": True}, None),
        ({**GONE, "just_gone": True, "off_shift": True}, None),
        ({**GONE, "just_gone": True, **BUSY}, "queued"),
    ],
)
def test_it_is_worth_waiting_for_who_will_be_here_and_have_room(facts, state):
    for in_line in (0, 3):
        assert go(Staff(agent(1, **facts)), LINE, in_line=in_line)[0] == state
        assert go(Staff(agent(1, **facts)), in_line=in_line)[0] is None, "there is no line"
    # Who waits already goes the same way, and waits on when the line is closed.
    for setup in (LINE, Setup()):
        assert go(Staff(agent(1, **facts)), setup, waits=True)[0] == state


def test_who_is_about_to_be_back_is_worth_waiting_for_without_a_line_too():
    staff = Staff(agent(1, **GONE, just_gone=True))
    for rule in (Setup(), Setup(keeps_pool=True), Setup(offline_takers={1})):
        for has_line in (True, False):
            setup = rule._replace(queue_enabled=has_line)
            assert go(staff, setup)[0] == "queued"
            assert go(staff, setup, waits=True, waited=30)[0] == "queued"
            assert is_open(ONE_EACH, setup, staff, lambda: (0, 1))
    gone = Staff(agent(1, **GONE))
    assert go(gone, waits=True)[0] is None
    assert not is_open(ONE_EACH, Setup(), gone, lambda: (0, 1))


def test_a_line_that_nobody_will_serve_takes_nobody_more():
    staff = Staff(agent(1, **GONE), agent(2, **GONE, **BUSY))
    assert go(staff, LINE, in_line=3) == (None, "nobody", None)
    assert go(staff, LINE._replace(keeps_pool=True), in_line=3)[0] == "pool"
    assert go(staff, LINE._replace(offline_takers={1}), in_line=3) == ("assigned", "offline", 1)


def test_who_comes_later_waits_behind_the_others_but_reaches_its_own_agent():
    staff = Staff(agent(1), agent(2))
    assert go(staff, LINE, in_line=3) == ("queued", "line", None)
    assert staff.chosen == [set()], "nobody is asked for a seat"
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


def test_the_line_of_an_emptied_group_lives_on_those_above_and_the_main_account():
    owner = agent(9, is_main_account=True)
    setup = Setup(TREE, queue_enabled=True, main_account_id=9)
    fallback = ONE_EACH._replace(main_account_participation="fallback")
    for above, main, rules, state in (
        (agent(2), owner, ONE_EACH, "queued"),
        (agent(2, **GONE), owner, ONE_EACH, None),
        (agent(2, **GONE), owner, fallback, "queued"),
        (agent(2, **GONE), owner.but(**GONE), fallback, None),
        (agent(2, **GONE), owner.but(**GONE, due=True), fallback, "queued"),
    ):
        staff = Staff(above, main, agent(3), g1=set(), g2={2})
        for request in ({}, {"in_line": 2}, {"waits": True}):
            assert go(staff, setup, rules, group_id=1, **request)[0] == state


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
        ({**GONE, "due": True}, LINE, 0, True),
        ({**GONE, "due": True}, Setup(), 0, False),
        ({**GONE, "just_gone": True, **BUSY}, Setup(), 0, False),
    ],
)
def test_a_shop_is_open_when_a_buyer_would_be_taken(facts, setup, in_lines, opens):
    assert is_open(ONE_EACH, setup, Staff(agent(1, **facts)), lambda: (in_lines, 3)) == opens


FACTS = ("enabled", "permitted", "online", "paused", "off_shift", "overloaded")
FACTS += ("just_gone", "due", "missing_permission")
AGENT = st.fixed_dictionaries(
    dict.fromkeys(FACTS, st.booleans()) | {"lively_chats": st.integers(0, 1)}
)
OFFLINE_RULES = ({}, {"keeps_pool": True}, {"offline_takers": {1}}, {"offline_takers": {9}})


@settings(max_examples=500)
@given(
    st.lists(st.tuples(AGENT, st.integers(0, 2)), max_size=4),
    AGENT,
    st.booleans(),
    st.sampled_from(OFFLINE_RULES),
    st.sampled_from(["never", "fallback", "member"]),
    st.sampled_from([0, 30, 90]),
)
def test_who_comes_and_who_waits_go_the_same_way_whatever_the_rule(
    rows, owner, has_line, offline_rule, participation, waited
):
    agents = [agent(number, **facts) for number, (facts, _group) in enumerate(rows, 1)]
    groups = {1: set(), 2: set(), 0: set()}
    for each, (_facts, group) in zip(agents, rows, strict=True):
        groups[group].add(each.user_id)
    agents.append(agent(9, is_main_account=True, **owner))
    staff = Staff(*agents, g1=groups[1], g2=groups[2])
    setup = Setup(TREE, queue_enabled=has_line, main_account_id=9, **offline_rule)
    rules = ONE_EACH._replace(main_account_participation=participation)

    comes, behind, waits = (
        go(staff, setup, rules, group_id=1, **request)[0]
        for request in ({}, {"in_line": 2}, {"waits": True, "waited": waited})
    )
    serve = [each for each in agents if each.user_id in groups[1] | groups[2] | {9}]
    will_serve = any(policy.is_worth_waiting_for(each, rules, has_line=True) for each in serve)
    if not will_serve:
        assert "queued" not in (comes, behind, waits)
        assert comes == behind == waits, "the rule for when nobody is here is one for all"
    else:
        assert waits in ("assigned", "queued")
        assert not has_line or comes in ("assigned", "queued")
        assert not has_line or behind == "queued"
