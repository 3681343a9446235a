"""Which of core's methods this addon overrides, and what they were when ours was written."""

import csv
import hashlib
import inspect
import re
from pathlib import Path

from odoo import http
from odoo.tools import file_open

ADDON = "im_livechat_subaccount"
#: What was found when somebody last read core; ``dev/core-hashes`` writes it.
FILE = f"{ADDON}/tests/core_methods.csv"
COLUMNS = ("kind", "owner", "name", "core", "signature", "hash", "ours")

# Each ``patch(Class.prototype, {…})``, with what is in it up to the end of the statement.
_PATCH = re.compile(r"^(?:const \w+ = )?patch\((\w+)(?:\.prototype)?,", re.MULTILINE)
_IMPORT = re.compile(r'import \{([^}]+)\} from "@(\w+)/([\w/]+)"')


def find(env) -> list[dict[str, str]]:
    """Return a row for each of core's definitions that is overridden, sorted.

    Only those of the addons that this one needs: what else is installed makes no difference. Of
    JavaScript, a row for each class that is patched, with its whole file.
    """
    needed = _find_needed(env)
    rows = [*_find_of_models(env, needed), *_find_of_controllers(needed), *_find_of_scripts()]
    return sorted(rows, key=lambda row: [row[column] for column in COLUMNS])


def read() -> list[dict[str, str]]:
    """Return the rows of :data:`FILE`."""
    with file_open(FILE) as file:
        return list(csv.DictReader(file))


def _find_needed(env):
    """Return the names of the addons that this one needs, directly or not."""
    module = env["ir.module.module"].search([("name", "=", ADDON)])
    # Below what is not installed nothing is looked for.
    return {"base", *module.upstream_dependencies(exclude_states=("",)).mapped("name")}


def _find_of_models(env, needed):
    """Yield the rows of models; what all models have stands once, whoever overrides it."""
    everybodys = env.registry["base"].__mro__
    found = {}
    for name, model in env.registry.items():
        bases = [base for base in model.__mro__ if base not in everybodys]
        if name == "base":
            bases = everybodys
        ours = _find_ours(bases)
        yield from _find_of_class("model", name, bases, ours, needed)
        if name != "base":
            for row in _find_of_class("model", "base", everybodys, ours, needed):
                found.setdefault((row["name"], row["core"]), []).append(row)
    base_rows = _find_of_class("model", "base", everybodys, _find_ours(everybodys), needed)
    known = {(row["name"], row["core"]) for row in base_rows}
    for key, rows in found.items():
        if key not in known:
            paths = {path for row in rows for path in row["ours"].split()}
            yield {**rows[0], "ours": " ".join(sorted(paths))}


def _find_of_controllers(needed):
    for controller in set(_find_subclasses(http.Controller)):
        if _get_addon(controller) == ADDON:
            bases = controller.__mro__
            yield from _find_of_class(
                "controller", controller.__name__, bases, _find_ours(bases), needed
            )


def _find_subclasses(cls):
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _find_subclasses(subclass)


def _get_addon(cls):
    parts = cls.__module__.split(".")
    if parts[:2] == ["odoo", "addons"]:
        return parts[2]
    return "base" if parts[0] == "odoo" else ""


def _find_ours(bases):
    """Return the methods that classes of ours define, ``{name: [function]}``."""
    ours = {}
    for base in bases:
        if _get_addon(base) == ADDON:
            for name, value in vars(base).items():
                if inspect.isfunction(inspect.unwrap(getattr(value, "__func__", value))):
                    ours.setdefault(name, []).append(value)
    return ours


def _find_of_class(kind, owner, bases, ours, needed):
    """Yield a row for each definition of core, in these classes, of a method that is ours too."""
    for base in bases:
        if _get_addon(base) not in needed:
            continue
        for name in vars(base).keys() & ours.keys():
            function = inspect.unwrap(getattr(vars(base)[name], "__func__", vars(base)[name]))
            if inspect.isfunction(function):
                yield {
                    "kind": kind,
                    "owner": owner,
                    "name": name,
                    "core": _get_path(base),
                    "signature": str(inspect.signature(function)),
                    "hash": _hash(inspect.getsource(function)),
                    "ours": " ".join(sorted({_get_path_of_ours(value) for value in ours[name]})),
                }


def _get_path(cls):
    return cls.__module__.removeprefix("odoo.").replace(".", "/") + ".py"


def _get_path_of_ours(function):
    function = inspect.unwrap(getattr(function, "__func__", function))
    return function.__module__.removeprefix(f"odoo.addons.{ADDON}.").replace(".", "/") + ".py"


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _find_of_scripts():
    with file_open(f"{ADDON}/__manifest__.py") as file:
        root = Path(file.name).parent
    for path in sorted(root.glob("static/src/**/*.js")):
        text = path.read_text()
        imports = {
            name.strip(): f"{addon}/static/src/{rest}.js"
            for names, addon, rest in _IMPORT.findall(text)
            for name in names.split(",")
        }
        for name in sorted(set(_PATCH.findall(text)) & imports.keys()):
            if not imports[name].startswith(f"{ADDON}/"):
                with file_open(imports[name]) as core:
                    yield {
                        "kind": "script",
                        "owner": name,
                        "name": "",
                        "core": f"addons/{imports[name]}",
                        "signature": "",
                        "hash": _hash(core.read()),
                        "ours": str(path.relative_to(root)),
                    }
