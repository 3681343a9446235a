"""The rooms of the house: imports and calls go down, and what does not is on a list that may only
get shorter. Read in the source, so that a call on a path that no test takes counts as well."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the ground up: each may import and call what stands before it.
MODELS = (
    "rights",
    "accounts",
    "groups",
    "channel",
    "figures",
    "changes",
    "decision",
    "waiting",
    "handover",
    "reception",
    "tickets",
)
ROOMS = ("dispatch", "tools", "models", *MODELS, "demo", "wizard", "controllers")

# Names under which core has methods as well; who calls them calls core.
CORE = frozenset({"_render", "_search"})

# What `dispatch` has that needs a database; all else there is pure.
NOT_PURE = frozenset({"ledger"})

# What is longer stands in ARCHITECTURE.md with its reason.
LINES_MAX = 500

# So many calls go upwards today. This number may only get smaller.
UPWARDS_MAX = 4


def get_room(path):
    first, *rest = path.relative_to(ROOT).parts
    return rest[0] if first == "models" and len(rest) > 1 else first


FILES = {
    path: ast.parse(path.read_text())
    for folder in ("dispatch", "tools", "models", "demo", "wizard", "controllers")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def find_imports(path, tree):
    """Yield the module of ours that each import of a file names, as a path from the root."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].relative_to(ROOT)
            module = folder / (node.module or "").replace(".", "/")
            for alias in node.names:
                target = module / alias.name
                is_file = (ROOT / f"{target}.py").exists() or (ROOT / target).is_dir()
                yield target if is_file else module


def find_methods():
    """Return in which rooms a private method of this name is defined."""
    rooms = defaultdict(set)
    for path, tree in FILES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and re.match("_[a-z]", node.name):
                rooms[node.name].add(get_room(path))
    return rooms


def find_calls():
    """Yield ``(from room, to room, method)`` for each use of a private method that its own room
    does not define; the other room is the lowest that does."""
    methods = find_methods()
    for path, tree in FILES.items():
        room = get_room(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in methods and node.attr not in CORE:
                rooms = methods[node.attr]
                if room not in rooms:
                    yield room, min(rooms, key=ROOMS.index), node.attr


def read_exceptions():
    """Return the table *Calls upwards* of ARCHITECTURE.md as ``{(from, to, method): reason}``."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.partition("\n## Calls upwards\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (\w+) \| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    return {(source, target, method): reason for source, target, method, reason in rows}


def test_the_rooms_are_imported_in_the_order_of_the_write_layers():
    tree = FILES[ROOT / "models/__init__.py"]
    imported = [alias.name for node in tree.body for alias in node.names]
    assert [name for name in imported if (ROOT / "models" / name).is_dir()] == list(MODELS)
    assert {path.name for path in (ROOT / "models").iterdir() if path.is_dir()} - {
        "__pycache__"
    } == set(MODELS)


@pytest.mark.parametrize("room", MODELS)
def test_a_room_imports_from_dispatch_and_tools_and_from_itself_only(room):
    for path, tree in FILES.items():
        if get_room(path) == room:
            for module in find_imports(path, tree):
                assert module.parts[0] in ("dispatch", "tools", "demo") or module.parts[:2] == (
                    "models",
                    room,
                ), f"{path.relative_to(ROOT)} imports {module}"


def test_dispatch_and_tools_import_nothing_that_stands_above_them():
    for path, tree in FILES.items():
        room = get_room(path)
        if room in ("dispatch", "tools"):
            # The ledger asks in SQL what `tools` says: who is here, who is paused.
            allowed = ("tools",) if room == "tools" else ("dispatch", "tools")
            for module in find_imports(path, tree):
                assert module.parts[0] in allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_the_engine_is_importable_without_odoo():
    for path, tree in FILES.items():
        parts = path.relative_to(ROOT).parts
        if parts[0] == "dispatch" and parts[1] not in NOT_PURE:
            for node in ast.walk(tree):
                names = [alias.name for alias in getattr(node, "names", ())]
                module = getattr(node, "module", None) or ""
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    assert "odoo" not in {name.partition(".")[0] for name in [module, *names]}, path


def test_calls_go_down_but_for_those_with_a_reason():
    upwards = [call for call in find_calls() if ROOMS.index(call[0]) < ROOMS.index(call[1])]
    exceptions = read_exceptions()
    assert set(upwards) == set(exceptions), "ARCHITECTURE.md, Calls upwards"
    assert all(len(reason.split()) > 3 for reason in exceptions.values())
    assert len(upwards) <= UPWARDS_MAX


def find_moments(tree):
    """Yield where a file asks what moment it is, otherwise than the database."""
    for node in ast.walk(tree):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if re.search(r"\b(Datetime|datetime|Date|date|time)\.(now|utcnow|today|time)$", name):
            yield node.lineno, name
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("context_today")
            and len(node.args) < 2
        ):
            yield node.lineno, ast.unparse(node)


def test_now_is_what_the_clock_says_that_all_nodes_share():
    said = {str(path.relative_to(ROOT)): [*find_moments(tree)] for path, tree in FILES.items()}
    assert said.pop("tools/here.py"), "read_now, which all others ask"
    assert not {path: moments for path, moments in said.items() if moments}


def test_a_long_file_has_its_reason():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.partition("\n## Long files\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([\w/.]+)` \| .+ \|$", section, re.MULTILINE))
    long = {
        str(path.relative_to(ROOT))
        for path in FILES
        if get_room(path) != "demo" and len(path.read_text().splitlines()) > LINES_MAX
    }
    assert long == named


def test_few_rooms_call_each_other_both_ways():
    pairs = {(source, target) for source, target, _method in find_calls()}
    mutual = {pair for pair in pairs if pair[::-1] in pairs}
    assert len(mutual) <= 2 * 3, sorted(mutual)
