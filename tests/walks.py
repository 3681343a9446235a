import os
from unittest.mock import patch

from odoo.tests import HttpCase
from odoo.tests.common import ChromeBrowser

from .common import get_turn

# Seconds in which a request has to be answered, and as how many times as long as Odoo's own tests
# give it a browser may take for each thing: a busy machine makes nobody fail.
PATIENCE, BROWSER_PATIENCE = 100, 5

SIZES = {"wide": ("1280x800", False), "narrow": ("360x800", True)}
LANGUAGES = {"english": "en_US", "chinese": "zh_CN"}

# Every second walk goes each of these ways; the other three of each, which rarely know more, in
# `dev/test long`.
USUAL_WAYS = [("wide", "english"), ("narrow", "chinese")]


def find_ways(name):
    """(size, language) pairs in which the walk of this name is to run now."""
    usual = USUAL_WAYS[get_turn(len(USUAL_WAYS), name)]
    if not os.environ.get("DEV_TEST_WALKS"):
        return [usual]
    every = [(size, language) for size in SIZES for language in LANGUAGES]
    return [way for way in every if way != usual]


class walk:
    """Decorate a test that starts tours: it becomes one for each of its ways.

    Each goes by the test's name and what tells it from the others, ``…_narrow_chinese``.
    """

    def __init__(self, test):
        self.test = test

    def __set_name__(self, owner, name):
        for size, language in find_ways(name):
            setattr(owner, f"{name}_{size}_{language}", self._at(size, language))

    def _at(self, size, language):
        test = self.test

        def run(case):
            case.browser_size, case.touch_enabled = SIZES[size]
            case.lang = LANGUAGES[language]
            test(case)

        run.__doc__ = test.__doc__
        run.is_walk = True
        return run


class PatientBrowser(ChromeBrowser):
    # By which Odoo multiplies how long it waits for a browser that it slows down.
    throttling_factor = property(lambda self: BROWSER_PATIENCE, lambda self, factor: None)


class PatientCase(HttpCase):
    """Requests and tours that may take long; `support/patience.js` says so of their steps."""

    def url_open(self, url, data=None, files=None, timeout=PATIENCE, **kwargs):
        return super().url_open(url, data, files, timeout=timeout, **kwargs)

    def make_jsonrpc_request(self, route, params=None, timeout=PATIENCE, **kwargs):
        return super().make_jsonrpc_request(route, params, timeout=timeout, **kwargs)

    def browser_js(self, *args, **kwargs):
        common = "odoo.tests.common"
        with (
            patch(f"{common}.ChromeBrowser", PatientBrowser),
            patch(f"{common}.CHECK_BROWSER_ITERATIONS", 100 * BROWSER_PATIENCE),
        ):
            super().browser_js(*args, **kwargs)


class WalkCase(PatientCase):
    """People who speak English or Chinese, before a large screen or with a phone."""

    lang = "en_US"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for lang in LANGUAGES.values():
            cls.env["res.lang"]._activate_lang(lang)
        modules = cls.env["ir.module.module"]
        modules._load_module_terms(["im_livechat", "im_livechat_subaccount"], ["zh_CN"])

    def start_tour(self, url_path, tour_name, *, login=None, **kwargs):
        """Let the person of this login, who speaks the language of the test, walk the tour."""
        user = self.env["res.users"].search([("login", "=", login)])
        user.lang = self.lang
        if "odoobot_state" in user:
            # It greets whoever comes for the first time, on a phone over the whole page.
            user.odoobot_state = "disabled"
        super().start_tour(url_path, tour_name, login=login, **kwargs)
