"""The part of the benchmark that asks what a decision costs beside what else the database has.

    python bench/scale.py DATABASE < options.json > result.json

Started by run.py in Odoo's Python, as inside.py. The same two shops, of 20 and of 100 agents with
four open chats each, are measured alone, then among other shops, then with chats of the larger one
that nobody ended, then with a past of ended chats and their decisions. A group of 20 in a shop of a
thousand is measured beside the shop of 20. How many decisions a second there are is measured by
processes of their own, all on one shop and half of them on each of two.

It may be run in pieces on one database, which ``{"states": [...]}`` names; a past that is not yet
as long as it should be is gone on with, up to ``{"until": chats}``.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import inside
import life

import odoo.cli  # noqa: F401 - the entry point sets up what the registry needs
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

AGENTS, FEW, MANY, CHATS = 100, 20, 1000, 4
# So many agents of the larger shop have had the chats of the past, in so many days.
TEMPLATES, DAYS = 20, 365
PROCESSES, SECONDS = (2, 8), 10


def main():
    options = json.loads(sys.stdin.readline())
    config.parse_config(
        ["-d", sys.argv[1], "--no-http", "--max-cron-threads", "0"], setup_logging=True
    )
    with Registry(sys.argv[1]).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        if channel_id := options.get("channel_id"):
            json.dump(count_decisions(env, channel_id), sys.stdout)
        else:
            json.dump(measure(env, options), sys.stdout)


def measure(env, options):
    """Return the ms of a decision of each shop in each state, and decisions a second."""
    result = {}
    shops = {size: find_shops(env, size)[:1] or open_shop(env, size) for size in (FEW, AGENTS)}
    for state, prepare in (
        ("alone", None),
        ("among", open_others),
        ("forgotten", forget_chats),
        ("past", live),
    ):
        if state in options.get("states", (state,)):
            if prepare:
                prepare(env, shops[AGENTS], options)
            if "until" not in options:
                env.cr.execute("ANALYZE")
                env.cr.commit()
                result[state] = {
                    size: measure_decision(env, shop, options) for size, shop in shops.items()
                }
    if "group" in options.get("states", ("group",)):
        result["group"] = measure_group(env, shops[FEW], options)
    if "together" in options.get("states", ("together",)):
        one, other = find_shops(env, AGENTS)[:2].ids
        result["processors"] = os.cpu_count()
        result["together"] = {
            processes: {
                "one_shop": decide_together([one] * processes),
                "two_shops": decide_together([one, other] * (processes // 2)),
            }
            for processes in PROCESSES
        }
    return result


def find_shops(env, size):
    return env["im_livechat.channel"].search([("name", "=", f"bench shop of {size}")], order="id")


def open_others(env, _shop, options):
    have = sum(len(find_shops(env, size)) for size in (FEW, AGENTS))
    for _number in range(have, options["shops"]):
        open_shop(env, AGENTS)


def forget_chats(env, shop, options):
    """Leave chats of a shop open until nobody counts on them any more."""
    agents = shop.user_ids
    open_chats(env, shop, agents, options["forgotten"] // len(agents), "3 days")
    env["im_livechat.channel"]._gc_forgotten_seats()
    env.cr.commit()


def live(env, shop, options):
    """Give a shop ended chats and their decisions."""
    env.cr.execute("SELECT to_regclass('bench_template')")
    if not env.cr.fetchone()[0]:
        chats = [life.make_chat(env, shop, None, True) for _chat in range(TEMPLATES)]
        life.keep_templates(env, chats)
        env.cr.commit()
    wanted = {"chats": options["past"], "days": DAYS, "is_silent": True}
    if "until" in options:
        wanted["until"] = options["until"]
    life.fill(env, wanted)


def measure_group(env, few, options):
    """Return the ms of a decision of a shop, and of a group as large in a shop of many."""
    many = find_shops(env, MANY)
    if not many:
        many = open_shop(env, MANY)
        country = env["res.country"].search([], limit=1)
        env["livechat.dispatch.group"].create(
            {
                "name": "A group",
                "channel_id": many.id,
                "user_ids": many.user_ids[:FEW].ids,
                "scope_ids": [(0, 0, {"kind": "country", "country_id": country.id})],
            }
        )
        env.cr.execute("ANALYZE")
        env.cr.commit()
    country_id = many.dispatch_group_ids.scope_ids.country_id.id
    return {
        "shop": measure_decision(env, few, options),
        "group": measure_decision(env, many, options, country_id),
    }


def open_shop(env, size):
    """Return a new channel with its own agents, who are here and have their chats."""
    channel = env["im_livechat.channel"].create(
        {
            "name": f"bench shop of {size}",
            "dispatch_mode": "share",
            "max_sessions_mode": "limited",
            "max_sessions": inside.MAX_SESSIONS,
            "user_ids": False,
        }
    )
    agents = inside.make_agents(env, f"bench_{channel.id}", range(size))
    channel.user_ids = agents
    open_chats(env, channel, agents, CHATS)
    return channel


def open_chats(env, channel, agents, each, age=None):
    """Give each agent so many chats; see ``inside.open_chats``."""
    inside.open_chats(env, channel, agents, each, age)
    env.cr.commit()


def measure_decision(env, channel, options, country_id=None):
    milliseconds = []
    for number in range(inside.WARM_UP + options["repeat"]):
        env.invalidate_all()
        started = time.perf_counter()
        decide(env, channel, country_id)
        if number >= inside.WARM_UP:
            milliseconds.append(1000 * (time.perf_counter() - started))
    return statistics.median(milliseconds)


def decide(env, channel, country_id=None):
    # sudo: im_livechat.channel - as core's route does for a buyer who is new here
    shop = channel.with_user(env.ref("base.public_user")).sudo()
    if country_id:
        outcome = shop._dispatch(shop._get_buyer()._replace(country_id=country_id))
        assert outcome.agent and outcome.group
    else:
        assert shop._get_operator()
    env.cr.commit()


def count_decisions(env, channel_id):
    """Return how many decisions a second this process takes."""
    channel = env["im_livechat.channel"].browse(channel_id)
    decide(env, channel)
    print("ready", flush=True)
    sys.stdin.readline()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        env.invalidate_all()
        decide(env, channel)
        count += 1
    return count / SECONDS


def decide_together(channel_ids):
    """Return the decisions a second of as many processes at the same time, and how many processors
    all that runs here has kept busy meanwhile."""
    processes = []
    for channel_id in channel_ids:
        process = subprocess.Popen(
            [sys.executable, __file__, sys.argv[1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        process.stdin.write(json.dumps({"channel_id": channel_id}) + "\n")
        process.stdin.flush()
        processes.append(process)
    for process in processes:
        # It has loaded Odoo, and taken a decision.
        assert process.stdout.readline() == "ready\n"
    before, began = read_busy_seconds(), time.perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.close()
    rate = sum(json.loads(process.stdout.read()) for process in processes)
    return {"rate": rate, "busy": (read_busy_seconds() - before) / (time.perf_counter() - began)}


def read_busy_seconds():
    """Return for how long the processors of this machine were busy so far, added up."""
    _name, *ticks = open("/proc/stat").readline().split()
    user, nice, system, _idle, _waiting, *interrupts = map(int, ticks[:7])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
