"""The development environment of this checkout: paths, PostgreSQL, databases, Odoo servers.

Standard library only, except that database functions need psycopg2 (both Python environments
have it). Everything lives in DEV_HOME (``.dev/`` in the checkout), nothing is global, so two
checkouts work side by side.

What tests/system/ and bench/ use (put ``dev/`` on sys.path; the commands in dev/ do that)::

    import devenv
    with devenv.postgres():                              # running for the whole block
        core = devenv.template_db(devenv.CORE_MODULES)   # cached, built when missing
        with devenv.temp_db(core) as db:                 # createdb -T, dropped at the end
            devenv.install(db, [devenv.ADDON])           # odoo -i … --stop-after-init
            with devenv.Server(db, workers=4) as server:
                requests.get(server.url + "/web/health")     # http and websocket, one address
                devenv.connect(db).cursor().execute("SELECT 1")
                os.kill(server.worker_pids()[0], signal.SIGKILL)

- ``odoo_command(*args) -> list`` and ``env(**extra) -> dict``: run Odoo's own command line.
- ``run_odoo(args, log) -> int``: the same, output appended to a log, exit code returned.
- ``shell(db, code) -> str``: Python code in ``odoo shell`` (``env``); returns what it printed.
- ``free_port() -> int``: a free TCP port on loopback.
- ``connect(db, autocommit=True)``, ``create_db``, ``copy_db``, ``drop_db``, ``db_exists``.
- ``restart_postgres(mode)``: only with the private cluster (``private_postgres()`` tells).
- ``CHROMIUM``: Debian's browser, for Playwright's ``executable_path`` (None when absent).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ADDON = "im_livechat_subaccount"
ROOT = Path(__file__).resolve().parent.parent
DEV_HOME = Path(os.environ.get("DEV_HOME") or ROOT / ".dev").absolute()
VENV = DEV_HOME / "venv"  # Odoo's Python packages
VENV_TEST = DEV_HOME / "venv-test"  # pytest, Playwright
VENV_LINT = DEV_HOME / "venv-lint"
LOGS = DEV_HOME / "logs"
DATA_DIR = DEV_HOME / "data"  # Odoo's filestore and sessions
ADDONS_PATH = DEV_HOME / "addons"
OTHERS_ADDONS = DEV_HOME / "others-addons"  # installed by pip, to be tested beside ours
COMPAT_ADDONS = DEV_HOME / "compat-addons"  # many more, for `dev/test compat` alone
ODOO_RC = DEV_HOME / "odoo.conf"
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

#: The host as a shop runs it, without this addon.
CORE_MODULES = ("website_livechat", "website_sale", "sale_stock", "crm_livechat", "hr_livechat")
#: What the demo shop has.
DEMO_MODULES = ("website_sale", "website_livechat", "sale_stock", ADDON)

# What lies beside the addon's files in its folder and is none of Odoo's business.
NOT_ODOO = ("bench", "dev", "docs", "node_modules", "__pycache__")

_PG_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE")
# Set in the environment of what we start, so that it does not take our cluster for a foreign one.
_OWN_PG = "IM_LIVECHAT_SUBACCOUNT_DEV_PG"


class DevError(Exception):
    """Something the person at the keyboard has to know; shown without a traceback."""


def main(function):
    """Run a command's main function: a DevError is one line, Ctrl-C is quiet."""
    # A polite kill unwinds the `with` blocks too: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell starts background jobs deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(function())
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        stop_all()


_spawned = set()


def stop_all():
    """Stop every process that spawn() started and that is still there."""
    for process in list(_spawned):
        stop(process)


@contextlib.contextmanager
def locked(name):
    """Hold DEV_HOME/NAME.lock; the kernel lets go of it however this process ends."""
    DEV_HOME.mkdir(parents=True, exist_ok=True)
    with open(DEV_HOME / f"{name}.lock", "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str, mode=0o644):
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    temporary.touch(mode=mode)
    temporary.write_text(text)
    temporary.replace(path)


# --------------------------------------------------------------------------- Odoo's files


class Odoo:
    """An Odoo 19 tree: launcher, import path, addons folders and an id that changes with it."""

    def __init__(self, home: Path):
        self.home = home
        packages = [
            home,
            home / "usr/lib/python3/dist-packages",
            home / "lib/python3/dist-packages",
        ]
        packages += sorted(home.glob("lib/python3*/site-packages"))
        for package in packages:
            release = package / "odoo/release.py"
            if release.exists():
                break
        else:
            raise DevError(
                f"no Odoo in {home}: expected odoo-bin, usr/bin/odoo or an odoo package there"
            )
        text = release.read_text()
        version = re.search(r"^version_info = \((\d+), (\d+)", text, re.M)
        if not version or version.groups() != ("19", "0"):
            raise DevError(f"{home} is not Odoo 19.0 ({version and '.'.join(version.groups())})")
        self.pythonpath = package
        launchers = [
            package / "odoo-bin",
            home / "usr/bin/odoo",
            home / "bin/odoo",
            home / "bin/odoo-bin",
        ]
        self.launcher = (
            next((path for path in launchers if path.is_file()), None) or _own_launcher()
        )
        # A source tree has most of them in addons/, a package all of them in odoo/addons
        # (and Debian's package an unused second copy in addons/).
        base = package / "odoo/addons"
        self.addons = [base] if (base / "web").is_dir() else [package / "addons", base]
        build = home / ".build"
        stamp = (
            build.read_text() if build.exists() else f"{home} {release.stat().st_mtime_ns} {text}"
        )
        self.id = hashlib.sha256(stamp.encode()).hexdigest()[:12]


def _own_launcher():
    # `python -m odoo` breaks with --workers: the evented process re-executes sys.argv[0].
    path = DEV_HOME / "odoo-launcher.py"
    if not path.exists():
        write_atomically(
            path, "import odoo.cli\n\nif __name__ == '__main__':\n    odoo.cli.main()\n"
        )
    return path


def odoo() -> Odoo:
    return Odoo(Path(os.environ.get("ODOO_HOME") or DEV_HOME / "odoo").absolute())


def addon_entries():
    """The entries of the checkout that make up the addon; its documents and commands do not."""
    return sorted(
        entry
        for entry in ROOT.iterdir()
        if not entry.name.startswith(".") and entry.name not in NOT_ODOO and entry != DEV_HOME
    )


def link_addon():
    """Show the addon to Odoo as .dev/addons/<name>/, a folder of links to its entries.

    The checkout itself cannot be on the addons path: it contains .dev, so the path would
    contain itself and Odoo would walk gigabytes.
    """
    folder = ADDONS_PATH / ADDON
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {entry.name: entry for entry in addon_entries()}
    for link in folder.iterdir():
        if link.is_symlink() and (link.name not in wanted or link.readlink() != wanted[link.name]):
            link.unlink(missing_ok=True)
    for name, target in wanted.items():
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(target)


def addon_files():
    """The files of the addon that Odoo reads, sorted."""
    found = []
    for entry in addon_entries():
        paths = [entry] if entry.is_file() else sorted(entry.rglob("*"))
        found += [
            p for p in paths if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"
        ]
    return found


def addon_hash():
    """Changes with any file of the addon that ends up in a database: not with its tests, and of
    those beside the manifest only with what Python runs."""
    digest = hashlib.sha256()
    for path in addon_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] == "tests" or (path.parent == ROOT and path.suffix != ".py"):
            continue
        digest.update(f"{relative}\0".encode() + path.read_bytes())
    return digest.hexdigest()


# --------------------------------------------------------------------------- environment


def env(**extra) -> dict:
    """The environment in which Odoo finds its packages, this addon and the dev database."""
    tree = odoo()
    link_addon()
    addons = [*tree.addons, *([ADDONS_PATH] if (ROOT / "__manifest__.py").exists() else [])]
    if (others := OTHERS_ADDONS / "odoo/addons").is_dir():
        addons.append(others)
    conf = (
        "[options]\n"
        f"addons_path = {','.join(map(str, addons))}\n"
        f"data_dir = {DATA_DIR}\n"
        "http_interface = 127.0.0.1\n"
        f"http_port = {_remembered_port('odoo-http')}\n"
        f"gevent_port = {_remembered_port('odoo-gevent')}\n"
        # a lone developer's laptop mails nobody by accident
        "smtp_server = 127.0.0.1\n"
        "smtp_port = 9\n"
    )
    if not ODOO_RC.exists() or ODOO_RC.read_text() != conf:
        write_atomically(ODOO_RC, conf)
    result = {**os.environ, "ODOO_RC": str(ODOO_RC), "DEV_HOME": str(DEV_HOME)}
    result["PYTHONPATH"] = os.pathsep.join([str(tree.pythonpath), str(ROOT / "dev")])
    result["PATH"] = f"{VENV / 'bin'}{os.pathsep}{result.get('PATH', os.defpath)}"
    result.pop("PGDATABASE", None)  # Odoo would take it for its -d
    if private_postgres():
        state = _pg_state()
        for name in _PG_VARIABLES:
            result.pop(name, None)
        result.update(
            PGHOST="127.0.0.1",
            PGPORT=str(state["port"]),
            PGUSER=state["role"],
            PGPASSFILE=str(DEV_HOME / "pgpass"),
            **{_OWN_PG: "1"},
        )
        result.pop("PGPASSWORD", None)
    result.update({key: str(value) for key, value in extra.items()})
    return result


def python(venv=VENV) -> str:
    return str(venv / "bin/python")


def odoo_command(*args, coverage=()) -> list:
    """Odoo's command line; ``coverage`` are arguments that run it under coverage.py."""
    prefix = [python(), "-m", "coverage", "run", *coverage] if coverage else [python()]
    return [*prefix, str(odoo().launcher), *map(str, args)]


def run_odoo(args, log=None, timeout=None, coverage=(), **extra_env) -> int:
    """Run Odoo to its end and return its exit code; its output is appended to the file ``log``.

    It is stopped with everything it started when this process is interrupted or ``timeout``
    seconds have passed (then the exit code is negative).
    """
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(log, "ab")) if log else None
        process = spawn(odoo_command(*args, coverage=coverage), env=env(**extra_env), output=out)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            stop(process)


def shell(db, code, log=None, args=()) -> str:
    """Run Python ``code`` in Odoo's shell on ``db`` (``env`` is there); returns what it prints."""
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(open(log, "ab")) if log else subprocess.PIPE
        command = odoo_command(
            *("shell", "-d", db, "--no-http", "--workers", 0, "--max-cron-threads", 0, *args)
        )
        result = subprocess.run(
            command,
            input=code,
            env=env(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
        )
    if result.returncode:
        raise DevError(f"odoo shell on {db} failed:\n{tail(log) if log else result.stderr[-4000:]}")
    return result.stdout


_LIBC = ctypes.CDLL(None)


def spawn(command, env=None, output=None, cwd=None, die_with_parent=True) -> subprocess.Popen:
    """Start a process in a process group of its own; stop() ends it with its children."""
    parent = os.getpid()
    # PR_SET_PDEATHSIG follows the thread that forks, so only the main thread may ask for it.
    bind = die_with_parent and threading.current_thread() is threading.main_thread()

    def prepare():
        if bind:
            _LIBC.prctl(1, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    process = subprocess.Popen(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=prepare,
    )
    _spawned.add(process)
    return process


def stop(process: subprocess.Popen, patience=15, sig=signal.SIGTERM):
    """End a spawned process and its group: politely, then for certain."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _spawned.discard(process)


# --------------------------------------------------------------------------- ports


def port_is_free(port) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_given_ports = set()


def free_port() -> int:
    """A free TCP port on loopback, below the range from which outgoing connections take theirs."""
    for _attempt in range(1000):
        port = random.SystemRandom().randrange(20000, 32000)
        if port not in _given_ports and port_is_free(port):
            _given_ports.add(port)
            return port
    raise DevError("no free TCP port on loopback")


def _remembered_port(name) -> int:
    path = DEV_HOME / "ports" / name
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(path.read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    write_atomically(path, str(port))
    return port


# --------------------------------------------------------------------------- PostgreSQL


def private_postgres() -> bool:
    """Whether this checkout has a cluster of its own; PG* variables name a server instead."""
    return bool(os.environ.get(_OWN_PG)) or not any(os.environ.get(name) for name in _PG_VARIABLES)


def pg_bin() -> Path | None:
    """The newest PostgreSQL server's programs; Debian keeps them off PATH."""
    found = sorted(
        glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4])
    ) or [shutil.which("initdb")]
    return Path(found[-1]).parent if found[-1] else None


def _pg_state() -> dict:
    try:
        return json.loads((DEV_HOME / "postgres.json").read_text())
    except FileNotFoundError:
        raise DevError("no PostgreSQL cluster yet: run dev/setup") from None


def _as_owner(state):
    """Arguments that make subprocess run as the owner of the cluster: postgres refuses root."""
    if os.geteuid() != 0:
        return {}
    owner = os.stat(state["data"])
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _pg_ctl(state, *args, check=True):
    result = subprocess.run(
        [pg_bin_of(state) / "pg_ctl", "-D", state["data"], *args],
        stdin=subprocess.DEVNULL,
        # not pipes: the server would inherit them and we would wait for its end
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        check=False,
        **_as_owner(state),
    )
    if check and result.returncode:
        raise DevError(f"pg_ctl {' '.join(args)} failed: see {state['log']}")
    return result.returncode


def pg_bin_of(state) -> Path:
    """A cluster only runs with the major version that made it."""
    version = (Path(state["data"]) / "PG_VERSION").read_text().strip()
    debian = Path(f"/usr/lib/postgresql/{version}/bin")
    return debian if debian.is_dir() else pg_bin()


def init_postgres():
    """Create the private cluster when there is none. Called by dev/setup under its lock."""
    path = DEV_HOME / "postgres.json"
    if path.exists() and (Path(_pg_state()["data"]) / "PG_VERSION").exists():
        return False
    as_user = {}
    home = DEV_HOME / "postgres"
    if os.geteuid() == 0:
        import pwd

        names = [user.pw_name for user in pwd.getpwall()]
        account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if as_user and subprocess.run(["test", "-x", str(home)], check=False, **as_user).returncode:
        # A checkout in a folder closed to others (root's home, say).
        import tempfile

        home = Path(tempfile.mkdtemp(prefix=f"{ADDON}-postgres-"))
    if as_user:
        os.chown(home, as_user["user"], as_user["group"])
    os.chmod(home, 0o700)
    data, log = home / "data", home / "postgres.log"
    admin_password, password = secrets.token_hex(16), secrets.token_hex(16)
    password_file = home / "password"
    password_file.write_text(admin_password)
    os.chmod(password_file, 0o644)  # inside a 0700 folder
    subprocess.run(
        [
            *(pg_bin() / "initdb", "-D", data, "-U", "dev_admin", "--pwfile", password_file),
            *(
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ),
        ],
        stdout=subprocess.DEVNULL,
        cwd="/",
        check=True,
        **as_user,
    )
    password_file.unlink()
    with open(data / "postgresql.conf", "a") as conf:
        conf.write(
            "\n# Throw-away development data: it survives a killed process, not a power cut.\n"
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
            "wal_level = minimal\nmax_wal_senders = 0\n"
            "max_wal_size = 4GB\ncheckpoint_timeout = 30min\n"
            "shared_buffers = 512MB\nmax_connections = 300\njit = off\n"
            # TCP on loopback only: the path of a socket may be longer than the system allows
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
            "logging_collector = off\n"
        )
    state = {
        "data": str(data),
        "log": str(log),
        "port": free_port(),
        "role": "odoo_dev",
        "password": password,
        "admin_password": admin_password,
    }
    write_atomically(
        DEV_HOME / "pgpass",
        f"127.0.0.1:*:*:odoo_dev:{password}\n127.0.0.1:*:*:dev_admin:{admin_password}\n",
        mode=0o600,
    )
    _start_cluster(state)
    try:
        # Odoo wants a role that may create databases and is not `postgres`.
        subprocess.run(
            [pg_bin() / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "postgres"],
            input=f"CREATE ROLE odoo_dev LOGIN CREATEDB PASSWORD '{password}'",
            text=True,
            env={
                "PATH": os.defpath,
                "PGHOST": "127.0.0.1",
                "PGPORT": str(state["port"]),
                "PGUSER": "dev_admin",
                "PGPASSWORD": admin_password,
            },
            check=True,
        )
    finally:
        _pg_ctl(state, "-m", "fast", "-w", "stop")
    write_atomically(path, json.dumps(state), mode=0o600)
    return True


def _start_cluster(state):
    if _pg_ctl(state, "status", check=False) == 0:
        return
    if not port_is_free(state["port"]):
        # Somebody took the remembered port in the meantime.
        state["port"] = free_port()
        if (DEV_HOME / "postgres.json").exists():
            write_atomically(DEV_HOME / "postgres.json", json.dumps(state), mode=0o600)
    _pg_ctl(state, "-w", "-t", "60", "-l", state["log"], "-o", f"-p {state['port']}", "start")


@contextlib.contextmanager
def postgres():
    """A running PostgreSQL for the length of the block.

    The private cluster starts with the first user and stops with the last one: every user
    holds a shared lock, which the kernel drops however its process ends.
    """
    if not private_postgres():
        yield
        return
    state = _pg_state()
    with open(DEV_HOME / "postgres-users.lock", "a") as users:
        with locked("postgres"):
            fcntl.flock(users, fcntl.LOCK_SH)
            _start_cluster(state)
        try:
            yield
        finally:
            with locked("postgres"):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # somebody else is still using it
                else:
                    _pg_ctl(state, "-m", "fast", "-w", "stop", check=False)


def restart_postgres(mode="immediate"):
    """Restart the private cluster under its clients' feet (tests of what happens then)."""
    if not private_postgres():
        raise DevError("the PostgreSQL server named by PG* is not ours to restart")
    with locked("postgres"):
        state = _pg_state()
        _pg_ctl(state, "-m", mode, "-w", "stop", check=False)
        _start_cluster(state)


# --------------------------------------------------------------------------- databases


def db_name(label) -> str:
    """``label`` itself in the private cluster; marked as this checkout's on a shared server."""
    if private_postgres():
        return label
    return f"{ADDON}_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}_{label}"


def connect(db=None, autocommit=True):
    """A psycopg2 connection to ``db`` (the maintenance database when None)."""
    import psycopg2

    if private_postgres():
        state = _pg_state()
        parameters = {
            "host": "127.0.0.1",
            "port": state["port"],
            "user": state["role"],
            "password": state["password"],
        }
        maintenance = "postgres"
    else:
        parameters, maintenance = {}, os.environ.get("PGDATABASE", "postgres")
    connection = psycopg2.connect(dbname=db or maintenance, **parameters)
    connection.autocommit = autocommit
    return connection


def _maintenance(query, parameters=()):
    with contextlib.closing(connect()) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else None


def db_exists(db) -> bool:
    return bool(_maintenance("SELECT 1 FROM pg_database WHERE datname = %s", [db]))


def create_db(db, template="template0"):
    """createdb -T; waits a little for somebody who still looks at the template."""
    import psycopg2.errors

    for attempt in range(60):
        try:
            # file_copy: a template is large and fsync is off, so copying files beats logging pages
            strategy = (
                " STRATEGY file_copy"
                if template != "template0" and _server_version() >= 150000
                else ""
            )
            return _maintenance(f'CREATE DATABASE "{db}" TEMPLATE "{template}"{strategy}')
        except psycopg2.errors.ObjectInUse:
            if attempt == 59:
                raise
            time.sleep(0.5)


def _server_version():
    return int(_maintenance("SELECT current_setting('server_version_num')")[0][0])


def drop_db(db):
    """Drop a database and its filestore; those who look at it are disconnected."""
    import psycopg2.errors

    for attempt in range(60):
        try:
            _maintenance(f'DROP DATABASE IF EXISTS "{db}" WITH (FORCE)')
            break
        except psycopg2.errors.InsufficientPrivilege:
            # PostgreSQL's own vacuum is at it, which only its administrator may disconnect.
            if attempt == 59:
                raise
            time.sleep(0.5)
    shutil.rmtree(DATA_DIR / "filestore" / db, ignore_errors=True)


def copy_db(source, db):
    """A copy of ``source`` with its filestore."""
    create_db(db, source)
    files = DATA_DIR / "filestore" / source
    if files.is_dir():
        # Odoo never changes a stored file, it only writes new ones and unlinks old ones.
        shutil.copytree(
            files, DATA_DIR / "filestore" / db, copy_function=os.link, dirs_exist_ok=True
        )


@contextlib.contextmanager
def temp_db(template=None, name=None):
    """A database that lives as long as the block: a copy of ``template``, or empty."""
    name = name or db_name(f"tmp_{os.getpid()}_{secrets.token_hex(3)}")
    # Those of processes that were killed.
    for (left,) in _maintenance("SELECT datname FROM pg_database"):
        found = re.fullmatch(db_name(r"tmp_(\d+)_[0-9a-f]{6}"), left)
        if found and not Path(f"/proc/{found[1]}").exists():
            drop_db(left)
    try:
        if template:
            copy_db(template, name)
        else:
            create_db(name)
        yield name
    finally:
        drop_db(name)


def install(db, modules, log=None, args=(), demo=False, coverage=()):
    """odoo -i MODULES on ``db``, which is created when it does not exist."""
    log = Path(log or LOGS / f"install-{db}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    demo_args = ["--with-demo"] if demo else []
    code = run_odoo(
        [
            *("-d", db, "-i", ",".join(modules), *demo_args, "--stop-after-init", "--no-http"),
            *("--max-cron-threads", "0", "--workers", "0", *args),
        ],
        log=log,
        coverage=coverage,
    )
    if code or not module_installed(db, modules[-1]):
        raise DevError(f"installing {', '.join(modules)} failed, exit code {code}:\n{tail(log)}")


def module_installed(db, module) -> bool:
    with contextlib.closing(connect(db)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('ir_module_module')")
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("SELECT state = 'installed' FROM ir_module_module WHERE name = %s", [module])
        row = cursor.fetchone()
        return bool(row and row[0])


def module_installed_in(db, module) -> bool:
    """The same for a database that may not exist."""
    return db_exists(db) and module_installed(db, module)


def tail(path, lines=30) -> str:
    with contextlib.suppress(FileNotFoundError):
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    return ""


_templates_in_use = {}


def _template_lock(name, mode):
    handle = open(DEV_HOME / f"{name}.lock", "a")
    try:
        fcntl.flock(handle, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise
    return handle


def compat_modules() -> tuple:
    """The names of the addons in COMPAT_ADDONS."""
    return tuple(sorted(path.name for path in (COMPAT_ADDONS / "odoo/addons").iterdir()))


def compat_args() -> list:
    """What tells Odoo's command line of the addons in COMPAT_ADDONS, instead of OTHERS_ADDONS."""
    path = [*odoo().addons, ADDONS_PATH, COMPAT_ADDONS / "odoo/addons"]
    return ["--addons-path", ",".join(map(str, path))]


def compat_db(*modules) -> str:
    """As :func:`template_db`: a shop with the addons in COMPAT_ADDONS and these modules."""
    stamp = (COMPAT_ADDONS / ".stamp").read_text()
    return template_db((*CORE_MODULES, *compat_modules(), *modules), args=compat_args(), key=stamp)


def template_db(modules=CORE_MODULES, demo=False, args=(), key="") -> str:
    """The name of a database with ``modules`` installed, to be copied with createdb -T.

    Cached: the name is keyed by Odoo's build, the modules, demo data or not, and the content
    of this addon when it is among the modules. Then the template without it is made first.

    :param args: further arguments of Odoo's command line
    :param key: what else the cached database is made from
    """
    modules = tuple(modules)
    with_addon = ADDON in modules
    label = hashlib.sha256(repr((sorted(modules), demo, str(ROOT))).encode()).hexdigest()[:6]
    made_from = f"{odoo().id} {addon_hash() if with_addon else ''}{key}"
    family = db_name(f"template_{label}")
    name = f"{family}_{hashlib.sha256(made_from.encode()).hexdigest()[:8]}"
    with locked(f"template-{label}"):
        # Until this process ends, for it may copy the template any time.
        _templates_in_use[name] = _template_lock(name, fcntl.LOCK_SH)
        if db_exists(name):
            return name
        building = f"{family}_building"
        drop_db(building)
        log = LOGS / f"template-{label}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        if with_addon and len(modules) > 1:
            core = tuple(module for module in modules if module != ADDON)
            copy_db(template_db(core, demo=demo, args=args, key=key), building)
            install(building, [ADDON], log=log, demo=demo, args=args)
            # Half a minute once instead of at the first page of every copy.
            shell(
                building,
                "env['ir.qweb']._pregenerate_assets_bundles(); env.cr.commit()",
                log=log,
                args=args,
            )
        else:
            install(building, modules, log=log, demo=demo, args=args)
        # An older build of the same thing is of no use, but to those who are at it.
        for (old,) in _maintenance(
            "SELECT datname FROM pg_database WHERE datname ~ %s", [f"^{family}_[0-9a-f]{{8}}$"]
        ):
            with contextlib.suppress(BlockingIOError), _template_lock(old, fcntl.LOCK_EX):
                drop_db(old)
        shutil.rmtree(DATA_DIR / "filestore" / name, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (DATA_DIR / "filestore" / building).rename(DATA_DIR / "filestore" / name)
        _maintenance(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
    return name


# --------------------------------------------------------------------------- servers


class Server:
    """An Odoo server on loopback; with workers, dev/proxy.py in front joins http and websocket.

    ``url`` is what a browser uses. ``http_port`` and ``gevent_port`` are Odoo's own ports,
    ``pid`` its master process, ``log`` the file with its output.

    :param str db: the only database it serves
    :param int workers: 0 is one threaded process (websocket on the same port, no proxy)
    :param int cron: cron processes or threads
    :param int port: the port of ``url``; free when None
    :param list args: further arguments of Odoo's command line
    :param dict environment: further variables
    """

    def __init__(
        self, db, workers=0, cron=0, port=None, args=(), log=None, coverage=(), environment=None
    ):
        self.db, self.workers, self.cron, self.args, self.coverage = (
            db,
            workers,
            cron,
            args,
            coverage,
        )
        self.environment = environment or {}
        self.http_port = free_port() if workers or not port else port
        self.gevent_port = free_port()
        self.port = (port or free_port()) if workers else self.http_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(log or LOGS / f"server-{db}-{self.port}.log")
        self.process = self.proxy = None

    @property
    def pid(self):
        return self.process.pid

    def start(self, timeout=120):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = odoo_command(
            *("-d", self.db, "--db-filter", f"^{re.escape(self.db)}$", "--no-database-list"),
            *(
                "--http-interface",
                "127.0.0.1",
                "--http-port",
                self.http_port,
                "--gevent-port",
                self.gevent_port,
            ),
            *("--workers", self.workers, "--max-cron-threads", self.cron, *self.args),
            coverage=self.coverage,
        )
        with open(self.log, "ab") as output:
            # A worker takes a connection before the proxy has sent what is to come over it, and
            # gives up on it after two seconds: that is short on a busy machine.
            patient = env(ODOO_HTTP_SOCKET_TIMEOUT=20, **self.environment)
            self.process = spawn(command, env=patient, output=output)
            if self.workers:
                self.proxy = spawn(
                    [
                        *(python(), ROOT / "dev/proxy.py", "--port", self.port),
                        *("--http-port", self.http_port, "--gevent-port", self.gevent_port),
                    ],
                    output=output,
                )
        try:
            self.wait(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def wait(self, timeout=120):
        """Return when it answers over ``url``; DevError with the log's end when it does not."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None or (self.proxy and self.proxy.poll() is not None):
                raise DevError(f"the server stopped:\n{tail(self.log)}")
            try:
                with urllib.request.urlopen(f"{self.url}/web/health", timeout=10):
                    if not self.workers or _answers(self.gevent_port):
                        return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.2)
        raise DevError(f"the server did not answer within {timeout} s:\n{tail(self.log)}")

    def worker_pids(self) -> list:
        """The processes that answer http requests (workers > 0)."""
        return self._child_pids(lambda command, nice: not command and not nice)

    def cron_pids(self) -> list:
        """The processes that run scheduled actions (workers > 0), which are nicer than others."""
        return self._child_pids(lambda command, nice: not command and nice)

    def websocket_pids(self) -> list:
        """The process that holds the websockets (workers > 0); a list, for it may be gone."""
        return self._child_pids(lambda command, nice: command)

    def _child_pids(self, is_wanted):
        """Return the master's children, the eldest first.

        :param is_wanted: called with whether it was started by a command of its own, and whether it
            is nicer than the master.
        """
        pids, own = [], os.getpriority(os.PRIO_PROCESS, self.pid)
        for path in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = Path(path).read_text().rpartition(")")[2].split()
                pid = int(path.split("/")[2])
                command = b"\0gevent\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
                if int(fields[1]) == self.pid and is_wanted(command, int(fields[16]) > own):
                    pids.append(pid)
        return sorted(pids)

    def kill(self):
        """As if the machine lost power: every process of the server ends at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.stop()

    def stop(self):
        if self.process:
            stop(self.process)
        if self.proxy:
            stop(self.proxy)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _answers(port):
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --------------------------------------------------------------------------- commands


def ready(level="base", venv=VENV, quiet=True):
    """Set up what ``level`` needs, then go on in ``venv``'s Python (this script starts again)."""
    if Path(sys.prefix) == venv:
        return
    import provision

    try:
        provision.setup(level, quiet=quiet)
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    script = os.path.abspath(sys.argv[0])
    os.execv(python(venv), [python(venv), script, *sys.argv[1:]])


def run_foreground(command, env) -> int:
    """Run a command as if it were this one: terminal, signals and exit code are its own."""
    process = subprocess.Popen([str(part) for part in command], env=env)

    def forward(signum, _frame):
        # Ctrl-C reaches the whole foreground group; sent twice it would make Odoo drop everything.
        if signum == signal.SIGINT and sys.stdin and sys.stdin.isatty():
            return
        process.send_signal(signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, forward)
    code = process.wait()
    return 128 - code if code < 0 else code
