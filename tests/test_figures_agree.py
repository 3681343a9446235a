from collections import Counter
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..models.decision import im_livechat_channel as decision_room
from ..tools.sentinels import PREVIEW
from .common import DispatchCommon


class DayCommon(DispatchCommon):
    def setUp(self):
        super().setUp()
        self.owner = new_test_user(
            self.env, "owner_figures", "im_livechat_subaccount.group_main_account"
        )
        self.agents = self._create_agent(
            "maria_figures", 200, main_account_id=self.owner.id
        ) | self._create_agent("omar_figures", main_account_id=self.owner.id)
        self.channel = self._create_channel(
            self.agents,
            main_account_id=self.owner.id,
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


@tagged("post_install", "-at_install")
class TestHalfHours(DispatchCommon):
    def test_a_day_begins_at_midnight_where_clocks_are_half_an_hour_off(self):
        owner = new_test_user(
            self.env, "owner_india", "im_livechat_subaccount.group_main_account", tz="Asia/Kolkata"
        )
        agent = self._create_agent("agent_india", main_account_id=owner.id)
        channel = self._create_channel(agent, main_account_id=owner.id)
        presences = self.env["livechat.dispatch.presence"]
        presences.search([("user_id", "=", agent.id)]).unlink()
        # Midnight is at 18:30 there.
        for minute, state in ((20, "online"), (50, "gone")):
            moment = datetime(2026, 11, 11, 18, minute)
            presences.create({"user_id": agent.id, "moment": moment, "state": state})
        team = self.env["livechat.team"].with_user(owner).with_context(tz=owner.tz)
        with freeze_all_time(datetime(2026, 11, 11, 18, 25)):
            self._close(self._come(channel))
        with freeze_all_time(datetime(2026, 11, 11, 18, 40)):
            self._set_online(agent)
            for _buyer in range(2):
                self._close(self._come(channel))
            figures = [team.get_team(period)["all"] for period in ("yesterday", "today", "week")]
        for name, expected in (("received", [1, 2, 3]), ("online_seconds", [600, 1200, 1800])):
            self.assertEqual([one[name] for one in figures], expected, name)


@tagged("post_install", "-at_install")
class TestFiguresAgree(DayCommon):
    """Reception, fairness, reports, decisions and an agent's own figures say the same, and say
    what SQL over the records says."""

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

    def test_first_answers_and_handling_are_of_each_agents_own_turns(self):
        """Decisions, totals and core's report by agent, with what SQL says of the records."""
        domain = [("livechat_channel_id", "=", self.channel.id)]
        chats = self.env["discuss.channel"].search([*domain, ("livechat_end_dt", "=", False)])
        for number, chat in enumerate(chats):
            for turn in chat.dispatch_decision_ids:
                turn.moment -= timedelta(seconds=100 * (number + 1))
        self._close(chats)
        self.env.flush_all()
        self.totals._count()
        self.env.cr.execute(
            """
            SELECT user_id, count(*), sum(handling_seconds), count(answer_seconds),
                   coalesce(sum(answer_seconds), 0)
              FROM livechat_dispatch_decision
             WHERE livechat_channel_id = %s AND user_id IS NOT NULL
          GROUP BY user_id
            """,
            [self.channel.id],
        )
        asked = {user_id: tuple(row) for user_id, *row in self.env.cr.fetchall()}
        self.assertEqual(set(asked), set(self.agents.ids))
        names = ("handled", "handling_seconds", "answered", "answer_seconds")
        told = self.totals._read_group(
            [*domain, ("user_id", "in", self.agents.ids)],
            ["user_id"],
            [f"{name}:sum" for name in names],
        )
        self.assertEqual({user.id: tuple(row) for user, *row in told}, asked)
        self.assertTrue(all(row[1] > 100 for row in asked.values()))
        for agent in self.agents:
            histories = self.env["im_livechat.channel.member.history"].search(
                [
                    ("session_livechat_channel_id", "=", self.channel.id),
                    ("partner_id", "=", agent.partner_id.id),
                ]
            )
            hours = sum(histories.mapped("session_duration_hour"))
            self.assertAlmostEqual(3600 * hours, asked[agent.id][1])

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


@tagged("post_install", "-at_install")
class TestTeamAgrees(DayCommon):
    """The page *Team* says what the other pages say, and what SQL over the records says."""

    def setUp(self):
        super().setUp()
        chats = self.env["discuss.channel"].search([("livechat_channel_id", "=", self.channel.id)])
        ended = chats.filtered("livechat_end_dt")
        for chat, grade in zip(ended, (5, 1), strict=False):
            self.env["rating.rating"].create(
                {
                    "res_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                    "res_id": chat.id,
                    "rating": grade,
                    "consumed": True,
                }
            )
        self.env.flush_all()
        self.team = self.env["livechat.team"].with_user(self.owner)

    def _get_rows(self, period="today", user=None):
        team = self.team.with_user(user or self.owner).get_team(period)
        return {row["user_id"]: row for row in team["agents"]}, team

    def test_each_agents_row_is_what_sql_says(self):
        rows, team = self._get_rows()
        self.assertLessEqual(set(self.agents.ids), set(rows))
        for agent in self.agents:
            self.env.cr.execute(
                """
                SELECT count(*) FILTER (WHERE user_id = %(agent)s),
                       count(*) FILTER (WHERE user_id = %(agent)s AND ended_at IS NOT NULL),
                       count(answer_seconds)
                           FILTER (WHERE user_id = %(agent)s AND ended_at IS NOT NULL),
                       sum(answer_seconds)
                           FILTER (WHERE user_id = %(agent)s AND ended_at IS NOT NULL),
                       count(*) FILTER (WHERE kind = 'transfer' AND previous_user_id = %(agent)s),
                       count(*) FILTER (WHERE kind = 'reassign' AND previous_user_id = %(agent)s)
                  FROM livechat_dispatch_decision
                 WHERE livechat_channel_id = %(channel)s
                """,
                {"agent": agent.id, "channel": self.channel.id},
            )
            ((received, handled, answered, seconds, transferred, unanswered),) = (
                self.env.cr.fetchall()
            )
            self.env.cr.execute(
                """
                SELECT count(*)
                  FROM discuss_channel
                 WHERE livechat_channel_id = %(channel)s
                   AND livechat_operator_id = %(partner)s
                   AND livechat_end_dt IS NOT NULL
                   AND livechat_failure IN ('no_answer', 'no_agent')
                """,
                {"partner": agent.partner_id.id, "channel": self.channel.id},
            )
            ((ended,),) = self.env.cr.fetchall()
            row = rows[agent.id]
            with self.subTest(agent=agent.login):
                self.assertEqual(row["received"], received)
                share = answered / handled if handled else None
                self.assertEqual(row["answered_share"], share)
                first = seconds / answered if answered else None
                self.assertEqual(row["first_answer"], first)
                self.assertEqual(row["transferred"], transferred)
                self.assertEqual(row["unanswered"], unanswered)
                self.assertEqual(row["ended_unanswered"], ended)
                self.assertEqual(row["missed"], ended + unanswered)
        self.assertTrue(team["all"]["missed"] and team["all"]["transferred"])
        rated = self.env["rating.rating"].search([("parent_res_id", "=", self.channel.id)])
        happy = rated.filtered(lambda rating: rating.rating_text == "top")
        self.assertEqual(team["all"]["satisfaction"], len(happy) / len(rated))

    def test_all_pages_say_the_same(self):
        rows, team = self._get_rows()
        everything = team["all"]
        reception = self.channel._get_today_figures()[self.channel.id]
        self.assertEqual(
            [everything[name] for name in ("ended_unanswered", "unanswered", "nobody")],
            [reception[name] for name in ("missed", "unanswered", "nobody")],
        )
        domain = [("livechat_channel_id", "=", self.channel.id)]
        reports = self.env["im_livechat.report.channel"].search(domain)
        self.assertEqual(everything["ended_unanswered"], sum(reports.mapped("dispatch_missed")))
        missed = self.env["discuss.channel"].search([*domain, ("dispatch_is_missed", "=", True)])
        self.assertEqual(everything["ended_unanswered"], len(missed))
        self.assertEqual(everything["transferred"], sum(reports.mapped("dispatch_transfer_count")))
        totals = self.totals.search([("main_account_id", "=", self.owner.id)])
        for name in ("received", "served", "entitled", "difference", "transferred", "nobody"):
            self.assertAlmostEqual(everything[name], sum(totals.mapped(name)), 6)
        digest = self.env.ref("im_livechat_subaccount.digest_team").with_user(self.owner)
        now = fields.Datetime.now()
        digest = digest.with_context(
            start_datetime=now - timedelta(hours=24), end_datetime=now + timedelta(hours=1)
        )
        self.assertEqual(digest.kpi_livechat_team_received_value, everything["received"])
        self.assertEqual(digest.kpi_livechat_team_missed_value, everything["missed"])
        for agent in self.agents:
            with self.subTest(agent=agent.login):
                own = self.env["res.users"].with_user(agent).get_my_dispatch_figures()["today"]
                row = rows[agent.id]
                self.assertEqual(row["received"], own["received"])
                self.assertAlmostEqual(row["entitled"], own["entitled"], 6)
                self.assertAlmostEqual(row["share"] or 0, own["share"], 6)
                alone, told = self._get_rows(user=agent)
                self.assertEqual(set(alone), {agent.id})
                for name, value in row.items():
                    if name not in ("online_seconds", "paused_seconds"):
                        self.assertEqual(alone[agent.id][name], value)
                self.assertEqual(told["all"]["received"], row["received"])
                trend = self.team.get_trend(agent.id)
                self.assertEqual(len(trend), 7)
                self.assertEqual(trend[-1]["received"], row["received"])
                self.assertEqual(trend[-1]["missed"], row["missed"])

    def test_the_rows_add_up_to_the_head(self):
        """Also with what came to nobody, or to who is not there any more."""
        names = ("received", "missed", "nobody", "transferred", "declined", "paused_seconds")
        names += ("served", "unanswered", "ended_unanswered", "online_seconds")

        def compare(team):
            rows = [*team["agents"], *([team["rest"]] if team["rest"] else [])]
            for name in names:
                with self.subTest(name):
                    self.assertEqual(sum(row[name] for row in rows), team["all"][name])

        compare(self._get_rows()[1])
        gone = self.agents[0]
        received = self._get_rows()[0][gone.id]["received"]
        self.assertTrue(received)
        self.env.cr.execute(
            "UPDATE livechat_dispatch_total SET user_id = NULL WHERE user_id = %s", [gone.id]
        )
        self.env.cr.execute(
            "UPDATE livechat_dispatch_total SET nobody = 3 WHERE id ="
            " (SELECT max(id) FROM livechat_dispatch_total WHERE user_id IS NULL)"
        )
        self.env.invalidate_all()
        team = self._get_rows()[1]
        self.assertEqual((team["rest"]["received"], team["rest"]["nobody"]), (received, 3))
        compare(team)
        # Of others an agent learns nothing.
        self.assertFalse(self._get_rows(user=gone)[1]["rest"])

    def test_days_are_those_of_the_reader(self):
        received = self._get_rows()[1]["all"]["received"]
        self.env.cr.execute(
            "UPDATE livechat_dispatch_total SET hour = hour - interval '1 day'"
            " WHERE main_account_id = %s",
            [self.owner.id],
        )
        self.env.invalidate_all()
        for period, expected in (("today", 0), ("yesterday", received), ("week", received)):
            with self.subTest(period=period):
                self.assertEqual(self._get_rows(period)[1]["all"]["received"], expected)
        trends = [day for agent in self.agents for day in self.team.get_trend(agent.id)]
        self.assertEqual(sum(day["received"] for day in trends), received)

    def test_a_shop_reads_its_own_team_only(self):
        rival = new_test_user(
            self.env, "rival_figures", "im_livechat_subaccount.group_main_account"
        )
        rows, team = self._get_rows(user=rival)
        self.assertFalse(set(rows) & set(self.agents.ids))
        self.assertFalse(team["all"]["received"] or team["all"]["missed"])
        other = self._create_agent("plain_figures")
        self.assertEqual(set(self._get_rows(user=other)[0]), {other.id})
        for reader, agent in ((rival, self.agents[0]), (other, self.agents[0])):
            trend = self.team.with_user(reader).get_trend(agent.id)
            self.assertFalse(any(day["received"] or day["missed"] for day in trend))
        employee = new_test_user(self.env, "employee_figures", "base.group_user")
        for call in (
            lambda team: team.get_team(),
            lambda team: team.get_trend(self.agents[0].id),
            lambda team: team.set_mailed(True),
        ):
            with self.assertRaises(AccessError):
                call(self.team.with_user(employee))

    def test_a_mail_comes_each_morning_to_who_wants_it(self):
        digest = self.env.ref("im_livechat_subaccount.digest_team")
        self.assertFalse(digest.user_ids & self.owner)
        self.owner.email = False
        with self.assertRaises(UserError):
            self.team.set_mailed(True)
        self.owner.email = "owner@example.com"
        self.assertTrue(self.team.set_mailed(True))
        self.assertTrue(self._get_rows()[1]["is_mailed"])
        self.assertEqual(digest.user_ids & (self.owner | self.agents), self.owner)
        before = self.env["mail.mail"].search([])
        digest._action_send(update_periodicity=True)
        mail = (self.env["mail.mail"].search([]) - before).filtered(
            lambda mail: "owner@example.com" in mail.email_to
        )
        self.assertEqual(len(mail), 1)
        self.assertIn("Chats Received", mail.body_html)
        self.assertEqual(digest.periodicity, "daily")
        self.assertFalse(self.team.set_mailed(False))
        self.assertFalse(digest.user_ids & self.owner)

    def test_the_mail_says_times_as_people_do_and_calls_nothing_zero(self):
        digest = self.env.ref("im_livechat_subaccount.digest_team")
        first_answer, satisfaction, missed, received = (
            f"kpi_livechat_team_{name}"
            for name in ("first_answer", "satisfaction", "missed", "received")
        )
        nothing = self.team._derive(Counter())
        yesterday = {**nothing, "first_answer": 5, "missed": 1, "received": 1}
        noon = fields.Datetime.now() - timedelta(hours=12)
        for seconds, said in ((7.2, "8 s"), (754, "12 min 34 s"), (7380, "2 h 3 min"), (None, "–")):
            today = {**nothing, "first_answer": seconds, "missed": 2, "received": 2}

            def read(_team, _start, end, today=today):
                return {0: today if fields.Datetime.to_datetime(end) > noon else yesterday}

            with (
                self.subTest(seconds=seconds),
                patch.object(type(self.team), "_read_figures", read),
            ):
                columns = {
                    kpi["kpi_name"]: kpi["kpi_col1"]
                    for kpi in digest._compute_kpis(self.env.company, self.owner)
                }
                self.assertEqual(columns[first_answer]["value"], said)
                # Each of its own period, though they are computed together.
                self.assertEqual([columns[name]["value"] for name in (received, missed)], [2, 2])
                # More buyers are good news, more missed ones and later answers are not.
                margins = [columns[name]["margin"] for name in (received, missed, first_answer)]
                self.assertEqual(margins, [100, 0, 0])
                self.assertEqual(columns[satisfaction]["value"], "–")


@tagged("post_install", "-at_install")
class TestWhatHappenedIsCountedOnce(DispatchCommon):
    """Each wait, transfer, hand-over, miss, leaver and buyer turned away is counted once, by all
    pages alike; agents Maria and Omar, and Lena alone in the group Returns, have one seat each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.french = cls.env.ref("base.lang_fr")
        cls.french.active = True
        cls.maria, cls.omar, cls.lena = (
            cls._create_agent(f"{name}_once") for name in ("maria", "omar", "lena")
        )
        cls.channel = cls._create_channel(
            cls.maria | cls.omar | cls.lena,
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
            no_reply_seconds=60,
        )
        cls.returns = cls.env["livechat.dispatch.group"].create(
            {
                "name": "Returns",
                "channel_id": cls.channel.id,
                "user_ids": cls.lena.ids,
                "scope_ids": [Command.create({"kind": "lang", "lang_id": cls.french.id})],
            }
        )
        cls.domain = [("livechat_channel_id", "=", cls.channel.id)]
        cls.totals = cls.env["livechat.dispatch.total"]

    def _sum(self, name, *domain):
        return sum(self.totals.search([*self.domain, *domain]).mapped(name))

    def _assert_pages_tell(self, **expected):
        """Compare what each page shows of this channel; what is not named never happened."""
        kinds = {"transfers": "transfer", "misses": "reassign", "left": "leave", "nobody": "nobody"}
        names = ("assigned", "waits", "seconds", *kinds)
        expected = {name: expected.get(name, 0) for name in names}
        self.env.flush_all()
        self.env.invalidate_all()
        self.env.cr.execute(
            """
            SELECT kind, has_waited, waited_seconds
              FROM livechat_dispatch_decision
             WHERE livechat_channel_id = %s
            """,
            [self.channel.id],
        )
        rows = self.env.cr.fetchall()
        waited = [seconds for _kind, has_waited, seconds in rows if has_waited]
        decisions = {
            "assigned": sum(kind in ("assign", "overflow") for kind, *_rest in rows),
            "waits": len(waited),
            "seconds": sum(waited),
            **{
                name: sum(kind == wanted for kind, *_rest in rows) for name, wanted in kinds.items()
            },
        }
        self.totals._count(fresh=True)
        totals = {
            name: self._sum(column)
            for name, column in {
                "assigned": "assigned",
                "waits": "waited_count",
                "seconds": "waited_seconds",
                "transfers": "transferred",
                "misses": "unanswered",
                "left": "left_line",
                "nobody": "nobody",
            }.items()
        }
        ((waits, average, transfers, left, missed),) = self.env[
            "im_livechat.report.channel"
        ]._read_group(
            self.domain,
            [],
            [
                "dispatch_waited:sum",
                "dispatch_waited_seconds:avg",
                "dispatch_transfer_count:sum",
                "dispatch_left:sum",
                "dispatch_missed:sum",
            ],
        )
        reception = self.channel._get_today_figures()[self.channel.id]
        for seconds in (decisions.pop("seconds"), totals.pop("seconds"), (average or 0) * waits):
            self.assertAlmostEqual(seconds, expected["seconds"], delta=2 * (waits + 1))
        del expected["seconds"]
        self.assertEqual(decisions, expected)
        self.assertEqual(totals, expected)
        self.assertEqual(
            {"waits": waits, "transfers": transfers, "left": left},
            {name: expected[name] for name in ("waits", "transfers", "left")},
        )
        self.assertEqual(
            [reception[name] for name in ("assigned", "unanswered", "nobody", "missed")],
            [expected["assigned"], expected["misses"], expected["nobody"], missed],
        )
        return reception

    def _wait(self, chat, seconds):
        self.assertEqual(chat.dispatch_state, "queued")
        chat.dispatch_queued_at -= timedelta(seconds=seconds)

    def _fill(self):
        """Seat a buyer with each agent; the chats of Maria, Omar and Lena."""
        chats = [self._come(self.channel) for _agent in range(2)]
        chats.append(self._come(self.channel, lang="fr_FR"))
        by_agent = {self._agent_of(chat): chat for chat in chats}
        return [by_agent[agent] for agent in (self.maria, self.omar, self.lena)]

    def test_a_transfer_into_a_line_and_the_wait_there(self):
        mine, _other, returned = self._fill()
        mine.with_user(self.maria).transfer("wrong_group", group_id=self.returns.id)
        self._assert_pages_tell(assigned=3, transfers=1)
        self.assertEqual(self._sum("transferred", ("user_id", "=", self.maria.id)), 1)
        self._wait(mine, 50)
        self._close(returned)
        self.channel._drain()
        self.assertEqual(self._agent_of(mine), self.lena)
        self._assert_pages_tell(assigned=3, transfers=1, waits=1, seconds=50)
        handed = mine.dispatch_decision_ids[:1]
        self.assertEqual((handed.kind, handed.previous_user_id), ("hand_over", self.maria))
        self.assertEqual(self._sum("given_away", ("user_id", "=", self.maria.id)), 1)
        self.assertEqual(self._sum("given_away"), 1)

    def test_a_wait_that_ends_at_once(self):
        mine, *_others = self._fill()
        waiting = self._come(self.channel)
        self._close(mine)
        self.channel._drain()
        self.assertEqual(self._agent_of(waiting), self.maria)
        self._assert_pages_tell(assigned=4, waits=1)

    def test_a_transfer_to_a_colleague(self):
        mine, other, _returned = self._fill()
        self._close(other)
        mine.with_user(self.maria).transfer("asked", user_id=self.omar.id)
        self._assert_pages_tell(assigned=3, transfers=1)
        self.assertEqual(self._sum("transferred", ("user_id", "=", self.maria.id)), 1)
        self.assertEqual(self._sum("transferred_in", ("user_id", "=", self.omar.id)), 1)

    def test_a_transfer_out_of_the_line_ends_the_wait(self):
        self._fill()
        waiting = self._come(self.channel)
        self._wait(waiting, 40)
        manager = self._create_agent("chief_once", groups="im_livechat.im_livechat_group_manager")
        waiting.with_user(manager).transfer("asked", user_id=self.omar.id)
        self._assert_pages_tell(assigned=3, transfers=1, waits=1, seconds=40)
        self.assertEqual(self._sum("transferred", ("user_id", "=", manager.id)), 1)

    def test_a_transfer_from_line_to_line_goes_on_with_the_same_wait(self):
        _mine, _other, returned = self._fill()
        waiting = self._come(self.channel)
        self._wait(waiting, 40)
        manager = self._create_agent("chief_once", groups="im_livechat.im_livechat_group_manager")
        waiting.with_user(manager).transfer("wrong_group", group_id=self.returns.id)
        self._assert_pages_tell(assigned=3, transfers=1)
        self._wait(waiting, 30)
        self._close(returned)
        self.channel._drain()
        self.assertEqual(self._agent_of(waiting), self.lena)
        self._assert_pages_tell(assigned=4, transfers=1, waits=1, seconds=70)

    def test_a_hand_over_into_the_line_and_a_second_wait(self):
        mine, other, _returned = self._fill()
        waiting = self._come(self.channel)
        self._wait(waiting, 20)
        self._close(mine)
        self.channel._drain()
        self.assertEqual(self._agent_of(waiting), self.maria)
        waiting._hand_over(self.maria)
        self._wait(waiting, 30)
        self.maria.dispatch_paused = True
        self._close(other)
        self.channel._drain()
        self.assertEqual(self._agent_of(waiting), self.omar)
        self._assert_pages_tell(assigned=4, waits=2, seconds=50)
        handed = waiting.dispatch_decision_ids[:1]
        self.assertEqual((handed.kind, handed.previous_user_id), ("hand_over", self.maria))
        self.assertEqual(self._sum("given_away", ("user_id", "=", self.maria.id)), 1)
        ((average,),) = self.env["im_livechat.report.channel"]._read_group(
            self.domain, [], ["dispatch_waited_seconds:avg"]
        )
        self.assertAlmostEqual(average, 25, delta=2)

    def test_a_hand_over_to_a_free_colleague(self):
        mine, other, _returned = self._fill()
        self._close(other)
        mine._hand_over(self.maria)
        self.assertEqual(self._agent_of(mine), self.omar)
        self._assert_pages_tell(assigned=3)
        self.assertEqual(self._sum("given_away", ("user_id", "=", self.maria.id)), 1)

    def test_a_buyer_who_leaves_the_line_for_the_pool_and_then_for_good(self):
        self._fill()
        waiting = self._come(self.channel)
        self._wait(waiting, 20)
        waiting._leave_message()
        self._assert_pages_tell(assigned=3)
        self._close(waiting)
        self._assert_pages_tell(assigned=3, left=1, waits=1, seconds=20)

    def test_an_agent_who_does_not_answer(self):
        guest = self._create_guest()
        chat = self._come(self.channel, guest)
        (agent,) = self._agent_of(chat)
        self._say(chat, guest, "Is it in stock?")
        chat.dispatch_assigned_at -= timedelta(seconds=61)
        chat.dispatch_asked_at -= timedelta(seconds=61)
        self.env.flush_all()
        self.env["discuss.channel"]._reassign_unanswered()
        (successor,) = self._agent_of(chat)
        self.assertNotEqual(successor, agent)
        self._assert_pages_tell(assigned=1, misses=1)
        self.assertEqual(self._sum("unanswered", ("user_id", "=", agent.id)), 1)
        self.assertEqual(self._sum("unanswered", ("user_id", "=", successor.id)), 0)
        # The buyer was answered in the end: no chat was missed.
        self._say(chat, successor)
        self._close(chat)
        reception = self._assert_pages_tell(assigned=1, misses=1)
        self.assertEqual(reception["missed"], 0)

    def test_a_channel_that_becomes_odoos_own_ends_the_waits(self):
        self._fill()
        waiting = self._come(self.channel)
        self._wait(waiting, 20)
        self.channel.write({"dispatch_mode": "native", "user_ids": [Command.clear()]})
        self.assertFalse(waiting.dispatch_state)
        self._assert_pages_tell(assigned=3, waits=1, seconds=20, nobody=1)

    # ------------------------------------------------------------
    # Nobody
    # ------------------------------------------------------------

    def _turn_away(self):
        """A buyer asks for a chat and gets none, as the route does it."""
        self._set_online(self.maria | self.omar | self.lena, "offline")
        self.assertFalse(self._come(self.channel))
        self.channel._record_nobody()

    def test_a_buyer_who_is_turned_away(self):
        for _buyer in range(2):
            self._turn_away()
        self._assert_pages_tell(nobody=2)
        decision = self.env["livechat.dispatch.decision"].search(self.domain, limit=1)
        self.assertEqual((decision.kind, decision.rule), ("nobody", "nobody"))
        self.assertFalse(decision.discuss_channel_id or decision.user_id or decision.group_id)
        self.assertEqual(decision.excluded_counts, {"offline": 2})
        self.assertFalse(decision.run_again())

    def test_a_bot_that_finds_nobody(self):
        self._set_online(self.maria | self.omar | self.lena, "offline")
        bot = self.env["chatbot.script"].create(
            {
                "title": "Bot once",
                "script_step_ids": [Command.create({"step_type": "text", "message": "Hello"})],
            }
        )
        chat = self.env["discuss.channel"].create(
            self.channel._get_livechat_discuss_channel_vals(
                chatbot_script=bot,
                operator_partner=bot.operator_partner_id,
                operator_model="chatbot.script",
            )
        )
        chat._forward_human_operator()
        self._assert_pages_tell(nobody=1)
        self.assertEqual(chat.dispatch_decision_ids.kind, "nobody")

    def test_who_asks_without_end_fills_no_table(self):
        with patch.object(decision_room, "NOBODY_RECORDS_MAX", 3):
            for _buyer in range(5):
                self._turn_away()
            self._assert_pages_tell(nobody=3)
            decisions = self.env["livechat.dispatch.decision"].search(self.domain)
            decisions.moment = fields.Datetime.now() - timedelta(minutes=61)
            self.env.flush_all()
            self._turn_away()
        self.assertEqual(len(self.env["livechat.dispatch.decision"].search(self.domain)), 4)

    def test_a_record_that_cannot_be_written_changes_no_answer(self):
        def fail(*_args):
            self.env.cr.execute("SELECT 1 / 0")

        with (
            patch.object(self.env.registry["im_livechat.channel"], "_record_decision", fail),
            self.assertLogs("odoo.addons.im_livechat_subaccount", "ERROR"),
            self.assertLogs("odoo.sql_db", "ERROR"),
        ):
            self._turn_away()
        self._assert_pages_tell()

    def test_a_preview_that_finds_nobody_leaves_no_record(self):
        self._set_online(self.maria | self.omar | self.lena, "offline")
        preview = self.channel.with_context(livechat_dispatch_preview=PREVIEW)
        preview._get_operator_info(lang=None, country_id=None)
        preview._record_nobody()
        self._assert_pages_tell()
