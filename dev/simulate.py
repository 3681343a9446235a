"""A shop that is alive: agents at their desks, buyers who ask, over Odoo's real routes.

Used by ``dev/demo --simulate``. Everybody logs in, chats and leaves over HTTP and holds a
websocket, as a browser does. It is bounded: CHATS chats, SECONDS seconds, whichever comes first.
"""

from __future__ import annotations

import collections
import contextlib
import json
import random
import re
import threading
import time

import requests
import websocket

import devenv

CHATS = 40
SECONDS = 300
BUYERS_AT_ONCE = 6
BUS_VERSION = "19.0-2"  # what bus/websocket.py of this Odoo wants to hear
TIMEOUT = 30  # seconds for one request

QUESTIONS = (
    "Hello, is the desk in stock?",
    "Do you deliver to the Netherlands?",
    "How long does the delivery take?",
    "Can I have an invoice with my company's name?",
    "What is the size of the drawer?",
    "Is there a discount for ten chairs?",
    "Which wood is the table made of?",
    "May I return it when it does not fit?",
)
ANSWERS = (
    "Hello! Let me look that up for you.",
    "Yes, we have it here.",
    "Two to three working days.",
    "Of course, please write the name in the order's note.",
    "You can return it within thirty days.",
)


class Person:
    """Somebody with a browser: cookies, JSON-RPC and a websocket."""

    def __init__(self, url, stopping):
        self.url, self.stopping = url, stopping
        self.session = requests.Session()
        self.socket = None
        self.last = 0

    def call(self, path, **params):
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        answer = self.session.post(f"{self.url}{path}", json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        answer = answer.json()
        if "error" in answer:
            raise RuntimeError(f"{path}: {answer['error']['data']['message']}")
        return answer.get("result")

    def connect(self):
        cookie = "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())
        self.socket = websocket.create_connection(
            f"{self.url.replace('http', 'ws', 1)}/websocket?version={BUS_VERSION}",
            origin=self.url,
            cookie=cookie,
            timeout=TIMEOUT,
        )
        self.socket.settimeout(1)
        self.subscribe()
        self.show_presence()

    def send(self, event, **data):
        self.socket.send(json.dumps({"event_name": event, "data": data}))

    def subscribe(self):
        self.send("subscribe", channels=[], last=self.last)

    def show_presence(self):
        self.send("update_presence", inactivity_period=0)

    def notifications(self, seconds):
        """What the bus brings within ``seconds``, as (type, payload)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping.is_set():
            try:
                received = json.loads(self.socket.recv() or "[]")
            except websocket.WebSocketTimeoutException:
                continue
            for notification in received:
                self.last = max(self.last, notification["id"])
                yield notification["message"]["type"], notification["message"].get("payload") or {}

    def say(self, chat, text):
        self.call(
            "/mail/message/post",
            thread_model="discuss.channel",
            thread_id=chat,
            post_data={"body": text, "message_type": "comment", "subtype_xmlid": "mail.mt_comment"},
        )

    def close(self):
        if self.socket:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self.socket.close(timeout=1)


class Agent(Person):
    def __init__(self, url, stopping, db, login):
        super().__init__(url, stopping)
        user = self.call("/web/session/authenticate", db=db, login=login, password=login)
        self.login, self.name, self.partner_id = login, user["name"], user["partner_id"]

    def work(self):
        """Answer what buyers write until it is over; a lost connection is made again."""
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self.connect()
                self.answer()
            self.close()
            self.stopping.wait(1)

    def answer(self):
        known = set()
        seen = time.monotonic()
        while not self.stopping.is_set():
            for kind, payload in self.notifications(5):
                if kind == "mail.record/insert":
                    chats = {chat["id"] for chat in payload.get("discuss.channel", ())}
                    if chats - known:
                        # A new chat is a new bus channel; the browser subscribes again as well.
                        known |= chats
                        self.subscribe()
                elif kind == "discuss.channel/new_message":
                    (message, *_) = payload["data"]["mail.message"]
                    if message.get("author_guest_id") and not self.stopping.wait(
                        random.uniform(0.5, 2)
                    ):
                        self.say(payload["id"], random.choice(ANSWERS))
            if time.monotonic() - seen > 30:
                seen = time.monotonic()
                self.show_presence()


class Buyer(Person):
    def chat(self, channel):
        """One visit: open the chat, ask, wait for answers, leave; the agent's partner or None."""
        self.session.get(f"{self.url}/shop", timeout=TIMEOUT).raise_for_status()
        # first the empty window, then the first message makes it a chat
        self.call("/im_livechat/get_session", channel_id=channel, persisted=False)
        opened = self.call("/im_livechat/get_session", channel_id=channel, persisted=True)
        chat = opened and opened["channel_id"]
        if not chat:
            return None
        self.connect()
        for question in random.sample(QUESTIONS, random.randint(1, 3)):
            self.say(chat, question)
            for kind, payload in self.notifications(random.uniform(6, 12)):
                if kind == "discuss.channel/new_message" and payload["data"]["mail.message"][0].get(
                    "author_id"
                ):
                    break
            self.stopping.wait(random.uniform(1, 4))
        if random.random() < 0.5:
            self.call("/im_livechat/feedback", channel_id=chat, rate=random.choice([5, 5, 5, 3, 1]))
        self.call("/im_livechat/visitor_leave_session", channel_id=chat)
        self.close()
        operator = opened["store_data"]["discuss.channel"][0]["livechat_operator_id"]
        return operator["id"] if isinstance(operator, dict) else operator


def run(url, db, chats=CHATS, seconds=SECONDS):
    """Agents and buyers of ``db`` chat over ``url``; returns the number of chats per agent."""
    channel, logins = _reception(db)
    stopping = threading.Event()
    threads, buyers = [], []
    agents = list(_log_in(url, stopping, db, logins))
    if not agents:
        print("Simulation: nobody is at the desks", flush=True)
        return collections.Counter()
    names = {agent.partner_id: agent.name for agent in agents}
    served = collections.Counter()
    left = iter(range(chats))
    lock = threading.Lock()
    print(f"Simulation: {len(agents)} agents, {chats} buyers, {seconds} s at most", flush=True)

    def buy():
        while not stopping.is_set():
            with lock:
                if next(left, None) is None:
                    return
            try:
                agent = Buyer(url, stopping).chat(channel)
            except Exception as error:  # what a buyer meets is told, and the next one comes
                if stopping.is_set():
                    return
                agent, text = "error", f"a buyer met an error: {error}"
            else:
                text = f"a buyer chatted with {names.get(agent, agent)}" if agent else "nobody free"
            with lock:
                served[agent] += 1
                print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True)
            # who found nobody leaves the door to the next one for a while
            stopping.wait(random.uniform(0, 3) if agent else random.uniform(5, 10))

    try:
        threads += [threading.Thread(target=agent.work, daemon=True) for agent in agents]
        for thread in threads:
            thread.start()
        _wait_until_online(db, [agent.login for agent in agents])
        buyers = [threading.Thread(target=buy, daemon=True) for _ in range(BUYERS_AT_ONCE)]
        for thread in buyers:
            thread.start()
        deadline = time.monotonic() + seconds
        for thread in buyers:
            thread.join(max(0.0, deadline - time.monotonic()))
    finally:
        stopping.set()
    for thread in [*threads, *buyers]:
        thread.join(TIMEOUT)
    print("Chats served:")
    for agent, count in served.most_common():
        print(f"  {names.get(agent) or agent or 'nobody free':<20}{count}")
    return served


def _log_in(url, stopping, db, logins):
    """Yield the agents who can log in; who cannot is told."""
    for login in logins:
        try:
            yield Agent(url, stopping, db, login)
        except (RuntimeError, OSError) as error:
            print(f"  {login} stays away, the login failed: {error}", flush=True)


def _wait_until_online(db, logins):
    """The first page of a fresh server takes its time; buyers come when the desks are manned."""
    deadline = time.monotonic() + 60
    with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM mail_presence p JOIN res_users u ON u.id = p.user_id"
                " WHERE p.status = 'online' AND u.login = ANY(%s)",
                [logins],
            )
            if cursor.fetchone()[0] == len(logins):
                return
            time.sleep(0.5)
    raise devenv.DevError("the agents did not come online within a minute")


def read_people(db):
    """The demo's own users, whose passwords are their logins, and the others of its shops.

    Returns rows ``(XML id or None, login, name, weight, is_subaccount)``, main accounts first.
    """
    with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.name, u.login, p.name, u.dispatch_weight, u.main_account_id IS NOT NULL
              FROM res_users u
              JOIN res_partner p ON p.id = u.partner_id
         LEFT JOIN ir_model_data d
                ON d.module = %s AND d.model = 'res.users' AND d.res_id = u.id
             WHERE u.active AND (d.name LIKE 'user_%%' OR u.main_account_id IS NOT NULL OR u.id IN (
                       SELECT main_account_id FROM res_users WHERE main_account_id IS NOT NULL))
          ORDER BY u.share, u.main_account_id NULLS FIRST, d.name IS NULL, u.login
            """,
            [devenv.ADDON],
        )
        return cursor.fetchall()


def _reception(db):
    """The demo's channel, and the logins of its front desk and of the packer, whom no buyer of
    ``/shop`` ever meets; the other groups' agents have no work there."""
    with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT res_id FROM ir_model_data"
            " WHERE module = %s AND name = 'im_livechat_channel_flagship'",
            [devenv.ADDON],
        )
        channel = cursor.fetchone()
    if not channel:
        raise devenv.DevError("the demo's channel is gone; dev/demo --fresh starts over")
    front = re.compile(r"user_flagship_(desk\d|packer)$")
    return channel[0], [login for name, login, *_ in read_people(db) if front.match(name or "")]
