import hashlib
import threading
import time
from unittest.mock import patch

import psycopg2

from odoo.tests import TransactionCase, tagged

from ..dispatch.ledger import session

PID = "SELECT pg_backend_pid()"
# Seconds in which another session has to begin what it was told to.
PATIENCE = 100


@tagged("post_install", "-at_install")
class TestSession(TransactionCase):
    """The ledger's own connection; it leaves the database as it is."""

    def setUp(self):
        super().setUp()
        self._close_idle()
        self.addCleanup(self._close_idle)

    def _close_idle(self):
        if idle := session._idle.pop(self.env.cr.dbname, None):
            idle.close()

    def _transaction(self):
        return session.transaction(self.env.cr.dbname, "")

    def _read(self, statement, values=None):
        with self._transaction() as cr:
            cr.execute(statement, values)
            return cr.fetchone()

    def _end(self, pid):
        self.env.cr.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        self.assertEqual(self.env.cr.fetchone(), (True,))

    def test_one_connection_serves_one_transaction_after_the_other(self):
        self.assertEqual(self._read(PID), self._read(PID))

    def test_two_at_a_time_have_two_connections_and_one_is_kept(self):
        with self._transaction() as one, self._transaction() as other:
            one.execute(PID)
            other.execute(PID)
            inner = other.fetchone()
            self.assertNotEqual(one.fetchone(), inner)
        self.assertEqual(self._read(PID), inner)

    def test_a_statement_is_prepared_once_with_its_parameters_by_name(self):
        statement = "SELECT %(one)s::integer, %(two)s::text, %(one)s::integer + 1"
        for number in range(3):
            self.assertEqual(
                self._read(statement, {"two": "'", "one": number, "unused": 0}),
                (number, "'", number + 1),
            )
        self.assertEqual(self._read("SELECT count(*) FROM pg_prepared_statements"), (2,))

    def test_a_connection_that_ended_while_idle_is_opened_again(self):
        (pid,) = self._read(PID)
        self._end(pid)
        self.assertNotEqual(self._read(PID), (pid,))

    def test_a_question_goes_to_the_session_that_is_kept_and_opens_none(self):
        with session.reader(self.env.cr) as asked:
            self.assertIs(asked, self.env.cr)
        (pid,) = self._read(PID)
        for _question in range(2):
            with session.reader(self.env.cr) as asked:
                asked.execute(PID)
                self.assertEqual(asked.fetchone(), (pid,))
                with session.reader(self.env.cr) as meanwhile:
                    self.assertIs(meanwhile, self.env.cr)
        self.assertEqual(self._read(PID), (pid,))

    def test_a_question_is_a_transaction_by_itself(self):
        self._read(PID)
        with session.reader(self.env.cr) as asked:
            self._assert_transaction_each(asked)

    def _assert_transaction_each(self, asked):
        """A transaction's id does not change within it."""
        ids = []
        for _question in range(2):
            asked.execute("SELECT pg_current_xact_id()")
            ids.append(asked.fetchone())
        self.assertNotEqual(*ids)

    def test_a_question_finds_a_connection_that_ended_while_idle_and_opens_another(self):
        (pid,) = self._read(PID)
        self._end(pid)
        with session.reader(self.env.cr) as asked:
            asked.execute(PID)
            self.assertNotEqual(asked.fetchone(), (pid,))
        self.assertTrue(self._read(PID))

    def test_a_session_whose_question_failed_is_not_kept(self):
        self._read(PID)
        with self.assertRaises(psycopg2.Error), session.reader(self.env.cr) as asked:
            asked.execute("SELECT 1 / 0")
        self.assertFalse(session._idle.get(self.env.cr.dbname))

    def test_a_connection_that_ends_within_a_transaction_is_an_error(self):
        with self.assertRaises(psycopg2.OperationalError), self._transaction() as cr:
            cr.execute(PID)
            self._end(*cr.fetchone())
            cr.execute(PID)
        self.assertTrue(self._read(PID))

    def test_what_was_sent_is_asked_again_when_the_connection_had_ended_while_idle(self):
        (pid,) = self._read(PID)
        self._end(pid)
        with self._transaction() as cr:
            cr.execute(PID)
            cr.flush()
            self.assertNotEqual(cr.fetchone(), (pid,))

    def _read_state(self, pid):
        """What another session does, and what it waits for."""
        self.env.cr.execute("SELECT pg_stat_clear_snapshot()")
        self.env.cr.execute("SELECT state, wait_event FROM pg_stat_activity WHERE pid = %s", [pid])
        return self.env.cr.fetchone()

    def _wait_until(self, pid, event):
        deadline = time.monotonic() + PATIENCE
        while self._read_state(pid) != ("active", event):
            self.assertLess(time.monotonic(), deadline, f"it never came to wait for {event}")
            time.sleep(0.02)

    def test_who_does_not_wait_for_the_answer_can_do_something_else(self):
        (pid,) = self._read(PID)
        with self._transaction() as cr:
            cr.execute(f"SELECT pg_sleep({2 * PATIENCE})")
            cr.flush()
            # This transaction is not held up by that one: it finds it asleep, and wakes it.
            self._wait_until(pid, "PgSleep")
            self.env.cr.execute("SELECT pg_cancel_backend(%s)", [pid])
            with self.assertRaises(psycopg2.errors.QueryCanceled):
                cr.fetchone()

    def test_the_last_statement_is_committed_with_the_block(self):
        with self._transaction() as cr:
            cr.execute(PID)
            cr.fetchone()
            cr.execute("SELECT set_config('livechat.test', 'kept', false)")
        self.assertEqual(self._read("SELECT current_setting('livechat.test')"), ("kept",))

    def test_a_block_in_which_nothing_is_asked_leaves_nothing_begun(self):
        self._read(PID)
        with self._transaction():
            pass
        with session.reader(self.env.cr) as asked:
            self._assert_transaction_each(asked)

    def test_a_commit_that_was_sent_before_is_waited_for_at_the_end_of_the_block(self):
        lock = [4711, 4712]
        self.env.cr.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        self.addCleanup(self.env.cr.execute, "SELECT pg_advisory_unlock_all()")
        with self._transaction() as cr:
            cr.execute(PID)
            (pid,) = cr.fetchone()
            cr.execute(
                f"""
                SELECT set_config('livechat.test', 'sent', false),
                       set_config('lock_timeout', '{2 * PATIENCE}s', true),
                       pg_advisory_xact_lock(4711, 4712),
                       pg_sleep(0.2)
                """
            )
            # Whoever waited here would not see it waiting.
            cr.flush("COMMIT")
            self._wait_until(pid, "advisory")
            self.env.cr.execute("SELECT pg_advisory_unlock(%s, %s)", lock)
        self.assertEqual(self._read_state(pid)[0], "idle")
        self.assertEqual(self._read("SELECT current_setting('livechat.test')"), ("sent",))

    def test_a_commit_that_fails_fails_the_block_though_it_was_sent_before(self):
        with self.assertRaises(psycopg2.errors.DivisionByZero), self._transaction() as cr:
            cr.execute(PID)
            cr.fetchone()
            cr.execute("SELECT 1 / (pg_backend_pid() * 0)")
            cr.flush("COMMIT")
        self.assertFalse(session._idle.get(self.env.cr.dbname))

    def test_a_last_statement_that_fails_fails_the_block(self):
        with self.assertRaises(psycopg2.errors.DivisionByZero), self._transaction() as cr:
            cr.execute(PID)
            cr.fetchone()
            cr.execute("SELECT 1 / pg_backend_pid() * 0 / 0")
        self.assertFalse(session._idle.get(self.env.cr.dbname))

    def test_nobody_waits_long_for_a_lock_or_sits_on_one(self):
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            self.assertEqual(self._read(f"SELECT current_setting('{name}')"), ("10s",))

    def test_a_block_that_fails_is_undone_and_holds_no_lock(self):
        lock = "SELECT pg_try_advisory_xact_lock(4711, 4711)"
        for _attempt in range(2):
            with self.assertRaises(ZeroDivisionError), self._transaction() as cr:
                cr.execute(lock)
                self.assertEqual(cr.fetchone(), (True,))
                raise ZeroDivisionError

    def test_it_is_closed_when_nobody_used_it_for_ten_minutes(self):
        self._read(PID)
        kept = session._idle[self.env.cr.dbname]
        self.assertTrue(session._sweeper.is_alive())
        self._age(kept, 599)
        session._sweep()
        self.assertIs(session._idle[self.env.cr.dbname], kept)
        self.assertTrue(session._sweeper.is_alive(), "it comes again")
        self._age(kept, 601)
        session._sweep()
        self.assertNotIn(self.env.cr.dbname, session._idle)
        self.assertTrue(kept._connection.closed)

    def _age(self, kept, seconds):
        """Let the session that is kept be unused for so long, and stop the timer."""
        session._sweeper.cancel()
        kept.unused_since = time.monotonic() - seconds

    def test_there_are_no_more_than_an_eighth_of_db_maxconn(self):
        for maxconn, limit in ((64, 8), (9, 2), (1, 2)):
            with patch.dict(session.config.options, {"db_maxconn": maxconn}):
                self.assertEqual(session.get_limit(), limit)

    def test_who_finds_all_in_use_waits_for_the_first_that_is_free(self):
        free = threading.Event()

        def use():
            with self._transaction() as cr:
                cr.execute(PID)
                pids.append(cr.fetchone())
                free.wait(PATIENCE)

        pids = []
        threads = [threading.Thread(target=use) for _number in range(3)]
        with (
            patch.object(session, "get_limit", lambda: 2),
            patch.object(session, "_PATIENCE", PATIENCE),
        ):
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + PATIENCE
            while len(pids) < 2:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            self.assertEqual(session._in_use, 2)
            free.set()
            for thread in threads:
                thread.join(PATIENCE)
        self.assertEqual(len(pids), 3)
        self.assertEqual(session._in_use, 0)

    def test_who_waits_in_vain_is_told_to_try_again(self):
        with (
            patch.object(session, "get_limit", lambda: 1),
            patch.object(session, "_PATIENCE", 0.1),
            self._transaction(),
            self.assertRaises(psycopg2.errors.LockNotAvailable),
        ):
            self._read(PID)

    def test_an_unused_one_of_another_database_makes_room(self):
        with self._transaction(), self._transaction():
            pass
        kept = session._idle.pop(self.env.cr.dbname)
        session._idle["elsewhere"] = kept
        self.addCleanup(session._idle.pop, "elsewhere", None)
        with patch.object(session, "get_limit", lambda: 1):
            self._read(PID)
        self.assertTrue(kept._connection.closed)
        self.assertNotIn("elsewhere", session._idle)

    def test_a_name_means_one_statement(self):
        statement = "SELECT %(one)s::integer"
        self._read(statement, {"one": 1})
        names = self._read("SELECT array_agg(name ORDER BY name) FROM pg_prepared_statements")
        digest = hashlib.sha256(statement.encode()).hexdigest()
        self.assertIn(f"ledger_{digest[:32]}", names[0])

    def test_behind_a_pooler_nothing_is_prepared_and_settings_end_with_their_transaction(self):
        statement = "SELECT %(one)s::integer, 5 %% 3, current_setting('lock_timeout')"
        with patch.object(session.Session, "_is_behind_pooler", lambda self: True):
            for number in range(2):
                self.assertEqual(self._read(statement, {"one": number}), (number, 2, "10s"))
            self.assertEqual(self._read("SELECT 5 %% 3"), (2,))
            with session.reader(self.env.cr) as asked:
                asked.execute(
                    "SELECT (SELECT count(*) FROM pg_prepared_statements),"
                    " current_setting('lock_timeout'), current_setting('plan_cache_mode')"
                )
                self.assertEqual(asked.fetchone(), (0, "0", "auto"))
