"""The audit notices: each of its checks finds what was spoiled on purpose, and nothing before."""

import contextlib

import pytest
import shop as shops

import audit
import devenv

# What is spoiled, in a transaction that is rolled back, for each check. The parameters are ids:
# ``ended`` had an agent, whose seat ``next`` got from the line; ``other`` is still served,
# ``waiting`` waits.
SPOILED = {
    "buyers": "UPDATE discuss_channel SET dispatch_state = NULL WHERE id = %(other)s",
    "records": """
        DELETE FROM livechat_dispatch_decision
         WHERE discuss_channel_id = %(next)s AND user_id IS NOT NULL
        """,
    # The first chat of the agent goes on beside the second.
    "capacity": """
        UPDATE livechat_dispatch_decision SET ended_at = now() + interval '1 hour'
         WHERE discuss_channel_id = %(ended)s
        """,
    "credits": """
        UPDATE livechat_dispatch_credit
           SET credits = set_byte(credits, 0, (get_byte(credits, 0) + 1) %% 256)
         WHERE circle = (SELECT circle FROM livechat_dispatch_circle WHERE channel_id = %(channel)s)
        """,
    # The first had the choice of two agents: both were charged.
    "entitled": """
        DELETE FROM livechat_dispatch_decision WHERE discuss_channel_id = %(first)s
        """,
    "order": """
        UPDATE livechat_dispatch_decision SET moment = moment - interval '1 hour'
         WHERE discuss_channel_id = %(waiting)s
        """,
    "bus": """
        INSERT INTO bus_bus (channel, message, create_date)
        SELECT '["shop","discuss.channel",7]', '{"type": "spoiled"}', now()
          FROM generate_series(1, 20)
        """,
    "seats_without_chat": """
        INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id)
        SELECT %(ended)s, partner_id FROM livechat_dispatch_seat
         WHERE discuss_channel_id = %(next)s
        """,
    "chats_without_seat": """
        DELETE FROM livechat_dispatch_seat WHERE discuss_channel_id = %(other)s
        """,
}
# As a member of an agent's chats who is full by what the decision itself knew.
KNEW = """
    UPDATE livechat_dispatch_decision
       SET candidates = jsonb_set(candidates, '{0,load}', '1')
     WHERE discuss_channel_id = %(next)s AND user_id IS NOT NULL
    """


@pytest.fixture(scope="module")
def scene(shop):
    """Two agents of one seat each, both taken once more than there are; one buyer waits."""
    reception = shop.open_reception([100, 100], max_sessions=1, queue_enabled=True)
    buyers = [shops.Buyer(shop.url) for _number in range(4)]
    chats = [buyer.open_chat(reception).chat_id for buyer in buyers]
    buyers[1].leave(chats[1])

    def is_served():
        return shop.sql(
            "SELECT FROM discuss_channel WHERE id = %s AND dispatch_state = 'assigned'", chats[2]
        )

    shops.wait_until(is_served, "the line was not served")
    ids = {
        "first": chats[0],
        "other": chats[0],
        "ended": chats[1],
        "next": chats[2],
        "waiting": chats[3],
        "channel": reception.id,
    }
    return reception, chats, ids


@contextlib.contextmanager
def spoiled(shop, statement, ids):
    """Yield a cursor whose transaction has spoiled something, and is rolled back."""
    with contextlib.closing(devenv.connect(shop.db, autocommit=False)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement, ids)
            assert cursor.rowcount > 0
            yield cursor
        connection.rollback()


def test_a_shop_that_is_well_passes_each_check(shop, scene):
    reception, chats, _ids = scene
    report = audit.run(shop.db, [reception.id], told=chats)
    assert report.is_clean, str(report)
    assert report.fates == {"ended": 1, "served": 2, "in line": 1}
    assert not [name for name, check in report.checks.items() if not check.looked_at]


@pytest.mark.parametrize("name", SPOILED)
def test_each_check_notices_what_was_spoiled(shop, scene, name):
    reception, _chats, ids = scene
    with spoiled(shop, SPOILED[name], ids) as cursor:
        report = audit.examine(cursor, [reception.id])
    assert report.checks[name].wrong, str(report)


def test_a_decision_that_knew_its_agent_was_full_is_noticed(shop, scene):
    reception, _chats, ids = scene
    with spoiled(shop, KNEW, ids) as cursor:
        report = audit.examine(cursor, [reception.id])
    assert [row["why"] for row in report.checks["capacity"].wrong] == [
        "was full when it was chosen"
    ]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (lambda chats: [*chats, 2**31 - 1], "was told to a buyer, and is not there"),
        (lambda chats: [*chats, chats[0]], "was told to more than one buyer"),
        (lambda chats: chats[1:], "is there, and no buyer knows of it"),
    ],
)
def test_what_buyers_were_told_is_held_against_the_database(shop, scene, told, why):
    reception, chats, _ids = scene
    report = audit.run(shop.db, [reception.id], told=told(chats))
    assert [row["why"] for row in report.checks["answers"].wrong] == [why]
    assert audit.run(shop.db, [reception.id], told=chats[1:], unanswered=1).is_clean


def test_a_check_for_each_name(shop, scene):
    names = {check.__name__.removeprefix("check_") for check in audit.CHECKS}
    assert names == {*SPOILED, "answers"}
