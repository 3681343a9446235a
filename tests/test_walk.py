import os
import re
import threading
from contextlib import contextmanager

from odoo import Command
from odoo.tests import tagged
from odoo.tools import file_path

from ..dispatch import ledger
from .common import DispatchCommon
from .walks import PatientCase

ROOT = file_path("im_livechat_subaccount")

# Of so many files functions are called, with core's between them. It may only get smaller.
FILES_MAX = 36

# A server keeps it for its decisions; a test decides in its own transaction.
BESIDE_TESTS = {"dispatch/ledger/session.py"}

PAGE = "https://shop.example/lamps/7"


@contextmanager
def tracing():
    """Yield a dictionary that names the functions of this addon, by file, that are called in
    threads that start meanwhile, as those that serve requests do."""
    called = {}

    def note(frame, event, _argument):
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(ROOT):
            called.setdefault(os.path.relpath(path, ROOT), set()).add(frame.f_code.co_name)

    before = threading.getprofile()
    threading.setprofile(note)
    try:
        yield called
    finally:
        threading.setprofile(before)


@tagged("post_install", "-at_install")
class TestWalk(PatientCase, DispatchCommon):
    """ARCHITECTURE.md walks through the code with a reader; it leads through each file there is."""

    def _call(self, route, **params):
        return self.make_jsonrpc_request(route, params)

    def _read_walk(self, title):
        """Return the files that a walk of ARCHITECTURE.md names."""
        with open(f"{ROOT}/ARCHITECTURE.md") as file:
            text = file.read().partition(f"\n## Walk: {title}\n")[2].partition("\n## ")[0]
        return set(re.findall(r"`((?!tests/)[\w/]+\.py)`", text))

    def test_a_buyers_first_message_enters_the_files_that_the_walk_names(self):
        agents = self._create_agent("desk1") | self._create_agent("desk2")
        channel = self._create_channel(agents, max_sessions_mode="limited", max_sessions=5)
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "Lamps",
                "channel_id": channel.id,
                "user_ids": agents.ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/lamps/"})],
            }
        )
        self.env.flush_all()
        # Other buyers came before, since somebody has changed who serves what.
        ledger._renew_circles(self.env, channel._get_dispatch_query())
        # As on the morning after an update: later some of it is remembered.
        self.env.registry.clear_all_caches()
        with tracing() as called:
            session = self._call(
                "/im_livechat/get_session", channel_id=channel.id, persisted=True, page_url=PAGE
            )
            self._call(
                "/mail/message/post",
                thread_model="discuss.channel",
                thread_id=session["channel_id"],
                post_data={
                    "body": "Is it dimmable?",
                    "message_type": "comment",
                    "subtype_xmlid": "mail.mt_comment",
                },
            )
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self.assertEqual((chat.dispatch_state, chat.dispatch_group_id), ("assigned", group))
        self.assertTrue(chat.dispatch_asked_at)
        files = called.keys() | BESIDE_TESTS
        self.assertEqual(self._read_walk("a buyer's first message"), files, called)
        self.assertLessEqual(len(files), FILES_MAX)
