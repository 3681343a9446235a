"""Measure this addon beside plain Odoo, in the same run on the same machine.

    dev/bench                      every table; about 20 minutes on two cores
    dev/bench decision             decisions and availability with 10, 100 and 1000 agents; the page
                                   patterns that are largest
    dev/bench scale                a decision of one shop beside what else the database has
    dev/bench sessions             get_session per second, and races for too few seats
    dev/bench split                160 chats over agents of weight 100, 50 and 10
    dev/bench seats                how soon a freed seat has its next buyer
    dev/bench reception            the page Reception with 200 agents and 50 who wait
    dev/bench desk                 an agent's desk with 20 open and 200 ended chats; clicks and
                                   seconds of what agents and buyers do most
    dev/bench replay               a day of 10 000 buyers once more
    dev/bench search               words looked for in a million messages
    dev/bench load                 agents at work and buyers who come when they come; with --long
                                   also 1000 agents and 10 000 chats, which takes hours
    dev/bench install              into a shop with a past, and for how long nobody can write
    dev/bench life                 a shop of 50 agents after a month and after three years
    dev/bench paper                what requests take of processors; 1000 shops simulated from that
    dev/bench --long               all of these; without it, neither `life` nor `paper`
    dev/bench --json result.json   where the figures go (default: logs/bench.json in DEV_HOME)

What is compared, and how it is made fair:

decision, availability
    inside one Odoo process on one database with the addon installed. Plain Odoo is a ``native``
    channel, for which the addon steps aside and core's own code runs; ours is a ``share`` channel
    with the same agents, the same limit and the same open chats. One call each in turn, each with
    an empty ORM cache as at the start of a request, each followed by a commit. Our decision
    includes its own transaction, the lock and the reservation.
scale
    likewise: what is compared is the same shop before and after others are in the database.
load
    over HTTP and websockets, as an open loop: slow answers delay nobody who comes later. Plain Odoo
    is a ``native`` channel of the same agents, in the same database; the rounds alternate, with the
    same buyers. After each of ours the audit of dev/audit.py reads the database.
sessions, race, split
    over HTTP against four workers. Plain Odoo is another database and another server without the
    addon. The rounds alternate; the chats are closed between them.
desk
    in a browser with a page on plain Odoo and one on ours, which do the same in turn. *Opening* is
    coming to Discuss from another page. Frames are measured as those of *Reception*, below. A
    scripted hand takes the shortest way that there is, on both sides as slow as a person: 1.3
    seconds for a click, 0.2 for a key.
life
    the same shop when it is young and when it is old: what a decision, each page of its owner and
    each daily job takes, and the disk.
paper
    on a server with two workers, one request after the other, in time of processors; then
    simulated.
seats, reception, replay, search, install
    what plain Odoo does not have, beside what the design promises. A seat of one of 200 agents is
    freed over HTTP while other buyers come. The page is open in a real browser, while an agent's
    weight or presence changes on the server; a frame is the processor time of the page's main
    thread (scripts, style, layout, paint) in the most expensive of the frames that show the change.
    The replay is the pure engine alone, on a calm day and with a line of hundreds. A search is the
    first page of *Conversations* and its count, by an owner, under the record rules. Installed is
    into a new shop, one with many ended chats, and one that has marked its messages before.

What happens when processes are killed meanwhile is a matter of `dev/test system -k crash`.

The private development cluster runs without fsync, for both sides alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "dev"), str(ROOT / "tests/system")]

import install  # noqa: E402
import paper  # noqa: E402
import shop as shops  # noqa: E402

import devenv  # noqa: E402

WORKERS = 4
AGENTS = 20
SEATS_IN_RACE, ARRIVALS_IN_RACE = 2, 60
WEIGHTS = (100, 50, 10)
CHATS = sum(WEIGHTS)

# From the design: what this addon aims at, as a fraction of plain Odoo's time.
DECISION_AIM = {10: 1 / 5, 100: 1 / 10, 1000: 1 / 40}
LINE_AIM = 2
# What a decision may cost beside other shops, and beside chats that nobody ended; how many more two
# shops decide at the same time than one.
SCALE_AIM = {"among": 1.3, "forgotten": 1.5, "past": 1.5}
# What a decision of a group may cost beside that of a shop as large.
GROUP_AIM = 1.5
SHOPS_AIM = 1.8
GROWTH_AIM = 5
AVAILABILITY_AIM = {1000: 1 / 20}
SESSIONS_AIM = 1.25
# Seconds until a freed seat has its next buyer, of 95 in 100; until the page Reception is there,
# and until it shows what has changed; milliseconds of a frame; seconds of a replay.
SEATED_AIM, OPEN_AIM, TOLD_AIM, FRAME_AIM, REPLAY_AIM = 1.0, 1.0, 1.0, 16.0, 10.0
SEATS, FREED = 200, 40
# What 20 open pages Reception may cost of the chats a second; agents at work, short and long.
WATCHED_AIM = 0.05
LOAD_PARTS = ("rounds", "burst", "chats", "watched", "seats")
LOAD_AGENTS, LONG_LOAD_AGENTS = (20, 200), (20, 200, 1000)
# Chats a second that a long load asks for.
LOAD_RATE = 2
# How much more a decision may cost in an old shop than in a young one; seconds of its slowest page
# and of a daily job; days of both.
LIFE_AIM, PAGE_AIM, JOB_AIM, LIVES = 1.3, 1.0, 60.0, (30, 1095)
# Seconds until words are found, and in how many messages.
SEARCH_AIM, MESSAGES = 1.0, 1_000_000
# Milliseconds to match an address of 2000 characters with one pattern, when it is new to a worker.
PATTERN_AIM = 50
# Chats an agent may be away from what it is entitled to, on the way; and at the end, of 100.
PREFIX_AIM, LEAST_LOAD_AIM = 1.5, 5


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = "decision scale sessions split seats load reception desk replay search install".split()
    long_parts = "life paper".split()
    parser.add_argument("what", nargs="*", choices=[*parts, *long_parts, []], default=[])
    parser.add_argument(
        "--long",
        action="store_true",
        help=f"also {' and '.join(long_parts)}, and of the load the rounds that take long",
    )
    parser.add_argument("--json", type=Path, default=devenv.LOGS / "bench.json")
    parser.add_argument("--agents", type=int, nargs="+", default=list(DECISION_AIM))
    parser.add_argument(
        "--repeat", type=int, default=50, help="calls per figure (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds per server (default: %(default)s)"
    )
    parser.add_argument(
        "--buyers", type=int, default=160, help="sessions in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--shops", type=int, default=50, help="shops in a database (default: %(default)s)"
    )
    parser.add_argument(
        "--forgotten",
        type=int,
        default=100_000,
        help="chats that nobody ended (default: %(default)s)",
    )
    parser.add_argument(
        "--past-chats",
        type=int,
        default=100_000,
        help="ended chats with their decisions in `scale` (default: %(default)s)",
    )
    parser.add_argument(
        "--messages", type=int, default=MESSAGES, help="to search (default: %(default)s)"
    )
    parser.add_argument(
        "--past", type=int, default=50_000, help="chats before installing (default: %(default)s)"
    )
    parser.add_argument(
        "--load-parts",
        nargs="+",
        choices=LOAD_PARTS,
        default=LOAD_PARTS,
        help="only these parts of the load",
    )
    parser.add_argument(
        "--load-agents", type=int, nargs="+", help="how many agents are at work, in turn"
    )
    parser.add_argument(
        "--load-rate",
        type=float,
        default=LOAD_RATE,
        help="of them, how many a second: more than are served pile up (default: %(default)s)",
    )
    parser.add_argument(
        "--load-chats", type=int, default=10_000, help="of a long load (default: %(default)s)"
    )
    parser.add_argument(
        "--chats", type=int, default=200_000, help="of three years of `life` (default: %(default)s)"
    )
    options = parser.parse_args()
    parts = options.what or parts + long_parts * options.long
    result = {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    print(f"{result['cores']} cores, load {result['load_before'][0]:.1f} before the run\n")
    with devenv.postgres():
        ours = devenv.template_db((*devenv.CORE_MODULES, devenv.ADDON))
        if "decision" in parts:
            result["decision"] = measure_decisions(ours, options)
            print_decisions(result["decision"])
        if "scale" in parts:
            result["scale"] = measure_inside(
                "scale.py",
                ours,
                {
                    "shops": options.shops,
                    "forgotten": options.forgotten,
                    "past": options.past_chats,
                    "repeat": options.repeat,
                },
            )
            print_scale(result["scale"])
        if "sessions" in parts:
            result |= measure_sessions(devenv.template_db(devenv.CORE_MODULES), ours, options)
            print_sessions(result)
        if "split" in parts:
            result["split"] = measure_split(ours)
            print_split(result["split"])
        if "seats" in parts:
            result["seats"] = measure_seats(ours)
            print_seats(result["seats"])
        if "load" in parts:
            result["load"] = measure_load(ours, options)
            print_load(result["load"])
        if "reception" in parts:
            result["reception"] = measure_reception(ours)
            print_reception(result["reception"])
        if "desk" in parts:
            result["desk"] = measure_desk(devenv.template_db(devenv.CORE_MODULES), ours)
            print_desk(result["desk"])
        if "search" in parts:
            result["search"] = measure_search(ours, options)
            print_search(result["search"], options)
        if "life" in parts:
            result["life"] = measure_life(ours, options)
            print_life(*result["life"])
        if "paper" in parts:
            result["paper"] = paper.measure(ours)
            paper.print_paper(result["paper"])
        if "install" in parts:
            core = devenv.template_db(devenv.CORE_MODULES)
            shops = ((0, False), (options.past, False), (options.past, True))
            result["install"] = [install.measure(core, *shop) for shop in shops]
            print_install(result["install"])
    if "replay" in parts:
        result["replay"] = measure_replay()
        print_replay(result["replay"])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"figures: {options.json}")


# --------------------------------------------------------------------------- inside Odoo


def measure_decisions(template, options):
    chosen = {"agents": sorted(options.agents), "repeat": options.repeat}
    return measure_inside("inside.py", template, chosen)


def measure_inside(script, template, options):
    """Run a script in Odoo's Python, on a database of its own; return the figures it prints."""
    log = devenv.LOGS / "bench-inside.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with devenv.temp_db(template) as db, open(log, "wb") as errors:
        run = subprocess.run(
            [devenv.python(), ROOT / "bench" / script, db],
            input=json.dumps(options).encode(),
            stdout=subprocess.PIPE,
            stderr=errors,
            env=devenv.env(),
            check=False,
        )
    if run.returncode:
        raise devenv.DevError(f"bench/{script} failed:\n{devenv.tail(log)}")
    return json.loads(run.stdout)


def print_scale(scale):
    print("one decision beside what else the database has: p50 in ms")
    for agents, alone in scale["alone"].items():
        for state, aim in SCALE_AIM.items():
            ratio = scale[state][agents] / alone
            print(
                f"{agents:>7} agents, {state:<10}{alone:.1f} -> {scale[state][agents]:.1f},"
                f" x{ratio:.2f}   x{aim} {'ok' if ratio <= aim else 'MISSED'}"
            )
    shop, group = scale["group"]["shop"], scale["group"]["group"]
    print(
        f"a group of 20 in a shop of 1000 beside a shop of 20: {shop:.1f} -> {group:.1f},"
        f" x{group / shop:.2f}   x{GROUP_AIM} {'ok' if group <= GROUP_AIM * shop else 'MISSED'}"
    )
    for processes, pair in scale["together"].items():
        one, two = (pair[name]["rate"] for name in ("one_shop", "two_shops"))
        busy = " and ".join(f"{pair[name]['busy']:.2f}" for name in ("one_shop", "two_shops"))
        print(
            f"decisions a second of {processes} processes: one shop {one:.0f}, two shops {two:.0f},"
            f" x{two / one:.2f}   x{SHOPS_AIM} {'ok' if two >= SHOPS_AIM * one else 'MISSED'},"
            f" with {busy} of {scale['processors']} processors busy"
        )
    print()


def print_decisions(rows):
    for name, aims, title in (
        ("decision", DECISION_AIM, "one decision"),
        ("availability", AVAILABILITY_AIM, '"is somebody available"'),
        ("unavailability", {}, "the same when every agent is at capacity"),
    ):
        print(f"{title}: p50 in ms")
        print(
            f"{'agents':>7}{'chats':>7}{'plain':>9}{'ours':>9}{'ratio':>9}"
            f"   {'aim':<9}{'queries':>9}"
        )
        for row in rows:
            figures = row.get(name)
            if not figures:
                continue
            aim = aims.get(row["agents"])
            print(
                f"{row['agents']:>7}{row['chats']:>7}{figures['plain']['p50_ms']:>9.1f}{figures['ours']['p50_ms']:>9.1f}"
                f"{'1/%.1f' % (1 / figures['ratio']):>9}"
                f"   {verdict(figures['ratio'] <= aim, f'1/{1 / aim:.0f}') if aim else '':<9}"
                f"{figures['plain_queries']:>5}/{figures['ours_queries']}"
            )
        print()
    for row in rows:
        if line := row.get("line"):
            empty = line["empty"]["p50_ms"]
            print(f"a decision with 500 in line, {row['agents']} agents: p50 in ms")
            print(f"   nobody in line {empty:.1f}")
            for name in ("arrival", "service"):
                ratio = line[name]["p50_ms"] / empty
                print(
                    f"   {name} {line[name]['p50_ms']:.1f}, x{ratio:.2f}"
                    f"   {verdict(ratio <= LINE_AIM, f'x{LINE_AIM}')}"
                )
            print()
    slowest = max(max(times) for times in rows[-1]["patterns"].values())
    reached = verdict(slowest <= PATTERN_AIM, f"{PATTERN_AIM} ms")
    print(f"one of the largest page patterns, new to PostgreSQL: {slowest:.0f} ms   {reached}\n")
    by_agents = {row["agents"]: row["decision"] for row in rows}
    if {10, 1000} <= by_agents.keys():
        plain, ours = (
            by_agents[1000][side]["p50_ms"] / by_agents[10][side]["p50_ms"]
            for side in ("plain", "ours")
        )
        print(
            f"growth of a decision from 10 to 1000 agents: plain x{plain:.0f}, ours x{ours:.1f}"
            f"   {verdict(ours <= GROWTH_AIM, f'x{GROWTH_AIM}')}\n"
        )


def verdict(reached, aim):
    return f"{aim} {'ok' if reached else 'MISSED'}"


# --------------------------------------------------------------------------- over HTTP


def measure_sessions(plain_template, our_template, options):
    with (
        devenv.temp_db(plain_template) as plain_db,
        devenv.temp_db(our_template) as our_db,
        devenv.Server(plain_db, workers=WORKERS) as plain_server,
        devenv.Server(our_db, workers=WORKERS) as our_server,
    ):
        sides = {}
        for side, server, mode in (("plain", plain_server, None), ("ours", our_server, "share")):
            # The workers' own port: the proxy of the tests is no part of what is measured.
            url = f"http://127.0.0.1:{server.http_port}"
            sides[side] = (shops.Shop(server.db, url), mode)
        return {
            "sessions": [
                measure_rate(sides, "unlimited", None, options),
                measure_rate(
                    sides, "limit that fits exactly", -(-options.buyers // AGENTS), options
                ),
            ],
            "race": [measure_race(sides) for _round in range(options.rounds)],
            "mixed_race": [
                measure_race(sides, [50, 100, 200] * 5) for _round in range(options.rounds)
            ],
        }


def measure_rate(sides, label, max_sessions, options):
    receptions = {
        side: shop.open_reception([100] * AGENTS, mode=mode, max_sessions=max_sessions)
        for side, (shop, mode) in sides.items()
    }
    rates = {side: [] for side in sides}
    for round_number in range(options.rounds + 1):
        for side, reception in receptions.items():
            # The first round warms the workers up.
            seconds, accepted = one_round(
                reception, options.buyers if round_number else 4 * WORKERS
            )
            reception.close_all()
            if round_number:
                rates[side].append(accepted / seconds)
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["plain"])
    return {"what": label, "agents": AGENTS, "workers": WORKERS, "rounds": rates, "ratio": ratio}


def one_round(reception, buyers):
    """Let ``2 * WORKERS`` buyers at a time open chats; return the seconds and how many got one."""

    def open_chat(_number):
        # As the widget asks, which has looked before.
        return shops.Buyer(reception.shop.url).open_chat(reception, words="", is_page_known=True)

    started = time.perf_counter()
    with ThreadPoolExecutor(2 * WORKERS) as pool:
        answers = list(pool.map(open_chat, range(buyers)))
    seconds = time.perf_counter() - started
    failed = [answer for answer in answers if answer.failed]
    assert not failed, failed[0]
    return seconds, sum(bool(answer.chat_id) for answer in answers)


def measure_race(sides, weights=(100,) * AGENTS):
    """60 buyers at once; plain Odoo knows no weights and gives everybody the same limit."""
    figures = {}
    for side, (shop, mode) in sides.items():
        reception = shop.open_reception(weights, mode=mode, max_sessions=SEATS_IN_RACE)
        seats = {
            agent.user_id: max(1, round(SEATS_IN_RACE * agent.weight / 100))
            if mode
            else SEATS_IN_RACE
            for agent in reception.agents
        }
        answers = reception.arrive_together([shop.url], ARRIVALS_IN_RACE, words="")
        open_chats = reception.open_chats()
        figures[side] = {
            "seats": sum(seats.values()),
            "accepted": sum(bool(answer.chat_id) for answer in answers),
            "failed": sum(answer.failed for answer in answers),
            "above_capacity": sum(
                max(0, count - seats[user_id]) for user_id, count in open_chats.items()
            ),
            "most_of_one_agent": max(open_chats.values()),
        }
        reception.close_all()
    return figures


def print_sessions(result):
    print(
        f"get_session per second: {AGENTS} agents, {WORKERS} workers, median of alternating rounds"
    )
    print(f"{'':<26}{'plain':>8}{'ours':>8}{'ratio':>8}   aim")
    for row in result["sessions"]:
        plain, ours = (statistics.median(row["rounds"][side]) for side in ("plain", "ours"))
        reached = verdict(row["ratio"] >= SESSIONS_AIM, f"{SESSIONS_AIM}")
        print(f"{row['what']:<26}{plain:>8.1f}{ours:>8.1f}{row['ratio']:>8.2f}   {reached}")
    print_race(result["race"], f"{AGENTS} agents of weight 100, limit {SEATS_IN_RACE}")
    print_race(
        result["mixed_race"], f"15 agents of weight 50, 100 and 200, limit {SEATS_IN_RACE} at 100"
    )


def print_race(rounds, title):
    print(f"\n{ARRIVALS_IN_RACE} buyers at once: {title}")
    print(
        f"{'':<8}{'seats':>7}{'accepted':>18}{'above capacity':>18}{'most of one agent':>19}"
        f"{'errors':>12}"
    )
    for side in ("plain", "ours"):
        columns = {
            name: "/".join(str(figures[side][name]) for figures in rounds)
            for name in ("accepted", "above_capacity", "most_of_one_agent", "failed")
        }
        print(
            f"{side:<8}{rounds[0][side]['seats']:>7}{columns['accepted']:>18}"
            f"{columns['above_capacity']:>18}{columns['most_of_one_agent']:>19}"
            f"{columns['failed']:>12}"
        )
    print()


# --------------------------------------------------------------------------- the split


def measure_split(template):
    """One buyer after the other, as tests/system/test_weights.py checks it."""
    rows = []
    with devenv.temp_db(template) as db, devenv.Server(db, workers=WORKERS) as server:
        shop = shops.Shop(db, server.url)
        for mode, close in (("share", False), ("share", True), ("least_load", True)):
            reception = shop.open_reception(WEIGHTS, mode=mode)
            history = reception.serve(CHATS, close)
            rows.append(
                {
                    "mode": mode,
                    "closed": close,
                    "chats": [history[-1][agent.user_id] for agent in reception.agents],
                    "furthest": max(
                        abs(counts[agent.user_id] - number * agent.weight / CHATS)
                        for number, counts in enumerate(history, 1)
                        for agent in reception.agents
                    ),
                }
            )
            reception.close_all()
    return rows


def print_split(rows):
    print(f"{CHATS} chats one after another, weights {'/'.join(map(str, WEIGHTS))}")
    print(f"{'':<34}{'chats':>12}{'furthest off':>15}   aim")
    for row in rows:
        if row["mode"] == "share":
            reached = row["chats"] == list(WEIGHTS) and row["furthest"] <= PREFIX_AIM
            aim = f"exact, {PREFIX_AIM} on the way"
        else:
            reached = all(
                abs(count - weight) <= LEAST_LOAD_AIM / 100 * CHATS
                for count, weight in zip(row["chats"], WEIGHTS)
            )
            aim = f"within {LEAST_LOAD_AIM} %"
        label = f"{row['mode']}, {'each closed first' if row['closed'] else 'all stay open'}"
        chats = "/".join(map(str, row["chats"]))
        print(f"{label:<34}{chats:>12}{row['furthest']:>15.2f}   {verdict(reached, aim)}")
    print()


# --------------------------------------------------------------------------- a freed seat


def measure_seats(template):
    """Seats of a full shop are freed one after another while buyers go on coming; return the
    seconds until each has the next in line."""
    with devenv.temp_db(template) as db, devenv.Server(db, workers=WORKERS) as server:
        shop = shops.Shop(db, server.url)
        reception = shop.open_reception([], max_sessions=1, queue_enabled=True)
        for _batch in range(SEATS // 25):
            reception.agents += shop.add_agents([100] * 25)
        ids = [agent.user_id for agent in reception.agents]
        shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})

        def open_chat(_number):
            buyer = shops.Buyer(shop.url)
            return buyer.open_chat(reception).chat_id, buyer

        def read_chats(state):
            rows = shop.sql(
                "SELECT id FROM discuss_channel WHERE livechat_channel_id = %s"
                " AND dispatch_state = %s ORDER BY dispatch_queued_at, id",
                reception.id,
                state,
            )
            return [chat_id for (chat_id,) in rows]

        with ThreadPoolExecutor(2 * WORKERS) as pool:
            buyers = dict(pool.map(open_chat, range(SEATS + FREED)))
            # One buyer after the other is the load, until the last seat is taken.
            is_over = threading.Event()
            load = pool.submit(lambda: [open_chat(0) for _ in iter(is_over.is_set, True)])
            seconds = []
            try:
                for seated, waiting in zip(read_chats("assigned"), read_chats("queued")[:FREED]):
                    started = time.perf_counter()
                    buyers[seated].leave(seated)
                    shops.wait_until(
                        lambda waiting=waiting: waiting in read_chats("assigned"),
                        "the line was not served",
                    )
                    seconds.append(time.perf_counter() - started)
            finally:
                is_over.set()
        return {"agents": SEATS, "seconds": seconds, "meanwhile": len(load.result())}


def print_seats(result):
    seconds = result["seconds"]
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(
        f"a freed seat has its next buyer, {result['agents']} agents, while"
        f" {result['meanwhile']} others came: p50 {statistics.median(seconds):.2f} s,"
        f" p95 {p95:.2f} s   {verdict(p95 <= SEATED_AIM, f'{SEATED_AIM} s')}\n"
    )


# --------------------------------------------------------------------------- a shop at work


def measure_load(template, options):
    """As bench/load.py does it."""
    chosen = {
        "parts": options.load_parts,
        "agents": options.load_agents or (LONG_LOAD_AGENTS if options.long else LOAD_AGENTS),
        "rounds": options.rounds,
        "bursts": options.rounds if options.long else 1,
        "chats": options.load_chats if options.long else 0,
        "rate": options.load_rate,
    }
    return measure_in_browsers("load.py", template, options=chosen)


def print_load(result):
    for name, sides in result.items():
        if name in ("watched", "seats"):
            continue
        print(f"a shop at work, {name}: p50/p95/p99 in ms")
        steps = list(sides["ours"]["steps"])
        print(f"{'':<7}{''.join(f'{step:>22}' for step in steps)}{'served/s':>10}")
        for side, figures in sides.items():
            columns = "".join(
                f"{'/'.join(f'{ms:.0f}' for ms in figures['steps'][step] or ()):>22}"
                for step in steps
            )
            print(f"{side:<7}{columns}{statistics.median(figures['throughput']):>10.2f}")
        for side, figures in sides.items():
            spread = ", ".join(f"{least}-{most}" for least, most in figures["spread"])
            spent = ", ".join(f"{ms:.0f} {name}" for name, ms in figures["processor_ms"].items())
            print(
                f"   {side}: {spent} ms of a processor for each buyer,"
                f" {sum(figures['overruns'])} chats above capacity, chats of each agent"
                f" {spread}, {figures['counts']}"
            )
        print(f"   the audit found {sides['ours']['wrong']} wrong\n")
    if watched := result.get("watched"):
        alone, beside = (statistics.median(watched[name]) for name in ("alone", "watched"))
        reached = verdict(beside >= (1 - WATCHED_AIM) * alone, f"-{100 * WATCHED_AIM:.0f} %")
        print(
            f"get_session per second beside {watched['pages']} pages Reception:"
            f" {alone:.1f} -> {beside:.1f}, {100 * (beside / alone - 1):+.1f} %   {reached}"
        )
        for name, spent in watched["processor_ms"].items():
            print(f"   {name}: {spent['workers']:.0f} ms of the workers' processors for each chat")
        print()
    if seats := result.get("seats"):
        p95 = statistics.quantiles(seats["seconds"], n=20)[-1]
        print(
            f"a freed seat has its next buyer, {seats['agents']} agents at work, {seats['counts']}:"
            f" p50 {statistics.median(seats['seconds']):.2f} s, p95 {p95:.2f} s"
            f"   {verdict(p95 <= SEATED_AIM, f'{SEATED_AIM} s')},"
            f" {statistics.quantiles(seats['since_ended'], n=20)[-1]:.2f} s of it after who leaves"
            " has an answer,"
            f" the audit found {seats['wrong']} wrong\n"
        )


# --------------------------------------------------------------------------- the page Reception


def measure_in_browsers(script, *arguments, options=None):
    """Run a script in the Python of the tests; return the figures it prints.

    :param options: what it reads as JSON.
    """
    environment = devenv.env()
    environment["PYTHONPATH"] = f"{ROOT / 'dev'}:{ROOT / 'tests/system'}"
    run = subprocess.run(
        [devenv.python(devenv.VENV_TEST), ROOT / "bench" / script, *arguments],
        input=json.dumps(options).encode(),
        stdout=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if run.returncode:
        raise devenv.DevError(f"bench/{script} failed")
    return json.loads(run.stdout)


def measure_reception(template):
    with devenv.temp_db(template) as db, devenv.Server(db, workers=WORKERS) as server:
        return measure_in_browsers("browser.py", db, server.url)


def print_reception(result):
    print("the page Reception with 200 agents and 50 who wait")
    for name, label, aim in (
        ("opening", "until it is there", 1000 * OPEN_AIM),
        ("told", "until it shows a change", 1000 * TOLD_AIM),
        ("weight", "frame of a changed weight", FRAME_AIM),
        ("presence", "frame of a changed presence", FRAME_AIM),
    ):
        figures = result[name]
        median = statistics.median(figures)
        print(
            f"   {label:<30}median {median:>7.1f} ms, {min(figures):.1f} to {max(figures):.1f}"
            f"   {verdict(median <= aim, f'{aim:.0f} ms')}"
        )
    print()


# --------------------------------------------------------------------------- an agent's desk


def measure_desk(plain_template, our_template):
    with (
        devenv.temp_db(plain_template) as plain_db,
        devenv.temp_db(our_template) as our_db,
        devenv.Server(plain_db, workers=WORKERS) as plain_server,
        devenv.Server(our_db, workers=WORKERS) as our_server,
    ):
        return measure_in_browsers("desk.py", plain_db, plain_server.url, our_db, our_server.url)


def print_desk(result):
    print("an agent's desk with 20 open and 200 ended chats: median ms, and the range")
    for name, label, aim in (
        ("reload", "loaded anew, all of Odoo with it", None),
        ("opening", "opened", 1000 * OPEN_AIM),
        ("message", "frame of a new message", FRAME_AIM),
    ):
        medians = {side: statistics.median(ms) for side, ms in result["full"][name].items()}
        columns = "".join(
            f"   {side} {medians[side]:>7.1f} ({min(ms):.1f} to {max(ms):.1f})"
            for side, ms in result["full"][name].items()
        )
        reached = verdict(medians["ours"] <= aim, f"{aim:.0f} ms") if aim else ""
        print(f"   {label:<34}{columns}   {reached}")
    print("what is done most: clicks, and median seconds of a hand that needs 1.3 s for a click")
    for name, sides in result["tasks"].items():
        columns = "".join(
            f"   {side} {max(clicks for clicks, _seconds in taken)} clicks,"
            f" {statistics.median(seconds for _clicks, seconds in taken):>5.1f} s"
            for side, taken in sides.items()
        )
        print(f"   {name.replace('_', ' '):<20}{columns}")
    print()


# --------------------------------------------------------------------------- the search


def measure_search(template, options):
    log = devenv.LOGS / "bench-search.log"
    with devenv.temp_db(template) as db, open(log, "wb") as errors:
        run = subprocess.run(
            [devenv.python(), ROOT / "bench/search.py", db, str(options.messages)],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=devenv.env(),
            check=False,
        )
    if run.returncode:
        raise devenv.DevError(f"bench/search.py failed:\n{devenv.tail(log)}")
    return json.loads(run.stdout)


def print_search(rows, options):
    print(f"words looked for in {options.messages} messages, one shop of ten: seconds")
    for row in rows:
        median = statistics.median(row["seconds"])
        print(
            f"   {row['what']:<28}median {median:>6.3f}, at most {max(row['seconds']):.3f}"
            f"   {row['found']:>6} chats   {'index' if row['index'] else 'no index':<9}"
            f"{verdict(median <= SEARCH_AIM, f'{SEARCH_AIM:.0f} s')}"
        )
    print()


# --------------------------------------------------------------------------- a long life


def measure_life(template, options):
    """Return what is true of the shop after a month and after three years."""
    per_day = options.chats / LIVES[-1]
    return [
        measure_inside(
            "life.py",
            template,
            {
                "chats": round(days * per_day),
                "days": days,
                "repeat": options.repeat,
                "rounds": options.rounds,
            },
        )
        for days in LIVES
    ]


def print_life(young, old):
    print(
        f"a shop of 50 agents after {young['days']} days with {young['chats']} chats, and after"
        f" {old['days']} with {old['chats']}"
    )
    for name, milliseconds in old["decision"].items():
        ratio = milliseconds / young["decision"][name]
        print(
            f"   a decision, {name:<12}{young['decision'][name]:>7.1f} ms {milliseconds:>9.1f} ms"
            f"  x{ratio:.2f}   {verdict(ratio <= LIFE_AIM, f'x{LIFE_AIM}')}"
        )
    for when in ("differences", "differences_after_jobs"):
        figures = old[when]
        exact = not figures["different"] and figures["chats"] == figures["in_totals"]
        print(
            f"   {figures['in_totals']} chats in the totals, {figures['chats']} there are,"
            f" {figures['different']} of {figures['cases']} cases differ"
            f"   {verdict(exact, 'exact')}"
        )
    print("   pages as the owner opens them: ms, young and old")
    for name, milliseconds in sorted(old["pages"].items(), key=lambda page: -page[1]):
        print(
            f"      {name:<40}{young['pages'][name]:>8.0f}{milliseconds:>9.0f}"
            f"   {verdict(milliseconds <= 1000 * PAGE_AIM, f'{PAGE_AIM:.0f} s')}"
        )
    print("   jobs: seconds young and old, of which the longest transaction; what it saw to")
    for name, job in sorted(old["jobs"].items(), key=lambda job: -job[1]["seconds"]):
        print(
            f"      {name:<66}{young['jobs'][name]['seconds']:>8.2f}{job['seconds']:>8.2f}"
            f"{job['longest_call']:>8.2f}{job['seen']:>7}"
            f"   {verdict(job['seconds'] <= JOB_AIM, f'{JOB_AIM:.0f} s')}"
            f"   {' … '.join(job['said'])}"
        )
    print("   tables: MB with what is large in them, MB of indexes, rows; young and old")
    of_young = {table["table"]: table for table in young["sizes"]["tables"]}
    for table in old["sizes"]["tables"]:
        columns = "".join(
            f"{one.get('bytes', 0) / 1e6:>9.1f}{one.get('index_bytes', 0) / 1e6:>9.1f}"
            f"{one.get('rows', 0):>9}"
            for one in (of_young.get(table["table"], {}), table)
        )
        print(f"      {table['table']:<40}{columns}")
    print("   indexes of ours on Odoo's tables: MB, old")
    for name, size in old["sizes"]["indexes"].items():
        if size > 100_000:
            print(f"      {name:<50}{size / 1e6:>9.1f}")
    print()


# --------------------------------------------------------------------------- the installation


def print_install(rows):
    print("installing: seconds, and for how many of them a table could not be written")
    for row in rows:
        held = ", ".join(f"{table} {seconds:.1f}" for table, seconds in sorted(row["held"].items()))
        marked = ", marked before" if row["is_marked"] else ""
        print(f"   {row['chats']:>6} chats{marked:<15}{row['seconds']:>6.1f}   {held}")
    print()


# --------------------------------------------------------------------------- the replay


def measure_replay():
    sys.path.insert(0, str(ROOT / "tests/pure"))
    from simulation import busy_day

    from dispatch.replay import replay

    rows = []
    for gap in (9, 4.7):
        day = busy_day(10_000, gap)
        started = time.perf_counter()
        fates = replay(day).fates
        rows.append({"gap": gap, "buyers": len(fates), "seconds": time.perf_counter() - started})
    return rows


def print_replay(rows):
    for row in rows:
        reached = verdict(row["seconds"] <= REPLAY_AIM, f"{REPLAY_AIM:.0f} s")
        print(
            f"replay of {row['buyers']} buyers among 20 agents, one every {row['gap']} s:"
            f" {row['seconds']:.2f} s   {reached}"
        )
    print()


if __name__ == "__main__":
    devenv.main(main)
