from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessDenied, AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon, ShopCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestSubaccountLife(ShopCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = cls._create_channel(
            cls.env["res.users"], main_account_id=cls.owner.id, max_sessions_mode="unlimited"
        )

    def _enabled(self, name, **vals):
        """An activated sub-account of the shop that receives buyers, and is there."""
        subaccount = self.Subaccounts.create(
            {"name": name, "role_ids": [Command.link(self.role_reception.id)], **vals}
        )
        subaccount._activate("sesame-open")
        self._set_online(subaccount.sudo().user_id)
        return subaccount

    # ------------------------------------------------------------
    # Created, activated
    # ------------------------------------------------------------

    def test_a_new_sub_account_is_pending_and_nobody_can_log_in(self):
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.link(self.role_reception.id)]}
        )
        user = subaccount.sudo().user_id
        self.assertEqual(subaccount.state, "pending")
        self.assertEqual(subaccount.login, "flagship:desk1")
        self.assertEqual(subaccount.main_account_id, self.owner)
        self.assertFalse(user.active)
        self.assertEqual(user.company_ids, self.owner.company_id)
        self._set_online(user)
        self.assertFalse(self.channel._get_operator())
        with self.assertRaises(AccessDenied):
            self.env["res.users"].authenticate(
                {"login": subaccount.login, "password": "", "type": "password"},
                {"interactive": True},
            )

    def test_logins_are_proposed_one_after_another_and_checked(self):
        first, second = self.Subaccounts.create([{"name": "A"}, {"name": "B"}])
        self.assertEqual([first.login, second.login], ["flagship:desk1", "flagship:desk2"])
        self.rival._get_main_account_code()
        for login in ("flagship:desk1", "rival:desk1", "two words", "admin", "a\tb"):
            with self.subTest(login=login), self.assertRaises(ValidationError):
                self.Subaccounts.create({"name": "C", "login": login})
            with self.subTest(login=login), self.assertRaises(ValidationError):
                second.login = login
        second.login = "someone@example.com"
        self.assertEqual(second.sudo().user_id.login, "someone@example.com")

    def test_the_short_name_is_set_once(self):
        self.assertEqual(self.owner._get_main_account_code(), "flagship")
        with self.assertRaises(ValidationError):
            self.owner.main_account_code = "other"
        self.owner.login = "renamed@example.com"
        self.assertEqual(self.owner._get_main_account_code(), "flagship")
        twin = self._create_main_account("flagship@twin.example.com")
        self.assertNotEqual(twin._get_main_account_code(), "flagship")
        with self.assertRaises(ValidationError):
            self.rival.main_account_code = "Not a Short Name"

    def test_the_link_lets_the_person_set_a_password_once(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        old = self._token(subaccount)
        token = self._token(subaccount)
        Subaccount = self.env["livechat.subaccount"]
        self.assertFalse(Subaccount._find_by_token(old), "a new link voids the old one")
        found = Subaccount._find_by_token(token)
        self.assertEqual(found, subaccount)
        with self.assertRaises(UserError):
            found._activate("short")
        self.assertEqual(subaccount.state, "pending")
        found._activate("sesame-open")
        self.assertEqual(subaccount.state, "enabled")
        self.assertFalse(Subaccount._find_by_token(token), "a link works once")
        self.env["res.users"].authenticate(
            {"login": subaccount.login, "password": "sesame-open", "type": "password"},
            {"interactive": True},
        )

    def test_the_link_expires_and_is_stored_hashed(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        token = self._token(subaccount)
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT row_to_json(s)::text FROM livechat_subaccount s WHERE id = %s",
            [subaccount.id],
        )
        self.assertNotIn(token, self.env.cr.fetchone()[0])
        lifetime = subaccount.activation_expiration - fields.Datetime.now()
        self.assertAlmostEqual(lifetime / timedelta(hours=144), 1, places=2)
        subaccount._store({"activation_expiration": fields.Datetime.now() - timedelta(seconds=1)})
        self.assertFalse(self.env["livechat.subaccount"]._find_by_token(token))

    def test_an_enabled_person_gets_a_new_password_by_a_new_link(self):
        subaccount = self._enabled("Chen Jing")
        token = self._token(subaccount)
        self.assertEqual(subaccount.state, "enabled")
        self.env["livechat.subaccount"]._find_by_token(token)._activate("another-sesame")
        with self.assertRaises(AccessDenied):
            self.env["res.users"].authenticate(
                {"login": subaccount.login, "password": "sesame-open", "type": "password"},
                {"interactive": True},
            )

    def test_the_link_is_mailed_when_mail_works_and_nobody_finds_it_in_the_mail(self):
        self.env["ir.mail_server"].create({"name": "Post", "smtp_host": "127.0.0.1"})
        subaccount = self.Subaccounts.create({"name": "Chen", "email": "chen@example.com"})
        action = subaccount.action_activation_link()
        self.assertEqual(action["context"]["default_email"], "chen@example.com")
        mail = self.env["mail.mail"].search([], order="id desc", limit=1)
        self.assertIn(action["context"]["default_url"], mail.body_html)
        self.assertIn("chen@example.com", mail.email_to)
        self.assertFalse(mail.model or mail.res_id)
        token = action["context"]["default_url"].rsplit("/", 1)[1]
        found = self.env["mail.message"].with_user(self.rival).search([("body", "ilike", token)])
        self.assertFalse(found)

    def _token(self, subaccount):
        url = subaccount.action_activation_link()["context"]["default_url"]
        return url.rsplit("/", 1)[1]

    # ------------------------------------------------------------
    # Disabled, enabled, deleted
    # ------------------------------------------------------------

    def test_a_disabled_agent_is_out_at_once_and_others_take_its_chats(self):
        leaver, first, second = (self._enabled(name) for name in ("Leaver", "First", "Second"))
        agent = leaver.sudo().user_id
        key = (
            self.env["res.users.apikeys"]
            .with_user(agent)
            .sudo()
            ._generate("rpc", "key", fields.Datetime.now() + timedelta(days=1))
        )
        chats = self._open_chat(self.channel, agent) | self._open_chat(self.channel, agent)
        self.assertEqual(leaver.open_chat_count, 2)
        leaver.action_disable()
        self.assertEqual(leaver.state, "disabled")
        self.assertFalse(agent.active)
        self.assertFalse(agent.api_key_ids)
        self.assertFalse(self.env["res.users.apikeys"]._check_credentials(scope="rpc", key=key))
        self.assertEqual(leaver.open_chat_count, 0)
        self.assertEqual(first.open_chat_count, 1, "each chat is dispatched again by itself")
        self.assertEqual(second.open_chat_count, 1)
        self.assertFalse(any(chats.mapped("livechat_end_dt")), "the buyers notice no end")
        self.assertNotIn(agent.partner_id, chats.channel_member_ids.partner_id)
        self.assertNotIn(agent.partner_id, chats.livechat_operator_id)
        self.assertNotIn(agent, [self.channel._get_operator() for _buyer in range(5)])
        leaver.action_disable()

    def test_a_chosen_agent_takes_all_chats(self):
        leaver, first, second = (self._enabled(name) for name in ("Leaver", "First", "Second"))
        for _chat in range(3):
            self._open_chat(self.channel, leaver.sudo().user_id)
        wizard = (
            self.env["livechat.subaccount.disable"]
            .with_user(self.owner)
            .create({"subaccount_ids": leaver.ids, "successor_id": second.id})
        )
        wizard.action_disable()
        self.assertEqual((first.open_chat_count, second.open_chat_count), (0, 3))

    def test_only_somebody_who_can_take_the_chats_is_chosen(self):
        leaver, packer = self._enabled("Leaver"), self._enabled("Packer", role_ids=[])
        pending = self.Subaccounts.create(
            {"name": "Pending", "role_ids": [Command.link(self.role_reception.id)]}
        )
        foreign = self.env["livechat.subaccount"].with_user(self.rival).create({"name": "Other"})
        for successor in (packer, pending, foreign.sudo(), leaver):
            with self.subTest(successor=successor.name), self.assertRaises(UserError):
                leaver._disable(successor)
        self.assertEqual(leaver.state, "enabled")

    def test_nobody_is_free_and_the_buyer_is_not_lost(self):
        leaver = self._enabled("Leaver")
        agent = leaver.sudo().user_id
        chat = self._open_chat(self.channel, agent)
        leaver.action_disable()
        self.assertFalse(chat.livechat_end_dt)
        self.assertEqual(chat.livechat_status, "need_help")
        self.assertNotIn(agent.partner_id, chat.channel_member_ids.partner_id)
        self.assertEqual(leaver.open_chat_count, 0)

    def test_enabled_again_everything_is_as_before_and_the_credit_is_zero(self):
        back, _other = self._enabled("Back", dispatch_weight=250), self._enabled("Other")
        agent = back.sudo().user_id
        for _buyer in range(3):
            self._arrive(self.channel)
        self.assertTrue(agent.dispatch_credit, "chats were dispatched by credit")
        back.action_disable()
        back.action_enable()
        self.assertEqual(back.state, "enabled")
        self.assertEqual((back.dispatch_weight, back.role_ids), (250, self.role_reception))
        self.assertIn(agent, self.channel.user_ids)
        agent.invalidate_recordset(["dispatch_credit"])
        self.assertEqual(agent.dispatch_credit, 0)
        self.assertEqual(self.channel._get_operator(), agent, "the greater weight comes first")

    def test_what_makes_no_sense_is_refused(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        for action in ("action_enable", "action_disable"):
            with self.subTest(action=action), self.assertRaises(UserError):
                getattr(subaccount, action)()
        subaccount._activate("sesame-open")
        with self.assertRaises(UserError):
            subaccount.action_delete()
        subaccount.action_disable()
        with self.assertRaises(UserError):
            subaccount.action_activation_link()

    def test_deleted_the_login_is_free_and_the_messages_stay_readable(self):
        subaccount = self._enabled("Chen Jing")
        user = subaccount.sudo().user_id
        partner = user.partner_id
        chat = self._open_chat(self.channel, user)
        message = chat.with_user(user).message_post(body="Hello", message_type="comment")
        chat.livechat_end_dt = fields.Datetime.now()
        login = subaccount.login
        subaccount.action_disable()
        subaccount.action_delete()
        self.assertFalse(subaccount.exists())
        self.assertFalse(user.exists())
        self.assertEqual(message.author_id, partner)
        self.assertEqual(partner.name, "Chen Jing")
        self.assertEqual(self.Subaccounts.create({"name": "Next", "login": login}).login, login)

    def test_whoever_is_named_by_records_is_deleted_all_the_same(self):
        subaccount = self._enabled("Chen Jing")
        user = subaccount.sudo().user_id
        # Core keeps users who are needed, here as the one who runs a scheduled action.
        self.env["ir.cron"].create(
            {
                "name": "Needs its user",
                "model_id": self.env.ref("base.model_res_partner").id,
                "user_id": user.id,
            }
        )
        login = subaccount.login
        subaccount.action_disable()
        subaccount.action_delete()
        self.assertFalse(subaccount.exists())
        self.assertFalse(user.active)
        self.assertFalse(user.main_account_id)
        self.assertEqual(user.group_ids, self.env.ref("base.group_user"))
        with self.assertRaises(AccessDenied):
            user.with_user(user)._check_credentials(
                {"type": "password", "password": "sesame-open"},
                {"interactive": True},
            )
        self.assertEqual(self.Subaccounts.create({"name": "Next", "login": login}).login, login)

    def test_the_life_is_logged_with_who_and_when(self):
        subaccount = self._enabled("Chen Jing")
        self.flush_tracking()
        subaccount.dispatch_weight = 150
        subaccount.action_disable()
        self.flush_tracking()
        values = subaccount.sudo().message_ids.sudo().tracking_value_ids
        changed = {
            (value.field_id.name, value.old_value_integer or value.old_value_char): (
                value.new_value_integer or value.new_value_char,
                value.create_uid,
            )
            for value in values
        }
        self.assertEqual(changed["dispatch_weight", 100], (150, self.owner))
        self.assertEqual(changed["state", "Enabled"], ("Disabled", self.owner))

    def test_the_log_takes_comments_but_no_forgery(self):
        subaccount = self._enabled("Chen Jing")
        comment = subaccount.message_post(body="Night shift from May", message_type="comment")
        self.assertEqual(comment.author_id, self.owner.partner_id)
        note = subaccount.message_ids[-1]
        for attack in (
            lambda: subaccount.message_post(body="x", author_id=self.rival.partner_id.id),
            lambda: subaccount.message_post(body="x", message_type="notification"),
            lambda: note.write({"body": "x"}),
            lambda: note.unlink(),
        ):
            with self.assertRaises(AccessError):
                attack()

    def flush_tracking(self):
        self.env.flush_all()
        self.cr.precommit.run()

    # ------------------------------------------------------------
    # Maintenance
    # ------------------------------------------------------------

    def test_the_main_account_keeps_the_account(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        subaccount.write(
            {
                "name": "Chen Jingyi",
                "email": "jingyi@example.com",
                "phone": "+86 10 1234",
                "livechat_username": "Jing",
                "dispatch_weight": 300,
                "dispatch_paused": True,
            }
        )
        user = subaccount.sudo().user_id
        self.assertEqual(
            (user.name, user.email, user.phone, user.livechat_username),
            ("Chen Jingyi", "jingyi@example.com", "+86 10 1234", "Jing"),
        )
        self.assertEqual((user.dispatch_weight, user.dispatch_paused), (300, True))
        for vals in (
            {"dispatch_weight": 9},
            {"dispatch_weight": "abc"},
            {"name": ""},
            {"name": 7},
            {"lang": "xx_XX"},
            {"email": "x" * 300},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError):
                subaccount.write(vals)

    def test_a_limit_of_sub_accounts(self):
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.subaccount_limit", "2")
        self.Subaccounts.create([{"name": "A"}, {"name": "B"}])
        with self.assertRaises(ValidationError):
            self.Subaccounts.create({"name": "C"})
        self.env["livechat.subaccount"].with_user(self.rival).create({"name": "D"})

    def test_an_import_tells_each_wrong_row(self):
        columns = ["name", "login", "dispatch_weight", "role_ids"]
        result = self.Subaccounts.load(
            columns,
            [
                ["Good", "flagship:good", "200", "Reception"],
                ["Light", "flagship:light", "9", "Reception"],
                ["Twin", "admin", "100", ""],
                ["Odd", "flagship:odd", "100", "No such role"],
            ],
        )
        self.assertFalse(result["ids"])
        rows = [message["rows"]["from"] for message in result["messages"]]
        self.assertEqual(sorted(rows), [1, 2, 3])
        messages = {message["rows"]["from"]: message["message"] for message in result["messages"]}
        self.assertIn("10", messages[1])
        self.assertIn("taken", messages[2])
        result = self.Subaccounts.load(
            columns, [["Good", "flagship:good", "200", "Reception,Shipping"]]
        )
        subaccount = self.Subaccounts.browse(result["ids"])
        self.assertEqual(subaccount.dispatch_weight, 200)
        self.assertEqual(subaccount.role_ids, self.role_reception | self.role_shipping)

    def test_the_list_needs_no_more_queries_when_it_is_longer(self):
        def count_queries():
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.Subaccounts.web_search_read(
                [],
                {
                    name: {}
                    for name in (
                        "name",
                        "login",
                        "dispatch_weight",
                        "state",
                        "open_chat_count",
                        "last_presence",
                        "presence",
                        "can_dispatch",
                        "can_pause",
                    )
                }
                | {"role_ids": {"fields": {"display_name": {}}}},
                limit=80,
            )
            return self.env.cr.sql_log_count - before

        roles = [Command.link(self.role_reception.id)]
        self.Subaccounts.create([{"name": f"A{i}", "role_ids": roles} for i in range(5)])
        count_queries()
        few = count_queries()
        self.Subaccounts.create([{"name": f"B{i}", "role_ids": roles} for i in range(70)])
        count_queries()
        self.assertLessEqual(count_queries(), few)

    def test_the_list_says_who_is_here(self):
        rows = {status: self._enabled(status.title()) for status in ("online", "away", "offline")}
        for status, row in rows.items():
            user = row.sudo().user_id
            self._set_online(user)
            if status != "online":
                self._set_online(user, status)
            with self.subTest(status):
                self.assertEqual(row.presence, status)

    # ------------------------------------------------------------
    # Administrators
    # ------------------------------------------------------------

    def test_an_administrator_makes_moves_and_unmakes(self):
        agent = self._create_agent("agent")
        newcomer = new_test_user(self.env, login="newcomer")
        agent.main_account_id = newcomer
        subaccount = agent.subaccount_ids
        self.assertEqual((subaccount.state, subaccount.main_account_id), ("enabled", newcomer))
        self.assertTrue(newcomer.has_group("im_livechat_subaccount.group_main_account"))
        own = self.env["livechat.role"].with_user(newcomer).create({"name": "Own role"})
        subaccount.role_ids = own | self.role_audit
        agent.main_account_id = self.owner
        self.assertEqual(agent.subaccount_ids, subaccount)
        self.assertEqual(subaccount.main_account_id, self.owner)
        self.assertEqual(subaccount.role_ids, self.role_audit, "roles of the former shop are gone")
        self.assertNotIn(own.sudo().group_id, agent.group_ids)
        agent.main_account_id = False
        self.assertFalse(subaccount.exists())
        self.assertTrue(agent.active)
        self.assertNotIn(self.role_audit.group_id, agent.group_ids)
        self.assertIn(self.receive_group, agent.group_ids, "groups given by hand stay")

    def test_archived_by_an_administrator_is_disabled(self):
        leaver, stayer = self._enabled("Leaver"), self._enabled("Stayer")
        self._open_chat(self.channel, leaver.sudo().user_id)
        leaver.sudo().user_id.active = False
        self.assertEqual(leaver.state, "disabled")
        self.assertEqual(stayer.open_chat_count, 1)
        leaver.sudo().user_id.active = True
        self.assertEqual(leaver.state, "enabled")

    def test_an_administrator_creates_for_a_main_account(self):
        subaccount = self.env["livechat.subaccount"].create(
            {"name": "Chen Jing", "main_account_id": self.rival.id}
        )
        self.assertEqual(subaccount.main_account_id, self.rival)
        with self.assertRaises(ValidationError):
            self.env["livechat.subaccount"].with_user(self.env.ref("base.user_admin")).create(
                {"name": "Nobody's"}
            )


@tagged("post_install", "-at_install")
class TestActivationPage(PatientCase, ShopCommon):
    def test_the_person_sets_a_password_and_is_in(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        url = subaccount.action_activation_link()["context"]["default_url"]
        path = "/livechat/activate/" + url.rsplit("/", 1)[1]
        page = self.url_open(path)
        self.assertEqual(page.status_code, 200)
        self.assertIn("flagship:desk1", page.text)
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")
        csrf = page.text.split('name="csrf_token" value="')[1].split('"')[0]

        def send(password, again):
            return self.url_open(
                path, {"csrf_token": csrf, "password": password, "confirm_password": again}
            )

        self.assertIn("differ", send("sesame-open", "sesame-opne").text)
        self.assertIn("from 8 to", send("short", "short").text)
        self.assertEqual(subaccount.state, "pending")
        self.assertTrue(send("sesame-open", "sesame-open").url.endswith("/odoo"))
        self.assertEqual(self._get_username(), "flagship:desk1")
        subaccount.invalidate_recordset()
        self.assertEqual(subaccount.state, "enabled")
        self.assertEqual(self.url_open(path).status_code, 404, "it works once")
        self.authenticate("flagship:desk1", "sesame-open")
        self.assertEqual(self._get_username(), "flagship:desk1")

    def _get_username(self):
        return self.make_jsonrpc_request("/web/session/get_session_info", {})["username"]

    def test_the_page_of_an_agent_offers_to_transfer_to_whom_its_roles_let(self):
        receive, transfer = (
            self.env.ref(f"im_livechat_subaccount.permission_{name}")
            for name in ("receive_buyers", "transfer_chats")
        )
        role = self.Roles.create({"name": "Desk", "permission_ids": [Command.set(receive.ids)]})
        subaccount = self.Subaccounts.create(
            {"name": "Chen Jing", "role_ids": [Command.set(role.ids)]}
        )
        subaccount._activate("sesame-open")
        for permissions, may in ((receive, False), (receive | transfer, True)):
            role.permission_ids = [Command.set(permissions.ids)]
            self.authenticate(subaccount.login, "sesame-open")
            info = self.make_jsonrpc_request("/web/session/get_session_info", {})
            self.assertEqual(info["livechat_transfers"], may)

    def test_whoever_is_at_work_in_this_browser_stays_who_it_is(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        url = subaccount.action_activation_link()["context"]["default_url"]
        path = "/livechat/activate/" + url.rsplit("/", 1)[1]
        self.authenticate(self.owner.login, self.owner.login)
        csrf = self.url_open(path).text.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"csrf_token": csrf, "password": "sesame-open", "confirm_password": "sesame-open"}
        self.assertIn("Your password is set", self.url_open(path, form).text)
        self.assertEqual(self._get_username(), self.owner.login)

    def test_wrong_links_get_one_answer(self):
        subaccount = self.Subaccounts.create({"name": "Chen Jing"})
        used = subaccount.action_activation_link()["context"]["default_url"].rsplit("/", 1)[1]
        subaccount.action_activation_link()
        answers = {
            (
                page.status_code,
                page.text.split("<main")[-1].split("</main>")[0].count("does not work"),
            )
            for page in (
                self.url_open(f"/livechat/activate/{token}")
                for token in ("x", used, "%F0%9F%90%BC")
            )
        }
        self.assertEqual(len(answers), 1)
        self.assertEqual({status for status, _count in answers}, {404})
        with self.assertRaises(AccessError):
            subaccount.with_user(self.rival).action_activation_link()
