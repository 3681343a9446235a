"""Builds the addon's package with whool, from a checkout whose folder may have any name.

whool takes the addon's name from the folder and packs every file that git knows. Here the
repository's root is the addon, beside which it holds documents, commands and tests that Odoo does
not run. So what belongs to the addon is copied into a folder with the addon's name, and whool
builds from there. ``pyproject.toml`` names this file; standard library and whool only.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from whool import buildapi

ADDON = "im_livechat_subaccount"
ROOT = Path(__file__).resolve().parent.parent

# Of the root, these files; of the rest, all folders but these.
_FILES = ("CHANGELOG.md", "LICENSE", "README.md", "__init__.py", "__manifest__.py", "hooks.py")
_NO_FOLDERS = ("bench", "dev", "docs", "node_modules")
# pytest runs them, and they start Odoo themselves.
_NO_TESTS = ("compat", "pure", "system")

# Where a source package says how it is built: there the files are in place already, and its
# PKG-INFO has the name.
_PYPROJECT = '[build-system]\nrequires = ["whool"]\nbuild-backend = "whool.buildapi"\n'


def _belongs(path: Path) -> bool:
    """Tell whether a file of the checkout is one of the addon's; the path is relative."""
    folder, *rest = path.parts
    if not rest:
        return folder in _FILES
    if "__pycache__" in path.parts or folder.startswith(".") or folder in _NO_FOLDERS:
        return False
    return folder != "tests" or rest[0] not in _NO_TESTS


def _find_files():
    """Return the files that git knows, or all that are there where git knows nothing."""
    command = ["git", "ls-files", "-z"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        if answer.stdout:
            return [Path(name) for name in answer.stdout.rstrip("\0").split("\0")]
    return [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]


@contextlib.contextmanager
def _in_addon():
    """Work in a folder that is the addon and nothing else."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / ADDON
        for path in filter(_belongs, _find_files()):
            if (ROOT / path).is_file():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
        (folder / "pyproject.toml").write_text(_PYPROJECT)
        # whool asks git for its files; a repository that happens to lie above is not meant.
        os.environ["GIT_CEILING_DIRECTORIES"] = str(folder.parent)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """As PEP 517 says."""
    target = str(Path(wheel_directory).resolve())
    with _in_addon():
        return buildapi.build_wheel(target, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """As PEP 517 says."""
    target = Path(sdist_directory).resolve()
    with _in_addon():
        return buildapi.build_sdist(target, config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """As PEP 517 says."""
    target = str(Path(metadata_directory).resolve())
    with _in_addon():
        return buildapi.prepare_metadata_for_build_wheel(target, config_settings)
