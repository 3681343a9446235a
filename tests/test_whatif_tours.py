from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon, ShopCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestWhatifTours(WalkCase, ShopCommon, DispatchCommon):
    """The sheet in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.tz = "UTC"
        subaccounts = cls.Subaccounts.create(
            [
                {"name": name, "role_ids": [Command.link(cls.role_reception.id)]}
                for name in ("Maria Santos", "Omar Haddad")
            ]
        )
        for subaccount in subaccounts:
            subaccount._activate("sesame-open")
        cls.maria, cls.omar = (subaccount.sudo().user_id for subaccount in subaccounts)
        cls._set_online(cls.maria | cls.omar)
        cls.channel = cls._create_channel(cls.maria | cls.omar, main_account_id=cls.owner.id)
        noon = fields.Datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
        for number in range(12):
            moment = noon - timedelta(days=1) + timedelta(minutes=20 * number)
            with freeze_all_time(moment):
                chat = cls._come(cls.channel)
            with freeze_all_time(moment + timedelta(minutes=15)):
                cls._close(chat)

    @walk
    def test_the_main_account_looks_before_it_applies(self):
        self.start_tour(
            "/odoo/action-im_livechat_subaccount.livechat_dispatch_decision_action",
            "im_livechat_subaccount.whatif",
            login=self.owner.login,
        )

        self.assertEqual(self.maria.dispatch_weight, 100)
        self.assertEqual(self.omar.dispatch_weight, 300)
