from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestFiguresAgree(DispatchCommon):
    """Reception, fairness, reports, decisions and an agent's own figures say the same, and say
    what SQL over the records says."""

    def setUp(self):
        super().setUp()
        self.agents = self._create_agent("maria_figures", 200) | self._create_agent("omar_figures")
        self.channel = self._create_channel(
            self.agents,
            max_sessions_mode="limited",
            max_sessions=2,
            queue_enabled=True,
            sticky_hours=24,
        )
        self._live_a_day()
        self.env.flush_all()
        self.totals = self.env["livechat.dispatch.total"]
        self.totals._count(fresh=True)

    def _live_a_day(self):
        """Ten buyers, one of whom comes back; one is missed, one transferred, two wait, one
        of them leaves."""
        buyer = self._create_guest()
        first = self._come(self.channel, buyer)
        self._say(first, self._agent_of(first), "Hello")
        self._close(first)
        self._come(self.channel, buyer)
        self._close(self._come(self.channel))
        chats = [self._come(self.channel) for _buyer in range(7)]
        waiting = [chat for chat in chats if chat.dispatch_state == "queued"]
        self.assertEqual(len(waiting), 2)
        self._close(waiting[1])
        giver = self._agent_of(chats[0])
        answered = chats[1]
        self._say(answered, self._agent_of(answered), "Hello")
        chats[0].sudo().transfer(
            user_id=(self.agents - giver).id, reason="asked", note="knows it better"
        )

    def _ask(self, query):
        self.env.cr.execute(query, {"channel": self.channel.id, "today": fields.Date.today()})
        return self.env.cr.fetchall()

    def test_today(self):
        ((assigned,),) = self._ask(
            "SELECT count(*) FROM livechat_dispatch_decision WHERE livechat_channel_id ="
            " %(channel)s AND kind IN ('assign', 'overflow') AND user_id IS NOT NULL"
        )
        ((waiting,),) = self._ask(
            "SELECT count(*) FROM discuss_channel WHERE livechat_channel_id = %(channel)s"
            " AND dispatch_state IN ('queued', 'pool') AND livechat_end_dt IS NULL"
        )
        ((missed,),) = self._ask(
            "SELECT count(*) FROM discuss_channel WHERE livechat_channel_id = %(channel)s"
            " AND livechat_end_dt IS NOT NULL AND livechat_failure IN ('no_answer', 'no_agent')"
        )
        self.assertTrue(assigned and waiting and missed)
        shown = self.channel._get_today_figures()[self.channel.id]
        self.assertEqual(
            (shown["assigned"], shown["waiting"], shown["missed"]), (assigned, waiting, missed)
        )
        totals = self.totals.search([("livechat_channel_id", "=", self.channel.id)])
        self.assertEqual(sum(totals.mapped("assigned")), assigned)
        reports = self.env["im_livechat.report.channel"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        )
        self.assertEqual(sum(reports.mapped("dispatch_missed")), missed)
        self.assertEqual(sum(reports.mapped("dispatch_left")), sum(totals.mapped("left_line")))
        self.assertEqual(
            sum(reports.mapped("dispatch_transfer_count")), sum(totals.mapped("transferred_in"))
        )
        line = self.channel.dispatch_queued_count + self.channel.dispatch_pool_count
        self.assertEqual(line, waiting)

    def test_each_agent(self):
        totals = self.totals.search([("livechat_channel_id", "=", self.channel.id)])
        for agent in self.agents:
            with self.subTest(agent.login):
                rows = totals.filtered(lambda row, agent=agent: row.user_id == agent)
                ((received, entitled),) = self._ask_agent(agent)
                self.assertEqual(sum(rows.mapped("received")), received)
                self.assertAlmostEqual(sum(rows.mapped("entitled")), float(entitled), 6)
                own = self.totals.with_user(agent).env["res.users"].get_my_dispatch_figures()
                self.assertEqual(own["today"]["received"], received)
                self.assertAlmostEqual(own["today"]["entitled"], float(entitled), 6)

    def _ask_agent(self, agent):
        self.env.cr.execute(
            """
            SELECT count(*) FILTER (WHERE user_id = %(agent)s),
                   sum((SELECT sum((candidate->>'share')::numeric) / 1e12
                          FROM jsonb_array_elements(candidates) candidate
                         WHERE (candidate->>'user_id')::integer = %(agent)s
                           AND decision.user_id IS NOT NULL
                           -- what a colleague gives was nobody's by weight
                           AND decision.rule != 'by_hand'))
              FROM livechat_dispatch_decision decision
             WHERE livechat_channel_id = %(channel)s
            """,
            {"agent": agent.id, "channel": self.channel.id},
        )
        return self.env.cr.fetchall()

    def test_no_total_changes_when_records_go(self):
        domain = [("livechat_channel_id", "=", self.channel.id)]
        names = ("assigned", "received", "entitled", "served", "left_line", "transferred_in")
        before = {
            name: self.totals._read_group(domain, ["user_id"], [f"{name}:sum"]) for name in names
        }
        decisions = self.env["livechat.dispatch.decision"].search(domain)
        decisions.moment = fields.Datetime.now() - timedelta(days=4000)
        # They were counted when they were young.
        self.env["livechat.dispatch.decision"]._gc_old_decisions()
        self.assertFalse(decisions.exists())
        self.env.invalidate_all()
        after = {
            name: self.totals._read_group(domain, ["user_id"], [f"{name}:sum"]) for name in names
        }
        self.assertEqual(after, before)
