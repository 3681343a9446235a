"""What the documents say of the repository is so: links, pictures, names of files and of tests."""

import ast
import importlib.util
import inspect
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path
from xml.etree import ElementTree

import pytest

import devenv
from dispatch import policy

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
# Of docs/security.md: their tables say what holds something, and in the last column by which test.
SECURITY_CHAPTERS = ["What is promised", "Attacks and the tests that hold them", "Threat model"]
TEST_NAME = re.compile(r"test_\w+")
TEST_DEFINITION = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


def read_prose(document):
    """Return the text of a document without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def find_anchors(document):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", read_prose(document), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def find_tests(path):
    return TEST_DEFINITION.findall(path.read_text())


def test_the_readme_is_a_door():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@each_document
def test_each_link_and_picture_leads_somewhere(document):
    lost = []
    for link in LINK.finditer(read_prose(document)):
        target, _hash, anchor = link["target"].partition("#")
        if "://" in target:
            continue
        path = (document.parent / target).resolve() if target else document
        if not path.is_relative_to(ROOT) or not path.exists():
            lost.append(link["target"])
        elif anchor and anchor not in find_anchors(path):
            lost.append(link["target"])
    assert not lost


@each_document
def test_no_two_headings_have_one_anchor(document):
    anchors = find_anchors(document)
    assert len(anchors) == len(set(anchors))


@each_document
def test_each_row_of_a_table_has_the_cells_of_its_head(document):
    tables = re.findall(r"(?:^\|.*\n)+", read_prose(document), re.MULTILINE)
    for table in tables:
        # A stroke that is part of a cell's text is written \| there, in code as well.
        rows = [row.replace(r"\|", "") for row in table.splitlines()]
        assert {row.count("|") for row in rows} == {rows[0].count("|")}, table


def test_the_pictures_of_the_apps_page_are_there():
    folder = ROOT / "static/description"
    sources = re.findall(r'src="([^"]+)"', (folder / "index.html").read_text())
    assert sources
    assert not [source for source in sources if not (folder / source).exists()]


@each_document
def test_each_test_that_is_named_is_in_the_file_it_is_said_to_be_in(document):
    lost = [
        link["text"]
        for link in LINK.finditer(read_prose(document))
        if TEST_NAME.fullmatch(name := link["text"].strip("`"))
        and name not in find_tests((document.parent / link["target"]).resolve())
    ]
    assert not lost


@each_document
def test_each_test_and_file_that_is_named_exists(document):
    sources = sorted((ROOT / "tests").rglob("*.py"))
    known = {name for path in sources for name in find_tests(path)} | {p.stem for p in sources}
    words = re.findall(r"`([^`\n]+)`", read_prose(document))
    lost = [word for word in words if TEST_NAME.fullmatch(word) and word not in known]
    lost += [
        word
        for word in words
        if re.fullmatch(r"[\w.]+(/[\w.-]+)*/[\w.-]*\.(py|sql|js|xml|csv|md|png)", word)
        and not (ROOT / word).exists()
    ]
    assert not lost


def test_each_line_of_ours_beside_other_helpdesks_names_a_test():
    rows = re.findall(r"^\| (.+) \|$", (ROOT / "docs/helpdesk.md").read_text(), re.MULTILINE)
    lines = [row.split(" | ") for row in rows if not row.startswith("|")]
    assert len(lines) > 30
    for *_others, ours, tests in lines:
        assert ours.startswith("no: ") or "](../tests/" in tests, ours


@pytest.mark.parametrize("chapter", SECURITY_CHAPTERS)
def test_each_line_of_what_is_held_against_attacks_names_a_test(chapter):
    chapters = re.split(r"^## ", (ROOT / "docs/security.md").read_text(), flags=re.MULTILINE)
    (text,) = [one for one in chapters if one.startswith(f"{chapter}\n")]
    rows = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    # What the head of each table says is followed by dashes.
    tests = [row.split(" | ")[-1] for row in rows if not row.endswith(("test", "tests", "held by"))]
    assert len(tests) > 15
    for named in tests:
        assert re.search(r"\[`test_\w+`\]\(\.\./tests/", named), named


def test_the_clicks_that_operations_tell_are_those_that_tours_count():
    table = re.search(
        r"^\| task \| before \| now \| held by \|\n\|.+\n((?:\| .+\n)+)",
        (ROOT / "docs/operations.md").read_text(),
        re.MULTILINE,
    )
    told = {
        task: [int(number) for number in re.findall(r"\d+", now)]
        for task, _before, now in re.findall(
            r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|", table[1], re.MULTILINE
        )
    }
    tours = "\n".join(path.read_text() for path in (ROOT / "static/tests/tours").glob("*.js"))
    counted = {
        task: [int(clicks)]
        for task, clicks in re.findall(r'withClicks\("([^"]+)", (?:fit\()?(\d+)', tours)
    }
    assert tours.count("...withClicks(") == len(counted) == 5
    first_day = (ROOT / "tests/test_first_day.py").read_text()
    of_first_day = re.search(r"^_CLICKS, _SCREENS = (\d+), (\d+)$", first_day, re.MULTILINE)
    counted["from nothing to the first buyer served, three people together"] = [
        int(number) for number in of_first_day.groups()
    ]
    assert told == counted


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/api.md"])
def test_each_name_of_the_code_is_one(document):
    folders = ("controllers", "dev", "dispatch", "models", "static/src", "tests", "tools", "wizard")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    code = "\n".join(path.read_text() for path in sources if path.suffix in (".js", ".py", ".sql"))
    known = set(re.findall(r"\w+", code))
    words = re.findall(r"`([^`\n]+)`", read_prose(ROOT / document))
    names = {name for word in words for name in re.findall(r"(?<![/>\w])\w*_\w+(?![/\w])", word)}
    assert sorted(names - known) == []


def test_what_is_told_of_models_for_reports_is_what_is_tested():
    tree = ast.parse((ROOT / "tests/test_api.py").read_text())
    (tested,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "REPORTS"
    ]
    chapter = re.search(
        r"^## For reports$(.+?)^## ", (ROOT / "docs/api.md").read_text(), re.M | re.S
    )
    told = {
        model: tuple(re.findall(r"`(\w+)`", fields))
        for model, fields in re.findall(r"^\| `([\w.]+)` \|[^|]+\| (.+) \|$", chapter[1], re.M)
    }
    assert told == tested


def test_each_method_that_is_told_to_others_is_called_as_they_call_it():
    tests = (ROOT / "tests/test_api.py").read_text()
    rows = re.findall(
        r"^\| [^|]+ \| `([\w.]+)` / ([^|]+) \|", (ROOT / "docs/api.md").read_text(), re.M
    )
    called = [(model, name) for model, names in rows for name in re.findall(r"`(\w+)`", names)]
    assert len(called) > 10
    assert not [f"{model} {name}" for model, name in called if f'"{name}"' not in tests]


def read_names(file, model):
    """Return the names of the records in a data file, in its order."""
    records = ElementTree.parse(ROOT / "data" / file).iterfind(f".//record[@model='{model}']")
    return [record.find("field[@name='name']").text for record in records]


@pytest.mark.parametrize("manual", ["docs/manual.md", "docs/zh/manual.md"])
def test_the_manual_has_each_permission_and_each_template_of_a_role(manual):
    text = (ROOT / manual).read_text()
    for file, model in (
        ("livechat_permission_data.xml", "livechat.permission"),
        ("livechat_role_data.xml", "livechat.role"),
    ):
        names = read_names(file, model)
        if "zh" in manual:
            names = [translate(name) for name in names]
        rows = [row for row in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) if row in names]
        assert rows == names


def translate(term):
    """Return a term of the addon in Chinese."""
    terms = (ROOT / "i18n/zh_CN.po").read_text()
    return re.search(f'^msgid "{re.escape(term)}"\nmsgstr "(.+)"$', terms, re.MULTILINE)[1]


@pytest.mark.parametrize("page", ["docs/decisions.md", "docs/zh/manual.md"])
def test_each_reason_why_an_agent_is_out_is_explained_in_the_order_in_which_it_is_told(page):
    codes = re.findall(r'return "(\w+)"', inspect.getsource(policy.exclusion))
    # Where only others can take the chat, a main account stands back as well.
    assert "main_account_reserved" in codes
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / page).read_text(), re.MULTILINE)
    assert rows == codes


def test_each_reason_has_words_on_records_and_on_reception():
    codes = re.findall(r'return "(\w+)"', inspect.getsource(policy.exclusion))
    words = (ROOT / "models/decision/livechat_dispatch_decision.py").read_text()
    missing = set(codes) - set(re.findall(r'^ +"(\w+)": self\.env\._\("', words, re.MULTILINE))
    assert not missing
    words = (ROOT / "static/src/reception/reception_texts.js").read_text()
    # Who had a chat and did not answer is out of that chat's decisions only.
    missing = set(codes) - set(re.findall(r"^ +(\w+): ", words, re.MULTILINE)) - {"declined"}
    assert not missing


def test_large_shops_are_told_to_mark_their_messages_as_an_installation_does():
    source = (ROOT / "tools/said.py").read_text()
    statement = re.search(r"UPDATE mail_message.*?IS NOT TRUE", source, re.S)[0]
    told = " ".join((ROOT / "docs/operations.md").read_text().split())
    assert " ".join(statement.split()) in told


def test_each_linter_runs_before_a_commit():
    loader = SourceFileLoader("lint", str(ROOT / "dev/lint"))
    lint = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
    loader.exec_module(lint)
    linters = [*dict(lint.checks(fix=False)), lint.CONFLICT_MARKERS]
    config = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +entry: dev/lint (\S+)$", config, re.MULTILINE) == linters


def test_documents_are_no_part_of_what_odoo_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(devenv, "ROOT", tmp_path)
    for name in ("__manifest__.py", "README.md", "docs/manual.md", "models/user.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before")
    before = devenv.addon_hash()
    assert tmp_path / "docs/manual.md" not in devenv.addon_files()
    (tmp_path / "README.md").write_text("after")
    (tmp_path / "docs/manual.md").write_text("after")
    assert devenv.addon_hash() == before
    (tmp_path / "models/user.py").write_text("after")
    assert devenv.addon_hash() != before
