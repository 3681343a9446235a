"""Real servers for the tests of this folder: `dev/test system` runs them.

A test makes the channel and the agents it needs; agents of different tests never meet, so the
tests share one database and one server, except those that break things.
"""

import pytest
import shop as shops
from browsers import browser, open_page, open_widget  # noqa: F401 - fixtures

import devenv


def breaks_things(item):
    return item.module.__name__ in ("test_crash", "test_faults")


def pytest_collection_modifyitems(items):
    # When the database restarts, core's listeners of all servers hear nothing for 50 s, and pages
    # of other tests would wait for what they missed.
    items.sort(key=breaks_things)
    for item in items:
        if breaks_things(item):
            item.add_marker(pytest.mark.alone)
        if "browser" in item.fixturenames and not breaks_things(item):
            # As Odoo's own CI does with its tours: a page on a busy machine may miss a step. What
            # ran twice is said at the end; what has no page has to hold at once.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def template():
    with devenv.postgres():
        yield devenv.template_db((*devenv.CORE_MODULES, devenv.ADDON))


@pytest.fixture(scope="session")
def server(template):
    """An Odoo with four http workers on a database of this run."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=4) as running:
        yield running


@pytest.fixture(scope="session")
def shop(server):
    shop = shops.Shop(server.db, server.url)
    # A new company has none, and then mails nothing and asks buyers for no address.
    shop.call("res.company", "write", [1], {"email": "flagship@example.com"})
    return shop


@pytest.fixture(scope="module")
def fragile(template):
    """A server and database of the module's own, to be broken; and the shop on it."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=4) as running:
        yield running, shops.Shop(db, running.url)
