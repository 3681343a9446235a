import json

from odoo import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestGetSession(PatientCase, DispatchCommon):
    """The public route, as a buyer's browser or an attacker's script calls it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls._create_agent("desk1", 200) | cls._create_agent("desk2", 100)
        cls.channel = cls._create_channel(cls.agents, max_sessions_mode="limited", max_sessions=2)

    def _call(self, params, route="/im_livechat/get_session"):
        """Call the route as nobody in particular; return the HTTP answer."""
        return self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )

    def _get_session(self, route="/im_livechat/get_session", **params):
        self.opener.cookies.clear()  # another buyer
        answer = self._call({"channel_id": self.channel.id, **params}, route).json()
        self.assertNotIn("error", answer)
        return answer["result"]

    def test_the_page_is_kept_with_groups_and_without_on_all_routes(self):
        page = "https://shop.example/lamp"
        for scoped in (False, True):
            if scoped:
                self.env["livechat.dispatch.group"].create(
                    {
                        "name": "Elsewhere",
                        "channel_id": self.channel.id,
                        "scope_ids": [Command.create({"kind": "page", "page_pattern": "/x"})],
                    }
                )
            for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
                for said, kept in ((page, page), ([page], False), ("\0", False)):
                    with self.subTest(scoped=scoped, route=route, said=said):
                        session = self._get_session(route, page_url=said)
                        chat = self.env["discuss.channel"].browse(session["channel_id"])
                        self.env.invalidate_all()
                        self.assertEqual(chat.dispatch_page, kept)
                        self._close(chat)

    def _create_group(self, channel, code, agents):
        lang = self.env["res.lang"].with_context(active_test=False).search([("code", "=", code)])
        return self.env["livechat.dispatch.group"].create(
            {
                "name": code,
                "channel_id": channel.id,
                "user_ids": agents.ids,
                "scope_ids": [Command.create({"kind": "lang", "lang_id": lang.id})],
            }
        )

    def _ask_in(self, route, accepted, channel=None, cookie=None, **params):
        """Let another buyer come whose browser asks for these languages; return the chat."""
        self.opener.cookies.clear()
        if cookie:
            self.opener.cookies["frontend_lang"] = cookie
        headers = {"Content-Type": "application/json"}
        if accepted is not None:
            headers["Accept-Language"] = accepted
        params = {"channel_id": (channel or self.channel).id, **params}
        answer = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers=headers,
        ).json()
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        return self.env["discuss.channel"].browse(answer["result"]["channel_id"])

    def test_a_buyer_goes_to_its_language_by_the_page_and_else_by_the_browser(self):
        """Whether or not the language is installed, on the shop's pages and elsewhere."""
        one, other, rest = (self._create_agent(name) for name in ("one", "other", "rest"))
        channel = self._create_channel(one | other | rest)
        chinese = self._create_group(channel, "zh_CN", one)
        english = self._create_group(channel, "en_US", other)
        nobody = english.browse()
        tried = (
            ("zh-CN,zh;q=0.9,en;q=0.8", {}, chinese, "zh_CN"),
            ("zh-TW,en;q=0.9", {}, chinese, "zh_TW"),
            ("en;q=0.8,zh-HK", {}, chinese, "zh_HK"),
            ("en-GB", {}, english, "en_GB"),
            ("ca,en", {}, english, "ca_ES"),
            ("fr", {}, nobody, "fr_FR"),
            (None, {}, nobody, False),
            ("*", {}, nobody, False),
            ("en", {"page_lang": "zh-Hans"}, chinese, "zh_CN"),
            ("zh-CN", {"page_lang": "en"}, english, "en_US"),
            ("zh-CN", {"page_lang": "fr-CA"}, nobody, "fr_CA"),
            ("zh-CN", {"page_lang": ""}, chinese, "zh_CN"),
            ("zh-CN", {"page_lang": "?"}, chinese, "zh_CN"),
        )
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for accepted, said, group, code in tried:
                with self.subTest(route=route, accepted=accepted, **said):
                    chat = self._ask_in(route, accepted, channel, **said)
                    self.assertEqual(chat.dispatch_group_id, group)
                    self.assertEqual(chat.livechat_lang_id.code, code)
                    # Whoever dispatches the chat again knows it, too.
                    self.assertEqual(chat._get_buyer().lang or False, code)
                    self._close(chat)
        chat = self._ask_in("/im_livechat/get_session", "zh-CN", channel, cookie="en_US")
        self.assertEqual(chat.dispatch_group_id, english)

    def test_without_groups_the_agent_speaks_the_language_or_a_variant_of_it(self):
        lang = self.env["res.lang"]
        one, other, rest = (self._create_agent(name) for name in ("one", "other", "rest"))
        channel = self._create_channel(one | other | rest)
        one.livechat_lang_ids = lang._activate_lang("fr_BE")
        other.livechat_lang_ids = lang._activate_lang("fr_FR")
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for accepted, agents in (("fr-BE", one), ("fr-FR", other), ("fr-CH", one | other)):
                with self.subTest(route=route, accepted=accepted):
                    chats = [self._ask_in(route, accepted, channel) for _buyer in range(4)]
                    self.assertEqual(set(map(self._agent_of, chats)), set(agents))
                    # In line and handed over as well.
                    chats[0]._hand_over(self._agent_of(chats[0]), may_stay=True)
                    self.assertIn(self._agent_of(chats[0]), one | other)

    def test_no_header_of_languages_is_an_error(self):
        """Malformed, very long, or with what PostgreSQL takes for no text."""
        hostile = (
            "zh-CN;q=",
            "zh;q=9999999999",
            "q=1;zh",
            ";;;,,,=",
            "zh-CN;q=nan",
            "a" * 8000,
            ",".join(["xx-yy;q=0.5"] * 500),
            "%00",
            "'; DROP TABLE res_lang; --",
            "zh_CN@\x7f",
        )
        self._create_group(self.channel, "zh_CN", self.agents[0])
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for value in hostile:
                with self.subTest(route=route, value=value[:20]):
                    self._close(self._ask_in(route, value))
            for value in (0, True, ["zh"], {"a": 1}, "\0", "zh-CN\0", "\ud800", "z" * 100_000):
                with self.subTest(route=route, value=str(value)[:20]):
                    self._close(self._ask_in(route, "de", page_lang=value))

    def test_what_the_callers_context_calls_a_page_is_none(self):
        context = {"livechat_dispatch_page": "https://evil.example"}
        session = self._get_session(context=context, page_url="https://shop.example")
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self.assertEqual(chat.dispatch_page, "https://shop.example")

    def test_a_guest_who_signs_in_and_out_is_the_same_buyer_with_groups_and_without(self):
        buyer = new_test_user(self.env, "buyer", "base.group_portal", password="sesame-open")
        for groups in (0, 1):
            with self.subTest(groups=groups):
                one, other = (self._create_agent(f"{name}{groups}") for name in ("one", "other"))
                channel = self._create_channel(one | other)
                if groups:
                    self.env["livechat.dispatch.group"].create(
                        {
                            "name": "Elsewhere",
                            "channel_id": channel.id,
                            "scope_ids": [Command.create({"kind": "page", "page_pattern": "/x"})],
                        }
                    )

                def ask(channel=channel):
                    answer = self._call({"channel_id": channel.id}).json()
                    chat = self.env["discuss.channel"].browse(answer["result"]["channel_id"])
                    self.env.invalidate_all()
                    return chat

                def answer(chat, agent):
                    self._say(chat, agent)
                    self._close(chat)
                    self.env.flush_all()

                self.authenticate(None, None)
                self.opener.cookies.pop("dgid", None)
                chat = ask()
                agent = self._agent_of(chat)
                answer(chat, agent)
                cookie = self.opener.cookies["dgid"]
                self.authenticate("buyer", "sesame-open")
                self.opener.cookies["dgid"] = cookie
                known = ask()
                self.assertEqual(known.dispatch_rule, "sticky")
                self.assertEqual(self._agent_of(known), agent)
                # Dispatch knows it later as well: when the chat waits, or changes hands.
                guest = chat.channel_member_ids.guest_id
                found = known._get_buyer()
                self.assertEqual(
                    (found.partner_id, found.guest_id), (buyer.partner_id.id, guest.id)
                )
                # Somebody else answers the account; without it the cookie leads there, too.
                known._leave(agent.partner_id)
                known._seat((one | other) - agent)
                answer(known, (one | other) - agent)
                self.authenticate(None, None)
                self.opener.cookies["dgid"] = cookie
                again = ask()
                self.assertEqual(again.dispatch_rule, "sticky")
                self.assertEqual(self._agent_of(again), (one | other) - agent)

    def _chats(self):
        return self.env["discuss.channel"].search([("livechat_channel_id", "=", self.channel.id)])

    def test_a_preview_shows_the_desk_takes_no_seat_and_charges_nobody(self):
        for _buyer in range(10):
            session = self._get_session(persisted=False)
            self.assertEqual(session["channel_id"], -1)
            thread = session["store_data"]["discuss.channel"][0]
            self.assertEqual(thread["livechat_operator_id"], self.channel.reception_partner_id.id)
            told = json.dumps(session)
            self.assertIn("Flagship Shop", told)
            for agent in self.agents:
                self.assertNotIn(agent.name, told)
        self.assertFalse(self._chats())
        self.assertEqual(self.agents.mapped("dispatch_credit"), [0, 0])

    def test_each_chat_goes_to_the_agent_the_dispatch_chose_until_all_are_full(self):
        for _buyer in range(6):
            session = self._get_session(persisted=True)
            chat = self.env["discuss.channel"].browse(session["channel_id"])
            self.assertEqual(chat.dispatch_seat_partner_ids, chat.livechat_operator_id)
        seats = self._chats().mapped("livechat_operator_id")
        self.assertEqual(seats, self.agents.partner_id)
        self.assertFalse(self._get_session(persisted=True)["channel_id"])
        self.assertIs(self._get_session(persisted=False), False)
        self.assertEqual(len(self._chats()), 6)
        for agent, capacity in zip(self.agents, (4, 2), strict=True):
            self.assertEqual(self._read_agent(self.channel, agent).lively_chats, capacity)

    def test_a_buyer_who_is_turned_away_leaves_a_record_and_a_preview_none(self):
        self.agents.dispatch_paused = True
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            self.assertIs(self._get_session(route, persisted=False), False)
            self.assertFalse(self._get_session(route, persisted=True)["channel_id"])
        decisions = self.env["livechat.dispatch.decision"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        )
        self.assertEqual(decisions.mapped("kind"), ["nobody"] * 2)
        self.assertEqual(decisions[0].excluded_counts, {"paused": 2})
        self.assertFalse(decisions.discuss_channel_id)
        self.assertEqual(self.channel._get_today_figures()[self.channel.id]["nobody"], 2)

    def test_the_route_for_foreign_pages_dispatches_as_well(self):
        session = self._get_session("/im_livechat/cors/get_session", persisted=True)
        chat = self.env["discuss.channel"].browse(session["channel_id"])
        self.assertEqual(chat.livechat_operator_id, self.agents[0].partner_id)

    def test_a_forged_previous_operator_gets_no_say(self):
        admin = self.env.ref("base.user_admin")
        for forged in (admin.partner_id.id, self.agents[1].partner_id.id, 2**31 - 1):
            with self.subTest(forged=forged):
                session = self._get_session(persisted=True, previous_operator_id=forged)
                chat = self.env["discuss.channel"].browse(session["channel_id"])
                self.assertEqual(chat.livechat_operator_id, self.agents[0].partner_id)
                chat.unlink()
                self.env.cr.execute(
                    "UPDATE livechat_dispatch_credit"
                    " SET user_ids = '', credits = '', last_turns = ''"
                )

    def test_arguments_that_make_no_sense_get_no_session_and_no_traceback(self):
        channel_id = self.channel.id
        hostile = [
            {},
            *(
                {"channel_id": value}
                for value in (
                    None,
                    True,
                    False,
                    0,
                    -1,
                    1.5,
                    2**31,
                    10**30,
                    "1",
                    "x" * 10**6,
                    "",
                    [],
                    [channel_id],
                    {"id": channel_id},
                    self.env["im_livechat.channel"].search([], order="id desc", limit=1).id + 1000,
                )
            ),
            *(
                {"channel_id": channel_id, "previous_operator_id": value}
                for value in ("1", "x" * 10**6, -1, 1.5, True, 2**31, 10**30, [1], {"a": 1})
            ),
            *(
                {"channel_id": channel_id, "chatbot_script_id": value}
                for value in ("1", -1, 1.5, True, 2**31, [1], {"a": 1})
            ),
            *(
                {"channel_id": channel_id, "persisted": value}
                for value in (None, 0, 1, "true", [], {})
            ),
        ]
        for route in ("/im_livechat/get_session", "/im_livechat/cors/get_session"):
            for params in hostile:
                with self.subTest(route=route, params=str(params)[:80]):
                    answer = self._call(params, route)
                    self.assertEqual(answer.status_code, 200)
                    self.assertIs(answer.json().get("result"), False, answer.text[-2000:])
        self.assertFalse(self._chats())

    def test_parameters_nobody_asked_for_change_nothing(self):
        for params in (
            {"lang": "xx", "country_id": 10**30},
            {"users": [1], "agent": 1, "operator_partner": 1, "operator_model": "x"},
            {"expertises": [1], "x" * 1000: "y" * 10**5},
            {"context": {"lang": "no_LANG"}},
            {"context": {"default_name": "forged", "default_livechat_end_dt": "2000-01-01"}},
            {"context": {"livechat_dispatch_preview": True, "guest": 1, "tz": "Mars/Base"}},
            {"context": {"default_livechat_operator_id": 10**30, "active_test": []}},
        ):
            with self.subTest(params=str(params)[:80]):
                session = self._get_session(persisted=True, **params)
                chat = self.env["discuss.channel"].browse(session["channel_id"])
                self.assertIn(chat.livechat_operator_id, self.agents.partner_id)
                self.assertFalse(chat.livechat_end_dt)
                self.assertNotEqual(chat.name, "forged")
                chat.unlink()

    def test_a_page_that_had_a_look_is_told_only_what_is_new(self):
        """What is new is the chat, and who the stranger is; whoever says anything else, or says it
        to a channel of Odoo's own, is told all, as by Odoo."""

        def get_stored(channel=self.channel, **params):
            session = self._get_session(channel_id=channel.id, persisted=True, **params)
            self._close(self.env["discuss.channel"].browse(session["channel_id"]))
            return session["store_data"]

        whole = get_stored()
        known = get_stored(is_page_known=True)
        self.assertEqual(
            {model: len(rows) for model, rows in known.items() if model != "Store"},
            {
                model: len(rows)
                for model, rows in whole.items()
                if model not in ("Store", "res.partner", "res.users")
            }
            # Odoo's bot and its user are no part of the chat.
            | {"res.partner": len(whole["res.partner"]) - 1},
        )
        self.assertLess(set(known["Store"]), set(whole["Store"]))
        self.assertLessEqual({"guest_token", "self_guest"}, set(known["Store"]))
        self.assertIn("odoobot", whole["Store"])
        self.assertNotIn("odoobot", known["Store"])
        for said in (False, None, 1, "true", [True]):
            with self.subTest(said=said):
                self.assertEqual(set(get_stored(is_page_known=said)["Store"]), set(whole["Store"]))
        native = self._create_channel(self.agents, dispatch_mode="native")
        self.assertIn("odoobot", get_stored(native, is_page_known=True)["Store"])

    def test_a_look_says_all_whatever_the_page_knows(self):
        look = self._get_session(persisted=False, is_page_known=True)
        self.assertIn("odoobot", look["store_data"]["Store"])

    def test_histories_begin_with_one_statement_and_without_any_time(self):
        """Those of the agent and of the buyer together, as Odoo's own say it of each."""
        chats = {}

        def open_chat():
            session = self._get_session(channel_id=channel.id, persisted=True)
            chats[mode] = self.env["discuss.channel"].browse(session["channel_id"])

        for mode in ("share", "native"):
            channel = self._create_channel(self.agents, dispatch_mode=mode)
            statements = self._list_statements(open_chat)
            if mode == "share":
                begin = 'INSERT INTO "im_livechat_channel_member_history"'
                inserted = [text for text in statements.elements() if text.startswith(begin + " ")]
                self.assertEqual(len(inserted), 1, statements)
        self.env.invalidate_all()
        for name in ("livechat_member_type", "chatbot_script_id", "has_call", "help_status"):
            said = [
                chat.livechat_channel_member_history_ids.sorted("id").mapped(name)
                for chat in chats.values()
            ]
            self.assertEqual(*said, name)
        histories = chats["share"].livechat_agent_history_ids
        self.assertEqual(len(histories), 1)
        self.assertEqual(histories.session_duration_hour, 0)
        self.assertFalse(histories.chatbot_script_id)

    def test_a_token_that_is_none_makes_a_new_guest(self):
        no_strings = (5, True, [], {}, None)
        no_ids = ("", "x", "|", "|x", "abc|def", "-1|x", "1.5|x", "²|x", "9" * 12 + "|x", "1|é")
        for token in (*no_strings, *no_ids, "1|2", "1|", "1|2|3", "x" * 10**5):
            with self.subTest(token=str(token)[:20]):
                session = self._get_session(
                    "/im_livechat/cors/get_session", persisted=True, guest_token=token
                )
                self.env["discuss.channel"].browse(session["channel_id"]).unlink()

    def test_a_cookie_that_is_none_makes_a_new_guest(self):
        guest = self.env["mail.guest"].create({"name": "Somebody else"})
        not_ascii = f'"{guest.id}|\\303\\251"'  # quoted octal, as browsers may send it
        for cookie in ("x", "|", "abc|def", "9" * 12 + "|x", f"{guest.id}|2", not_ascii):
            with self.subTest(cookie=cookie):
                self.opener.cookies.clear()
                self.opener.cookies["dgid"] = cookie
                answer = self._call({"channel_id": self.channel.id}).json()
                self.assertNotIn("error", answer)
                self.env["discuss.channel"].browse(answer["result"]["channel_id"]).unlink()

    def test_a_language_that_is_no_text_gets_no_session_and_no_traceback(self):
        self.opener.cookies.clear()
        self.opener.cookies["frontend_lang"] = '"a\\000b"'
        answer = self._call({"channel_id": self.channel.id, "persisted": True}).json()
        self.assertIs(answer.get("result"), False, answer)
        self.assertFalse(self._chats())
