"""What a process remembers of a channel's settings, while another one changes them."""

import contextlib
import subprocess

import shop as shops

import devenv

# A process that works for longer than a request, as those do who serve a waiting line; in its steps
# it does what it is told to.
WORKER = """
import sys
import odoo.cli
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

db, channel_id = sys.argv[1], int(sys.argv[2])
config.parse_config(["-d", db, "--no-http", "--max-cron-threads", "0"], setup_logging=True)
with Registry(db).cursor() as cr:
    channel = api.Environment(cr, SUPERUSER_ID, {})["im_livechat.channel"].browse(channel_id)

    def get_limit():
        return channel._get_dispatch_rules().max_sessions

    def change(limit):
        channel.max_sessions = limit
        assert get_limit() == limit

    def change_and_fail(limit):
        change(limit)
        raise ValueError("a step that fails")

    for line in sys.stdin:
        answers = []
        channel._attempt(lambda: answers.append(eval(line)))
        print(answers, flush=True)
"""


@contextlib.contextmanager
def working(server, reception):
    """Yield a function that lets a process of its own do something, and returns its answers."""
    with subprocess.Popen(
        [devenv.python(), "-c", WORKER, server.db, str(reception.id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=devenv.env(),
    ) as worker:

        def do(what):
            worker.stdin.write(what + "\n")
            worker.stdin.flush()
            return worker.stdout.readline().strip()

        yield do
        worker.stdin.close()
    assert worker.returncode == 0


def test_a_line_that_is_being_served_follows_settings_changed_by_another_process(server, shop):
    reception = shop.open_reception([100], max_sessions=3)
    with working(server, reception) as do:
        assert do("get_limit()") == "[3]"
        shop.call("im_livechat.channel", "write", [reception.id], {"max_sessions": 2})
        assert do("get_limit()") == "[2]"
        # A step that fails leaves nothing, and is remembered by nobody.
        assert do("change_and_fail(5)") == "[]"
        assert do("get_limit()") == "[2]"


def test_settings_that_change_while_a_line_is_served_hold_for_everybody_at_once(server, shop):
    reception = shop.open_reception([100], max_sessions=9)
    # Every worker of the server has seen the channel.
    first = reception.arrive_together([server.url] * 4, 8, persisted=False)
    assert not [answer for answer in first if answer.failed]
    with working(server, reception) as do:
        assert do("change(1)") == "[None]"
        chats = [shops.Buyer(server.url).open_chat(reception).chat_id for _buyer in range(8)]
        assert all(chats[:1]) and not any(chats[1:])
