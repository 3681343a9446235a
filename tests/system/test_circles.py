"""Shops without agents in common never wait for each other; those that share one do."""

import contextlib
import threading

import shop as shops

import devenv

# First half of the key of a circle's lock, as in dispatch/ledger/locks.py: "LCDC".
CIRCLE = 0x4C434443


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
                "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND classid::bigint = %s",
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
