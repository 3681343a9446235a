"""The part of the benchmark that lets a shop work: agents at their desks, buyers who come when they
come, on a channel of ours and on one that Odoo dispatches itself, in turn.

    python bench/load.py TEMPLATE < options.json > result.json

Started by run.py in the Python of the tests. The same agents serve both channels, the same buyers
come to both (``tests/system/crowd.py``), and the chats are ended between the rounds. After each of
our rounds the audit reads the database (``dev/audit.py``).
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import crowd
import shop as shops

import audit
import devenv

WORKERS = 4
SIDES = {"plain": "native", "ours": "share"}
#: What is measured of each buyer, in this order.
STEPS = ("page view", "preview", "get_session", "post")
LIMIT = 3
#: How many buyers come in how many seconds.
CALM, BURST = (60, 30), (200, 60)
SEATS, FREED, BEFORE_SEATS = 200, 40, 2.0
#: People with the page open, and buyers of a round, before which so many have come: what a page
#: does when it is opened and hears of the first change is not what it does the rest of the day.
WATCHERS, WATCHED_BUYERS, UNWATCHED_BUYERS = 20, 200, 60


def main():
    options = json.load(sys.stdin)
    template, parts = sys.argv[1], options["parts"]
    result = {}
    for agents in options["agents"] if {*parts} - {"seats"} else ():
        with opened(template) as (server, shop):
            place = Place(server, shop, agents)
            if "rounds" in parts:
                result[f"{agents} agents"] = place.compare(*CALM, options["rounds"])
            if "burst" in parts and agents == options["agents"][0]:
                result["burst"] = place.compare(*BURST, options["bursts"])
            if "chats" in parts and options["chats"] and agents == options["agents"][0]:
                seconds = options["chats"] / options["rate"]
                result["chats"] = place.compare(options["chats"], seconds, 1)
            if "watched" in parts and agents == options["agents"][0]:
                result["watched"] = place.watch(options["rounds"])
    if "seats" in parts:
        with opened(template) as (server, shop):
            result["seats"] = free_seats(server, shop)
    json.dump(result, sys.stdout)


def tell(words):
    print(time.strftime("%H:%M:%S"), words, file=sys.stderr, flush=True)


@contextlib.contextmanager
def opened(template):
    """Yield a server on a database of its own, and the shop on it."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=WORKERS) as server:
        yield server, shops.Shop(db, f"http://127.0.0.1:{server.http_port}")


def hire(shop, reception, count, **values):
    """Give a reception so many agents, in portions that a request can make."""
    for size in [25] * (count // 25) + [count % 25] * bool(count % 25):
        reception.agents += shop.add_agents([100] * size, **values)
    ids = [agent.user_id for agent in reception.agents]
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})
    return ids


def read_processor_seconds(pid):
    """Return how many seconds of a processor a server has used so far: its workers, and the process
    of the websockets."""
    spent, ticks = Counter(), os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) != pid:
                # Of another process group.
                continue
            is_websockets = b"\0gevent\0" in (path.parent / "cmdline").read_bytes()
            # Of itself, and of the children that have ended.
            used = sum(map(int, fields[11:15])) / ticks
            spent["websockets" if is_websockets else "workers"] += used
    return spent


def _round(seconds):
    return {name: round(number, 1) for name, number in seconds.items()}


class Place:
    """Agents who serve a channel of each side."""

    def __init__(self, server, shop, agents):
        self.server, self.shop = server, shop
        ours = shop.open_reception([], SIDES["ours"], LIMIT, queue_enabled=True)
        plain = shop.open_reception([], SIDES["plain"], LIMIT)
        ids = hire(shop, ours, agents, online=False)
        plain.agents = ours.agents
        shop.call("im_livechat.channel", "write", [plain.id], {"user_ids": [[6, 0, ids]]})
        self.receptions = {"plain": plain, "ours": ours}
        self.told, self.unanswered, self.overruns = [], 0, dict.fromkeys(SIDES, 0)
        began = time.monotonic()
        self.sids = dict(zip(ids, crowd.make_sessions(shop.db, ids)))
        tell(f"{agents} agents, logged in within {time.monotonic() - began:.0f} s")

    def compare(self, buyers, seconds, rounds):
        """Let the same buyers come to each side in turn.

        :return: ``{side: figures}``.
        """
        runs = {side: [] for side in SIDES}
        for side in SIDES:
            # Each server process has answered before it is measured.
            self._let_come(side, crowd.plan(0, 4 * WORKERS, 5))
        for number in range(rounds):
            scripts = crowd.plan(number + 1, buyers, seconds)
            for side in list(SIDES)[:: 1 if number % 2 else -1]:
                runs[side].append(self._let_come(side, scripts))
        return {side: _summarize(side_runs) for side, side_runs in runs.items()}

    def _let_come(self, side, scripts):
        """Return what one round was like."""
        reception = self.receptions[side]
        before = len(reception.served())
        spent = read_processor_seconds(self.server.pid)
        outcome = crowd.run(self.server, reception, scripts, self.sids)
        crowd.wait_until_quiet(self.shop)
        spent = Counter(read_processor_seconds(self.server.pid)) - spent
        meter, served = outcome.meter, Counter(reception.served()[before:])
        overruns = audit.count_overruns(self.shop.db, reception.id, LIMIT)
        run = {
            "seconds": outcome.seconds,
            "counts": dict(meter.counts),
            "errors": meter.errors,
            "steps": {step: meter.seconds[step] for step in (*STEPS, "answer")},
            "overruns": overruns - self.overruns[side],
            "of_each": [served[agent.user_id] for agent in reception.agents],
            "late": outcome.late,
            "spent": spent,
        }
        self.overruns[side] = overruns
        if side == "ours":
            self.told += outcome.told
            self.unanswered += outcome.unanswered
            report = audit.run(self.shop.db, [reception.id], self.told, self.unanswered)
            if not report.is_clean:
                tell(report)
            run["wrong"] = sum(len(check.wrong) for check in report.checks.values())
        reception.close_all()
        tell(
            f"{side:<6}{len(scripts)} buyers in {outcome.seconds:.0f} s, {run['counts']},"
            f" get_session {meter.quantiles('get_session')}, processor {_round(spent)},"
            f" late {outcome.late:.2f} s"
        )
        for error in meter.errors[:3]:
            tell(error)
        return run

    def watch(self, rounds):
        """Return chats a second without and with people who have the page Reception open, each with
        an account of its own."""
        ours = self.receptions["ours"]
        groups = [self.shop.ref("base.group_user")]
        groups.append(self.shop.ref("im_livechat_subaccount.group_auditor"))
        viewers = self.shop.call(
            "res.users",
            "create",
            [
                {"name": name, "login": name, "group_ids": [[6, 0, groups]]}
                for name in map("auditor-{}".format, range(WATCHERS))
            ],
        )
        # As unlimited as the other rounds of get_session per second are.
        ours.shop.call(
            "im_livechat.channel", "write", [ours.id], {"max_sessions_mode": "unlimited"}
        )
        self.shop.call(
            "mail.presence",
            "create",
            [
                {"user_id": agent.user_id, "status": "online", "last_poll": shops.EVER}
                for agent in ours.agents
                if not self.shop.sql("SELECT FROM mail_presence WHERE user_id = %s", agent.user_id)
            ],
        )
        self.shop.sql(
            "UPDATE mail_presence SET status = 'online', last_poll = %s WHERE user_id = ANY(%s)",
            shops.EVER,
            [agent.user_id for agent in ours.agents],
        )
        sids = crowd.make_sessions(self.shop.db, viewers)
        rates, fetched = {"alone": [], "watched": []}, 0
        spent = {name: Counter() for name in rates}
        with crowd.watching(self.server, sids):
            # The server of a first websocket needs long to begin.
            _open_chats(ours, UNWATCHED_BUYERS)
        for number in range(rounds):
            for name in list(rates)[:: 1 if number % 2 else -1]:
                with crowd.watching(self.server, sids if name == "watched" else []) as meter:
                    _open_chats(ours, UNWATCHED_BUYERS)
                    before = read_processor_seconds(self.server.pid)
                    rates[name].append(_open_chats(ours, WATCHED_BUYERS))
                    spent[name] += read_processor_seconds(self.server.pid) - before
                if name == "watched":
                    fetched += sum(map(len, meter.seconds.values()))
                ours.close_all()
        buyers = rounds * WATCHED_BUYERS
        each = {
            name: {what: 1000 * number / buyers for what, number in seconds.items()}
            for name, seconds in spent.items()
        }
        tell(f"get_session per second: {rates}, the pages fetched {fetched} times, {each}")
        return {**rates, "pages": WATCHERS, "fetched": fetched, "processor_ms": each}


def _open_chats(reception, buyers):
    """Return how many chats a second are opened, eight buyers at a time."""

    def open_chat(_number):
        return shops.Buyer(reception.shop.url).open_chat(reception, words="")

    began = time.perf_counter()
    with ThreadPoolExecutor(2 * WORKERS) as pool:
        answers = list(pool.map(open_chat, range(buyers)))
    seconds = time.perf_counter() - began
    assert all(answer.chat_id for answer in answers), answers
    return buyers / seconds


def _summarize(runs):
    steps = {
        step: crowd.find_quantiles([second for run in runs for second in run["steps"][step]])
        for step in (*STEPS, "answer")
    }
    counts = sum((Counter(run["counts"]) for run in runs), Counter())
    buyers = sum(len(run["steps"]["page view"]) for run in runs)
    spent = sum((run["spent"] for run in runs), Counter())
    return {
        "rounds": len(runs),
        "steps": steps,
        "throughput": [(run["counts"].get("served", 0)) / run["seconds"] for run in runs],
        "counts": counts,
        "overruns": [run["overruns"] for run in runs],
        "spread": [[min(run["of_each"]), max(run["of_each"])] for run in runs],
        "processor_ms": {name: 1000 * number / buyers for name, number in spent.items()},
        "late": max(run["late"] for run in runs),
        "wrong": sum(run.get("wrong", 0) for run in runs),
        "errors": [error for run in runs for error in run["errors"]][:5],
    }


def free_seats(server, shop):
    """Free the seats of a full shop one after another while other buyers come as they come; return
    the seconds until each has the next in line: from when its buyer asks to leave, and from when
    that is answered."""
    reception = shop.open_reception([], max_sessions=1, queue_enabled=True)
    hire(shop, reception, SEATS)
    with ThreadPoolExecutor(2 * WORKERS) as pool:

        def open_chat(_number):
            buyer = shops.Buyer(shop.url)
            return buyer.open_chat(reception).chat_id, buyer

        buyers = dict(pool.map(open_chat, range(SEATS + FREED)))
    tell(f"{SEATS} seats are taken, {FREED} wait")
    seconds, since_ended = [], []
    with contextlib.closing(devenv.connect(shop.db)) as connection, connection.cursor() as cursor:

        def read_chats(state):
            cursor.execute(
                "SELECT id FROM discuss_channel WHERE livechat_channel_id = %s"
                " AND dispatch_state = %s ORDER BY dispatch_queued_at, id",
                [reception.id, state],
            )
            return [chat_id for (chat_id,) in cursor.fetchall()]

        def is_served(chat_id):
            cursor.execute("SELECT dispatch_state FROM discuss_channel WHERE id = %s", [chat_id])
            return cursor.fetchone()[0] == "assigned"

        seated, waiting = read_chats("assigned"), read_chats("queued")[:FREED]
        # As many as it takes, and nobody answers them: they stand in line until they have enough.
        scripts = crowd.plan(1, BURST[0], BURST[1])
        outcome = []
        load = threading.Thread(
            target=lambda: outcome.append(
                crowd.run(server, reception, scripts, {}, crowd.STEADY._replace(patience=5))
            )
        )
        load.start()
        time.sleep(BEFORE_SEATS)
        for taken, next_chat in zip(seated, waiting):
            if not load.is_alive():
                break
            began = time.perf_counter()
            buyers[taken].leave(taken)
            ended = time.perf_counter()
            shops.wait_until(lambda chat=next_chat: is_served(chat), "the line was not served")
            seconds.append(time.perf_counter() - began)
            since_ended.append(time.perf_counter() - ended)
            # Not faster than seats become free: the load is the buyers, not these.
            time.sleep(max(0, 1 - seconds[-1]))
        load.join()
    (run,) = outcome
    crowd.wait_until_quiet(shop)
    told = [*buyers, *run.told]
    report = audit.run(shop.db, [reception.id], told, run.unanswered)
    if not report.is_clean:
        tell(report)
    tell(
        f"freed seats: {crowd.find_quantiles(seconds)} ms of {len(seconds)}, once it is answered"
        f" {crowd.find_quantiles(since_ended)}, {run.meter.counts}"
    )
    return {
        "agents": SEATS,
        "seconds": seconds,
        "since_ended": since_ended,
        "counts": dict(run.meter.counts),
        "get_session": run.meter.quantiles("get_session"),
        "wrong": sum(len(check.wrong) for check in report.checks.values()),
    }


if __name__ == "__main__":
    devenv.main(main)
