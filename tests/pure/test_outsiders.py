"""What people meet who come from outside: the workflow, the templates, where to report a hole."""

import importlib.util
import itertools
import os
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import yaml

import provision

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
FORMS = sorted(GITHUB.glob("ISSUE_TEMPLATE/*.yml"))


def read_yaml(path):
    return yaml.safe_load(path.read_text())


def load_command(name):
    """Return a command of dev/ as a module."""
    loader = SourceFileLoader(name, str(ROOT / "dev" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def read_jobs():
    return read_yaml(GITHUB / "workflows/tests.yml")["jobs"]


def find_commands():
    """Return each command of ours that the workflow runs, once for each cell of its matrix."""
    commands = set()
    for job in read_jobs().values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for cell in itertools.product(*matrix.values()):
            for step in job["steps"]:
                run = step.get("run", "")
                for name, value in zip(matrix, cell):
                    run = run.replace(f"${{{{ matrix.{name} }}}}", value)
                assert "${{" not in run
                if run.startswith("dev/"):
                    commands.add(run)
    return sorted(commands)


def test_the_workflow_calls_commands_that_there_are():
    tests = load_command("test")
    known = {
        "dev/setup": set(provision.LEVELS),
        "dev/lint": set(),
        "dev/test": {*tests.SUITES, *tests.GROUPS},
    }
    commands = find_commands()
    assert {command.split()[0] for command in commands} == set(known)
    for command in commands:
        path, *words = command.split()
        assert os.access(ROOT / path, os.X_OK)
        assert set(words) <= known[path]


def test_the_workflow_calls_what_a_submission_calls():
    submission = (ROOT / ".ci/run").read_text()
    called = set(re.findall(r"^(dev/\w+)", submission, re.MULTILINE))
    assert {command.split()[0] for command in find_commands()} == called


def test_the_workflow_runs_everything_that_a_submission_has_to_pass():
    tests = load_command("test")
    run = set()
    for command in find_commands():
        path, *words = command.split()
        if path == "dev/test":
            run |= {name for word in words for name in tests.GROUPS.get(word, [word])}
    # The two parts of the addon, in one.
    run |= {"addon-web", "addon-models"} if "addon" in run else set()
    assert not set(tests.GROUPS["all"]) - run


def test_the_workflow_covers_the_oldest_and_the_newest():
    matrix = read_jobs()["test"]["strategy"]["matrix"]
    requirements = (ROOT / "dev/requirements.txt").read_text()
    oldest, newest = matrix["python"]
    assert f"({oldest} to {newest})" in requirements
    assert f"PostgreSQL {matrix['postgres'][0]} or newer" in (ROOT / "README.md").read_text()
    assert f"postgres:{matrix['postgres'][-1]}" in (ROOT / "compose.yaml").read_text()


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_each_form_for_issues_can_be_filled_in(path):
    form = read_yaml(path)
    if path.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert form["name"] and form["description"]
    fields = [item for item in form["body"] if item["type"] != "markdown"]
    assert {item["type"] for item in form["body"]} <= {"markdown", "input", "textarea"}
    ids = [item["id"] for item in fields]
    assert ids and len(ids) == len(set(ids))
    assert all(item["attributes"]["label"] for item in fields)


def test_the_templates_name_commands_and_files_that_there_are():
    texts = [path.read_text() for path in (*FORMS, GITHUB / "pull_request_template.md")]
    names = {word for text in texts for word in re.findall(r"`([\w./ ]+)`", text)}
    assert names
    assert not [name for name in names if not (ROOT / name.split()[0]).exists()]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_who_finds_a_hole_is_told_where_to_report_it_in_private(document):
    assert "(SECURITY.md)" in (ROOT / document).read_text()
    assert "/security/advisories/new" in (ROOT / "SECURITY.md").read_text()
