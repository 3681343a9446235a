"""Installs Odoo 19, the Python environments and PostgreSQL into DEV_HOME. Standard library only.

Every step has a stamp file with a hash of what it was made from, written last: a step that was
interrupted starts over, one whose inputs are unchanged costs nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import devenv
from devenv import DEV_HOME, ROOT, DevError

LEVELS = ("base", "test", "lint", "all")

# What the tests were last run with; sid moves on, so another build is used with a notice.
ODOO_PACKAGE = "odoo-19"
ODOO_SHA256 = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"
# The package's symlinks point into these.
LINKED_PACKAGES = (
    "fonts-inconsolata",
    "fonts-montserrat",
    "fonts-roboto-unhinted",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
)
SITE = "usr/lib/python3/dist-packages/odoo/addons"
# What the Debian package lacks: (npm package, files in it, folder they belong in).
NPM_FILES = (
    # Removed as non-free, but the web client's asset bundle lists it.
    (
        "@mediapipe/selfie_segmentation@0.1.1675465747",
        "package/selfie_segmentation.js",
        f"{SITE}/mail/static/lib/selfie_segmentation",
    ),
    # A symlink to Font Awesome 4, where sid now has 6: every icon would be an empty box.
    ("font-awesome@4.7.0", "package/fonts/*", "usr/share/fonts-font-awesome/fonts"),
)


def setup(level="all", quiet=False):
    """Install what ``level`` needs. Two commands at once wait for each other here."""
    if sys.version_info < (3, 10):  # noqa: UP036 - a person may start it with an older one
        raise DevError("Odoo 19 needs Python 3.10 or newer")
    try:
        DEV_HOME.mkdir(parents=True, exist_ok=True)
        open(DEV_HOME / "setup.lock", "a").close()
    except PermissionError:
        raise DevError(
            f"{DEV_HOME} belongs to somebody else: set DEV_HOME to another folder"
        ) from None
    for name in ("logs", "data", "addons", "npm-cache"):
        (DEV_HOME / name).mkdir(exist_ok=True)
    test, lint = level in ("test", "all"), level in ("lint", "all")

    def say(text):
        if not quiet:
            print(f"  {text}", flush=True)

    with devenv.locked("setup"):
        system_packages(test=test, lint=lint)
        odoo_requirements = ["requirements.txt", *(["requirements-odoo-test.txt"] if test else [])]
        steps = []
        if level != "lint":
            steps.append(lambda: install_odoo(say))
            steps.append(lambda: make_venv(devenv.VENV, odoo_requirements, say))
        if test:
            steps.append(lambda: make_venv(devenv.VENV_TEST, ["requirements-test.txt"], say))
        if lint:
            steps.append(lambda: make_venv(devenv.VENV_LINT, ["requirements-lint.txt"], say))
        if test or lint:
            steps.append(lambda: install_node_modules(say))
        # Download and unpacking of Odoo on one core, pip on the other.
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(step) for step in steps]:
                future.result()
        if test:
            install_addons(ROOT / "dev/requirements-addons.txt", devenv.OTHERS_ADDONS, say)
        if level != "lint":
            devenv.odoo()
            if devenv.private_postgres():
                if devenv.init_postgres():
                    say("PostgreSQL: created a private cluster")
            elif os.environ.get("PGUSER") == "postgres":
                raise DevError(
                    "Odoo refuses the role postgres: name another one with CREATEDB in PGUSER"
                )


# --------------------------------------------------------------------------- helpers


def run(command, **kwargs):
    """Run a step's command; its output is only shown when it fails."""
    log = DEV_HOME / "logs" / "setup.log"
    command = [str(part) for part in command]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **kwargs,
    )
    with open(log, "ab") as handle:
        handle.write(f"$ {' '.join(command)}\n".encode() + result.stdout)
    if result.returncode:
        text = result.stdout.decode(errors="replace")
        raise DevError(f"{' '.join(command)}\n{text[-3000:]}")
    return result.stdout.decode(errors="replace")


def stamped(path: Path, *inputs):
    """Whether the step that wrote the stamp ``path`` was made from the same inputs."""
    key = hashlib.sha256("\0".join(inputs).encode()).hexdigest()
    return key, path.exists() and path.read_text() == key


# --------------------------------------------------------------------------- Debian packages


def system_packages(test, lint):
    """Name what is missing; install it when we may."""
    missing = []

    def need(found, *packages):
        if not found:
            missing.extend(packages)

    need(_can("ensurepip"), "python3-venv")
    need(_loads("libmagic.so.1"), "libmagic1")
    if devenv.private_postgres():
        need(devenv.pg_bin(), "postgresql")
    if test or lint or not os.environ.get("ODOO_HOME"):
        need(shutil.which("npm"), "npm")
    if test:
        need(devenv.CHROMIUM, "chromium")
        if devenv.private_postgres():
            # tests/system puts it before PostgreSQL
            need(shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin"), "pgbouncer")
            # and lets a node's clock be wrong
            need(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"), "libfaketime")
        need(glob.glob("/usr/share/fonts/**/NotoSansCJK*", recursive=True), "fonts-noto-cjk")
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise DevError(f"missing system packages; install them with\n  sudo {' '.join(command)}")
    print(f"  installing Debian packages: {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(command, env=environment)
    except DevError:
        run(["apt-get", "update"], env=environment)
        run(command, env=environment)
    devenv.CHROMIUM = devenv.CHROMIUM or shutil.which("chromium")


def _can(module):
    with contextlib.suppress(ImportError):
        __import__(module)
        return True
    return False


def _loads(library):
    with contextlib.suppress(OSError):
        ctypes.CDLL(library)
        return True
    return False


# --------------------------------------------------------------------------- Odoo


def install_odoo(say):
    """Unpack Debian's odoo-19 into DEV_HOME/odoo. Not installed: its dependencies are sid's."""
    home = DEV_HOME / "odoo"
    if os.environ.get("ODOO_HOME"):
        return
    recipe, done = stamped(home / ".stamp", repr(LINKED_PACKAGES), repr(NPM_FILES))
    if done:
        return
    if not shutil.which("apt-get"):
        raise DevError("no apt-get here to download Odoo with: set ODOO_HOME to an Odoo 19")
    say("Odoo: downloading")
    debs = DEV_HOME / "debs"
    debs.mkdir(exist_ok=True)
    apt = _private_apt()
    run([*apt, "update"])
    run([*apt, "download", ODOO_PACKAGE, *LINKED_PACKAGES], cwd=debs)
    build = None
    temporary = DEV_HOME / "odoo.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for package in (ODOO_PACKAGE, *LINKED_PACKAGES):
        deb = max(debs.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        if package == ODOO_PACKAGE:
            build = f"{deb.name} {_sha256(deb)}"
            say(f"Odoo: unpacking {deb.name}")
        run(["dpkg", "-x", deb, temporary])
    if ODOO_SHA256 not in build:
        print(
            f"  notice: Debian has another build of Odoo than the one last tried here: {build}",
            flush=True,
        )
    for package, pattern, target in NPM_FILES:
        _add_npm_files(package, pattern, temporary / target)
    devenv.Odoo(temporary)  # 19.0, or an error
    (temporary / ".build").write_text(build)
    (temporary / ".stamp").write_text(recipe)
    shutil.rmtree(home, ignore_errors=True)
    temporary.rename(home)
    shutil.rmtree(debs)


def _private_apt():
    """apt-get with a state of its own that knows Debian sid; needs no root."""
    state = DEV_HOME / "apt"
    options = []
    for name, folder in {
        "Dir::State": state / "state",
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
    }.items():
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        options += ["-o", f"{name}={folder}"]
    (state / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    status = state / "status"
    status.touch()
    options += [
        "-o",
        f"Dir::State::Status={status}",
        "-o",
        "APT::Sandbox::User=",
        "-o",
        "Acquire::Languages=none",
    ]
    mirror, keyring = _debian_mirror(options)
    signed = f"[signed-by={keyring}] " if keyring else ""
    (state / "sources.list").write_text(f"deb {signed}{mirror} sid main\n")
    sources = [
        "-o",
        f"Dir::Etc::SourceList={state / 'sources.list'}",
        "-o",
        "Dir::Etc::SourceParts=/dev/null",
    ]
    return ["apt-get", "-q", *options, *sources]


def _debian_mirror(options):
    """The Debian mirror this machine uses; sid is on every mirror."""
    question = [
        "apt-get",
        "indextargets",
        "--format",
        "$(CODENAME) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    ]
    answer = run(question)
    if not answer.strip():
        # A machine whose package lists were never fetched answers nothing: fetch them privately.
        lists = DEV_HOME / "apt/machine-lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        private = [*options, "-o", f"Dir::State::Lists={lists}"]
        run(["apt-get", "-q", *private, "update"])
        answer = run([*question, *private])
    for line in answer.splitlines():
        codename, component, uri = line.split(" ", 2)
        # not bookworm-security, bookworm-updates: they may live elsewhere
        if component == "main" and re.fullmatch(r"[a-z]+", codename):
            keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
            return uri, keyring if keyring.exists() else None
    raise DevError(
        "the machine's apt configuration names no Debian mirror: set ODOO_HOME to an Odoo 19"
    )


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _add_npm_files(package, pattern, target: Path):
    folder = DEV_HOME / "npm-pack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    npm(["pack", "--silent", package], cwd=folder)
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for member in archive.getmembers():
            if member.isfile() and fnmatch.fnmatch(member.name, pattern):
                (target / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    shutil.rmtree(folder)


def npm(arguments, cwd):
    return run(["npm", "--no-audit", "--no-fund", *arguments], cwd=cwd)


# --------------------------------------------------------------------------- environments


def make_venv(folder: Path, requirements, say):
    """A virtual environment with exactly what the requirement files say."""
    stamp = folder / ".stamp"
    texts = [(ROOT / "dev" / name).read_text() for name in requirements]
    base = f"{sys.version_info[:2]} {os.path.realpath(sys.executable)}"
    if folder == devenv.VENV and stamp.exists() and len(texts) == 1:
        # Made for the tests, it holds more than is asked for now.
        extra = (ROOT / "dev/requirements-odoo-test.txt").read_text()
        if stamped(stamp, base, *texts, extra)[1]:
            return
    key, done = stamped(stamp, base, *texts)
    if done and (folder / "bin/python").exists():
        return
    say(f"Python: installing {', '.join(requirements)}")
    # More packages for the same environment are added: a running command may be using it.
    if not stamped(stamp, base, texts[0])[1]:
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder])
    files = [part for name in requirements for part in ("-r", ROOT / "dev" / name)]
    run(
        [devenv.python(folder), "-m", "pip", "install", "-q", "--disable-pip-version-check", *files]
    )
    run([devenv.python(folder), "-m", "pip", "check"])
    stamp.write_text(key)


def install_compat(say=print):
    """The many addons of others beside which `dev/test compat` runs a shop."""
    with devenv.locked("setup"):
        install_addons(ROOT / "tests/compat/requirements.txt", devenv.COMPAT_ADDONS, say)


def install_addons(requirements: Path, home: Path, say):
    """Addons of others, as a requirement file says, into a folder of their own."""
    key, done = stamped(home / ".stamp", requirements.read_text())
    if done:
        return
    say("Odoo: installing addons of others to be tested beside")
    shutil.rmtree(home, ignore_errors=True)
    pip = [devenv.python(devenv.VENV), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--target", home, "-r", requirements])
    (home / ".stamp").write_text(key)


def install_node_modules(say):
    """prettier, eslint and axe-core, as package-lock.json says, into DEV_HOME."""
    lock = ROOT / "package-lock.json"
    if not lock.exists():
        return
    home = DEV_HOME / "node"
    key, done = stamped(home / ".stamp", lock.read_text(), (ROOT / "package.json").read_text())
    if done:
        return
    say("Node: installing the front-end linters and axe-core")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, home)
    npm(["ci", "--ignore-scripts"], cwd=home)
    (home / ".stamp").write_text(key)
