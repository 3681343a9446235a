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
import statistics
import time
import zlib
from datetime import timedelta
from urllib.parse import quote, urlencode, urlsplit

from odoo.http import Request
from odoo.tests import tagged

from .security_matrix import SECRET
from .test_security_rpc import RpcCommon

_logger = logging.getLogger(__name__)

EXAMPLES = int(os.environ.get("DEV_TEST_EXAMPLES", 500))
# A buyer's honest request is made after so many, and none but the slowest hundredth of the others
# takes more than so many times as long.
_HONEST_AFTER, _TIMES_AS_LONG = 10, 8
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


def _is_ours(error, answers=False):
    """Tell whether a fault is this addon's.

    :param answers: whether it answers for all that comes of what it hands on; else that is core's
        when our innermost line only hands on to core what was sent.
    """
    ours, trace = None, error.__traceback__
    while trace:
        path = trace.tb_frame.f_code.co_filename
        if f"/{ADDON}/" in path and "/tests/" not in path:
            ours = linecache.getline(path, trace.tb_lineno)
        trace = trace.tb_next
    return ours is not None and (answers or "super(" not in ours)


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
        # Whoever comes honestly gets an agent.
        agent = cls.shop["im_livechat.channel"].user_ids
        cls.env["mail.presence"]._update_presence(agent)
        agent.presence_ids.last_poll += timedelta(days=1)
        cls.env.flush_all()
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
        self.times, self.honest_times = [], []

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
                self._look_at(what, sent, answer, self._get_private(who), self._is_ours(target))
            if turn % _HONEST_AFTER == 0:
                self._ask_honestly()
        slowest, honest = _get_p99(self.times), statistics.median(self.honest_times)
        _logger.info(
            "%s: %s examples, p99 %.0f ms, %s times the %.0f ms of an honest request",
            type(self).__name__,
            number,
            1000 * slowest,
            round(slowest / honest, 1),
            1000 * honest,
        )
        self.assertLess(slowest, _TIMES_AS_LONG * honest)

    def _ask_honestly(self):
        """A buyer comes for a chat, as buyers do: what anything else is measured by."""
        with self._rollback():
            self.env.flush_all()
            self.env.transaction.clear()
            guest = self.opener.cookies.pop("dgid", None)
            params = {
                "channel_id": self.shop["im_livechat.channel"].id,
                "persisted": True,
                "page_url": "https://shop.example/Flagship/",
            }
            begun = time.perf_counter()
            answer = self.url_open(
                "/im_livechat/get_session", data=json.dumps({"params": params}), headers=_JSON
            )
            self.honest_times.append(time.perf_counter() - begun)
            self.assertTrue(answer.json()["result"]["channel_id"])
            self.opener.cookies.pop("dgid", None)
            if guest:
                self.opener.cookies["dgid"] = guest

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

    def _is_ours(self, target):
        """Tell whether this addon answers for whatever comes of it, and not core."""
        return False

    def _look_at(self, what, sent, answer, private, is_ours):
        described = f"{what}: {json.dumps(sent)[:500]}"
        faults = [error for error in self.tracebacks.found if _is_ours(error, is_ours)]
        self.assertFalse(faults, described)
        if answer.status_code >= 500:
            # Core's own fault.
            self.assertTrue(self.tracebacks.found, described)
        if SECRET not in json.dumps(sent):
            self.assertNotRegex(answer.text, private, described)


_JSON = {"Content-Type": "application/json"}


def _get_p99(times):
    return sorted(times)[int(len(times) * 0.99)]


@tagged("post_install", "-at_install")
class TestFuzzRoutes(FuzzCommon):
    """What a browser can call without a right to anything."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Links that lead somewhere.
        link = cls.subaccounts["pending"].with_user(cls.owner).action_activation_link()
        channel, chat = cls.shop["im_livechat.channel"], cls.shop["discuss.channel"]
        channel.pool_email = "desk@example.com"
        links = (
            link["context"]["default_url"],
            channel._get_pool_email_url(),
            chat._get_return_url(),
        )
        cls.tokens = [urlsplit(link).path.rpartition("/")[2] for link in links]
        cls.env.flush_all()

    def _list_routes(self):
        """Return ``(address, method, endpoint)`` of what anybody can call, and of ours whatever a
        browser shows or sends as a form."""
        routes = []
        for rule in self.env["ir.http"].routing_map().iter_rules():
            endpoint = rule.endpoint
            core = endpoint.func.__func__.__module__.startswith(_CORE_ROUTES)
            is_open = endpoint.routing["auth"] in ("public", "none")
            is_form = endpoint.routing["type"] == "http"
            ours = self._is_of_ours(endpoint)
            if not _NO_ROUTES.search(rule.rule) and (
                (is_open and (ours or core)) or (is_form and ours)
            ):
                methods = (rule.methods or {"GET", "POST"}) & {"GET", "POST"}
                methods = methods if is_form else {"POST"}
                routes += [(rule.rule, method, endpoint) for method in methods]
        return sorted(routes, key=lambda route: route[:2])

    def _is_of_ours(self, endpoint):
        classes = {cls.__module__ for cls in type(endpoint.func.__self__).__mro__}
        return any(name.startswith(f"odoo.addons.{ADDON}.") for name in classes)

    def _is_ours(self, target):
        """One of ours, or one of core's around which ours stands."""
        function = target[2].func.__name__
        return any(
            function in vars(cls)
            for cls in type(target[2].func.__self__).__mro__
            if cls.__module__.startswith(f"odoo.addons.{ADDON}.")
        )

    def _fill_in(self, url):
        """Return an address of this route."""

        def draw(part):
            if part[1] != "string":
                return str(self.random.choice(self.ids))
            nonsense = ["x", "account", "chat", "%", "\x00", "名", "..", "a" * 3000]
            return quote(self.random.choice([*self.tokens, *nonsense]), safe="")

        return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", draw, url)

    def _send_form(self, path, sent):
        """As a browser sends what is typed into a page, or somebody who makes such a page."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in sent.items()
        }
        if self.random.random() < 0.9:
            form["csrf_token"] = Request.csrf_token(self)
        files = {"ufile": ("x.txt", b"x")} if self.random.random() < 0.5 else None
        if files:
            form = {name: value.encode("utf-8", "replace") for name, value in form.items()}
            return self.url_open(path, data=form, files=files)
        return self.url_open(
            path,
            data=urlencode(form, errors="surrogatepass"),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

    def test_what_is_sent_to_a_public_route_gets_an_answer_and_nothing_of_another_shop(self):
        routes = self._list_routes()
        known = {(url, method) for url, method, _endpoint in routes}
        for route in (
            ("/im_livechat/get_session", "POST"),
            ("/im_livechat_subaccount/leave_message", "POST"),
            ("/mail/message/post", "POST"),
            ("/mail/attachment/upload", "POST"),
            ("/livechat/activate/<string:token>", "POST"),
            ("/livechat/confirm/<string:token>", "POST"),
            ("/livechat/own_password", "POST"),
            ("/livechat/return/<string:token>", "GET"),
            ("/livechat/personal_data/<string:kind>/<int:record_id>", "GET"),
            ("/livechat/health.json", "GET"),
        ):
            self.assertIn(route, known)

        def example(route):
            url, method, endpoint = route
            names = [
                name
                for name, value in inspect.signature(endpoint).parameters.items()
                if value.kind != value.VAR_KEYWORD
            ]
            sent = {name: self.draw() for name in [*names, "extra"] if self.random.random() < 0.8}
            path = self._fill_in(url)
            if endpoint.routing["type"] != "http":
                answer = self.url_open(path, data=json.dumps({"params": sent}), headers=_JSON)
            elif method == "POST":
                answer = self._send_form(path, sent)
            else:
                sent = {name: str(value)[:500] for name, value in sent.items()}
                answer = self.url_open(f"{path}?{urlencode(sent, errors='surrogatepass')}")
            if re.search("logout|destroy|activate|return", url):
                self._log_out()
            return f"{method} {path[:200]}", sent, answer

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

    def _is_ours(self, target):
        """What we let be called of our own models, and core has of none."""
        name, method = target
        is_own = self.env[name]._original_module == ADDON
        return is_own and not hasattr(self.env["base"], method)

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
