"""Behind a pooler that gives each transaction another connection to PostgreSQL."""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest
import requests
import shop as shops

import devenv

#: Connections to PostgreSQL that all processes share: two for each worker, the least there may be,
#: as a decision is a transaction within another.
POOL = 8
#: What nobody may leave behind on them.
SETTINGS = (
    "plan_cache_mode",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "synchronous_commit",
    "tcp_keepalives_idle",
)
CONFIGURATION = """
[databases]
; Odoo's bus listens there, for which a connection of its own is needed.
postgres = {server} pool_mode=session
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
server_round_robin = 1
logfile = {folder}/pgbouncer.log
unix_socket_dir =
"""


@pytest.fixture(scope="module")
def port():
    """The port of a PgBouncer in transaction mode before the server of the tests."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program and not devenv.private_postgres():
        pytest.skip("Debian's pgbouncer is not installed")
    environment = devenv.env()
    if devenv.private_postgres():
        state = devenv._pg_state()
        password, owner = state["password"], devenv._as_owner(state)
    else:
        password, owner = os.environ.get("PGPASSWORD", ""), {}
    server = f"host={environment['PGHOST']} port={environment.get('PGPORT', 5432)}"
    server += f" user={environment['PGUSER']} password={password}"
    folder = Path(tempfile.mkdtemp())
    port = devenv.free_port()
    (folder / "pgbouncer.ini").write_text(
        CONFIGURATION.format(server=server, port=port, folder=folder, pool=POOL)
    )
    if owner:
        # It refuses to be root, as PostgreSQL does.
        for path in (folder, folder / "pgbouncer.ini"):
            os.chown(path, owner["user"], owner["group"])
    command = [program, folder / "pgbouncer.ini"]
    if owner:
        command = ["setpriv", f"--reuid={owner['user']}", "--clear-groups", *command]
    process = devenv.spawn(command)
    try:
        deadline = time.monotonic() + shops.PATIENCE
        while devenv.port_is_free(port):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        yield port
    finally:
        devenv.stop(process)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shop(template, port):
    pooled = ("--db_host", "127.0.0.1", "--db_port", port)
    with devenv.temp_db(template) as db, devenv.Server(db, workers=4, args=pooled) as server:
        shop = shops.Shop(db, server.url)
        shop.log = server.log
        yield shop


@contextlib.contextmanager
def connections(port, db):
    """As many cursors as the pool has connections, each on one of them, as another client of the
    pool gets it."""
    with contextlib.ExitStack() as stack:
        cursors = []
        for _number in range(POOL):
            connection = psycopg2.connect(
                host="127.0.0.1", port=port, dbname=db, user=devenv.env()["PGUSER"]
            )
            stack.enter_context(contextlib.closing(connection))
            cursors.append(connection.cursor())
            cursors[-1].execute("SELECT pg_backend_pid()")
        yield cursors


def read_errors(shop):
    return re.findall(r"^.* (?:ERROR|CRITICAL) .*(?:\n(?!\d{4}-).*)*", shop.log.read_text(), re.M)


def test_buyers_are_dispatched_by_weight_and_above_nobodys_capacity(shop):
    reception = shop.open_reception([200, 100], max_sessions=10)
    answers = reception.arrive_together([shop.url], 40)
    assert not [answer.text for answer in answers if answer.failed]
    seats = {agent.user_id: agent.weight // 10 for agent in reception.agents}
    assert reception.open_chats() == seats
    assert not read_errors(shop)


def test_a_sub_account_is_made_activated_and_serves(shop):
    (owner,) = shop.add_agents(
        [100],
        group_ids=[
            [4, shop.ref("base.group_user")],
            [4, shop.ref("im_livechat_subaccount.group_main_account")],
        ],
    )
    role = shop.ref("im_livechat_subaccount.role_reception")
    values = {"name": "Desk", "main_account_id": owner.user_id, "role_ids": [[4, role]]}
    (row_id,) = shop.call("livechat.subaccount", "create", [values])
    action = shop.call("livechat.subaccount", "action_activation_link", [row_id])
    person = requests.Session()
    path = action["context"]["default_url"].split("/")[-1]
    url = f"{shop.url}/livechat/activate/{path}"
    page = person.get(url, timeout=shops.TIMEOUT)
    assert page.status_code == 200, page.text
    (token,) = re.findall(r'name="csrf_token" value="(\w+)"', page.text)
    password = secrets.token_hex(12)
    form = {"csrf_token": token, "password": password, "confirm_password": password}
    assert person.post(url, form, timeout=shops.TIMEOUT).status_code == 200
    (row,) = shop.call("livechat.subaccount", "read", [row_id], ["state"])
    assert row["state"] == "enabled"
    assert not read_errors(shop)


def test_other_clients_of_the_pool_find_no_setting_and_no_statement_of_ours(shop, port):
    with contextlib.closing(devenv.connect(shop.db)) as plain, plain.cursor() as cursor:
        usual = read_left(cursor)
    reception = shop.open_reception([100, 100])
    for _round in range(3):
        answers = reception.arrive_together([shop.url], 8)
        assert not [answer.text for answer in answers if answer.failed]
    with connections(port, shop.db) as cursors:
        found = [read_left(cursor) for cursor in cursors]
    assert found == [usual] * POOL


def read_left(cursor):
    """Return SETTINGS and the number of prepared statements of a connection."""
    cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(SETTINGS)])
    settings = dict(cursor.fetchall())
    cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'ledger%'")
    return {**settings, "prepared": cursor.fetchone()[0]}
