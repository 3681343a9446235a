from odoo.tests import tagged

from .test_dated_changes import DatedChangeCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestDatedChangeTours(WalkCase, DatedChangeCommon):
    """Planning a day, and the log, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.password = cls.owner.login
        cls.channel.name = "Tour Shop"

    @walk
    def test_main_account_plans_11_november_sees_the_preview_starts_and_undoes_it(self):
        self.start_tour(
            "/odoo/livechat-dated-changes",
            "im_livechat_subaccount.dated_change",
            login=self.owner.login,
        )

        change = self.env["livechat.dispatch.change"].search([("channel_id", "=", self.channel.id)])
        name = {"en_US": "11 November", "zh_CN": "双11"}[self.lang]
        self.assertEqual(
            [change.name, change.state, change.recurrence], [name, "planned", "yearly"]
        )
        self.assertEqual((self.maria.dispatch_weight, self.channel.max_sessions), (100, 5))
        weights = self.Log.search([("what", "=", "res.users.dispatch_weight")], order="id")
        self.assertEqual(
            [(row.old_value, row.new_value, row.cause_id) for row in weights[-2:]],
            [(100, 300, change), (300, 100, change)],
        )

    @walk
    def test_main_account_undoes_a_weight_in_the_log(self):
        self.maria.with_user(self.maria).dispatch_pause()
        self.maria.dispatch_weight = 250
        own = [("is_own_pause", "=", True), ("agent_id", "=", self.maria.id)]
        self.assertTrue(self.Log.with_user(self.owner).search(own))

        self.start_tour(
            "/odoo/livechat-changes-log",
            "im_livechat_subaccount.change_log",
            login=self.owner.login,
        )

        self.assertEqual(self.maria.dispatch_weight, 100)
