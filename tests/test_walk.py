import os
import re
import sys
import threading
from contextlib import contextmanager

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import file_path

from ..dispatch import ledger
from .common import DispatchCommon, ShopCommon
from .walks import PatientCase

ROOT = file_path("im_livechat_subaccount")

# Of so many files functions are called, with core's between them. It may only get smaller.
FILES_MAX = 36

# A server keeps it for its decisions; a test decides in its own transaction.
BESIDE_TESTS = {"dispatch/ledger/session.py"}

PAGE = "https://shop.example/lamps/7"


@contextmanager
def tracing():
    """Yield a dictionary that names the functions of this addon, by file, that are called by this
    thread and by those that start meanwhile, as those that serve requests do."""
    called = {}

    def note(frame, event, _argument):
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(ROOT) and not path.startswith(f"{ROOT}/tests/"):
            called.setdefault(os.path.relpath(path, ROOT), set()).add(frame.f_code.co_name)

    before = threading.getprofile(), sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before[1])
        threading.setprofile(before[0])


@tagged("post_install", "-at_install")
class TestWalk(PatientCase, ShopCommon, DispatchCommon):
    """ARCHITECTURE.md walks through the code with a reader; it leads through each file there is."""

    def _call(self, route, **params):
        return self.make_jsonrpc_request(route, params)

    def _read_rows(self, title):
        """Return the text of each step of a walk of ARCHITECTURE.md, and what stands beside."""
        with open(f"{ROOT}/ARCHITECTURE.md") as file:
            text = file.read().partition(f"\n## Walk: {title}\n")[2].partition("\n## ")[0]
        rows = {int(step): row for step, row in re.findall(r"(?m)^\| (\d+) \| (.+)$", text)}
        return rows, re.sub(r"(?m)^\|.+$", "", text)

    def _find_files(self, *texts):
        return set(re.findall(r"`((?!tests/)[\w/]+\.py)`", "\n".join(texts)))

    def _read_walk(self, title):
        """Return the files that a walk of ARCHITECTURE.md names."""
        rows, beside = self._read_rows(title)
        return self._find_files(*rows.values(), beside)

    def _read_decision(self):
        """Return the files of a decision, to which the other walks refer by its steps."""
        rows, _beside = self._read_rows("a buyer's first message")
        return self._find_files(*(rows[step] for step in range(4, 13)))

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

    def _open_shop(self):
        """A channel of the shop with two sub-accounts, who take two chats at a time together."""
        accounts = self.Subaccounts.create(
            [{"name": name, "role_ids": self.role_reception.ids} for name in ("Maria", "Omar")]
        ).sudo()
        for account in accounts:
            account._activate("sesame-open")
        agents = accounts.user_id.with_env(self.env)
        self._set_online(agents)
        channel = self._create_channel(
            agents,
            main_account_id=self.owner.id,
            queue_enabled=True,
            max_sessions_mode="limited",
            max_sessions=2,
        )
        return channel, agents

    def _settle(self):
        """Let nothing of what was made before be left to do."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.registry.clear_all_caches()
        self.env.invalidate_all()

    def _commit(self, channel):
        """Do what follows a commit, which a test does not make."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        if self.env.cr.postcommit.data.pop("livechat_drain", None):
            channel._drain()

    def test_a_seat_that_frees_enters_the_files_that_the_walk_names(self):
        channel, _agents = self._open_shop()
        chats = [self._come(channel) for _buyer in range(6)]
        self.assertEqual(chats[4].dispatch_state, "queued")
        agent = self._agent_of(chats[0])
        self._settle()
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        with tracing() as called:
            chats[0].with_user(agent).sudo().write({"livechat_end_dt": fields.Datetime.now()})
            self._commit(channel)
        self.assertEqual(self._agent_of(chats[4]), agent)
        named = self._read_walk("a seat frees")
        files = called.keys() | BESIDE_TESTS
        self.assertEqual(named - files, set())
        self.assertEqual(files - named - self._read_decision(), set(), called)

    def test_a_weight_on_reception_enters_the_files_that_the_walk_names(self):
        _channel, agents = self._open_shop()
        self._settle()
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        with tracing() as called:
            agents[0].with_user(self.owner).dispatch_set_weight(150)
            self.env.flush_all()
            self.env.cr.precommit.run()
        self.assertTrue(self.env.cr.postcommit.data.pop("livechat_drain", None))
        self.assertEqual(self._read_walk("a weight on Reception"), called.keys(), called)

    def test_an_agent_who_is_disabled_enters_the_files_that_the_walk_names(self):
        channel, _agents = self._open_shop()
        chats = [self._come(channel) for _buyer in range(3)]
        (leaver,) = {
            agent
            for agent in map(self._agent_of, chats)
            if sum(self._agent_of(chat) == agent for chat in chats) == 2
        }
        left = [chat for chat in chats if self._agent_of(chat) == leaver]
        account = self.Subaccounts.search([("user_id", "=", leaver.id)])
        self._settle()
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        with tracing() as called:
            account.action_disable()
            self._commit(channel)
        self.assertEqual([chat.dispatch_state for chat in left], ["assigned", "queued"])
        named = self._read_walk("disable with two chats")
        files = called.keys() | BESIDE_TESTS
        # The dialog is for a chosen colleague.
        self.assertEqual(named - files, {"wizard/livechat_subaccount_disable.py"})
        self.assertEqual(files - named - self._read_decision(), set(), called)
