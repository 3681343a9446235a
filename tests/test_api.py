import json
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DispatchCommon, create_user
from .core_methods import ADDON
from .walks import PatientCase

TOKEN = "0123456789 \"'\\abcdefghij"

# What docs/api.md names for reports: ``{model: fields}``.
REPORTS = {
    "livechat.dispatch.decision": (
        "moment",
        "kind",
        "rule",
        "user_id",
        "waited_seconds",
        "candidates",
        "excluded",
    ),
    "livechat.ticket.decision": ("moment", "kind", "rule", "user_id", "ticket_name"),
    "livechat.dispatch.total": (
        "hour",
        "user_id",
        "group_id",
        "entitled",
        "served",
        "answered",
        "waited_seconds",
        "online_seconds",
    ),
    "livechat.dispatch.pause": ("user_id", "reason", "began_at", "ended_at", "hours"),
    "livechat.dispatch.log": (
        "moment",
        "user_id",
        "subject",
        "what",
        "old_value",
        "new_value",
    ),
    "livechat.dispatch.group": ("name", "channel_id", "parent_id", "user_ids"),
    "livechat.subaccount": ("name", "login", "state", "dispatch_weight", "open_chat_count"),
    "im_livechat.report.channel": (
        "start_date",
        "partner_id",
        "dispatch_group_id",
        "dispatch_rule",
    ),
}


@tagged("post_install", "-at_install")
class TestApi(PatientCase, DispatchCommon):
    """What docs/api.md says that other programs can call, as they call it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = f"base.group_user,{ADDON}.group_main_account"
        cls.owner = create_user(cls.env, "owner", groups)
        cls.stranger = create_user(cls.env, "stranger", groups)
        values = {
            "groups": f"im_livechat.im_livechat_group_user,{ADDON}.group_transfer_chats",
            "main_account_id": cls.owner.id,
        }
        cls.agents = cls._create_agent("desk1", 200, **values)
        cls.agents |= cls._create_agent("desk2", 100, **values)
        cls.channel = cls._create_channel(
            cls.agents,
            main_account_id=cls.owner.id,
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
        )
        cls.group = cls.env["livechat.dispatch.group"].create(
            {
                "name": "Returns",
                "channel_id": cls.channel.id,
                "user_ids": cls.agents[1].ids,
            }
        )
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        cls.keys = {
            user: cls.env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "", tomorrow)
            for user in cls.owner | cls.stranger | cls.agents
        }
        # All buyers here have one address.
        cls.env["ir.config_parameter"].set_param(f"{ADDON}.address_chats", "0")
        cls.env.flush_all()

    def _ask(self, user, model, method, **params):
        return self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(params),
            headers={
                "Authorization": f"Bearer {self.keys[user]}",
                "Content-Type": "application/json",
            },
        )

    def _call(self, user, model, method, **params):
        answer = self._ask(user, model, method, **params)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    @mute_logger("odoo.http")
    def _assert_refused(self, user, model, method, **params):
        answer = self._ask(user, model, method, **params)
        self.assertIn(answer.status_code, (403, 422), answer.text)
        self.assertTrue(answer.json()["message"])

    def _come(self):
        """A buyer opens a chat and writes, by the routes that are there for everybody."""
        self.authenticate(None, None)
        self.opener.cookies.pop("dgid", None)
        params = {"channel_id": self.channel.id, "persisted": True}
        chat_id = self._post("/im_livechat/get_session", params)["channel_id"]
        post = {"body": "Hello", "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        thread = {"thread_model": "discuss.channel", "thread_id": chat_id}
        self._post("/mail/message/post", {**thread, "post_data": post})
        return self.env["discuss.channel"].browse(chat_id)

    def _post(self, route, params):
        answer = self.make_jsonrpc_request(route, params)
        self.env.invalidate_all()
        return answer

    def test_agents_are_paused_weighed_and_go_on(self):
        desk = self.agents[0]
        until = fields.Datetime.to_string(fields.Datetime.now() + timedelta(hours=1))
        pause = {"ids": desk.ids, "until": until}
        self._assert_refused(self.stranger, "res.users", "dispatch_pause", **pause)
        self.assertTrue(self._call(self.owner, "res.users", "dispatch_pause", **pause))
        self.assertTrue(desk.dispatch_paused)
        self.assertIn("pause", self._call(desk, "res.users", "get_why_no_buyers").lower())
        self.assertTrue(self._call(desk, "res.users", "dispatch_resume", ids=desk.ids))
        self.assertFalse(desk.dispatch_paused)
        weight = {"ids": desk.ids, "weight": 300}
        self._assert_refused(desk, "res.users", "dispatch_set_weight", **weight)
        self.assertTrue(self._call(self.owner, "res.users", "dispatch_set_weight", **weight))
        self.assertEqual(desk.dispatch_weight, 300)

    def test_the_line_is_read_and_why_a_chat_went_where_it_did(self):
        chats = [self._come() for _buyer in range(4)]
        self.assertEqual([chat.dispatch_state for chat in chats], ["assigned"] * 3 + ["queued"])
        waiting = self._call(self.owner, "im_livechat.channel", "get_reception_lines")["waiting"]
        self.assertEqual([row["id"] for row in waiting], chats[3].ids)
        self._assert_refused(self.agents[0], "im_livechat.channel", "get_reception_lines")
        strange = self._call(self.stranger, "im_livechat.channel", "get_reception_lines")
        self.assertEqual(strange["waiting"], [])

        winner = self.agents.filtered(lambda one: one.partner_id == chats[0].livechat_operator_id)
        reason = self._call(winner, "discuss.channel", "get_dispatch_reason", ids=chats[0].ids)
        self.assertTrue(reason["text"])
        (record,) = self._call(
            self.owner,
            "livechat.dispatch.decision",
            "read",
            ids=[reason["decision_id"]],
            fields=["moment", "kind", "rule", "user_id", "candidates", "excluded"],
        )
        self.assertEqual(record["user_id"][0], winner.id)

    def test_a_chat_is_given_to_an_agent_and_dispatched_to_a_group(self):
        one, other = self.agents
        one.dispatch_weight = other.dispatch_weight = 100
        chat = self._come()
        giver = self.agents.filtered(lambda user: user.partner_id == chat.livechat_operator_id)
        taker = self.agents - giver
        codes = dict(self._call(giver, "discuss.channel", "get_transfer_reasons"))
        self.assertIn("knowledge", codes)
        transfer = {"ids": chat.ids, "reason": "knowledge"}
        self._assert_refused(
            self.stranger, "discuss.channel", "transfer", user_id=taker.id, **transfer
        )
        result = self._call(giver, "discuss.channel", "transfer", user_id=taker.id, **transfer)
        self.assertEqual(result["state"], "assigned")
        self.assertIn(taker.partner_id, chat.dispatch_seat_partner_ids)
        self.group.user_ids = giver
        result = self._call(
            self.owner, "discuss.channel", "transfer", group_id=self.group.id, **transfer
        )
        self.assertEqual(result["state"], "assigned")
        self.assertIn(giver.partner_id, chat.dispatch_seat_partner_ids)

    def _hire(self):
        subaccounts = self.env["livechat.subaccount"].with_user(self.owner)
        subaccount = subaccounts.create({"name": "Chen Jing"})
        subaccount._activate("sesame-open")
        self.env.flush_all()
        return subaccount

    def test_who_goes_away_is_paused_with_a_reason_and_hands_over_whom_it_owes_a_word(self):
        chat = self._come()
        leaver = self.agents.filtered(lambda user: user.partner_id == chat.livechat_operator_id)
        (reason, *_label), *_others = self._call(leaver, "res.users", "get_pause_reasons")
        away = {"ids": leaver.ids, "reason_id": reason}
        self._assert_refused(self.stranger, "res.users", "dispatch_away", **away)
        moved = self._call(self.owner, "res.users", "dispatch_away", **away)
        self.assertEqual((moved["handed_over"], moved["kept"]), (1, 0))
        self.assertTrue(leaver.dispatch_paused)
        self.assertIn((self.agents - leaver).partner_id, chat.dispatch_seat_partner_ids)

    def test_reception_is_read_by_who_manages_it(self):
        shown = self._call(self.owner, "im_livechat.channel", "get_reception")
        self.assertIn(self.group.name, json.dumps(shown))
        self._assert_refused(self.agents[0], "im_livechat.channel", "get_reception")
        strange = self._call(self.stranger, "im_livechat.channel", "get_reception")
        self.assertNotIn(self.group.name, json.dumps(strange))

    def test_a_sub_account_is_disabled_and_enabled(self):
        subaccount = self._hire()
        for method, state in (("action_disable", "disabled"), ("action_enable", "enabled")):
            self._assert_refused(self.stranger, "livechat.subaccount", method, ids=subaccount.ids)
            self._call(self.owner, "livechat.subaccount", method, ids=subaccount.ids)
            self.env.invalidate_all()
            self.assertEqual(subaccount.state, state)

    def test_what_reports_need_is_read_and_summed_up_by_the_shop_and_not_by_others(self):
        self._come()
        self._hire()
        self._call(self.agents[0], "res.users", "dispatch_pause", ids=self.agents[0].ids)
        self._call(self.agents[0], "res.users", "dispatch_resume", ids=self.agents[0].ids)
        self.env["livechat.dispatch.total"]._count()
        for model, names in REPORTS.items():
            with self.subTest(model=model):
                rows = self._call(self.owner, model, "search_read", domain=[], fields=names)
                # No helpdesk is here that tickets would come from.
                self.assertEqual(bool(rows), model != "livechat.ticket.decision")
                for row in rows:
                    self.assertEqual(set(row), {"id", *names})
                strange = self._call(self.stranger, model, "search_read", domain=[], fields=["id"])
                self.assertFalse(strange)
        (total,) = self._call(
            self.owner,
            "livechat.dispatch.total",
            "formatted_read_group",
            domain=[["livechat_channel_id", "=", self.channel.id]],
            groupby=["livechat_channel_id"],
            aggregates=["served:sum"],
        )
        self.assertEqual(total["served:sum"], 1)

    def _get_metrics(self, token=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.url_open("/livechat/metrics", headers=headers)

    def _set_token(self, token):
        self.env["ir.config_parameter"].set_param(f"{ADDON}.metrics_token", token)
        self.env.flush_all()

    def test_metrics_are_off_until_there_is_a_long_token_and_then_for_who_has_it(self):
        for token in (False, "short"):
            self._set_token(token)
            for sent in (None, "", "short", TOKEN):
                self.assertEqual(self._get_metrics(sent).status_code, 404)
        self._set_token(TOKEN)
        for sent in (None, "", TOKEN[:-1], TOKEN.upper()):
            self.assertEqual(self._get_metrics(sent).status_code, 404)
        answer = self._get_metrics(TOKEN)
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))

    def test_metrics_count_what_is_true_of_each_channel(self):
        self._set_token(TOKEN)
        self.channel.name = 'The "big"\\shop\nof lamps'
        *_served, waiting = [self._come() for _buyer in range(4)]
        waiting.dispatch_queued_at -= timedelta(hours=1)
        self.env["im_livechat.channel"].create({"name": "Plain", "dispatch_mode": "native"})
        text = self._get_metrics(TOKEN).text
        found = {}
        for line in text.splitlines():
            if line.startswith("#"):
                self.assertRegex(line, r"^# (HELP \w+ \S|TYPE \w+ (gauge|counter)$)")
                continue
            name, _brace, rest = line.partition("{")
            labels, _space, number = rest.rpartition(" ")
            if labels.startswith(f'channel="{self.channel.id}"'):
                self.assertIn(r'name="The \"big\"\\shop\nof lamps"}', labels)
                found[name] = int(number)
            self.assertNotIn("Plain", line)
        waited = waiting._get_waited_seconds()
        self.assertGreaterEqual(waited, found["livechat_longest_wait_seconds"])
        self.assertGreaterEqual(found.pop("livechat_longest_wait_seconds"), 3600)
        self.assertEqual(
            found,
            {
                "livechat_chats_open": 3,
                "livechat_buyers_waiting": 1,
                "livechat_messages_pool": 0,
                "livechat_agents_available": 0,
            },
        )
