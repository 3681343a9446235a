"""What the source says about advisory locks and the memory of a transaction."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = [
    path
    for folder in ("controllers", "demo", "dispatch", "models", "tools", "wizard")
    for path in (ROOT / folder).rglob("*.py")
]


def _find(pattern):
    return {str(path.relative_to(ROOT)) for path in PRODUCT if re.search(pattern, path.read_text())}


def test_every_advisory_lock_is_held_by_a_transaction_and_taken_in_one_place():
    assert _find(r"pg_\w*advisory") == {"dispatch/ledger/locks.py"}
    assert not _find(r"pg_(try_)?advisory_(lock|unlock)")


def test_nobody_keeps_what_a_savepoint_takes_away():
    """What is kept there is sent, and made anew, by a callback beside it."""
    assert _find(r"(?<!`)precommit\.data|cr\.cache") == {
        "models/reception/livechat_announcement.py"
    }
