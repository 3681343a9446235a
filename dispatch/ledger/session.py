"""The ledger's own connection to PostgreSQL, kept from one decision to the next.

Odoo discards what a connection has prepared whenever it is borrowed from the pool. To read agents
with a statement that is planned already takes 0.4, 0.5 and 0.9 of the time among 20, 100 and 1000
of them (0.96 → 0.41, 1.21 → 0.65 and 5.4 → 4.7 ms). So each process keeps one connection to each
database in which they stay prepared. It holds nothing between decisions: PostgreSQL may end it at
any time, the process does so when no buyer came for ten minutes, and the next decision opens
another. In between it answers what every page view asks, see :func:`reader`.

A pooler may give each transaction another connection to PostgreSQL, where neither a setting nor a
prepared statement is its maker's. One is noticed by the process number that it made up, and then
nothing is prepared and each transaction brings its settings along: slower by what is said above.
"""

import hashlib
import os
import selectors
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import POLL_OK, POLL_READ

from odoo.sql_db import connection_info_for
from odoo.tools import config

from .locks import BEGIN, LOCK_TIMEOUT, SILENCE_TIMEOUT

# Of one transaction or of the whole connection, see Session._connect.
_SETTINGS = {
    # Nobody waits for the disk: a decision is worth something when its caller commits as well, and
    # that writes all that was before it.
    "synchronous_commit": "off",
    "lock_timeout": f"'{LOCK_TIMEOUT}'",
    "idle_in_transaction_session_timeout": f"'{SILENCE_TIMEOUT}'",
}

# A database that vanishes from the network without a goodbye is noticed within half a minute, as it
# notices us (see locks.KEEPALIVE); otherwise whoever waits for an answer waits for hours.
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25000,
}

# Seconds after which a connection that nobody used is closed.
_IDLE_TIME = 600
# Seconds that somebody waits while as many connections are in use as there may be.
_PATIENCE = 10

# Guards what follows, and tells who waits that a connection is free.
_change = threading.Condition()
# The sessions that wait for the next transaction, by database; the longest unused is the first.
_idle: dict[str, "Session"] = {}
# How many are in use, by transactions and readers.
_in_use = 0
# Closes what is long unused; there is one while anything is kept.
_sweeper: threading.Timer | None = None


def _forget():
    """Begin as a new process: a child must not write into the connections of its parent."""
    global _change, _in_use, _sweeper
    _change, _in_use, _sweeper = threading.Condition(), 0, None
    _idle.clear()


os.register_at_fork(after_in_child=_forget)


class Session:
    """A connection that prepares each statement once; to those who use it, a cursor.

    A statement is sent when its result is fetched, before the next one, or by :meth:`flush`, which
    does not wait for the answer: whoever has something else to do meanwhile can do it.
    """

    def __init__(self, dbname: str):
        self._dbname = dbname
        self.unused_since = time.monotonic()
        self._in_transaction = False
        self._begin = ""
        self._unsent = None
        self._sent = None
        self._connect()

    def _connect(self):
        _name, info = connection_info_for(self._dbname)
        self._connection = psycopg2.connect(**info, **_KEEPALIVE, async_=True)
        self._poll()
        self._cursor = self._connection.cursor()
        self._prepared = {}
        self._is_pooled = self._is_behind_pooler()
        if not self._is_pooled:
            # The plans stay what they are when the shop grows: PostgreSQL would otherwise compare
            # them with what planning for the small shop had cost.
            settings = {"plan_cache_mode": "force_generic_plan", **_SETTINGS}
            self._run(_set(settings, "SESSION"))

    def _is_behind_pooler(self) -> bool:
        """Tell whether the process that answers is another one than was told when the connection
        was made."""
        self._run("SELECT pg_backend_pid()")
        return self._cursor.fetchone() != (self._connection.info.backend_pid,)

    def begin(self, statements: str):
        """Begin a transaction, in which each statement sees what was committed when it started.

        :param statements: sent in one message with the first one, before it.
        """
        settings = _set(_SETTINGS, "LOCAL") if self._is_pooled else ""
        self._begin = f"{BEGIN} {settings}{statements}"

    def execute(self, statement: str, values: dict | None = None):
        """Run one statement with parameters of the form ``%(name)s``; outside of a transaction it
        is one by itself."""
        self.finish()
        self._unsent = statement, values

    def flush(self, end: str = ""):
        """Send the statement that was not sent yet, if there is one, and ``end`` after it, without
        waiting for the answer."""
        if end and not self._in_transaction:
            # What is sent once more when the connection is lost must not have been committed.
            self.finish()
        self._send(end)

    def fetchone(self):
        """As that of a cursor."""
        self.finish()
        return self._cursor.fetchone()

    def fetchall(self):
        """As that of a cursor."""
        self.finish()
        return self._cursor.fetchall()

    def commit(self):
        """Commit the transaction, or wait until that is done if the COMMIT was sent before."""
        self.finish()
        if self._in_transaction:
            self.finish("COMMIT")
        self._begin = ""

    def close(self):
        """Close the connection; PostgreSQL undoes what was not committed."""
        self._connection.close()

    def finish(self, end: str = ""):
        """Send what was not sent yet, with ``end`` after it, and wait until all of it is done."""
        if self._sent:
            self._wait()
        self._send(end)
        if self._sent:
            self._wait()

    def _send(self, end: str = ""):
        """Send the statement that was not sent yet, if there is one, and ``end`` after it."""
        if not (self._unsent or end):
            return
        statement, values = self._unsent or ("", None)
        self._sent = self._begin, statement, values, end
        self._begin, self._unsent = "", None
        try:
            self._post(*self._sent)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if self._in_transaction or not self._connection.closed:
                raise

    def _post(self, begin, statement, values, end):
        if statement and not self._is_pooled:
            statement = self._prepare(statement)
        elif values is None:
            # Then psycopg2 would leave %% in it.
            values = {}
        self._cursor.execute(f"{begin}{statement}; {end}" if statement else begin + end, values)

    def _wait(self):
        """Wait for what was sent."""
        sent, self._sent = self._sent, None
        begin, *_statement, end = sent
        try:
            self._poll()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if self._in_transaction or not self._connection.closed:
                raise
            # Ended since it was last used; of this transaction, nothing was done yet.
            self._connect()
            self._post(*sent)
            self._poll()
        self._in_transaction = not end and bool(self._in_transaction or begin)

    def _poll(self):
        """Wait until PostgreSQL has answered; other threads go on."""
        while (state := self._connection.poll()) != POLL_OK:
            events = selectors.EVENT_READ if state == POLL_READ else selectors.EVENT_WRITE
            # One for each time: while it connects, the socket may become another one.
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, events)
                selector.select()

    def _run(self, statements: str):
        self._cursor.execute(statements)
        self._poll()

    def _prepare(self, statement: str) -> str:
        """Return how to run a statement that is prepared."""
        if statement not in self._prepared:
            numbers = _Numbers()
            # Whatever the connection has been through, a name means one statement.
            name = f"ledger_{hashlib.sha256(statement.encode()).hexdigest()[:32]}"
            self._run(f"PREPARE {name} AS {statement % numbers}")
            values = ", ".join(f"%({parameter})s" for parameter in numbers)
            self._prepared[statement] = f"EXECUTE {name}" + (f" ({values})" if values else "")
        return self._prepared[statement]


class _Numbers(dict):
    """Turns ``%(name)s`` into ``$1``, ``$2``, … by the order in which the names appear."""

    def __missing__(self, name):
        self[name] = f"${len(self) + 1}"
        return self[name]


def _set(settings: dict[str, str], extent: str) -> str:
    """Return what sets these, with their values in SQL, for a ``SESSION`` or ``LOCAL``ly."""
    return "".join(f"SET {extent} {name} = {value}; " for name, value in settings.items())


@contextmanager
def transaction(dbname: str, begin: str) -> Iterator[Session]:
    """Yield a session whose transaction begins with the statements ``begin``; it is committed at
    the end of the block, or undone when the block fails.

    :raise psycopg2.errors.LockNotAvailable: as many were in use as there may be, for long; Odoo
        retries.
    """
    with _kept(dbname, _take(dbname)) as session:
        session.begin(begin)
        yield session
        session.commit()


def has_session(dbname: str) -> bool:
    """Tell whether a session waits for the next one who needs it."""
    return dbname in _idle


@contextmanager
def reader(cr) -> Iterator:
    """Yield whom to ask single questions: the session, whose statements are prepared, or ``cr``
    itself while another thread has the session or no decision has opened it yet.

    The session knows what is committed, not what the transaction of ``cr`` did.
    """
    session = _take_idle(cr.dbname)
    if not session:
        yield cr
        return
    with _kept(cr.dbname, session):
        yield session


def get_limit() -> int:
    """Return how many connections of this kind a process may have, to all databases together: an
    eighth of what Odoo's own pool may have, beside it. One is enough where a process does one
    thing at a time; somebody who has one may need another."""
    return max(2, config["db_maxconn"] // 8)


def _take(dbname: str) -> Session:
    """Return the session that is kept, or another one when there may be one."""
    if session := _take_idle(dbname):
        return session
    global _in_use
    unused = []
    with _change:
        if not _change.wait_for(lambda: _in_use < get_limit(), _PATIENCE):
            raise LockNotAvailable("All connections of the dispatch are in use")
        _in_use += 1
        session = _idle.pop(dbname, None)
        # Those of other databases make room.
        while _idle and _in_use + len(_idle) > get_limit():
            unused.append(_idle.pop(next(iter(_idle))))
    for other in unused:
        other.close()
    try:
        return session or Session(dbname)
    except BaseException:
        _leave()
        raise


def _take_idle(dbname: str) -> Session | None:
    """Return the session that is kept, if there is one."""
    global _in_use
    with _change:
        if session := _idle.pop(dbname, None):
            _in_use += 1
        return session


def _leave(dbname: str = "", session: Session | None = None):
    """Say that a session is not in use any more, and keep it if it is given.

    Decisions take turns, so one for each database is enough; those of threads that came meanwhile
    go.
    """
    global _in_use, _sweeper
    with _change:
        _in_use -= 1
        if session and _idle.setdefault(dbname, session) is session:
            session.unused_since = time.monotonic()
            session = None
            if not _sweeper:
                _sweeper = _start_sweeper(_IDLE_TIME)
        _change.notify()
    if session:
        session.close()


def _start_sweeper(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, _sweep)
    timer.daemon = True
    timer.start()
    return timer


def _sweep():
    """Close what nobody used for long, and come again when the next one will be that old."""
    global _sweeper
    with _change:
        now = time.monotonic()
        old = [name for name, session in _idle.items() if session.unused_since + _IDLE_TIME <= now]
        unused = [_idle.pop(name) for name in old]
        oldest = min((session.unused_since for session in _idle.values()), default=None)
        # A moment later, so that it is not a moment too early.
        _sweeper = None if oldest is None else _start_sweeper(oldest + _IDLE_TIME - now + 1)
    for session in unused:
        session.close()


@contextmanager
def _kept(dbname: str, session: Session) -> Iterator[Session]:
    """Keep the session for the next one who needs it, unless the block fails."""
    try:
        yield session
        session.finish()
    except BaseException:
        session.close()
        _leave()
        raise
    _leave(dbname, session)
