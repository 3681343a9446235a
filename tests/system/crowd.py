"""Buyers who come when they come, and agents at their desks: an open loop, over HTTP and websocket.

Shared by test_load.py and bench/load.py. When each buyer comes, and what it will do, is drawn from
a seed before the first one comes; slow answers delay nobody who comes later. Everything is bounded:
the number of buyers, the patience of each, and the seconds of all. One process and one event loop
hold hundreds of people.
"""

import asyncio
import contextlib
import json
import math
import random
import statistics
import threading
import time
from collections import Counter, defaultdict, deque
from typing import NamedTuple

import aiohttp
import shop as shops
import yarl

import devenv

BUS_VERSION = "19.0-2"  # what bus/websocket.py of this Odoo wants to hear
#: Seconds between two signs of life of a page.
SIGN_EVERY = 50
#: As many requests are under way at the same time; the others wait in front of the server, as they
#: would in its proxy. What they wait counts.
AT_ONCE = 64
#: So many milliseconds the page Reception waits for what comes together (reception_model.js).
TOGETHER = 0.150
#: As there: it rests so many times as long as its answers took, and at most so many seconds. If it
#: hears of more than so many changes in a rest that is longer than so much, it hears of none, and
#: rests so many times as long; so many seconds after it has begun to listen it looks once more.
RESTS, LONGEST_REST, MANY, LONG_REST, DEAF_RESTS, LISTENING = 19, 5, 15, 2, 4, 2
SIGNALS = "livechat_dispatch.reception"


class Script(NamedTuple):
    """When one buyer comes, and what it will do."""

    comes_at: float
    """Seconds after the start."""
    questions: int
    thinks: float
    """Seconds before the next question, and before it leaves."""
    rate: int | None
    vanishes: bool
    """Without a word: its browser is closed, and the chat is not ended."""


def plan(seed, buyers, seconds):
    """Return the scripts of so many buyers, who come at random moments of so many seconds."""
    dice = random.Random(seed)
    moments = sorted(dice.uniform(0, seconds) for _number in range(buyers))
    return [
        Script(
            comes_at,
            questions=dice.choice((1, 1, 2, 3)),
            thinks=dice.uniform(0.5, 3),
            rate=dice.choice((None, None, 1, 3, 5)),
            vanishes=dice.random() < 0.15,
        )
        for comes_at in moments
    ]


class Pace(NamedTuple):
    """How agents work, in seconds."""

    thinks: tuple = (0.5, 2)
    """Between which an answer takes."""
    closes_after: float = 8
    """A chat in which the buyer has been silent for so long is ended."""
    patience: float = 45
    """So long a buyer waits for an answer, then it leaves."""
    transfers: float = 0
    """How likely an agent passes on a chat that it was given."""
    pauses: float = 0
    """How likely an agent pauses after an answer, for a moment."""
    sleeps: float = 0
    """How likely its connection is lost after an answer, for a moment."""


#: Who does nothing but answer and end.
STEADY = Pace()
#: Who does all that agents do.
LIVELY = Pace(transfers=0.1, pauses=0.05, sleeps=0.03)


class Meter:
    """What was measured: seconds by step, and how often what happened."""

    def __init__(self):
        self.seconds = defaultdict(list)
        self.counts = Counter()
        self.errors = []

    def fail(self, what, error):
        self.counts["errors"] += 1
        if len(self.errors) < 20:
            self.errors.append(f"{what}: {error!r:.300}")

    def quantiles(self, step):
        """Return p50, p95 and p99 of a step in milliseconds."""
        return find_quantiles(self.seconds[step])


def find_quantiles(seconds):
    """Return p50, p95 and p99 in milliseconds, ``None`` of less than two."""
    if len(seconds) < 2:
        return None
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [round(1000 * cuts[place - 1], 1) for place in (50, 95, 99)]


class Town:
    """A server, and all who have their browsers open on it."""

    def __init__(self, server, meter):
        # The ports of the workers: the proxy of the tests is no part of what is measured.
        self.url = f"http://127.0.0.1:{server.http_port}"
        self.bus_url = f"http://127.0.0.1:{server.gevent_port}"
        self.meter = meter

    async def __aenter__(self):
        self.gate = asyncio.Semaphore(AT_ONCE)
        # A worker answers one request a connection.
        self.connector = aiohttp.TCPConnector(limit=0, force_close=True)
        return self

    async def __aexit__(self, *_error):
        await self.connector.close()


class Browser:
    """Somebody's cookies, JSON-RPC and websocket."""

    def __init__(self, town, cookies=None):
        self.town, self.meter = town, town.meter
        self.session = aiohttp.ClientSession(
            connector=town.connector,
            connector_owner=False,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            cookies=cookies,
            timeout=aiohttp.ClientTimeout(total=shops.TIMEOUT),
        )
        self.socket = None
        self.last = 0

    async def close(self):
        await self.disconnect()
        await self.session.close()

    async def get(self, path, step):
        """Open a page; whether that went well. What it waited for its turn counts."""
        began = time.perf_counter()
        try:
            async with self.town.gate, self.session.get(self.town.url + path) as response:
                await response.read()
                is_well = response.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            self.meter.fail(step, error)
            return False
        self.meter.seconds[step].append(time.perf_counter() - began)
        if not is_well:
            self.meter.fail(step, response.status)
        return is_well

    async def call(self, path, step, may_fail=False, **params):
        """Send one JSON-RPC request; the result, and whether it came.

        :param may_fail: the server may refuse it, with an error of its own.
        """
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        began = time.perf_counter()
        try:
            async with (
                self.town.gate,
                self.session.post(self.town.url + path, json=body) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            self.meter.fail(step, error)
            return None, False
        if "error" in answer:
            if may_fail:
                self.meter.counts[f"{step} refused"] += 1
            else:
                self.meter.fail(step, answer["error"])
            return None, False
        self.meter.seconds[step].append(time.perf_counter() - began)
        return answer.get("result"), True

    async def call_kw(self, model, method, *args, step, may_fail=False, **kwargs):
        return await self.call(
            f"/web/dataset/call_kw/{model}/{method}",
            step,
            may_fail,
            model=model,
            method=method,
            args=args,
            kwargs=kwargs,
        )

    async def say(self, chat_id, words, step):
        _result, is_well = await self.call(
            "/mail/message/post",
            step,
            thread_model="discuss.channel",
            thread_id=chat_id,
            post_data={
                "body": words,
                "message_type": "comment",
                "subtype_xmlid": "mail.mt_comment",
            },
        )
        return is_well

    async def connect(self, *channels):
        """Open the websocket and listen to one's own channels and these."""
        cookies = self.session.cookie_jar.filter_cookies(yarl.URL(self.town.url))
        self.socket = await self.session.ws_connect(
            f"{self.town.bus_url}/websocket?version={BUS_VERSION}",
            # A page of another site is nobody's.
            origin=self.town.bus_url,
            headers={"Cookie": "; ".join(f"{c.key}={c.value}" for c in cookies.values())},
            max_msg_size=0,
        )
        await self.subscribe(*channels)
        await self.send("update_presence", inactivity_period=0)

    async def disconnect(self):
        if self.socket:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError, asyncio.TimeoutError):
                await asyncio.wait_for(self.socket.close(), 2)
            self.socket = None

    async def send(self, event, **data):
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self.socket.send_str(json.dumps({"event_name": event, "data": data}))

    async def subscribe(self, *channels):
        await self.send("subscribe", channels=list(channels), last=self.last)

    async def listen(self, seconds):
        """Yield what the bus brings within some seconds, as ``(type, payload)``.

        :raise ConnectionError: the server has closed the connection.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = await self.socket.receive(timeout=left)
            except asyncio.TimeoutError:
                return
            if message.type != aiohttp.WSMsgType.TEXT:
                raise ConnectionError("the websocket was closed")
            for notification in json.loads(message.data):
                self.last = max(self.last, notification["id"])
                yield notification["message"]["type"], notification["message"].get("payload") or {}


class Buyer(Browser):
    """One visit, as its script says."""

    def __init__(self, town, channel_id, script, pace):
        super().__init__(town)
        self.channel_id, self.script, self.pace = channel_id, script, pace
        self.chat_id = None
        self.fate = None
        """``refused``, ``failed``, ``served`` or ``unserved`` (nobody answered)."""

    async def live(self):
        try:
            self.fate = await self._live()
        except (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError) as error:
            self.meter.fail("buyer", error)
            self.fate = "failed"
        finally:
            await self.close()
        self.meter.counts[self.fate] += 1

    async def _live(self):
        if not await self.get(f"/im_livechat/loader/{self.channel_id}", "page view"):
            return "failed"
        open_chat = "/im_livechat/get_session"
        await self.call(open_chat, "preview", channel_id=self.channel_id, persisted=False)
        result, is_well = await self.call(
            open_chat, "get_session", channel_id=self.channel_id, persisted=True
        )
        if not is_well:
            return "failed"
        chat_id = (result or {}).get("channel_id") or 0
        if chat_id <= 0:
            return "refused"
        self.chat_id = chat_id
        if not await self.say(chat_id, "Is the desk in stock?", "post"):
            return "failed"
        await self.connect()
        is_served = False
        for number in range(self.script.questions):
            if number:
                await asyncio.sleep(self.script.thinks)
                await self.say(chat_id, "And how long does it take?", "post")
            if not await self._hear_answer():
                break
            is_served = True
        await asyncio.sleep(self.script.thinks)
        if is_served and self.script.rate:
            await self.call(
                "/im_livechat/feedback", "rate", channel_id=chat_id, rate=self.script.rate
            )
        if not self.script.vanishes:
            await self.call("/im_livechat/visitor_leave_session", "leave", channel_id=chat_id)
        return "served" if is_served else "unserved"

    async def _hear_answer(self):
        """Wait for an agent's next word."""
        began = time.perf_counter()
        async for kind, payload in self.listen(self.pace.patience):
            if kind == "discuss.channel/new_message" and _is_comment(payload, "author_id"):
                self.meter.seconds["answer"].append(time.perf_counter() - began)
                return True
        return False


def _is_comment(payload, author):
    """Tell whether a notification is of a word of a guest, or of a contact."""
    (message, *_more) = payload["data"]["mail.message"]
    return bool(message.get(author)) and message.get("message_type") == "comment"


class Agent(Browser):
    """An agent with a page open, who answers, passes on, pauses, ends and loses the connection."""

    def __init__(self, town, agent, sid, pace, dice, colleagues):
        super().__init__(town, {"session_id": sid})
        self.agent, self.pace, self.dice, self.colleagues = agent, pace, dice, colleagues
        # The chats that are this agent's, with when it last answered.
        self.chats = {}
        self.is_here = asyncio.Event()
        self._tasks = set()

    async def work(self):
        """Work until cancelled; a lost connection is made again."""
        try:
            while True:
                with contextlib.suppress(
                    ConnectionError, aiohttp.ClientError, asyncio.TimeoutError
                ):
                    await self.connect()
                    await self.send("livechat_dispatch/here", inactivity_period=0)
                    self.is_here.set()
                    await self._listen_long()
                await self.disconnect()
                await asyncio.sleep(self.dice.uniform(1, 4))
        finally:
            for task in self._tasks:
                task.cancel()
            await self.close()

    async def _listen_long(self):
        signed = time.monotonic()
        while True:
            async for kind, payload in self.listen(1):
                await self._hear(kind, payload)
            now = time.monotonic()
            if now - signed > SIGN_EVERY:
                signed = now
                await self.send("livechat_dispatch/here", inactivity_period=0)
            for chat_id, since in list(self.chats.items()):
                if now - since > self.pace.closes_after:
                    del self.chats[chat_id]
                    self._start(self._end(chat_id))

    async def _hear(self, kind, payload):
        if kind == "discuss.channel/joined":
            kind, payload = "mail.record/insert", payload["data"]
        if kind == "discuss.channel/new_message":
            if _is_comment(payload, "author_guest_id"):
                await self._meet(payload["id"], True)
        elif kind == "mail.record/insert":
            for chat in payload.get("discuss.channel", ()):
                operator = chat.get("livechat_operator_id")
                if isinstance(operator, dict):
                    operator = operator["id"]
                if operator == self.agent.partner_id and not chat.get("livechat_end_dt"):
                    await self._meet(chat["id"], False)
                elif chat.get("livechat_end_dt"):
                    self.chats.pop(chat["id"], None)

    async def _meet(self, chat_id, is_asked):
        is_new = chat_id not in self.chats
        if is_new or is_asked:
            # However slow the machine is: nobody ends a chat before the answer is there.
            self.chats[chat_id] = math.inf
        if is_new:
            # A new chat is a new bus channel; the browser subscribes again as well.
            await self.subscribe()
        if is_new or is_asked:
            self._start(self._answer(chat_id, is_new))

    def _start(self, coroutine):
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, chat_id, is_new):
        await asyncio.sleep(self.dice.uniform(*self.pace.thinks))
        if chat_id not in self.chats:
            return
        if is_new and self.dice.random() < self.pace.transfers and await self._transfer(chat_id):
            return
        await self.say(chat_id, "Let me look that up for you.", "answer post")
        if chat_id in self.chats:
            self.chats[chat_id] = time.monotonic()
        if self.dice.random() < self.pace.pauses:
            self._start(self._pause())
        if self.dice.random() < self.pace.sleeps and self.socket:
            # As a lid that is closed.
            await self.socket.close()

    async def _transfer(self, chat_id):
        colleague = self.dice.choice(self.colleagues)
        if colleague == self.agent:
            return False
        _result, is_well = await self.call_kw(
            "discuss.channel",
            "transfer",
            [chat_id],
            step="transfer",
            may_fail=True,
            reason="knowledge",
            user_id=colleague.user_id,
        )
        if is_well:
            self.chats.pop(chat_id, None)
        return is_well

    async def _pause(self):
        user = [self.agent.user_id]
        await self.call_kw("res.users", "dispatch_pause", user, step="pause")
        await asyncio.sleep(self.dice.uniform(2, 5))
        await self.call_kw("res.users", "dispatch_resume", user, step="resume")

    async def _end(self, chat_id):
        # The buyer may have ended it meanwhile.
        await self.call_kw(
            "discuss.channel", "action_unfollow", [chat_id], step="end", may_fail=True
        )


class Watcher(Browser):
    """The page Reception: it hears what changes, and fetches that, as reception_model.js does."""

    def __init__(self, town, sid):
        super().__init__(town, {"session_id": sid})

    async def watch(self):
        try:
            self.rest = self.rests_until = 0
            self.last_answer, self.is_deaf = None, False
            await self._load(0)
            await self.connect(SIGNALS)
            due = await self._hear_for(LISTENING)
            due["tree"] = True
            while True:
                if not any(due.values()):
                    due = await self._hear_first()
                due = await self._fetch_due(due)
        finally:
            await self.close()

    async def _fetch_due(self, due):
        """Fetch after the rest what is due then; return what is due next."""
        rest = max(TOGETHER, self.rests_until - time.monotonic())
        for name, value in (await self._hear_for(rest)).items():
            due[name] |= value
        began, has_changed = time.monotonic(), True
        if due["tree"]:
            is_shared = self.rest > LONG_REST
            max_age = min(self.rest / 2, began - self.heard_at) if is_shared else 0
            has_changed = await self._load(max_age)
        else:
            asks = []
            if due["agents"]:
                asks.append(self._fetch("get_reception_agents", sorted(due["agents"])))
            if due["lines"]:
                asks.append(self._fetch("get_reception_lines"))
            await asyncio.gather(*asks)
        now = time.monotonic()
        rest = min(RESTS * (now - began), LONGEST_REST)
        self.rest = DEAF_RESTS * rest if self.is_deaf else rest
        self.rests_until = now + self.rest
        if not self.is_deaf:
            return _nothing()
        if rest > LONG_REST and has_changed:
            return {**_nothing(), "tree": True}
        self.is_deaf = False
        await self.subscribe(SIGNALS)
        return {**await self._hear_for(LISTENING), "tree": True}

    async def _hear_for(self, seconds):
        """Return what is due after some seconds."""
        due, heard = _nothing(), 0
        if not self.is_deaf:
            self.heard_at = time.monotonic()
        async for kind, payload in self.listen(seconds):
            if _add_due(due, kind, payload) and not self.is_deaf:
                heard += 1
                self.heard_at = time.monotonic()
            if heard > MANY and self.rest > LONG_REST and not self.is_deaf:
                self.is_deaf, due["tree"] = True, True
                await self.subscribe()
        return due

    async def _hear_first(self):
        due = _nothing()
        while not any(due.values()):
            message = await self.socket.receive()
            if message.type != aiohttp.WSMsgType.TEXT:
                raise ConnectionError("the websocket was closed")
            for notification in json.loads(message.data):
                self.last = max(self.last, notification["id"])
                payload = notification["message"].get("payload") or {}
                _add_due(due, notification["message"]["type"], payload)
        return due

    async def _load(self, max_age):
        """Fetch all of it; whether it is another than the last time."""
        answer = await self._fetch("get_reception", max_age)
        before, self.last_answer = self.last_answer, {**(answer or {}), "now": None}
        return self.last_answer != before

    async def _fetch(self, method, *args):
        answer, _is_well = await self.call_kw("im_livechat.channel", method, *args, step=method)
        return answer


def _nothing():
    return {"agents": set(), "lines": False, "tree": False}


def _add_due(due, kind, payload):
    """Add what a signal says; whether it is one."""
    if kind == "livechat_dispatch/reception":
        due["agents"].update(payload.get("agents") or ())
        due["lines"] |= bool(payload.get("lines"))
        due["tree"] |= bool(payload.get("tree"))
    return kind == "livechat_dispatch/reception"


def make_sessions(db, user_ids):
    """Log users in as the server would, without a password each; one may come several times.

    :return: the ids of the sessions, in the order of the users.
    """
    printed = devenv.shell(
        db,
        f"""
import json
from odoo import http
store, sids = http.root.session_store, []
for user in env["res.users"].browse({list(user_ids)}):
    session = store.new()
    session.update(http.get_default_session())
    session.update(dict(
        db=env.cr.dbname, login=user.login, uid=user.id,
        context=dict(user.with_user(user).context_get()),
        session_token=user._compute_session_token(session.sid),
    ))
    store.save(session)
    sids.append(session.sid)
print("sids", json.dumps(sids))
""",
    )
    (line,) = [line for line in printed.splitlines() if line.startswith("sids ")]
    return json.loads(line.removeprefix("sids "))


def wait_until_quiet(shop):
    """Wait until the server has done all it was asked for, and serves nobody's line any more."""

    def is_quiet():
        return not shop.sql(
            "SELECT FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            " AND xact_start IS NOT NULL",
            shop.db,
        )

    for _look in range(5):
        shops.wait_until(is_quiet, "the server is still at work")
        time.sleep(0.2)


class Outcome(NamedTuple):
    """What a run was like."""

    meter: Meter
    buyers: list
    seconds: float
    """From the first buyer's plan to the last one's end."""
    late: float
    """By how many seconds the generator itself was late at most."""

    @property
    def told(self):
        """The chats that buyers were told they have."""
        return [buyer.chat_id for buyer in self.buyers if buyer.chat_id]

    @property
    def unanswered(self):
        """How many buyers got no proper answer to whether they have one."""
        return sum(buyer.fate == "failed" and not buyer.chat_id for buyer in self.buyers)


def run(server, reception, scripts, sids, pace=STEADY, watchers=(), limit=600, seed=1):
    """Let the buyers of these scripts come to a reception whose agents are at work.

    :param sids: ``{user id: session id}`` of the agents who are at work.
    :param watchers: sessions of people who have the page Reception open.
    :param limit: seconds after the last buyer has come until who is left is sent home.
    :rtype: Outcome
    """
    return asyncio.run(_run(server, reception, scripts, sids, pace, watchers, limit, seed))


async def _run(server, reception, scripts, sids, pace, watchers, limit, seed):
    meter = Meter()
    async with Town(server, meter) as town:
        agents = [
            Agent(
                town,
                agent,
                sids[agent.user_id],
                pace,
                random.Random(f"{seed} {agent.user_id}"),
                reception.agents,
            )
            for agent in reception.agents
            if agent.user_id in sids
        ]
        working = []
        for some in _portions(agents, 20):
            working += [asyncio.create_task(agent.work()) for agent in some]
            await asyncio.wait_for(
                asyncio.gather(*(agent.is_here.wait() for agent in some)), shops.PATIENCE
            )
        await asyncio.to_thread(_wait_until_online, reception.shop, list(sids))
        watching = [asyncio.create_task(Watcher(town, sid).watch()) for sid in watchers]
        buyers = [Buyer(town, reception.id, script, pace) for script in scripts]
        began = time.monotonic()
        living, late = set(), 0.0
        for buyer in buyers:
            due = began + buyer.script.comes_at
            await asyncio.sleep(max(0, due - time.monotonic()))
            late = max(late, time.monotonic() - due)
            living.add(asyncio.create_task(buyer.live()))
        _done, left = await asyncio.wait(living, timeout=limit)
        seconds = time.monotonic() - began
        for task in [*left, *working, *watching]:
            task.cancel()
        results = await asyncio.gather(*living, *working, *watching, return_exceptions=True)
        for error in results:
            if isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError):
                meter.fail("a person of the crowd", error)
        meter.counts["sent home"] = len(left)
    return Outcome(meter, buyers, seconds, late)


@contextlib.contextmanager
def watching(server, sids):
    """Keep the page Reception open for these sessions, in a thread, as long as the block takes.

    :return: a :class:`Meter` of what the pages fetch.
    """
    meter, loop = Meter(), asyncio.new_event_loop()
    is_over = asyncio.Event()

    async def watch():
        async with Town(server, meter) as town:
            tasks = [asyncio.create_task(Watcher(town, sid).watch()) for sid in sids]
            await is_over.wait()
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Exception):
                    meter.fail("the page Reception", error)

    thread = threading.Thread(target=loop.run_until_complete, args=[watch()])
    thread.start()
    try:
        deadline = time.monotonic() + shops.PATIENCE
        while len(meter.seconds["get_reception"]) < len(sids) and not meter.errors:
            assert time.monotonic() < deadline, "the pages were not opened"
            time.sleep(0.1)
        yield meter
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()
    assert not meter.errors, meter.errors


def _wait_until_online(shop, user_ids):
    def are_online():
        ((count,),) = shop.sql(
            "SELECT count(*) FROM mail_presence WHERE user_id = ANY(%s) AND status = 'online'"
            " AND last_poll > now() AT TIME ZONE 'UTC' - interval '2 minutes'",
            user_ids,
        )
        return count == len(user_ids)

    shops.wait_until(are_online, "not all agents came")


def _portions(people, size):
    people = deque(people)
    while people:
        yield [people.popleft() for _number in range(min(size, len(people)))]
