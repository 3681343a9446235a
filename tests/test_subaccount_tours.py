from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestSubaccountTours(PatientCase, DispatchCommon):
    """What a main account and its people do, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("en_US")
        cls.owner = new_test_user(
            cls.env, "tourowner", "im_livechat_subaccount.group_main_account", name="Lin Yue"
        )
        cls.Subaccounts = cls.env["livechat.subaccount"].with_user(cls.owner)
        cls.reception = cls.env.ref("im_livechat_subaccount.role_reception")
        cls.channel = cls._create_channel(
            cls.env["res.users"], main_account_id=cls.owner.id, max_sessions_mode="unlimited"
        )

    def _url(self, action):
        return f"/odoo/action-im_livechat_subaccount.{action}"

    def _enabled(self, name, role=None, **vals):
        """An activated sub-account whose password is its login, as ``start_tour`` wants it."""
        roles = role or self.reception
        subaccount = self.Subaccounts.create(
            {"name": name, "role_ids": [Command.link(role.id) for role in roles], **vals}
        )
        subaccount._activate("sesame-open")
        # As whoever starts a tour logs in; nobody but the server would set such a password.
        subaccount.sudo().user_id.with_env(self.env).password = subaccount.login
        return subaccount

    def _agent(self, name):
        subaccount = self._enabled(name)
        user = subaccount.sudo().user_id
        self._set_online(user)
        self.channel.user_ids |= user
        return subaccount, user

    def _say(self, chat, text):
        guest = self.env["mail.guest"].create({"name": "Visitor"})
        chat._add_members(guests=guest)
        message = chat.message_post(
            body=text, author_id=False, author_guest_id=guest.id, message_type="comment"
        )
        # Pinned by the message of a second later, in a shop where time passes: Discuss goes to the
        # inbox when a chat is unpinned in the second in which it opens it.
        chat.channel_member_ids.unpin_dt = False
        return message

    def test_owner_creates_a_sub_account_who_activates_it_logs_in_and_takes_a_chat(self):
        self.start_tour(
            self._url("livechat_subaccount_action"),
            "im_livechat_subaccount.subaccount_create",
            login=self.owner.login,
        )

        subaccount = self.Subaccounts.search([("name", "=", "Chen Jing")])
        self.assertEqual(subaccount.state, "enabled")
        self.assertEqual(subaccount.role_ids, self.reception)
        self.assertTrue(subaccount.login_date)
        user = subaccount.sudo().user_id
        # As whoever starts a tour logs in.
        user.with_env(self.env).password = user.login
        self._set_online(user)
        self.channel.user_ids |= user
        agent, chat = self._arrive(self.channel)
        self.assertEqual(agent, user)
        self._say(chat, "Is the blue one in stock?")

        self.start_tour(
            f"/odoo/discuss?active_id=discuss.channel_{chat.id}",
            "im_livechat_subaccount.subaccount_takes_chat",
            login=user.login,
        )

        answer = chat.message_ids.filtered(lambda message: message.author_id == user.partner_id)
        self.assertIn("Four of them are left.", answer[:1].body)

    def test_owner_disables_an_agent_and_gives_its_two_chats_to_a_colleague(self):
        leaver, user = self._agent("Chen Jing")
        chats = self._arrive(self.channel)[1] | self._arrive(self.channel)[1]
        _colleague, successor = self._agent("Wu Tao")
        self.assertEqual(chats.livechat_operator_id, user.partner_id)

        self.start_tour(
            self._url("livechat_subaccount_action"),
            "im_livechat_subaccount.subaccount_disable",
            login=self.owner.login,
        )

        self.assertEqual(leaver.state, "disabled")
        self.assertEqual(chats.livechat_operator_id, successor.partner_id)
        self.assertEqual(chats.dispatch_seat_partner_ids, successor.partner_id)
        self.assertFalse(any(chat.livechat_end_dt for chat in chats))

    def test_a_role_built_by_ticks_changes_the_menus_of_its_holder(self):
        self.start_tour(
            self._url("livechat_role_action"),
            "im_livechat_subaccount.role_build",
            login=self.owner.login,
        )
        role = self.env["livechat.role"].search([("name", "=", "Desk lead")])
        self.assertEqual(role.main_account_id, self.owner)
        self.assertEqual(role.permission_ids.mapped("name"), ["Receive buyers", "See reports"])
        holder = self._enabled("Chen Jing", role)
        self.start_tour(
            "/odoo/action-im_livechat.im_livechat_channel_action",
            "im_livechat_subaccount.role_holder_sees_reports",
            login=holder.login,
        )

        self.start_tour(
            self._url("livechat_permission_matrix_action"),
            "im_livechat_subaccount.role_matrix",
            login=self.owner.login,
        )

        self.assertEqual(
            role.permission_ids.mapped("name"), ["Receive buyers", "Manage sub-accounts"]
        )
        self.start_tour(
            "/odoo/action-im_livechat.im_livechat_channel_action",
            "im_livechat_subaccount.role_holder_manages",
            login=holder.login,
        )

    def test_a_tick_that_the_server_refuses_goes_back(self):
        role = self.env["livechat.role"].with_user(self.owner).create({"name": "Desk lead"})

        def refuse(*args, **kwargs):
            raise UserError("Nothing changes during stocktaking")

        with patch.object(self.registry["livechat.role"], "toggle_permission", refuse):
            self.start_tour(
                self._url("livechat_permission_matrix_action"),
                "im_livechat_subaccount.role_matrix_refused",
                login=self.owner.login,
            )

        self.assertFalse(role.permission_ids)

    def test_the_audit_role_reads_conversations_and_cannot_change_them(self):
        _agent, user = self._agent("Chen Jing")
        chat = self._arrive(self.channel)[1]
        self._say(chat, "Is the blue one in stock?")
        auditor = self._enabled("Zhao Min", self.env.ref("im_livechat_subaccount.role_audit"))
        before = (chat.message_ids, chat.channel_member_ids, chat.write_date)

        self.start_tour(
            "/odoo/action-im_livechat.discuss_channel_action",
            "im_livechat_subaccount.audit_reads",
            login=auditor.login,
        )

        chat.invalidate_recordset()
        self.assertEqual((chat.message_ids, chat.channel_member_ids, chat.write_date), before)
        self.assertEqual(chat.dispatch_seat_partner_ids, user.partner_id)
