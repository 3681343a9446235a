import re
from datetime import timedelta
from pathlib import Path

from odoo import fields
from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import credit, policy
from ..dispatch.scope import Buyer

MODULE = "im_livechat_subaccount"
# Not beside the tests as Odoo sees them: documents are no part of what it reads.
DOCS = Path(__file__).resolve().parents[1] / "docs"


@tagged("post_install", "-at_install")
class TestDemo(TransactionCase):
    """The demo shop does what it is there to show, and what the documents say about it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        convert_file(cls.env, MODULE, "demo/reception_demo.xml", {}, mode="init", noupdate=True)
        cls.channel = cls._ref("im_livechat_channel_flagship")
        cls.desks = cls.env["res.users"].concat(
            *(cls._ref(f"user_flagship_desk{number}") for number in range(1, 5))
        )
        cls.packer = cls._ref("user_flagship_packer")
        cls.owner = cls._ref("user_flagship")
        cls.chats = cls.env["discuss.channel"].search(
            [("livechat_channel_id", "=", cls.channel.id)]
        )

    @classmethod
    def _ref(cls, name):
        return cls.env.ref(f"{MODULE}.{name}")

    def test_the_accounts_are_those_that_are_announced(self):
        self.assertEqual(
            [(user.login, user.dispatch_weight) for user in self.desks],
            [
                ("flagship:desk1", 200),
                ("flagship:desk2", 100),
                ("flagship:desk3", 50),
                ("flagship:desk4", 10),
            ],
        )
        staff = self.channel.user_ids
        self.assertEqual(staff.main_account_id, self.owner)
        self.assertEqual(self.channel.main_account_id, self.owner)
        self.assertLess(self.desks | self.packer, staff)
        for user in self.owner | staff:
            credential = {"type": "password", "login": user.login, "password": user.login}
            user.with_user(user)._check_credentials(credential, {"interactive": True})

    def test_the_button_is_on_every_page(self):
        for url in ("https://shop.example.com/", "https://shop.example.com/shop/desk-1", False):
            rule = self.env["im_livechat.channel.rule"].match_rule(self.channel.id, url)
            self.assertEqual(rule.action, "display_button_and_text", url)

    def test_the_shop_has_a_week_behind_it_and_some_buyers_of_today(self):
        today = fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        days = {chat.create_date.date() for chat in self.chats if chat.create_date < today}
        self.assertGreaterEqual(days, {(today - timedelta(days=day)).date() for day in range(1, 8)})
        recent = self.chats.filtered(
            lambda chat: chat.create_date > fields.Datetime.now() - timedelta(hours=4)
        )
        self.assertGreaterEqual(len(recent), 8)

    def test_every_page_has_something_to_show(self):
        decisions = self.chats.dispatch_decision_ids
        self.assertEqual(
            set(decisions.mapped("kind")),
            {"assign", "queue", "pool", "overflow", "transfer", "reassign", "leave"},
        )
        self.assertLessEqual({"exclusive", "sticky", "by_hand"}, set(decisions.mapped("rule")))
        (analysis,) = self.env["im_livechat.report.channel"]._read_group(
            [("livechat_channel_id", "=", self.channel.id)],
            [],
            [
                f"dispatch_{name}:sum"
                for name in ("waited", "transfer_count", "left", "missed", "waited_seconds")
            ],
        )
        self.assertTrue(all(analysis), analysis)
        totals = self.env["livechat.dispatch.total"]
        totals._count(fresh=True, wait=True)
        names = {name for name, type_ in totals._get_sums().items() if type_ == "integer"}
        # Who finds nobody here leaves a message, and no agent is asked whether it takes a chat.
        names -= {"nobody", "declined"}
        (sums,) = totals._read_group([], [], [f"{name}:sum" for name in sorted(names)])
        self.assertTrue(all(sums), list(zip(sorted(names), sums, strict=True)))
        figures = self.channel.with_user(self.owner).get_reception()["figures"]["0"]
        # Who finds nobody here leaves a message in the pool.
        self.assertEqual(figures.pop("nobody"), 0)
        # How much of the rest there is today hangs on the hour.
        self.assertTrue(figures["waiting"], figures)

    def test_pages_agree_about_who_waited(self):
        decisions = self.chats.dispatch_decision_ids
        ended = decisions.filtered(
            lambda row: row.kind in ("assign", "overflow", "leave") and row.waited_seconds
        )
        began = decisions.filtered(lambda row: row.kind in ("queue", "pool"))
        waiting = self.chats.filtered(lambda chat: chat.dispatch_state == "pool")
        self.assertEqual(ended.discuss_channel_id, began.discuss_channel_id - waiting)
        self.assertEqual(self.chats.filtered("dispatch_waited_seconds"), ended.discuss_channel_id)
        for row in ended:
            self.assertEqual(
                row.waited_seconds, (row.moment - row.discuss_channel_id.create_date).seconds
            )

    def test_each_record_leads_to_its_winner_once_more_and_nobody_is_above_capacity(self):
        for row in self.chats.dispatch_decision_ids:
            self.assertEqual(row.run_again(), row.user_id.id, row.kind)
            for candidate in row.candidates or ():
                self.assertLessEqual(candidate["load"] + 1, candidate["capacity"])

    def test_loads_in_the_records_are_the_chats_that_were_open(self):
        stayed = self.chats.filtered(
            lambda chat: chat.livechat_end_dt and len(chat.livechat_agent_history_ids) == 1
        )
        seats = [
            (history.partner_id, history.create_date, history.channel_id.livechat_end_dt)
            for history in stayed.livechat_agent_history_ids
        ]
        loads = []
        for row in self.chats.dispatch_decision_ids.filtered("candidates"):
            winner = next(c for c in row.candidates if c["user_id"] == row.user_id.id)
            open_chats = sum(
                partner == row.user_id.partner_id and since < row.moment < end
                for partner, since, end in seats
            )
            self.assertLessEqual(open_chats, winner["load"])
            loads.append(winner["load"])
        self.assertGreater(max(loads), 1)

    def test_a_chat_ends_after_it_began_and_its_times_are_no_longer_than_it(self):
        for chat in self.chats:
            end = chat.livechat_end_dt or fields.Datetime.now()
            self.assertLess(chat.create_date, end)
            for history in chat.livechat_channel_member_history_ids:
                self.assertGreaterEqual(history.create_date, chat.create_date)
                self.assertGreaterEqual(history.session_duration_hour, 0)
                self.assertLess(history.response_time_hour, 0.1)
            for message in chat.message_ids:
                self.assertTrue(chat.create_date <= message.date <= end)

    def test_agents_find_their_open_chats_in_discuss_and_nothing_unread(self):
        members = self.chats.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "agent"
        )
        self.assertTrue(members)
        for member in members:
            self.assertEqual(member.is_pinned, not member.channel_id.livechat_end_dt)
            own = member.with_user(member.partner_id.user_ids)
            self.assertFalse(own.message_unread_counter)

    def test_an_unchanged_what_if_sheet_is_near_what_really_happened(self):
        for period in ("yesterday", "week"):
            sheet = (
                self.env["livechat.dispatch.whatif"]
                .with_user(self.owner)
                .create({"channel_id": self.channel.id, "period": period})
            )
            sheet.action_replay()
            self.assertEqual(sheet.result["unknown"], 0)
            agents = self.channel.user_ids.with_context(im_livechat_channel_id=self.channel.id)
            capacities = dict(zip(agents.ids, agents.mapped("dispatch_capacity"), strict=True))
            for agent in sheet.result["agents"]:
                real, replayed = agent["real"], agent["baseline"]
                with self.subTest(period=period, agent=agent["name"]):
                    self.assertEqual(bool(real["served"]), bool(real["peak"]))
                    self.assertLessEqual(real["peak"], capacities.get(agent["id"], 0))
                    self.assertAlmostEqual(replayed["served"], real["served"], delta=1)
                    self.assertAlmostEqual(replayed["peak"], real["peak"], delta=1)
            real, replayed = (sheet.result["summary"][run] for run in ("real", "baseline"))
            self.assertTrue(real["waited"])
            # Just after midnight one may have waited across it.
            self.assertAlmostEqual(replayed["waited"], real["waited"], delta=1)
            self.assertAlmostEqual(replayed["mean"], real["mean"], delta=5)

    def test_two_buyers_wait_and_still_do_when_the_front_desk_comes(self):
        waiting = self.chats.filtered(lambda chat: not chat.livechat_end_dt).filtered(
            lambda chat: chat.dispatch_state in ("queued", "pool")
        )
        self.assertEqual(len(waiting), 2)
        for user in self.desks:
            self.env["mail.presence"]._update_presence(user)
        with freeze_all_time(fields.Datetime.now() + timedelta(minutes=20)):
            self.env["im_livechat.channel"]._run_dispatch_timers()
        self.assertEqual(set(waiting.mapped("dispatch_state")), {"pool"})
        shown = self.channel.with_user(self.owner).get_reception()["waiting"]
        self.assertEqual([row["id"] for row in shown], waiting.sorted("id").ids)
        self.assertTrue(all(row["excluded"] for row in shown))

    def test_groups_are_a_tree_and_leave_the_front_desk_to_the_others(self):
        groups = self.channel.dispatch_group_ids
        self.assertGreaterEqual(len(groups.filtered("scope_ids")), 2)
        self.assertTrue(groups.parent_id)
        self.assertFalse(groups.user_ids & (self.desks | self.packer))
        self.assertEqual(self.channel._get_default_agents(), self.desks | self.packer)
        for page in ("/", "/shop", "/shop/desk-1"):
            buyer = Buyer(page=f"https://shop.example.com{page}")
            self.assertFalse(self.channel._find_dispatch_group(buyer), page)
        returns = Buyer(page="https://shop.example.com/returns")
        self.assertEqual(self.channel._find_dispatch_group(returns).name, "Returns")

    def test_the_main_account_has_changed_what_the_log_says(self):
        changes = self.env["livechat.dispatch.log"].search([("user_id", "=", self.owner.id)])
        weights = changes.filtered(lambda row: row.what == "res.users.dispatch_weight")
        self.assertEqual(
            {row.agent_id: row.new_value for row in weights},
            {self.desks[0]: 200, self.desks[2]: 50, self.desks[3]: 10},
        )
        self.assertTrue(changes.channel_id and changes.group_id)
        self.assertTrue(all(row.moment < fields.Datetime.now() for row in changes))

    def test_thirty_six_buyers_are_split_20_10_5_1_and_none_meets_the_packer(self):
        self.channel.max_sessions_mode = "unlimited"
        for user in self.desks | self.packer:
            self.env["mail.presence"]._update_presence(user)
        served = [self.channel._get_operator() for _buyer in range(36)]
        self.assertEqual([served.count(user) for user in self.desks], [20, 10, 5, 1])

    def test_shares_and_capacities_are_those_of_the_documents(self):
        agents = self.desks.with_context(im_livechat_channel_id=self.channel.id)
        self.assertEqual(agents.mapped("dispatch_capacity"), [10, 5, 2, 1])
        for agent in agents:
            share = 100 * agent.dispatch_weight / 360
            self.assertEqual(agent.dispatch_share, f"{share:.1f} %")

    def test_the_worked_example_is_what_the_engine_does(self):
        row = re.compile(r"^\| (\d) \| (.+) \| (\w+) \|$", re.MULTILINE)
        rows = row.findall((DOCS / "decisions.md").read_text())
        self.assertGreater(len(rows), 5)
        self.assertEqual(row.findall((DOCS / "zh/manual.md").read_text()), rows)
        names = [name.split()[0] for name in self.desks.mapped("name")]
        weights = self.desks.mapped("dispatch_weight")
        credits = [0] * len(weights)
        for number, figures, winner in rows:
            with self.subTest(chat=number):
                agents = [
                    policy.Agent(
                        index,
                        policy.Facts(
                            weight=weight,
                            enabled=True,
                            permitted=True,
                            online=True,
                            paused=False,
                            in_call=False,
                            is_main_account=False,
                        ),
                        credits[index],
                    )
                    for index, weight in enumerate(weights)
                ]
                decision = policy.decide(agents, policy.Rules(mode="share"))
                self.assertEqual(names[decision.winner], winner)
                shown = [f"{(credits[i] + decision.shares[i]) / credit.CHAT:.2f}" for i in range(4)]
                self.assertEqual(
                    [figure.strip("*").replace("-0.00", "0.00") for figure in figures.split(" | ")],
                    [figure.replace("-0.00", "0.00") for figure in shown],
                )
                for index, change in credit.charge(decision.shares, decision.winner).items():
                    credits[index] += change
