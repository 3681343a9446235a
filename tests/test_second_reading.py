from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .common import DispatchCommon, ShopCommon


@tagged("post_install", "-at_install")
class TestSecondReading(ShopCommon, DispatchCommon):
    """What a reader with fresh eyes found in figures, sheets and forecasts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent, cls.colleague = (
            cls._enable(name, cls.role_reception) for name in ("Chen Jing", "Wu Tao")
        )
        cls.manager = cls._enable("Li Mei", cls.role_store_manager)
        cls.foreigner = cls._enable("Secret Agent", cls.role_reception, cls.rival)
        cls.channel = cls._create_channel(
            cls.agent | cls.colleague, main_account_id=cls.owner.id, queue_enabled=True
        )
        cls.foreign_channel = cls._create_channel(
            cls.foreigner, main_account_id=cls.rival.id, name="Secret Shop"
        )
        cls.totals = cls.env["livechat.dispatch.total"]

    def _limit(self, sessions):
        self.channel.write({"max_sessions_mode": "limited", "max_sessions": sessions})

    # What a context says

    def test_a_context_writes_no_decision(self):
        self._limit(1)
        chats = [self._come(self.channel) for _buyer in range(3)]
        self.assertEqual(chats[2].dispatch_state, "queued")
        self.colleague.dispatch_paused = True
        self._close(chats[0] | chats[1])
        context = {"default_facts": {"agents": "x"}, "default_is_counted": True}
        self.channel.with_user(self.manager).with_context(**context).write(
            {"dispatch_mode": "native"}
        )
        for decision in self.env["livechat.dispatch.decision"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        ):
            self.assertNotEqual((decision.facts or {}).get("agents"), "x")
            self.assertFalse(decision.is_counted)
        self.totals._count(fresh=True)

    def test_broken_facts_do_not_stop_the_counting(self):
        chat = self._come(self.channel)
        chat.dispatch_decision_ids.facts = {"agents": "x"}
        self.totals._count(fresh=True)
        self.assertTrue(chat.dispatch_decision_ids.is_counted)

    def test_a_context_hides_no_pause(self):
        self.agent.with_user(self.agent).with_context(
            default_counted_until="2099-01-01 00:00:00"
        ).dispatch_pause()
        rows = self.env["livechat.dispatch.presence"].search([("user_id", "=", self.agent.id)])
        self.assertIn("paused", rows.mapped("state"))
        self.assertFalse(any(rows.mapped("counted_until")))

    # Another shop's names

    def test_a_context_brings_no_foreign_agent_onto_a_sheet(self):
        sheet = self.env["livechat.dispatch.whatif"].with_user(self.manager).create({})
        lines = self.env["livechat.dispatch.whatif.line"].with_user(self.manager)
        foreign = lines.with_context(default_user_id=self.foreigner.id)
        with self.assertRaises(ValidationError):
            foreign.create({"whatif_id": sheet.id, "weight": 11})
        spec = {"user_id": {"fields": {"display_name": {}}}}
        self.assertFalse(foreign.onchange({}, [], spec)["value"].get("user_id"))

    def test_forecasts_name_what_their_reader_can_read(self):
        forecasts = self.env["livechat.dispatch.forecast"].with_user(self.manager)
        secret = self._plan(self.foreign_channel, self.foreigner, "Secret plan")
        for vals in (
            {"channel_id": self.foreign_channel.id},
            {"channel_id": self.channel.id, "change_id": secret.id},
            {"channel_id": "x"},
        ):
            with self.subTest(**vals), self.assertRaises(AccessError):
                forecasts.create(vals)
            with self.subTest(onchange=vals), self.assertRaises(AccessError):
                forecasts.onchange(vals, [], {"channel_id": {"fields": {"display_name": {}}}})
        context = {
            "default_channel_id": self.foreign_channel.id,
            "default_change_id": secret.id,
        }
        form = forecasts.with_context(**context).create({"channel_id": self.channel.id})
        self.assertFalse(form.change_id)

    def _plan(self, channel, agent, name):
        start = fields.Datetime.now() + timedelta(days=1)
        change = self.env["livechat.dispatch.change"].create(
            {
                "name": name,
                "channel_id": channel.id,
                "start": start,
                "stop": start + timedelta(hours=2),
                "line_ids": [Command.create({"user_id": agent.id, "weight": 300})],
            }
        )
        change.action_plan()
        return change

    def test_an_agent_of_two_shops_tells_neither_the_others_plans(self):
        both = self._create_agent("both_shops")
        self.channel.user_ids |= both
        self.foreign_channel.user_ids |= both
        change = self._plan(self.foreign_channel, both, "Secret plan")
        form = (
            self.env["livechat.dispatch.forecast"]
            .with_user(self.manager)
            .create(
                {
                    "channel_id": self.channel.id,
                    "moment": change.start + timedelta(minutes=5),
                }
            )
        )
        self.assertIn("300", form.forecast)
        for secret in ("Secret plan", "Secret Shop"):
            self.assertNotIn(secret, form.forecast)

    def test_a_moment_nobody_plans_for_has_no_forecast(self):
        forecasts = self.env["livechat.dispatch.forecast"].with_user(self.manager)
        for moment in ("2100-12-31 23:59:59", "2000-01-01 00:00:00"):
            form = forecasts.create({"channel_id": self.channel.id, "moment": moment})
            self.assertFalse(form.forecast)
        for moment in ("9999-12-31 23:59:59", "0001-01-01 00:00:00"):
            with self.assertRaises(ValidationError):
                forecasts.create({"channel_id": self.channel.id, "moment": moment})

    def test_comparisons_are_their_makers_own(self):
        compare = self.env["livechat.dispatch.compare"]
        row = compare.with_user(self.rival).create({})
        self.assertFalse(compare.with_user(self.manager).search([("id", "=", row.id)]))
        foreign = compare.with_user(self.manager).with_context(
            default_first_user_id=self.foreigner.id
        )
        self.assertNotEqual(foreign.create({}).first_user_id, self.foreigner)

    # Who sets what

    def test_nobody_of_a_shop_sets_the_weight_of_its_main_account(self):
        self.channel.user_ids |= self.owner
        with self.assertRaises(AccessError):
            self.owner.with_user(self.manager).dispatch_set_weight(10)
        self.owner.with_user(self.owner).dispatch_set_weight(150)
        self.assertEqual(self.owner.dispatch_weight, 150)
        self.agent.with_user(self.manager).dispatch_set_weight(130)
        self.assertEqual(self.agent.dispatch_weight, 130)

    def test_a_main_account_hides_the_guide(self):
        self.channel.with_user(self.owner).write({"dispatch_setup_hidden": True})
        self.assertTrue(self.channel.dispatch_setup_hidden)

    # Figures

    def test_who_waits_again_is_no_new_buyer(self):
        self._limit(1)
        self.colleague.dispatch_paused = True
        chat = self._come(self.channel)
        self.assertEqual(self._agent_of(chat), self.agent)
        # Its agent leaves while the only colleague is full.
        self.colleague.dispatch_paused = False
        other = self._come(self.channel)
        self.assertEqual(self._agent_of(other), self.colleague)
        self.agent.dispatch_paused = True
        self.agent._hand_over_chats()
        self.assertEqual(chat.dispatch_state, "queued")
        self._close(other)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.colleague)
        self.assertEqual(
            chat.dispatch_decision_ids.sorted("id").mapped("kind"), ["assign", "queue", "hand_over"]
        )
        self.assertEqual(self.channel._get_today_figures()[self.channel.id]["assigned"], 2)
        self.totals._count(fresh=True)
        rows = self.totals.search([("livechat_channel_id", "=", self.channel.id)])
        self.assertEqual(sum(rows.mapped("assigned")), 2)
        given_away = rows.filtered(lambda row: row.user_id == self.agent).mapped("given_away")
        self.assertEqual(sum(given_away), 1)

    def test_weeks_in_the_pool_fit_the_totals(self):
        chat = self._come(self.channel)
        self.env["livechat.dispatch.decision"].create(
            [
                {
                    "discuss_channel_id": chat.id,
                    "livechat_channel_id": self.channel.id,
                    "kind": "leave",
                    "rule": "nobody",
                    "waited_seconds": 2**31 - 1,
                }
                for _chat in range(3)
            ]
        )
        self.totals._count(fresh=True)
        rows = self.totals.search([("livechat_channel_id", "=", self.channel.id)])
        self.assertEqual(sum(rows.mapped("waited_seconds")), 3 * 24 * 3600)

    def test_a_pause_that_cannot_end_holds_nothing_up(self):
        past = fields.Datetime.now() - timedelta(minutes=1)
        self.agent.write({"dispatch_paused": True, "dispatch_paused_until": past})
        self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertFalse(self.agent.dispatch_paused)
        log = self.env["livechat.dispatch.log"].search([("agent_id", "=", self.agent.id)], limit=1)
        self.assertTrue(log)
