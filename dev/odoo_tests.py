"""Odoo's command line for test runs: started in place of Odoo's own launcher by dev/test.

All tests run once the whole registry is loaded, at_install ones included: core's tests are to
meet this addon, and modules load before the addon that extends them. Environment variables:

DEV_TEST_WEB    1: only tests that need a web server or a browser (HttpCase), 0: only the others
DEV_TEST_CASES  1: every case of tests that try one of several otherwise; see tests/common.py
DEV_TEST_WALKS  1: only the walks, in the three ways left out otherwise; see tests/walks.py
DEV_TEST_ONLY   core's test_lint looks at this one module, not at all of core's
"""

import gc
import logging
import os
import subprocess
import sys
import tempfile
import types
import warnings

import odoo.cli
import odoo.tests.common
import odoo.tests.loader as loader
from odoo.tests.common import ChromeBrowser
from odoo.tests.suite import OdooSuite

make_suite = loader.make_suite
lower_logging = odoo.tests.common.lower_logging


class LowerLogging(lower_logging):
    """With ODOO_TEST_FAILURE_RETRIES a test runs again if it failed or logged an error.

    Odoo also runs it again after a mere warning, which nearly every test of core logs here.
    """

    def emit(self, record):
        had_error = self.had_error_log or record.levelno >= logging.ERROR
        super().emit(record)
        self.had_error_log = had_error


odoo.tests.common.lower_logging = LowerLogging


def keep_scripts_of_pages(folder):
    """Let the browsers of all tests share what they were sent to keep, which takes a fifth less.

    Above all the scripts of a page, whose addresses change with them. Cookies and storage are
    each test's own.
    """
    spawn = ChromeBrowser._spawn_chrome

    def spawn_with_cache(browser, command):
        program, *switches = command
        return spawn(browser, [program, f"--disk-cache-dir={folder}", *switches])

    ChromeBrowser._spawn_chrome = spawn_with_cache


def make_whole_suite(module_names, position="at_install"):
    if position == "at_install":
        return OdooSuite()
    # Said with a traceback thousands of times in core, about the Werkzeug that Odoo asks for.
    warnings.filterwarnings("ignore", r"'werkzeug\.urls\.", DeprecationWarning)
    tests = [*make_suite(module_names, "at_install"), *make_suite(module_names, "post_install")]
    if web := os.environ.get("DEV_TEST_WEB"):
        from odoo.tests import HttpCase

        tests = [test for test in tests if isinstance(test, HttpCase) == (web == "1")]
    if os.environ.get("DEV_TEST_WALKS"):
        tests = [test for test in tests if is_walk(test)]
    if os.environ.get("DEV_TEST_ONLY"):
        show_one_module(os.environ["DEV_TEST_ONLY"])
    return OdooSuite(sorted(tests, key=lambda test: getattr(test, "test_sequence", 0)))


def is_walk(test):
    return getattr(getattr(test, test._testMethodName), "is_walk", False)


def show_one_module(name):
    """Make test_lint see one module: it walks every addon on the path, and core passes already."""
    from odoo.modules import Manifest
    from odoo.tools import config

    manifest = Manifest.for_addon(name)
    Manifest.all_addon_manifests = staticmethod(lambda: [manifest])
    lint = "odoo.addons.test_lint.tests"
    # What OCA's addons say as well, for those who look for well-kept ones.
    sys.modules[f"{lint}.test_manifests"].MANIFEST_KEYS |= {"development_status", "maintainers"}
    for module in (f"{lint}.test_pofile", f"{lint}.test_eslint"):
        sys.modules[module].get_modules = lambda: [name]

    def run(command, **kwargs):
        return subprocess.run([part for part in command if part != config.root_path], **kwargs)

    sys.modules[f"{lint}.test_pylint"].subprocess = types.SimpleNamespace(run=run)


loader.make_suite = make_whole_suite

if __name__ == "__main__":
    # The registry stays, and looking through it for garbage takes a tenth of a run.
    gc.set_threshold(100_000, 50, 50)
    with tempfile.TemporaryDirectory() as folder:
        keep_scripts_of_pages(folder)
        odoo.cli.main()
