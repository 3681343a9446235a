"""One shop beside the addons of tests/compat/requirements.txt: `dev/test compat` runs it."""

import pytest
from browsers import browser, open_page  # noqa: F401 - fixtures

import devenv


@pytest.fixture(scope="session")
def server():
    with (
        devenv.postgres(),
        devenv.temp_db(devenv.compat_db(devenv.ADDON)) as db,
        devenv.Server(db, workers=2, cron=1, args=devenv.compat_args()) as running,
    ):
        yield running


_failed = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and report.when != "teardown":
        _failed.append(item.name)


@pytest.fixture(autouse=True)
def in_order(request):
    """The steps are one story: after one that failed the others would fail for its reason."""
    if _failed and request.node.get_closest_marker("always") is None:
        pytest.fail(f"{_failed[0]} failed before", pytrace=False)
