"""What is written for an upgrade is run by it."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ast.literal_eval((ROOT / "__manifest__.py").read_text())


def parse(version):
    return [int(number) for number in version.split(".")]


def test_no_script_waits_for_a_version_that_the_addon_does_not_have():
    scripts = list((ROOT / "migrations").glob("*/*.py"))
    assert scripts
    for script in scripts:
        assert parse(script.parent.name) <= parse(MANIFEST["version"]), script
        assert script.name.startswith(("pre-", "post-", "end-")), script
