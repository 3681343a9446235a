import json
import threading
import time
from contextlib import closing
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields, sql_db
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ..dispatch import ledger
from ..dispatch.ledger import audit, door, locks
from ..models.reception.livechat_dispatch_health import INFORMATION, KINDS
from .common import DispatchCommon, create_user

_LOGGER = "odoo.addons.im_livechat_subaccount.models.reception.livechat_dispatch_health"


class HealthCommon(DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one, cls.other = cls._create_agent("one"), cls._create_agent("other")
        cls.agents = cls.one | cls.other
        cls.channel = cls._create_channel(
            cls.agents, queue_enabled=True, max_sessions_mode="limited", max_sessions=2
        )
        # What the shops in this database had wrong before.
        with mute_logger(_LOGGER):
            cls.env["livechat.dispatch.health"]._check_all()
        cls.env.ref("im_livechat_subaccount.ir_cron_dispatch").nextcall = fields.Datetime.now()

    def _check(self, kind):
        """What a check of this kind finds now, and has repaired."""
        row = self.env["livechat.dispatch.health"].search([("kind", "=", kind)])
        before = row.repaired
        with mute_logger(_LOGGER):
            self.env["livechat.dispatch.health"]._check(kind)
        return row.found, row.repaired - before

    def _assert_mends(self, kind, found=1):
        """It is found and mended, and not found any more."""
        self.assertEqual(self._check(kind), (found, found))
        self.assertEqual(self._check(kind), (0, 0))

    def _wait(self):
        """A buyer waits in line, as the seats are taken."""
        for _seat in range(4):
            self._come(self.channel)
        chat = self._come(self.channel)
        self.assertEqual(chat.dispatch_state, "queued")
        return chat

    def _run(self, query, *params):
        """Change the database behind the ORM's back, as nothing of ours does."""
        self.env.flush_all()
        self.env.cr.execute(query, params)
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestHealth(HealthCommon):
    def test_in_a_shop_that_is_well_nothing_is_found(self):
        for _buyer in range(4):
            self._come(self.channel)
        self._close(self._come(self.channel))
        for kind, _label in KINDS:
            if kind not in INFORMATION:
                with self.subTest(kind):
                    self.assertEqual(self._check(kind), (0, 0))

    def test_who_has_ended_waits_no_more(self):
        chat = self._wait()
        self._run(
            "UPDATE discuss_channel SET livechat_end_dt = now(), livechat_status = NULL"
            " WHERE id = %s",
            chat.id,
        )
        self._assert_mends("ended_wait")
        self.assertFalse(chat.dispatch_state)

    def test_the_chats_of_a_disabled_agent_go_to_others(self):
        chat = self._come(self.channel)
        agent = self._agent_of(chat)
        self._run("UPDATE res_users SET active = false WHERE id = %s", agent.id)
        self._assert_mends("lost_agent")
        self.assertEqual(self._agent_of(chat), self.agents - agent)

    def test_the_chats_of_who_lost_the_right_go_to_others(self):
        chat = self._come(self.channel)
        agent = self._agent_of(chat)
        self._run("DELETE FROM res_groups_users_rel WHERE uid = %s", agent.id)
        self.env.registry.clear_cache("groups")
        self._assert_mends("lost_agent")
        self.assertEqual(self._agent_of(chat), self.agents - agent)
        self.assertNotIn(agent, self.channel.user_ids)

    def test_seats_without_a_chat_are_free_again(self):
        chat = self._come(self.channel)
        self._close(chat)
        self._run(
            "INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id) VALUES (%s, %s)",
            *(chat.id, self.one.partner_id.id),
        )
        running = self._come(self.channel)
        stranger = self.agents - self._agent_of(running)
        self._run(
            "INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id) VALUES (%s, %s)",
            *(running.id, stranger.partner_id.id),
        )
        self._assert_mends("seat_without_chat", 2)
        self.assertEqual(len(running.dispatch_seat_partner_ids), 1)

    def test_a_chat_that_nobody_has_gets_an_agent(self):
        lost, unseated = self._come(self.channel), self._come(self.channel)
        agent = self._agent_of(unseated)
        self._run("DELETE FROM livechat_dispatch_seat WHERE discuss_channel_id = %s", unseated.id)
        self._run("DELETE FROM livechat_dispatch_seat WHERE discuss_channel_id = %s", lost.id)
        self._run(
            "DELETE FROM discuss_channel_member WHERE channel_id = %s AND partner_id IN %s",
            *(lost.id, tuple(self.agents.partner_id.ids)),
        )
        self._assert_mends("chat_without_seat", 2)
        self.assertEqual(self._agent_of(unseated), agent)
        self.assertEqual(len(self._agent_of(lost)), 1)
        self.assertEqual(max(lost.dispatch_decision_ids, key=lambda row: row.id).kind, "hand_over")

    def test_a_chat_that_nobody_can_take_waits_in_line(self):
        chat = self._come(self.channel)
        agent = self._agent_of(chat)
        for _seat in range(3):
            self._come(self.channel)
        # Somebody brought the agent into another chat meanwhile.
        self._open_chat(self.channel, agent)
        self._run("DELETE FROM livechat_dispatch_seat WHERE discuss_channel_id = %s", chat.id)
        self._run(
            "DELETE FROM discuss_channel_member WHERE channel_id = %s AND partner_id IN %s",
            *(chat.id, tuple(self.agents.partner_id.ids)),
        )
        self._assert_mends("chat_without_seat")
        self.assertEqual(chat.dispatch_state, "queued")

    def test_who_waits_although_there_is_room_is_served(self):
        chat = self._wait()
        self._run("UPDATE im_livechat_channel SET max_sessions = 3 WHERE id = %s", self.channel.id)
        self.assertEqual(self._check("unserved"), (0, 0), "for a moment that may be")
        long_ago = fields.Datetime.now() - timedelta(minutes=3)
        self._run(
            "UPDATE discuss_channel SET dispatch_queued_at = %s WHERE id = %s", long_ago, chat.id
        )
        self._assert_mends("unserved")
        self.assertTrue(self._agent_of(chat))

    def test_who_waits_for_room_is_not_found(self):
        self._wait().dispatch_queued_at -= timedelta(hours=1)
        self.assertEqual(self._check("unserved"), (0, 0))

    def _make_group(self, agents):
        return self.env["livechat.dispatch.group"].create(
            {
                "name": "Team",
                "channel_id": self.channel.id,
                "user_ids": [Command.set(agents.ids)],
            }
        )

    def test_an_agent_who_gets_no_buyers_of_a_group_has_no_room_for_its_line(self):
        chat = self._wait()
        group = chat.dispatch_group_id = self._make_group(self.agents)
        chat.dispatch_queued_at -= timedelta(minutes=3)
        group.paused_user_ids = self.one
        taken = self.env["discuss.channel"].search(
            [("dispatch_seat_partner_ids", "in", self.one.partner_id.ids)]
        )
        self._close(taken)
        self.assertEqual(self._check("unserved"), (0, 0), "it is paused there")
        group.paused_user_ids = False
        self._assert_mends("unserved")
        self.assertEqual(self._agent_of(chat), self.one)

    def test_the_line_of_all_other_buyers_is_looked_at_beside_those_of_groups(self):
        chat, other = self._wait(), self._come(self.channel)
        other.dispatch_group_id = self._make_group(self.env["res.users"])
        (chat | other).dispatch_queued_at = fields.Datetime.now() - timedelta(minutes=3)
        self._run("UPDATE im_livechat_channel SET max_sessions = 3 WHERE id = %s", self.channel.id)
        self._assert_mends("unserved")
        self.assertTrue(self._agent_of(chat))

    def test_who_is_just_being_served_is_not_found(self):
        chat = self._wait()
        chat.dispatch_queued_at -= timedelta(hours=1)
        self._close(self.env["discuss.channel"].search([("dispatch_state", "=", "assigned")])[:1])
        health = type(self.env["livechat.dispatch.health"])
        find = health._find_unserved

        def find_while_a_line_is_served(rows):
            found = find(rows)
            self.channel._drain()
            return found

        with patch.object(health, "_find_unserved", find_while_a_line_is_served):
            self.assertEqual(self._check("unserved"), (0, 0))
        self.assertTrue(self._agent_of(chat))

    def test_whose_turn_it_is_to_serve_a_line_next_waits_for_no_lock(self):
        database = sql_db.db_connect(self.env.cr.dbname)
        self.patch(audit, "_LONG_WAIT", "0 seconds")
        for key, found in ((locks.serving(self.channel.id), 0), (locks.COUNTING, 1)):
            with (
                self.subTest(key),
                closing(database.cursor()) as one,
                closing(database.cursor()) as other,
            ):
                locks.take(one, key)
                waits = threading.Thread(target=locks.take, args=(other, key))
                waits.start()
                try:
                    for _time in range(100):
                        self.env.cr.execute("SELECT pg_stat_clear_snapshot()")
                        self.env.cr.execute(
                            "SELECT FROM pg_stat_activity"
                            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                        )
                        if self.env.cr.rowcount:
                            break
                        time.sleep(0.05)
                    self.env.cr.execute("SELECT pg_stat_clear_snapshot()")
                    self.assertEqual(audit.count_long_waits(self.env.cr), found)
                finally:
                    one.rollback()
                    waits.join()

    def test_credits_of_deleted_users_are_forgotten(self):
        third = self._create_agent("third")
        self.channel.user_ids |= third
        self._come(self.channel)
        self.assertIn(third.id, ledger.read_credits(self.env.cr))
        left = ledger.read_credits(self.env.cr)[self.one.id]
        self.channel.user_ids -= third
        gone = third.id
        third.unlink()
        self._assert_mends("credit_of_nobody")
        self.assertNotIn(gone, ledger.read_credits(self.env.cr))
        self.assertEqual(ledger.read_credits(self.env.cr)[self.one.id], left)

    def test_who_is_above_capacity_is_named_and_keeps_the_chats(self):
        for _buyer in range(4):
            self._come(self.channel)
        self.channel.max_sessions = 1
        before = self.env["livechat.dispatch.health"].search([("kind", "=", "above_capacity")])
        was = before.found
        found, repaired = self._check("above_capacity")
        self.assertEqual((found - was, repaired), (2, 0))
        self.assertFalse(before.is_wrong)

    def test_who_was_turned_away_is_counted(self):
        before, _repaired = self._check("refused")
        door.note_blocked(self.env, self.channel.id)
        self.assertEqual(self._check("refused"), (before + 1, 0))

    def test_a_timer_that_is_late_or_off_is_found(self):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch")
        cron.nextcall = fields.Datetime.now() - timedelta(minutes=7)
        self.assertEqual(self._check("late_cron"), (1, 0))
        row = self.env["livechat.dispatch.health"].search([("kind", "=", "late_cron")])
        self.assertIn("7", row.detail)
        self.assertTrue(row.is_wrong)
        cron.write({"nextcall": fields.Datetime.now(), "active": False})
        self.assertEqual(self._check("late_cron"), (1, 0))

    def test_what_fails_does_not_hold_up_the_other_checks(self):
        rows = self.env["livechat.dispatch.health"].search([])
        self.assertEqual(sorted(rows.mapped("kind")), sorted(kind for kind, _label in KINDS))
        self.assertTrue(all(rows.mapped("checked_at")))

    def test_only_administrators_look_and_check(self):
        admin = create_user(self.env, "boss", "base.group_system")
        health = self.env["livechat.dispatch.health"]
        self.assertTrue(health.with_user(admin).search([]))
        with mute_logger(_LOGGER):
            health.with_user(admin).action_check()
        row = health.search([], limit=1)
        for who in (
            create_user(self.env, "owner", "im_livechat_subaccount.group_main_account"),
            create_user(self.env, "lead", "im_livechat.im_livechat_group_manager"),
            self.one,
        ):
            with self.subTest(who.login):
                for call in (
                    lambda who=who: health.with_user(who).search([]),
                    lambda who=who: health.with_user(who).action_check(),
                    lambda who=who: health.with_user(who).action_open(),
                ):
                    with self.assertRaises(AccessError):
                        call()
        for call in (
            lambda: row.with_user(admin).write({"repaired": 0}),
            lambda: health.with_user(admin).create({"kind": "refused"}),
            lambda: row.with_user(admin).unlink(),
        ):
            with self.assertRaises(AccessError):
                call()


@tagged("post_install", "-at_install")
class TestHealthReport(HttpCase, HealthCommon):
    def _get(self, path, token=None):
        headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
        return self.url_open(path, headers=headers)

    def test_programs_with_the_token_read_the_report(self):
        settings = self.env["res.config.settings"]
        for path in ("/livechat/metrics", "/livechat/health.json"):
            self.assertEqual(self._get(path, "x").status_code, 404, "off as it comes")
        settings.create({"dispatch_reports_health": True}).execute()
        token = settings.create({}).dispatch_health_token
        self.assertGreater(len(token), 20)
        settings.create({}).execute()
        self.assertEqual(settings.create({}).dispatch_health_token, token, "stays")
        for wrong in (None, "x", token[:-1], "é"):
            with self.subTest(wrong):
                self.assertEqual(
                    self._get("/livechat/health", wrong and wrong.encode()).status_code, 404
                )
        text = self._get("/livechat/metrics", token).text
        self.assertIn('livechat_health_found{check="ended_wait"} 0\n', text)
        self.assertIn("# TYPE livechat_health_repaired_total counter\n", text)
        report = json.loads(self._get("/livechat/health.json", token).text)
        self.assertEqual(set(report), {kind for kind, _label in KINDS})
        self.assertEqual(report["ended_wait"]["found"], 0)
        settings.create({"dispatch_reports_health": False}).execute()
        self.assertEqual(self._get("/livechat/health.json", token).status_code, 404)
