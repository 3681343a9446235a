"""The package in an Odoo that has never seen this checkout."""

import json
import re
import shlex
import subprocess
import sys

import pytest
import shop as shops

import devenv


def read_readme():
    """Return the two lines of README.md for who installs with pip, each as its words."""
    text = (devenv.ROOT / "README.md").read_text()
    block = re.search(r"\*\*pip\*\*.+?```sh\n(.+?)```", text, re.DOTALL)[1]
    pip, odoo = (
        shlex.split(line.strip().replace("<", "'<").replace(">", ">'"))
        for line in block.strip().splitlines()
    )
    assert (pip[0], odoo[0]) == ("pip", "odoo")
    return pip[1:], odoo[1:]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An environment of Python with the wheel in it, and no other way to the addon."""
    wheels = tmp_path / "wheels"
    build = ("--no-build-isolation", "--no-deps", "--no-index", "-q", "-w", wheels, devenv.ROOT)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *build], check=True, cwd=tmp_path)
    folder = tmp_path / "venv"
    subprocess.run([devenv.python(), "-m", "venv", folder], check=True)
    where = "import json, sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"

    def find_packages(python):
        return json.loads(subprocess.check_output([python, "-c", where], text=True))

    python = folder / "bin/python"
    # What Odoo itself needs.
    with open(f"{find_packages(python)}/odoo.pth", "w") as path:
        path.write(find_packages(devenv.python()) + "\n")
    (wheel,) = wheels.iterdir()
    words = [str(wheel) if word == "<checkout>" else word for word in read_readme()[0]]
    subprocess.run([python, "-m", "pip", *words, "--no-index", "-q"], check=True)
    monkeypatch.setattr(devenv, "python", lambda: str(python))
    monkeypatch.setattr(devenv, "ADDONS_PATH", tmp_path / "nowhere")
    monkeypatch.setattr(devenv, "ODOO_RC", tmp_path / "odoo.conf")
    monkeypatch.setattr(devenv, "link_addon", lambda: None)
    addons = ",".join(map(str, devenv.odoo().addons))
    return ("--addons-path", addons), find_packages(python)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_wheel_is_installed_into_a_fresh_odoo_and_a_chat_is_dispatched(installed):
    args, packages = installed
    with devenv.postgres(), devenv.temp_db() as db:
        words = [db if word == "<database>" else word for word in read_readme()[1]]
        log = devenv.LOGS / "install-package.log"
        assert not devenv.run_odoo([*words, "--stop-after-init", "--no-http", *args], log=log)
        assert devenv.module_installed(db, devenv.ADDON)
        code = f"import odoo.addons.{devenv.ADDON} as addon; print(addon.__file__)"
        assert devenv.shell(db, code, args=args).strip().startswith(packages)
        with devenv.Server(db, args=args) as server:
            shop = shops.Shop(db, server.url)
            reception = shop.open_reception([100, 50])
            assert shops.Buyer(shop.url).open_chat(reception).chat_id
            assert reception.served() == [reception.agents[0].user_id]
