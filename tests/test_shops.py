"""Shops that become one or two, and shops of several companies, websites and time zones."""

import re
from datetime import datetime
from pathlib import Path

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from ..dispatch import ledger
from ..dispatch.line import WAITING
from .common import DispatchCommon, create_user

_SCALING = Path(__file__).resolve().parent.parent / "docs/scaling.md"
_OWNER = "im_livechat_subaccount.group_main_account"


class TwoShops(DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = create_user(cls.env, "admin_of_shops", "base.group_system")
        cls.owners = [create_user(cls.env, f"owner{number}", _OWNER) for number in range(2)]
        cls.staff = [
            cls._create_agent(f"one_of_{owner.login}", 300, main_account_id=owner.id)
            | cls._create_agent(f"other_of_{owner.login}", main_account_id=owner.id)
            for owner in cls.owners
        ]
        cls.channels = [
            cls._create_channel(
                agents,
                main_account_id=owner.id,
                queue_enabled=True,
                max_sessions_mode="limited",
                max_sessions=1,
            )
            for owner, agents in zip(cls.owners, cls.staff, strict=True)
        ]
        # Of weight 300 and 100: four seats, so that two buyers of six wait.
        cls.chats = [[cls._open(channel) for _buyer in range(6)] for channel in cls.channels]

    @classmethod
    def _open(cls, channel):
        guest = cls._create_guest()
        chat = cls._come(channel, guest)
        cls._say(chat, guest, "In red?")
        return chat

    def _read_credits(self):
        credits = ledger.read_credits(self.env.cr)
        return {agent.id: credits[agent.id] for agents in self.staff for agent in agents}

    def _read_circles(self):
        self.env.cr.execute("SELECT channel_id, circle FROM livechat_dispatch_circle")
        circles = dict(self.env.cr.fetchall())
        return [circles[channel.id] for channel in self.channels]

    def _read_seats(self, number):
        return [(chat.dispatch_state, self._agent_of(chat)) for chat in self.chats[number]]

    def _assert_lines_are_served(self):
        """In each shop a seat frees, and who waits first gets it. Nobody else had room for that
        chat, so that nobody owes anybody anything for it."""
        credits = self._read_credits()
        self.assertTrue(any(credits.values()))
        for number, (channel, chats) in enumerate(zip(self.channels, self.chats, strict=True)):
            waiting = next(chat for chat in chats if chat.dispatch_state == "queued")
            ends = next(chat for chat in chats if not chat.livechat_end_dt)
            agent = self._agent_of(ends)
            self._close(ends)
            channel._drain()
            self.assertEqual(waiting.dispatch_state, "assigned")
            self.assertEqual(self._agent_of(waiting), agent)
            self.assertIn(agent, self.staff[number])
            self.assertFalse(channel._get_operator(), "there is a seat too many")
        self.assertEqual(self._read_credits(), credits)


@tagged("post_install", "-at_install")
class TestShops(TwoShops):
    def _merge(self):
        first, second = self.owners
        first.with_user(self.admin).action_hand_shop_over(second.id)

    def test_two_shops_that_become_one_keep_credits_chats_and_lines(self):
        seats = [self._read_seats(number) for number in (0, 1)]
        self.assertNotEqual(*self._read_circles())
        self._merge()
        self.assertEqual([self._read_seats(number) for number in (0, 1)], seats)
        for agents, channel in zip(self.staff, self.channels, strict=True):
            self.assertEqual(channel.main_account_id, self.owners[1])
            self.assertEqual(agents.main_account_id, self.owners[1])
            self.assertEqual(channel.user_ids, agents)
        self._assert_lines_are_served()
        self.assertEqual(*self._read_circles(), "their owner may take buyers of both")
        self.assertEqual(sum(self._read_credits().values()), 0)

    def test_a_shop_that_becomes_two_keeps_credits_chats_and_lines(self):
        self._merge()
        self._assert_lines_are_served()
        self.assertEqual(*self._read_circles())
        seats = [self._read_seats(number) for number in (0, 1)]
        # The channel first, so that nobody leaves what comes along.
        self.channels[0].main_account_id = self.owners[0]
        self.staff[0].main_account_id = self.owners[0]
        self.assertEqual([self._read_seats(number) for number in (0, 1)], seats)
        self._assert_lines_are_served()
        self.assertNotEqual(*self._read_circles())
        self.assertEqual(sum(self._read_credits().values()), 0)

    def test_agents_who_leave_a_shop_before_their_channel_does_let_its_chats_wait(self):
        self._merge()
        self.staff[0].main_account_id = self.owners[0]
        for chat in self.chats[0]:
            self.assertFalse(chat.livechat_end_dt)
            self.assertIn(chat.dispatch_state, WAITING)
            self.assertFalse(self._agent_of(chat))
        self.channels[0].main_account_id = self.owners[0]
        self.channels[0].user_ids = self.staff[0]
        self.channels[0]._drain()
        served = [chat for chat in self.chats[0] if chat.dispatch_state == "assigned"]
        self.assertEqual(len(served), 4)
        self.assertTrue(all(self._agent_of(chat) in self.staff[0] for chat in served))
        waiting = [chat for chat in self.chats[0] if chat.dispatch_state in WAITING]
        self.assertEqual(len(waiting), 2)
        self.assertEqual(sum(self._read_credits().values()), 0)

    def _list_past(self):
        """Return what was noted of the first shop: records of each kind."""
        agent = self.staff[0][0]
        agent.dispatch_pause()
        agent.dispatch_resume()
        self.env["livechat.dispatch.total"]._count(wait=True)
        of_channel = [("livechat_channel_id", "=", self.channels[0].id)]
        return [
            self.env["livechat.dispatch.decision"].search(of_channel),
            self.env["livechat.dispatch.total"].search(of_channel),
            self.env["livechat.dispatch.pause"].search([("user_id", "=", agent.id)]),
            self.env["livechat.dispatch.log"].search([("agent_id", "=", agent.id)]),
        ]

    def test_the_past_goes_with_a_shop_that_is_handed_over(self):
        past = self._list_past()
        figures = self.env["livechat.dispatch.total"].with_user(self.staff[0][0]).search([])
        self.assertTrue(figures)
        self._merge()
        for rows in past:
            with self.subTest(rows._description):
                self.assertTrue(rows)
                self.assertEqual(rows.main_account_id, self.owners[1])
                self.assertEqual(rows.with_user(self.owners[1])._filtered_access("read"), rows)
                self.assertFalse(rows.with_user(self.owners[0])._filtered_access("read"))
        self.assertEqual(sum(past[1].mapped("assigned")), 4)
        team = self.env["livechat.team"].with_user(self.owners[1]).get_team("today")
        self.assertEqual(team["all"]["received"], 8)
        # Agents go on with their own.
        self.assertEqual(figures.search([]), figures)

    def test_the_past_of_a_channel_that_is_given_away_alone_stays_with_whose_it_was(self):
        past = self._list_past()
        self.channels[0].main_account_id = self.owners[1]
        for rows in past:
            with self.subTest(rows._description):
                self.assertEqual(rows.main_account_id, self.owners[0])

    def test_a_day_is_that_of_who_reads_it_in_each_time_zone(self):
        """An evening in London is the next morning in Shanghai."""
        totals = self.env["livechat.dispatch.total"]
        totals._count(wait=True)
        self.env.cr.execute(
            "UPDATE livechat_dispatch_total SET hour = '2026-03-10 22:00'"
            " WHERE livechat_channel_id = %s",
            [self.channels[0].id],
        )
        self.env.invalidate_all()
        owner = self.owners[0]
        for tz, now, expected in (
            ("Europe/London", datetime(2026, 3, 10, 22, 59), 4),
            ("Europe/London", datetime(2026, 3, 11, 0, 1), 0),
            ("Asia/Shanghai", datetime(2026, 3, 10, 22, 59), 4),
            ("Asia/Shanghai", datetime(2026, 3, 11, 0, 1), 4),
            ("Asia/Shanghai", datetime(2026, 3, 11, 16, 1), 0),
            ("America/New_York", datetime(2026, 3, 11, 3, 59), 4),
            ("America/New_York", datetime(2026, 3, 11, 4, 1), 0),
        ):
            team = self.env["livechat.team"].with_user(owner).with_context(tz=tz)
            with self.subTest(tz=tz, now=now), freeze_all_time(now):
                self.assertEqual(team.get_team("today")["all"]["received"], expected)

    def _take_away(self, operator, stays, goes):
        """Run the lines of docs/scaling.md."""
        if not _SCALING.exists():
            self.skipTest("a package has no documents")
        (lines,) = re.findall(r"```python\n(.*?)```", _SCALING.read_text(), re.DOTALL)
        for written, meant in (
            ('"flagship"', repr(self.owners[0].login)),
            ('leaves = [("main_account_id", "!="', f'leaves = [("main_account_id", "{operator}"'),
            ("env.cr.commit()", "env.flush_all()"),
        ):
            self.assertIn(written, lines)
            lines = lines.replace(written, meant)
        # Has a shop, and nobody who works there yet.
        alone = create_user(self.env, "owner_without_staff", _OWNER)
        self._create_channel(self.env["res.users"], main_account_id=alone.id)
        credits, seats = self._read_credits(), self._read_seats(stays)
        exec(lines, {"env": self.env})  # noqa: S102
        self.assertEqual(self._read_seats(stays), seats)
        self.assertEqual(self.channels[stays].user_ids, self.staff[stays])
        self.assertFalse(self.channels[goes].exists() or self.staff[goes].exists())
        self.assertFalse(self.env["discuss.channel"].union(*self.chats[goes]).exists())
        left = ledger.read_credits(self.env.cr)
        for agent in self.staff[stays]:
            self.assertEqual(left[agent.id], credits[agent.id])
        self.assertTrue(self.owners[stays].active)
        self.assertFalse(self.owners[goes].active)
        self.assertEqual(alone.active, operator == "=")
        for name in ("dispatch.decision", "dispatch.total", "dispatch.log", "account.log"):
            owners = self.env[f"livechat.{name}"].search([]).main_account_id
            self.assertNotIn(self.owners[goes], owners)
            self.assertIn(self.owners[stays], owners)
        self.assertFalse(self.channels[stays]._get_operator(), "there is a seat too many")

    def test_what_is_taken_away_for_a_database_of_its_own_leaves_the_shop_as_it_was(self):
        self._take_away("!=", stays=0, goes=1)

    def test_what_a_shop_takes_along_leaves_the_others_as_they_were(self):
        self._take_away("=", stays=1, goes=0)


@tagged("post_install", "-at_install")
class TestWebsites(TwoShops, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "website_livechat" not in cls.env["ir.module.module"]._installed():
            cls.skipTest(cls, "website_livechat is not installed; dev/test has it")

    def test_no_shop_learns_who_is_on_anothers_website(self):
        visitors = self.env["website.visitor"]
        for number, channel in enumerate(self.channels):
            website = self.env["website"].create(
                {"name": f"Of {number}", "channel_id": channel.id, "domain": f"{number}.example"}
            )
            page = self.env["website.page"].create(
                {
                    "name": "Page",
                    "url": f"/{number}",
                    "type": "qweb",
                    "arch": "<div/>",
                    "website_id": website.id,
                }
            )
            visitors |= visitors.create(
                {
                    "access_token": f"{number}" * 32,
                    "website_id": website.id,
                    "website_track_ids": [
                        Command.create({"page_id": page.id, "url": f"/{number}"})
                    ],
                }
            )
        tracks = visitors.website_track_ids
        for number, agents in enumerate(self.staff):
            for user in (agents[0], self.owners[number]):
                with self.subTest(user=user.login):
                    for records, own in ((visitors, visitors[number]), (tracks, tracks[number])):
                        mine = records.with_user(user)
                        self.assertEqual(mine.search([("id", "in", records.ids)]), own)
                        self.assertEqual(mine._filtered_access("read"), own)
        chat, agent = self.chats[1][0], self.staff[1][0]
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            chat.with_user(agent).write({"livechat_visitor_id": visitors[0].id})
        self.assertFalse(visitors[0].with_user(agent)._filtered_access("read"))
        # Who has chatted with a shop is known there, wherever it came from.
        chat.livechat_visitor_id = visitors[0]
        self.env.flush_all()
        self.assertEqual(visitors.with_user(agent)._filtered_access("read"), visitors)
        self.assertEqual(
            len(visitors.with_user(self.admin).search([("id", "in", visitors.ids)])), 2
        )

    def test_each_website_leads_to_the_shop_of_its_company(self):
        for number, (channel, owner) in enumerate(zip(self.channels, self.owners, strict=True)):
            company = self.env["res.company"].create({"name": f"Company {number}"})
            people = owner | self.staff[number]
            people.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
            self.env["website"].create(
                {
                    "name": f"Site {number}",
                    "company_id": company.id,
                    "domain": f"http://site{number}.example.com",
                    "channel_id": channel.id,
                }
            )
            # In the line nobody waits, and there is a seat.
            for chat in self.chats[number]:
                if chat.dispatch_state == "queued":
                    self._close(chat)
            self._close(self.chats[number][0])
        for number, channel in enumerate(self.channels):
            page = self.url_open("/contactus", headers={"Host": f"site{number}.example.com"})
            (channel_id,) = set(re.findall(r'"channel_id": (\d+)', page.text))
            with self.subTest(website=number):
                self.assertEqual(int(channel_id), channel.id)
                chat = self._come(channel)
                self.assertIn(self._agent_of(chat), self.staff[number])
