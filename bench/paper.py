"""The part of the benchmark that says on paper what many shops need.

Run by run.py. What each request takes of Odoo's processors and of PostgreSQL's is measured on a
server with two workers, one request after the other: in time of processors, so that others who use
the machine disturb it little. From that ``queueing.py`` says what a thousand shops would wait for.
"""

import contextlib
import statistics
import threading
import time
from math import ceil
from pathlib import Path

import queueing
import shop as shops
import simulate

import devenv

AGENTS = 50
# So many agents have their page open.
PAGES = 20
WARM_UP, REPEAT, ROUNDS = 10, 60, 10
# Seconds in which one looks at what a server takes that has nothing to do.
IDLE = 5
# The kernel counts the time of processors in these.
TICKS = 100
SHOPS = 1000
# A chat takes an agent ten minutes, and has so many words of each side.
CHATS_PER_HOUR, WORDS = 6, 6
# How often each request comes in the course of one chat; a buyer looks at some pages before it.
TIMES = {"page": 5, "preview": 1, "open": 1, "buyer's word": WORDS, "agent's word": WORDS, "end": 1}
SECONDS = 30
# How busy the processors of Odoo and of PostgreSQL are to be, and among how many servers the latter
# are divided.
BUSY = ((0.95, 0.5, 1), (0.7, 0.9, 1), (0.7, 0.7, 1), (0.7, 0.5, 1), (0.7, 0.5, 4), (0.5, 0.3, 16))
# So many workers for each processor: while one waits for PostgreSQL, another works.
WORKERS = 3


def measure(template):
    """Return ``{request: {"app", "database": seconds of processors, "wall": seconds, "wal": bytes,
    "transactions", "bus": rows}}`` of one each, and the median seconds of a decision."""
    if not devenv.private_postgres():
        raise devenv.DevError("`paper` looks at PostgreSQL's processes: it needs the private one")
    with devenv.temp_db(template) as db, devenv.Server(db, workers=2) as server:
        shop = shops.Shop(db, server.url)
        reception = shop.open_reception([100] * AGENTS)
        with contextlib.ExitStack() as stack:
            people = [
                _connect(stack, server.url, db, agent.login) for agent in reception.agents[:PAGES]
            ]
            meter = _Meter(shop, server)
            return {
                "requests": _measure_requests(meter, server, reception, people),
                "decision": _read_decision(shop),
            }


def _connect(stack, url, db, login):
    agent = simulate.Agent(url, threading.Event(), db, login)
    agent.connect()
    stack.callback(agent.close)
    return agent


def _measure_requests(meter, server, reception, people):
    by_partner = {agent.partner_id: agent for agent in people}
    url, result, opened = server.url, {}, []

    def look(_number):
        # What a page of the shop asks for: whether somebody is there, and how the button looks.
        answer = shops.Buyer(url).session.get(f"{url}/im_livechat/loader/{reception.id}")
        answer.raise_for_status()

    def preview(_number):
        assert not shops.Buyer(url).open_chat(reception, persisted=False).failed

    def open_chat(_number):
        buyer = shops.Buyer(url)
        answer = buyer.open_chat(reception, words="")
        assert answer.chat_id, answer.text
        opened.append((buyer, answer.chat_id))

    def say(number):
        buyer, chat_id = opened[number]
        assert not buyer.say(chat_id, f"Where is parcel {number}?").failed

    def answer(number):
        agent, chat_id = answering[number % len(answering)]
        agent.say(chat_id, f"Parcel {number} comes tomorrow.")

    def end(number):
        buyer, chat_id = opened[number]
        buyer.leave(chat_id)

    for name, do in (
        ("page", look),
        ("preview", preview),
        ("open", open_chat),
        ("buyer's word", say),
    ):
        result[name] = meter.measure(do, range(-WARM_UP, REPEAT))
    seated = dict(
        reception.shop.sql(
            "SELECT id, livechat_operator_id FROM discuss_channel WHERE livechat_channel_id = %s"
            " AND livechat_end_dt IS NULL",
            reception.id,
        )
    )
    answering = [
        (by_partner[seated[chat_id]], chat_id)
        for _buyer, chat_id in opened
        if seated.get(chat_id) in by_partner
    ]
    result["agent's word"] = meter.measure(answer, range(-WARM_UP, REPEAT))
    result["end"] = meter.measure(end, range(0, REPEAT), warm_up=WARM_UP)
    result["sign"] = _measure_signs(meter, reception, people)
    return result


def _measure_signs(meter, reception, people):
    """Each agent's page says that it is there, some minutes in a row."""
    sql, ids = reception.shop.sql, [agent.user_id for agent in reception.agents[: len(people)]]
    now = "now() AT TIME ZONE 'UTC'"

    def give_signs(_round):
        for person in people:
            person.send("livechat_dispatch/here", inactivity_period=0)

    figures = []
    for number in range(ROUNDS + 1):
        sql(
            f"UPDATE mail_presence SET status = 'online', last_poll = {now} - interval '2 minutes'"
            " WHERE user_id = ANY(%s)",
            ids,
        )
        one = meter.measure(give_signs, [number], warm_up=0)
        late = (
            "SELECT count(*) FROM mail_presence WHERE user_id = ANY(%s)"
            f" AND last_poll < {now} - interval '1 minute'"
        )
        assert sql(late, ids) == [(0,)], "a sign of life was not noted"
        if number:
            figures.append(one)
    return {
        name: statistics.mean(one[name] for one in figures) / len(people) for name in figures[0]
    }


def _read_decision(shop):
    rows = shop.sql(
        "SELECT duration_ms FROM livechat_dispatch_decision WHERE kind = 'assign'"
        " ORDER BY id DESC LIMIT %s",
        REPEAT,
    )
    return statistics.median(ms for (ms,) in rows) / 1000


class _Meter:
    """What the processes of an Odoo server and those that serve it in PostgreSQL have taken."""

    def __init__(self, shop, server):
        self.shop, self.server = shop, server
        # What pages ask for when they connect is over by then.
        time.sleep(IDLE)
        before = self._read()
        time.sleep(IDLE)
        self.idle = _subtract(self._read(), before)

    def measure(self, do, numbers, warm_up=WARM_UP):
        """Do something once for each number, the first ones without looking; return what one of
        the others took, in processors beside what an idle server takes in that time."""
        numbers = list(numbers)
        for number in numbers[:warm_up]:
            do(number)
        numbers = numbers[warm_up:]
        # What was sent over websockets and what follows a commit is part of it.
        time.sleep(1)
        began, before, walls = time.perf_counter(), self._read(), []
        for number in numbers:
            started = time.perf_counter()
            do(number)
            walls.append(time.perf_counter() - started)
        time.sleep(1)
        taken, seconds = _subtract(self._read(), before), time.perf_counter() - began
        for name in ("app", "database"):
            taken[name] = max(0, taken[name] - self.idle[name] * seconds / IDLE)
        return {
            **{name: value / len(numbers) for name, value in taken.items()},
            "wall": statistics.median(walls),
        }

    def _read(self):
        ((wal, transactions, bus, backends),) = self.shop.sql(
            "SELECT pg_current_wal_lsn() - '0/0', (SELECT xact_commit FROM pg_stat_database"
            " WHERE datname = current_database()),"
            " (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM bus_bus_id_seq),"
            " (SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid != pg_backend_pid())"
        )
        ticks, children = _read_processors()
        server = [self.server.pid]
        for pid in server:
            server += children.get(pid, ())
        return {
            "app": {pid: ticks.get(pid, 0) for pid in server},
            # Not what vacuums and writes for whole PostgreSQL, which has other databases.
            "database": {pid: ticks.get(pid, 0) for pid in backends},
            "wal": float(wal),
            "transactions": transactions,
            "bus": bus,
        }


def _subtract(after, before):
    """Return what was taken between two readings; of a process that has ended nothing is known."""
    return {
        name: sum(ticks - before[name].get(pid, 0) for pid, ticks in value.items()) / TICKS
        if isinstance(value, dict)
        else value - before[name]
        for name, value in after.items()
    }


def _read_processors():
    """Return how many ticks of processors each process has taken, and the children of each."""
    ticks, children = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            values = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            children.setdefault(int(values[1]), []).append(number)
            ticks[number] = sum(map(int, values[11:13]))
    return ticks, children


def make_load(measured):
    """Return the load of all shops, from what was measured."""

    def serve(name):
        figures = measured["requests"][name]
        locked = measured["decision"] if name == "open" else 0.0
        return queueing.Service(
            figures["app"], max(figures["database"], locked), min(locked, figures["database"])
        )

    return queueing.Load(
        SHOPS,
        AGENTS,
        CHATS_PER_HOUR,
        {name: (serve(name), times) for name, times in TIMES.items()},
        serve("sign"),
    )


def sum_up(load):
    """Return how many processors of Odoo and of PostgreSQL are busy under a load."""
    chats = load.shops * load.agents * load.chats_per_hour / 3600
    services = [(chats * times, service) for service, times in load.kinds.values()]
    services.append((load.shops * load.agents / 60, load.sign))
    return [
        sum(per_second * getattr(service, side) for per_second, service in services)
        for side in ("app", "database")
    ]


def list_houses(load):
    app, database = sum_up(load)
    for app_busy, database_busy, databases in BUSY:
        app_cores = ceil(app / app_busy)
        cores = ceil(database / database_busy / databases)
        yield queueing.House(app_cores, WORKERS * app_cores, databases, cores)


def print_paper(measured):
    print("one request: ms of Odoo's processors, of PostgreSQL's, and until the answer is there")
    for name, one in measured["requests"].items():
        print(
            f"   {name:<14}{1000 * one['app']:>7.1f}{1000 * one['database']:>7.1f}"
            f"{1000 * one['wall']:>8.1f}   {one['transactions']:>5.1f} transactions,"
            f" {one['bus']:>4.1f} bus rows, {one['wal'] / 1000:>6.1f} kB of WAL"
        )
    print(f"   a decision among {AGENTS} agents: {1000 * measured['decision']:.1f} ms\n")
    load = make_load(measured)
    chats = load.shops * load.agents * load.chats_per_hour / 60
    app, database = sum_up(load)
    print(
        f"on paper: {load.shops} shops of {load.agents} agents, {chats:.0f} chats a minute, keep"
        f" {app:.0f} processors of Odoo and {database:.1f} of PostgreSQL busy, of these signs of"
        f" life {load.shops * load.agents / 60 * load.sign.database:.1f}"
    )
    print(
        f"   {'cores':>5}{'databases':>16}{'busy':>14}{'open: p50, p95':>20}{'word: p95':>13}"
        f"{'lock: p99':>13}   in one PostgreSQL at a time"
    )
    for house in list_houses(load):
        result = queueing.simulate(load, house, SECONDS)
        opened, said = result.waits["open"], result.waits["buyer's word"]
        small = "   TOO SMALL" if result.unfinished > 2 * house.workers else ""
        print(
            f"   {house.app_cores:>5}{f'{house.databases} of {house.cores} cores':>16}"
            f"{result.app_busy:>7.0%}{result.database_busy:>7.0%}"
            f"{1000 * queueing.quantile(opened, 0.5):>9.0f}"
            f"{1000 * queueing.quantile(opened, 0.95):>8.0f} ms"
            f"{1000 * queueing.quantile(said, 0.95):>10.0f} ms"
            f"{1000 * queueing.quantile(result.lock_waits, 0.99):>10.1f} ms"
            f"   {result.connections}{small}"
        )
    print()
