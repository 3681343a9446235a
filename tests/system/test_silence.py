"""A process that goes silent in the middle of a decision, without a goodbye."""

import devenv

HANG = """
import time
import psycopg2
from odoo.tools import SQL
from odoo.addons.im_livechat_subaccount.dispatch import ledger

try:
    with ledger._locked_transaction(env) as cr:
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
with ledger._locked_transaction(env) as cr:
    cr.execute("SELECT 1")
    cr.fetchone()
    print("lock free")
"""
KEEPALIVE = """
from odoo.addons.im_livechat_subaccount.dispatch import ledger, policy
query = env["im_livechat.channel"].search([], limit=1)._get_dispatch_query()
ledger.reserve_seat(env, query, lambda agents: policy.decide([], policy.Rules("share")))
for name in ("idle", "interval", "count"):
    env.cr.execute(f"SHOW tcp_keepalives_{name}")
    print(name, env.cr.fetchone()[0])
"""


def test_a_decision_that_hangs_is_ended_and_frees_the_lock(template):
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, HANG)
    assert "ended: " in said
    assert "lock free" in said


def test_the_callers_transaction_ends_soon_after_its_machine_vanished(template):
    """Three probes five seconds apart, after ten seconds of silence: less than half a minute."""
    with devenv.temp_db(template) as db:
        said = devenv.shell(db, KEEPALIVE)
    assert "idle 10" in said
    assert "interval 5" in said
    assert "count 3" in said
