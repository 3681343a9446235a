import runpy

from markupsafe import Markup

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import file_path

from ..models.figures import discuss_channel as figures_room
from ..tools import said
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestSaid(DispatchCommon):
    """Chats are found by what was said in them, in English and in Chinese."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_agent("agent_said", name="Maria Said")
        cls.channel = cls._create_channel(cls.agent)
        cls.chats = cls.env["discuss.channel"]
        for body in (
            "Where is my parcel S00042? It's <b>late</b>",
            "你好，请问退货什么时候能到账？",
            "Café – à bientôt",
        ):
            chat = cls._open_chat(cls.channel, cls.agent)
            chat.message_post(body=Markup(body), message_type="comment")
            cls.chats |= chat

    def _find(self, words, user=None):
        chats = self.env["discuss.channel"].with_user(user or self.agent)
        found = chats.search([("livechat_words", "ilike", words)])
        return [number for number, chat in enumerate(self.chats) if chat in found]

    def test_a_chat_is_found_by_words_and_by_what_words_begin_with(self):
        for words, expected in (
            ("parcel", [0]),
            ("PARC", [0]),
            ("arcel", []),
            ("parcel late", [0]),
            ("late parcel", [0]),
            ("parcel early", []),
            ("s00042", [0]),
            ("S00042?", [0]),
            ("it's", [0]),
            ("br", []),
            ("退货", [1]),
            ("货", [1]),
            ("账", [1]),
            ("什么时候", [1]),
            ("退货时候", []),
            ("退货 到账", [1]),
            ("货退", []),
            ("你好，请问", [1]),
            ("café", [2]),
            ("bientôt", [2]),
        ):
            with self.subTest(words=words):
                self.assertEqual(self._find(words), expected)

    def test_whatever_somebody_types_is_words_and_no_operator(self):
        for words in ("parcel & !late", "parcel | foo'); --", "\\ parcel:*B", "<parcel>", "%"):
            with self.subTest(words=words):
                self.assertLessEqual(set(self._find(words)), {0})
        for words in ("  ", "?!", "，。", "😀", "x" * 10000):
            with self.subTest(words=words[:20]):
                self.assertEqual(self._find(words), [])
        self.assertEqual(self._find("parcel late where is my it s S00042 " + "nonsense " * 50), [0])
        chats = self.env["discuss.channel"].with_user(self.agent)
        for value in (7, 7.5, True, "par\0cel"):
            with self.subTest(value=value), self.assertRaises(UserError):
                chats.search([("livechat_words", "in", [value])])

    def test_what_is_not_found_is_all_else_that_may_be_read(self):
        chats = self.env["discuss.channel"].with_user(self.agent)
        others = chats.search(
            [("id", "in", self.chats.ids), ("livechat_words", "not ilike", "parcel")]
        )
        self.assertEqual(set(others.ids), set(self.chats[1:].ids))

    def test_who_is_no_reader_of_chats_asks_for_no_words(self):
        stranger = new_test_user(self.env, "stranger_said", "base.group_user")
        with self.assertRaises(AccessError):
            self._find("parcel", stranger)

    def test_only_what_is_said_in_live_chats_is_in_the_index(self):
        chat = self.chats[0]
        said_there = chat.message_post(body="Said", message_type="comment")
        noted = chat.message_post(body="Noted", message_type="notification")
        talk = self.env["discuss.channel"].create({"name": "Talk", "channel_type": "channel"})
        elsewhere = talk.message_post(body="Said", message_type="comment")
        log = self.agent.partner_id.message_post(body="Said", message_type="comment")
        messages = said_there | noted | elsewhere | log
        self.assertEqual(messages.mapped("is_said_in_livechat"), [True, False, False, False])
        self.env.cr.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'mail_message_said_idx'"
        )
        ((definition,),) = self.env.cr.fetchall()
        self.assertIn("WHERE is_said_in_livechat", definition)

    def test_a_message_that_is_changed_is_found_by_its_new_words(self):
        message = self.chats[0].message_ids.filtered("is_said_in_livechat")
        message.body = "<p>Thanks</p>"
        self.assertEqual((self._find("parcel"), self._find("thanks")), ([], [0]))

    def test_a_message_of_any_length_can_be_sent(self):
        chat = self.chats[0]
        for body in ("x" * 100_000, "字" * 100_000, " ".join(map(str, range(100_000)))):
            chat.message_post(body=body, message_type="comment")
            self.env.flush_all()
        self.assertEqual(self._find("2718"), [0])

    def test_messages_that_were_there_before_are_marked_by_the_upgrade(self):
        talk = self.env["discuss.channel"].create({"name": "Talk", "channel_type": "channel"})
        elsewhere = talk.message_post(body="parcel", message_type="comment")
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_message SET is_said_in_livechat = NULL")
        self.env.invalidate_all()
        self.assertEqual(self._find("parcel"), [])
        script = file_path("im_livechat_subaccount/migrations/19.0.1.2.0/pre-said.py")
        for _time in range(2):
            runpy.run_path(script)["migrate"](self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        self.assertEqual(self._find("parcel"), [0])
        self.assertFalse(elsewhere.is_said_in_livechat)

    def test_the_index_serves_the_search_in_a_filled_table(self):
        self.env.flush_all()
        self.env.cr.execute(
            """
            WITH chat AS (
                INSERT INTO discuss_channel
                       (name, channel_type, active, uuid, livechat_channel_id,
                        livechat_operator_id, create_date)
                SELECT 'Buyer', 'livechat', true, left(md5(n::text), 10), %s, %s,
                       now() AT TIME ZONE 'UTC'
                  FROM generate_series(1, 2000) n
             RETURNING id
            )
            INSERT INTO mail_message
                   (model, res_id, message_type, date, body, is_said_in_livechat)
            SELECT 'discuss.channel', chat.id, 'comment', now() AT TIME ZONE 'UTC',
                   '<p>colour ' || chat.id || ' 尺码 size ' || n || '</p>', true
              FROM chat, generate_series(1, 5) n
            """,
            [self.channel.id, self.agent.partner_id.id],
        )
        self.env.cr.execute("ANALYZE mail_message, discuss_channel")
        for words in ("parcel", "什么时候", "到账", "S00042"):
            with self.subTest(words=words):
                query = (
                    self.env["discuss.channel"]
                    .with_user(self.agent)
                    ._search([("livechat_words", "ilike", words)], limit=80)
                )
                ((plan,),) = self.env.execute_query(
                    figures_room.SQL("EXPLAIN (FORMAT JSON) %s", query.select())
                )
                self.assertIn("mail_message_said_idx", str(plan))

    def test_a_word_that_is_in_many_messages_of_a_chat_is_joined_once(self):
        query = self.env["discuss.channel"]._search([("livechat_words", "ilike", "parcel")])
        ((plan,),) = self.env.execute_query(
            figures_room.SQL("EXPLAIN (FORMAT JSON) %s", query.select())
        )

        def list_nodes(node, above=()):
            kinds = (*above, node["Node Type"])
            yield kinds, node.get("Relation Name")
            for below in node.get("Plans", ()):
                yield from list_nodes(below, kinds)

        (kinds,) = (
            kinds for kinds, table in list_nodes(plan[0]["Plan"]) if table == "mail_message"
        )
        self.assertTrue({"Aggregate", "Unique"} & set(kinds), kinds)

    # ------------------------------------------------------------
    # The transcript
    # ------------------------------------------------------------

    def test_the_transcript_has_the_decisions_between_the_lines(self):
        omar = self._create_agent("omar_said", name="Omar Said")
        self.channel.user_ids |= omar
        guest = self._create_guest("Buyer <i>Lu</i>")
        chat = self._come(self.channel, guest)
        first = self._agent_of(chat)
        second = (self.agent | omar) - first
        self._say(chat, guest, "Where is my parcel?")
        self._say(chat, first, "A colleague knows")
        chat.with_user(first).transfer("asked", user_id=second.id)
        self._say(chat, second, "On its way")
        for number, message in enumerate(
            chat.message_ids.filtered("is_said_in_livechat").sorted("id")
        ):
            message.date = f"2026-01-0{1 + number} 10:00:00"
        for number, decision in enumerate(chat.dispatch_decision_ids.sorted("id")):
            decision.moment = f"2026-01-0{1 + 2 * number} 09:00:00"
        auditor = new_test_user(self.env, "auditor_said", "im_livechat_subaccount.group_auditor")
        lines = [
            line.get("title") or str(line["body"])
            for _day, rows in chat.with_user(auditor)._describe_transcript()["days"][:3]
            for line in rows
            if line["kind"] != "noted"
        ]
        self.assertEqual(
            [line.replace("<p>", "").replace("</p>", "") for line in lines],
            [
                f"Assigned: {first.name}",
                "Where is my parcel?",
                "A colleague knows",
                f"Transferred: {second.name}",
                "On its way",
            ],
        )
        html = str(chat.with_user(auditor).livechat_transcript)
        self.assertIn("Buyer &lt;i&gt;Lu", html)
        self.assertIn("January 2, 2026", html)
        # An agent reads about the decisions that concern it; of the first, the second does not.
        own = str(chat.with_user(second).livechat_transcript)
        self.assertIn("On its way", own)
        self.assertNotIn(f"Assigned: {first.name}", own)

    def test_a_long_transcript_says_how_much_is_not_shown(self):
        chat = self.chats[0]
        before = len(chat.message_ids)
        self.patch(figures_room, "_SHOWN_MAX", before)
        chat.message_post(body="One more", message_type="comment")
        described = chat._describe_transcript()
        self.assertEqual(described["earlier"], 1)

    def test_missed_chats_are_those_that_the_reports_count(self):
        for chat in self.chats:
            self._close(chat)
        self.chats[0].livechat_failure = "no_answer"
        self.chats[1].livechat_failure = "no_failure"
        self.env.flush_all()
        found = self.env["discuss.channel"].search(
            [("id", "in", self.chats.ids), ("dispatch_is_missed", "=", True)]
        )
        reports = self.env["im_livechat.report.channel"].search(
            [("channel_id", "in", self.chats.ids), ("dispatch_missed", "=", 1)]
        )
        self.assertIn(self.chats[0], found)
        self.assertEqual(found, reports.channel_id)

    def test_the_words_index_is_the_same_expression_in_search(self):
        self.assertIn(said.WORDS, said.INDEX)
        self.assertIn(said.WORDS, said.list_chats("parcel").code)
