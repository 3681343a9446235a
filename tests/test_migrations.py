import runpy

from odoo.tests import tagged
from odoo.tools import file_path

from ..dispatch import ledger
from ..dispatch.credit import CHAT
from ..dispatch.ledger import accounts
from .common import DispatchCommon, create_user


def load(script):
    """What a script of ``migrations/`` defines, by name."""
    return runpy.run_path(file_path(f"im_livechat_subaccount/migrations/{script}.py"))


@tagged("post_install", "-at_install")
class TestMigrations(DispatchCommon):
    """What an upgrade makes of former states; tests/system/test_upgrade.py starts from them."""

    def _read_row(self, query):
        self.env.cr.execute(query)
        return [bytes(column) for column in self.env.cr.fetchone()]

    def test_credits_that_were_stored_with_ids_of_64_bits_stay(self):
        agents = self._create_agent("one", 300) | self._create_agent("other", 100)
        channel = self._create_channel(agents)
        channel._get_operator()
        before = ledger.read_credits(self.env.cr)
        row = (
            f"SELECT user_ids, last_turns FROM livechat_dispatch_credit WHERE circle = {channel.id}"
        )
        stored = self._read_row(row)
        longer = [
            b"".join(column[place : place + 4] + bytes(4) for place in range(0, len(column), 4))
            for column in stored
        ]
        self.env.cr.execute(
            "UPDATE livechat_dispatch_credit SET user_ids = %s, last_turns = %s WHERE circle = %s",
            [*longer, channel.id],
        )
        for _time in range(2):
            load("19.0.1.1.0/pre-ledger")["migrate"](self.env.cr, "19.0.1.0.0")
            self.assertEqual(self._read_row(row), stored)
        self.assertEqual(ledger.read_credits(self.env.cr), before)
        self.assertEqual(channel._get_operator(), agents[1])

    def test_credits_of_one_row_for_all_are_dealt_out(self):
        agents = self._create_agent("one", 300) | self._create_agent("other", 100)
        channel, elsewhere = self._create_channel(agents), self._create_channel(agents[:1])
        alone = self._create_channel(self._create_agent("alone"))
        for other in (channel, elsewhere, alone):
            other._get_operator()
        before = ledger.read_credits(self.env.cr)
        kept = accounts.read_all(self.env.cr)
        merged = accounts.Accounts(1, 9, {}, {}, 0)
        for row in kept:
            merged.credits.update(row.credits)
            merged.last_turns.update(row.last_turns)
        accounts.store_all(self.env.cr, [merged])
        self.env.cr.execute(
            """
            ALTER TABLE livechat_dispatch_reservation DROP circle;
            DROP VIEW livechat_dispatch_credits;
            ALTER TABLE livechat_dispatch_credit RENAME circle TO id
            """
        )
        for _time in range(2):
            load("19.0.1.2.0/pre-ledger")["migrate"](self.env.cr, "19.0.1.1.0")
        self.assertEqual(ledger.read_credits(self.env.cr), before)
        query = alone._get_dispatch_query(channel=alone._read_dispatch_channel())
        ledger._renew_circles(self.env, query)
        self.assertEqual(ledger.read_credits(self.env.cr), before)
        rows = {row.circle: set(row.credits) for row in accounts.read_all(self.env.cr)}
        self.assertLessEqual(set(agents.ids), rows[channel.id])
        self.assertEqual(rows[alone.id], set(alone.user_ids.ids))

    def test_rows_of_the_account_log_find_their_contacts(self):
        user = create_user(self.env, "owner", "im_livechat_subaccount.group_main_account")
        log = self.env["livechat.account.log"]
        log.with_user(user)._note("password", user)
        log.with_user(user)._note("exported", user.browse(), "3 records", shops=user)
        rows = log.search([("user_id", "=", user.id)])
        kept = [(row.account_partner_id, row.user_partner_id) for row in rows]
        partner = user.partner_id
        self.assertEqual(kept, [(partner.browse(), partner), (partner, partner)])
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE livechat_account_log SET account_partner_id = NULL, user_partner_id = NULL"
        )
        self.env.invalidate_all()
        for _time in range(2):
            load("19.0.1.3.0/post-account-log")["migrate"](self.env.cr, "19.0.1.2.0")
        self.env.invalidate_all()
        self.assertEqual([(row.account_partner_id, row.user_partner_id) for row in rows], kept)

    def test_what_an_unsettled_decision_charged_stays_known(self):
        shares = {7: CHAT // 3, 2**31 - 1: CHAT - 2 * (CHAT // 3), 9: CHAT // 3}
        self.env.cr.execute(
            """
            DELETE FROM livechat_dispatch_reservation;
            ALTER TABLE livechat_dispatch_reservation
                   DROP split, ADD candidate_ids bytea, ADD shares bytea;
            INSERT INTO livechat_dispatch_reservation (xid, user_id, circle, candidate_ids, shares)
                 VALUES ('9000000000000', 7, 1, %s, %s)
            """,
            [accounts.pack("<q", shares), accounts.pack("<q", shares.values())],
        )
        load("19.0.1.1.0/pre-ledger")["migrate"](self.env.cr, "19.0.1.0.0")
        (split,) = self._read_row("SELECT split FROM livechat_dispatch_reservation")
        self.assertEqual(accounts.unpack_split(split), shares)

    def test_open_chats_are_assigned_to_their_agents(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        chat, ended = self._come(channel), self._come(channel)
        native = self._open_chat(self._create_channel(agent, dispatch_mode="native"), agent)
        self._close(ended)
        chats = chat | ended | native
        self.env.flush_all()
        self.assertEqual(chat.dispatch_state, "assigned")
        self.env.cr.execute(
            "UPDATE discuss_channel SET dispatch_state = NULL, dispatch_assigned_at = NULL"
        )
        self.env.invalidate_all()
        load("19.0.1.1.0/pre-chats")["assign_open_chats"](self.env.cr)
        self.assertEqual(chat.dispatch_assigned_at, chat.create_date.replace(microsecond=0))
        self.assertEqual(chats.mapped("dispatch_state"), ["assigned", False, False])

    def test_chats_of_a_channel_that_is_odoos_again_are_left_to_it(self):
        agent = self._create_agent("agent")
        channels = self._create_channel(agent) | self._create_channel(agent)
        chats = self.env["discuss.channel"].union(*(self._come(channel) for channel in channels))
        self.env.flush_all()
        # As the version before left it.
        self.env.cr.execute(
            "UPDATE im_livechat_channel SET dispatch_mode = 'native' WHERE id = %s",
            [channels[0].id],
        )
        chats.dispatch_is_away = True
        self.env.flush_all()
        self.env.invalidate_all()
        for _time in range(2):
            load("19.0.1.4.0/post-native")["migrate"](self.env.cr, "19.0.1.3.0")
            self.env.invalidate_all()
            self.assertEqual(chats.mapped("dispatch_is_away"), [False, True])
            self.assertEqual(chats.mapped("dispatch_state"), [False, "assigned"])

    def test_stars_that_fell_on_the_buyer_or_on_nobody_are_the_agents_who_served(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        channel = self._create_channel(one | other)
        buyer = create_user(self.env, "star_giver", "base.group_portal").partner_id
        answered, unanswered, fine, native = (
            self._come(chosen, buyer.user_ids)
            for chosen in (
                channel,
                self._create_channel(one),
                self._create_channel(other),
                self._create_channel(one, dispatch_mode="native"),
            )
        )
        giver = self._agent_of(answered)
        taker = (one | other) - giver
        self._say(answered, giver, "One moment.")
        answered.with_user(giver).transfer("knowledge", user_id=taker.id)
        self._say(answered, taker, "Here I am.")
        chats = answered | unanswered | fine | native
        self._close(chats)
        model = self.env["ir.model"]._get_id("discuss.channel")
        ratings = self.env["rating.rating"].create(
            [{"res_model_id": model, "res_id": chat.id, "rating": 5} for chat in chats]
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE rating_rating SET rated_partner_id = CASE WHEN id = %s THEN NULL ELSE %s END"
            " WHERE id = ANY(%s)",
            [ratings[1].id, buyer.id, (ratings - ratings[2]).ids],
        )
        for _time in range(2):
            load("19.0.1.2.0/post-ratings")["migrate"](self.env.cr, "19.0.1.1.0")
            self.env.invalidate_all()
            rated = [rating.rated_partner_id for rating in ratings]
            agents = [user.partner_id for user in (taker, one, other)]
            self.assertEqual(rated, [*agents, buyer])
            stars = answered.livechat_agent_history_ids.filtered("rating_id")
            self.assertEqual(stars.partner_id, taker.partner_id)

    def test_chats_are_told_what_was_decided_about_them(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        served, left = (self._open_chat(channel, agent) for _chat in range(2))
        told = (
            (served, {"kind": "queue", "rule": "nobody"}),
            (served, {"kind": "assign", "rule": "share", "waited_seconds": 40}),
            (served, {"kind": "transfer", "rule": "by_hand", "waited_seconds": 50}),
            (left, {"kind": "queue", "rule": "nobody"}),
            (left, {"kind": "leave", "rule": "line", "waited_seconds": 100_000}),
        )
        for chat, values in told:
            given = {"user_id": agent.id} if values["kind"] in ("assign", "transfer") else {}
            self.env["livechat.dispatch.decision"].create(
                {"discuss_channel_id": chat.id, "livechat_channel_id": channel.id} | values | given
            )
        self.env.flush_all()
        script = load("19.0.1.1.0/pre-chats")
        nothing = ", ".join(f"{name} = NULL" for name in script["NOTES"])
        self.env.cr.execute(
            f"UPDATE discuss_channel SET {nothing};"
            " UPDATE livechat_dispatch_decision SET has_waited = NULL"
        )
        script["note_decisions"](self.env.cr)
        self.env.invalidate_all()
        self.assertEqual(
            [[chat[name] for name in script["NOTES"]] for chat in (served, left)],
            [["by_hand", False, 1, 40, 1], ["line", True, 1, 24 * 3600, 0]],
        )

    def test_permissions_that_reach_public_pages_are_no_shops_any_more(self):
        products = self.env.ref("im_livechat_subaccount.permission_edit_products")
        pages = self.env.ref("im_livechat_subaccount.permission_edit_shop_pages")
        role = self.env["livechat.role"].create({"name": "Editor"})
        (products | pages).write({"grantable": True, "reach": False})
        role.permission_ids = products | pages
        # Of one an administrator has said that it may be given.
        pages.with_user(self.env.ref("base.user_admin")).sequence = 7
        self.env.flush_all()
        load("19.0.1.1.0/post-permissions")["migrate"](self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        self.assertTrue(products.reach)
        self.assertFalse(products.grantable)
        self.assertEqual(role.permission_ids, pages)
        self.assertTrue(pages.grantable)

    def test_indexes_that_longer_ones_replace_go(self):
        script = load("19.0.1.4.0/post-indexes")
        find = "SELECT indexname FROM pg_indexes WHERE indexname = ANY(%s)"
        for name in script["REPLACED"]:
            table, column = name.removesuffix("_index").split("__")
            self.env.cr.execute(f'CREATE INDEX "{name}" ON "{table}" ("{column}")')
        script["migrate"](self.env.cr, "19.0.1.3.0")
        self.env.cr.execute(find, [list(script["REPLACED"])])
        self.assertFalse(self.env.cr.fetchall())

    def test_what_was_renamed_loses_the_translation_of_its_former_name(self):
        self.env["res.lang"]._activate_lang("zh_CN")
        plan = self.env.ref("im_livechat_subaccount.livechat_dispatch_menu")
        other = self.env.ref("im_livechat_subaccount.livechat_reception_menu")
        for menu, english in ((plan, "Dispatch"), (other, "Reception")):
            menu.with_context(lang="en_US").name = english
            menu.with_context(lang="zh_CN").name = "分流"
        self.env.flush_all()
        for _time in range(2):
            load("19.0.1.2.0/pre-words")["migrate"](self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        names = [menu.with_context(lang="zh_CN").name for menu in (plan, other)]
        self.assertEqual(names, ["Dispatch", "分流"])
