"""The part of the benchmark that lets a shop grow old, inside an Odoo process.

    python bench/life.py DATABASE < options.json > result.json

Started by run.py in Odoo's Python. A shop of 50 agents in five groups has so many chats in so many
days. Each agent has one chat that the addon and Odoo really made, with its buyer, two messages, an
end and its decision; all others are its rows copied by SQL, with every moment moved. What a shop
counts meanwhile, hour by hour, the addon counts itself, and of the decisions only those stay that
retention leaves. Then it is measured what one waits for: a decision, the pages as the owner opens
them, what runs each day; and what all that takes on the disk.

It may be stopped while it fills and goes on where it was. ``{"until": chats}`` fills up to so many
and measures nothing.
"""

import json
import logging
import statistics
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import inside

import odoo.cli  # noqa: F401 - the entry point sets up what the registry needs
from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.tests import new_test_user
from odoo.tools import config

AGENTS, TEAMS, OPEN_CHATS = 50, 5, 4
# Each so many-th agent's buyers are signed in, and come so often.
SIGNED_IN, VISITS = 5, 10
RATED = 10
# Decision records are kept for so many days, as a new shop is set.
KEPT_DAYS = 90
PIECE = 10_000
# A shop is open for twelve hours from here on.
OPENS_AT = 9
MINUTES = 8
ADDON = "odoo.addons.im_livechat_subaccount"
CHANNEL = "bench life"
# Tables of Odoo that hold rows of ours, beside ours.
OF_ODOO = (
    "discuss_channel",
    "discuss_channel_member",
    "im_livechat_channel_member_history",
    "mail_guest",
    "mail_message",
    "rating_rating",
)


def main():
    options = json.load(sys.stdin)
    config.parse_config(
        ["-d", sys.argv[1], "--no-http", "--max-cron-threads", "0"], setup_logging=True
    )
    with Registry(sys.argv[1]).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        channel = open_shop(env)
        seconds = fill(env, options)
        if "until" in options:
            json.dump({"seconds": seconds}, sys.stdout)
            return
        json.dump({"counting": seconds, **measure(env, channel, options)}, sys.stdout)


# --------------------------------------------------------------------------- the shop


def open_shop(env):
    """Return the channel of the shop, which is made with one chat an agent if it is not there."""
    if channel := env["im_livechat.channel"].search([("name", "=", CHANNEL)]):
        return channel
    owner = new_test_user(env, "bench_owner", "im_livechat_subaccount.group_main_account")
    agents = inside.make_agents(env, "bench_life", range(AGENTS))
    channel = env["im_livechat.channel"].create(
        {
            "name": CHANNEL,
            "dispatch_mode": "share",
            "main_account_id": owner.id,
            "max_sessions_mode": "limited",
            "max_sessions": inside.MAX_SESSIONS,
            "user_ids": agents.ids,
        }
    )
    countries = env["res.country"].search([], limit=TEAMS - 1)
    each = AGENTS // TEAMS
    env["livechat.dispatch.group"].create(
        [
            {
                "name": country.name,
                "channel_id": channel.id,
                "user_ids": agents[each * number : each * (number + 1)].ids,
                "scope_ids": [(0, 0, {"kind": "country", "country_id": country.id})],
            }
            for number, country in enumerate(countries)
        ]
    )
    # The ledger decides in a connection of its own, which sees what is committed.
    env.cr.commit()
    chats = [
        make_chat(env, channel, country_id, bool(number % SIGNED_IN))
        for country_id in (*countries.ids, None)
        for number in range(each)
    ]
    keep_templates(env, chats)
    inside.open_chats(env, channel, agents, OPEN_CHATS)
    env.cr.commit()
    return channel


def make_chat(env, channel, country_id, is_guest):
    """Return a chat from its buyer's arrival to its end, as the addon and Odoo make it."""
    if is_guest:
        author = env["mail.guest"].create({"name": "Visitor"})
        # sudo: im_livechat.channel - as the public route asks for a chat
        shop = channel.with_user(env.ref("base.public_user")).with_context(guest=author).sudo()
        says = {"author_guest_id": author.id}
    else:
        number = env["res.users"].search_count([("share", "=", True)])
        author = new_test_user(env, f"bench_buyer_{number}", "base.group_portal")
        # sudo: im_livechat.channel - as the public route asks for a chat
        shop, says = channel.with_user(author).sudo(), {"author_id": author.partner_id.id}
    env.cr.commit()
    outcome = shop._dispatch(shop._get_buyer()._replace(country_id=country_id))
    shop._keep_outcome(outcome)
    chat = shop.env["discuss.channel"].create(
        shop._get_livechat_discuss_channel_vals(
            agent=outcome.agent,
            operator_partner=outcome.agent.partner_id,
            operator_model="res.users",
        )
    )
    words = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
    chat.message_post(body="Where is my parcel S0NUMBER0?", **says, **words)
    chat = chat.with_env(env)
    chat.message_post(
        body="It arrives tomorrow, parcel S0NUMBER0.",
        author_id=outcome.agent.partner_id.id,
        **words,
    )
    chat.livechat_end_dt = fields.Datetime.now()
    env.cr.commit()
    return chat


def keep_templates(env, chats):
    """Give the chats an ordinary length and one of them a rating; note them for what follows."""
    cr = env.cr
    env["rating.rating"].create(
        {
            "res_model_id": env["ir.model"]._get_id("discuss.channel"),
            "res_id": chats[0].id,
            "rated_partner_id": chats[0].livechat_operator_id.id,
            "rating": 5,
            "consumed": True,
            "rated_on": fields.Datetime.now(),
        }
    )
    env.flush_all()
    times = {"ids": [chat.id for chat in chats], "length": timedelta(minutes=MINUTES)}
    cr.execute(
        """
        UPDATE discuss_channel
           SET livechat_end_dt = create_date + %(length)s,
               last_interest_dt = create_date + %(length)s,
               dispatch_address = NULL
         WHERE id = ANY(%(ids)s);
        UPDATE livechat_dispatch_decision
           SET ended_at = moment + %(length)s, answer_seconds = 20,
               handling_seconds = extract(epoch FROM %(length)s::interval)
         WHERE discuss_channel_id = ANY(%(ids)s);
        UPDATE im_livechat_channel_member_history
           SET session_duration_hour = extract(epoch FROM %(length)s::interval) / 3600
         WHERE channel_id = ANY(%(ids)s);
        UPDATE discuss_channel_member
           SET unpin_dt = create_date + %(length)s + interval '1 minute'
         WHERE channel_id = ANY(%(ids)s);
        CREATE TABLE bench_template AS
        SELECT row_number() OVER (ORDER BY chat.id) - 1 AS number,
               chat.id AS chat, chat.create_date AS base, buyer.partner_id AS partner,
               buyer.guest_id AS guest, chat.livechat_operator_id AS agent
          FROM discuss_channel chat
          JOIN im_livechat_channel_member_history buyer
            ON buyer.channel_id = chat.id AND buyer.livechat_member_type = 'visitor'
         WHERE chat.id = ANY(%(ids)s);
        CREATE TABLE bench_past (chats integer NOT NULL);
        INSERT INTO bench_past VALUES (0);
        CREATE TABLE bench_partner (number integer PRIMARY KEY, partner integer NOT NULL);
        """,
        times,
    )
    env.invalidate_all()


# --------------------------------------------------------------------------- the past


def fill(env, options):
    """Add chats until there are as many as were asked for; return the seconds it took to make
    them, and those in which the addon counted them.

    :param options: ``chats`` in ``days``; ``until`` so many of them; ``is_silent``: without
        messages and ratings, every decision stays, and has been counted.
    """
    wanted = min(options["chats"], options.get("until", options["chats"]))
    seconds = {"made": 0.0, "counted": 0.0, "decisions": 0}
    env.cr.execute("SELECT chats FROM bench_past")
    (done,) = env.cr.fetchone()
    while done < wanted:
        first, done = done, min(done + PIECE, wanted)
        started = time.perf_counter()
        add_chats(env, first, done - 1, options)
        env.cr.execute("UPDATE bench_past SET chats = %s", [done])
        env.cr.commit()
        counted_from = time.perf_counter()
        seconds["made"] += counted_from - started
        if options.get("is_silent"):
            continue
        env.invalidate_all()
        while not env["livechat.dispatch.total"]._count():
            env.cr.commit()
        env.cr.commit()
        seconds["counted"] += time.perf_counter() - counted_from
        seconds["decisions"] += done - first
        # What the daily job would have deleted long ago; the last day of it is left for the job.
        env.cr.execute(
            "DELETE FROM livechat_dispatch_decision WHERE moment < %s AND is_counted"
            " AND is_turn_counted",
            [fields.Datetime.now() - timedelta(days=KEPT_DAYS + 1)],
        )
        env.cr.commit()
    return seconds


def add_chats(env, first, last, options):
    """Copy the chats of the agents in turn, to the moments of these numbers."""
    cr = env.cr
    per_day = -(-options["chats"] // options["days"])
    today = fields.Datetime.now().replace(hour=OPENS_AT, minute=0, second=0, microsecond=0)
    cr.execute(
        """
        CREATE TEMPORARY TABLE plan ON COMMIT DROP AS
        SELECT past.number, template.chat AS template, template.base, template.agent,
               template.partner AS template_partner,
               %(start)s::timestamp + (past.number / %(per_day)s) * interval '1 day'
                   + (past.number %% %(per_day)s) * (interval '12 hours' / %(per_day)s) AS moment,
               nextval('discuss_channel_id_seq') AS chat,
               CASE WHEN template.guest IS NOT NULL THEN nextval('mail_guest_id_seq') END AS guest,
               CASE WHEN template.guest IS NULL
                    THEN past.number / %(agents)s / %(visits)s
                         * (%(agents)s / %(signed_in)s) + template.number / %(signed_in)s
               END AS regular,
               NULL::integer AS partner,
               template.guest AS template_guest,
               nextval('discuss_channel_member_id_seq') AS agent_member,
               nextval('discuss_channel_member_id_seq') AS buyer_member
          FROM generate_series(%(first)s, %(last)s) past (number)
          JOIN bench_template template
            ON template.number = past.number %% (SELECT count(*) FROM bench_template)
        """,
        {
            "first": first,
            "last": last,
            "per_day": per_day,
            "start": today - timedelta(days=options["days"]),
            "agents": AGENTS,
            "signed_in": SIGNED_IN,
            "visits": VISITS,
        },
    )
    cr.execute(
        """
        INSERT INTO bench_partner
        SELECT DISTINCT ON (regular) regular, nextval('res_partner_id_seq')
          FROM plan
         WHERE regular IS NOT NULL
      ORDER BY regular
            ON CONFLICT DO NOTHING;
        UPDATE plan SET partner = bench_partner.partner
          FROM bench_partner
         WHERE bench_partner.number = plan.regular;
        CREATE INDEX ON plan (template);
        ANALYZE plan;
        """
    )
    is_buyer = "(source.guest_id IS NOT NULL OR source.partner_id = plan.template_partner)"
    person = {
        "guest_id": "CASE WHEN source.guest_id IS NOT NULL THEN plan.guest END",
        "partner_id": "CASE WHEN source.partner_id = plan.template_partner THEN plan.partner"
        " ELSE source.partner_id END",
    }
    member = f"CASE WHEN {is_buyer} THEN plan.buyer_member ELSE plan.agent_member END"
    of_chat = "source.channel_id = plan.template"
    is_rated = f"plan.number % {RATED} = 0"
    copy(
        cr,
        "res_partner",
        "source.id = plan.template_partner AND NOT EXISTS"
        " (SELECT FROM res_partner WHERE id = plan.partner) AND plan.number ="
        " (SELECT min(number) FROM plan other WHERE other.regular = plan.regular)",
        id="plan.partner",
        commercial_partner_id="plan.partner",
        signup_type="NULL",
    )
    copy(
        cr,
        "mail_guest",
        "source.id = plan.template_guest",
        id="plan.guest",
        access_token="gen_random_uuid()::text",
    )
    copy(
        cr,
        "discuss_channel",
        "source.id = plan.template",
        id="plan.chat",
        uuid="md5(plan.chat::text)",
        rating_last_value=f"CASE WHEN {is_rated} THEN 5 END",
        rating_last_text=f"CASE WHEN {is_rated} THEN 'top' ELSE 'none' END",
    )
    copy(
        cr,
        "discuss_channel_member",
        of_chat,
        id=member,
        channel_id="plan.chat",
        seen_message_id="NULL",
        fetched_message_id="NULL",
        **person,
    )
    copy(
        cr,
        "im_livechat_channel_member_history",
        of_chat,
        channel_id="plan.chat",
        member_id=member,
        **person,
    )
    relation = "im_livechat_channel_member_history_discuss_channel"
    for kind in ("agent", "customer"):
        copy(
            cr,
            f"{relation}_{kind}_rel",
            "source.discuss_channel_id = plan.template",
            discuss_channel_id="plan.chat",
            res_partner_id="CASE WHEN source.res_partner_id = plan.template_partner"
            " THEN plan.partner ELSE source.res_partner_id END",
        )
    counted = "true" if options.get("is_silent") else "NULL"
    copy(
        cr,
        "livechat_dispatch_decision",
        "source.discuss_channel_id = plan.template",
        discuss_channel_id="plan.chat",
        is_counted=counted,
        is_turn_counted=counted,
    )
    if options.get("is_silent"):
        return
    copy(
        cr,
        "mail_message",
        "source.model = 'discuss.channel' AND source.res_id = plan.template",
        res_id="plan.chat",
        parent_id="NULL",
        author_guest_id="CASE WHEN source.author_guest_id IS NOT NULL THEN plan.guest END",
        author_id="CASE WHEN source.author_id = plan.template_partner THEN plan.partner"
        " ELSE source.author_id END",
        body="replace(source.body, 'NUMBER', lpad(plan.number::text, 8, '0'))",
    )
    copy(
        cr,
        "rating_rating",
        f"{is_rated} AND source.res_model = 'discuss.channel'"
        " AND source.res_id = (SELECT chat FROM bench_template WHERE number = 0)",
        res_id="plan.chat",
        rated_partner_id="plan.agent",
        partner_id="plan.partner",
        access_token="md5(plan.chat::text)",
        message_id="NULL",
    )


def copy(cr, table, condition, **columns):
    """Copy rows for each line of the plan, with every moment moved to that of the line."""
    cr.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'",
        [table],
    )
    moved = "source.{} + (plan.moment - plan.base)"
    values = {
        name: (moved if "timestamp" in data_type else "source.{}").format(f'"{name}"')
        for name, data_type in cr.fetchall()
        if name != "id"
    }
    unknown = columns.keys() - values.keys() - {"id"}
    assert not unknown, f"{table} has no {unknown}"
    values |= columns
    names = ", ".join(f'"{name}"' for name in values)
    cr.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())}"
        f" FROM plan JOIN {table} source ON {condition}"
    )


# --------------------------------------------------------------------------- what one waits for


def measure(env, channel, options):
    cr = env.cr
    env.cr.commit()
    cr.execute("ANALYZE")
    cr.commit()
    result = {
        "chats": options["chats"],
        "days": options["days"],
        "differences": compare_totals(env),
        "sizes": measure_sizes(cr),
        "decision": measure_decisions(env, channel, options["repeat"]),
        "pages": measure_pages(env, channel, options["rounds"]),
    }
    result["jobs"] = measure_jobs(env, options)
    result["differences_after_jobs"] = compare_totals(env, by_agent=False)
    return result


def compare_totals(env, by_agent=True):
    """Return in how many cases, each a day and an agent, the totals say another number of chats
    than the chats themselves.

    :param by_agent: ``False``: each case is a day, as the totals may have lost their agents.
    """
    of_total, of_chat = ("users.partner_id", "livechat_operator_id") if by_agent else ("0", "0")
    env.cr.execute(
        f"""
        WITH by_total AS (
            SELECT hour::date AS day, {of_total} AS agent, sum(assigned) AS chats
              FROM livechat_dispatch_total total
         LEFT JOIN res_users users ON users.id = total.user_id
          GROUP BY 1, 2
            HAVING sum(assigned) > 0
        ), by_chat AS (
            SELECT chat.create_date::date AS day, {of_chat} AS agent, count(*) AS chats
              FROM discuss_channel chat
              JOIN im_livechat_channel channel ON channel.id = livechat_channel_id
             WHERE channel.name = %s
               AND chat.dispatch_state IS NOT NULL
               AND chat.livechat_end_dt IS NOT NULL
          GROUP BY 1, 2
        )
        SELECT count(*) FILTER (WHERE by_total.chats IS DISTINCT FROM by_chat.chats),
               count(*), sum(by_chat.chats), sum(by_total.chats)
          FROM by_total
     FULL JOIN by_chat USING (day, agent)
        """,
        [CHANNEL],
    )
    names = ("different", "cases", "chats", "in_totals")
    return dict(zip(names, map(int, env.cr.fetchone()), strict=True))


def measure_sizes(cr):
    """Return the bytes of each table of ours and of each index of ours on Odoo's."""
    cr.execute(
        """
        SELECT relname, pg_table_size(oid), pg_indexes_size(oid), reltuples::bigint
          FROM pg_class
         WHERE relkind = 'r'
           AND (relname ~ '^livechat_' OR relname = ANY(%s))
           AND relnamespace = current_schema()::regnamespace
      ORDER BY pg_total_relation_size(oid) DESC
        """,
        [list(OF_ODOO)],
    )
    tables = [
        {"table": name, "bytes": size, "index_bytes": indexes, "rows": rows}
        for name, size, indexes, rows in cr.fetchall()
        if size + indexes > 100_000
    ]
    cr.execute(
        """
        SELECT index.relname, pg_relation_size(index.oid)
          FROM pg_index
          JOIN pg_class index ON index.oid = indexrelid
          JOIN pg_class owner ON owner.oid = indrelid
         WHERE owner.relname = ANY(%s)
           AND (index.relname LIKE '%%dispatch%%' OR index.relname LIKE '%%said%%')
      ORDER BY 2 DESC
        """,
        [list(OF_ODOO)],
    )
    return {"tables": tables, "indexes": dict(cr.fetchall())}


def measure_decisions(env, channel, repeat):
    """Return the median ms of a decision about a new buyer, and about one who comes back."""
    env.cr.execute("SELECT partner FROM bench_partner ORDER BY number DESC LIMIT 1")
    (regular_id,) = env.cr.fetchone() or (None,)
    # sudo: im_livechat.channel - as the public route asks for an agent
    shop = channel.with_user(env.ref("base.public_user")).sudo()
    buyers = {"new": shop._get_buyer()}
    buyers["returning"] = buyers["new"]._replace(partner_id=regular_id)

    def decide(buyer):
        assert shop._dispatch(buyer).agent
        env.cr.commit()

    return {
        name: measure_call(env, lambda b=buyer: decide(b), repeat) for name, buyer in buyers.items()
    }


def measure_call(env, call, repeat, warm_up=inside.WARM_UP):
    """Return the median milliseconds of a call with an empty cache."""
    milliseconds = []
    for number in range(warm_up + repeat):
        env.invalidate_all()
        started = time.perf_counter()
        call()
        if number >= warm_up:
            milliseconds.append(1000 * (time.perf_counter() - started))
    return statistics.median(milliseconds)


def measure_pages(env, channel, rounds):
    """Return ``{page: median ms}`` of what the server is asked for a page, by the shop's owner."""
    owner = channel.main_account_id
    env = env(user=owner, context={"lang": owner.lang, "tz": "Europe/Berlin"})
    chats, totals = env["discuss.channel"], env["livechat.dispatch.total"]
    reports = env["im_livechat.report.channel"]
    is_chat = [("channel_type", "=", "livechat")]
    lists = {
        "discuss.channel": read_columns(chats, "livechat_conversation_view_list"),
        "livechat.dispatch.decision": read_columns(env["livechat.dispatch.decision"], None),
    }
    word = "00000777"

    def list_chats(*domain, order="create_date desc, id desc"):
        return chats.web_search_read(
            [*is_chat, *domain], lists["discuss.channel"], limit=80, order=order, count_limit=10001
        )

    def group_chats(by):
        return chats.web_read_group(is_chat, [by], ["__count"], limit=80)

    def read_totals(days, by):
        since = [("hour", ">=", f"today -{days}d")] if days else []
        totals.action_open()
        return totals.formatted_read_group(
            [("user_id", "!=", False), *since],
            by,
            [
                *("entitled:sum", "served:sum", "difference:sum", "received:sum", "share:avg"),
                *("online_hours:sum", "average_answer:avg", "average_handling:avg", "__count"),
            ],
        )

    def read_reports(days, by):
        since = [("start_date", ">=", f"today -{days}d")]
        return reports.formatted_read_group(
            ["|", ("dispatch_rule", "!=", False), ("dispatch_state", "!=", False), *since],
            by,
            [
                *("__count", "time_to_answer:avg", "duration:avg", "dispatch_transfer_count:sum"),
                *("dispatch_missed:sum", "dispatch_waited:sum", "dispatch_waited_seconds:avg"),
                "dispatch_left:sum",
            ],
        )

    last = chats.search(is_chat, limit=1, order="id desc")
    agent = channel.user_ids[0].name
    name = [
        *("|", "|", ("name", "ilike", "Visitor 77")),
        ("livechat_customer_partner_ids.name", "ilike", "Visitor 77"),
        ("livechat_channel_member_history_ids.guest_id.name", "ilike", "Visitor 77"),
    ]
    pages = {
        "Conversations": list_chats,
        "Conversations: words": lambda: list_chats(("livechat_words", "ilike", f"S0{word}0")),
        "Conversations: a buyer's name": lambda: list_chats(*name),
        "Conversations: an agent": lambda: list_chats(
            ("livechat_agent_partner_ids", "ilike", agent)
        ),
        "Conversations: missed": lambda: list_chats(("dispatch_is_missed", "=", True)),
        "Conversations: transferred": lambda: list_chats(("dispatch_transfer_count", ">", 0)),
        "Conversations: left the line": lambda: list_chats(("dispatch_has_left", "=", True)),
        "Conversations: unhappy": lambda: list_chats(("rating_last_text", "=", "ko")),
        "Conversations: today": lambda: list_chats(("create_date", ">=", "today")),
        "Conversations: by agent": lambda: group_chats("livechat_agent_partner_ids"),
        "Conversations: by group": lambda: group_chats("dispatch_group_id"),
        "Conversations: by day": lambda: group_chats("create_date:day"),
        "one conversation": lambda: last.web_read({"name": {}, "livechat_transcript": {}}),
        "Team, today": lambda: env["livechat.team"].get_team("today"),
        "Team, 7 days": lambda: env["livechat.team"].get_team("week"),
        "Team, trend of an agent": lambda: env["livechat.team"].get_trend(channel.user_ids[0].id),
        "Reception": lambda: env["im_livechat.channel"].get_reception(),
        "Reception: lines": lambda: env["im_livechat.channel"].get_reception_lines(),
        "Decisions": lambda: env["livechat.dispatch.decision"].web_search_read(
            [], lists["livechat.dispatch.decision"], limit=80, count_limit=10001
        ),
        "Fairness, 7 days": lambda: read_totals(6, ["user_id"]),
        "Fairness, all the time": lambda: read_totals(0, ["user_id"]),
        "Fairness, all the time by month": lambda: read_totals(0, ["hour:month", "user_id"]),
        "Dispatch Analysis, a month by group": lambda: read_reports(30, ["dispatch_group_id"]),
        "Dispatch Analysis, a month by hour": lambda: read_reports(
            30, ["start_hour", "dispatch_rule"]
        ),
    }

    def open_page(read):
        read()
        env.cr.commit()

    return {
        name: measure_call(env, lambda r=read: open_page(r), rounds, warm_up=1)
        for name, read in pages.items()
    }


def read_columns(model, view):
    """Return the specification by which a page reads a list."""
    from lxml import etree

    # sudo: ir.model.data - the name of a view is no secret
    view_id = view and model.env["ir.model.data"].sudo()._xmlid_to_res_id(
        f"im_livechat_subaccount.{view}"
    )
    arch = etree.fromstring(model.get_view(view_id, "list")["arch"])
    names = [node.get("name") for node in arch.iter("field")]
    return {
        name: {"fields": {"display_name": {}}} if model._fields[name].relational else {}
        for name in names
    }


# --------------------------------------------------------------------------- what runs by itself


def measure_jobs(env, options):
    """Run what runs by itself and return, for each, its seconds, how many it saw to, and what it
    said in the log. Each kind of retention has the oldest day to see to."""
    parameters = env["ir.config_parameter"]
    oldest = options["days"] - 1
    for name, days in (
        ("decision_days", min(KEPT_DAYS, oldest)),
        ("buyer_days", oldest),
        ("figure_days", oldest),
    ):
        parameters.set_param(f"im_livechat_subaccount.{name}", repr(days))
    env.cr.commit()
    cron = {
        "each minute: timers": env["im_livechat.channel"]._run_dispatch_timers,
        "each ten minutes: health": env["livechat.dispatch.health"]._check_all,
        "when somebody looks: totals": env["livechat.dispatch.total"]._count,
    }
    jobs = {**cron, **dict(find_vacuums(env))}
    return {name: measure_job(env, job) for name, job in jobs.items()}


def find_vacuums(env):
    """Yield each daily job of which a layer of ours is a part."""
    for name, model in sorted(env.items()):
        for attribute in dir(type(model)):
            layers = [
                layer
                for layer in type(model).__mro__
                if getattr(vars(layer).get(attribute), "_autovacuum", False)
            ]
            if any(layer.__module__.startswith(ADDON) for layer in layers):
                yield f"each day: {name}.{attribute}", getattr(model, attribute)


def measure_job(env, job):
    """Run a job until nothing remains, as Odoo's daily cleaning does."""
    seen, calls, longest, started = 0, 0, 0.0, time.perf_counter()
    with listening() as said:
        remains = True
        while remains:
            call_started = time.perf_counter()
            result = job()
            env.cr.commit()
            longest = max(longest, time.perf_counter() - call_started)
            calls += 1
            done, remains = result if isinstance(result, tuple) else (0, False)
            seen += done
    seconds = time.perf_counter() - started
    return {
        **{"seconds": seconds, "seen": seen, "calls": calls, "longest_call": longest},
        "said": said[:1] + said[1:][-1:],
    }


@contextmanager
def listening():
    """Note what the addon says in the log."""
    said = []

    class Handler(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    handler, logger = Handler(logging.INFO), logging.getLogger(ADDON)
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


if __name__ == "__main__":
    main()
