import json
from datetime import datetime, timedelta
from unittest.mock import patch

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import credit, policy
from ..models.reception.im_livechat_channel_picture import _pictures
from .common import DispatchCommon, ShopCommon
from .walks import PatientCase


class ReceptionCommon(DispatchCommon, ShopCommon):
    """A flagship shop with a tree of groups, and a rival's shop."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maria, cls.omar, cls.sofie = (
            cls._hire(cls.owner, name, weight)
            for name, weight in [("Maria Santos", 200), ("Omar Haddad", 100), ("Sofie Claes", 50)]
        )
        cls.channel = cls._create_channel(
            cls.maria | cls.omar | cls.sofie,
            main_account_id=cls.owner.id,
            max_sessions_mode="limited",
            max_sessions=3,
            queue_enabled=True,
        )
        cls.returns = cls.env["livechat.dispatch.group"].create(
            {
                "name": "Returns",
                "channel_id": cls.channel.id,
                "user_ids": cls.sofie.ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/returns"})],
            }
        )
        cls.foreign_agent = cls._hire(cls.rival, "Rival agent", 100)
        cls.foreign_channel = cls._create_channel(
            cls.foreign_agent, name="Rival Shop", main_account_id=cls.rival.id
        )
        groups = "im_livechat_subaccount.group_auditor"
        cls.auditor = cls._hire(cls.owner, "Auditor", 100, groups)
        groups = "im_livechat_subaccount.group_dispatch_manager"
        cls.planner = cls._hire(cls.owner, "Planner", 100, groups)
        cls.boss = new_test_user(
            cls.env, "boss_reception", "im_livechat.im_livechat_group_manager", tz="UTC"
        )

    @classmethod
    def _hire(cls, owner, name, weight, groups="im_livechat.im_livechat_group_user"):
        login = f"{name.split()[0].lower()}_{owner.login}_reception"
        return cls._create_agent(login, weight, groups, name=name, main_account_id=owner.id)

    def _read(self, user):
        self.env.flush_all()
        return self.env["im_livechat.channel"].with_user(user).get_reception()

    def _read_channel(self, user=None, channel=None):
        rows = {row["id"]: row for row in self._read(user or self.owner)["channels"]}
        return rows[(channel or self.channel).id]

    def _reasons(self, group=None):
        groups = {row["id"]: row for row in self._read_channel()["groups"]}
        members = groups[group.id if group else 0]["members"]
        return {member["user_id"]: member["reason"] for member in members}

    def _wait(self, channel=None, **vals):
        channel = channel or self.channel
        return self.env["discuss.channel"].create(
            {
                "name": "Visitor",
                "channel_type": "livechat",
                "livechat_channel_id": channel.id,
                "livechat_operator_id": channel.reception_partner_id.id,
                "dispatch_state": "queued",
                "dispatch_queued_at": fields.Datetime.now(),
                **vals,
            }
        )

    def _rate(self, channel, agent, rate, words="Too slow"):
        buyer = self._create_guest("Ella")
        chat = self._come(channel, buyer)
        self._say(chat, buyer)
        self._say(chat, agent, "One moment.")
        self._close(chat)
        self.env["rating.rating"].create(
            {
                "res_id": chat.id,
                "res_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                "rating": rate,
                "feedback": words,
                "consumed": True,
            }
        )
        return chat


@tagged("post_install", "-at_install")
class TestReception(ReceptionCommon):
    def test_page_shows_each_group_with_its_agents_and_why_they_get_no_buyers(self):
        self.omar.dispatch_paused = True
        self._set_online(self.sofie, "offline")

        row = self._read_channel()

        self.assertEqual(
            [group["name"] for group in row["groups"]], ["Returns", "All other buyers"]
        )
        self.assertEqual(row["groups"][0]["scope"], "Page address: /returns")
        self.assertEqual(self._reasons(self.returns), {self.sofie.id: "offline"})
        self.assertEqual(self._reasons(), {self.maria.id: False, self.omar.id: "paused"})
        self.assertTrue(all(m["has_part"] for g in row["groups"] for m in g["members"]))
        self.assertEqual(row["spare"], [])

    def test_nobody_is_offered_as_agent_whom_saving_refuses(self):
        users = self.env["res.users"]
        joiner = self._hire(self.owner, "Joiner", 100)
        self._create_agent("agent_of_no_shop")
        for user in (self.owner, self.planner):
            channel = self.channel.with_user(user)
            offered = users.with_user(user).search(channel.dispatch_agent_domain)
            self.assertIn(joiner, offered)
            self.assertIn(self.owner, users.search([("id", "in", offered.ids)]))
            self.assertEqual(
                users.with_user(user).search(self.returns.with_user(user).agent_domain), offered
            )
            for one in offered:
                channel.user_ids = [Command.link(one.id)]
            refused = users.search([("all_group_ids", "in", self.receive_group.id)]) - offered
            self.assertTrue(refused)
            for one in refused:
                with self.assertRaises(AccessError):
                    channel.user_ids = [Command.link(one.id)]
        self.env.invalidate_all()
        offered = users.search(self.channel.with_user(self.boss).dispatch_agent_domain)
        self.assertLessEqual(joiner | self.foreign_agent, offered)

    def test_who_is_archived_and_no_sub_account_is_not_staff(self):
        gone = self._create_agent("gone_reception")
        self.channel.user_ids |= gone
        self.assertIn(gone.id, [row["id"] for row in self._read(self.owner)["agents"]])
        gone.active = False
        self.assertNotIn(gone.id, [row["id"] for row in self._read(self.owner)["agents"]])

    def test_page_shows_load_weight_and_pause_of_each_agent(self):
        self._open_chat(self.channel, self.maria)
        self.omar.dispatch_paused = True

        agents = {row["id"]: row for row in self._read(self.owner)["agents"]}

        maria, omar = agents[self.maria.id], agents[self.omar.id]
        self.assertEqual(
            (maria["name"], maria["load"], maria["weight"], maria["status"], maria["paused"]),
            ("Maria Santos", 1, 200, "online", False),
        )
        self.assertEqual((omar["load"], omar["paused"], omar["until"]), (0, True, False))

    def test_agents_of_an_archived_account_stay_and_have_no_part(self):
        self.omar.active = False

        row = self._read_channel()

        self.assertEqual(self._reasons()[self.omar.id], "disabled")
        parts = {m["user_id"]: m["has_part"] for m in row["groups"][1]["members"]}
        self.assertEqual(parts, {self.maria.id: True, self.omar.id: False})
        self.assertEqual(row["spare"], [{"user_id": self.omar.id, "why": "disabled"}])

    def test_permitted_sub_account_on_no_channel_is_told(self):
        nadia = self._hire(self.owner, "Nadia", 100)

        self.assertEqual(
            self._read_channel()["spare"], [{"user_id": nadia.id, "why": "no_channel"}]
        )

    def test_main_account_that_stands_in_is_shown_without_a_part(self):
        self.channel.main_account_participation = "fallback"
        members = self._read_channel()["groups"][1]["members"]
        parts = {m["user_id"]: m["has_part"] for m in members}
        self.assertEqual(parts, {self.owner.id: False, self.maria.id: True, self.omar.id: True})

        self.channel.main_account_participation = "member"
        members = self._read_channel()["groups"][1]["members"]
        self.assertTrue({m["user_id"]: m["has_part"] for m in members}[self.owner.id])

    def test_shares_of_a_channel_without_groups_are_those_of_the_channel_form(self):
        self.returns.scope_ids.unlink()
        (group,) = (g for g in self._read_channel()["groups"] if not g["id"])
        part = [m["user_id"] for m in group["members"] if m["has_part"]]
        weights = {row["id"]: row["weight"] for row in self._read(self.owner)["agents"]}
        total = sum(weights[user_id] for user_id in part)

        shown = self.env["res.users"].with_context(im_livechat_channel_id=self.channel.id)
        for user in shown.browse(part):
            self.assertEqual(user.dispatch_share, f"{100 * weights[user.id] / total:.1f} %")

    def test_shares_of_a_channel_with_groups_are_those_of_the_channel_form(self):
        Groups = self.env["livechat.dispatch.group"]
        head = Groups.create(
            {
                "name": "Head",
                "channel_id": self.channel.id,
                "user_ids": (self.maria | self.omar).ids,
            }
        )
        Groups.create(
            {
                "name": "Shipping",
                "channel_id": self.channel.id,
                "user_ids": (self.sofie | self.omar).ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/shipping"})],
            }
        )
        shown = (self.maria | self.omar | self.sofie).with_context(
            im_livechat_channel_id=self.channel.id
        )
        # Omar 100 and Sofie 50 share the shipping, the returns are Sofie's alone; who is in no
        # group with a scope has all the others.
        self.assertEqual(
            shown.mapped("dispatch_share"),
            ["100.0 %", "66.7 %", "Returns 100.0 %; Shipping 33.3 %"],
        )
        groups = {group["id"]: group for group in self._read_channel()["groups"]}
        self.assertEqual(
            {group["name"] for group in groups.values() if group["has_buyers"]},
            {"Returns", "Shipping", "All other buyers"},
        )
        self.assertFalse(groups[head.id]["has_buyers"])

    def test_what_was_seen_is_shared_with_who_may_watch_the_same_and_with_nobody_else(self):
        waiting = self._wait()
        self.env["res.users"].flush_model()
        channels = self.env["im_livechat.channel"]
        _pictures.clear()
        self.addCleanup(_pictures.clear)

        def look(user, max_age=9, **context):
            # Each is a transaction of its own, a second after the other.
            self.env.cr._now += timedelta(seconds=1)
            answer = channels.with_user(user).with_context(**context).get_reception(max_age)
            (weight,) = (row["weight"] for row in answer["agents"] if row["id"] == self.maria.id)
            return weight, answer

        self.addCleanup(setattr, self.env.cr, "_now", self.env.cr.now())
        self.assertEqual(look(self.planner)[0], 200)
        self.maria.dispatch_weight = 50
        # Seen a second ago; what each may read and change is its own all the same.
        weight, answer = look(self.auditor)
        self.assertEqual(weight, 200)
        self.assertFalse(answer["channels"][0]["may_manage"])
        self.assertFalse(any(row["may_weigh"] or row["may_pause"] for row in answer["agents"]))
        weight, answer = look(self.planner)
        self.assertEqual(weight, 200)
        self.assertTrue(answer["channels"][0]["may_manage"])
        self.assertFalse(answer["waiting"][0]["name"])
        # A main account reads chats, and sees contact data as it is: no picture of the others'.
        weight, answer = look(self.owner)
        self.assertEqual((weight, answer["waiting"][0]["name"]), (50, waiting.name))
        # Deleted since, and not to be read by anybody.
        waiting.unlink()
        self.assertFalse(look(self.owner)[1]["waiting"][0]["name"])
        # Not for who sees others, or otherwise, or nothing.
        self.assertEqual(look(self.boss)[0], 50)
        foreign = channels.with_user(self.rival).get_reception(5)
        self.assertEqual([row["id"] for row in foreign["channels"]], self.foreign_channel.ids)
        self.assertEqual(look(self.planner, tz="Asia/Shanghai")[0], 50)
        with self.assertRaises(AccessError):
            look(self.maria)
        # Nor longer than is asked for, nor for ever.
        self.maria.dispatch_weight = 60
        self.assertEqual(look(self.planner, 0)[0], 60)
        self.assertEqual(look(self.planner, 1)[0], 60)
        self.maria.dispatch_weight = 70
        self.assertEqual(look(self.planner)[0], 60)
        self.env.cr._now += timedelta(seconds=10)
        self.assertEqual(look(self.planner, 3600)[0], 70)

    def test_a_browsers_context_changes_nothing_on_what_others_are_shown(self):
        _pictures.clear()
        self.addCleanup(_pictures.clear)
        self._wait().active = False
        channels = self.env["im_livechat.channel"]
        self.addCleanup(setattr, self.env.cr, "_now", self.env.cr.now())
        seen = channels.with_user(self.auditor).with_context(active_test=False).get_reception(5)
        self.assertEqual(seen["waiting"], [])
        self.env.cr._now += timedelta(seconds=1)
        self.assertEqual(channels.with_user(self.planner).get_reception(5)["waiting"], [])

    def test_opening_takes_as_many_queries_for_200_agents_as_for_5(self):
        def count_queries():
            self.env.flush_all()
            self.env.invalidate_all()
            self._read(self.owner)  # caches of the registry
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            channels = self._read(self.owner)["channels"]
            queries = self.env.cr.sql_log_count - before
            return queries, sum(len(group["members"]) for group in channels[0]["groups"])

        permission = self.env.ref("im_livechat_subaccount.permission_receive_buyers")
        self.returns.required_permission_id = permission
        few = self._hire_many(2)
        self.channel.user_ids |= few
        for _chat in range(2):
            self._wait()
        queries_few, agents_few = count_queries()
        self.channel.user_ids |= self._hire_many(195)
        for _chat in range(48):
            self._wait()
        queries_many, agents_many = count_queries()

        self.assertEqual((agents_few, agents_many), (5, 200))
        self.assertEqual(queries_few, queries_many)
        self.assertLessEqual(queries_many, 45)

    def _hire_many(self, count):
        start = len(self.env["res.users"].search([]))
        return self.env["res.users"].create(
            [
                {
                    "name": f"Agent {number}",
                    "login": f"many{number}_reception",
                    "main_account_id": self.owner.id,
                    "group_ids": [
                        Command.link(self.receive_group.id),
                        Command.link(self.env.ref("base.group_user").id),
                    ],
                }
                for number in range(start, start + count)
            ]
        )

    # ------------------------------------------------------------
    # Who waits, today
    # ------------------------------------------------------------

    def test_waiting_buyers_have_their_place_in_the_line_of_their_group(self):
        now = fields.Datetime.now()
        late = self._wait(dispatch_queued_at=now - timedelta(seconds=10))
        early = self._wait(dispatch_queued_at=now - timedelta(seconds=60))
        other = self._wait(dispatch_group_id=self.returns.id)
        left = self._wait(dispatch_state="pool", dispatch_queued_at=now - timedelta(hours=1))
        early._record({"kind": "queue", "excluded_counts": {"at_capacity": 3}})
        # What was done to it since decided nothing.
        early._record_steering("watch")
        early._record({"kind": "first", "rule": "by_hand"})
        ended = self._wait()
        self._close(ended)

        rows = {row["id"]: row for row in self._read(self.owner)["waiting"]}

        self.assertEqual(rows.keys(), {late.id, early.id, other.id, left.id})
        self.assertEqual(
            [rows[chat.id]["place"] for chat in (early, late, other, left)], [1, 2, 1, False]
        )
        self.assertEqual(rows[other.id]["group_id"], self.returns.id)
        self.assertEqual(rows[early.id]["excluded"], {"at_capacity": 3})
        self.assertEqual(rows[early.id]["name"], "Visitor")

    def test_who_may_not_read_a_chat_sees_that_somebody_waits_and_not_who(self):
        self._wait()

        (row,) = self._read(self.planner)["waiting"]

        self.assertFalse(row["name"])
        self.assertEqual(row["place"], 1)

    def test_figures_are_those_of_sql_and_of_the_day_in_the_readers_time_zone(self):
        # 23:30 in Shanghai, where today began at 16:00 UTC the day before.
        now = datetime(2026, 3, 10, 15, 30)
        midnight = datetime(2026, 3, 9, 16)
        self.owner.tz = "Asia/Shanghai"
        moments = [midnight - timedelta(seconds=1), midnight, now - timedelta(hours=1)]
        decisions = self.env["livechat.dispatch.decision"]
        chats = self.env["discuss.channel"]
        for channel in (self.channel, self.foreign_channel):
            for moment in moments:
                values = {"moment": moment, "livechat_channel_id": channel.id}
                decisions.create(
                    [
                        {**values, "kind": "assign", "user_id": self.maria.id},
                        {**values, "kind": "overflow", "user_id": self.maria.id},
                        {**values, "kind": "queue"},
                        {**values, "kind": "assign"},
                        {**values, "kind": "transfer", "user_id": self.maria.id},
                        {**values, "kind": "reassign", "user_id": self.maria.id},
                        {**values, "kind": "nobody"},
                    ]
                )
                for failure, ended in (
                    ("no_agent", True),
                    ("no_answer", True),
                    ("no_failure", True),
                    ("no_answer", False),
                ):
                    chats |= self._begin(channel, moment, failure, ended)
        self._wait()
        for seconds, chat in zip((20, 100, 40), self._begun_today(midnight), strict=False):
            self._answer(chat, seconds)
        self.env.flush_all()

        with patch.object(fields.Datetime, "now", lambda *args: now):
            channels = self.env["im_livechat.channel"].with_user(self.owner)
            figures = channels._search_reception()._get_today_figures()

        self.assertEqual(
            figures[self.channel.id],
            {
                "assigned": 4,
                "waiting": 1,
                "median_answer": 40.0,
                "missed": 4,
                "unanswered": 2,
                "nobody": 2,
            },
        )
        self.assertEqual(figures[0], figures[self.channel.id])
        self.assertEqual(figures.keys(), {0, self.channel.id})
        self.env.cr.execute(
            """
            SELECT (SELECT count(*) FROM livechat_dispatch_decision
                     WHERE livechat_channel_id = %(id)s AND kind IN ('assign', 'overflow')
                       AND user_id IS NOT NULL AND moment >= %(since)s),
                   (SELECT count(*) FROM discuss_channel
                     WHERE livechat_channel_id = %(id)s AND create_date >= %(since)s
                       AND livechat_end_dt IS NOT NULL
                       AND livechat_failure IN ('no_answer', 'no_agent'))
            """,
            {"id": self.channel.id, "since": midnight},
        )
        self.assertEqual(self.env.cr.fetchone(), (4, 4))

    def _begin(self, channel, moment, failure, ended):
        chat = self._open_chat(channel, channel.user_ids[0], livechat_failure=failure)
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE discuss_channel
               SET create_date = %(moment)s,
                   livechat_end_dt = %(end)s,
                   livechat_status = CASE WHEN %(end)s IS NULL THEN livechat_status END
             WHERE id = %(id)s
            """,
            {
                "moment": moment,
                "end": moment + timedelta(hours=1) if ended else None,
                "id": chat.id,
            },
        )
        chat.invalidate_recordset()
        return chat

    def _begun_today(self, midnight):
        return self.env["discuss.channel"].search(
            [("livechat_channel_id", "=", self.channel.id), ("create_date", "=", midnight)],
            order="id",
        )

    def _answer(self, chat, seconds):
        message = self._say(chat, self.maria)
        chat.livechat_channel_member_history_ids.flush_recordset()
        self.env.cr.execute(
            """
            UPDATE mail_message
               SET create_date = chat.create_date + make_interval(secs => %s)
              FROM discuss_channel chat
             WHERE chat.id = %s AND mail_message.id = %s
            """,
            [seconds, chat.id, message.id],
        )

    # ------------------------------------------------------------
    # Who may do what
    # ------------------------------------------------------------

    def test_everybody_sees_the_own_shop_and_those_above_all(self):
        for user, channels in (
            (self.owner, self.channel),
            (self.planner, self.channel),
            (self.auditor, self.channel),
            (self.rival, self.foreign_channel),
        ):
            with self.subTest(user=user.login):
                seen = [row["id"] for row in self._read(user)["channels"]]
                self.assertEqual(seen, channels.ids)
        seen = {row["id"] for row in self._read(self.boss)["channels"]}
        self.assertLessEqual({self.channel.id, self.foreign_channel.id}, seen)

    def test_agents_and_others_see_nothing(self):
        clerk = new_test_user(self.env, "clerk_reception", "base.group_user")
        for user in (self.maria, clerk, self.env.ref("base.public_user")):
            channels = self.env["im_livechat.channel"].with_user(user)
            for method, args in (
                ("get_reception", ()),
                ("get_reception_agents", ([self.maria.id],)),
                ("get_reception_lines", ()),
            ):
                with self.subTest(user=user.login, method=method), self.assertRaises(AccessError):
                    getattr(channels, method)(*args)

    def test_agents_of_another_shop_are_not_told(self):
        channels = self.env["im_livechat.channel"].with_user(self.owner)
        answer = channels.get_reception_agents([self.foreign_agent.id, self.maria.id])

        self.assertEqual([row["id"] for row in answer["agents"]], self.maria.ids)
        self.assertEqual([user["user_id"] for _c, _g, user in answer["members"]], self.maria.ids)

    def test_what_is_no_list_of_ids_is_refused(self):
        channels = self.env["im_livechat.channel"].with_user(self.owner)
        for value in (None, "1", True, [1], float("nan"), float("inf"), -1, 10**400):
            with self.subTest(max_age=str(value)[:20]), self.assertRaises(UserError):
                channels.get_reception(value)
        for value in (None, 5, "1", ["1"], [True], [-1], [2**31], [[1]], list(range(1, 1002))):
            with self.subTest(value=str(value)[:20]), self.assertRaises(UserError):
                channels.get_reception_agents(value)

    def test_page_says_what_its_reader_may_change(self):
        expected = {
            # user: may manage the channel, may weigh Maria
            self.owner: (True, True),
            self.planner: (True, True),
            self.boss: (True, True),
            self.auditor: (False, False),
        }
        for user, rights in expected.items():
            with self.subTest(user=user.login):
                agents = {row["id"]: row for row in self._read(user)["agents"]}
                maria = agents[self.maria.id]
                row = self._read_channel(user)
                self.assertEqual((row["may_manage"], maria["may_weigh"]), rights)
                self.assertEqual(maria["may_weigh"], maria["may_pause"])

    def test_of_channels_that_odoo_dispatches_itself_each_is_told_what_it_can_do(self):
        watcher = new_test_user(
            self.env, "watcher_reception", "im_livechat_subaccount.group_auditor,base.group_user"
        )
        (self.channel | self.foreign_channel).dispatch_mode = "native"
        for user, may_choose in (
            (self.owner, True),
            (self.planner, True),
            (self.boss, True),
            (self.auditor, False),
            (watcher, False),
        ):
            with self.subTest(user=user.login):
                page = self._read(user)
                self.assertTrue(page["has_channels"])
                self.assertEqual(page["may_add_channels"], may_choose)
        self.channel.main_account_id = self.rival
        page = self._read(self.auditor)
        self.assertEqual((page["has_channels"], page["may_add_channels"]), (False, False))

    def test_weight_is_set_by_who_manages_the_agent_and_nobody_else(self):
        for user in (self.owner, self.planner, self.boss):
            with self.subTest(user=user.login):
                self.maria.dispatch_weight = 200
                self.maria.with_user(user).dispatch_set_weight(210)
                self.assertEqual(self.maria.dispatch_weight, 210)
        for user in (self.auditor, self.rival, self.omar, self.maria):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.maria.with_user(user).dispatch_set_weight(220)
        self.assertEqual(self.maria.dispatch_weight, 210)

    def test_manager_who_takes_chats_does_not_set_its_own_weight_but_the_owner_does(self):
        self.planner.group_ids |= self.receive_group
        with self.assertRaises(AccessError):
            self.planner.with_user(self.planner).dispatch_set_weight(500)
        self.owner.with_user(self.owner).dispatch_set_weight(500)
        self.assertEqual(self.owner.dispatch_weight, 500)

    def test_the_weight_of_who_was_deleted_meanwhile_is_refused_in_its_own_words(self):
        gone = self._hire(self.owner, "Gone", 100)
        gone.active = False
        gone._delete_subaccount()
        with self.assertRaises(UserError) as caught:
            self.env["res.users"].browse(gone.id).with_user(self.owner).dispatch_set_weight(110)
        self.assertEqual(str(caught.exception), "This agent or group is not there any more.")

    def test_agents_of_no_shop_are_weighed_by_live_chat_administrators_only(self):
        lone = self._create_agent("lone_reception")
        for user in (self.owner, self.planner):
            with self.assertRaises(AccessError):
                lone.with_user(user).dispatch_set_weight(110)
        lone.with_user(self.boss).dispatch_set_weight(110)
        self.assertEqual(lone.dispatch_weight, 110)

    def test_weight_that_is_none_is_refused_with_the_limits(self):
        maria = self.maria.with_user(self.owner)
        for weight in (9, 1001, 0, -10, 99.5, "100", None, True, [], {}):
            with self.subTest(weight=weight), self.assertRaises(ValidationError) as caught:
                maria.dispatch_set_weight(weight)
            self.assertIn("from 10 to 1000", str(caught.exception))

    def test_agent_moves_from_group_to_group(self):
        channel = self.channel.with_user(self.planner)
        channel.move_dispatch_agent(self.omar.id, 0, self.returns.id)
        self.assertEqual(self.returns.user_ids, self.sofie | self.omar)

        channel.move_dispatch_agent(self.sofie.id, self.returns.id, 0)
        self.assertEqual(self.returns.user_ids, self.omar)
        self.assertEqual(self.channel._get_default_agents(), self.maria | self.sofie)

    def test_agents_are_moved_by_who_manages_the_channel_only(self):
        for user in (self.auditor, self.rival, self.maria):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.channel.with_user(user).move_dispatch_agent(self.omar.id, 0, self.returns.id)
        for args in (
            (self.foreign_agent.id, 0, self.returns.id),
            (self.omar.id, 0, 2**30),
            (self.omar.id, "0", "x"),
            (None, 0, self.returns.id),
        ):
            with self.subTest(args=args), self.assertRaises(UserError):
                self.channel.with_user(self.owner).move_dispatch_agent(*args)
        self.assertEqual(self.returns.user_ids, self.sofie)


@tagged("post_install", "-at_install")
class TestReceptionSignals(ReceptionCommon):
    """Pages hear of changes, each once, and only those of the shop."""

    def setUp(self):
        super().setUp()
        self._take_signals()

    def _take_signals(self):
        """Return ``[(model, id, message)]`` of what the pages were told since the last call."""
        self.env.flush_all()
        data = self.env.cr.precommit.data
        if "livechat_reception_marks" in data:
            self.env["livechat.announcement"]._send_reception_marks()
        signals = []
        for values in data.get("bus.bus.values", []):
            channel, message = json.loads(values["channel"]), json.loads(values["message"])
            if message["type"] == "livechat_dispatch/reception":
                signals.append((channel[1], channel[2], message["payload"]))
        data["bus.bus.values"] = []
        # The hook of the transaction finds nothing to do.
        self.env.cr.precommit.clear()
        return signals

    def _expect(self, **parts):
        message = {"agents": [], "lines": False, "tree": False, **parts}
        signals = [
            (model, res_id, {**payload, "agents": sorted(payload["agents"])})
            for model, res_id, payload in self._take_signals()
            if model == "res.users"
        ]
        self.assertEqual(signals, [("res.users", self.owner.id, message)])

    def test_presence_pause_and_weight_are_one_signal_each(self):
        self._set_online(self.maria, "away")
        self._expect(agents=self.maria.ids)
        self.maria.with_user(self.owner).dispatch_pause()
        self._expect(agents=self.maria.ids)
        self.maria.with_user(self.owner).dispatch_set_weight(300)
        self._expect(agents=self.maria.ids)

    def test_new_chat_is_one_signal_with_its_agent_and_line(self):
        agent, chat = self._arrive(self.channel)
        self._expect(agents=agent.ids, lines=True)
        self._close(chat)
        self._expect(agents=agent.ids, lines=True)

    def test_buyer_who_waits_is_a_signal(self):
        chat = self._wait()
        self._expect(lines=True)
        chat.dispatch_state = "pool"
        self._expect(lines=True)

    def test_changes_of_groups_agents_and_channel_are_signals_to_look_at_all_of_it(self):
        self.returns.user_ids |= self.omar
        self._expect(tree=True)
        self.returns.scope_ids.page_pattern = "/refund"
        self._expect(tree=True)
        self.channel.max_sessions = 9
        self._expect(tree=True)

    def test_agent_who_is_disabled_is_a_signal(self):
        self.omar.active = False
        (signal,) = [s for s in self._take_signals() if s[:2] == ("res.users", self.owner.id)]
        self.assertTrue(signal[2]["tree"])

    def test_native_channels_tell_nothing(self):
        native = self._create_channel(self.maria, dispatch_mode="native")
        self._take_signals()
        self._open_chat(native, self._create_agent("native_reception"))
        self.assertEqual(self._take_signals(), [])

    def test_page_listens_to_what_its_user_may_watch(self):
        def listened(user):
            announcement = self.env["livechat.announcement"].with_user(user)
            channels = announcement._get_reception_bus_channels()
            return {(record._name, record.id) for record, _name in channels}

        mine, rivals = ("res.users", self.owner.id), ("res.users", self.rival.id)
        for user in (self.owner, self.planner, self.auditor):
            self.assertEqual(listened(user), {mine})
        self.assertEqual(listened(self.maria), set())
        self.assertLessEqual({mine, rivals}, listened(self.boss))
        self.assertIn("res.groups", {model for model, _id in listened(self.boss)})

    def test_chat_that_wakes_weighs_more(self):
        chat = self._open_chat(self.channel, self.maria)
        chat.last_interest_dt = fields.Datetime.now() - timedelta(minutes=16)
        self._take_signals()
        chat.last_interest_dt = fields.Datetime.now()
        self._expect(agents=self.maria.ids)

    def test_a_call_is_a_signal_when_it_begins_and_when_it_ends(self):
        room = self.env["discuss.channel"].create({"name": "Room", "channel_type": "channel"})
        member = self.env["discuss.channel.member"].create(
            {"channel_id": room.id, "partner_id": self.maria.partner_id.id}
        )
        self._take_signals()
        call = self.env["discuss.channel.rtc.session"].create({"channel_member_id": member.id})
        self._expect(agents=self.maria.ids)
        call.unlink()
        self._expect(agents=self.maria.ids)

    def test_a_chat_that_is_deleted_and_one_that_is_left_are_signals(self):
        chat = self._open_chat(self.channel, self.maria)
        self._take_signals()
        chat.channel_member_ids.unlink()
        self._expect(agents=self.maria.ids)
        chat = self._open_chat(self.channel, self.maria)
        self._take_signals()
        chat.unlink()
        self._expect(agents=self.maria.ids, lines=True)

    def test_the_name_of_an_agents_contact_is_a_signal(self):
        self.maria.partner_id.name = "Maria dos Santos"
        self._expect(agents=self.maria.ids)

    def test_rights_and_what_a_quiet_chat_holds_are_signals_to_look_at_all_of_it(self):
        team = self.env["res.groups"].create({"name": "Team", "user_ids": self.maria.ids})
        self._take_signals()
        may_transfer = self.env.ref("im_livechat_subaccount.group_transfer_chats")
        team.implied_ids = may_transfer
        self._expect(tree=True)
        team.unlink()
        self._expect(tree=True)
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("im_livechat_subaccount.quiet_hold", "0.25")
        # Of all shops.
        signals = {signal[:2]: signal[2] for signal in self._take_signals()}
        self.assertTrue(signals["res.users", self.owner.id]["tree"])
        self.assertTrue(signals["res.users", self.rival.id]["tree"])
        parameters.set_param("im_livechat_subaccount.dispatch_weight_default", "110")
        self.assertEqual(self._take_signals(), [])

    def test_hours_are_signals_when_they_are_changed_and_when_they_begin(self):
        hours = {"name": "Shift", "dayofweek": "2", "day_period": "morning"}
        calendar = self.env["resource.calendar"].create(
            {
                "name": "Wednesday",
                "tz": "UTC",
                "attendance_ids": [Command.create({**hours, "hour_from": 9, "hour_to": 12})],
            }
        )
        self._take_signals()
        calendar.attendance_ids.hour_to = 13
        self.assertEqual(self._take_signals(), [], "nobody keeps these hours")
        self.maria.dispatch_calendar_id = calendar
        self._take_signals()
        calendar.attendance_ids.hour_to = 12
        self._expect(tree=True)
        for hour, minute, is_turn in ((8, 59, False), (9, 1, True), (9, 5, False), (12, 1, True)):
            with self.subTest(time=f"{hour}:{minute}"):
                with freeze_all_time(datetime(2026, 11, 11, hour, minute)):
                    self.env["resource.calendar"]._follow_the_clock()
                    if is_turn:
                        self._expect(tree=True)
                    else:
                        self.assertEqual(self._take_signals(), [])

    def test_an_agents_bar_follows_what_it_shows(self):
        def is_told(change):
            self._take_signals()
            change()
            told = []
            with patch.object(
                type(self.maria), "_bus_send", lambda user, *_args: told.append(user)
            ):
                self._take_signals()
            return self.maria in told

        for change in (
            lambda: self.maria.write({"dispatch_weight": 250}),
            lambda: self.maria.write({"dispatch_paused": True}),
            lambda: self.channel.write({"max_sessions": 8}),
            lambda: self.channel.write({"user_ids": [Command.unlink(self.maria.id)]}),
            lambda: self.maria.write({"livechat_channel_ids": [Command.link(self.channel.id)]}),
        ):
            self.assertTrue(is_told(change))
        self.assertFalse(is_told(lambda: self.channel.write({"sticky_hours": 5})))

    def test_chat_that_goes_quiet_weighs_less(self):
        chat = self._open_chat(self.channel, self.maria)
        chat.last_interest_dt = fields.Datetime.now() - timedelta(minutes=16)
        self._take_signals()
        self.env["im_livechat.channel"]._mark_gone_quiet()
        self._expect(agents=self.maria.ids)


@tagged("post_install", "-at_install")
class TestReceptionArithmetic(PatientCase):
    def test_browser_reckons_capacity_and_share_as_the_server_does(self):
        weights = range(10, 1001)
        cases = [
            [limit, weight, policy.capacity(limit, weight)]
            for limit in (None, 1, 2, 3, 5, 7, 10, 15, 50)
            for weight in weights
        ]
        teams = [[10, 10, 10], [100, 50, 10], [1000, 10], [100], [70, 130, 90, 10, 333]]
        shares = [
            [team, [part / credit.CHAT for part in split.values()]]
            for team in teams
            for split in [credit.split_chat(dict(enumerate(team)))]
        ]
        new_test_user(self.env, "reckoner_reception", "base.group_user")
        self.browser_js(
            "/odoo",
            """
            const { getCapacity, getShare } = odoo.loader.modules.get(
                "@im_livechat_subaccount/reception/share_arithmetic"
            );
            const [cases, shares] = CASES;
            for (const [limit, weight, expected] of cases) {
                if (getCapacity(limit, weight) !== expected) {
                    throw new Error(`capacity ${limit} ${weight}: ${getCapacity(limit, weight)}`);
                }
            }
            for (const [team, expected] of shares) {
                const total = team.reduce((sum, weight) => sum + weight, 0);
                team.forEach((weight, index) => {
                    if (Math.abs(getShare(weight, total) - expected[index]) > 1e-9) {
                        throw new Error(`share ${team} ${index}`);
                    }
                });
            }
            console.log("test successful");
            """.replace("CASES", json.dumps([cases, shares])),
            ready="odoo.isReady",
            login="reckoner_reception",
        )


_GONE = """
const { createReceptionModel } = odoo.loader.modules.get(
    "@im_livechat_subaccount/reception/reception_model"
);
const { RPCError } = odoo.loader.modules.get("@web/core/network/rpc");
const agent = (id, name) => ({
    id, name, weight: 100, load: 0, status: "online", enabled: true, paused: false, until: false,
    pause_reason_id: false, may_weigh: true, may_pause: true,
});
const member = (id) => ({ user_id: id, reason: false, has_part: true, paused_here: false });
const group = { id: 0, name: "All", parent_id: false, has_buyers: true };
let present = [agent(1, "Maria"), agent(2, "Omar")];
const calls = [];
const answer = (method) => {
    const members = present.map(({ id }) => member(id));
    const lines = {
        waiting: [], figures: { 0: {} }, refused: {}, unhappy: { count: 0, chats: [] },
        now: "2026-01-05 10:00:00", next_day: "2026-01-06 00:00:00",
    };
    return {
        get_reception: {
            channels: [{ id: 5, name: "Shop", groups: [{ ...group, members }], spare: [] }],
            agents: present, ...lines, weight_min: 10, weight_max: 1000,
        },
        get_reception_agents: { agents: present, members: [] },
        get_reception_lines: lines,
    }[method];
};
const orm = {
    async call(model, method) {
        calls.push(method);
        if (present.length < 2 && ["dispatch_pause", "dispatch_resume"].includes(method)) {
            const error = new RPCError();
            error.exceptionName = "odoo.exceptions.MissingError";
            error.data = { message: "Record does not exist (Record: res.users(2,), User: 7)" };
            throw error;
        }
        return answer(method) || true;
    },
};
orm.silent = orm;
const nothing = () => {};
const bus = {
    subscribe: nothing, unsubscribe: nothing, addEventListener: nothing,
    removeEventListener: nothing, addChannel: nothing, deleteChannel: nothing,
    forceUpdateChannels: nothing,
};
const told = [];
const notices = [];
const notification = {
    add(text, options) {
        told.push(text);
        notices.push(options);
        return nothing;
    },
};
const expect = (got, wanted, what) => {
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
        throw new Error(`${what}: ${JSON.stringify(got)}`);
    }
};
const takeTold = () => told.splice(0);
(async () => {
    const model = createReceptionModel({ orm, bus_service: bus, notification });
    await model.start();
    const omar = model.agents[2];
    // Saved while Omar is there, to be taken back when he is not; and one that is being entered.
    model.enterWeight(omar, "120");
    await model.save(omar);
    const [undoWeight] = notices.at(-1).buttons;
    await model.setTakesChats(omar, false);
    const [undoPause] = notices.at(-1).buttons;
    model.enterWeight(omar, "130");
    takeTold();
    calls.length = 0;

    present = present.slice(0, 1);
    await model.load();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(calls.includes("dispatch_set_weight"), false, "What was entered goes with its agent");
    expect(takeTold(), [], "Nothing is told of it");

    const gone = "Omar is not there any more";
    model.leaveWeight(omar);
    expect(takeTold(), [], "Leaving its field");
    model.enterWeight(omar, "140");
    expect(takeTold(), [gone], "Typing");
    model.stepWeight(omar, 10);
    expect(takeTold(), [gone], "An arrow");
    await undoWeight.onClick();
    expect(takeTold(), [gone], "Taking back a weight");
    await undoPause.onClick();
    expect(takeTold(), ["This is not there any more."], "Taking back a pause");
    await model.setTakesChats(omar, false);
    expect(takeTold(), ["This is not there any more."], "The switch");
    expect(calls.includes("dispatch_set_weight"), false, "No weight of nobody is sent");
    model.stop();
    console.log("test successful");
})();
"""


@tagged("post_install", "-at_install")
class TestReceptionOfWhoHasGone(PatientCase):
    def test_what_is_done_to_who_was_deleted_since_it_was_drawn_is_answered_in_a_sentence(self):
        new_test_user(self.env, "gone_reception", "base.group_user")
        self.browser_js("/odoo", _GONE, ready="odoo.isReady", login="gone_reception")


@tagged("post_install", "-at_install")
class TestUnhappyBuyers(ReceptionCommon):
    """Who was not happy reaches the owner of the shop, with the transcript."""

    def test_who_was_unhappy_lately_is_told_to_its_own_shop_with_who_served(self):
        (self.omar | self.sofie).dispatch_paused = True
        chat = self._rate(self.channel, self.maria, 1)
        self._rate(self.channel, self.maria, 3)
        self._rate(self.channel, self.maria, 5)
        theirs = self._rate(self.foreign_channel, self.foreign_agent, 1)
        told = self._read(self.owner)["unhappy"]
        self.assertEqual(told["count"], 1)
        (row,) = told["chats"]
        self.assertEqual(
            (row["id"], row["agent"], row["words"]), (chat.id, "Maria Santos", "Too slow")
        )
        self.assertIn("Ella", row["name"])
        self.assertEqual(
            [row["id"] for row in self._read(self.rival)["unhappy"]["chats"]], [theirs.id]
        )
        lines = self.env["im_livechat.channel"].with_user(self.owner).get_reception_lines()
        self.assertEqual(lines["unhappy"], told)
        chat.rating_ids.write({"rating": 5})
        self.assertFalse(self._read(self.owner)["unhappy"]["count"])

    def test_it_is_told_when_it_was_and_not_when_somebody_touched_it_last(self):
        (self.omar | self.sofie).dispatch_paused = True
        rating = self._rate(self.channel, self.maria, 1).rating_ids
        then = fields.Datetime.now() - timedelta(days=3)
        rating.rated_on = then
        (row,) = self._read(self.owner)["unhappy"]["chats"]
        self.assertEqual(row["at"], fields.Datetime.to_string(then))
        rating.rated_on = fields.Datetime.now() - timedelta(days=8)
        self.assertFalse(self._read(self.owner)["unhappy"]["count"])

    def test_all_unhappy_buyers_are_those_of_the_figure_that_leads_there(self):
        (self.omar | self.sofie).dispatch_paused = True
        lately, before = (self._rate(self.channel, self.maria, 1) for _buyer in range(2))
        before.rating_ids.rated_on = fields.Datetime.now() - timedelta(days=8)
        view = self.env.ref("im_livechat_subaccount.livechat_conversation_view_search")
        (node,) = etree.fromstring(view.arch).xpath("//filter[@name='unhappy_lately']")
        chats = self.env["discuss.channel"].with_user(self.owner)
        found = chats.search(safe_eval(node.get("domain")))
        self.assertEqual(found, lately)
        told = self._read(self.owner)["unhappy"]
        self.assertEqual([row["id"] for row in told["chats"]], found.ids)

    def test_who_may_not_read_chats_learns_neither_who_nor_what(self):
        (self.omar | self.sofie).dispatch_paused = True
        chat = self._rate(self.channel, self.maria, 1)
        self.assertFalse(chat.with_user(self.planner)._filtered_access("read"))
        (row,) = self._read(self.planner)["unhappy"]["chats"]
        self.assertEqual((row["name"], row["words"], row["agent"]), (False, False, "Maria Santos"))
