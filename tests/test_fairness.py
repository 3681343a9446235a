from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from ..dispatch import ledger
from ..dispatch.credit import CHAT
from ..dispatch.fairness import PARTS
from .common import DispatchCommon, ShopCommon

_EXACT = ("entitled", "difference", *PARTS)
_WHOLE = ("received", "served", "by_hand", "sticky", "exclusive", "offered", "transferred_in")


class FairnessCommon(ShopCommon, DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Total = cls.env["livechat.dispatch.total"]
        cls.Total._count(wait=True)
        # What others left in this database is not what is tested.
        cls.env["livechat.dispatch.decision"].search([]).unlink()
        cls.Total.search([]).unlink()

    def _read_totals(self):
        """{user id: {name: sum}}, chats with fractions in 1 / CHAT chat."""
        self.env.flush_all()
        columns = [f"(sum({name}) * {CHAT})::bigint" for name in _EXACT]
        columns += [f"sum({name})" for name in _WHOLE]
        self.env.cr.execute(
            f"""
            SELECT user_id, {", ".join(columns)}
              FROM livechat_dispatch_total
             WHERE livechat_channel_id IS NOT NULL
          GROUP BY user_id
            """
        )
        return {
            user_id: dict(zip((*_EXACT, *_WHOLE), map(int, sums), strict=True))
            for user_id, *sums in self.env.cr.fetchall()
        }

    def _live_through_a_day(self):
        """Weights, absences, capacity, groups, regulars, languages, transfers and hand-overs."""
        self.heavy, self.light, self.third, self.fourth = (
            self._create_agent(f"fair_{name}", weight)
            for name, weight in [("heavy", 300), ("light", 70), ("third", 100), ("fourth", 130)]
        )
        agents = self.heavy | self.light | self.third | self.fourth
        self.channel = self._create_channel(
            agents, max_sessions_mode="limited", max_sessions=5, queue_enabled=True
        )
        group = self.env["livechat.dispatch.group"].create(
            {"name": "Returns", "channel_id": self.channel.id, "user_ids": self.third.ids}
        )
        self.light.res_users_settings_id.livechat_lang_ids = self.env["res.lang"]._activate_lang(
            "fr_FR"
        )
        buyers = [self._create_guest(f"Buyer {number}") for number in range(30)]
        chats = []
        for number, buyer in enumerate(buyers):
            if number == 8:
                self.fourth.dispatch_paused = True
            if number == 15:
                self.fourth.dispatch_paused = False
                self._set_online(self.light, "offline")
            if number == 20:
                self._set_online(self.light)
            lang = "fr_FR" if number % 7 == 0 else None
            chats.append(self._come(self.channel, buyer, lang=lang))
        for chat in chats[:12]:
            for agent in self._agent_of(chat):
                self._say(chat, agent)
        self._close(self.env["discuss.channel"].concat(*chats[:12]))
        chats += [self._come(self.channel, buyer) for buyer in buyers[:4]]
        self._close(chats[12])
        self._close(chats[13])
        chats[14].with_env(self.env).sudo()._transfer_to_group(
            group.id, {"kind": "transfer", "reason": "Another group's matter"}
        )
        other = (agents - self.third - self._agent_of(chats[15]))[0]
        admin = self.env.ref("base.user_admin")
        admin.group_ids |= self.env.ref("im_livechat.im_livechat_group_manager")
        chats[15].with_user(admin).transfer("shift_end", user_id=other.id)
        self._close(chats[16])
        chats[17]._hand_over(self._agent_of(chats[17])[:1])
        return chats


@tagged("post_install", "-at_install")
class TestFairness(FairnessCommon):
    def test_the_sum_of_the_parts_is_the_whole_for_every_agent(self):
        before = ledger.read_credits(self.env.cr)
        self._live_through_a_day()
        self.Total._count(wait=True)
        decisions = self.env["livechat.dispatch.decision"].search([])
        totals = self._read_totals()
        credits = ledger.read_credits(self.env.cr)
        agents = self.channel.user_ids
        for agent in agents:
            with self.subTest(agent=agent.login):
                total = totals[agent.id]
                won = decisions.filtered(lambda decision, agent=agent: decision.user_id == agent)
                self.assertEqual(total["received"], len(won))
                self.assertEqual(
                    sum(total[name] for name in PARTS) + CHAT * total["by_hand"],
                    CHAT * total["received"],
                )
                self.assertEqual(sum(total[name] for name in PARTS[:5]), total["entitled"])
                self.assertEqual(total["difference"], total["entitled"] - CHAT * total["served"])
                # The ledger itself says the same.
                self.assertEqual(total["difference"], credits[agent.id] - before.get(agent.id, 0))
        # All of it happened; a day in which nothing did would prove nothing.
        whole = {name: sum(total[name] for total in totals.values()) for name in (*_EXACT, *_WHOLE)}
        self.assertEqual(whole["entitled"], CHAT * whole["served"])
        self.assertEqual(whole["difference"], 0)
        self.assertEqual(whole["scope_part"], CHAT * whole["served"])
        for name in PARTS[1:]:
            self.assertEqual(whole[name], 0, name)
            self.assertTrue(any(total[name] for total in totals.values()), name)
        for name in ("by_hand", "sticky", "transferred_in"):
            self.assertTrue(whole[name], name)

    def test_totals_stay_the_same_when_records_go(self):
        self._live_through_a_day()
        decisions = self.env["livechat.dispatch.decision"].search([])
        decisions[:5].unlink()
        self.Total._count()
        totals = self._read_totals()
        self.Total._count()
        self.assertEqual(self._read_totals(), totals)
        old = decisions.exists()
        old[:20].moment = fields.Datetime.now() - timedelta(days=91)
        self.env["livechat.dispatch.decision"]._gc_old_decisions()
        self.assertEqual(old.exists(), old[20:])
        self.assertEqual(self._read_totals(), totals)
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.decision_days", "0")
        old[20:].moment = fields.Datetime.now() - timedelta(days=9999)
        self.env["livechat.dispatch.decision"]._gc_old_decisions()
        self.assertEqual(old.exists(), old[20:])
        old[20:].unlink()
        self.assertEqual(self._read_totals(), totals)

    def test_records_that_go_before_they_are_counted_are_counted(self):
        self._live_through_a_day()
        decisions = self.env["livechat.dispatch.decision"].search([])
        with_winner = decisions.filtered("user_id")
        decisions.unlink()
        totals = self._read_totals()
        self.assertEqual(sum(total["received"] for total in totals.values()), len(with_winner))

    def test_what_a_deleted_agent_got_stays_in_the_sum(self):
        agent, other = self._create_agent("fair_going"), self._create_agent("fair_staying")
        channel = self._create_channel(agent | other)
        chats = [self._come(channel) for _buyer in range(4)]
        self._close(self.env["discuss.channel"].concat(*chats))
        agent.unlink()
        totals = self._read_totals()
        self.assertEqual(totals[None]["received"], 2)
        self.assertEqual(totals[None]["entitled"], 2 * CHAT)
        self.assertEqual(totals[other.id]["received"], 2)

    def test_a_large_team_is_counted_exactly(self):
        agents = self.env["res.users"].union(
            *(self._create_agent(f"many{number}", 50 + number) for number in range(53))
        )
        self._set_online(agents[:2], "offline")
        channel = self._create_channel(agents)
        before = ledger.read_credits(self.env.cr)
        chats = [self._come(channel) for _buyer in range(3)]
        decision = chats[0].dispatch_decision_ids
        self.assertFalse(decision.excluded)
        self.Total._count()
        totals = self._read_totals()
        credits = ledger.read_credits(self.env.cr)
        self.assertEqual(len(totals), 53)
        for agent in agents:
            total = totals[agent.id]
            self.assertEqual(
                total["difference"], credits.get(agent.id, 0) - before.get(agent.id, 0)
            )
            self.assertEqual(
                sum(total[name] for name in PARTS), CHAT * total["received"], agent.login
            )
        self.assertLess(totals[agents[0].id]["presence_part"], 0)
        self.assertLess(len(str(decision.team)), 5000)

    def test_waits_and_leavers_are_counted(self):
        agent = self._create_agent("fair_busy")
        channel = self._create_channel(
            agent, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        first, second, third = (self._come(channel) for _buyer in range(3))
        for chat, seconds in ((second, 40), (third, 70)):
            chat.dispatch_queued_at = fields.Datetime.now() - timedelta(seconds=seconds)
        self._close(third)
        self._close(first)
        channel._drain()
        self.assertEqual(self._agent_of(second), agent)
        self.Total._count()
        rows = self.Total.search([("livechat_channel_id", "=", channel.id)])
        self.assertEqual(sum(rows.mapped("queued")), 2)
        self.assertEqual(sum(rows.mapped("left_line")), 1)
        self.assertEqual(sum(rows.mapped("waited_count")), 2)
        self.assertAlmostEqual(sum(rows.mapped("waited_seconds")), 110, delta=5)
        mine = rows.filtered(lambda row: row.user_id == agent)
        self.assertEqual((mine.assigned, mine.received), (2, 2))
        # The report has it from the chats.
        self.env.flush_all()
        report = self.env["im_livechat.report.channel"]
        found = {row.id: row for row in report.browse((first | second | third).ids)}
        self.assertEqual(
            [found[chat.id].dispatch_waited for chat in (first, second, third)], [0, 1, 1]
        )
        self.assertAlmostEqual(found[second.id].dispatch_waited_seconds, 40, delta=3)
        self.assertEqual(
            [found[chat.id].dispatch_left for chat in (first, second, third)], [0, 0, 1]
        )
        self.assertEqual(
            [found[chat.id].dispatch_rule for chat in (first, second, third)],
            ["share", "share", "nobody"],
        )
        self.assertEqual(
            [found[chat.id].dispatch_missed for chat in (first, second, third)], [1, 0, 1]
        )

    # ------------------------------------------------------------
    # Online time
    # ------------------------------------------------------------

    def _poll(self, agent, moment):
        with self._at(moment):
            self.env["mail.presence"]._update_presence(agent)

    def _at(self, moment):
        return patch.object(self.env.cr, "now", lambda: moment)

    def _read_time(self, agent):
        self.env.flush_all()
        rows = self.Total.search([("user_id", "=", agent.id)], order="hour")
        return [(row.hour.hour, row.online_seconds, row.paused_seconds) for row in rows]

    def test_online_time_is_split_by_hour_and_pauses_are_no_online_time(self):
        agent = self._create_agent("fair_time")
        self._create_channel(agent)
        Presence = self.env["livechat.dispatch.presence"]
        Presence.search([("user_id", "=", agent.id)]).unlink()
        day = fields.Datetime.to_datetime("2026-03-02 00:00:00")

        def at(hour, minute):
            return day + timedelta(hours=hour, minutes=minute)

        for state, moment in (
            ("online", at(8, 50)),
            ("paused", at(9, 30)),
            ("online", at(9, 40)),
            ("gone", at(11, 5)),
        ):
            Presence.create({"user_id": agent.id, "moment": moment, "state": state})
        self.Total._count(fresh=True)
        expected = [(8, 600, 0), (9, 3000, 600), (10, 3600, 0), (11, 300, 0)]
        self.assertEqual(self._read_time(agent), expected)
        self.assertEqual(Presence.search([("user_id", "=", agent.id)]).state, "gone")
        self.Total._count(fresh=True)
        self.assertEqual(self._read_time(agent), expected)

    def test_who_is_here_is_counted_up_to_the_last_sign_of_life(self):
        agent = self._create_agent("fair_here")
        self._create_channel(agent)
        Presence = self.env["livechat.dispatch.presence"]
        now = fields.Datetime.now()
        Presence.search([("user_id", "=", agent.id)]).moment = now - timedelta(seconds=100)
        agent.presence_ids.last_poll = now - timedelta(seconds=40)
        self.Total._count(fresh=True)
        self.assertEqual(sum(seconds for _h, seconds, _p in self._read_time(agent)), 60)
        agent.presence_ids.last_poll = now - timedelta(seconds=10)
        self.Total._count()
        self.assertEqual(sum(seconds for _h, seconds, _p in self._read_time(agent)), 60)
        self.Total._count(fresh=True)
        self.assertEqual(sum(seconds for _h, seconds, _p in self._read_time(agent)), 90)

    def test_the_time_in_which_a_server_was_dead_is_not_online_time(self):
        agent = self._create_agent("fair_dead")
        self._create_channel(agent)
        Presence = self.env["livechat.dispatch.presence"]
        now = fields.Datetime.now()
        Presence.search([("user_id", "=", agent.id)]).moment = now - timedelta(seconds=2000)
        self.env.cr.execute(
            "UPDATE mail_presence SET last_poll = %s WHERE user_id = %s",
            [now - timedelta(seconds=1500), agent.id],
        )
        self.env.invalidate_all()
        self._set_online(agent)
        self.Total._count(fresh=True)
        seconds = sum(seconds for _h, seconds, _p in self._read_time(agent))
        self.assertAlmostEqual(seconds, 500, delta=3)

    def test_coming_pausing_and_going_is_noted_for_agents_only(self):
        agent = self._create_agent("fair_notes")
        Presence = self.env["livechat.dispatch.presence"]
        agent.dispatch_paused = True
        agent.dispatch_paused = False
        self._set_online(agent, "offline")
        notes = Presence.search([("user_id", "=", agent.id)], order="id")
        self.assertEqual(notes.mapped("state"), ["online", "paused", "online", "gone"])
        clerk = new_test_user(self.env, "fair_clerk", "base.group_user")
        self._set_online(clerk)
        self.assertFalse(Presence.search([("user_id", "=", clerk.id)]))

    # ------------------------------------------------------------
    # What people see
    # ------------------------------------------------------------

    def test_two_agents_are_compared_in_parts_that_add_up(self):
        self._live_through_a_day()
        self.Total._count()
        manager = new_test_user(self.env, "fair_manager", "im_livechat.im_livechat_group_manager")
        rows = self.Total.search([("user_id", "in", (self.heavy | self.light).ids)])
        selected = {"active_model": rows._name, "active_ids": rows.ids}
        form = Form(self.env["livechat.dispatch.compare"].with_user(manager).with_context(selected))
        self.assertEqual(form.first_user_id | form.second_user_id, self.heavy | self.light)
        self.assertTrue(form.sentence)
        compare = Form(self.env["livechat.dispatch.compare"].with_user(manager))
        compare.first_user_id, compare.second_user_id = self.heavy, self.light
        totals = self._read_totals()
        more = totals[self.heavy.id]["received"] - totals[self.light.id]["received"]
        self.assertGreater(more, 0)
        self.assertIn(
            f"{self.heavy.name} received {more} more than {self.light.name} because: ",
            compare.sentence,
        )
        reasons = compare.sentence.partition("because: ")[2].split(", ")
        numbers = [float(reason.rpartition(" ")[2].replace("−", "-")) for reason in reasons]
        self.assertAlmostEqual(sum(numbers), more)
        self.assertIn("weight", compare.sentence)
        record = compare.save()
        for part in ("weight", "online time", "scope", "regulars", "Chats received"):
            self.assertIn(part, record.explanation)
        reverse = Form(self.env["livechat.dispatch.compare"].with_user(manager))
        reverse.first_user_id, reverse.second_user_id = self.light, self.heavy
        self.assertIn(f"{more} fewer than", reverse.sentence)
        with self.assertRaises(ValidationError):
            record.write({"date_to": "2020-01-01"})
            record.flush_recordset()

    def test_who_has_no_figures_to_compare_is_named(self):
        self._live_through_a_day()
        self.Total._count()
        manager = new_test_user(self.env, "fair_manager", "im_livechat.im_livechat_group_manager")
        idle = self._create_agent("fair_idle", name="Idle")
        form = Form(self.env["livechat.dispatch.compare"].with_user(manager))
        form.first_user_id = self.heavy
        self.assertFalse(form.sentence)
        form.second_user_id = idle
        self.assertEqual(form.sentence, "There are no figures of Idle in this period.")
        self.assertFalse(form.explanation)

    def test_numbers_are_written_in_the_language_of_the_user(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        compare = self.env["livechat.dispatch.compare"].with_context(lang="fr_FR").new({})
        self.assertEqual("".join(compare._format(-1234.56, sign=True).split()), "−1234,6")

    def test_an_agent_gets_its_own_figures(self):
        agent, other = self._create_agent("fair_own", 300), self._create_agent("fair_other", 100)
        channel = self._create_channel(agent | other)
        chats = [self._come(channel) for _buyer in range(4)]
        for chat in chats:
            if self._agent_of(chat) == agent:
                self._say(chat, agent)
        figures = agent.with_user(agent).get_my_dispatch_figures()
        for period in ("today", "week"):
            mine = figures[period]
            self.assertEqual((mine["received"], mine["served"]), (3, 3))
            self.assertAlmostEqual(mine["entitled"], 3.0)
            self.assertAlmostEqual(mine["share"], 0.75)
            self.assertAlmostEqual(mine["difference"], 0.0)
            self.assertIsNotNone(mine["median_answer_seconds"])
        self.assertIsNone(
            other.with_user(other).get_my_dispatch_figures()["today"]["median_answer_seconds"]
        )
        clerk = new_test_user(self.env, "fair_none", "base.group_user")
        self.assertFalse(clerk.with_user(clerk).get_my_dispatch_figures())

    def test_share_and_online_time_of_a_group_follow_from_its_sums(self):
        agents = self._create_agent("fair_a", 300) | self._create_agent("fair_b", 100)
        channel = self._create_channel(agents)
        for _buyer in range(4):
            self._come(channel)
        self.Total._count()
        rows = self.Total.formatted_read_group(
            [("livechat_channel_id", "=", channel.id)],
            ["user_id"],
            ["share:avg", "online_hours:sum", "average_wait:avg", "entitled:sum"],
        )
        shares = {row["user_id"][0]: float(row["share:avg"]) for row in rows}
        self.assertAlmostEqual(shares[agents[0].id], 0.75)
        self.assertAlmostEqual(shares[agents[1].id], 0.25)
        names = self.Total.fields_get(["share", "online_hours"], ["aggregator"])
        self.assertEqual(names["share"]["aggregator"], "avg")
        self.assertEqual(names["online_hours"]["aggregator"], "sum")

    def test_who_reads_which_figures_and_nobody_writes_them(self):
        one, other = (self._enable(name, self.role_reception) for name in ("One", "Other"))
        auditor = self._enable("Auditor", self.role_audit)
        reports = self.env.ref("im_livechat_subaccount.permission_see_reports")
        reader = self._enable(
            "Reader", self.Roles.create({"name": "Reports", "permission_ids": reports.ids})
        )
        shop = self._create_channel(one | other, main_account_id=self.owner.id)
        for _buyer in range(2):
            self._come(shop)
        self.Total._count(fresh=True)
        rows = self.Total.search([("livechat_channel_id", "=", shop.id)])
        mine = {user: rows.filtered(lambda r, user=user: r.user_id == user) for user in one | other}
        self.assertTrue(all(mine.values()))
        manager = new_test_user(self.env, "fair_boss", "im_livechat.im_livechat_group_manager")
        plain = self._create_agent("fair_plain")
        employee = new_test_user(self.env, "fair_employee", "base.group_user")
        for user, expected in (
            (one, mine[one]),
            (other, mine[other]),
            (self.owner, rows),
            (auditor, rows),
            (reader, rows),
            (manager, rows),
            (self.rival, rows.browse()),
            (plain, rows.browse()),
        ):
            with self.subTest(user=user.login):
                records = rows.with_user(user)
                self.assertEqual(records.search([("id", "in", rows.ids)]), expected.with_user(user))
                self.assertEqual(
                    records.browse().action_open()["res_model"], "livechat.dispatch.total"
                )
                for call in (
                    lambda records=records: records.write({"served": 1}),
                    lambda records=records: records.unlink(),
                    lambda records=records: records.create({"hour": "2026-01-01 00:00:00"}),
                ):
                    with self.assertRaises(AccessError):
                        call()
        with self.assertRaises(AccessError):
            rows.with_user(employee).action_open()
        with self.assertRaises(AccessError):
            rows.with_user(employee).search([])
        # Whose figures one cannot read, one cannot compare either.
        stranger = self.env["livechat.dispatch.compare"].with_user(self.rival)
        with self.assertRaises(AccessError):
            stranger.create({"first_user_id": one.id})
        asked = stranger.new({"first_user_id": one.id, "second_user_id": other.id})
        self.assertFalse(asked.sentence)
        self.assertFalse(asked.agent_ids)
        compare = (
            self.env["livechat.dispatch.compare"]
            .with_user(auditor)
            .create({"first_user_id": one.id, "second_user_id": other.id})
        )
        self.assertIn("the same number of chats", compare.sentence)
        with self.assertRaises(AccessError):
            self.env["livechat.dispatch.compare"].with_user(one).create({})

    def test_a_record_tells_whether_it_leads_to_the_same_winner_again(self):
        agent = self._create_agent("fair_again", name="Ines Again")
        channel = self._create_channel(agent)
        decision = self._come(channel).dispatch_decision_ids
        params = decision.with_user(agent).action_run_again()["params"]
        self.assertEqual(params["type"], "success")
        self.assertEqual(
            params["message"], "The record alone leads to the same outcome: Ines Again."
        )
        decision.user_id = self._create_agent("fair_forged")
        self.assertEqual(decision.action_run_again()["params"]["type"], "warning")
