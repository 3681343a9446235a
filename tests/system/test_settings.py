"""What a process remembers of a channel's settings, while another one changes them."""

import subprocess

import devenv

# A process that works for longer than a request, as those do who serve a waiting line: it says what
# the limit is, and says it again in a later step of its work, when told to.
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

    def tell():
        print(channel._get_dispatch_rules().max_sessions, flush=True)

    assert channel._attempt(tell)
    sys.stdin.readline()
    assert channel._attempt(tell)
"""


def test_a_line_that_is_being_served_follows_settings_changed_by_another_process(server, shop):
    reception = shop.open_reception([100], max_sessions=3)
    with subprocess.Popen(
        [devenv.python(), "-c", WORKER, server.db, str(reception.id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=devenv.env(),
    ) as worker:
        assert worker.stdout.readline() == "3\n"
        shop.call("im_livechat.channel", "write", [reception.id], {"max_sessions": 2})
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "2\n"
    assert worker.returncode == 0
