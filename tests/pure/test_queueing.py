"""The simulation behind docs/scaling.md says what queueing theory says where that has a formula."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

from queueing import House, Load, Service, quantile, simulate  # noqa: E402

NO_SIGN = Service(0.0, 0.0)


def make_load(service, per_second, shops=1):
    """One kind of request, so many a second in all."""
    return Load(shops, 1, 3600 * per_second / shops, {"request": (service, 1)}, NO_SIGN)


def mean(values):
    return sum(values) / len(values)


def test_the_same_load_gives_the_same_figures():
    load, house = make_load(Service(0.01, 0.005, 0.002), 50, shops=3), House(2, 4, 1, 2)
    assert simulate(load, house, 20) == simulate(load, house, 20)
    assert simulate(load, house, 20) != simulate(load, house, 20, seed=2)


def test_who_is_alone_waits_for_nobody():
    result = simulate(make_load(Service(0.01, 0.005, 0.002), 0.5), House(64, 64, 1, 64), 2000)
    assert mean(result.waits["request"]) == pytest.approx(0.015, rel=0.05)
    assert quantile(result.lock_waits, 0.9) == 0


def test_one_processor_makes_wait_as_the_formula_of_pollaczek_and_khinchine_says():
    service, per_second = 0.01, 70
    result = simulate(make_load(Service(0.0, service), per_second), House(64, 64, 1, 1), 2000)
    busy = service * per_second
    # A quarter is the squared coefficient of variation of the service times.
    waited = service * busy / (1 - busy) * (1 + 1 / 4) / 2
    assert mean(result.waits["request"]) == pytest.approx(service + waited, rel=0.1)
    assert result.database_busy == pytest.approx(busy, rel=0.03)


def test_shops_with_locks_of_their_own_do_not_wait_for_each_other():
    service = Service(0.0, 0.01, 0.01)
    together = simulate(make_load(service, 80), House(64, 640, 1, 64), 200)
    apart = simulate(make_load(service, 80, shops=100), House(64, 640, 1, 64), 200)
    assert mean(apart.lock_waits) * 20 < mean(together.lock_waits)


def test_a_house_that_is_too_small_is_seen():
    result = simulate(make_load(Service(0.02, 0.0), 100), House(1, 4, 1, 1), 60)
    assert result.unfinished > 1000
    assert result.app_busy == pytest.approx(1, rel=0.02)


def test_no_request_is_lost():
    load, house = make_load(Service(0.01, 0.005, 0.002), 50, shops=3), House(2, 4, 2, 1)
    result = simulate(load, house, 100)
    answered = len(result.waits["request"])
    assert answered + result.unfinished == pytest.approx(5000, rel=0.1)
    assert result.unfinished < 20
