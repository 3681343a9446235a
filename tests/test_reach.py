"""How far somebody reaches, and that it ends when the right to it does."""

from unittest.mock import patch

from odoo.exceptions import AccessDenied, AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.mail.tests.common import MockEmail

from .common import DispatchCommon
from .security_matrix import SecurityCommon


class ReachCommon(SecurityCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.role_plain = cls.Roles.create(
            {"name": "Plain", "permission_ids": cls.permissions["receive_buyers"].ids}
        ).with_env(cls.env)
        # Whom the deputy may manage.
        cls.subaccounts["colleague"].with_user(cls.owner).role_ids = [
            Command.set(cls.role_plain.ids)
        ]
        cls.env.cr.flush()

    @classmethod
    def _log_in(cls, row, password):
        credential = {"login": row.login, "password": password, "type": "password"}
        return cls.env["res.users"].authenticate(credential, {"interactive": True})

    @classmethod
    def _make_link(cls, row, who):
        action = row.with_user(cls.users[who]).action_activation_link()
        return action["context"]["default_url"].rpartition("/")[2]


@tagged("post_install", "-at_install")
class TestReachOfManagers(ReachCommon):
    def test_a_link_of_a_lesser_manager_ends_when_the_account_gets_more(self):
        row = self.subaccounts["colleague"]
        token = self._make_link(row, "deputy")
        self.assertEqual(row._find_by_token(token), row)
        row.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
        self.assertFalse(row._find_by_token(token))

    def test_a_password_set_by_a_link_of_a_lesser_manager_ends_as_well(self):
        for way in ("a role", "a role that gets more", "a wider look", "a group by hand"):
            with self.subTest(way=way), self._rollback():
                row = self.subaccounts["colleague"]
                self._make_link(row, "deputy")
                row._activate("known-to-two")
                self.assertTrue(self._log_in(row, "known-to-two"))
                role = self.Roles.create(
                    {"name": "New", "permission_ids": self.permissions["receive_buyers"].ids}
                )
                if way == "a role":
                    row.with_user(self.owner).role_ids = [Command.link(self.role_planner.id)]
                elif way == "a group by hand":
                    group = self.env["res.groups"].create({"name": "By hand"})
                    group.user_ids = [Command.link(row.user_id.id)]
                else:
                    row.with_user(self.owner).role_ids = [Command.link(role.id)]
                    self.assertTrue(self._log_in(row, "known-to-two"))
                if way == "a role that gets more":
                    role.permission_ids = [Command.link(self.permissions["manage_dispatch"].id)]
                elif way == "a wider look":
                    role.conversation_scope = "shop"
                with self.assertRaises(AccessDenied):
                    self._log_in(row, "known-to-two")
                # The main account makes a link, and then nothing ends it any more.
                self._make_link(row, "main_account")
                row._activate("known-to-one")
                row.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
                self.assertTrue(self._log_in(row, "known-to-one"))

    def test_a_link_of_who_has_gone_ends(self):
        for way in ("disabled", "deleted", "no manager any more"):
            with self.subTest(way=way), self._rollback():
                row, deputy = self.subaccounts["colleague"], self.subaccounts["deputy"]
                token = self._make_link(row, "deputy")
                kept = self._make_link(self.subaccounts["shipping"], "main_account")
                self.assertEqual(row._find_by_token(token), row)
                if way == "no manager any more":
                    deputy.with_user(self.owner).role_ids = [Command.set(self.role_plain.ids)]
                else:
                    deputy.with_user(self.owner).action_disable()
                if way == "deleted":
                    deputy.with_user(self.owner).action_delete()
                self.assertFalse(row._find_by_token(token))
                self.assertTrue(row._find_by_token(kept))

    def test_a_password_ends_with_who_may_know_it_when_it_is_deleted(self):
        """It has no roles then, which every account with one has outgrown."""
        row, deputy = self.subaccounts["colleague"], self.subaccounts["deputy"]
        self._make_link(row, "deputy")
        row._activate("known-to-two")
        other = self.subaccounts["shipping"]
        self._make_link(other, "main_account")
        other._activate("known-to-one")
        deputy.with_user(self.owner).action_disable()
        deputy.with_user(self.owner).action_delete()
        with self.assertRaises(AccessDenied):
            self._log_in(row, "known-to-two")
        self.assertTrue(self._log_in(other, "known-to-one"))
        # A new link lets in, also once the account gets more.
        self._make_link(row, "main_account")
        row._activate("known-to-its-own")
        row.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
        self.assertTrue(self._log_in(row, "known-to-its-own"))

    def test_whose_manager_has_gone_takes_another_password_at_the_next_log_in(self):
        """It may know the present one; a whole team is not locked out for that."""
        row, other = self.subaccounts["colleague"], self.subaccounts["shipping"]
        user = row.user_id
        self._make_link(row, "deputy")
        row._activate("known-to-two")
        self._make_link(other, "main_account")
        other._activate("known-to-one")
        self.assertFalse(user.sudo().password_is_foreign)
        for way in ("own one before", "disabled", "no manager any more"):
            with self.subTest(way=way), self._rollback():
                if way == "own one before":
                    # Who has taken one of its own since is asked for none.
                    user.with_user(user).sudo()._change_password("known-to-itself")
                    self.subaccounts["deputy"].with_user(self.owner).action_disable()
                    self.assertFalse(user.sudo().password_is_foreign)
                    continue
                self.env["res.users.apikeys"].with_user(user).sudo()._generate(
                    None, "The deputy's", "2090-01-01"
                )
                deputy = self.subaccounts["deputy"].with_user(self.owner)
                if way == "disabled":
                    deputy.action_disable()
                else:
                    deputy.role_ids = [Command.set(self.role_plain.ids)]
                self.assertTrue(self._log_in(row, "known-to-two"))
                self.assertTrue(user.sudo().password_is_foreign)
                self.assertFalse(user.sudo().api_key_ids)
                self.assertFalse(other.user_id.sudo().password_is_foreign)
                user._replace_foreign_password("known-to-two", "known-to-its-own")
                self.assertFalse(user.sudo().password_is_foreign)
                # And is asked no second time, also once it may do more.
                self.subaccounts["planner"].with_user(self.owner).action_disable()
                row.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
                self.assertFalse(user.sudo().password_is_foreign)
                self.assertTrue(self._log_in(row, "known-to-its-own"))

    def test_what_else_a_lesser_manager_has_left_there_ends_with_the_password(self):
        """It has used its own link, and made what lets it in without a password."""
        row = self.subaccounts["colleague"]
        user = row.user_id
        self._make_link(row, "deputy")
        row._activate("known-to-two")
        keys = {"res.users.apikeys": None, "auth_totp.device": "browser"}
        keys = {name: scope for name, scope in keys.items() if name in self.env}
        for name, scope in keys.items():
            self.env[name].with_user(user).sudo()._generate(scope, "The deputy's", "2090-01-01")
        if "auth.passkey.key" in self.env:
            self.env["auth.passkey.key"].with_user(user).sudo().create(
                {"name": "The deputy's", "credential_identifier": "x"}
            )

        def count_left():
            own = [("user_id", "=", user.id)]
            counts = {name: self.env[name].search_count(own) for name in keys}
            if "auth.passkey.key" in self.env:
                own = [("create_uid", "=", user.id)]
                counts["auth.passkey.key"] = self.env["auth.passkey.key"].search_count(own)
            return counts

        self.assertEqual(set(count_left().values()), {1})
        row.with_user(self.owner).role_ids = [Command.link(self.role_planner.id)]
        self.assertEqual(set(count_left().values()), {0})

    def test_an_address_that_a_lesser_manager_has_said_gets_no_new_password(self):
        """Odoo mails it a link with which whoever reads the mail sets the password."""
        row = self.subaccounts["colleague"]
        partner = row.user_id.partner_id

        def reset():
            partner.signup_prepare(signup_type="reset")
            token = partner._generate_signup_token()
            return partner.sudo()._get_partner_from_token(token), token

        row.with_user(self.users["deputy"]).email = "deputy@elsewhere.example.com"
        self.env.cr.flush()
        found, earlier = reset()
        self.assertEqual(found, partner)
        row.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
        self.assertFalse(reset()[0])
        self.assertFalse(partner.sudo()._get_partner_from_token(earlier))
        for who in (self.owner, row.user_id):
            with self.subTest(who=who.name), self._rollback():
                # What one knows of one's own account, or the main account of its staff.
                if who == row.user_id:
                    who.with_user(who).email = "own@example.com"
                else:
                    row.with_user(who).email = "seen-to@example.com"
                self.env.cr.flush()
                self.assertEqual(reset()[0], partner)
        # Nobody has said another one since it was made.
        made = self.env["livechat.subaccount"].with_user(self.users["deputy"])
        made = made.create({"name": "New", "email": "new@elsewhere.example.com"}).sudo()
        made._activate("known-to-two")
        partner = made.user_id.partner_id
        self.assertEqual(reset()[0], partner)
        made.with_user(self.owner).role_ids = [Command.link(self.roles["store_manager"].id)]
        self.assertFalse(reset()[0])

    def test_who_loses_a_password_is_asked_for_a_new_one(self):
        self.env["ir.mail_server"].create({"name": "Post", "smtp_host": "127.0.0.1"})
        row = self.subaccounts["colleague"]
        self._make_link(row, "deputy")
        row._activate("known-to-two")
        for email in ("colleague@example.com", False):
            with self.subTest(email=email), self._rollback():
                row.email = email
                # The link above was mailed as well, and that is once a minute.
                self.env.cr.execute("DELETE FROM livechat_dispatch_rate")
                before = self.env["bus.bus"].search([], order="id desc", limit=1).id
                row.with_user(self.owner).role_ids = [Command.link(self.role_planner.id)]
                mails = self.env["mail.mail"].search([("email_to", "ilike", "colleague@example")])
                mailed = "".join(mails.mapped("body_html"))
                self.assertEqual("Your password for" in mailed, bool(email))
                # Where that goes may be the lesser manager's word.
                self.assertNotIn("/livechat/activate/", mailed)
                self.assertFalse(row.activation_token_hash)
                self.env.cr.precommit.run()
                told = self.env["bus.bus"].search([("id", ">", before)]).mapped("message")
                self.assertIn("needs a new password now", "".join(told))

    def test_whom_one_has_made_does_not_manage_its_maker(self):
        rows = self.env["livechat.subaccount"].with_user(self.users["deputy"])
        puppet = rows.create({"name": "Puppet", "role_ids": self.role_deputy.ids})
        puppet.sudo()._activate("puppet-password")
        second = rows.with_user(puppet.sudo().user_id).create(
            {"name": "Second", "role_ids": self.role_deputy.ids}
        )
        second.sudo()._activate("second-password")
        for user in (puppet.sudo().user_id, second.sudo().user_id):
            deputy = self.subaccounts["deputy"].with_user(user)
            for attack in (deputy.action_activation_link, deputy.action_disable):
                with self.assertRaisesRegex(AccessError, "made their own"):
                    attack()
        self._make_link(puppet, "deputy")

    def test_a_manager_gives_only_channels_that_it_serves(self):
        other = self._create_channel(self.env["res.users"], main_account_id=self.owner.id)
        served = self.shop["im_livechat.channel"]
        other.user_ids = [Command.unlink(self.users["deputy"].id)]
        served.user_ids = [Command.link(self.users["deputy"].id)]
        rows = self.env["livechat.subaccount"].with_user(self.users["deputy"])
        made = rows.create({"name": "New", "role_ids": self.role_plain.ids})
        made.env.flush_all()
        self.assertEqual(made.sudo().user_id.livechat_channel_ids, served)
        with self.assertRaises(AccessError):
            made.channel_ids = [Command.link(other.id)]
        made.with_user(self.owner).channel_ids = [Command.link(other.id)]
        made.channel_ids = [Command.unlink(served.id)]


@tagged("post_install", "-at_install")
class TestReachEnds(MockEmail, ReachCommon):
    def _hear(self, user, *channels):
        """What a page that has subscribed to all of it hears."""
        self.env.flush_all()
        names = [(self.env.cr.dbname, record._name, record.id) for record in channels]
        env = self.env(user=user.id, su=False)
        if not env["ir.rule"]._serves_staff():
            return "all"
        return [name[2] for name in env["bus.bus"]._filter_heard(names)]

    def test_a_page_hears_no_more_than_its_user_may_now(self):
        user = self.users["reception"]
        group = self.env.ref("im_livechat.im_livechat_group_user")
        chat, channel = self.shop["discuss.channel"], self.shop["im_livechat.channel"]
        self.assertEqual(
            self._hear(user, chat, group, channel, user.partner_id),
            [chat.id, group.id, channel.id, user.partner_id.id],
        )
        self.assertEqual(self._hear(user, self.victim_shop["discuss.channel"]), [])
        self.subaccounts["reception"].with_user(self.owner).role_ids = [Command.clear()]
        self.assertEqual(
            self._hear(user, chat, group, channel, user.partner_id), [user.partner_id.id]
        )
        self.assertEqual(self._hear(self.users["employee"], chat), "all")

    def test_who_leaves_a_chat_or_the_reception_hears_no_more_of_it(self):
        user = self.users["planner"]
        self.assertEqual(self._hear(user, self.owner, self.rival), [self.owner.id])
        self.subaccounts["planner"].with_user(self.owner).role_ids = [Command.clear()]
        self.assertEqual(self._hear(user, self.owner), [])
        chat = self.env["discuss.channel"].with_user(self.owner)
        chat = chat._create_group(partners_to=user.partner_id.ids)
        self.assertEqual(self._hear(user, chat), [chat.id])
        chat.sudo().channel_member_ids.filtered(
            lambda member: member.partner_id == user.partner_id
        ).unlink()
        self.assertEqual(self._hear(user, chat), [])

    def test_disable_ends_what_odoo_sends_and_enable_brings_none_of_it_back(self):
        row = self.subaccounts["colleague"]
        user = row.user_id
        partner = user.partner_id
        buyer = self.env["res.partner"].create({"name": "Buyer"})
        buyer.message_subscribe(partner.ids)
        self.env["mail.push.device"].create(
            {"partner_id": partner.id, "endpoint": "https://push.example.com", "keys": "{}"}
        )
        if "auth_totp.device" in self.env:
            devices = self.env["auth_totp.device"].with_user(user).sudo()
            devices._generate("browser", "a browser", "2090-01-01")
        row.with_user(self.owner).action_disable()
        row.with_user(self.owner).action_enable()
        self.assertNotIn(partner, buyer.message_partner_ids)
        self.assertFalse(self.env["mail.push.device"].search([("partner_id", "=", partner.id)]))
        if "auth_totp.device" in self.env:
            self.assertFalse(self.env["auth_totp.device"].search([("user_id", "=", user.id)]))

    def test_nothing_goes_out_later_in_the_name_of_who_is_disabled(self):
        contact = self.env["res.partner"].create({"name": "Buyer"})

        def plan(who):
            user = self.users[who]
            return (
                self.env["mail.scheduled.message"]
                .with_user(user)
                .sudo()
                .create(
                    {
                        "model": "res.partner",
                        "res_id": contact.id,
                        "author_id": user.partner_id.id,
                        "body": f"Later by {who}",
                        "scheduled_date": "2090-01-01 00:00:00",
                    }
                )
            )

        gone, stays = plan("colleague"), plan("reception")
        self.subaccounts["colleague"].with_user(self.owner).action_disable()
        self.subaccounts["colleague"].with_user(self.owner).action_enable()
        self.assertFalse(gone.exists())
        self.assertTrue(stays.exists())

    def test_mail_that_waits_to_be_sent_is_sent_to_nobody_who_was_disabled_meanwhile(self):
        self.env["mail.mail"].search([]).unlink()
        row = self.subaccounts["colleague"].with_user(self.owner)
        gone, stays = row.sudo().user_id.partner_id, self.users["audit"].partner_id
        user = row.sudo().user_id
        (user | self.users["audit"]).notification_type = "email"
        post = self.env["res.partner"].create({"name": "Buyer"}).message_post
        both, one = (
            post(
                body=body,
                partner_ids=partners.ids,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                force_send=False,
            )
            for body, partners in (("For both", gone | stays), ("For one", gone))
        )
        messages = both | one
        self.env["mail.mail"].create(
            [
                {
                    "email_to": ", ".join(addresses),
                    "email_from": "shop@example.com",
                    "subject": "By address",
                    "body_html": "By address",
                }
                for addresses in (
                    [gone.email_formatted],
                    ["audit@elsewhere.example.com", gone.email_formatted],
                )
            ]
        )
        digest = self.env["digest.digest"].create({"name": "Mornings", "user_ids": user.ids})
        waiting = messages.notification_ids.filtered(lambda one: one.res_partner_id == gone)
        self.assertEqual(waiting.mapped("notification_status"), ["ready"] * 2)
        row.action_disable()
        row.action_enable()
        with self.mock_mail_gateway():
            self.env["mail.mail"].process_email_queue()
        sent = [address for mail in self._mails for address in mail["email_to"]]
        self.assertCountEqual(sent, ["audit@elsewhere.example.com", stays.email_formatted])
        self.assertEqual(waiting.mapped("notification_status"), ["canceled"] * 2)
        self.assertFalse(digest.user_ids)

    def test_a_shop_without_its_main_account_is_closed_until_it_is_handed_over(self):
        group = self.env.ref("im_livechat_subaccount.group_main_account")
        reception = self.subaccounts["reception"]
        other = new_test_user(self.env, "other_administrator", "base.group_system")
        ways = {
            "archived": lambda: self.owner.write({"active": False}),
            "without its group": lambda: self.owner.write(
                {"group_ids": [Command.unlink(group.id)]}
            ),
            "taken from the group": lambda: group.write(
                {"user_ids": [Command.unlink(self.owner.id)]}
            ),
        }
        for way, lose in ways.items():
            with self.subTest(way=way), self._rollback():
                self.assertTrue(self._log_in(reception, "reception-password"))
                before = self.env["bus.bus"].search([], order="id desc", limit=1).id
                lose()
                self.env.cr.precommit.run()
                told = self.env["bus.bus"].search([("id", ">", before)])
                told = told.filtered(lambda row: "has lost its main account" in row.message)
                # The other administrators as well: they may be who mends it.
                self.assertTrue(
                    told.filtered(lambda row: f'"res.partner",{other.partner_id.id}' in row.channel)
                )
                self.assertEqual(reception.state, "disabled")
                self.assertTrue(reception.waits_for_owner)
                self.assertEqual(self.subaccounts["pending"].state, "pending")
                with self.assertRaises(AccessDenied):
                    self._log_in(reception, "reception-password")
                with self.assertRaisesRegex(UserError, "runs no shop"):
                    reception.action_enable()
                successor = new_test_user(self.env, "successor", "base.group_user")
                with self.assertRaises(AccessError):
                    self.owner.with_user(self.users["employee"]).action_hand_shop_over(successor.id)
                self.owner.action_hand_shop_over(successor.id)
                self.assertEqual(reception.state, "enabled")
                self.assertEqual(reception.main_account_id, successor)
                self.assertEqual(self.role_deputy.main_account_id, successor)
                self.assertEqual(self.subaccounts["deputy"].role_ids, self.role_deputy)
                channel = self.shop["im_livechat.channel"]
                self.assertEqual(channel.main_account_id, successor)
                self.assertIn(reception.user_id, channel.user_ids)
                self.assertTrue(self._log_in(reception, "reception-password"))

    def test_a_main_account_that_is_back_has_its_shop_back(self):
        disabled = self.subaccounts["colleague"]
        disabled.with_user(self.owner).action_disable()
        self.owner.active = False
        self.owner.active = True
        self.assertEqual(self.subaccounts["reception"].state, "enabled")
        self.assertEqual(disabled.state, "disabled")

    def test_who_is_moved_to_another_shop_leaves_the_old_one(self):
        row = self.subaccounts["reception"]
        user, chat = row.user_id, self.shop["discuss.channel"]
        self.assertIn(user.partner_id, chat.dispatch_seat_partner_ids)
        user.main_account_id = self.rival
        self.assertNotIn(user, self.shop["im_livechat.channel"].user_ids)
        self.assertNotIn(user, self.shop["livechat.dispatch.group"].user_ids)
        self.assertNotIn(user.partner_id, chat.dispatch_seat_partner_ids)


@tagged("post_install", "-at_install")
class TestReachOfNames(ReachCommon):
    def test_no_login_or_address_is_anothers_or_looks_like_it(self):
        admin = self.env.ref("base.user_admin")
        admin.email = "boss@example.com"
        taken = self.users["employee"].login
        row = self.subaccounts["colleague"].with_user(self.owner)
        for name in (
            "BOSS@example.com",
            admin.login.upper(),
            taken,
            "sub\u200bject",
            "p\u0430ypal",  # a Cyrillic a
            "\u03bfrder",  # a Greek o
            self.subaccounts["reception"].email,
        ):
            with self.subTest(name=name), self.assertRaises(ValidationError):
                row.login = name
            with self.subTest(email=name), self.assertRaises(ValidationError):
                row.email = (
                    name
                    if "@" in name
                    else f"{name}@example.com"
                    if (name not in (taken, admin.login.upper()))
                    else name
                )
            with self.subTest(new=name), self.assertRaises(ValidationError):
                self.Subaccounts.create({"name": "New", "login": name})
        with self.assertRaises(ValidationError):
            self.Subaccounts.create([{"name": n, "email": "one@example.com"} for n in "ab"])
        row.login = "Flagship:\u5ba2\u670d1"
        self.assertEqual(row.login, "flagship:\u5ba2\u670d1")
        row.email = row.login = "chen@example.com"

    def test_nobody_takes_anothers_address_in_its_own_preferences(self):
        """Whose it is could not ask for a new password any more."""
        admin = self.env.ref("base.user_admin")
        admin.email = "boss@example.com"
        for user in (self.users["reception"], self.owner):
            own = user.with_user(user)
            for name in (
                "Boss@example.com",
                admin.login,
                self.users["audit"].email,
                "sub\u200bject@example.com",
            ):
                with self.subTest(user=user.login, name=name), self._rollback():
                    with self.assertRaises(ValidationError):
                        own.write({"email": name})
            own.write({"email": f"mine{user.id}@example.com"})
            own.write({"email": user.email})
        employee = self.users["employee"].with_user(self.users["employee"])
        employee.write({"email": "boss@example.com"})

    def test_who_asks_for_a_new_password_gets_one_whatever_an_owner_says(self):
        admin = self.env.ref("base.user_admin")
        admin.email = "boss@example.com"
        with self.assertRaises(ValidationError):
            self.Subaccounts.create({"name": "Boss", "email": "boss@example.com"})
        found = self.env["res.users"].search(
            self.env["res.users"]._get_email_domain("boss@example.com")
        )
        self.assertEqual(found, admin)


@tagged("post_install", "-at_install")
class TestHandOver(ReachCommon):
    """A shop that has lost its main account, as an administrator meets it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.successor = new_test_user(cls.env, "successor", "base.group_user")
        cls.admin = new_test_user(cls.env, "handing", "base.group_system")

    def _open_dialog(self, owner):
        dialogs = self.env["livechat.shop.handover"].with_user(self.admin)
        return Form(dialogs.with_context(default_main_account_id=owner.id))

    def test_the_form_of_a_lost_main_account_says_who_waits_and_hands_over(self):
        owner = self.owner.with_user(self.admin)
        self.assertFalse(owner.livechat_waiting_count)
        owner.active = False
        owner.invalidate_recordset()
        self.assertEqual(
            owner.livechat_waiting_count,
            self.env["livechat.subaccount"].search_count([("waits_for_owner", "=", True)]),
        )
        view = self.env.ref("base.view_users_form")
        arch = self.env["res.users"].with_user(self.admin).get_view(view.id, "form")["arch"]
        action = self.env.ref("im_livechat_subaccount.livechat_shop_handover_action")
        self.assertIn(f'name="{action.id}"', arch)
        with self._open_dialog(owner) as dialog:
            self.assertEqual(dialog.main_account_id, self.owner)
            self.assertEqual(dialog.subaccount_count, len(self.subaccounts))
            self.assertGreaterEqual(dialog.channel_count, 1)
            dialog.successor_id = self.successor
        dialog.save().action_hand_over()
        self.assertEqual(self.subaccounts["reception"].main_account_id, self.successor)
        self.assertEqual(self.subaccounts["reception"].state, "enabled")

    def test_settings_name_the_shops_without_a_main_account(self):
        settings = self.env["res.config.settings"].with_user(self.admin)
        before = settings.create({}).shops_without_owner
        self.owner.active = False
        dialog = settings.create({})
        self.assertEqual(dialog.shops_without_owner, before + 1)
        action = dialog.action_open_lost_shops()
        users = self.env["res.users"].with_context(**action["context"]).search(action["domain"])
        self.assertIn(self.owner, users)
        with self.assertRaises(AccessError):
            dialog.with_user(self.rival).action_open_lost_shops()

    def test_who_works_for_another_shop_takes_none_over(self):
        for who in (self.victim.user_id, self.owner):
            with self._open_dialog(self.owner) as dialog:
                dialog.successor_id = who
            with self.assertRaises(UserError):
                dialog.save().action_hand_over()


@tagged("post_install", "-at_install")
class TestWhoSaidWhat(ReachCommon):
    """In a live chat everybody is who dispatch says, and says its own words and no others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls.users["reception"]
        cls.chat = cls.shop["discuss.channel"]
        cls.guest = cls.shop["guest"]

    def _refuse(self, call, *args, **kwargs):
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            call(*args, **kwargs)
            self.env.flush_all()

    def _open_for(self, buyer):
        """A chat of a buyer with an account."""
        self.shop["livechat.dispatch.block"].unlink()
        chat = self._open_chat(self.shop["im_livechat.channel"], self.agent)
        chat.with_user(buyer).sudo()._add_members(
            users=buyer, create_member_params={"livechat_member_type": "visitor"}
        )
        return chat.with_env(self.env)

    def test_nobody_says_who_is_buyer_and_who_is_agent(self):
        buyer = self.users["portal"]
        chat = self._open_for(buyer)
        bot = self.env["chatbot.script"].create({"title": "Bot"})
        for user, kind in ((buyer, "agent"), (self.agent, "visitor")):
            own = chat.channel_member_ids.filtered(
                lambda member, user=user: member.partner_id == user.partner_id
            ).with_user(user)
            for vals in ({"livechat_member_type": kind}, {"chatbot_script_id": bot.id}):
                with self.subTest(user=user.login, **vals):
                    self._refuse(own.write, vals)
            # What is its own to say.
            own.write({"custom_notifications": "no_notif"})
        self.assertEqual(chat.dispatch_seat_partner_ids, self.agent.partner_id)
        self.assertIn(buyer.partner_id, chat.livechat_customer_history_ids.partner_id)

    def test_who_comes_by_the_link_of_a_chat_is_no_agent(self):
        # There is no browser that would keep the cookie.
        self.startPatcher(patch.object(type(self.guest), "_set_auth_cookie", lambda guest: None))
        for user in (self.users["portal"], self.users["public"]):
            with self.subTest(user=user.login), self._rollback():
                self.chat.with_user(user).sudo()._find_or_create_persona_for_channel(
                    guest_name="Guest", timezone="UTC", country_code="BE"
                )
                newcomer = self.chat.channel_member_ids.sorted("id")[-1:]
                self.assertEqual(newcomer.livechat_member_type, "visitor")
                self.assertEqual(self.chat.dispatch_seat_partner_ids, self.agent.partner_id)

    def test_a_buyer_with_an_account_writes_in_the_window_only(self):
        """There it is asked whether the shop has blocked the buyer, and how often it writes."""
        buyer = self.users["portal"]
        chat = self._open_for(buyer)
        said = self._say(chat, buyer, "My own")
        words = {"body": "x", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        messages = self.env["mail.message"].with_user(buyer)
        subtype = self.env.ref("mail.mt_comment").id
        row = {"model": "discuss.channel", "res_id": chat.id, "body": "x", "subtype_id": subtype}
        self._refuse(chat.with_user(buyer).message_post, **words)
        self._refuse(messages.create, {**row, "message_type": "comment"})
        hidden = {f"default_{name}": row.pop(name) for name in ("model", "res_id")}
        # Of a context nothing is taken: then it is in no chat.
        messages.with_context(**hidden).create({**row, "message_type": "comment"})
        self.assertEqual(chat.message_ids.filtered(lambda one: one.message_type == "comment"), said)
        self._refuse(said.with_user(buyer).write, {"body": "x"})

    def test_an_agent_says_nothing_in_anothers_name(self):
        other, now = self.users["after_sales"].partner_id, "2020-01-01 00:00:00"
        words = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        own = self.agent.partner_id.id
        chat = self.chat.with_user(self.agent)
        row = {"model": "discuss.channel", "res_id": self.chat.id, "message_type": "comment"}
        messages = self.env["mail.message"].with_user(self.agent)
        for forged in (
            {"author_id": other.id},
            {"author_id": False, "author_guest_id": self.guest.id},
            {"author_id": own, "date": now},
        ):
            with self.subTest(**forged):
                self._refuse(messages.create, {**row, "body": "x", **forged})
        self._refuse(chat.message_post, body="x", author_id=other.id, **words)
        self._refuse(chat.message_post, body="x", date=now, **words)
        hidden = messages.with_context(default_author_guest_id=self.guest.id)
        self.assertFalse(
            hidden.create({**row, "body": "x", "author_id": own}).sudo().author_guest_id
        )
        self.assertEqual(chat.message_post(body="Mine", **words).author_id.id, own)
        # Elsewhere it is as with Odoo.
        group = chat._create_group(partners_to=[own])
        self.assertEqual(group.message_post(body="x", author_id=other.id).author_id, other)

    def test_an_agent_changes_and_deletes_nothing_that_was_said(self):
        said = self._say(self.chat, self.guest, "I want my money back")
        own = self.shop["mail.message"]
        files = self.env["ir.attachment"].create(
            {"name": "a.txt", "raw": b"x", "res_model": "discuss.channel", "res_id": self.chat.id}
        )
        for message in (said, own):
            mine = message.with_user(self.agent)
            self._refuse(mine.write, {"body": "x"})
            self._refuse(mine.write, {"author_id": self.agent.partner_id.id})
            self._refuse(mine.unlink)
            chat = self.chat.with_user(self.agent)
            self._refuse(chat.write, {"message_ids": [Command.delete(message.id)]})
        self._refuse(files.with_user(self.agent).write, {"raw": b"y"})
        self._refuse(files.with_user(self.agent).unlink)
        sent = self.env["ir.attachment"].with_user(self.agent)
        mine = {"name": "b.txt", "res_model": "discuss.channel", "res_id": self.chat.id}
        sent.create({**mine, "raw": b"z"}).unlink()
        # What pages do.
        said.with_user(self.agent).toggle_message_starred()
        said.with_user(self.agent).set_message_done()
        self.chat.with_user(self.agent).set_message_pin(said.id, True)
        self.assertTrue(said.pinned_at)

    def test_what_core_and_dispatch_note_about_a_chat_nobody_says(self):
        """Else an agent has room while its buyer waits, or serves whom it ended long ago."""
        channel = self.shop["im_livechat.channel"]
        over = {"livechat_end_dt": "2020-01-01 00:00:00", "livechat_status": False}
        ended = self._open_chat(channel, self.agent, **over)
        mine = self.chat.with_user(self.agent)
        said = {
            "livechat_end_dt": "2020-01-01 00:00:00",
            "livechat_outcome": "no_failure",
            "livechat_is_escalated": False,
            "livechat_agent_partner_ids": [Command.clear()],
            "livechat_customer_partner_ids": [Command.clear()],
            "livechat_lang_id": self.env.ref("base.lang_en").id,
            "country_id": self.env.ref("base.be").id,
            "chatbot_current_step_id": False,
            "rating_last_text": "top",
            "rating_last_value": 5,
            "last_interest_dt": "2020-01-01 00:00:00",
            "uuid": "a" * 10,
            "livechat_failure": "no_failure",
            "livechat_bot_partner_ids": [Command.clear()],
            "livechat_agent_requesting_help_history": False,
            "livechat_channel_member_history_ids": [Command.clear()],
            "chatbot_message_ids": [Command.clear()],
        }
        for name, value in said.items():
            with self.subTest(name=name):
                self._refuse(mine.write, {name: value})
        self._refuse(ended.with_user(self.agent).write, {"livechat_end_dt": False})
        # What pages let it say.
        mine.write({"name": "Kettle", "livechat_status": "waiting", "livechat_note": "Green"})
        self.chat.livechat_failure = "no_answer"
        words = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        mine.message_post(body="Yes.", **words)
        self.assertEqual(self.chat.livechat_failure, "no_failure")

    def test_nobody_deletes_a_chat_before_its_first_word(self):
        """As the module of the website does with what an agent has asked a visitor for nothing."""
        chat = self._open_chat(self.shop["im_livechat.channel"], self.agent)
        chat.message_ids.unlink()
        for who in ("reception", "audit", "store_manager"):
            with self.subTest(who=who):
                self._refuse(chat.with_user(self.users[who]).channel_pin, False)
        self.assertTrue(chat.exists())
        chat.with_user(self.agent).channel_pin(True)
        self._say(chat, self.guest)
        chat.with_user(self.agent).channel_pin(False)
        self.assertTrue(chat.exists())
        if "is_pending_chat_request" in chat._fields:
            asked = self._open_chat(self.shop["im_livechat.channel"], self.agent)
            asked.message_ids.unlink()
            asked.is_pending_chat_request = True
            asked.with_user(self.agent).channel_pin(False)
            self.assertFalse(asked.exists())

    def test_no_rating_of_anything_else_becomes_one_of_a_live_chat(self):
        """Odoo looks at what a rating is about before it is written."""
        models, chats = self.env["ir.model"], self.chat | self.victim_shop["discuss.channel"]
        ratings, partner = self.env["rating.rating"], models._get_id("res.partner")
        row = {"res_model_id": partner, "res_id": self.agent.partner_id.id, "rating": 5}
        before = [chat.rating_ids for chat in chats]
        for chat in chats:
            rating = ratings.create({**row, "consumed": True}).with_user(self.agent)
            about = {"res_model_id": models._get_id("discuss.channel"), "res_id": chat.id}
            self._refuse(rating.write, about)
            parent = models._get_id("im_livechat.channel")
            self._refuse(rating.write, {"parent_res_model_id": parent})
            rating.write({"rating": 4})
        self.env.invalidate_all()
        self.assertEqual([chat.rating_ids for chat in chats], before)
        # It would tell the name of whatever record it is about.
        row = {"res_model_id": models._get_id("livechat.role"), "res_id": self.victim_role.id}
        self._refuse(ratings.with_user(self.agent).create, {**row, "rating": 5})

    def test_nobody_answers_what_was_said_elsewhere(self):
        """With an answer the pages of Discuss are sent what was answered, with sudo."""
        secret, portal = self.victim_shop["mail.message"], self.users["portal"]
        own, chats = self.agent.partner_id, self.env["discuss.channel"]
        group = chats.with_user(self.agent)._create_group(partners_to=own.ids)
        words = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        row = {"model": "discuss.channel", "message_type": "comment", "body": "x"}
        row["subtype_id"] = self.env.ref("mail.mt_comment").id
        messages = self.env["mail.message"].with_user(self.agent)
        for channel in (self.chat, group):
            for parent_id in (secret.id, str(secret.id)):
                answer = {"res_id": channel.id, "author_id": own.id, "parent_id": parent_id}
                self._refuse(messages.create, {**row, **answer})
        mine = group.message_post(body="x", **words)
        self._refuse(mine.write, {"parent_id": secret.id})
        answer = {"res_id": group.id, "author_id": own.id, "parent_id": mine.id}
        self.assertEqual(messages.create({**row, **answer}).parent_id, mine)
        # Whoever has got what is answered may write there, says Odoo.
        theirs = chats.with_user(self.rival)._create_group(partners_to=self.rival.partner_id.ids)
        mine.sudo().partner_ids = own
        self._refuse(messages.create, {**row, **answer, "res_id": theirs.id})
        self.assertEqual(group.message_post(body="y", parent_id=mine.id, **words).parent_id, mine)
        # A buyer to whom somebody has written in Discuss.
        chat = chats.with_user(self.users["employee"])._get_or_create_chat(portal.partner_id.ids)
        answer = {"res_id": chat.id, "author_id": portal.partner_id.id, "parent_id": secret.id}
        self._refuse(messages.with_user(portal).create, {**row, **answer})

    def test_nobody_gets_into_a_group_by_a_thread_in_it(self):
        """Core makes whoever begins a thread a member of what is around it."""
        channels = self.env["discuss.channel"]
        theirs = channels.with_user(self.rival)._create_group(partners_to=self.rival.partner_id.ids)
        row, mine = {"name": "x", "channel_type": "group"}, channels.with_user(self.agent)
        for parent_id in (theirs.id, str(theirs.id)):
            self._refuse(mine.create, {**row, "parent_channel_id": parent_id})
            hidden = mine.with_context(default_parent_channel_id=parent_id)
            self._refuse(hidden.create, {**row})
        self.assertNotIn(self.agent.partner_id, theirs.sudo().channel_partner_ids)
        own = mine._create_group(partners_to=self.agent.partner_id.ids)
        self.assertEqual(own._create_sub_channel(name="Thread").parent_channel_id, own)

    def test_nobody_brings_a_buyer_into_a_chat(self):
        """Whoever is brought reads what another buyer says, and hears of no shop but this one."""
        guest, contact = self.victim_shop["guest"], self.env["res.partner"].create({"name": "C"})
        buyer = self.users["portal"].partner_id
        mine = self.chat.with_user(self.agent)
        group = mine._create_group(partners_to=self.agent.partner_id.ids)
        for channel in (mine, group):
            self._refuse(channel.add_members, guest_ids=guest.ids)
        for partner in (contact, buyer):
            self._refuse(mine.add_members, partner.ids)
        members = self.env["discuss.channel.member"].with_user(self.agent)
        self._refuse(
            members.with_context(default_guest_id=guest.id).create, {"channel_id": group.id}
        )
        row = {"name": "x", "channel_type": "group"}
        row["channel_member_ids"] = [Command.create({"guest_id": guest.id})]
        self._refuse(mine.browse().create, row)
        self.shop["im_livechat.channel"].user_ids |= self.users["colleague"]
        mine.add_members(self.users["colleague"].partner_id.ids)
        # What people say to each other elsewhere is as with Odoo.
        group.add_members(buyer.ids)
        self.assertIn(buyer, group.channel_partner_ids)

    def test_a_shop_learns_of_no_guest_of_another(self):
        own, theirs = self.guest, self.victim_shop["guest"]
        for who in (*self.staff, "employee"):
            guests = (own | theirs).with_user(self.users[who])
            shown = own if who in self.staff else own | theirs
            with self.subTest(who=who):
                self.assertEqual(guests.search([("id", "in", guests.ids)]), shown)
                self.assertEqual(guests._filtered_access("read"), shown)
        # A guest who signs in leaves its chat, whose list says who it was.
        self.chat.channel_member_ids.filtered("guest_id").unlink()
        for who in self.staff:
            with self.subTest(who=who):
                self.assertEqual(own.with_user(self.users[who])._filtered_access("read"), own)

    def test_an_agent_hides_no_chat(self):
        self._refuse(self.chat.with_user(self.agent).write, {"active": False})
        self.assertTrue(self.chat.active)

    def test_staff_brings_people_into_a_channel_one_by_one(self):
        channels = self.env["discuss.channel"].with_user(self.agent)
        vals = {"name": "News", "channel_type": "channel"}
        groups = {"group_ids": [Command.set(self.env.ref("base.group_user").ids)]}
        self._refuse(channels.create, {**vals, **groups})
        own = channels.create(vals)
        self._refuse(own.write, groups)
        own.add_members(self.users["colleague"].partner_id.ids)
        self.assertEqual(len(own.channel_member_ids), 2)
        employee = self.env["discuss.channel"].with_user(self.users["employee"])
        self.assertTrue(employee.create({**vals, **groups}).sudo().channel_member_ids)
