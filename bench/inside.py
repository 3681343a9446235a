"""The part of the benchmark that runs inside an Odoo process: decisions and availability.

    python bench/inside.py DATABASE < options.json > result.json

Started by run.py in Odoo's Python. Two channels of one database have the same agents: one is
``native``, for which the addon steps aside and core's own method runs, the other ``share``. They
are measured in turn, one call each, so that whatever disturbs the machine disturbs both. Every call
begins with an empty ORM cache, as a request does, and ends with a commit.
"""

import itertools
import json
import statistics
import sys
import time
from unittest.mock import patch

import odoo.cli  # noqa: F401 - the entry point sets up what the registry needs
from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.tools import config

CHATS_PER_AGENT = 5
# Calls that are not counted: they fill what a worker fills once in its long life, such as the
# registry's caches and PostgreSQL's plans.
WARM_UP = 10
# How many wait when the line is measured, and for how many agents.
LINE_LENGTH, LINE_AGENTS = 500, 100
# Some of the dearest patterns that `scope.measure_pattern` allows.
PATTERNS = (
    "(.?){100}",
    r"(.*\w*){50}b",
    "(a{1,30}){1,30}b",
    "(a|b){0,400}a(a|b){50}b",
    "a(?![a-z]{45})x{1,40}",
    r"([ab]*[ab]*?a?){30}\d",
)
_unique = itertools.count(100)
# Here for as long as it takes, without a page that gives signs of life.
HERE = {"status": "online", "last_poll": "2100-01-01 00:00:00"}
# So high that the limit is read and kept, and turns nobody away.
MAX_SESSIONS = 1000


def main():
    options = json.load(sys.stdin)
    config.parse_config(
        ["-d", sys.argv[1], "--no-http", "--max-cron-threads", "0"], setup_logging=True
    )
    registry = Registry(sys.argv[1])
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        rows = [measure(env, count, options) for count in options["agents"]]
    json.dump(rows, sys.stdout)


def measure(env, count, options):
    """Bring the shop to ``count`` agents with their chats and measure both channels."""
    native, share = grow_shop(env, count)
    row = {"agents": count, "chats": count * CHATS_PER_AGENT}
    env.cr.execute(
        "SELECT count(*), count(DISTINCT partner_id) FROM livechat_dispatch_seat seat"
        " JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id"
        " WHERE livechat_end_dt IS NULL"
    )
    assert env.cr.fetchone() == (row["chats"], count), "the shop is not as it should be"

    public = env.ref("base.public_user")

    def decide(channel):
        # sudo: im_livechat.channel - as core's route does for a buyer who is new here
        agent = channel.with_user(public).sudo()._get_operator()
        env.cr.commit()
        assert agent

    def find_available(channel):
        assert channel._is_livechat_available()
        env.cr.commit()

    def find_unavailable(channel):
        assert not channel._is_livechat_available()
        env.cr.commit()

    for name, call, max_sessions in (
        ("decision", decide, MAX_SESSIONS),
        ("availability", find_available, MAX_SESSIONS),
        ("unavailability", find_unavailable, 1),
    ):
        (native | share).max_sessions = max_sessions
        env.cr.commit()
        plain, ours = in_turn(env, call, native, share, options["repeat"])
        row[name] = {
            "plain": summary(plain),
            "ours": summary(ours),
            "ratio": statistics.median(ours) / statistics.median(plain),
            "plain_queries": count_queries(env, call, native),
            "ours_queries": count_queries(env, call, share),
        }
    row["patterns"] = {pattern: measure_pattern(env, pattern) for pattern in PATTERNS}
    if count == LINE_AGENTS:
        row["line"] = measure_line(env, share, options["repeat"])
    return row


def measure_pattern(env, pattern):
    """Return the ms to match each of three addresses with a pattern that PostgreSQL does not know
    yet: it keeps those that a connection has asked for."""
    from odoo.addons.im_livechat_subaccount.dispatch import scope

    times = []
    for address in ("a" * 1999, "ab" * 1000, "https://shop.example.com/" + "aB/" * 600):
        new = f"{pattern}|{next(_unique)}"
        assert scope.measure_pattern(new) <= scope.PATTERN_SIZE_MAX, new
        started = time.perf_counter()
        env["livechat.dispatch.scope"]._find_matching_patterns([new], address)
        times.append(1000 * (time.perf_counter() - started))
    return times


def measure_line(env, channel, repeat):
    """Return the seconds of a decision with nobody in line, and of those about 500 who wait: for
    who comes next, and for the first in line when a seat is free."""
    from odoo.addons.im_livechat_subaccount.dispatch.line import Round

    channel.write({"max_sessions": MAX_SESSIONS, "queue_enabled": True, "queue_limit": 0})
    waiting = env["discuss.channel"]

    def arrive():
        # sudo: im_livechat.channel - as core's route does for a buyer who is new here
        buyers = channel.with_user(env.ref("base.public_user")).sudo()
        outcome = buyers._dispatch(buyers._get_buyer())
        env.cr.commit()
        assert outcome.state == ("queued" if waiting else "assigned")

    def serve():
        chat = channel._get_next_in_line(Round())
        outcome = channel._dispatch(chat._get_buyer(), chat=chat)
        env.cr.commit()
        assert outcome.agent and chat in waiting

    def measure_calls(call):
        seconds = []
        for number in range(WARM_UP + repeat):
            env.invalidate_all()
            started = time.perf_counter()
            call()
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - started)
        return summary(seconds)

    env.cr.commit()
    result = {"empty": measure_calls(arrive)}
    waiting = env["discuss.channel"].create(
        [
            {
                "name": "Waiting",
                "channel_type": "livechat",
                "livechat_channel_id": channel.id,
                "livechat_operator_id": channel.reception_partner_id.id,
                "dispatch_state": "queued",
                "dispatch_queued_at": fields.Datetime.now(),
            }
            for _buyer in range(LINE_LENGTH)
        ]
    )
    env.cr.commit()
    result["arrival"], result["service"] = measure_calls(arrive), measure_calls(serve)
    waiting.unlink()
    channel.queue_enabled = False
    env.cr.commit()
    return result


def in_turn(env, call, native, share, repeat):
    """Return the seconds of ``repeat`` calls for each channel."""
    seconds = {native: [], share: []}
    for round_number in range(WARM_UP + repeat):
        for channel in (native, share):
            env.invalidate_all()
            started = time.perf_counter()
            call(channel)
            if round_number >= WARM_UP:
                seconds[channel].append(time.perf_counter() - started)
    return seconds[native], seconds[share]


def count_queries(env, call, channel):
    """Return the number of messages with SQL of one call, those of other cursors included."""
    from odoo.sql_db import Cursor

    from odoo.addons.im_livechat_subaccount.dispatch.ledger.session import Session

    count = 0

    def counting(execute):
        def wrapper(*args, **kwargs):
            nonlocal count
            count += 1
            return execute(*args, **kwargs)

        return wrapper

    env.invalidate_all()
    with (
        patch.object(Cursor, "execute", counting(Cursor.execute)),
        patch.object(Session, "execute", counting(Session.execute)),
    ):
        call(channel)
    return count


def summary(seconds):
    ordered = sorted(seconds)
    return {
        "p50_ms": 1000 * statistics.median(ordered),
        "min_ms": 1000 * ordered[0],
        "p95_ms": 1000 * ordered[int(len(ordered) * 0.95)],
        "calls": len(ordered),
    }


# --------------------------------------------------------------------------- the shop


def grow_shop(env, count):
    """Return the native and the share channel, both with ``count`` online agents."""
    channels = env["im_livechat.channel"].search([("name", "=like", "bench %")], order="name")
    if not channels:
        channels = env["im_livechat.channel"].create(
            [
                {
                    "name": f"bench {mode}",
                    "dispatch_mode": mode,
                    "max_sessions_mode": "limited",
                    "max_sessions": MAX_SESSIONS,
                    "user_ids": False,
                }
                for mode in ("native", "share")
            ]
        )
    native, share = channels
    have = len(share.user_ids)
    lang = env.ref("base.lang_en").code
    agents = make_agents(env, "bench", range(have, count), weights=(50, 100, 200), lang=lang)
    channels.write({"user_ids": [(4, agent.id) for agent in agents]})
    open_chats(env, native, agents)
    env.cr.execute("ANALYZE")  # as autovacuum does sooner or later; for both alike
    env.cr.commit()
    # Apart, or what plain Odoo computes for its channel would be computed for ours as well.
    return native.with_prefetch(), share.with_prefetch()


def make_agents(env, prefix, numbers, weights=(100,), **values):
    """Return new agents, one of each number, who are here.

    :param prefix: of their logins.
    :param weights: which they have in turn.
    """
    values["group_ids"] = [
        (4, env.ref(name).id) for name in ("base.group_user", "im_livechat.im_livechat_group_user")
    ]
    users = env["res.users"].with_context(no_reset_password=True, tracking_disable=True)
    agents = users.create(
        [
            {
                "name": f"Agent {number}",
                "login": f"{prefix}_{number}",
                "dispatch_weight": weights[number % len(weights)],
                **values,
            }
            for number in numbers
        ]
    )
    env["mail.presence"].create([{"user_id": agent.id, **HERE} for agent in agents])
    return agents


def open_chats(env, channel, agents, each=CHATS_PER_AGENT, age=None):
    """Give each agent its chats: one is made by the ORM, its rows are copied for the others.

    :param age: since when nobody has written in them; ``None``: three quarters of the chats are
        lively, the others have been quiet for twenty minutes.
    """
    cr = env.cr
    guest = env["mail.guest"].create({"name": "Visitor"})
    chat = env["discuss.channel"].create(
        # sudo: im_livechat.channel - as core's route for buyers does
        channel.with_user(env.ref("base.public_user"))
        .sudo()
        .with_context(guest=guest)
        ._get_livechat_discuss_channel_vals(
            agent=agents[0],
            chatbot_script=env["chatbot.script"],
            operator_partner=agents[0].partner_id,
            operator_model="res.users",
        )
    )
    env.flush_all()
    members = {bool(member.guest_id): member.id for member in chat.channel_member_ids}
    histories = {
        bool(history.guest_id): history.id for history in chat.livechat_channel_member_history_ids
    }
    assert len(members) == len(histories) == 2
    # One row per chat to make: its agent, its moment, and the ids of the rows to come.
    cr.execute(
        """
        CREATE TEMPORARY TABLE plan ON COMMIT DROP AS
        SELECT partner.id AS partner_id,
               now() AT TIME ZONE 'UTC' - CASE WHEN %s::interval IS NOT NULL THEN %s
                                               WHEN number %% 4 = 3 THEN interval '20 minutes'
                                               ELSE interval '1 minute' END AS moment,
               nextval('discuss_channel_id_seq') AS chat,
               nextval('mail_guest_id_seq') AS guest,
               nextval('discuss_channel_member_id_seq') AS agent_member,
               nextval('discuss_channel_member_id_seq') AS guest_member,
               nextval('im_livechat_channel_member_history_id_seq') AS agent_history,
               nextval('im_livechat_channel_member_history_id_seq') AS guest_history
          FROM res_partner partner, generate_series(1, %s) number
         WHERE partner.id = ANY(%s)
        """,
        [age, age, each, agents.partner_id.ids],
    )

    def copy(table, source, **columns):
        cr.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = %s",
            [table],
        )
        names = [name for (name,) in cr.fetchall()]
        assert columns.keys() <= set(names)
        into = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(columns.get(name, f'source."{name}"') for name in names)
        cr.execute(
            f"INSERT INTO {table} ({into})"
            f" SELECT {values} FROM {table} source, plan WHERE source.id = %s",
            [source],
        )

    copy("mail_guest", guest.id, id="plan.guest", access_token="gen_random_uuid()::text")
    copy(
        "discuss_channel",
        chat.id,
        id="plan.chat",
        uuid="left(md5(plan.chat::text), 10)",
        livechat_operator_id="plan.partner_id",
        last_interest_dt="plan.moment",
        create_date="plan.moment",
    )
    member = {"channel_id": "plan.chat", "create_date": "plan.moment"}
    copy(
        "discuss_channel_member",
        members[False],
        id="plan.agent_member",
        partner_id="plan.partner_id",
        **member,
    )
    copy(
        "discuss_channel_member",
        members[True],
        id="plan.guest_member",
        guest_id="plan.guest",
        **member,
    )
    copy(
        "im_livechat_channel_member_history",
        histories[False],
        id="plan.agent_history",
        member_id="plan.agent_member",
        partner_id="plan.partner_id",
        **member,
    )
    copy(
        "im_livechat_channel_member_history",
        histories[True],
        id="plan.guest_history",
        member_id="plan.guest_member",
        guest_id="plan.guest",
        **member,
    )
    cr.execute(
        "INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id)"
        " SELECT chat, partner_id FROM plan"
    )
    chat.unlink()
    env.flush_all()


if __name__ == "__main__":
    main()
