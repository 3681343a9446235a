"""A process that goes silent while it holds a lock, without a goodbye."""

import ast

import devenv

HANG = """
import time
import psycopg2
from odoo.tools import SQL
from odoo.addons.im_livechat_subaccount.dispatch import ledger
from odoo.addons.im_livechat_subaccount.dispatch.ledger import locks

try:
    with ledger._locked_transaction(env, locks.take_turn([1])) as cr:
        cr.execute("SELECT pg_backend_pid()")
        pid = cr.fetchone()
        deadline = time.monotonic() + 100
        while env.execute_query(SQL("SELECT 1 FROM pg_stat_activity WHERE pid = %s", *pid)):
            assert time.monotonic() < deadline, "nobody ended it"
            env.cr.rollback()
            time.sleep(0.5)
        cr.execute("SELECT 1")
        cr.fetchone()
except psycopg2.Error as error:
    print("ended:", type(error).__name__)
with ledger._locked_transaction(env, locks.take_turn([1])) as cr:
    cr.execute("SELECT 1")
    cr.fetchone()
    print("lock free")
"""
# Says what ends a transaction, and how many advisory locks it has.
SHOW = r"""
def show(whose, cr):
    cr.execute(
        "SELECT name, setting FROM pg_settings WHERE name LIKE 'tcp\_%'"
        " OR name IN ('lock_timeout', 'idle_in_transaction_session_timeout')"
    )
    told = dict(cr.fetchall())
    cr.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )
    print(whose, {**told, "locks": cr.fetchone()[0]})
    return True
"""
CALLERS = """
from odoo.addons.im_livechat_subaccount.dispatch import ledger, policy

channel = env["im_livechat.channel"].search([], limit=1)
query = channel._get_dispatch_query()
ledger.reserve_seat(env, query, lambda agents: policy.decide([], policy.Rules("share")))
show("decision", env.cr)
env.cr.commit()
show("later", env.cr)
env["livechat.dispatch.total"]._count()
show("counting", env.cr)
env.cr.commit()
channel._attempt(lambda: show("timer", env.cr))
"""
LINE = """
import time
import psycopg2
from odoo import SUPERUSER_ID, api
from odoo.addons.im_livechat_subaccount.dispatch.ledger import locks
from odoo.addons.im_livechat_subaccount.models.waiting import im_livechat_channel as waiting

channel = env["im_livechat.channel"].search([], limit=1)
has_turn = locks.has_turn
locks.has_turn = lambda cr: has_turn(cr) and show("turn", cr)


def come():
    with env.registry.cursor() as cr:
        other = channel.with_env(api.Environment(cr, SUPERUSER_ID, {}))
        with other._serving() as is_our_turn:
            return bool(is_our_turn and is_our_turn())


with channel._serving() as is_our_turn:
    is_our_turn()
    show("chats", env.cr)
    waiting._LONGEST_SERVICE = "1s"
    print("while another serves:", come())
print("after it:", come())
waiting._SILENCE = "1s"
try:
    with channel._serving() as is_our_turn:
        time.sleep(3)
        is_our_turn()
except psycopg2.Error as error:
    print("ended:", type(error).__name__)
print("after it has ended:", come())
"""

COUNT = """
import threading
import time

decision = env["livechat.dispatch.decision"].create({"kind": "nobody"})
env.cr.commit()
agent = env.registry.cursor()
agent.execute(
    "UPDATE livechat_dispatch_decision SET answer_seconds = 3 WHERE id = %s", [decision.id]
)


def answer():
    with env.registry.cursor() as cr:
        for _time in range(600):
            cr.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
            if cr.fetchone()[0]:
                break
            cr.rollback()
            time.sleep(0.1)
    agent.commit()


answering = threading.Thread(target=answer)
answering.start()
env["im_livechat.channel"]._run_dispatch_timers()
answering.join()
env.cr.rollback()
env.invalidate_all()
print("counted:", decision.is_counted, "after", decision.answer_seconds)
"""


def _read(said, whose):
    """What :data:`SHOW` told first of one of the transactions."""
    for line in said.splitlines():
        name, _space, told = line.partition(" ")
        if name == whose:
            return ast.literal_eval(told)
    raise AssertionError(f"{whose} is missing in: {said}")


def _assert_ends_soon(told, locks):
    """Three probes five seconds apart, after ten seconds of silence: less than half a minute."""
    assert told["tcp_keepalives_idle"] == "10"
    assert told["tcp_keepalives_interval"] == "5"
    assert told["tcp_keepalives_count"] == "3"
    assert told["tcp_user_timeout"] == "25000"
    assert told["locks"] == locks


def test_a_decision_that_hangs_is_ended_and_frees_the_lock(template):
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, HANG)
    assert "ended: " in said
    assert "lock free" in said


def test_who_decides_counts_or_works_by_the_clock_ends_soon_after_its_machine_vanished(template):
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, SHOW + CALLERS)
    _assert_ends_soon(_read(said, "decision"), locks=0)
    assert _read(said, "later")["tcp_user_timeout"] == "0"
    for whose, locks in (("counting", 1), ("timer", 0)):
        told = _read(said, whose)
        _assert_ends_soon(told, locks)
        assert told["lock_timeout"] == "10000"


def test_whoever_serves_a_line_and_vanishes_or_hangs_holds_it_up_for_no_longer(template):
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, SHOW + LINE)
    turn = _read(said, "turn")
    _assert_ends_soon(turn, locks=1)
    assert turn["lock_timeout"] == "30000"
    assert turn["idle_in_transaction_session_timeout"] == "60000"
    # Neither do the transactions of the chats hold it, nor anybody's session.
    assert _read(said, "chats")["locks"] == 0
    assert "while another serves: False" in said
    assert "after it: True" in said
    assert "ended: " in said
    assert "after it has ended: True" in said


def test_who_counts_waits_for_an_agent_who_answers_and_does_not_fail(template):
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, COUNT)
    assert "counted: True after 3" in said
