"""The order of those who wait, in its plain form and as the replay keeps it."""

import random

import pytest

from dispatch.line import Round, Waiting, number_places
from dispatch.replay import _Line


def random_line(rng, length=30):
    """Those who wait, among them who goes first, who was put first and who was served before."""
    came = [rng.randrange(20) for _number in range(length)]
    return [
        Waiting(
            is_pooled=rng.random() < 0.3,
            is_new=rng.choice([True, True, True, False, -number - 1]),
            since=moment - rng.choice([0, 0, 10]),
            number=number,
            group_id=rng.randrange(4),
            regular_id=rng.choice([None, None, None, 1, 2, 3]),
            came=moment,
        )
        for number, moment in enumerate(came)
    ]


def test_who_was_served_before_comes_first_and_who_left_a_message_last():
    first = Waiting(False, False, 30, 9)
    line = [first, Waiting(False, True, 10, 2), Waiting(False, True, 10, 3)]
    pooled = Waiting(True, False, 1, 1)
    assert Round().find_next([pooled, *reversed(line)]) == first
    assert sorted([pooled, *reversed(line)]) == [*line, pooled]
    assert number_places([pooled, *reversed(line)]) == {9: 1, 2: 2, 3: 3}


def test_who_goes_first_passes_only_those_who_wait_for_less_than_the_head_start():
    long, short = Waiting(False, True, 0, 1), Waiting(False, True, 100, 2)
    first = Waiting(False, True, 110 - 60, 3, came=110)
    put_first, pooled = Waiting(False, -1, 120, 4), Waiting(True, True, 0, 5)
    line = [pooled, short, first, put_first, long]
    assert number_places(line) == {4: 1, 1: 2, 3: 3, 2: 4}


def test_whoever_goes_first_and_finds_nobody_holds_up_nobody_who_waits_longer():
    serving = Round()
    first, earlier = Waiting(False, True, 50, 1, came=110), Waiting(False, True, 100, 2)
    assert serving.find_next([earlier, first]) == first
    serving.pass_over(first, lambda: ())
    # The agents of the group above may have joined for who came at 100.
    assert serving.find_next([earlier, first]) == earlier


def test_each_group_has_places_of_its_own():
    line = [Waiting(False, True, moment, moment, moment % 2) for moment in range(5)]
    assert number_places(line) == {0: 1, 1: 1, 2: 2, 3: 2, 4: 3}


def test_of_a_full_group_only_who_waits_longer_or_has_an_agent_with_room_is_tried():
    serving = Round()
    handed_over = Waiting(False, False, 50, 1)
    long, later = Waiting(False, True, 10, 2), Waiting(False, True, 60, 3)
    own, elsewhere = Waiting(False, True, 70, 4, regular_id=7), Waiting(False, True, 80, 5, 1)
    line = [later, own, elsewhere, long, handed_over]
    assert serving.find_next(line) == handed_over
    serving.pass_over(handed_over, lambda: {7})
    assert [serving.admits(waiting) for waiting in line] == [False, True, True, True, False]
    assert serving.find_next(line) == long
    serving.pass_over(long, lambda: ())
    # Nobody has room for a buyer of its own any more; the other group is another matter.
    assert serving.find_next(line) == elsewhere
    serving.skip(elsewhere.number)
    assert serving.find_next(line) is None


@pytest.mark.parametrize("seed", range(100))
def test_the_replay_finds_the_same_next_one(seed):
    rng = random.Random(seed)
    plain, kept, serving = random_line(rng), _Line(), Round()
    for waiting in plain:
        kept.add(waiting)
    found = []
    while waiting := serving.find_next(plain):
        assert kept.find_next(serving) == waiting
        found.append(waiting)
        fate = rng.random()
        if fate < 0.3:
            plain.remove(waiting)
            kept.remove(waiting)
        elif fate < 0.5:
            serving.skip(waiting.number)
        else:
            serving.pass_over(waiting, lambda: rng.sample([1, 2, 3], rng.randrange(3)))
    assert kept.find_next(serving) is None
    assert len(found) > 3
