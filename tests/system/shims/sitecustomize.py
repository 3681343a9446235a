"""Lets statements of the addon fail in a server of the tests: Python imports this at its start when
this folder is on its path.

The file that ``TEST_FAILING_STATEMENTS`` names says which: a mark of the scene, the number of the
statement in it and the SQLSTATE that PostgreSQL is to raise before it. Beside it, ``….seen`` lists
the statements of the addon that each scene has had.
"""

import os
import re
import threading
from pathlib import Path

_OURS = re.compile(
    r"livechat_(?:dispatch|subaccount|role|permission|ticket)|\bdispatch_|pg_advisory|ledger_[0-9a-f]"
)
_RAISE = "DO $$BEGIN RAISE EXCEPTION 'failing for a test' USING ERRCODE = '{}'; END$$; "


class _Failures:
    def __init__(self, path):
        self._path, self._lock = Path(path), threading.Lock()
        self._scene, self._count = None, 0

    def prefix(self, statement):
        """Return what goes before a statement: nothing, or what fails."""
        if not isinstance(statement, str) or not _OURS.search(statement):
            return ""
        try:
            scene, number, state = self._path.read_text().split()
        except (OSError, ValueError):
            return ""
        with self._lock:
            if scene != self._scene:
                self._scene, self._count = scene, 0
            self._count += 1
            count = self._count
            with open(f"{self._path}.seen", "a") as seen:
                seen.write(f"{scene}\t{count}\t{' '.join(statement.split())[:200]}\n")
        return _RAISE.format(state) if count == int(number) else ""


def _install(path):
    import psycopg2
    import psycopg2.extensions

    failures, connect = _Failures(path), psycopg2.connect

    class Cursor(psycopg2.extensions.cursor):
        def execute(self, query, vars=None):
            return super().execute(failures.prefix(query) + query, vars)

    def connect_to_fail(*args, **kwargs):
        kwargs.setdefault("cursor_factory", Cursor)
        return connect(*args, **kwargs)

    psycopg2.connect = connect_to_fail


if "TEST_FAILING_STATEMENTS" in os.environ:
    _install(os.environ["TEST_FAILING_STATEMENTS"])
