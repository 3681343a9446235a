from collections import Counter
from datetime import datetime, timedelta

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import replay
from .common import DispatchCommon, ShopCommon

NINE = datetime(2026, 3, 3, 9, 0, 0)


@tagged("post_install", "-at_install")
class TestWhatif(ShopCommon, DispatchCommon):
    """A day through the live engine, and what the sheet makes of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "whatif_manager",
            "base.group_erp_manager,im_livechat.im_livechat_group_manager",
            tz="UTC",
        )

    def _at(self, seconds):
        return freeze_all_time(NINE + timedelta(seconds=seconds))

    def _come_at(self, channel, seconds, **kwargs):
        with self._at(seconds):
            return self._come(channel, **kwargs)

    def _close_at(self, chats, seconds):
        with self._at(seconds):
            self._close(chats)
            chats.livechat_channel_id._drain()

    def _open_sheet(self, channel, user=None, **vals):
        sheets = self.env["livechat.dispatch.whatif"].with_user(user or self.manager)
        return sheets.create(
            {
                "channel_id": channel.id,
                "period": "custom",
                "date_from": NINE - timedelta(hours=1),
                "date_to": NINE + timedelta(hours=10),
                **vals,
            }
        )

    def _served(self, sheet, run):
        return {agent["id"]: agent[run]["served"] for agent in sheet.result["agents"]}

    def _line(self, sheet, agent):
        return sheet.line_ids.filtered(lambda line: line.user_id == agent)

    def _get_chosen(self, channel):
        """Return the agents of a replay of the day as it was, chat by chat."""
        with self._at(890):
            # No later: then chats without a word for fifteen minutes make room.
            past = channel.sudo()._read_past(NINE - timedelta(hours=1), NINE + timedelta(hours=10))
        return past, replay.replay(past.day).fates

    # ------------------------------------------------------------
    # As it was
    # ------------------------------------------------------------

    def test_a_day_of_share_as_it_was_gives_every_chat_the_same_agent(self):
        self._check_day("share")

    def test_a_day_of_least_load_as_it_was_gives_every_chat_the_same_agent(self):
        self._check_day("least_load")

    def _check_day(self, mode):
        agents = [
            self._create_agent(f"wi{number}", weight)
            for number, weight in enumerate((200, 100, 70, 30))
        ]
        users = self.env["res.users"].union(*agents)
        channel = self._create_channel(
            users,
            dispatch_mode=mode,
            max_sessions_mode="limited",
            max_sessions=3,
            queue_enabled=True,
        )
        open_chats, chats = [], []
        for number in range(60):
            moment = 10 * number
            chats.append(self._come_at(channel, moment))
            open_chats.append(chats[-1])
            if number % 3 == 2:
                self._close_at(open_chats.pop(0), moment + 3)
            with self._at(moment + 5):
                if number == 20:
                    agents[1].dispatch_paused = True
                if number == 30:
                    agents[1].dispatch_paused = False
                    channel._drain()
                if number == 40:
                    self._set_online(agents[2], "offline")
        moment = 600
        while waiting := [chat for chat in open_chats if not chat.livechat_end_dt]:
            seated = [chat for chat in waiting if chat.dispatch_state == "assigned"]
            if not seated:
                break
            moment += 3
            self._close_at(seated[0], moment)
        past, fates = self._get_chosen(channel)
        really = [self._first_agent(chat) for chat in chats]
        self.assertEqual(len(past.fates), 60)
        self.assertGreater(sum(fate.waited > 0 for fate in past.fates), 5, "some waited")
        self.assertEqual([fate.user_id for fate in past.fates], really)
        self.assertEqual(fates, past.fates)

    def _first_agent(self, chat):
        kinds = chat.dispatch_decision_ids.filtered(lambda row: row.kind in ("assign", "overflow"))
        return kinds.sorted("id")[:1].user_id.id or None

    def test_groups_overflow_and_regulars_as_they_were(self):
        one, two, above = (self._create_agent(f"wg{number}") for number in range(3))
        channel = self._create_channel(
            one | two | above,
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
        )
        groups = self.env["livechat.dispatch.group"]
        parent = groups.create(
            {"name": "All", "channel_id": channel.id, "user_ids": [Command.set(above.ids)]}
        )
        french = self.env["res.lang"]._activate_lang("fr_FR")
        groups.create(
            {
                "name": "French",
                "channel_id": channel.id,
                "parent_id": parent.id,
                "overflow_seconds": 60,
                "user_ids": [Command.set(one.ids)],
                "scope_ids": [Command.create({"kind": "lang", "lang_id": french.id})],
            }
        )
        chats = [self._come_at(channel, 10 * n, lang="fr_FR") for n in range(3)]
        chats += [self._come_at(channel, 40 + n) for n in range(2)]
        for seconds in range(60, 200, 10):
            with self._at(seconds):
                channel._drain()
        self._close_at(chats[0], 200)
        past, fates = self._get_chosen(channel)
        self.assertEqual(
            [fate.user_id for fate in past.fates], [self._first_agent(chat) for chat in chats]
        )
        self.assertEqual(len({fate.user_id for fate in past.fates} - {None}), 3)
        self.assertEqual(fates, past.fates)

    def test_who_goes_first_or_was_put_first_is_served_first_as_it_was(self):
        agent = self._create_agent("wf")
        tag = self.env["res.partner.category"].create({"name": "VIP"})
        vera = new_test_user(self.env, "vera", "base.group_portal")
        vera.partner_id.category_id = tag
        channel = self._create_channel(
            agent,
            max_sessions_mode="limited",
            max_sessions=1,
            queue_enabled=True,
            line_first_tag_id=tag.id,
        )
        served, *line = (self._come_at(channel, 10 * number) for number in range(4))
        line.append(self._come_at(channel, 50, buyer=vera))
        with self._at(60):
            line[2].with_user(self.manager).action_put_first()
        order = [line[2], line[3], line[0], line[1]]
        for number, chat in enumerate(order):
            self._close_at(served, 100 + 50 * number)
            self.assertEqual(self._first_agent(chat), agent.id)
            served = chat
        past, fates = self._get_chosen(channel)
        self.assertEqual([fate.waited for fate in past.fates], [0, 190, 230, 70, 100])
        self.assertEqual(fates, past.fates)

    def test_who_is_paused_in_one_group_gets_none_of_its_line_as_it_was(self):
        one, two = self._create_agent("wp1"), self._create_agent("wp2")
        channel = self._create_channel(
            one | two, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        french = self.env["res.lang"]._activate_lang("fr_FR")
        spanish = self.env["res.lang"]._activate_lang("es_ES")
        group, _other = self.env["livechat.dispatch.group"].create(
            [
                {
                    "name": lang.name,
                    "channel_id": channel.id,
                    "user_ids": [Command.set((one | two).ids)],
                    "scope_ids": [Command.create({"kind": "lang", "lang_id": lang.id})],
                }
                for lang in (french, spanish)
            ]
        )
        with self._at(0):
            group.with_user(self.manager).set_agent_paused(one.id, True)
        chats = [self._come_at(channel, 10, lang="fr_FR")]
        chats.append(self._come_at(channel, 20, lang="es_ES"))
        self.assertEqual([self._first_agent(chat) for chat in chats], [two.id, one.id])
        # Of these two the first may not go to who is free first.
        chats.append(self._come_at(channel, 30, lang="fr_FR"))
        chats.append(self._come_at(channel, 40, lang="es_ES"))
        self._close_at(chats[1], 100)
        self.assertEqual(self._first_agent(chats[3]), one.id)
        self._close_at(chats[3], 150)
        self.assertFalse(self._first_agent(chats[2]))
        with self._at(200):
            group.with_user(self.manager).set_agent_paused(one.id, False)
            channel._drain()
        self.assertEqual(self._first_agent(chats[2]), one.id)
        past, fates = self._get_chosen(channel)
        self.assertEqual(past.day.paused[group.id], frozenset())
        self.assertEqual([fate.waited for fate in past.fates], [0, 0, 170, 60])
        self.assertEqual(fates, past.fates)

    # ------------------------------------------------------------
    # With the sheet
    # ------------------------------------------------------------

    def _make_share_day(self, buyers=60):
        one, two = (
            self._create_agent("one_wi", name="One"),
            self._create_agent("two_wi", name="Two"),
        )
        channel = self._create_channel(one | two)
        for number in range(buyers):
            self._close_at(self._come_at(channel, 20 * number), 20 * number + 15)
        return channel, one, two

    def test_twice_the_weight_gives_exactly_two_thirds(self):
        channel, one, two = self._make_share_day()
        sheet = self._open_sheet(channel)
        self.assertEqual(sheet.arrival_count, 60)
        self.assertEqual(sheet.line_ids.user_id, one | two)
        self._line(sheet, two).weight = 200
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "real"), {one.id: 30, two.id: 30})
        self.assertEqual(self._served(sheet, "baseline"), {one.id: 30, two.id: 30})
        self.assertEqual(self._served(sheet, "changed"), {one.id: 20, two.id: 40})
        self.assertEqual(sheet.result["accuracy"], 1)
        self.assertEqual((sheet.result["unknown"], sheet.result["estimated"]), (0, 0))
        self.assertEqual(sheet.result["summary"]["changed"]["unanswered"], 0)
        self.assertEqual(two.dispatch_weight, 100, "nothing is in force yet")
        waits = sheet.result["waits"]
        self.assertEqual((waits["labels"], waits["arrivals"]), (["09:00"], [60]))

    def test_who_is_not_there_gets_nobody(self):
        channel, one, two = self._make_share_day(8)
        sheet = self._open_sheet(channel)
        self._line(sheet, two).presence = "never"
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed"), {one.id: 8, two.id: 0})
        # The first 80 seconds, four buyers; not at all after that.
        self._line(sheet, one).write({"presence": "hours", "hour_from": 9, "hour_to": 9 + 1 / 60})
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed"), {one.id: 3, two.id: 0})
        self.assertEqual(sheet.result["summary"]["changed"]["unanswered"], 5)
        self.assertEqual(sheet.result["summary"]["baseline"]["unanswered"], 0)

    def test_an_agent_who_was_away_helps_when_the_sheet_says_so(self):
        channel, one, two = self._make_share_day(1)
        away = self._create_agent("away_wi", name="Away")
        self._set_online(away, "offline")
        channel.user_ids = [Command.link(away.id)]
        for number in range(1, 11):
            self._close_at(self._come_at(channel, 20 * number), 20 * number + 15)
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed")[away.id], 0)
        self._line(sheet, away).presence = "always"
        sheet.action_replay()
        served = self._served(sheet, "changed")
        self.assertIn(served[away.id], (3, 4))
        self.assertEqual(sum(served.values()), 11)

    def test_more_capacity_shortens_the_line(self):
        agent = self._create_agent("agent_wi", name="Agent")
        channel = self._create_channel(
            agent, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        chats = [self._come_at(channel, 0), self._come_at(channel, 10), self._come_at(channel, 20)]
        for number, chat in enumerate(chats, 1):
            self._close_at(chat, 100 * number)
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        for run in ("real", "baseline", "changed"):
            figures = sheet.result["summary"][run]
            self.assertEqual(
                (figures["waited"], figures["mean"], figures["longest"]), (2, 90, 180), run
            )
            (agent_figures,) = sheet.result["agents"]
            self.assertEqual(agent_figures[run]["peak"], 1)
        sheet.max_sessions = 2
        sheet.action_replay()
        figures = sheet.result["summary"]["changed"]
        self.assertEqual((figures["waited"], figures["longest"]), (1, 80))
        self.assertEqual(sheet.result["agents"][0]["changed"]["peak"], 2)
        sheet.queue_enabled = False
        sheet.max_sessions = 1
        sheet.action_replay()
        self.assertEqual(sheet.result["summary"]["changed"]["unanswered"], 2)

    def test_who_left_the_line_stays_when_there_is_room(self):
        agent = self._create_agent("agent_wi")
        channel = self._create_channel(
            agent, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        first, second = self._come_at(channel, 0), self._come_at(channel, 10)
        with self._at(40):
            self._close(second)
        self._close_at(first, 100)
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        self.assertEqual(sheet.result["summary"]["real"]["unanswered"], 1)
        self.assertEqual(sheet.result["summary"]["baseline"]["unanswered"], 1)
        self.assertEqual(sheet.result["estimated"], 1)
        sheet.max_sessions = 2
        sheet.action_replay()
        self.assertEqual(sheet.result["summary"]["changed"]["unanswered"], 0)

    def test_groups_of_the_sheet_decide(self):
        one, two = self._create_agent("one_wi"), self._create_agent("two_wi")
        channel = self._create_channel(one | two)
        french = self.env["res.lang"]._activate_lang("fr_FR")
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "French",
                "channel_id": channel.id,
                "user_ids": [Command.set(one.ids)],
                "scope_ids": [Command.create({"kind": "lang", "lang_id": french.id})],
            }
        )
        for number in range(4):
            self._close_at(self._come_at(channel, 20 * number, lang="fr_FR"), 20 * number + 15)
        sheet = self._open_sheet(channel)
        self.assertTrue(sheet.has_groups)
        self.assertEqual(self._line(sheet, one).group_ids, group)
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed"), {one.id: 4, two.id: 0})
        self._line(sheet, two).group_ids = group
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed"), {one.id: 4, two.id: 0})
        self.assertEqual(sheet.result["unseen"], two.name, "nobody asked whether it was there")
        self._line(sheet, two).presence = "always"
        sheet.action_replay()
        self.assertEqual(sheet.result["unseen"], "")
        self.assertEqual(self._served(sheet, "changed"), {one.id: 2, two.id: 2})
        sheet.action_apply()
        self.assertEqual(group.user_ids, one | two)
        self._line(sheet, one).group_ids = False
        sheet.action_replay()
        self.assertEqual(self._served(sheet, "changed"), {one.id: 0, two.id: 4})

    # ------------------------------------------------------------
    # What the records do not hold
    # ------------------------------------------------------------

    def test_a_deleted_chat_counts_with_the_median(self):
        channel, one, two = self._make_share_day(5)
        decision = self.env["livechat.dispatch.decision"].search(
            [("livechat_channel_id", "=", channel.id)], limit=1
        )
        decision.discuss_channel_id.unlink()
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        self.assertEqual((sheet.result["arrivals"], sheet.result["estimated"]), (5, 1))
        self.assertEqual(sum(self._served(sheet, "baseline").values()), 5)

    def test_large_teams_are_counted_and_not_replayed(self):
        agents = self.env["res.users"].union(
            *(self._create_agent(f"many{number}") for number in range(51))
        )
        channel = self._create_channel(agents)
        self._come_at(channel, 0)
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        self.assertEqual((sheet.result["arrivals"], sheet.result["unknown"]), (0, 1))

    def test_a_period_without_records_says_so(self):
        channel = self._create_channel(self._create_agent("agent_wi"))
        sheet = self._open_sheet(channel)
        self.assertEqual(sheet.arrival_count, 0)
        sheet.action_replay()
        self.assertEqual(sheet.result["arrivals"], 0)
        self.assertIsNone(sheet.result["accuracy"])

    def test_a_buyer_who_was_turned_away_without_a_chat_is_one_who_came(self):
        channel = self._create_channel(self._create_agent("agent_wi"))
        with self._at(10):
            channel._record_decision(
                self.env["livechat.dispatch.group"], {"kind": "nobody", "rule": "nobody"}
            )
        sheet = self._open_sheet(channel)
        self.assertEqual(sheet.arrival_count, 1)
        sheet.action_replay()
        self.assertEqual((sheet.result["arrivals"], sheet.result["unknown"]), (0, 1))

    def test_chats_from_before_the_period_hold_seats(self):
        agent = self._create_agent("agent_wi")
        channel = self._create_channel(
            agent, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        before = self._come_at(channel, -4000)
        chat = self._come_at(channel, 10)
        self._close_at(before, 50)
        self._close_at(chat, 90)
        sheet = self._open_sheet(channel)
        sheet.action_replay()
        for run in ("real", "baseline"):
            self.assertEqual(sheet.result["summary"][run]["longest"], 40, run)
        self.assertEqual(sheet.result["arrivals"], 1)

    # ------------------------------------------------------------
    # Apply
    # ------------------------------------------------------------

    def _make_shop(self):
        role = self.role_reception
        subaccounts = self.Subaccounts.create(
            [{"name": name, "role_ids": [Command.link(role.id)]} for name in ("Ann", "Bob")]
        )
        for subaccount in subaccounts:
            subaccount._activate("sesame-open")
        ann, bob = (subaccount.sudo().user_id for subaccount in subaccounts)
        self._set_online(ann | bob)
        channel = self._create_channel(ann | bob, main_account_id=self.owner.id)
        self._close_at(self._come_at(channel, 0), 20)
        return channel, ann, bob

    def test_the_main_account_applies_what_it_has_seen(self):
        channel, ann, bob = self._make_shop()
        sheet = self._open_sheet(channel, self.owner)
        self._line(sheet, bob).weight = 300
        sheet.write(
            {"max_sessions_mode": "limited", "max_sessions": 4, "dispatch_mode": "least_load"}
        )
        with self.assertRaises(UserError):
            sheet.action_apply()
        sheet.action_replay()
        self.assertEqual(len(sheet.result["changes"]), 4 if channel.max_sessions != 4 else 3)
        sheet.action_apply()
        self.assertEqual((ann | bob).mapped("dispatch_weight"), [100, 300])
        self.assertEqual(
            (channel.max_sessions_mode, channel.max_sessions, channel.dispatch_mode),
            ("limited", 4, "least_load"),
        )
        self.assertFalse(sheet.has_changes)
        row = self.env["livechat.subaccount"].search([("user_id", "=", bob.id)])
        self.env.flush_all()
        self.env.cr.flush()
        self.assertIn(self.owner.partner_id, row.message_ids.author_id, "it is in the log")

    def test_a_sheet_that_changed_or_is_outdated_is_not_applied(self):
        channel, _ann, bob = self._make_shop()
        sheet = self._open_sheet(channel, self.owner)
        self._line(sheet, bob).weight = 300
        sheet.action_replay()
        self._line(sheet, bob).weight = 400
        self.assertTrue(sheet.is_stale)
        with self.assertRaises(UserError):
            sheet.action_apply()
        sheet.action_replay()
        bob.dispatch_weight = 50
        with self.assertRaises(UserError):
            sheet.action_apply()
        self.assertEqual(bob.dispatch_weight, 50)

    def test_a_sheet_sets_the_weights_that_reception_lets_its_owner_set(self):
        channel, ann, bob = self._make_shop()
        channel.user_ids |= self.owner
        channel.main_account_participation = "member"
        administrator = new_test_user(
            self.env, "plain_manager", "base.group_user,im_livechat.im_livechat_group_manager"
        )
        store_manager = self.Subaccounts.create(
            {"name": "Store Manager", "role_ids": [Command.link(self.role_store_manager.id)]}
        )
        store_manager._activate("sesame-open")
        deputy = store_manager.sudo().user_id
        channel.user_ids |= deputy
        for user, agent, allowed in (
            (administrator, bob, True),
            (self.owner, self.owner, True),
            (self.owner, ann, True),
            (deputy, ann, True),
            (deputy, deputy, False),
            (deputy, self.owner, False),
        ):
            with self.subTest(user=user.name, agent=agent.name):
                before = agent.dispatch_weight
                sheet = self._open_sheet(channel, user)
                self._line(sheet, agent).weight = before + 20
                sheet.action_replay()
                if allowed:
                    sheet.action_apply()
                else:
                    with self.assertRaises(AccessError):
                        sheet.action_apply()
                self.assertEqual(agent.dispatch_weight, before + 20 * allowed)
                self.assertEqual(agent in agent._find_manageable(user)[0], allowed)

    # ------------------------------------------------------------
    # Who may
    # ------------------------------------------------------------

    def test_only_who_manages_the_dispatch_may_replay(self):
        channel, ann, _bob = self._make_shop()
        auditor = self.Subaccounts.create(
            {"name": "Auditor", "role_ids": [Command.link(self.role_audit.id)]}
        )
        auditor._activate("sesame-open")
        plain = new_test_user(self.env, "plain_wi", "base.group_user")
        dispatcher = new_test_user(
            self.env, "loose_wi", "im_livechat_subaccount.group_dispatch_manager"
        )
        for user in (ann, auditor.sudo().user_id, plain, dispatcher, self.rival):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._open_sheet(channel, user)
        sheet = self._open_sheet(channel, self.owner)
        for user in (self.manager, self.rival):
            for call in (
                lambda theirs: theirs.read(["result"]),
                lambda theirs: theirs.action_replay(),
                lambda theirs: theirs.line_ids.read(["weight"]),
                lambda theirs: theirs.write({"max_sessions": 3}),
            ):
                with self.assertRaises(AccessError):
                    call(sheet.with_user(user))
            self.assertFalse(self.env["livechat.dispatch.whatif.line"].with_user(user).search([]))

    def test_bad_values_get_a_clear_error(self):
        channel, ann, _bob = self._make_shop()
        foreign = self._create_agent("foreign_wi")
        foreign_group = self.env["livechat.dispatch.group"].create(
            {"name": "Other", "channel_id": self._create_channel(foreign).id}
        )
        sheet = self._open_sheet(channel, self.owner)
        line = self._line(sheet, ann)
        for vals in (
            {"date_from": NINE, "date_to": NINE},
            {"date_from": NINE, "date_to": NINE - timedelta(days=1)},
            {"date_from": "2020-01-01 00:00:00", "date_to": "2099-01-01 00:00:00"},
            {"date_from": "yesterday"},
            {"date_from": "0001-01-01 00:00:00"},
            {"max_sessions_mode": "limited", "max_sessions": -1},
            {"max_sessions_mode": "limited", "max_sessions": 0},
            {"max_sessions": "many"},
            {"max_sessions": 2**40},
            {"dispatch_mode": "native"},
            {"channel_id": foreign_group.channel_id.id},
            {"result": {"changes": []}},
            {"line_ids": [Command.create({"user_id": foreign.id})]},
            {"line_ids": [Command.update(line.id + 1000, {"weight": 50})]},
            {"line_ids": "all"},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                with self.cr.savepoint():
                    sheet.write(vals)
        for vals in (
            {"weight": 9},
            {"weight": 1001},
            {"weight": -100},
            {"weight": "abc"},
            {"weight": 50.5},
            {"hour_from": -1},
            {"hour_to": float("nan")},
            {"presence": "maybe"},
            {"user_id": foreign.id},
            {"group_ids": [Command.set(foreign_group.ids)]},
            {"group_ids": [Command.create({"name": "x"})]},
            {"whatif_id": sheet.id},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                with self.cr.savepoint():
                    line.write(vals)
        with self.assertRaises(ValidationError):
            self._open_sheet(channel, self.owner, date_to=NINE - timedelta(days=1))

    def test_a_new_sheet_opens_on_yesterday_with_what_is_in_force(self):
        channel, ann, bob = self._make_shop()
        with freeze_all_time(NINE + timedelta(days=1)):
            sheet = self.env["livechat.dispatch.whatif"].with_user(self.owner).create({})
            self.assertEqual(sheet.channel_id, channel)
            self.assertEqual(sheet.arrival_count, 1)
            self.assertEqual(
                (sheet.dispatch_mode, sheet.max_sessions_mode),
                (channel.dispatch_mode, channel.max_sessions_mode),
            )
            self.assertEqual(Counter(sheet.line_ids.user_id), Counter(ann | bob | self.owner))
            self.assertEqual(sheet.date_to - sheet.date_from, timedelta(days=1))
            sheet.action_replay()
            self.assertEqual(sheet.result["changes"], [])
