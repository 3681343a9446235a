"""The pure part of the engine, imported without Odoo."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

# The same examples in each run, however long a busy machine takes for one.
settings.register_profile(
    "pinned",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
settings.load_profile("pinned")
