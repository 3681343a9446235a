"""The ledger's own connection to PostgreSQL, kept from one decision to the next.

Odoo discards what a connection has prepared whenever it is borrowed from the pool. To read agents
with a statement that is planned already takes 0.4, 0.5 and 0.9 of the time among 20, 100 and 1000
of them (0.96 → 0.41, 1.21 → 0.65 and 5.4 → 4.7 ms). So each process keeps one connection to each
database in which they stay prepared. It holds nothing between decisions: PostgreSQL may end it at
any time, does so when no buyer came for ten minutes, and the next decision opens another. In
between it answers what every page view asks, see :func:`reader`.

Like Odoo's bus, it needs a connection to PostgreSQL itself or a pooler that pools sessions.
"""

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ

from odoo.sql_db import connection_info_for

from .locks import LOCK_TIMEOUT, SILENCE_TIMEOUT

# The sessions that wait for the next transaction, by database.
_idle: dict[str, "Session"] = {}

# A child must not write into the connections of its parent.
os.register_at_fork(after_in_child=_idle.clear)


class Session:
    """A connection that prepares each statement once; to those who use it, a cursor.

    A statement is sent when its result is fetched, before the next one, or by :meth:`flush`, which
    does not wait for the answer: whoever has something else to do meanwhile can do it.
    """

    def __init__(self, dbname: str):
        self._dbname = dbname
        self._in_transaction = False
        self._begin = ""
        self._unsent = None
        self._sent = None
        self._connect()

    def _connect(self):
        _name, info = connection_info_for(self._dbname)
        self._connection = psycopg2.connect(**info, async_=True)
        self._poll()
        self._cursor = self._connection.cursor()
        self._prepared = {}
        # The plans stay what they are when the shop grows: PostgreSQL would otherwise compare them
        # with what planning for the small shop had cost. Nobody waits for the disk: a decision is
        # worth something when its caller commits as well, and that writes all that was before it.
        # PostgreSQL knows idle_session_timeout since 14.
        self._run(
            f"""
            SET plan_cache_mode = force_generic_plan;
            SET synchronous_commit = off;
            SET lock_timeout = '{LOCK_TIMEOUT}';
            SET idle_in_transaction_session_timeout = '{SILENCE_TIMEOUT}';
            SELECT set_config(name, '10min', false)
              FROM pg_settings
             WHERE name = 'idle_session_timeout'
            """
        )

    def begin(self, statements: str):
        """Send these statements, which begin a transaction, in one message with the next one."""
        self._begin = statements

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
        prepared = f"{self._prepare(statement)}; " if statement else ""
        self._cursor.execute(begin + prepared + end, values)

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
            name = f"ledger_{len(self._prepared)}"
            self._run(f"PREPARE {name} AS {statement % numbers}")
            values = ", ".join(f"%({parameter})s" for parameter in numbers)
            self._prepared[statement] = f"EXECUTE {name}" + (f" ({values})" if values else "")
        return self._prepared[statement]


class _Numbers(dict):
    """Turns ``%(name)s`` into ``$1``, ``$2``, … by the order in which the names appear."""

    def __missing__(self, name):
        self[name] = f"${len(self) + 1}"
        return self[name]


@contextmanager
def transaction(dbname: str, begin: str) -> Iterator[Session]:
    """Yield a session whose transaction begins with the statements ``begin``; it is committed at
    the end of the block, or undone when the block fails."""
    with _kept(dbname, _idle.pop(dbname, None) or Session(dbname)) as session:
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
    session = _idle.pop(cr.dbname, None)
    if not session:
        yield cr
        return
    with _kept(cr.dbname, session):
        yield session


@contextmanager
def _kept(dbname: str, session: Session) -> Iterator[Session]:
    """Keep the session for the next one who needs it, unless the block fails."""
    try:
        yield session
        session.finish()
    except BaseException:
        session.close()
        raise
    # Decisions take turns, so one session is enough; those of threads that came meanwhile go.
    if _idle.setdefault(dbname, session) is not session:
        session.close()
