"""What strangers add to their Odoo: the package that pip builds, and the image for trying out."""

import ast
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser

import devenv

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ast.literal_eval((ROOT / "__manifest__.py").read_text())
NAME = "odoo_addon_im_livechat_subaccount"
PREFIX = f"odoo/addons/{devenv.ADDON}/"

#: Beside what Odoo runs.
SAID = {"CHANGELOG.md", "LICENSE", "README.md"}


def run(*command, folder):
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout as somebody unpacks it, in a folder of another name."""
    folder = tmp_path_factory.mktemp("unpacked") / "any name"
    left_out = {path.name for path in ROOT.iterdir() if path.name.startswith(".")}
    shutil.copytree(
        ROOT,
        folder,
        symlinks=True,
        ignore=lambda path, _names: left_out if Path(path) == ROOT else {"node_modules"},
    )
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    arguments = ("--no-build-isolation", "--no-deps", "--no-index", "-q", "-w", str(target), ".")
    run("pip", "wheel", *arguments, folder=checkout)
    (path,) = target.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def read_metadata(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def find_wanted():
    """Return what of this checkout is to be in the package: what Odoo reads, and SAID."""
    wanted = set()
    for path in devenv.addon_files():
        parts = path.relative_to(ROOT).parts
        if len(parts) == 1 and path.suffix != ".py" and path.name not in SAID:
            continue
        if parts[:2] not in (("tests", part) for part in ("compat", "pure", "system")):
            wanted.add("/".join(parts))
    return wanted


def test_a_wheel_of_a_folder_of_any_name_has_the_addon_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.removeprefix(PREFIX) for name in names} == find_wanted()
    assert all(name.startswith(PREFIX) for name in names)


def test_a_wheel_says_its_name_version_and_status(wheel):
    metadata = read_metadata(wheel)
    assert metadata["Name"].replace("-", "_") == NAME
    assert metadata["Version"] == MANIFEST["version"]
    assert metadata.get_all("Requires-Dist") == ["odoo==19.0.*"]
    assert metadata["Home-page"] == MANIFEST["website"]
    assert MANIFEST["maintainers"]
    assert any("Production/Stable" in line for line in metadata.get_all("Classifier"))


def test_what_builds_the_package_is_what_is_tested():
    pins = (ROOT / "dev/requirements-test.txt").read_text().splitlines()
    (whool,) = [pin for pin in pins if pin.startswith("whool==")]
    assert f'requires = ["{whool}"]' in (ROOT / "pyproject.toml").read_text().splitlines()


def test_a_source_package_builds_the_same_wheel(checkout, wheel, tmp_path):
    code = f"import build_backend; build_backend.build_sdist({str(tmp_path)!r})"
    path = [str(checkout / "dev")]
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        cwd=checkout,
        check=True,
    )
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    arguments = ("--no-build-isolation", "--no-deps", "--no-index", "-q", "-w", str(tmp_path), ".")
    run("pip", "wheel", *arguments, folder=folder)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(again) as other:
        assert sorted(other.namelist()) == sorted(wheel.namelist())
        assert read_metadata(other)["Version"] == MANIFEST["version"]


def read_ignored():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_image_has_the_addon_where_odoo_looks_for_it():
    parser = DockerfileParser(path=str(ROOT / "Dockerfile"))
    assert parser.baseimage == f"odoo:{MANIFEST['version'][:4]}"
    (copy,) = [line for line in parser.structure if line["instruction"] == "COPY"]
    # The official image has this folder on its addons path.
    assert copy["value"].split()[-2:] == [".", f"/mnt/extra-addons/{devenv.ADDON}"]
    needed = {path.split("/")[0] for path in find_wanted()} - {"tests"}
    ignored = read_ignored()
    assert not needed & set(ignored)
    assert set(devenv.NOT_ODOO) - {"__pycache__"} <= set(ignored)


def test_the_services_for_trying_out_belong_together():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = compose["services"]
    odoo, database = services["odoo"], services["database"]
    assert (ROOT / odoo["build"] / "Dockerfile").exists()
    assert odoo["environment"]["HOST"] == "database"
    assert list(odoo["depends_on"]) == ["database"]
    for ours, theirs in (("USER", "POSTGRES_USER"), ("PASSWORD", "POSTGRES_PASSWORD")):
        assert odoo["environment"][ours] == database["environment"][theirs]
    for service in services.values():
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
        # Its passwords are known: nobody else reaches it.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
