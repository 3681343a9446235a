from datetime import timedelta

from odoo import Command
from odoo.tests import tagged

from ..dispatch import ledger
from ..dispatch.credit import CHAT
from ..dispatch.ledger import accounts, circle
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestLedger(DispatchCommon):
    """What can be seen within one transaction; tests/system sees several."""

    def _credits(self, agents):
        credits = ledger.read_credits(self.env.cr)
        return {agent.id: credits[agent.id] for agent in agents if agent.id in credits}

    def test_a_decision_charges_the_winner_and_entitles_the_candidates(self):
        one, other = self._create_agent("one", 300), self._create_agent("other", 100)
        channel = self._create_channel(one | other)
        self.assertEqual(self._credits(one | other), {})
        self.assertEqual(channel._get_operator(), one)
        self.assertEqual(self._credits(one | other), {one.id: -CHAT // 4, other.id: CHAT // 4})
        self.assertEqual((one | other).mapped("dispatch_credit"), [-0.25, 0.25])

    def test_who_is_away_keeps_its_credit_and_a_new_agent_starts_at_zero(self):
        here, away = self._create_agent("here"), self._create_agent("away")
        channel = self._create_channel(here | away)
        channel._get_operator()
        frozen = self._credits(away)
        self._set_online(away, "offline")
        for _chat in range(5):
            channel._get_operator()
        self.assertEqual(self._credits(away), frozen)
        new = self._create_agent("new")
        channel.user_ids = [Command.link(new.id)]
        channel._get_operator()
        self.assertEqual(sum(self._credits(here | away | new).values()), 0)
        self.assertLess(abs(self._credits(new)[new.id]), CHAT)

    def test_nobody_available_charges_nobody(self):
        agent = self._create_agent("agent")
        self._set_online(agent, "offline")
        self.assertFalse(self._create_channel(agent)._get_operator())
        self.assertEqual(self._credits(agent), {})

    def test_one_credit_serves_all_channels(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        first, second = self._create_channel(one | other), self._create_channel(one | other)
        self.assertEqual(first._get_operator(), one)
        self.assertEqual(second._get_operator(), other)
        self.assertEqual(second._get_operator(), one)

    def test_a_failed_caller_leaves_no_trace(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        channel = self._create_channel(one | other)
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.assertEqual(channel._get_operator(), one)
            raise ZeroDivisionError
        self.assertEqual(self._credits(one | other), {})
        self.assertEqual(channel._get_operator(), one)

    def test_a_reservation_from_another_servers_past_holds_no_seat(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        reserve = """
            INSERT INTO livechat_dispatch_reservation
                        (created_at, xid, user_id, split, circle)
                 VALUES (now() - interval %s, '9000000000000', %s, '', %s)
        """
        self.env.cr.execute(reserve, ["9 minutes", agent.id, channel.id])
        self.assertFalse(channel._get_operator(), "a transaction in progress, for all we know")
        self.env.cr.execute(
            "UPDATE livechat_dispatch_reservation SET created_at = now() - interval '11 minutes'"
        )
        self.assertEqual(channel._get_operator(), agent)
        self.env.cr.execute("SELECT count(*) FROM livechat_dispatch_reservation WHERE split = ''")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_making_the_tables_again_loses_nothing(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent)
        _agent, chat = self._arrive(channel)
        ledger.create_tables(self.env.cr)
        chat.invalidate_recordset()
        self.assertEqual(chat.dispatch_seat_partner_ids, agent.partner_id)
        self.assertEqual(self._credits(agent), {agent.id: 0})

    def test_the_last_turn_is_that_of_the_winner(self):
        agents = self.env["res.users"].union(
            *(self._create_agent(f"agent{number}") for number in range(4))
        )
        channel = self._create_channel(agents[:2])
        query = channel._get_dispatch_query(agents)

        def get_turns():
            read = {agent.user_id: agent for agent in ledger.read_agents(self.env.cr, query)}
            return [read[agent.id].last_turn for agent in agents]

        self.assertEqual(get_turns(), [0, 0, 0, 0])
        channel._get_operator()
        (first, *others) = get_turns()
        self.assertGreater(first, 0)
        self.assertEqual(others, [0, 0, 0])
        channel._get_operator()
        self.assertEqual(get_turns(), [first, first + 1, 0, 0])
        # Who is new to the ledger is stored behind the others.
        channel.user_ids = agents
        channel._get_operator()
        self.assertEqual(get_turns(), [first, first + 1, first + 2, 0])

    def test_a_split_is_told_as_it_was(self):
        for shares in (
            {7: CHAT},
            {3: 2 * CHAT // 3, 9: CHAT // 3 + 1},
            {2**31 - 1: 5, 1: CHAT - 15, 4: 5, 5: 5},
        ):
            self.assertEqual(accounts.unpack_split(accounts.pack_split(shares)), shares)

    def test_installing_seats_the_agents_of_the_chats_that_are_open(self):
        agent, gone = self._create_agent("agent"), self._create_agent("gone")
        channel = self._create_channel(agent | gone)
        chat, closed = self._open_chat(channel, agent), self._open_chat(channel, agent)
        self._close(closed)
        left = self._open_chat(channel, gone)
        left.add_members(partner_ids=agent.partner_id.ids)
        left._action_unfollow(partner=gone.partner_id)
        self.env.flush_all()
        seats = "SELECT discuss_channel_id, partner_id FROM livechat_dispatch_seat ORDER BY 1, 2"
        self.env.cr.execute(seats)
        by_the_orm = self.env.cr.fetchall()
        self.env.cr.execute("DROP TABLE livechat_dispatch_seat")
        ledger.create_tables(self.env.cr)
        self.env.cr.execute(seats)
        at_installation = self.env.cr.fetchall()
        self.assertEqual(at_installation, by_the_orm)
        self.assertIn((chat.id, agent.partner_id.id), at_installation)
        self.assertIn((left.id, agent.partner_id.id), at_installation)
        self.assertNotIn((closed.id, agent.partner_id.id), at_installation)

    def test_channels_that_share_agents_are_one_circle(self):
        for users, together in (
            ({1: [10, 11], 2: [None], 3: [11, 12], 4: [13], 5: [12, 13]}, [{1, 3, 4, 5}, {2}]),
            ({1: [10], 2: [11], 3: [10, 11]}, [{1, 2, 3}]),
            ({7: [10], 8: [11]}, [{7}, {8}]),
            ({}, []),
        ):
            circles = circle.join(users)
            found = {}
            for channel_id, circle_id in circles.by_channel.items():
                found.setdefault(circle_id, set()).add(channel_id)
            self.assertEqual(sorted(found.values(), key=min), together)
            self.assertEqual({*found}, {min(channels) for channels in found.values()})
            for channel_id, user_ids in users.items():
                for user_id in filter(None, user_ids):
                    self.assertEqual(circles.by_user[user_id], circles.by_channel[channel_id])

    def _circles(self, *channels):
        self.env.cr.execute("SELECT channel_id, circle FROM livechat_dispatch_circle")
        circles = dict(self.env.cr.fetchall())
        return [circles.get(channel.id) for channel in channels]

    def test_credits_go_with_agents_when_shops_merge_and_split(self):
        one, other = self._create_agent("one", 300), self._create_agent("other", 100)
        guest = self._create_agent("guest")
        first, second = self._create_channel(one | other), self._create_channel(guest)
        for _chat in range(3):
            first._get_operator()
        second._get_operator()
        agents = one | other | guest
        credits = self._credits(agents)
        self.assertEqual(self._circles(first, second), [first.id, second.id])
        # Everybody is in both, whoever writes it.
        guest.livechat_channel_ids = [Command.link(first.id)]
        self.assertEqual(first._get_operator(), one)
        self.assertEqual(self._circles(first, second), [first.id, first.id])
        after = self._credits(agents)
        self.assertEqual(sum(after.values()), sum(credits.values()))
        self.assertEqual(after[guest.id], credits[guest.id] + CHAT // 5)
        # And apart again, with what each is owed.
        second.user_ids = [Command.unlink(guest.id), Command.link(other.id)]
        first.user_ids = [Command.unlink(other.id)]
        first._get_operator()
        self.assertEqual(self._circles(first, second), [first.id, second.id])
        last = self._credits(agents)
        self.assertEqual(last[other.id], after[other.id])
        self.assertEqual(sum(last.values()), sum(credits.values()))

    def test_what_was_charged_for_nothing_is_given_back_after_a_split_as_well(self):
        """The winner is here, who shared the chat with it is in another circle by now."""
        one, other = self._create_agent("one"), self._create_agent("other")
        first, second = self._create_channel(one), self._create_channel(other)
        for channel in (first, second):
            channel._get_operator()
        before = ledger.read_credits(self.env.cr)
        # A transaction that PostgreSQL has rolled back, as far as this one can tell.
        kept = accounts.read_all(self.env.cr)
        (of_first,) = [row for row in kept if row.circle == first.id]
        split = accounts.pack_split({one.id: CHAT // 2, other.id: CHAT // 2})
        accounts.give_back(of_first, [(one.id, split)])
        accounts.store_all(self.env.cr, kept)
        ledger.note_change(self.env.cr)
        query = first._get_dispatch_query(channel=first._read_dispatch_channel())
        ledger._renew_circles(self.env, query)
        after = ledger.read_credits(self.env.cr)
        self.assertEqual(after[one.id] - before[one.id], CHAT // 2)
        self.assertEqual(after[other.id] - before[other.id], -CHAT // 2)
        rows = {row.circle: set(row.credits) for row in accounts.read_all(self.env.cr)}
        self.assertIn(other.id, rows[second.id])
        self.assertNotIn(other.id, rows[first.id])

    def test_a_main_account_joins_the_channels_of_its_shop(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        owner = self._create_agent("owner", groups="im_livechat_subaccount.group_main_account")
        first, second = self._create_channel(one), self._create_channel(other)
        first._get_operator()
        self.assertEqual(self._circles(first, second), [first.id, second.id])
        (first | second).main_account_id = owner
        first._get_operator()
        self.assertEqual(self._circles(first, second), [first.id, first.id])

    def test_a_named_agent_takes_the_locks_of_its_other_channels(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        first, second = self._create_channel(one), self._create_channel(other)
        first._get_operator()
        second._get_operator()
        self.assertEqual(circle.find(self.env.cr, first.id, None), (first.id,))
        both = circle.find(self.env.cr, first.id, other.ids)
        self.assertEqual(both, (first.id, second.id))

    def test_a_chat_that_is_forgotten_holds_nothing_and_wakes_with_a_word(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, max_sessions_mode="limited", max_sessions=1)
        chat = self._come(channel)
        self.assertFalse(channel._get_operator())
        # By the clock of the transaction too, which began with the first of these tests.
        chat.last_interest_dt -= ledger.FORGOTTEN_AFTER + timedelta(hours=1)
        self.assertEqual(channel._get_operator(), agent, "it has left the seat by itself")
        self.env["im_livechat.channel"]._gc_forgotten_seats()
        seats = "SELECT is_forgotten FROM livechat_dispatch_seat WHERE discuss_channel_id = %s"
        self.env.cr.execute(seats, [chat.id])
        self.assertEqual(self.env.cr.fetchall(), [(True,)])
        self.assertEqual(chat.dispatch_seat_partner_ids, agent.partner_id, "it is its agent's")
        chat.message_post(body="Are you there?", message_type="comment")
        self.env.flush_all()
        self.env.cr.execute(seats, [chat.id])
        self.assertEqual(self.env.cr.fetchall(), [(False,)])
        self.assertFalse(channel._get_operator())

    def test_people_read_credits_with_psql(self):
        one, other = self._create_agent("one", 300), self._create_agent("other", 100)
        channel = self._create_channel(one | other)
        channel._get_operator()
        self.env.cr.execute(
            "SELECT login, credit, last_turn FROM livechat_dispatch_credits WHERE circle = %s",
            [channel.id],
        )
        rows = {login: (float(credit), turn) for login, credit, turn in self.env.cr.fetchall()}
        self.assertEqual(rows[one.login], (-0.25, 1))
        self.assertEqual(rows[other.login], (0.25, 0))

    def test_a_decision_takes_the_same_queries_for_3_and_for_30_agents(self):
        counts = []
        for size in (3, 30):
            agents = self.env["res.users"].union(
                *(self._create_agent(f"agent{size}.{number}") for number in range(size))
            )
            channel = self._create_channel(agents)
            channel._get_operator()  # everybody's first decision makes a row
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            channel._get_operator()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[0], 13)
