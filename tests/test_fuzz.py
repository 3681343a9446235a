"""Whatever is sent to our routes and methods, by whomever: an answer, and nothing of another shop.

What is sent is drawn at random, and the same in each run. ``DEV_TEST_EXAMPLES`` says how much.
"""

import inspect
import json
import linecache
import logging
import os
import random
import re
import time
import zlib

from odoo.tests import tagged

from .security_matrix import SECRET
from .test_security_rpc import RpcCommon

_logger = logging.getLogger(__name__)

EXAMPLES = int(os.environ.get("DEV_TEST_EXAMPLES", 1000))
ADDON = "im_livechat_subaccount"
WHO = ("public", "portal", "reception", "main_account")

# Core's routes that a guest can call, beside ours.
_CORE_ROUTES = ("odoo.addons.im_livechat.", "odoo.addons.mail.controllers")
# These build whole bundles, fetch pages elsewhere or hold a socket.
_NO_ROUTES = re.compile(r"assets|bundle|font|loader|support|link_preview|gif|websocket|cors/attach")
# Models of core that our people work with, besides ours.
_CORE_MODELS = ("im_livechat.channel", "discuss.channel", "res.users", "res.partner")
# What the web client calls of every model.
_GENERIC = (
    *("create", "write", "unlink", "read", "web_read", "web_save", "onchange", "default_get"),
    *("search_read", "web_search_read", "name_search", "name_create", "copy"),
    "formatted_read_group",
)

# What another shop shows nobody. Its channels and agents it shows to its buyers, and anybody can be
# one of them.
_PRIVATE = "|".join(
    f"{SECRET} {what}"
    for what in (
        *("message", "note", "feedback", "buyer", "reason", "group", "change", "tag", "role"),
        *("pending", "disabled"),
    )
)

_PLAIN = (
    *(None, True, False, 0, 1, -1, 7, 2**31, 2**63, 2**80, 1.5, -0.0, 1e300),
    *("", "x", "1", "0 OR 1=1", "\x00", "\ud83d", "💥", "名", "../..", "{{7*7}}", "<b>x</b>"),
    *("2090-01-01", "2090-01-01 00:00:00", "9999-99-99", "a" * 70_000, "%", "__class__"),
    *([], {}, [None], [[]], [{}], [[1]], {"id": 1}, {"a": {"a": {"a": []}}}, [1, "x"], [2**63]),
)


class _Tracebacks(logging.Handler):
    """Keeps the tracebacks that the server logs."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []

    def emit(self, record):
        if record.exc_info and record.exc_info[1]:
            self.found.append(record.exc_info[1])


def _is_ours(error):
    """Tell whether a fault is this addon's.

    It is core's when our innermost line only hands on to core what was sent.
    """
    ours, trace = None, error.__traceback__
    while trace:
        path = trace.tb_frame.f_code.co_filename
        if f"/{ADDON}/" in path and "/tests/" not in path:
            ours = linecache.getline(path, trace.tb_lineno)
        trace = trace.tb_next
    return ours is not None and "super()" not in ours and "super(" not in ours


class FuzzCommon(RpcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest_cookie = cls.shop["guest"]._format_auth_cookie()
        cls.ids = [
            record.id
            for shop in (cls.shop, cls.victim_shop)
            for record in shop.values()
            for record in record[:1]
        ]
        cls.ids += [*cls.victims.ids, *cls.subaccounts["colleague"].ids, cls.rival.id]
        cls.names = [
            "name", "id", "login", "main_account_id", "user_ids", "role_ids", "dispatch_weight",
            "channel_id", "display_name", "body", "channel_member_ids", "livechat_note",
        ]  # fmt: skip

    def setUp(self):
        super().setUp()
        self.tracebacks = _Tracebacks()
        logger = logging.getLogger("odoo.http")
        # RpcCommon has muted it for what goes to the log; faults are to be seen here.
        logger.addHandler(self.tracebacks)
        self.addCleanup(logger.removeHandler, self.tracebacks)
        self.times, self.plain_times = [], []

    def draw(self, depth=0):
        """Return something that a browser could send."""
        kind = self.random.random()
        if kind < 0.3:
            return self.random.choice(self.ids)
        if kind < 0.4:
            return [self.random.choice(self.ids)]
        if kind < 0.5 and depth < 3:
            return {self.random.choice(self.names): self.draw(depth + 1)}
        if kind < 0.58 and depth < 3:
            return [
                [self.random.choice(self.names), self.random.choice(["=", "in", "any", "x"]),
                 self.draw(depth + 1)]
            ]  # fmt: skip
        if kind < 0.66 and depth < 3:
            return [[self.random.choice([0, 1, 2, 3, 4, 5, 6, 7]), self.draw(3), self.draw(2)]]
        if kind < 0.72:
            return self.random.sample(self.names, 2)
        return self.random.choice(_PLAIN)

    def fuzz(self, number, targets, example):
        """Send so many examples, and look at each answer.

        :param targets: what can be called; each gets its own draws, whatever else there is.
        :param example: called with a target; returns what it was, what was sent and the answer.
        """
        turns = []
        for turn in range(number):
            target, again = targets[turn % len(targets)], turn // len(targets)
            seed = zlib.crc32(f"{self._get_name(target)} {again}".encode())
            turns.append((WHO[seed % len(WHO)], turn, seed, target))
        # One person after the other, so that each logs in once.
        for who, turn, seed, target in sorted(turns, key=lambda turn: turn[:2]):
            self.random = random.Random(seed)
            self._open_as(who)
            self.tracebacks.found.clear()
            with self.subTest(who=who, turn=turn), self._rollback():
                self.env.flush_all()
                self.env.transaction.clear()
                begun = time.perf_counter()
                what, sent, answer = example(target)
                self.times.append(time.perf_counter() - begun)
                self._look_at(what, sent, answer, self._get_private(who))
            if turn % 10 == 0:
                begun = time.perf_counter()
                self.url_open("/web/webclient/version_info", data="{}", headers=_JSON)
                self.plain_times.append(time.perf_counter() - begun)
        _logger.info(
            "%s: %s examples, p99 %.0f ms, of a plain call %.0f ms",
            type(self).__name__,
            number,
            1000 * _get_p99(self.times),
            1000 * _get_p99(self.plain_times),
        )

    def _get_name(self, target):
        return ".".join(part for part in target if isinstance(part, str))

    def _open_as(self, who):
        if self._who != who:
            self._open(who)
            if who == "public":
                self.opener.cookies.set("dgid", self.guest_cookie)

    def _get_private(self, who):
        """Return a pattern of what this person may see on no way of this kind."""
        return _PRIVATE

    def _look_at(self, what, sent, answer, private):
        faults = [error for error in self.tracebacks.found if _is_ours(error)]
        described = f"{what}: {json.dumps(sent)[:500]}"
        self.assertFalse(faults, described)
        if answer.status_code >= 500:
            self.assertTrue(self.tracebacks.found, f"{answer.status_code} for {described}")
        if SECRET not in json.dumps(sent):
            self.assertNotRegex(answer.text, private, described)


_JSON = {"Content-Type": "application/json"}


def _get_p99(times):
    return sorted(times)[int(len(times) * 0.99)]


@tagged("post_install", "-at_install")
class TestFuzzRoutes(FuzzCommon):
    """What a browser can call without a right to anything."""

    def _list_routes(self):
        routes = []
        for rule in self.env["ir.http"].routing_map().iter_rules():
            endpoint = rule.endpoint
            classes = {cls.__module__ for cls in type(endpoint.func.__self__).__mro__}
            ours = any(name.startswith(f"odoo.addons.{ADDON}.") for name in classes)
            core = endpoint.func.__func__.__module__.startswith(_CORE_ROUTES)
            is_open = endpoint.routing["auth"] in ("public", "none")
            if (ours or core) and is_open and not _NO_ROUTES.search(rule.rule):
                routes.append((rule.rule, endpoint))
        return sorted(routes, key=lambda route: route[0])

    def test_what_is_sent_to_a_public_route_gets_an_answer_and_nothing_of_another_shop(self):
        routes = self._list_routes()
        urls = {url for url, _endpoint in routes}
        self.assertIn("/im_livechat/get_session", urls)
        self.assertIn("/im_livechat_subaccount/leave_message", urls)
        self.assertIn("/mail/message/post", urls)

        def example(route):
            url, endpoint = route
            names = [
                name
                for name, value in inspect.signature(endpoint).parameters.items()
                if value.kind != value.VAR_KEYWORD
            ]
            sent = {name: self.draw() for name in [*names, "extra"] if self.random.random() < 0.8}
            path = re.sub(
                r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>",
                lambda part: "x" if part[1] == "string" else str(self.random.choice(self.ids)),
                url,
            )
            if endpoint.routing["type"] == "http":
                answer = self.url_open(f"{path}?q={self.random.choice(self.ids)}")
            else:
                answer = self.url_open(path, data=json.dumps({"params": sent}), headers=_JSON)
            if "logout" in url or "destroy" in url:
                self._log_out()
            return url, sent, answer

        self.fuzz(EXAMPLES // 2, routes, example)


@tagged("post_install", "-at_install")
class TestFuzzMethods(FuzzCommon):
    """What a client can call of the models."""

    def _get_private(self, who):
        return SECRET if who in self.staff else _PRIVATE

    def _list_methods(self):
        """Return ``(model, method)`` of what we let be called, and of what every model has."""
        methods, generic = [], []
        for name, model in self.env.registry.items():
            is_own = model._original_module == ADDON
            if model._abstract or not (is_own or name in _CORE_MODELS):
                continue
            own = {
                method
                for layer in model.__mro__
                if layer.__module__.startswith(f"odoo.addons.{ADDON}.")
                for method, value in vars(layer).items()
                if inspect.isfunction(value) and not method.startswith("_")
            }
            methods += [(name, method) for method in sorted(own)]
            generic += [(name, method) for method in _GENERIC if method not in own]
        return sorted(methods) + sorted(generic)

    def test_what_is_sent_to_a_method_gets_an_answer_and_nothing_of_another_shop(self):
        methods = self._list_methods()
        self.assertIn(("livechat.subaccount", "action_disable"), methods)
        self.assertIn(("res.users", "action_hand_shop_over"), methods)

        def example(target):
            model, method = target
            function = getattr(self.env.registry[model], method)
            names = list(inspect.signature(function).parameters)[1:]
            args = [self.draw() for _name in names if self.random.random() < 0.9]
            if not getattr(function, "_api_model", False):
                # Whatever else is sent for ids, core answers alike for every model.
                args.insert(0, [self.random.choice([*self.ids, 2**31 - 1])])
            kwargs = {"context": self.draw()} if self.random.random() < 0.1 else {}
            sent = {"model": model, "method": method, "args": args, "kwargs": kwargs}
            answer = self.url_open(
                f"/web/dataset/call_kw/{model}/{method}",
                data=json.dumps({"params": sent}),
                headers=_JSON,
            )
            return f"{model}.{method}", sent, answer

        self.fuzz(EXAMPLES - EXAMPLES // 2, methods, example)
