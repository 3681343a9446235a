"""No statement of ours reads all of a table that grows with every buyer."""

import inspect
import json
import re
from datetime import timedelta

from odoo.sql_db import Cursor
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.im_livechat_subaccount.tools.sent import ADDON

from .common import DispatchCommon

# Tables with a row or more for each buyer, chat, message or decision there ever was.
GROWING = {
    "bus_bus",
    "discuss_channel",
    "discuss_channel_member",
    "im_livechat_channel_member_history",
    "ir_attachment",
    "livechat_account_log",
    "livechat_dispatch_decision",
    "livechat_dispatch_log",
    "livechat_dispatch_total",
    "mail_guest",
    "mail_message",
    "mail_presence",
    "mail_tracking_value",
    "rating_rating",
    "res_partner",
    "res_users",
}
# Here passes whatever is read of any model.
PASSED = ("/rights/contact_data.py", "/tests/test_plans.py", "/tests/common.py")
WAYS_OF_SMALL_TABLES = ("seqscan", "mergejoin", "hashjoin")
# Of few rows it walks a whole index to have them in its order; a bitmap has none.
WAYS_IN_ORDER = ("indexscan", "indexonlyscan")
_HEALTH = f"odoo.addons.{ADDON}.models.reception.livechat_dispatch_health"
_EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


def _is_ours():
    """Tell whether the innermost addon that asks is this one."""
    frame = inspect.currentframe()
    while frame:
        path = frame.f_code.co_filename
        if path.endswith(PASSED):
            # Its folder is one of addons as well, and says nothing of who asks.
            pass
        elif f"/{ADDON}/" in path:
            return f"{path.rpartition(ADDON)[2]}:{frame.f_lineno}"
        elif re.search(r"/addons/(?!base/)\w+/(?:models|controllers|wizard)/", path):
            return None
        frame = frame.f_back
    return None


@tagged("post_install", "-at_install")
class TestPlans(DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one, cls.other = cls._create_agent("one"), cls._create_agent("other")
        cls.channel = cls._create_channel(
            cls.one | cls.other,
            queue_enabled=True,
            max_sessions_mode="limited",
            max_sessions=1,
            no_reply_seconds=30,
            silence_seconds=60,
        )
        cls.manager = cls._create_agent("boss", groups="im_livechat.im_livechat_group_manager")
        cls.env.cr.execute(
            "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid"
            " WHERE indpred IS NOT NULL"
        )
        cls.partial = {name for (name,) in cls.env.cr.fetchall()}

    def setUp(self):
        super().setUp()
        self.statements, self.executed = {}, set()
        execute = Cursor.execute

        def execute_and_note(cursor, query, params=None, *args, **kwargs):
            text = query.code if isinstance(query, SQL) else query
            if isinstance(text, str) and text.lstrip().upper().startswith(_EXPLAINED):
                given = query.params if isinstance(query, SQL) else params
                statement = cursor._obj.mogrify(text, given).decode()
                self.executed.add(statement)
                if where := _is_ours():
                    self.statements.setdefault((where, text), statement)
            return execute(cursor, query, params, *args, **kwargs)

        self.patch(Cursor, "execute", execute_and_note)

    def _find_scans(self, node, is_limited=False):
        """Yield the tables that grow and that a plan reads all of."""
        table, index = node.get("Relation Name"), node.get("Index Name")
        kind = node["Node Type"]
        if kind == "Seq Scan" and table in GROWING:
            yield table
        is_whole = not (node.get("Index Cond") or index in self.partial)
        if kind in ("Index Scan", "Index Only Scan") and table in GROWING and is_whole:
            # The first rows of an index cost no more than these.
            if node.get("Filter") or not is_limited:
                yield f"{table} by {index}"
        for child in node.get("Plans", ()):
            yield from self._find_scans(child, is_limited or kind == "Limit")

    def _assert_no_scan(self, expected):
        """Ask PostgreSQL how it would do what was done, if it could help to read a whole table."""
        self.env.flush_all()
        statements, self.statements = self.statements, {}
        self.assertGreater(len(statements), expected, "who asks is not found any more")
        found = {}
        for (where, _text), statement in statements.items():
            # Whatever these few rows would have it do: what is left has no other way.
            if self._plan(statement, WAYS_OF_SMALL_TABLES) and (
                scans := self._plan(statement, WAYS_OF_SMALL_TABLES + WAYS_IN_ORDER)
            ):
                found.setdefault(where, (scans, statement))
        self.assertFalse(found, json.dumps(found, indent=1))

    def _plan(self, statement, avoided):
        """Return which tables that grow are read whole while these ways are avoided."""
        for way in avoided:
            self.env.cr.execute(f"SET LOCAL enable_{way} = off")
        self.env.cr.execute("EXPLAIN (FORMAT JSON) " + statement.replace("%", "%%"), ())
        ((plan,),) = self.env.cr.fetchall()
        for way in avoided:
            self.env.cr.execute(f"SET LOCAL enable_{way} = on")
        return sorted(set(self._find_scans(plan[0]["Plan"])))

    def test_a_buyer_who_comes_writes_and_is_answered(self):
        guest = self._create_guest()
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "In red?")
        self._say(chat, self._agent_of(chat), "Yes.")
        self.channel._is_reception_open()
        self._assert_no_scan(10)

    def test_the_record_of_a_decision_is_written_once(self):
        self._come(self.channel)
        self.env.flush_all()
        writes = [
            text
            for text in self.executed
            if re.match(r'\s*(INSERT INTO|UPDATE) "livechat_dispatch_decision"', text)
        ]
        self.assertEqual(len(writes), 1, writes)

    def test_what_runs_through_a_layer_over_all_models_is_noted_as_well(self):
        self.env["discuss.channel"]._reassign_unanswered()
        self.assertIn("/models/handover/discuss_channel.py", str([*self.statements]))

    def test_a_line_that_is_served(self):
        chats = [self._come(self.channel) for _buyer in range(4)]
        self.assertEqual(chats[3].dispatch_state, "queued")
        self._close(chats[0])
        self.channel._drain()
        self.assertEqual(chats[2].dispatch_state, "assigned")
        self._assert_no_scan(10)

    def test_the_timers_of_each_minute(self):
        chats = [self._come(self.channel) for _buyer in range(3)]
        chats[0].dispatch_asked_at = chats[0].create_date
        self.channel._run_dispatch_timers()
        self._assert_no_scan(10)

    def test_whose_pause_is_over_is_not_looked_for_among_all_who_have_signed_up(self):
        self.executed = set()
        users = self.env["res.users"]
        users._find_past_pauses()
        users.search([("dispatch_overloaded", "=", True)])
        searches = [text for text in self.executed if 'FROM "res_users"' in text]
        self.assertGreaterEqual(len(searches), 2)
        for search in searches:
            self.assertFalse(self._plan(search, WAYS_OF_SMALL_TABLES + WAYS_IN_ORDER), search)

    def test_the_health_of_each_ten_minutes(self):
        self._come(self.channel)
        with mute_logger(_HEALTH):
            self.env["livechat.dispatch.health"]._check_all()
        self._assert_no_scan(10)

    def test_the_pages_of_who_watches(self):
        for _buyer in range(3):
            self._come(self.channel)
        channels = self.env["im_livechat.channel"].with_user(self.manager)
        channels.get_reception()
        channels.get_reception_lines()
        self.one.with_user(self.one).get_dispatch_status()
        self._assert_no_scan(10)

    def test_a_guest_whose_traces_go(self):
        guest = self._create_guest()
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "In red?")
        self._close(chat)
        chat.livechat_end_dt -= timedelta(days=3)
        self.env["ir.config_parameter"].set_param("im_livechat_subaccount.buyer_days", "2")
        self.env.flush_all()
        self.statements = {}
        self.env["discuss.channel"]._gc_guests()
        self.assertTrue(chat.dispatch_erased_at)
        self.assertFalse(guest.exists())
        self._assert_no_scan(5)

    def _count_rows(self, node, table):
        """Return how many rows of a table, or of its indexes, a plan that was carried out looked
        at."""
        rows = 0
        is_bitmap = node["Node Type"] == "Bitmap Index Scan"
        if node.get("Relation Name") == table or (
            is_bitmap and node["Index Name"].startswith(f"{table}_")
        ):
            looked = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            rows = looked * node["Actual Loops"]
        return rows + sum(self._count_rows(child, table) for child in node.get("Plans", ()))

    def _rate_for_years(self, value):
        """Let there be a rating of today, and as many as a shop has of years."""
        chat = self._come(self.channel)
        self._close(chat)
        new = self.env["rating.rating"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                "res_id": chat.id,
                "rating": value,
                "consumed": True,
                "rated_on": chat.create_date,
            }
        )
        self.env.flush_all()
        # Those of years: as many as others, a month ago.
        self.env.cr.execute(
            """
            INSERT INTO rating_rating
                   (res_model_id, res_model, res_id, parent_res_model_id, parent_res_model,
                    parent_res_id, rating, rating_text, consumed, rated_on, write_date,
                    access_token)
            SELECT res_model_id, res_model, res_id, parent_res_model_id, parent_res_model,
                   parent_res_id, rating, rating_text, consumed, moment, moment, number::text
              FROM rating_rating, generate_series(1, 2000) number,
                   LATERAL (SELECT rated_on - number * interval '1 minute' - interval '30 days'
                                   AS moment) past
             WHERE id = %s
            """,
            [new.id],
        )
        self.env.cr.execute("ANALYZE rating_rating")
        self.executed = set()

    def _assert_few(self, *tables):
        """Carry out once more what was asked of these tables: it looked at a few rows of each."""
        executed, self.executed = self.executed, set()
        reads = ("SELECT", "WITH RECURSIVE")
        selects = [text for text in executed if text.lstrip().startswith(reads)]
        for table in tables:
            asked = [text for text in selects if re.search(rf"\b{table}\b", text)]
            self.assertTrue(asked)
            for statement in asked:
                plain = statement.replace("%", "%%")
                self.env.cr.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + plain, ())
                ((plan,),) = self.env.cr.fetchall()
                self.assertLess(self._count_rows(plan[0]["Plan"], table), 100, statement)

    def _pile_up(self, record, rows=2000, **values):
        """Let there be thousands of rows as this one, with other values."""
        self.env.flush_all()
        names = [
            name for name, field in record._fields.items() if field.store and field.column_type
        ]
        columns = {name: SQL.identifier(name) for name in names if name != "id"}
        if "uuid" in columns:
            columns["uuid"] = SQL("gen_random_uuid()::text")
        columns |= {name: SQL("%s", value) for name, value in values.items()}
        table = SQL.identifier(record._table)
        self.env.execute_query(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM %s, generate_series(1, %s) number WHERE id = %s"
                " RETURNING 1",
                table,
                SQL(", ").join(map(SQL.identifier, columns)),
                SQL(", ").join(columns.values()),
                table,
                rows,
                record.id,
            )
        )
        self.env.cr.execute(SQL("ANALYZE %s", table))
        self.executed = set()

    def test_each_minute_no_old_chat_is_looked_at_that_nobody_has_ended(self):
        chat = self._come(self.channel)
        past = chat.last_interest_dt - timedelta(days=40)
        self._pile_up(chat, last_interest_dt=past, create_date=past)
        self.env["discuss.channel"]._end_deserted()
        self._assert_few("discuss_channel")

    def test_what_agents_have_is_read_of_their_own_chats(self):
        chat = self._come(self.channel)
        elsewhere = self._create_channel(self._create_agent("stranger"), name="Elsewhere")
        quiet = chat.last_interest_dt - timedelta(hours=1)
        self._pile_up(chat, livechat_channel_id=elsewhere.id, last_interest_dt=quiet)
        chat.last_interest_dt = quiet
        facts = self.channel._read_reception_facts({*self.channel.user_ids.ids})
        self.assertEqual(sum(agent.quiet_chats for agent in facts), 1)
        self._assert_few("discuss_channel")

    def _let_years_pass(self):
        """Let a buyer come and ask, after hundreds of chats and decisions of years here, and while
        there are thousands of today elsewhere; return the chat."""
        guest = self._create_guest()
        chat = self._come(self.channel, guest)
        self._say(chat, guest, "In red?")
        decision = chat.dispatch_decision_ids
        self.env["livechat.dispatch.total"]._count(wait=True)
        stranger = self._create_agent("stranger")
        elsewhere = self._create_channel(stranger, name="Elsewhere")
        past, hour_ago = (
            chat.create_date - timedelta(**ago) for ago in ({"days": 40}, {"hours": 1})
        )
        old = {"create_date": past, "last_interest_dt": past, "livechat_end_dt": past}
        old["livechat_status"] = None
        # Those of all shops come in turn, and lie so in the table.
        any_shop = SQL(
            "CASE WHEN number %% 9 = 0 THEN %s ELSE %s END", self.channel.id, elsewhere.id
        )
        self._pile_up(chat, 9000, **old, livechat_channel_id=any_shop)
        asked = {"dispatch_asked_at": hour_ago, "dispatch_assigned_at": hour_ago}
        self._pile_up(chat, 500, livechat_channel_id=elsewhere.id, **asked)
        chat.write(asked)
        others = {"discuss_channel_id": None, "is_counted": True}
        self._pile_up(decision, 300, **others, moment=past)
        there = {"livechat_channel_id": elsewhere.id, "user_id": stranger.id}
        self._pile_up(decision, **others, **there)
        total = self.env["livechat.dispatch.total"].search([("user_id", "=", decision.user_id.id)])
        self._pile_up(total[:1], 300, hour=past)
        self._pile_up(total[:1], **there, hour=total[:1].hour - timedelta(hours=2))
        self.env.invalidate_all()
        self.executed = set()
        return chat

    def test_each_minute_the_unanswered_of_a_channel_are_read_and_not_those_of_all_shops(self):
        chat = self._let_years_pass()
        chats = self.env["discuss.channel"]
        for name, found in (("no_reply_seconds", chat), ("silence_seconds", chats)):
            self.assertEqual(chats.search(chats._get_overdue(self.channel, name)), found)
        self._assert_few("discuss_channel")

    def test_the_figures_of_today_are_read_of_the_own_channels_of_today(self):
        self._let_years_pass()
        figures = self.channel._get_today_figures()
        self.assertEqual(figures[0]["assigned"], 1)
        self._assert_few("discuss_channel", "livechat_dispatch_decision")

    def test_an_agents_own_figures_are_read_of_its_own_week(self):
        agent = self._agent_of(self._let_years_pass())
        self.executed = set()
        figures = agent.with_user(agent).get_my_dispatch_figures()
        self.assertEqual(figures["week"]["received"], 1)
        self._assert_few("livechat_dispatch_decision", "livechat_dispatch_total")

    def test_the_figures_of_a_week_look_at_the_ratings_of_that_week(self):
        self._rate_for_years(5)
        figures = self.env["livechat.team"].with_user(self.manager).get_team("week")
        self.assertEqual(figures["all"]["satisfaction"], 1)
        self._assert_few("rating_rating")

    def test_who_watches_is_told_of_unhappy_buyers_by_the_ratings_of_the_last_days(self):
        self._rate_for_years(1)
        lines = self.env["im_livechat.channel"].with_user(self.manager).get_reception_lines()
        self.assertEqual(lines["unhappy"]["count"], 1)
        self._assert_few("rating_rating")
