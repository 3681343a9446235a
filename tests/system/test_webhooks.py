"""What docs/api.md says of automation rules: another program is told of what happens."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import shop as shops

import devenv

DECISION, CHAT = "livechat.dispatch.decision", "discuss.channel"
USER, SUBACCOUNT = "res.users", "livechat.subaccount"

#: ``{name: (model, trigger, fields that trigger, condition, fields that are sent)}``
RULES = {
    "got an agent": (DECISION, "on_create", [], [("kind", "=", "assign")], ["rule", "user_id"]),
    "begins to wait": (
        CHAT,
        "on_create_or_write",
        ["dispatch_state"],
        [("dispatch_state", "in", ("queued", "pool"))],
        [],
    ),
    "has ended": (
        CHAT,
        "on_create_or_write",
        ["livechat_end_dt"],
        [("livechat_end_dt", "!=", False)],
        [],
    ),
    "paused": (
        USER,
        "on_create_or_write",
        ["dispatch_paused"],
        [("dispatch_paused", "=", True)],
        ["login"],
    ),
    "goes on": (
        USER,
        "on_create_or_write",
        ["dispatch_paused"],
        [("dispatch_paused", "=", False)],
        ["login"],
    ),
    "account was made": (SUBACCOUNT, "on_create", [], [], ["login"]),
    "account has another state": (SUBACCOUNT, "on_create_or_write", ["state"], [], ["state"]),
}


@contextmanager
def listening():
    """Yield ``(address, what was sent to it)`` of a program that is told."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append((self.path, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args):
            pass

    program = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=program.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{program.server_port}", calls
    finally:
        program.shutdown()
        program.server_close()


@pytest.fixture
def shop(template):
    with devenv.temp_db(template) as db:
        devenv.install(db, ["base_automation"])
        with devenv.Server(db, workers=2) as server:
            yield shops.Shop(db, server.url)


def find_model(shop, name):
    (model,) = shop.call("ir.model", "search", [("model", "=", name)])
    return model


def find_fields(shop, model, names):
    return shop.call("ir.model.fields", "search", [("model", "=", model), ("name", "in", names)])


def make_rule(shop, address, name):
    model, trigger, when, condition, sent = RULES[name]
    action = {
        "name": name,
        "model_id": find_model(shop, model),
        "state": "webhook",
        "webhook_url": f"{address}/{list(RULES).index(name)}",
        "webhook_field_ids": [[6, 0, find_fields(shop, model, sent)]],
        "usage": "base_automation",
    }
    rule = {
        "name": name,
        "model_id": find_model(shop, model),
        "trigger": trigger,
        "filter_domain": repr(condition),
        "trigger_field_ids": [[6, 0, find_fields(shop, model, when)]],
        "action_server_ids": [[0, 0, action]],
    }
    shop.call("base.automation", "create", [rule])


def test_each_rule_calls_the_address_when_it_happens(shop):
    owner, _stranger = shop.add_agents(
        [100, 100],
        online=False,
        group_ids=[
            [4, shop.ref("base.group_user")],
            [4, shop.ref("im_livechat_subaccount.group_main_account")],
        ],
    )
    reception = shop.open_reception(
        [100], max_sessions=1, queue_enabled=True, main_account_id=owner.user_id
    )
    (agent,) = reception.agents
    with listening() as (address, calls):
        for name in RULES:
            make_rule(shop, address, name)

        def wait_for(name, **values):
            """Wait until the address was told of this, once."""
            path = f"/{list(RULES).index(name)}"

            def find():
                found = [
                    sent for to, sent in calls if to == path and values.items() <= sent.items()
                ]
                assert len(found) <= 1, found
                return found

            (sent,) = shops.wait_until(find, f"nobody was told: {name} {values}; but: {calls}")
            assert sent["_model"] == RULES[name][0]
            return sent

        first, second = shops.Buyer(shop.url), shops.Buyer(shop.url)
        served = first.open_chat(reception).chat_id
        assert wait_for("got an agent", user_id=agent.user_id)["rule"] == "share"
        waits = second.open_chat(reception).chat_id
        wait_for("begins to wait", _id=waits)
        first.leave(served)
        wait_for("has ended", _id=served)

        shop.call("res.users", "dispatch_pause", [agent.user_id])
        wait_for("paused", _id=agent.user_id, login=agent.login)
        shop.call("res.users", "dispatch_resume", [agent.user_id])
        wait_for("goes on", _id=agent.user_id)

        (account,) = shop.call(
            SUBACCOUNT, "create", [{"name": "Chen Jing", "main_account_id": owner.user_id}]
        )
        wait_for("account was made", _id=account)
        ((user, _name),) = [
            row["user_id"] for row in shop.call(SUBACCOUNT, "read", [account], ["user_id"])
        ]
        # As the activation page does.
        shop.call("res.users", "write", [user], {"password": "Orchid-Lamp-2041", "active": True})
        wait_for("account has another state", _id=account, state="enabled")
        shop.call(SUBACCOUNT, "action_disable", [account])
        wait_for("account has another state", _id=account, state="disabled")
