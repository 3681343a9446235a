"""The same buyer in several tabs at the same moment, and buyers without a word, with several server
processes."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import shop as shops

import devenv

#: So often two tabs race here, and in dev/test long.
ROUNDS, MANY_ROUNDS = 4, 20


def together(*calls):
    """Call these at the same moment; what they return."""
    gate = threading.Barrier(len(calls))

    def call(one):
        gate.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.result() for answer in [pool.submit(call, one) for one in calls]]


def open_chats(shop, reception):
    return shop.sql(
        "SELECT id, dispatch_state FROM discuss_channel"
        " WHERE livechat_channel_id = %s AND livechat_end_dt IS NULL",
        reception.id,
    )


def make_tabs(server, shop, cookie, count=2):
    """Tabs of one browser, each with a connection of its own."""
    first = shops.Buyer(server.url)
    other = shop.open_reception([100])
    if cookie == "dgid":
        chat_id = first.open_chat(other).chat_id
        first.leave(chat_id)
        kept = {"dgid": first.session.cookies["dgid"]}
    else:
        first.session.get(f"{server.url}/web/login")
        kept = {"session_id": first.session.cookies["session_id"]}
    tabs = [shops.Buyer(server.url) for _tab in range(count)]
    for tab in tabs:
        tab.session.cookies.update(kept)
    return tabs


@pytest.mark.parametrize(
    ("cookie", "rounds"),
    [
        ("dgid", ROUNDS),
        ("session_id", 3),
        pytest.param("dgid", MANY_ROUNDS, marks=pytest.mark.long),
    ],
)
def test_two_first_messages_of_one_browser_at_once_open_one_chat(server, shop, cookie, rounds):
    for _round in range(rounds):
        reception = shop.open_reception([100, 100], max_sessions=5)
        tabs = make_tabs(server, shop, cookie)
        answers = together(*(partial(tab.open_chat, reception) for tab in tabs))
        assert not [answer for answer in answers if answer.failed]
        assert len({answer.chat_id for answer in answers}) == 1, answers
        assert open_chats(shop, reception) == [(answers[0].chat_id, "assigned")]
        assert sum(reception.open_chats().values()) == 1
        words = shop.sql(
            "SELECT count(*) FROM mail_message WHERE model = 'discuss.channel' AND res_id = %s"
            " AND message_type = 'comment'",
            answers[0].chat_id,
        )
        assert words == [(2,)]


def test_two_tabs_stand_in_line_once(server, shop):
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True)
    assert shops.Buyer(server.url).open_chat(reception).chat_id
    for place in range(1, 6):
        tabs = make_tabs(server, shop, "dgid")
        answers = together(*(partial(tab.open_chat, reception) for tab in tabs))
        assert len({answer.chat_id for answer in answers}) == 1, answers
        assert sum(state == "queued" for _id, state in open_chats(shop, reception)) == place


def sign_in(shop, buyer):
    """Let this buyer sign in, with an account that nobody else has, in the same browser."""
    login = f"buyer-{secrets.token_hex(4)}"
    shop.call(
        "res.users",
        "create",
        [
            {
                "name": "Buyer",
                "login": login,
                "password": login,
                "group_ids": [[6, 0, [shop.ref("base.group_portal")]]],
            }
        ],
        context={"no_reset_password": True},
    )
    answer = shops.post(
        buyer.session,
        f"{buyer.url}/web/session/authenticate",
        {"db": shop.db, "login": login, "password": login},
    )
    assert not answer.failed, answer.text


def test_a_guest_who_signs_in_returns_to_who_answered(server, shop):
    """On a channel without groups, where equal weights would give a stranger to the other one."""
    reception = shop.open_reception([100, 100], sticky_hours=72)
    buyer = shops.Buyer(server.url)
    chat_id = buyer.open_chat(reception).chat_id
    (first,) = reception.served()
    login = next(agent.login for agent in reception.agents if agent.user_id == first)
    agent = shops.Shop(shop.db, server.url, login, login)
    answered = shops.post(
        agent.session,
        f"{server.url}/mail/message/post",
        {
            "thread_model": "discuss.channel",
            "thread_id": chat_id,
            "post_data": {
                "body": "Yes, in red.",
                "message_type": "comment",
                "subtype_xmlid": "mail.mt_comment",
            },
        },
    )
    assert not answered.failed, answered.text
    buyer.leave(chat_id)
    sign_in(shop, buyer)
    again = buyer.open_chat(reception)
    assert again.chat_id not in (None, chat_id), again.text
    assert reception.served() == [first, first]


def test_a_buyer_who_signs_in_while_waiting_keeps_the_place(server, shop):
    reception = shop.open_reception([100], max_sessions=1, queue_enabled=True)
    assert shops.Buyer(server.url).open_chat(reception).chat_id
    buyer, behind = shops.Buyer(server.url), shops.Buyer(server.url)
    chat_id = buyer.open_chat(reception).chat_id
    last_id = behind.open_chat(reception).chat_id
    sign_in(shop, buyer)
    assert buyer.open_chat(reception).chat_id == chat_id
    waiting = [row for row in open_chats(shop, reception) if row[1] == "queued"]
    assert sorted(waiting) == [(chat_id, "queued"), (last_id, "queued")]
    told = shops.post(buyer.session, f"{server.url}/im_livechat_subaccount/here", {}).body["result"]
    (chat,) = told["discuss.channel"]
    assert chat["dispatch_wait"]["place"] == 1


def test_twenty_requests_of_one_cookie_at_once_open_one_chat_and_none_fails(server, shop):
    reception = shop.open_reception([100] * 9, max_sessions=1)
    tabs = make_tabs(server, shop, "dgid", 20)
    answers = together(*(partial(tab.open_chat, reception, words="") for tab in tabs))
    assert not [answer for answer in answers if answer.failed], answers
    assert len({answer.chat_id for answer in answers}) == 1
    assert len(open_chats(shop, reception)) == 1


def test_first_signs_of_life_of_one_cookie_at_once_all_count(server, shop):
    for _guest in range(5):
        tabs = make_tabs(server, shop, "dgid", 6)
        url = f"{server.url}/im_livechat_subaccount/here"
        answers = together(*(partial(shops.post, tab.session, url, {}) for tab in tabs))
        assert not [answer.text for answer in answers if answer.failed]
        guest_id = int(tabs[0].session.cookies["dgid"].split("|")[0])
        signs = "SELECT status FROM mail_presence WHERE guest_id = %s"
        assert shop.sql(signs, guest_id) == [("online",)]


def test_nine_without_a_word_close_no_shop(server, shop):
    """No cron runs on this server."""
    assert server.cron == 0
    reception = shop.open_reception([100] * 3, max_sessions=3)
    silent = [shops.Buyer(server.url).open_chat(reception, words="").chat_id for _n in range(9)]
    assert all(silent)
    assert shops.Buyer(server.url).open_chat(reception).chat_id is None
    shop.sql(
        "UPDATE discuss_channel"
        " SET dispatch_wordless_since = dispatch_wordless_since - interval '1 minute'"
        " WHERE id = ANY(%s)",
        silent,
    )
    answers = reception.arrive_together([server.url], 12)
    assert sum(bool(answer.chat_id) for answer in answers) == 9
    held = shop.sql(
        "SELECT count(*) FROM discuss_channel WHERE livechat_channel_id = %s"
        " AND dispatch_state = 'assigned' AND dispatch_wordless_since IS NULL",
        reception.id,
    )
    assert held == [(9,)]


def test_all_processes_count_together(template):
    """A shop behind a proxy, which says whose request it passes on."""
    with devenv.temp_db(template) as db, devenv.Server(db, 4, args=["--proxy-mode"]) as server:
        shop = shops.Shop(db, server.url)
        reception = shop.open_reception([100] * 3)
        shop.call("ir.config_parameter", "set_param", "im_livechat_subaccount.address_chats", "12")
        buyers = [shops.Buyer(server.url) for _buyer in range(30)]
        for buyer in buyers:
            buyer.session.headers.update(
                {"X-Forwarded-Host": "shop.example.com", "X-Forwarded-For": "203.0.113.7"}
            )
        answers = together(*(partial(buyer.open_chat, reception) for buyer in buyers))
    assert not [answer for answer in answers if answer.failed]
    assert sum(bool(answer.chat_id) for answer in answers) == 12
    refusals = [answer.body["result"] for answer in answers if not answer.chat_id]
    assert all("wait a minute" in refusal["dispatch_refusal"] for refusal in refusals)
