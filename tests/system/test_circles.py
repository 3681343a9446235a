"""Shops without agents in common never wait for each other; those that share one do."""

import contextlib
import threading

import shop as shops
from test_line import close

import devenv

# First halves of the keys of the locks of a circle and of who serves a line, as in
# dispatch/ledger/locks.py: "LCDC", "LCDQ".
CIRCLE, SERVING = 0x4C434443, 0x4C434451


def get_circle(shop, reception):
    ((circle,),) = shop.sql(
        "SELECT circle FROM livechat_dispatch_circle WHERE channel_id = %s", reception.id
    )
    return circle


def test_two_shops_do_not_wait_for_each_other(shop):
    held, free = shop.open_reception([100, 100]), shop.open_reception([100, 100])
    for reception in (held, free):
        assert shops.Buyer(shop.url).open_chat(reception).chat_id
    assert get_circle(shop, held) != get_circle(shop, free)
    answers = []
    with contextlib.closing(devenv.connect(shop.db, autocommit=False)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [CIRCLE, get_circle(shop, held)])
        asking = threading.Thread(
            target=lambda: answers.append(shops.Buyer(shop.url).open_chat(held))
        )
        asking.start()
        shops.wait_until(
            lambda: shop.sql(
                "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE datname = current_database()"
                " AND locktype = 'advisory' AND NOT granted AND classid::bigint = %s",
                CIRCLE,
            ),
            "the buyer of the shop that decides waits for its turn",
        )
        assert shops.Buyer(shop.url).open_chat(free).chat_id, "the other shop goes on"
        assert not answers
        connection.rollback()
    asking.join(shops.TIMEOUT)
    assert answers[0].chat_id


def test_who_comes_to_serve_two_shops_is_never_above_capacity(shop):
    """Buyers come to both while an agent with three seats joins them."""
    receptions = [shop.open_reception([100], max_sessions=3) for _shop in range(2)]
    (shared,) = shop.add_agents([100])
    for reception in receptions:
        for _buyer in range(3):
            assert shops.Buyer(shop.url).open_chat(reception).chat_id
        assert not shops.Buyer(shop.url).open_chat(reception).chat_id, "everybody is busy"
    gate = threading.Barrier(len(receptions) * 6 + 1)

    def arrive(reception):
        gate.wait()
        for _time in range(4):
            shops.Buyer(shop.url).open_chat(reception)

    buyers = [
        threading.Thread(target=arrive, args=[reception])
        for reception in receptions
        for _buyer in range(6)
    ]
    for buyer in buyers:
        buyer.start()
    gate.wait()
    for reception in receptions:
        shop.call(
            "im_livechat.channel", "write", [reception.id], {"user_ids": [[4, shared.user_id]]}
        )
    for buyer in buyers:
        buyer.join(shops.TIMEOUT)
    for reception in receptions:
        shops.Buyer(shop.url).open_chat(reception)
    chats = receptions[0].open_chats() + receptions[1].open_chats()
    assert chats[shared.user_id] == 3
    assert len({get_circle(shop, reception) for reception in receptions}) == 1


def test_a_line_that_another_process_serves_for_long_holds_up_no_other_shop(template):
    """One process serves the lines of both shops, and somebody else has the turn of one."""
    with devenv.temp_db(template) as db, devenv.Server(db) as server:
        shop = shops.Shop(db, server.url)
        held, free = (
            shop.open_reception([100], max_sessions=1, queue_enabled=True) for _shop in range(2)
        )
        served, waiting = (
            [shops.Buyer(server.url).open_chat(reception).chat_id for reception in (held, free)]
            for _buyer in range(2)
        )

        def find_states():
            rows = shop.sql(
                "SELECT dispatch_state FROM discuss_channel WHERE id = ANY(%s) ORDER BY id", waiting
            )
            return [state for (state,) in rows]

        def find_turns():
            """The processes of PostgreSQL that wait to serve a line, and since when."""
            rows = shop.sql(
                "SELECT pid, query_start FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE datname = current_database()"
                " AND locktype = 'advisory' AND NOT granted AND classid::bigint = %s",
                SERVING,
            )
            return set(rows)

        assert find_states() == ["queued", "queued"]
        with contextlib.closing(devenv.connect(db, autocommit=False)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SERVING, held.id])
            close(shop, served[:1])
            turns = shops.wait_until(find_turns, "nobody waits to serve the first line")
            close(shop, served[1:])

            def is_other_served():
                turns.update(find_turns())
                return find_states() == ["queued", "assigned"]

            shops.wait_until(is_other_served, "the other line was not served")
            # Who serves both glances at the first and goes on, and the second does not wait for
            # many glances.
            assert len(turns) < 6
            connection.rollback()
        shops.wait_until(
            lambda: find_states() == ["assigned", "assigned"], "the first line was forgotten"
        )
