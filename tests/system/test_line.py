"""The waiting line and the pool with several server processes: in order, nobody lost or twice."""

import contextlib
import time

import pytest
import shop as shops

import devenv

ARRIVALS, AGENTS, CAPACITY = 200, 20, 2
SEATS = AGENTS * CAPACITY


def states(shop, reception):
    """``[(chat_id, state, queued_at, assigned_at)]`` in the order in which the buyers came."""
    return shop.sql(
        "SELECT id, dispatch_state, dispatch_queued_at, dispatch_assigned_at FROM discuss_channel"
        " WHERE livechat_channel_id = %s AND livechat_end_dt IS NULL"
        " ORDER BY dispatch_queued_at, id",
        reception.id,
    )


def decisions(shop, reception, kind):
    """The chats of the decisions of one kind, in the order of the decisions."""
    rows = shop.sql(
        "SELECT discuss_channel_id FROM livechat_dispatch_decision"
        " WHERE livechat_channel_id = %s AND kind = %s ORDER BY id",
        reception.id,
        kind,
    )
    return [chat_id for (chat_id,) in rows]


def close(shop, chat_ids):
    """End chats as their agents do: with the web client's call."""
    shop.call(
        "discuss.channel",
        "write",
        chat_ids,
        {"livechat_end_dt": time.strftime("%F %T", time.gmtime())},
    )


@pytest.mark.long
def test_200_buyers_in_a_minute_on_40_seats(server, shop):
    reception = shop.open_reception(
        [100] * AGENTS,
        max_sessions=CAPACITY,
        queue_enabled=True,
        queue_limit=0,
        no_reply_seconds=0,
    )
    answers = []
    for _wave in range(4):
        answers += reception.arrive_together([server.url], ARRIVALS // 4)
    assert not [answer for answer in answers if answer.failed]
    chats = [answer.chat_id for answer in answers]
    assert len(set(chats)) == ARRIVALS and all(chats)
    now = states(shop, reception)
    assert sum(state == "assigned" for _id, state, *_times in now) == SEATS
    waiting = [chat_id for chat_id, state, *_times in now if state == "queued"]
    assert len(waiting) == ARRIVALS - SEATS
    assert reception.open_chats() == {agent.user_id: CAPACITY for agent in reception.agents}

    # Drained in order as seats free, by the dozen and one by one.
    served = set(chats) - set(waiting)
    for count in [1, 12, 1, 30, 1]:
        done = sorted(served)[:count]
        served -= set(done)
        close(shop, done)
        expected = waiting[:count]
        waiting = waiting[count:]
        served |= set(expected)

        def are_seated(expected=expected):
            states_by_id = {chat_id: state for chat_id, state, *_times in states(shop, reception)}
            return all(states_by_id[chat_id] == "assigned" for chat_id in expected)

        shops.wait_until(are_seated, "the line was not served")
        assert reception.open_chats() == {agent.user_id: CAPACITY for agent in reception.agents}
    left = [chat_id for chat_id, state, *_times in states(shop, reception) if state == "queued"]
    assert left == waiting
    # Nobody was assigned twice, and the order of assignment is that of arrival.
    assigned = decisions(shop, reception, "assign")
    assert len(assigned) == len(set(assigned))
    drained = assigned[SEATS:]
    order = decisions(shop, reception, "queue")
    assert sorted(drained) == sorted(set(order) - set(waiting))
    reception.close_all()


def test_a_freed_seat_calls_its_next_buyer_by_itself_and_takes_one_decision(server, shop):
    """No cron runs on this server. How soon it is is measured by `dev/bench line`."""
    assert server.cron == 0
    reception = shop.open_reception([100] * 5, max_sessions=1, queue_enabled=True)
    buyers = [shops.Buyer(server.url) for _buyer in range(45)]
    chats = [buyer.open_chat(reception).chat_id for buyer in buyers]
    assert decisions(shop, reception, "queue") == chats[5:]
    for number in range(40):
        buyers[number].leave(chats[number])
        shops.wait_until(
            lambda number=number: decisions(shop, reception, "assign")[5:] == chats[5 : number + 6],
            "the line was not served, or not in order",
        )
    assert shop.sql(
        "SELECT count(*) FROM livechat_dispatch_decision WHERE livechat_channel_id = %s",
        reception.id,
    ) == [(len(chats) + 40,)]


def test_who_writes_while_its_turn_comes_and_who_serves_it_do_not_wait_for_each_other(server, shop):
    """Else PostgreSQL ends one of them after a second or more, and the line has gone on without
    the buyer by then."""
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True)
    buyers = [shops.Buyer(server.url) for _buyer in range(2)]
    seated, waiting = [buyer.open_chat(reception).chat_id for buyer in buyers]
    assert decisions(shop, reception, "queue") == [waiting]
    with (
        contextlib.closing(devenv.connect(shop.db, autocommit=False)) as connection,
        connection.cursor() as writer,
    ):
        # As whoever writes into a chat does: the chat, and then what hangs on it.
        writer.execute(
            "UPDATE discuss_channel SET last_interest_dt = last_interest_dt WHERE id = %s",
            [waiting],
        )
        buyers[0].leave(seated)
        waits = (
            "SELECT count(*) > 0 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        shops.wait_until(lambda: shop.sql(waits) == [(True,)], "the line was not served")
        writer.execute("SET LOCAL lock_timeout = '500ms'")
        writer.execute(
            "UPDATE im_livechat_channel_member_history"
            "   SET session_duration_hour = session_duration_hour WHERE channel_id = %s",
            [waiting],
        )
        assert writer.rowcount
        connection.commit()
    shops.wait_until(
        lambda: decisions(shop, reception, "assign") == [seated, waiting], "it was not served"
    )
    reception.close_all()


def test_50_messages_are_handed_out_once_when_two_agents_come(server, shop):
    reception = shop.open_reception([], max_sessions=30, offline_rule="pool")
    agents = shop.add_agents([100, 100], online=False)
    shop.call(
        "im_livechat.channel",
        "write",
        [reception.id],
        {"user_ids": [[6, 0, [agent.user_id for agent in agents]]]},
    )
    answers = reception.arrive_together([server.url], 50)
    assert not [answer for answer in answers if answer.failed]
    assert {state for _id, state, *_times in states(shop, reception)} == {"pool"}
    for agent in agents:
        presence = {"user_id": agent.user_id, "status": "online", "last_poll": shops.EVER}
        shop.call("mail.presence", "create", [presence])
    shops.wait_until(
        lambda: {state for _id, state, *_times in states(shop, reception)} == {"assigned"},
        "the pool was not handed out",
    )
    open_chats = reception.open_chats()
    assert sum(open_chats.values()) == 50
    assert max(open_chats.values()) <= 30
    assigned = decisions(shop, reception, "assign")
    assert sorted(assigned) == sorted(answer.chat_id for answer in answers)


@pytest.mark.parametrize("trigger", ["capacity", "weight", "resumed", "online", "joined"])
def test_whatever_frees_a_seat_serves_the_line(server, shop, trigger):
    reception = shop.open_reception([100, 100], max_sessions=1, queue_enabled=True)
    first, second = reception.agents
    if trigger == "resumed":
        shop.call("res.users", "write", [second.user_id], {"dispatch_paused": True})
    elif trigger == "online":
        shop.sql("UPDATE mail_presence SET status = 'offline' WHERE user_id = %s", second.user_id)
    elif trigger == "joined":
        leave = {"user_ids": [[3, second.user_id]]}
        shop.call("im_livechat.channel", "write", [reception.id], leave)
    taken = 1 if trigger in ("resumed", "online", "joined") else 2
    chats = [shops.Buyer(server.url).open_chat(reception).chat_id for _buyer in range(taken + 1)]
    assert dict(row[:2] for row in states(shop, reception))[chats[-1]] == "queued"
    if trigger == "capacity":
        shop.call("im_livechat.channel", "write", [reception.id], {"max_sessions": 2})
    elif trigger == "weight":
        shop.call("res.users", "write", [first.user_id], {"dispatch_weight": 200})
    elif trigger == "resumed":
        shop.call("res.users", "write", [second.user_id], {"dispatch_paused": False})
    elif trigger == "online":
        ((presence,),) = shop.sql("SELECT id FROM mail_presence WHERE user_id = %s", second.user_id)
        shop.call("mail.presence", "write", [presence], {"status": "online"})
    else:
        join = {"user_ids": [[4, second.user_id]]}
        shop.call("im_livechat.channel", "write", [reception.id], join)
    shops.wait_until(
        lambda: dict(row[:2] for row in states(shop, reception))[chats[-1]] == "assigned",
        "the line was not served",
    )
