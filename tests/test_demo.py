import re
from pathlib import Path

from odoo import fields
from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

from ..dispatch import credit, policy

MODULE = "im_livechat_subaccount"
README = Path(__file__).parent.parent / "README.md"


@tagged("post_install", "-at_install")
class TestDemo(TransactionCase):
    """The demo shop does what it is there to show, and what the README says about it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        convert_file(cls.env, MODULE, "demo/reception_demo.xml", {}, mode="init", noupdate=True)
        cls.channel = cls._ref("im_livechat_channel_flagship")
        cls.desks = cls.env["res.users"].concat(
            *(cls._ref(f"user_flagship_desk{number}") for number in range(1, 5))
        )
        cls.packer = cls._ref("user_flagship_packer")

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
        owner = self._ref("user_flagship")
        self.assertEqual((self.desks | self.packer).main_account_id, owner)
        self.assertEqual(self.channel.main_account_id, owner)
        self.assertIn(self.packer, self.channel.user_ids)
        for user in owner | self.desks | self.packer:
            credential = {"type": "password", "login": user.login, "password": user.login}
            user.with_user(user)._check_credentials(credential, {"interactive": True})

    def test_the_button_is_on_every_page(self):
        for url in ("https://shop.example.com/", "https://shop.example.com/shop/desk-1", False):
            rule = self.env["im_livechat.channel.rule"].match_rule(self.channel.id, url)
            self.assertEqual(rule.action, "display_button_and_text", url)

    def test_the_shop_has_a_week_behind_it(self):
        chats = self.env["discuss.channel"].search([("livechat_channel_id", "=", self.channel.id)])
        decisions = chats.dispatch_decision_ids.filtered("user_id")
        self.assertEqual((len(chats), len(decisions)), (70, 70))
        waited = decisions.filtered("waited_seconds").discuss_channel_id
        self.assertEqual(len(waited), 14)
        self.assertEqual((chats.dispatch_decision_ids - decisions).discuss_channel_id, waited)
        today = fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        for chat in chats:
            self.assertLess(chat.create_date, today)
            self.assertLess(chat.create_date, chat.livechat_end_dt)
            winner = chat.livechat_operator_id.user_ids
            decision = chat.dispatch_decision_ids.filtered("user_id")
            self.assertEqual(decision.run_again(), winner.id)
        for desk in self.desks | self.packer:
            served = len(decisions.filtered(lambda row, desk=desk: row.user_id == desk))
            entitled = sum(
                candidate["share"]
                for row in decisions
                for candidate in row.candidates
                if candidate["user_id"] == desk.id
            )
            self.assertLessEqual(abs(served - entitled / credit.CHAT), 1.5, desk.name)
        answers = self.env["im_livechat.report.channel"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        )
        self.assertEqual(len(answers), 70)
        self.assertTrue(all(answers.mapped("time_to_answer")))

    def test_thirty_six_buyers_are_split_20_10_5_1_and_none_meets_the_packer(self):
        self.channel.max_sessions_mode = "unlimited"
        for user in self.desks | self.packer:
            self.env["mail.presence"]._update_presence(user)
        served = [self.channel._get_operator() for _buyer in range(36)]
        self.assertEqual([served.count(user) for user in self.desks], [20, 10, 5, 1])

    def test_capacities_are_those_of_the_readme(self):
        agents = self.desks.with_context(im_livechat_channel_id=self.channel.id)
        self.assertEqual(agents.mapped("dispatch_capacity"), [10, 5, 2, 1])

    def test_the_worked_example_is_what_the_engine_does(self):
        rows = re.findall(r"^\| (\d) \| (.+) \| (\w+) \|$", README.read_text(), re.MULTILINE)
        self.assertGreater(len(rows), 5)
        names = [name.split()[0] for name in self.desks.mapped("name")]
        weights = self.desks.mapped("dispatch_weight")
        credits = [0] * len(weights)
        for number, figures, winner in rows:
            with self.subTest(chat=number):
                agents = [
                    policy.Agent(
                        user_id=index,
                        weight=weight,
                        enabled=True,
                        permitted=True,
                        online=True,
                        paused=False,
                        in_call=False,
                        is_main_account=False,
                        credit=credits[index],
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
