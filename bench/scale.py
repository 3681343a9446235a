"""The part of the benchmark that asks what a decision costs beside what else the database has.

    python bench/scale.py DATABASE < options.json > result.json

Started by run.py in Odoo's Python, as inside.py. The same two shops, of 20 and of 100 agents with
four open chats each, are measured alone, then among other shops, then with chats of the larger one
that nobody ended. How many decisions a second there are is measured by processes of their own, all
on one shop and half of them on each of two.
"""

import json
import statistics
import subprocess
import sys
import time

import inside

import odoo.cli  # noqa: F401 - the entry point sets up what the registry needs
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

AGENTS, FEW, CHATS = 100, 20, 4
PROCESSES, SECONDS = 8, 10


def main():
    options = json.load(sys.stdin)
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
    shops = {FEW: open_shop(env, FEW), AGENTS: open_shop(env, AGENTS)}

    def measure_both():
        env.cr.execute("ANALYZE")
        env.cr.commit()
        return {agents: measure_decision(env, shop, options) for agents, shop in shops.items()}

    result = {"alone": measure_both()}
    others = [open_shop(env, AGENTS) for _shop in range(options["shops"] - len(shops))]
    result["among"] = measure_both()
    agents = shops[AGENTS].user_ids
    open_chats(env, shops[AGENTS], agents, options["forgotten"] // len(agents), "3 days")
    env["im_livechat.channel"]._gc_forgotten_seats()
    result["forgotten"] = measure_both()
    one, other = shops[AGENTS].id, others[0].id
    result["one_shop"] = decide_together([one] * PROCESSES)
    result["two_shops"] = decide_together([one, other] * (PROCESSES // 2))
    return result


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
    agents = (
        env["res.users"]
        .with_context(no_reset_password=True, tracking_disable=True)
        .create(
            [
                {
                    "name": f"Agent {number}",
                    "login": f"bench_{channel.id}_{number}",
                    "group_ids": [
                        (4, env.ref("base.group_user").id),
                        (4, env.ref("im_livechat.im_livechat_group_user").id),
                    ],
                }
                for number in range(size)
            ]
        )
    )
    channel.user_ids = agents
    env["mail.presence"].create([{"user_id": agent.id, **inside.HERE} for agent in agents])
    open_chats(env, channel, agents, CHATS)
    return channel


def open_chats(env, channel, agents, each, age=None):
    """Give each agent so many chats; see ``inside.open_chats``."""
    inside.open_chats(env, channel, agents, each, age)
    env.cr.commit()


def measure_decision(env, channel, options):
    milliseconds = []
    for number in range(inside.WARM_UP + options["repeat"]):
        env.invalidate_all()
        started = time.perf_counter()
        decide(env, channel)
        if number >= inside.WARM_UP:
            milliseconds.append(1000 * (time.perf_counter() - started))
    return statistics.median(milliseconds)


def decide(env, channel):
    # sudo: im_livechat.channel - as core's route does for a buyer who is new here
    assert channel.with_user(env.ref("base.public_user")).sudo()._get_operator()
    env.cr.commit()


def count_decisions(env, channel_id):
    """Return how many decisions a second this process takes."""
    channel = env["im_livechat.channel"].browse(channel_id)
    decide(env, channel)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        env.invalidate_all()
        decide(env, channel)
        count += 1
    return count / SECONDS


def decide_together(channel_ids):
    """Return the decisions a second of as many processes at the same time."""
    processes = []
    for channel_id in channel_ids:
        process = subprocess.Popen(
            [sys.executable, __file__, sys.argv[1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        process.stdin.write(json.dumps({"channel_id": channel_id}))
        process.stdin.close()
        processes.append(process)
    return sum(json.loads(process.stdout.read()) for process in processes)


main()
