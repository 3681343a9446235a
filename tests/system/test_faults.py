"""What happens when something breaks while buyers come all the time: nobody is lost, no seat leaks,
no agent has too many, and service is normal again within a minute.

`dev/test long-faults` repeats each fault as often as DEV_TEST_FAULTS says and prints a table.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, log_in, wait_until_online
from rush import NORMAL_WITHIN, Rush, Visitor, answers
from test_crash import LEFT_BEHIND
from test_open_websocket import Page
from wire import Wire

import audit
import devenv

#: How often each fault strikes; and whether it lasts as long as the promise says.
REPETITIONS = int(os.environ.get("DEV_TEST_FAULTS") or 1)
IS_LONG = REPETITIONS > 1

AGENTS, CAPACITY, BUYERS = 10, 1, 14
SEATS = AGENTS * CAPACITY

pytestmark = [
    pytest.mark.timeout(900 + 150 * REPETITIONS),
    pytest.mark.skipif(
        not devenv.private_postgres(), reason="the PostgreSQL server is not ours to break"
    ),
]

# What a decision, whoever serves a line and a hand-over say to PostgreSQL; the number is the first
# half of the lock of who serves, see dispatch/ledger/locks.py.
DECIDES = b"pg_advisory_xact_lock_shared"
SERVES = b"pg_advisory_xact_lock(%d, " % 0x4C434451
HANDS_OVER = b"hand_over"

SETTINGS = (
    # What was committed is to be there after a crash, as in a shop.
    "synchronous_commit = on",
    # As docs/operations.md says for servers that are other machines than PostgreSQL's.
    "tcp_keepalives_idle = 10",
    "tcp_keepalives_interval = 5",
    "tcp_keepalives_count = 3",
    "tcp_user_timeout = 25000",
)


class Place:
    """A database of this module with a server; and, when somebody asks, a second node that speaks
    to PostgreSQL through a wire."""

    def __init__(self, db, server, stack):
        self.db, self.server, self.stack = db, server, stack
        self.shop = shops.Shop(db, server.url)
        self._node = None
        #: The chats that somebody kept locked: others may pass them.
        self.held = set()

    @property
    def node(self):
        """``(server, wire)``."""
        if not self._node:
            wire = self.stack.enter_context(Wire(int(devenv.env()["PGPORT"])))
            server = devenv.Server(
                self.db,
                workers=2,
                cron=1,
                # Whoever waits for an answer that was lost is ended, as docs/operations.md says.
                args=["--limit-time-real", 60],
                environment={"PGPORT": wire.port},
            )
            self._node = self.stack.enter_context(server), wire
        return self._node


@pytest.fixture(scope="module")
def place(template):
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(devenv.temp_db(template))
        with contextlib.closing(devenv.connect()) as connection, connection.cursor() as cursor:
            for setting in SETTINGS:
                cursor.execute(f'ALTER DATABASE "{db}" SET {setting}')
        server = stack.enter_context(devenv.Server(db, workers=4, cron=1))
        yield Place(db, server, stack)


#: The table, as far as it goes.
ROWS = [
    "| fault | repetitions | lost | leaked | overrun | seconds until normal: median, most |",
    "|---|---|---|---|---|---|",
]


def say_row(name, seconds, lost=0, leaked=0, overrun=0):
    ROWS.append(
        f"| {name.replace('_', ' ')} | {len(seconds)} | {lost} | {leaked} | {overrun} |"
        f" {statistics.median(seconds):.1f}, {max(seconds):.1f} |"
    )
    print(f"\n{ROWS[-1]}")
    devenv.LOGS.mkdir(parents=True, exist_ok=True)
    (devenv.LOGS / "faults.md").write_text("\n".join([*ROWS, ""]))


def now():
    return time.monotonic()


def lasts(seconds, short):
    return seconds if IS_LONG else short


# --------------------------------------------------------------------------- the faults
# Each is a context: it strikes, and yields the moment from which service is to become normal; what
# it left broken until then it mends at the end.


@contextlib.contextmanager
def http_worker_killed(place, _rush):
    os.kill(random.choice(place.server.worker_pids()), signal.SIGKILL)
    yield now()


@contextlib.contextmanager
def cron_worker_killed(place, _rush):
    (pid,) = place.server.cron_pids()
    os.kill(pid, signal.SIGKILL)
    yield now()


@contextlib.contextmanager
def websocket_process_killed(place, _rush):
    (pid,) = place.server.websocket_pids()
    os.kill(pid, signal.SIGKILL)
    struck = now()
    shops.wait_until(lambda: not answers(place.server.gevent_port), "it was not killed")
    shops.wait_until(lambda: answers(place.server.gevent_port), "it has no successor")
    yield struck


@contextlib.contextmanager
def server_killed(place, _rush):
    place.server.kill()
    struck = now()
    place.server.start()
    yield struck


@contextlib.contextmanager
def postgres_restarted_fast(_place, _rush):
    devenv.restart_postgres("fast")
    yield now()


@contextlib.contextmanager
def postgres_restarted_at_once(_place, _rush):
    devenv.restart_postgres("immediate")
    yield now()


@contextlib.contextmanager
def cut(place, rush, words, provoke=None):
    """One of two nodes is cut from the database after it has sent these words; service is to be
    normal on the other while it is still cut."""
    server, wire = place.node
    was_cut = wire.cut_after(words)
    if provoke:
        threading.Thread(target=provoke, daemon=True).start()
    assert was_cut.wait(shops.PATIENCE), "the words were never said"
    struck = now()
    # Who balances the load finds out that it does not answer.
    time.sleep(1)
    rush.urls.remove(server.url)
    try:
        yield struck
    finally:
        wire.mend()
        bring_back(server)
        rush.urls.append(server.url)


def bring_back(server):
    """Wait until a node answers; what starts services starts one that has given up without its
    database."""
    try:
        server.wait(shops.PATIENCE)
    except devenv.DevError:
        server.kill()
        server.start()


def cut_in_a_decision(place, rush):
    return cut(place, rush, DECIDES)


def cut_while_serving(place, rush):
    return cut(place, rush, SERVES)


def cut_in_a_hand_over(place, rush):
    server, _wire = place.node
    there = shops.Shop(place.db, server.url)

    def disable():
        busy = max(rush.look.loads, key=rush.look.loads.get)
        with contextlib.suppress(AssertionError):
            there.call("res.users", "write", [busy], {"active": False})

    return cut(place, rush, HANDS_OVER, disable)


@contextlib.contextmanager
def database_unreachable(place, rush):
    """For the only node that anybody asks."""
    server, wire = place.node
    rush.urls[:] = [server.url]
    time.sleep(1)
    wire.cut()
    time.sleep(lasts(60, 4))
    wire.mend()
    ended = now()
    bring_back(server)
    yield ended


def count_served(rush, seconds):
    """Return how many buyers a second are given an agent."""
    served, began = rush.served, now()
    time.sleep(seconds)
    return (rush.served - served) / (now() - began)


@contextlib.contextmanager
def transaction_held_open(place, rush):
    """Somebody has changed the first of the line and an agent, and does nothing more."""
    usual = count_served(rush, lasts(20, 4))
    with (
        contextlib.closing(devenv.connect(place.db, autocommit=False)) as holder,
        holder.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE discuss_channel SET description = 'held' WHERE id = ("
            " SELECT id FROM discuss_channel WHERE dispatch_state = 'queued'"
            " AND livechat_channel_id = %s AND livechat_end_dt IS NULL"
            " ORDER BY dispatch_queued_at LIMIT 1) RETURNING id",
            [rush.reception.id],
        )
        place.held |= {chat_id for (chat_id,) in cursor.fetchall()}
        cursor.execute(
            "UPDATE res_users SET signature = signature WHERE id = %s",
            [rush.reception.agents[0].user_id],
        )
        held = count_served(rush, lasts(60, 8))
        holder.rollback()
    # The line waits a moment for it, and goes on.
    assert held > usual / 2, f"others waited: {held:.2f} a second, {usual:.2f} before"
    yield now()


@contextlib.contextmanager
def small_disk(megabytes):
    """A disk of its own, of so many megabytes."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root mounts a small disk")
    folder = Path(tempfile.mkdtemp())
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def fill(folder):
    """Fill the disk to its last byte; returns what to delete."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    return ballast


@contextlib.contextmanager
def filestore_disk_full(place, rush):
    """Files are refused with an error, and chats go on as if nothing had happened."""
    files = devenv.DATA_DIR / "filestore" / place.db
    size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
    with small_disk((size >> 20) + 16) as disk:
        shutil.copytree(files, disk / "filestore" / place.db)
        with devenv.Server(place.db, workers=2, args=["--data-dir", disk]) as server:
            rush.urls[:] = [server.url]
            visitor = Visitor([server.url])
            chat_id = rush.note(visitor.open(rush.reception.id), is_open=True)
            assert chat_id and visitor.write(chat_id)
            page = visitor.session.get(f"{server.url}/web/login", timeout=shops.TIMEOUT).text
            token = re.search(r'csrf_token: "([^"]+)"', page)[1]
            assert send_file(visitor, chat_id, token).status_code == 200
            ballast = fill(disk)
            refused = send_file(visitor, chat_id, token)
            failed = len(rush.failures)
            time.sleep(lasts(20, 2))
            assert refused.status_code == 500
            assert len(rush.failures) == failed, "chats without files were refused"
            ballast.unlink()
            ended = now()
            assert send_file(visitor, chat_id, token).status_code == 200
            assert visitor.go(chat_id)
            yield ended
            rush.urls[:] = [place.server.url]


def send_file(visitor, chat_id, token):
    """Upload a file to a chat, as the widget does."""
    return visitor.session.post(
        f"{visitor.url}/mail/attachment/upload",
        data={"thread_id": chat_id, "thread_model": "discuss.channel", "csrf_token": token},
        # No file is stored that is there already.
        files={"ufile": ("broken.bin", random.randbytes(1 << 14))},
        timeout=shops.TIMEOUT,
    )


#: What a chat writes; the rest of the database is on another disk.
WRITTEN = (
    "discuss_channel",
    "discuss_channel_member",
    "mail_message",
    "livechat_dispatch_decision",
)


@contextlib.contextmanager
def database_disk_full(place, _rush):
    """The disk with the tables that a chat writes has not one byte left."""
    state = devenv._pg_state()
    with small_disk(48) as disk:
        owner = os.stat(state["data"])
        os.chown(disk, owner.st_uid, owner.st_gid)
        with contextlib.ExitStack() as stack:
            owner = stack.enter_context(connect_as_owner(state, "postgres")).cursor()
            owner.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            owner.execute(f"GRANT CREATE ON TABLESPACE small TO {state['role']}")
            try:
                move_tables(place, "small")
                ballast = fill(disk)
                time.sleep(lasts(20, 4))
                ballast.unlink()
                yield now()
            finally:
                move_tables(place, "pg_default")
                owner.execute("DROP TABLESPACE small")


def connect_as_owner(state, db):
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=state["port"],
        user="dev_admin",
        password=state["admin_password"],
        dbname=db,
    )
    connection.autocommit = True
    return contextlib.closing(connection)


def move_tables(place, disk):
    def move(name):
        try:
            place.shop.sql(f"ALTER TABLE {name} SET TABLESPACE {disk}")
        except psycopg2.errors.DeadlockDetected:
            # Buyers write into it.
            return False
        return True

    for name in WRITTEN:
        shops.wait_until(lambda name=name: move(name), f"{name} was not moved")


def clock_ahead(place, rush):
    return clock_off(place, rush, "+300s")


def clock_behind(place, rush):
    return clock_off(place, rush, "-300s")


@contextlib.contextmanager
def clock_off(place, rush, by):
    """A second node has a wrong clock; agents give signs of life to the first."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if not library:
        pytest.skip("Debian's faketime is not installed")
    agents = [agent.user_id for agent in rush.reception.agents]
    over = threading.Event()

    def give_signs():
        while not over.is_set():
            set_last_poll(place.shop, agents, "now() AT TIME ZONE 'UTC'")
            over.wait(5)

    signs = threading.Thread(target=give_signs, daemon=True)
    environment = {"LD_PRELOAD": library, "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": 1}
    with devenv.Server(place.db, workers=2, cron=1, environment=environment) as server:
        signs.start()
        rush.urls.append(server.url)
        began = now()
        time.sleep(lasts(10, 4))
        # Who looks after the server is told.
        shops.Shop(place.db, server.url).call("livechat.dispatch.health", "action_check")
        ((found,),) = place.shop.sql(
            "SELECT detail FROM livechat_dispatch_health WHERE kind = 'clock_skew'"
        )
        assert by.rstrip("s") in found
        try:
            yield began
        finally:
            over.set()
            signs.join()
            rush.urls.remove(server.url)
    set_last_poll(place.shop, agents, f"'{shops.EVER}'::timestamp")


def set_last_poll(shop, user_ids, moment):
    shop.sql(f"UPDATE mail_presence SET last_poll = {moment} WHERE user_id = ANY(%s)", user_ids)


@contextlib.contextmanager
def upgrade_on_another_node(place, _rush):
    args = ["-d", place.db, "-u", devenv.ADDON, "--stop-after-init", "--no-http"]
    log = devenv.LOGS / "faults-upgrade.log"
    assert devenv.run_odoo([*args, "--workers", 0, "--max-cron-threads", 0], log=log) == 0
    yield now()


@contextlib.contextmanager
def presence_flapping(place, rush):
    """Fifty agents, among them those of the reception, come and go twice a second."""
    others = place.shop.add_agents([100] * 40)
    users = [agent.user_id for agent in (*others, *rush.reception.agents)]
    over, chance = threading.Event(), random.Random(1)
    calls = 0
    began = now()
    while now() - began < lasts(60, 5):
        some = chance.sample(users, 10)
        state = chance.choice(["offline", "online"])
        ids = place.shop.call("mail.presence", "search", [("user_id", "in", some)])
        place.shop.call("mail.presence", "write", ids, {"status": state})
        calls += 1
    over.set()
    assert calls > 3
    ids = place.shop.call("mail.presence", "search", [("user_id", "in", users)])
    place.shop.call("mail.presence", "write", ids, {"status": "online", "last_poll": shops.EVER})
    ended = now()
    assert (
        place.shop.sql(
            "SELECT FROM livechat_dispatch_decision WHERE livechat_channel_id = %s"
            " AND kind IN ('hand_over', 'reassign', 'transfer')",
            rush.reception.id,
        )
        == []
    )
    yield ended


@contextlib.contextmanager
def websockets_down(place, rush):
    """Nobody hears of anybody for ten minutes, of which the clocks tell; agents have real
    connections, which they make anew when the process is back."""
    server, agents = place.server, rush.reception.agents
    users = [agent.user_id for agent in agents]
    pages = [Page(server, place.shop, agent) for agent in agents]
    for page in pages:
        page.subscribe()
        page.give_sign()
    (pid,) = server.websocket_pids()
    os.kill(pid, signal.SIGSTOP)
    try:
        set_last_poll(place.shop, users, "now() AT TIME ZONE 'UTC' - interval '10 minutes'")
        time.sleep(lasts(20, 3))
    finally:
        os.kill(pid, signal.SIGKILL)
    shops.wait_until(lambda: server.websocket_pids() not in ([pid], []), "it has no successor")
    shops.wait_until(lambda: answers(server.gevent_port), "it does not answer")
    ended = now()
    with ThreadPoolExecutor(len(agents)) as pool:
        pages = list(pool.map(lambda agent: come_back(server, place.shop, agent), agents))
    yield ended
    for page in pages:
        page.socket.close()
    gone = "SELECT count(*) FROM mail_presence WHERE user_id = ANY(%s) AND status = 'offline'"
    shops.wait_until(lambda: place.shop.sql(gone, users) == [(len(users),)], "nobody has gone")
    place.shop.call(
        "mail.presence",
        "write",
        place.shop.call("mail.presence", "search", [("user_id", "in", users)]),
        {"status": "online", "last_poll": shops.EVER},
    )


def come_back(server, shop, agent):
    page = Page(server, shop, agent)
    page.subscribe()
    page.give_sign()
    return page


FAULTS = [
    http_worker_killed,
    cron_worker_killed,
    websocket_process_killed,
    server_killed,
    postgres_restarted_fast,
    postgres_restarted_at_once,
    cut_in_a_decision,
    cut_while_serving,
    cut_in_a_hand_over,
    database_unreachable,
    transaction_held_open,
    filestore_disk_full,
    database_disk_full,
    clock_ahead,
    clock_behind,
    presence_flapping,
    websockets_down,
    upgrade_on_another_node,
]
# A second node takes part from the beginning.
ON_TWO_NODES = (cut_in_a_decision, cut_while_serving, cut_in_a_hand_over)
# The others take longer than there is in `dev/test system`.
SHORT = (http_worker_killed, postgres_restarted_fast)


@pytest.mark.parametrize(
    "fault",
    [pytest.param(f, marks=[] if f in SHORT else [pytest.mark.long]) for f in FAULTS],
    ids=lambda fault: fault.__name__,
)
def test_nobody_is_lost_no_seat_leaks_and_service_is_normal_within_a_minute(place, fault):
    reception = place.shop.open_reception(
        [100] * AGENTS, max_sessions=CAPACITY, queue_enabled=True, offline_rule="pool"
    )
    seconds, told, unanswered = [], set(), 0
    lost = leaked = overrun = 0
    for repetition in range(REPETITIONS):
        urls = [place.server.url, *([place.node[0].url] if fault in ON_TWO_NODES else [])]
        with Rush(reception, urls, CAPACITY, BUYERS, seed=repetition) as rush:
            rush.wait_until_busy()
            with fault(place, rush) as struck:
                seconds.append(rush.wait_until_normal(struck))
                rush.finish()
                leaked += count_leaks(reception, place.server.url, told)
        lost += rush.abandoned
        overrun += len(rush.over)
        told |= rush.told
        unanswered += rush.unanswered
        place.server.wait(shops.PATIENCE)
    report = audit.run(place.db, [reception.id], told=told, unanswered=unanswered)
    wrong = {name: len(check.wrong) for name, check in report.checks.items()}
    wrong["order"] = sum(
        row.get("before") not in place.held for row in report.checks["order"].wrong
    )
    if fault in (clock_ahead, clock_behind):
        # The records of two nodes have moments that cannot be compared.
        wrong["capacity"] = wrong["order"] = wrong["records"] = 0
    lost += wrong.pop("answers") + wrong.pop("buyers") + wrong.pop("records")
    leaked += wrong.pop("seats_without_chat") + wrong.pop("chats_without_seat")
    overrun += wrong.pop("capacity")
    say_row(fault.__name__, seconds, lost, leaked, overrun)
    assert (lost, leaked, overrun) == (0, 0, 0), str(report)
    assert not any(wrong.values()), str(report)
    assert max(seconds) <= NORMAL_WITHIN


def count_leaks(reception, url, told):
    """Return how many seats of the reception nobody can take, and what the reconciler finds."""
    reception.close_all()
    with ThreadPoolExecutor(4) as pool:
        chats = list(pool.map(lambda _n: arrive(reception, url), range(SEATS)))
    chats.append(arrive(reception, url))
    told |= set(chats)
    states = [
        state
        for (state,) in reception.shop.sql(
            "SELECT dispatch_state FROM discuss_channel WHERE id = ANY(%s) ORDER BY id", chats
        )
    ]
    reception.shop.call("livechat.dispatch.health", "action_check")
    found = reception.shop.sql(
        "SELECT kind, found, detail FROM livechat_dispatch_health WHERE found > 0 AND kind IN %s",
        LEFT_BEHIND,
    )
    reception.close_all()
    if found:
        print(found)
    if states != ["assigned"] * SEATS + ["queued"]:
        print(states)
    return abs(states.count("assigned") - SEATS) + len(found)


def arrive(reception, url):
    visitor = Visitor([url])
    chat_id = visitor.open(reception.id)
    assert chat_id and visitor.write(chat_id)
    return chat_id


# --------------------------------------------------------------------------- statements that fail

#: PostgreSQL's serialization failure, deadlock and expired wait for a lock: whoever meets one of
#: them is to try again.
FAILURES = ("40001", "40P01", "55P03")


class Scene:
    """Three buyers of two agents with a seat each, on a server whose statements fail as told: two
    are served, one waits and gets the first seat that is free, and all leave."""

    def __init__(self, shop, reception, file):
        self.shop, self.reception, self.file = shop, reception, file
        self.told, self.number, self.failed = [], 0, 0

    def play(self, statement, state):
        """Let the statement of this number fail once; returns how many seconds the one in line
        waited for the seat that had become free."""
        self.number += 1
        self.file.write_text(f"{self.number} {statement} {state}")
        buyers = [shops.Buyer(self.shop.url) for _buyer in range(3)]
        chats = []
        for buyer in buyers:
            answer = buyer.open_chat(self.reception, words=None)
            assert not answer.failed and answer.chat_id, self.describe(statement, answer)
            chats.append(answer.chat_id)
            answer = buyer.say(answer.chat_id, "Hello")
            assert not answer.failed, self.describe(statement, answer)
        self.told += chats
        freed_at = now()
        buyers[0].leave(chats[0])
        # The cron of each minute serves the line if that went wrong.
        is_served = "SELECT FROM discuss_channel WHERE id = %s AND dispatch_state = 'assigned'"
        shops.wait_until(
            lambda: self.shop.sql(is_served, chats[2]), self.describe(statement, "nobody served")
        )
        seconds = now() - freed_at
        self.failed += str(statement) in self.get_statements()
        for buyer, chat_id in list(zip(buyers, chats))[1:]:
            buyer.leave(chat_id)
        return seconds

    def describe(self, statement, what):
        return f"{what}: {self.get_statements().get(str(statement))}"

    def get_statements(self):
        """Return ``{number: statement}`` of this scene as it went."""
        rows = [row.split("\t") for row in Path(f"{self.file}.seen").read_text().splitlines()]
        return {number: text for scene, number, text in rows if scene == str(self.number)}


@pytest.fixture
def scene(template, tmp_path):
    file = tmp_path / "failing"
    path = [Path(__file__).parent / "shims", *devenv.env()["PYTHONPATH"].split(os.pathsep)]
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "TEST_FAILING_STATEMENTS": file,
    }
    with (
        devenv.temp_db(template) as db,
        devenv.Server(db, cron=1, environment=environment) as server,
    ):
        shop = shops.Shop(db, server.url)
        reception = shop.open_reception(
            [100, 100], max_sessions=1, queue_enabled=True, offline_rule="pool"
        )
        yield Scene(shop, reception, file)


@pytest.mark.long
def test_every_statement_of_ours_may_fail_once_and_the_buyer_notices_nothing(scene):
    # What is asked once in the life of a process is asked now.
    scene.play(0, "none")
    scene.play(0, "none")
    count = len(scene.get_statements())
    assert count > 20
    # Of the short version some, of all parts of it.
    step = 1 if IS_LONG else max(1, count // 12)
    seconds = [
        scene.play(number, FAILURES[index % len(FAILURES)])
        for index, number in enumerate(range(1, count + 1, step))
    ]
    # Of what is done beside the requests, a scene has less or more.
    assert scene.failed > 0.8 * len(seconds)
    scene.play(0, "none")
    report = audit.run(scene.shop.db, [scene.reception.id], told=scene.told)
    say_row(f"one_of_{count}_statements_fails", seconds)
    assert report.is_clean, str(report)
    assert max(seconds) <= NORMAL_WITHIN


# --------------------------------------------------------------------------- asleep


@pytest.mark.long
def test_agents_whose_browsers_slept_while_the_server_was_restarted_get_buyers_again(
    template, browser
):
    with devenv.temp_db(template) as db, devenv.Server(db, workers=2, cron=1) as server:
        shop = shops.Shop(db, server.url)
        agents = shop.add_agents([100, 100], online=False)
        reception = shop.open_reception(
            [],
            queue_enabled=True,
            offline_rule="pool",
            max_sessions=50,
            user_ids=[[6, 0, [agent.user_id for agent in agents]]],
        )
        pages = [open_desk(browser, server, agent) for agent in agents]
        for agent in agents:
            wait_until_online(shop, agent)
        seconds = [
            sleep_through_a_restart(server, shop, reception, agents, pages)
            for _repetition in range(min(REPETITIONS, 5))
        ]
        for page in pages:
            page.context.close()
    say_row("restarted_while_browsers_sleep", seconds)
    assert max(seconds) <= NORMAL_WITHIN


def open_desk(browser, server, agent):
    page = browser.new_context(viewport=DESKTOP, locale="en-US").new_page()
    page.goto(f"{server.url}/web/login?redirect=/odoo/discuss", timeout=FIRST_PAGE)
    log_in(page, agent)
    return page


def sleep_through_a_restart(server, shop, reception, agents, pages):
    """Return how many seconds after the pages woke up both agents were here and a buyer's message
    had reached one of them."""
    sessions = [page.context.new_cdp_session(page) for page in pages]
    for session in sessions:
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
    server.kill()
    server.start()
    # Hours have passed.
    set_last_poll(
        shop, [agent.user_id for agent in agents], "now() AT TIME ZONE 'UTC' - interval '8 hours'"
    )
    assert shops.Buyer(server.url).open_chat(reception).chat_id
    for session in sessions:
        session.send("Page.setWebLifecycleState", {"state": "active"})
    woken = now()
    for page in pages:
        page.bring_to_front()
    is_here = (
        "SELECT count(*) FROM mail_presence WHERE user_id = ANY(%s) AND status = 'online'"
        " AND last_poll > now() AT TIME ZONE 'UTC' - interval '1 minute'"
    )
    users = [agent.user_id for agent in agents]
    shops.wait_until(lambda: shop.sql(is_here, users) == [(2,)], "they did not come back")
    words = f"Are you awake {random.randrange(10**9)}"
    buyer = shops.Buyer(server.url)
    answer = buyer.open_chat(reception, words=words)
    assert answer.chat_id
    shops.wait_until(
        lambda: any(page.get_by_text(words).count() for page in pages), "nobody heard the buyer"
    )
    return now() - woken
