"""The part of the benchmark that searches a million messages, inside an Odoo process.

    python bench/search.py DATABASE MESSAGES > result.json

Started by run.py in Odoo's Python. Half of the chats are English, half Chinese; a shop has one in
ten of them. Each search is what the page *Conversations* asks for: the first 80 chats, and how many
there are, by an owner, under the record rules.
"""

import json
import sys
import time

import odoo.cli  # noqa: F401 - the entry point sets up what the registry needs
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests import new_test_user
from odoo.tools import SQL, config

MESSAGES_PER_CHAT = 10
OWNERS = 10
# What is looked for, and in how many of the messages it is.
SEARCHES = {
    "nowhere": "zebra",
    "once": "S00012345",
    "one in ten thousand": "rare777",
    "one in a hundred": "refund",
    "Chinese, one in a hundred": "退货",
    "Chinese, a sentence": "退货什么时候到账",
    "one in two": "parcel",
    "Chinese, one in two": "你好",
}
ROUNDS = 5


def main():
    config.parse_config(
        ["-d", sys.argv[1], "--no-http", "--max-cron-threads", "0"], setup_logging=True
    )
    registry = Registry(sys.argv[1])
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        owner = fill(env, int(sys.argv[2]))
        cr.commit()
        json.dump([measure(env, owner, *search) for search in SEARCHES.items()], sys.stdout)


def fill(env, messages):
    """Fill the tables as quickly as PostgreSQL can; return one of the owners."""
    owners = [
        new_test_user(env, f"owner{n}", "im_livechat_subaccount.group_main_account")
        for n in range(OWNERS)
    ]
    channels = env["im_livechat.channel"].create(
        [{"name": f"Shop {owner.login}", "main_account_id": owner.id} for owner in owners]
    )
    env.flush_all()
    env.cr.execute(
        """
        INSERT INTO discuss_channel
               (name, channel_type, active, uuid, livechat_channel_id, livechat_operator_id,
                create_date, livechat_end_dt, livechat_failure)
        SELECT 'Buyer ' || n, 'livechat', true, left(md5(n::text), 10),
               (%(channels)s::integer[])[1 + n %% %(owners)s], %(partner)s,
               now() AT TIME ZONE 'UTC' - n * interval '1 minute',
               now() AT TIME ZONE 'UTC', 'no_failure'
          FROM generate_series(1, %(chats)s) n
     RETURNING id
        """,
        {
            "channels": channels.ids,
            "owners": OWNERS,
            "partner": owners[0].partner_id.id,
            "chats": messages // MESSAGES_PER_CHAT,
        },
    )
    first = env.cr.fetchone()[0]
    env.cr.execute(
        """
        INSERT INTO mail_message
               (model, res_id, message_type, subtype_id, date, create_date, body,
                is_said_in_livechat)
        SELECT 'discuss.channel', %(first)s + n / %(per_chat)s, 'comment', %(subtype)s,
               now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC',
               CASE WHEN n / (%(per_chat)s * %(owners)s) %% 2 = 0
                    THEN '<p>' || CASE WHEN n %% 101 < 2 THEN 'refund ' ELSE '' END
                         || CASE WHEN n %% 10007 < 2 THEN 'rare777 ' ELSE '' END
                         || 'where is my parcel S' || lpad(n::text, 8, '0')
                         || ' size ' || n %% 47 || ' colour ' || n %% 13 || ' please</p>'
                    ELSE '<p>你好，' || CASE WHEN n %% 101 BETWEEN 10 AND 11 THEN '退货' ELSE '' END
                         || '什么时候到账，尺码' || n %% 47 || '的' || chr(19968 + n %% 3000)
                         || chr(19968 + n %% 2741) || '还有吗</p>'
                END,
               true
          FROM generate_series(0, %(messages)s - 1) n
        """,
        {
            "first": first,
            "per_chat": MESSAGES_PER_CHAT,
            "owners": OWNERS,
            "subtype": env.ref("mail.mt_comment").id,
            "messages": messages,
        },
    )
    env.cr.commit()
    env.cr.execute("ANALYZE mail_message")
    env.cr.execute("ANALYZE discuss_channel")
    return owners[0]


def measure(env, owner, name, words):
    domain = [("channel_type", "=", "livechat"), ("livechat_words", "ilike", words)]
    seconds, found = [], 0
    for _round in range(ROUNDS):
        env.invalidate_all()
        chats = env["discuss.channel"].with_user(owner)
        started = time.perf_counter()
        chats.search(domain, limit=80, order="create_date desc, id desc")
        # As a list counts: no further than it says.
        found = chats.search_count(domain, limit=10001)
        seconds.append(time.perf_counter() - started)
    query = chats._search(domain, limit=80, order="create_date desc, id desc")
    plan = env.execute_query(SQL("EXPLAIN (FORMAT JSON) %s", query.select()))
    return {
        "what": name,
        "words": words,
        "found": found,
        "seconds": seconds,
        "index": "mail_message_said_idx" in str(plan),
    }


if __name__ == "__main__":
    main()
