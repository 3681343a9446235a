"""A channel's settings while others change them: what is true counts for the next buyer."""

import contextlib
import operator
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

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

    def has_room():
        return bool(channel._get_operator())

    def change(limit):
        channel.max_sessions = limit

    def change_and_fail(limit):
        change(limit)
        assert has_room()
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
    reception = shop.open_reception([100], max_sessions=2)
    assert shops.Buyer(server.url).open_chat(reception).chat_id
    with working(server, reception) as do:
        assert do("has_room()") == "[True]"
        shop.call("im_livechat.channel", "write", [reception.id], {"max_sessions": 1})
        assert do("has_room()") == "[False]"
        # A step that fails leaves nothing.
        assert do("change_and_fail(5)") == "[]"
        assert do("has_room()") == "[False]"


def test_a_line_that_is_being_served_follows_groups_changed_by_another_process(server, shop):
    reception = shop.open_reception([100])
    with working(server, reception) as do:
        assert do("len(channel._read_dispatch_scopes())") == "[0]"
        shop.call(
            "livechat.dispatch.group",
            "create",
            [{"name": "Refunds", "channel_id": reception.id}],
        )
        assert do("None") == "[None]"  # the step after which it looks what others did
        assert do("len(channel._read_dispatch_scopes())") == "[1]"


def test_settings_that_change_while_a_line_is_served_hold_for_everybody_at_once(server, shop):
    reception = shop.open_reception([100], max_sessions=9)
    # Every worker of the server has decided by the old limit.
    first = reception.arrive_together([server.url] * 4, 8)
    assert all(answer.chat_id for answer in first)
    with working(server, reception) as do:
        assert do("change(8)") == "[None]"
        later = [shops.Buyer(server.url).open_chat(reception).chat_id for _buyer in range(8)]
        assert not any(later)
        assert do("change(9)") == "[None]"
        later = [shops.Buyer(server.url).open_chat(reception).chat_id for _buyer in range(8)]
        assert all(later[:1]) and not any(later[1:])


def test_what_comes_to_no_ear_of_odoo_holds_for_the_next_buyer(server, shop):
    """Written by another program: no cache is cleared and nobody is told."""
    reception = shop.open_reception([100], max_sessions=9)
    (agent,) = reception.agents

    def is_taken():
        answers = reception.arrive_together([server.url] * 4, 4)
        assert not [answer for answer in answers if answer.failed]
        taken = {bool(answer.chat_id) for answer in answers}
        reception.close_all()
        return taken

    assert is_taken() == {True}
    channels = "UPDATE im_livechat_channel SET calendar_id = %s WHERE id = %s"
    shifts = "UPDATE res_users SET dispatch_calendar_id = %s WHERE id = %s"
    (never,) = shop.call(
        "resource.calendar", "create", [{"name": "Never", "attendance_ids": [[5]]}]
    )
    for statement, record in ((channels, reception.id), (shifts, agent.user_id)):
        shop.sql(statement, never, record)
        try:
            assert is_taken() == {False}
        finally:
            shop.sql(statement, None, record)
        assert is_taken() == {True}


def test_threads_that_still_see_the_past_do_not_keep_old_settings_alive(template):
    """In one process with threads, some see the channel as it was before the change, and look at
    the shop just when it changes."""
    with devenv.temp_db(template) as db, devenv.Server(db) as threaded:
        shop = shops.Shop(db, threaded.url)
        for _repetition in range(4):
            reception = shop.open_reception([100], max_sessions=6)
            is_over = threading.Event()
            looks = [0] * 3

            def look(number, reception=reception, is_over=is_over, looks=looks):
                buyer = shops.Buyer(threaded.url)
                while not is_over.is_set():
                    buyer.open_chat(reception, persisted=False)
                    looks[number] += 1

            def wait_for_looks(more, looks=looks):
                enough = [count + more for count in looks]
                shops.wait_until(
                    lambda: all(map(operator.ge, looks, enough)), "somebody does not look any more"
                )

            with ThreadPoolExecutor(len(looks)) as pool:
                looking = [pool.submit(look, number) for number in range(len(looks))]
                try:
                    wait_for_looks(5)
                    shop.call("im_livechat.channel", "write", [reception.id], {"max_sessions": 2})
                    wait_for_looks(3)
                finally:
                    is_over.set()
            assert not any(thread.exception() for thread in looking)
            chats = [shops.Buyer(threaded.url).open_chat(reception).chat_id for _buyer in range(6)]
            assert all(chats[:2]) and not any(chats[2:])
            assert reception.open_chats() == {reception.agents[0].user_id: 2}
