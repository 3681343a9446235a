"""Requests that fail after the decision: PostgreSQL gives back what they had taken."""

import contextlib
import threading

import pytest
import shop as shops

import devenv

WEIGHTS = (100, 50, 10)

# A buyer marks the request by the time zone of the browser, which core stores on the guest, and
# the guest is created after the agent was chosen.
FAILS = "Antarctica/Troll"
FAILS_ONCE = "Antarctica/Vostok"


@pytest.fixture(scope="module", autouse=True)
def failing_guests(shop):
    """PostgreSQL refuses some guests for good, and others at every other attempt."""
    shop.sql(
        f"""
        CREATE SEQUENCE test_attempt;
        CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.timezone = '{FAILS}' THEN
                RAISE EXCEPTION 'refused for a test';
            ELSIF NEW.timezone = '{FAILS_ONCE}' THEN
                IF nextval('test_attempt') % 2 = 1 THEN
                    RAISE EXCEPTION 'refused for a test' USING ERRCODE = 'serialization_failure';
                END IF;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER test_refuse BEFORE INSERT ON mail_guest
            FOR EACH ROW EXECUTE FUNCTION test_refuse();
        """
    )
    yield
    shop.sql("DROP FUNCTION test_refuse CASCADE; DROP SEQUENCE test_attempt")


def ask(shop, reception, timezone=None):
    buyer = shops.Buyer(shop.url)
    if timezone:
        buyer.session.cookies.set("tz", timezone)
    return buyer.open_chat(reception)


def check_fails(shop, reception):
    answer = ask(shop, reception, FAILS)
    assert answer.failed
    assert "refused for a test" in answer.text


def by_position(reception, figures):
    return [figures.get(agent.user_id, 0) for agent in reception.agents]


def test_a_failed_request_costs_nobody_credit(shop):
    """The credits and the order of agents are those of a shop in which nothing failed."""
    calm, shaken = shop.open_reception(WEIGHTS), shop.open_reception(WEIGHTS)
    for number in range(32):
        assert ask(shop, calm).chat_id
        for _failure in range(number % 3):
            check_fails(shop, shaken)
        assert ask(shop, shaken).chat_id
    position = [
        {agent.user_id: index for index, agent in enumerate(r.agents)} for r in (calm, shaken)
    ]
    assert [position[1][user] for user in shaken.served()] == [
        position[0][user] for user in calm.served()
    ]
    assert by_position(shaken, shaken.credits()) == by_position(calm, calm.credits())
    assert abs(sum(shaken.credits().values())) <= 0.005 * len(WEIGHTS)


def test_a_failed_request_holds_no_seat(shop):
    reception = shop.open_reception([100, 100], max_sessions=1)
    for _failure in range(5):
        check_fails(shop, reception)
    assert [bool(ask(shop, reception).chat_id) for _buyer in range(3)] == [True, True, False]
    assert by_position(reception, reception.open_chats()) == [1, 1]


def test_a_request_that_odoo_retries_is_charged_once(shop):
    reception = shop.open_reception([100, 100])
    shop.sql("ALTER SEQUENCE test_attempt RESTART")
    for _buyer in range(4):
        answer = ask(shop, reception, FAILS_ONCE)
        assert not answer.failed, answer.text
        assert answer.chat_id
    assert shop.sql("SELECT last_value FROM test_attempt") == [(8,)], "nothing was retried"
    assert by_position(reception, reception.open_chats()) == [2, 2]
    assert by_position(reception, reception.credits()) == [0, 0]


def test_a_request_that_odoo_retries_holds_one_seat(shop):
    reception = shop.open_reception([100, 100], max_sessions=2)
    assert all(ask(shop, reception, FAILS_ONCE).chat_id for _buyer in range(4))
    assert ask(shop, reception).chat_id is None
    assert by_position(reception, reception.open_chats()) == [2, 2]


def test_the_ledger_keeps_no_reservation_of_a_request_that_is_over(shop):
    reception = shop.open_reception([100])
    check_fails(shop, reception)
    assert ask(shop, reception).chat_id
    # The last decision's own reservation stays until the next one comes by.
    ((ended,),) = shop.sql("SELECT count(*) FROM livechat_dispatch_reservation")
    assert ended <= 1


def test_a_chat_in_progress_holds_its_seat_until_its_transaction_ends(shop):
    """The reservation of a request that hangs after the decision counts until it ends."""
    reception = shop.open_reception([100], max_sessions=1)
    with (
        contextlib.closing(devenv.connect(shop.db, autocommit=False)) as blocker,
        blocker.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE mail_guest IN SHARE MODE")  # the next guest waits
        answers = []
        hanging = threading.Thread(target=lambda: answers.append(ask(shop, reception, FAILS)))
        hanging.start()
        try:
            shops.wait_until(
                lambda: shop.sql(
                    "SELECT FROM livechat_dispatch_reservation"
                    " WHERE user_id = %s AND pg_xact_status(xid) = 'in progress'",
                    reception.agents[0].user_id,
                ),
                "the request never came to its decision",
            )
            assert ask(shop, reception).chat_id is None
        finally:
            blocker.rollback()
            hanging.join()
    assert answers[0].failed
    assert ask(shop, reception).chat_id
