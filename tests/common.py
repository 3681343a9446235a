import json
import os
import zlib
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import TransactionCase, new_test_user

from ..tools.here import GRACE


def get_turn(count, *words):
    """Return to which of so many turns the case of these words belongs, the same in each run."""
    return zlib.crc32(" ".join(words).encode()) % count


def is_every_case_tried():
    """Whether all cases are to be tried, as in `dev/test long`, not one of several of each kind."""
    return bool(os.environ.get("DEV_TEST_CASES"))


def create_user(env, login, groups, **vals):
    """As ``new_test_user``, without the invitation's mail, which takes longer than the rest."""
    user = new_test_user(env, login, groups, context={"no_reset_password": True}, **vals)
    return user.with_env(env)


def prepare_company(env):
    # A new company has none, and then mails nothing.
    env.company.email = "shop@example.com"
    # To join the staff's own room takes a quarter of the time in which somebody is hired.
    env.ref("mail.channel_all_employees").group_ids = False


class DispatchCommon(TransactionCase):
    """A shop with agents; every test makes its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_company(cls.env)
        cls.receive_group = cls.env.ref("im_livechat.im_livechat_group_user")

    def setUp(self):
        super().setUp()
        # What a test writes is as old as the test. The transaction is that of the class, and after
        # its first minute a call that was written down with its time would have ended.
        self.patch(self.env.cr, "_now", datetime.now(timezone.utc).replace(tzinfo=None))

    def _list_statements(self, run):
        """Return what the database is asked, as ``Counter`` of the statements."""
        statements = Counter()
        execute = type(self.env.cr).execute

        def note(cursor, query, params=None, log_exceptions=True):
            statements[" ".join(str(getattr(query, "code", query)).split())] += 1
            return execute(cursor, query, params, log_exceptions)

        self.env.flush_all()
        self.env.invalidate_all()
        with patch.object(type(self.env.cr), "execute", note):
            run()
        return statements

    @classmethod
    def _create_agent(cls, login, weight=100, groups="im_livechat.im_livechat_group_user", **vals):
        agent = create_user(cls.env, login, groups, dispatch_weight=weight, **vals)
        cls._set_online(agent)
        return agent

    @classmethod
    def _set_online(cls, agents, status="online"):
        for agent in agents:
            if status == "online":
                cls.env["mail.presence"]._update_presence(agent)
                # The page goes on to give signs of life, however long the test takes.
                agent.presence_ids.last_poll += timedelta(days=1)
                agent.presence_ids.flush_recordset()
            else:
                agent.presence_ids.status = status
                if status == "offline":
                    # For longer than a page takes to load anew.
                    agent.presence_ids.livechat_offline_since -= 2 * GRACE

    @classmethod
    def _reload(cls, agents):
        """The pages of these agents are being loaded anew: nobody hears of them for a moment."""
        agents.presence_ids.status = "offline"
        cls.env.flush_all()

    @classmethod
    def _silence(cls, users_or_guests, **since):
        """Nothing was heard of the pages of these people for some time."""
        presences = users_or_guests.sudo().presence_ids
        presences.last_poll = fields.Datetime.now() - timedelta(**since)
        cls.env.flush_all()

    @classmethod
    def _create_channel(cls, agents, **vals):
        return cls.env["im_livechat.channel"].create(
            {
                "name": "Flagship Shop",
                "dispatch_mode": "share",
                "user_ids": agents.ids,
                **vals,
            }
        )

    @classmethod
    def _open_chat(cls, channel, agent, **vals):
        """A buyer's chat with this agent, as the live chat route makes it, and the buyer has
        written some time."""
        chat = cls.env["discuss.channel"].create(
            {
                **channel._get_livechat_discuss_channel_vals(
                    agent=agent, operator_partner=agent.partner_id, operator_model="res.users"
                ),
                **vals,
            }
        )
        chat.dispatch_wordless_since = False
        return chat

    @classmethod
    def _arrive(cls, channel, **buyer):
        """One buyer comes and, if there is an agent, gets a chat. Return the agent and the chat."""
        agent = channel._get_operator(**buyer)
        chat = cls._open_chat(channel, agent) if agent else cls.env["discuss.channel"]
        return agent, chat

    @classmethod
    def _create_guest(cls, name="Visitor"):
        return cls.env["mail.guest"].create({"name": name})

    @classmethod
    def _come(cls, channel, buyer=None, lang=None, has_words=True):
        """A buyer opens a chat as the live chat route does; the chat, empty if core opens none.

        :param buyer: a guest or a user; a new guest, if not given.
        :param has_words: who gets an agent has written some time, who waits writes now.
        """
        author = buyer = buyer or cls._create_guest()
        if buyer._name == "mail.guest":
            public = cls.env.ref("base.public_user")
            channel = channel.with_user(public).with_context(guest=buyer).sudo()
        else:
            channel = channel.with_user(buyer).sudo()
        info = channel._get_operator_info(lang=lang, country_id=None)
        if not info["operator_partner"]:
            return cls.env["discuss.channel"]
        values = channel._get_livechat_discuss_channel_vals(**info)
        chat = channel.env["discuss.channel"].create(values).with_env(cls.env)
        if has_words and chat.dispatch_wordless_since:
            if chat.dispatch_state == "assigned":
                chat.dispatch_wordless_since = False
            else:
                cls._say(chat, author)
        return chat

    def _forward_from_bot(self, channel, users=None):
        """Return the chat of a buyer whom a bot forwards to an agent, and the bot's contact.

        :param users: among these, as the bot that makes a lead has it.
        """
        script = self.env["chatbot.script"].create({"title": "Bot"})
        step = self.env["chatbot.script.step"].create(
            {
                "chatbot_script_id": script.id,
                "step_type": "forward_operator",
                "message": "I look for a colleague.",
            }
        )
        guest = self._create_guest()
        channel_of_guest = (
            channel.with_user(self.env.ref("base.public_user")).with_context(guest=guest).sudo()
        )
        chat = self.env["discuss.channel"].create(
            channel_of_guest._get_livechat_discuss_channel_vals(
                agent=self.env["res.users"],
                chatbot_script=script,
                operator_partner=script.operator_partner_id,
                operator_model="chatbot.script",
            )
        )
        self._say(chat, guest)
        # Whoever asked before has been seen to.
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        chat._forward_human_operator(step, users)
        return chat, script.operator_partner_id

    @classmethod
    def _say(cls, chat, author, body="Hello", **values):
        """Post a message of a guest or a user."""
        if author._name == "mail.guest":
            poster = chat.with_user(cls.env.ref("base.public_user")).with_context(guest=author)
            author_values = {"author_guest_id": author.id}
        else:
            poster, author_values = chat.with_user(author), {}
        return poster.sudo().message_post(
            body=body,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            **author_values,
            **values,
        )

    @classmethod
    def _agent_of(cls, chat):
        """The users seated in a chat."""
        return chat.dispatch_seat_partner_ids.user_ids

    @classmethod
    def _close(cls, chats):
        chats.livechat_end_dt = fields.Datetime.now()

    @contextmanager
    def _meanwhile(self, do):
        """Let something happen after the timers have seen to the first of those on their list."""
        channels = type(self.env["im_livechat.channel"])
        attempt, happened = channels._attempt, []

        def attempt_and_go_on(channel, see_to_one, *lock_timeout):
            done = attempt(channel, see_to_one, *lock_timeout)
            if not happened:
                happened.append(do)
                do()
                self.env.flush_all()
            return done

        with patch.object(channels, "_attempt", attempt_and_go_on):
            yield

    @classmethod
    def _read_agent(cls, channel, agent):
        """What a decision would know about the agent now."""
        facts = {fact.user_id: fact for fact in channel._read_dispatch_agents()}
        return facts.get(agent.id)

    def _forget_bus(self):
        self.env.cr.precommit.run()
        self.env["bus.bus"].search([]).unlink()

    def _read_bus(self):
        """What was said since: ``[(bus channel, type, payload)]``."""
        self.env.cr.precommit.run()
        rows = self.env["bus.bus"].search([], order="id")
        messages = [json.loads(row.message) for row in rows]
        return [
            (json.loads(row.channel), message["type"], message["payload"])
            for row, message in zip(rows, messages)
        ]


class ShopCommon(TransactionCase):
    """Two shops, each with a main account."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare_company(cls.env)
        # Whoever has our people's logins already, as the demo's shop does, gets others.
        cls.env.cr.execute(
            """
            UPDATE res_users
               SET login = 'others_' || login,
                   main_account_code = 'others_' || main_account_code
             WHERE login ~ '^(flagship|rival|portal)(:|$)'
            """
        )
        cls.env.invalidate_all()
        cls.owner = cls._create_main_account("flagship")
        cls.rival = cls._create_main_account("rival")
        cls.role_reception = cls.env.ref("im_livechat_subaccount.role_reception")
        cls.role_audit = cls.env.ref("im_livechat_subaccount.role_audit")
        cls.role_shipping = cls.env.ref("im_livechat_subaccount.role_shipping")
        cls.role_store_manager = cls.env.ref("im_livechat_subaccount.role_store_manager")
        # What the shop's owner works with.
        cls.Subaccounts = cls.env["livechat.subaccount"].with_user(cls.owner)
        cls.Roles = cls.env["livechat.role"].with_user(cls.owner)

    @classmethod
    def _enable(cls, name, roles, owner=None, **vals):
        """Return the user of a new sub-account of the owner, or of another, who has come in and is
        here: in tests of dispatch."""
        subaccount = (
            cls.env["livechat.subaccount"]
            .with_user(owner or cls.owner)
            .create({"name": name, "role_ids": [Command.set(roles.ids)], **vals})
        )
        subaccount._activate("sesame-open")
        user = subaccount.sudo().user_id.with_env(cls.env)
        cls._set_online(user)
        return user

    @classmethod
    def _create_main_account(cls, login):
        return create_user(cls.env, login, "im_livechat_subaccount.group_main_account")
