"""A shop as the outside meets it: an administrator, agents, channels, and buyers over HTTP.

Shared by the tests in this folder and by bench/. Set-up goes through Odoo's own routes as the
administrator; what happened is read from PostgreSQL, so that no view or cache stands in between.
"""

import base64
import contextlib
import hashlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import requests

import devenv

#: Seconds a request may take; Odoo itself gives up on one after 120.
TIMEOUT = 100
#: Seconds until something that is to happen is given up: a busy machine may need many of them.
PATIENCE = 100

#: The last sign of life of agents without a browser, who are here for as long as a test takes.
EVER = "2100-01-01 00:00:00"

_unique = itertools.count(random.SystemRandom().randrange(10**6) * 1000)


class Answer(NamedTuple):
    """What came back from one request; ``status`` is 0 when nothing came back."""

    status: int
    body: dict
    text: str = ""

    @property
    def chat_id(self):
        """The id of the chat that was opened, None when none was."""
        result = self.body.get("result") or {}
        return result.get("channel_id") if result.get("channel_id", -1) > 0 else None

    @property
    def failed(self):
        """Whether something went wrong, other than that nobody can take the chat."""
        return self.status != 200 or "error" in self.body or "jsonrpc" not in self.body


def hash_quickly(password):
    """Return a password as Odoo stores it, with one round: with all of them it takes a third of a
    second, and most agents of these tests never log in. Who does gets all."""
    salt = b"as good as any.."
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 1)
    parts = (
        base64.b64encode(part).decode().rstrip("=").replace("+", ".") for part in (salt, digest)
    )
    return f"$pbkdf2-sha512$1${'$'.join(parts)}"


def wait_until(condition, what):
    """Return the first answer of ``condition`` that is true.

    :raise AssertionError: ``what``, when there is none.
    """
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return answer


def post(session, url, params, raw=None, **options):
    """Send one JSON-RPC request, as the widget does; never raises."""
    body = (
        raw
        if raw is not None
        else json.dumps({"jsonrpc": "2.0", "method": "call", "params": params})
    )
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    options = {"timeout": TIMEOUT, **options}
    try:
        response = session.post(url, data=body, headers=headers, **options)
    except requests.RequestException as error:
        return Answer(0, {}, str(error))
    try:
        content = response.json()
    except ValueError:
        content = {}
    return Answer(response.status_code, content if isinstance(content, dict) else {}, response.text)


class Buyer:
    """Somebody with a browser of their own (cookies), on a page of the shop."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()

    def open_chat(self, channel, words="Hello", **params):
        """Start a chat with a first word, or with ``persisted=False`` only look at the widget."""
        params = {"channel_id": channel.id, "persisted": True, **params}
        answer = post(self.session, f"{self.url}/im_livechat/get_session", params)
        if words and answer.chat_id:
            self.say(answer.chat_id, words)
        return answer

    def say(self, chat_id, words):
        params = {
            "thread_model": "discuss.channel",
            "thread_id": chat_id,
            "post_data": {
                "body": words,
                "message_type": "comment",
                "subtype_xmlid": "mail.mt_comment",
            },
        }
        return post(self.session, f"{self.url}/mail/message/post", params)

    def leave(self, chat_id):
        answer = post(
            self.session, f"{self.url}/im_livechat/visitor_leave_session", {"channel_id": chat_id}
        )
        assert not answer.failed, answer.text
        return answer


class Agent(NamedTuple):
    user_id: int
    partner_id: int
    weight: int
    name: str
    login: str


class Shop:
    """A database behind a server, seen by its administrator or by whoever else logs in."""

    def __init__(self, db, url, login="admin", password="admin"):
        self.db, self.url = db, url
        self.session = requests.Session()
        answer = post(
            self.session,
            f"{url}/web/session/authenticate",
            {"db": db, "login": login, "password": password},
        )
        assert not answer.failed, answer.text
        if login == "admin":
            # All buyers here have one address.
            parameter = "im_livechat_subaccount.address_chats"
            self.call("ir.config_parameter", "set_param", parameter, "0")

    def call(self, model, method, *args, **kwargs):
        """Call a method as the web client does."""
        answer = post(
            self.session,
            f"{self.url}/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )
        assert not answer.failed, f"{model}.{method}: {answer.text}"
        # A method that returns nothing is answered without a result.
        return answer.body.get("result")

    def ref(self, xmlid):
        module, name = xmlid.split(".")
        ((res_id,),) = self.sql(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s", module, name
        )
        return res_id

    def run_cron(self, xmlid):
        """Run a job as if servers had run it whenever it was due; by itself none runs here."""
        cron = self.ref(xmlid)
        self.sql("UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' WHERE id = %s", cron)
        self.call("ir.cron", "method_direct_trigger", [cron])

    def sql(self, query, *parameters):
        """Run one statement in a transaction of its own; the rows, or how many were changed."""
        with (
            contextlib.closing(devenv.connect(self.db)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def add_agents(self, weights, online=True, weigh=True, **values):
        """Create agents, with the right to receive buyers and a presence.

        The password is the login.

        :param weigh: False where the addon is not installed
        """
        marks = [f"{next(_unique)}" for _weight in weights]
        ids = self.call(
            "res.users",
            "create",
            [
                {
                    "name": f"Agent {mark}",
                    "login": f"agent{mark}",
                    "group_ids": [
                        [4, self.ref("base.group_user")],
                        [4, self.ref("im_livechat.im_livechat_group_user")],
                    ],
                    **({"dispatch_weight": weight} if weigh else {}),
                    **values,
                }
                for mark, weight in zip(marks, weights)
            ],
            context={"no_reset_password": True},
        )
        if online:
            self.call(
                "mail.presence",
                "create",
                [{"user_id": user_id, "status": "online", "last_poll": EVER} for user_id in ids],
            )
        rows = self.sql(
            "SELECT users.id, partner_id, name, users.login FROM res_users users"
            " JOIN res_partner partner ON partner.id = partner_id"
            " WHERE users.id = ANY(%s) ORDER BY users.id",
            ids,
        )
        self.sql(
            "UPDATE res_users SET password = new.password"
            " FROM unnest(%s::integer[], %s::text[]) new (id, password)"
            " WHERE res_users.id = new.id",
            [user_id for user_id, *_rest in rows],
            [hash_quickly(login) for *_rest, login in rows],
        )
        return [
            Agent(user, partner, weight, name, login)
            for (user, partner, name, login), weight in zip(rows, weights)
        ]

    def open_reception(self, weights, mode="share", max_sessions=None, **values):
        """Create a channel with agents of these weights.

        :param mode: ``dispatch_mode``; None where the addon is not installed
        :param max_sessions: capacity at weight 100, None for no limit
        """
        agents = self.add_agents(weights, weigh=mode is not None)
        limit = (
            {"max_sessions_mode": "limited", "max_sessions": max_sessions} if max_sessions else {}
        )
        (channel_id,) = self.call(
            "im_livechat.channel",
            "create",
            [
                {
                    "name": f"Reception {next(_unique)}",
                    "user_ids": [[6, 0, [agent.user_id for agent in agents]]],
                    **({"dispatch_mode": mode} if mode else {}),
                    **({"max_sessions_mode": "unlimited"} | limit),
                    **values,
                }
            ],
        )
        return Reception(self, channel_id, agents)


class Reception:
    """A live chat channel with its agents."""

    def __init__(self, shop, channel_id, agents):
        self.shop, self.id, self.agents = shop, channel_id, agents

    def served(self):
        """The user who got each chat of this channel, in the order of the chats."""
        rows = self.shop.sql(
            "SELECT users.id FROM discuss_channel chat"
            " JOIN res_users users ON users.partner_id = livechat_operator_id"
            " WHERE livechat_channel_id = %s ORDER BY chat.id",
            self.id,
        )
        return [user_id for (user_id,) in rows]

    def open_chats(self):
        """``{user_id: open chats}``, counted from core's own records, not from the addon's."""
        rows = self.shop.sql(
            """
            SELECT users.id, count(DISTINCT chat.id)
              FROM discuss_channel chat
              JOIN discuss_channel_member member ON member.channel_id = chat.id
              JOIN res_users users ON users.partner_id = member.partner_id
             WHERE chat.livechat_channel_id = %s AND chat.livechat_end_dt IS NULL
          GROUP BY users.id
            """,
            self.id,
        )
        return Counter(dict(rows))

    def credits(self):
        """``{user_id: credit}`` of the agents, in chats with two digits, as the administrator
        sees them."""
        rows = self.shop.call(
            "res.users", "read", [agent.user_id for agent in self.agents], ["dispatch_credit"]
        )
        return {row["id"]: row["dispatch_credit"] for row in rows}

    def close_all(self):
        """End every open chat, through the ORM with an administrator's rights."""
        code = (
            f"env['discuss.channel'].sudo().search([('livechat_channel_id', '=', {self.id}),"
            " ('livechat_end_dt', '=', False)]).write("
            # As Odoo itself tells it, in whole seconds.
            "{'livechat_end_dt': datetime.datetime.now().replace(microsecond=0)})"
        )
        (action,) = self.shop.call(
            "ir.actions.server",
            "create",
            [
                {
                    "name": "Close",
                    "model_id": self.shop.ref("mail.model_discuss_channel"),
                    "state": "code",
                    "code": code,
                }
            ],
        )
        self.shop.call("ir.actions.server", "run", [action])
        assert not self.open_chats()

    def serve(self, count, close):
        """``count`` buyers come one after another.

        :param close: whether each leaves before the next comes.
        :return: after each of them, ``{user_id: chats so far}``.
        """
        for _number in range(count):
            buyer = Buyer(self.shop.url)
            answer = buyer.open_chat(self)
            assert not answer.failed, answer.text
            assert answer.chat_id
            if close:
                buyer.leave(answer.chat_id)
        counts = dict.fromkeys((agent.user_id for agent in self.agents), 0)
        history = []
        for user_id in self.served():
            counts[user_id] += 1
            history.append(dict(counts))
        assert len(history) == count
        return history

    def arrive_together(self, urls, count, at_start=None, **params):
        """``count`` buyers, spread over ``urls``, ask for a chat at the same moment.

        :param at_start: called in the main thread when they have been let go
        :return: their answers
        """
        gate = threading.Barrier(count + 1)

        def arrive(url):
            buyer = Buyer(url)
            gate.wait()
            return buyer.open_chat(self, **params)

        with ThreadPoolExecutor(count) as pool:
            asked = [
                pool.submit(arrive, url) for url in itertools.islice(itertools.cycle(urls), count)
            ]
            gate.wait()
            if at_start:
                at_start()
            return [answer.result() for answer in asked]
