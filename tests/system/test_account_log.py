"""What is written down of log-ins stays, although the request that fails takes all else with it."""

import xmlrpc.client

import requests
import shop as shops


def read_rows(shop, user_id):
    return shop.sql(
        "SELECT event, times, address FROM livechat_account_log"
        " WHERE account_id = %s AND event LIKE 'login%%' ORDER BY id",
        user_id,
    )


def log_in(server, shop, login, password):
    return shops.post(
        requests.Session(),
        f"{server.url}/web/session/authenticate",
        {"db": shop.db, "login": login, "password": password},
    )


def test_a_failed_log_in_is_written_down_on_every_way(server, shop):
    main_account = shop.ref("im_livechat_subaccount.group_main_account")
    (owner,) = shop.add_agents([100])
    shop.call("res.users", "write", [owner.user_id], {"group_ids": [[4, main_account]]})
    assert log_in(server, shop, owner.login, "wrong").failed
    assert log_in(server, shop, owner.login, "wrong").failed
    common = xmlrpc.client.ServerProxy(f"{server.url}/xmlrpc/2/common")
    assert not common.authenticate(shop.db, owner.login, "wrong", {})
    assert not log_in(server, shop, owner.login, owner.login).failed
    # Odoo does not tell its RPC where a call comes from.
    assert {*read_rows(shop, owner.user_id)} == {
        ("login_failed", 2, "127.0.0.1"),
        ("login_failed", 1, None),
        ("login", 1, "127.0.0.1"),
    }


def test_who_has_no_shop_leaves_nothing(server, shop):
    (agent,) = shop.add_agents([100])
    assert log_in(server, shop, agent.login, "wrong").failed
    assert not log_in(server, shop, agent.login, agent.login).failed
    assert read_rows(shop, agent.user_id) == []
