from datetime import datetime, timedelta

from odoo import fields
from odoo.tests import tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestToday(DispatchCommon):
    def test_all_pages_mean_the_same_day_by_today(self):
        channel = self._create_channel(self._create_agent("agent", tz="Asia/Shanghai"))
        # In Shanghai it is the 12th already, where this browser is it is not.
        here = channel.with_context(tz="America/New_York").with_user(channel.user_ids).sudo().env
        with freeze_all_time(datetime(2026, 11, 11, 18, 0)):
            begins = datetime(2026, 11, 11, 5, 0)
            ends = begins + timedelta(days=1)
            today = channel.with_env(here)._describe_today()
            self.assertEqual(today["next_day"], fields.Datetime.to_string(ends))
            sheet = here["livechat.dispatch.whatif"].new({"period": "today"})
            self.assertEqual(sheet._get_period(), (begins, ends))
            compare = here["livechat.dispatch.compare"].new({})
            compare.date_from = compare.date_to
            self.assertEqual(compare._get_domain(), [("hour", ">=", begins), ("hour", "<", ends)])
            change = here["livechat.dispatch.change"].new({})
            self.assertEqual((change.start, change.stop), (ends, ends + timedelta(days=1)))
