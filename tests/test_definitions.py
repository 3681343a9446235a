import random
from ast import literal_eval
from datetime import datetime, timedelta, timezone

from odoo import fields
from odoo.fields import Domain
from odoo.tests import TransactionCase, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import line
from ..tools import here, turn, word
from .common import DispatchCommon

ROUNDS = 300


@tagged("post_install", "-at_install")
class TestPythonAndSqlSayTheSame(TransactionCase):
    """What is defined once in Python and beside it in SQL, on random rows."""

    def setUp(self):
        super().setUp()
        self.rng = random.Random(1111)
        self.now = fields.Datetime.now()

    def _choose_moment(self, *nones):
        seconds = (-60, 0, 59, 60, 61, 179, 180, 181, 300, 40000)
        return self.rng.choice(
            [*nones, *(self.now - timedelta(seconds=number) for number in seconds)]
        )

    def _ask(self, query, **values):
        self.env.cr.execute(query, {"now": self.now, **values})
        ((answer,),) = self.env.cr.fetchall()
        return answer

    def test_which_chats_hold_no_seat_for_want_of_a_word(self):
        chat, given_up = self.env["discuss.channel"].create({"name": "Chat"}), 0
        for _round in range(ROUNDS):
            chat.dispatch_wordless_since = self._choose_moment(None)
            self.env.flush_all()
            said = self._ask(f"SELECT %(id)s IN ({word.list_given_up('%(now)s')})", id=chat.id)
            self.assertEqual(said, chat in chat.search(word.match_given_up(self.now)))
            given_up += said
        self.assertTrue(30 < given_up < ROUNDS - 30)

    def test_who_is_here(self):
        online = 0
        for _round in range(ROUNDS):
            row = {
                "status": self.rng.choice([*["online"] * 6, "away", "offline", None]),
                "last_poll": self._choose_moment(None),
                "by_hand": self.rng.choice([*[None] * 5, "away", "busy", "offline"]),
            }
            said = self._ask(
                f"""
                SELECT coalesce({here.IS_ONLINE} AND NOT {here.IS_SET_AWAY}, false)
                  FROM (SELECT %(status)s::varchar AS status,
                               %(last_poll)s::timestamp AS last_poll) presence,
                       (SELECT %(by_hand)s::varchar AS manual_im_status) users
                """,
                **row,
            )
            is_here = here.get_status(*row.values(), self.now) == "online"
            self.assertEqual(said, is_here, row)
            online += is_here
        self.assertTrue(30 < online < ROUNDS - 30)

    def test_who_is_just_gone(self):
        gone = 0
        for _round in range(ROUNDS):
            row = {
                "status": self.rng.choice([*["offline"] * 4, "away", "online", None]),
                "since": self._choose_moment(None),
                "by_hand": self.rng.choice([*[None] * 5, "away", "busy", "offline"]),
            }
            said = self._ask(
                f"""
                SELECT coalesce({here.IS_JUST_GONE} AND NOT {here.IS_SET_AWAY}, false)
                  FROM (SELECT %(status)s::varchar AS status,
                               %(since)s::timestamp AS livechat_offline_since) presence,
                       (SELECT %(by_hand)s::varchar AS manual_im_status) users
                """,
                **row,
            )
            self.assertEqual(said, here.is_just_gone(*row.values(), self.now), row)
            gone += said
        self.assertTrue(30 < gone < ROUNDS - 30)

    def test_since_when_somebody_is_gone(self):
        seen = set()
        for _round in range(ROUNDS):
            presences = [
                (
                    self.rng.choice(["online", "away", "offline", "offline"]),
                    self._choose_moment(),
                    self._choose_moment(None),
                )
                for _presence in range(self.rng.randrange(4))
            ]
            expected = self._choose_moment(None)
            statuses, polls, offline = zip(*presences) if presences else ([], [], [])
            said = self._ask(
                f"""
                SELECT {here.gone_since("%(expected)s::timestamp")}
                  FROM unnest(%(statuses)s::varchar[], %(polls)s::timestamp[],
                              %(offline)s::timestamp[])
                       presence (status, last_poll, livechat_offline_since)
                """,
                expected=expected,
                statuses=list(statuses),
                polls=list(polls),
                offline=list(offline),
            )
            since = here.find_gone_since(presences, self.now, expected)
            self.assertEqual(said, since, (presences, expected))
            seen.add(since)
        self.assertGreater(len(seen), 5)

    def test_who_is_paused(self):
        for _round in range(ROUNDS):
            row = {
                "paused": self.rng.choice([True, True, False, None]),
                "until": self._choose_moment(None),
            }
            said = self._ask(
                f"""
                SELECT {here.IS_PAUSED}
                  FROM (SELECT %(paused)s::boolean AS dispatch_paused,
                               %(until)s::timestamp AS dispatch_paused_until) users
                """,
                **row,
            )
            self.assertEqual(said, here.is_paused(*row.values(), self.now), row)

    def test_who_has_time_off(self):
        users = self.env["res.users"].create(
            [{"name": f"{number}", "login": f"off{number}"} for number in range(40)]
        )
        resources = self.env["resource.resource"].create(
            [{"name": user.name, "user_id": user.id} for user in users]
        )
        self.env["resource.calendar.leaves"].create(
            [
                {
                    "resource_id": self.rng.choice([resource.id, resource.id, False]),
                    "date_from": self.now + timedelta(minutes=start),
                    "date_to": self.now + timedelta(minutes=start + self.rng.choice([20, 60, 400])),
                    "time_type": self.rng.choice(["leave", "leave", "other"]),
                }
                for resource in resources
                for start in self.rng.sample([-500, -90, -30, -10, 15], 2)
            ]
        )
        self.env.flush_all()
        self.env.cr.execute(
            f"SELECT id FROM res_users users WHERE id = ANY(%(ids)s) AND {here.IS_OFF}",
            {"ids": users.ids, "now": self.now},
        )
        said = {user_id for (user_id,) in self.env.cr.fetchall()}
        self.assertTrue(5 < len(said) < 35)
        start = self.now.replace(tzinfo=timezone.utc)
        domain = [("time_type", "=", "leave"), ("resource_id", "!=", False)]
        off = resources.calendar_id._leave_intervals_batch(
            start, start + timedelta(seconds=1), resources, domain
        )
        self.assertEqual(said, {resource.user_id.id for resource in resources if off[resource.id]})
        is_now = [("date_from", "<=", self.now), ("date_to", ">", self.now)]
        leaves = self.env["resource.calendar.leaves"].search([*here.TIME_OFF, *is_now])
        self.assertEqual(said, set((leaves.resource_id.user_id & users).ids))

    def test_the_page_of_who_waits_shows_them(self):
        action = self.env.ref("im_livechat_subaccount.livechat_waiting_action")
        is_chat = Domain("channel_type", "=", "livechat")
        self.assertEqual(Domain(literal_eval(action.domain)), is_chat & Domain(line.IS_WAITING))

    def test_who_waits_what_is_unanswered_and_what_is_missed(self):
        desk = self.env["res.partner"].create({"name": "Desk"})
        chats = self.env["discuss.channel"].create(
            [
                {"name": f"{number}", "channel_type": "livechat", "livechat_operator_id": desk.id}
                for number in range(60)
            ]
        )
        self.env.flush_all()
        for chat in chats:
            self.env.cr.execute(
                """
                UPDATE discuss_channel
                   SET livechat_end_dt = %s, livechat_failure = %s, dispatch_state = %s,
                       dispatch_asked_at = %s, dispatch_answered_at = %s
                 WHERE id = %s
                """,
                [
                    self._choose_moment(None, *[None] * 8),
                    self.rng.choice([None, "no_answer", "no_agent", "no_failure", "no_failure"]),
                    self.rng.choice([None, "queued", "assigned", "assigned", "pool"]),
                    self._choose_moment(*[None] * 8),
                    self._choose_moment(*[None] * 8),
                    chat.id,
                ],
            )
        self.env.invalidate_all()
        for domain, condition in (
            (line.IS_WAITING, line.IS_WAITING_SQL),
            (line.IS_IN_LINE, line.IS_IN_LINE_SQL),
            (turn.ASKED, turn.is_asked("chat")),
            (turn.UNANSWERED, turn.is_unanswered("chat")),
            (turn.MISSED, turn.is_missed("chat")),
        ):
            self.env.cr.execute(
                f"SELECT id FROM discuss_channel chat WHERE id = ANY(%s) AND {condition}",
                [chats.ids],
            )
            said = {chat_id for (chat_id,) in self.env.cr.fetchall()}
            self.assertTrue(3 < len(said) < 57)
            self.assertEqual(said, set(chats.filtered_domain(domain).ids))
            self.assertEqual(said, set(chats.search([("id", "in", chats.ids), *domain]).ids))


@tagged("post_install", "-at_install")
class TestToday(DispatchCommon):
    def test_all_pages_mean_the_same_day_by_today(self):
        channel = self._create_channel(self._create_agent("agent", tz="Asia/Shanghai"))
        # In Shanghai it is the 12th already, where this browser is it is not.
        there = channel.with_context(tz="America/New_York").with_user(channel.user_ids).sudo().env
        with freeze_all_time(datetime(2026, 11, 11, 18, 0)):
            begins = datetime(2026, 11, 11, 5, 0)
            ends = begins + timedelta(days=1)
            today = channel.with_env(there)._describe_today()
            self.assertEqual(today["next_day"], fields.Datetime.to_string(ends))
            sheet = there["livechat.dispatch.whatif"].new({"period": "today"})
            self.assertEqual(sheet._get_period(), (begins, ends))
            compare = there["livechat.dispatch.compare"].new({})
            compare.date_from = compare.date_to
            self.assertEqual(compare._get_domain(), [("hour", ">=", begins), ("hour", "<", ends)])
            change = there["livechat.dispatch.change"].new({})
            self.assertEqual((change.start, change.stop), (ends, ends + timedelta(days=1)))
