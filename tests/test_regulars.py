from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from ..dispatch import ledger
from ..dispatch.credit import CHAT
from .common import DispatchCommon

_AGES = {"within 24 h": 5, "24 to 72 h": 30, "after 72 h": 80}

# What becomes of the agent who answered last, and for how old a chat the buyer still gets it.
_FATES = {
    "online": {"within 24 h", "24 to 72 h"},
    "paused": {"within 24 h"},
    "overloaded": {"within 24 h"},
    "offline": set(),
    "disabled": set(),
    "at capacity": set(),
    "left the channel": set(),
    "lost the right": set(),
}


@tagged("post_install", "-at_install")
class TestRegulars(DispatchCommon):
    """Buyers who come again, and those with an agent of their own."""

    def _befall(self, fate, agent, channel):
        if fate == "paused":
            agent.dispatch_paused = True
        elif fate == "overloaded":
            agent.dispatch_overloaded = True
        elif fate == "offline":
            self._set_online(agent, "offline")
        elif fate == "disabled":
            agent.active = False
        elif fate == "at capacity":
            for _chat in range(5):
                self._open_chat(channel, agent)
        elif fate == "left the channel":
            channel.user_ids = [Command.unlink(agent.id)]
        elif fate == "lost the right":
            # Not through the ORM's own path, which would take the agent out of the channel first.
            self.env.flush_all()
            self.env.cr.execute(
                "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s",
                [agent.id, self.receive_group.id],
            )
            self.env.invalidate_all()

    def _serve(self, channel, agent, guest, hours):
        """A chat of this buyer that the agent answered so many hours ago."""
        now = fields.Datetime.now()
        chat = self._open_chat(channel, agent)
        chat._add_members(guests=guest, create_member_params={"livechat_member_type": "visitor"})
        self._say(chat, agent, "Here you are.")
        chat.write({"livechat_end_dt": now - timedelta(hours=hours)})
        chat.last_interest_dt = now - timedelta(hours=hours)
        self.env.flush_all()

    def test_24_cells_who_gets_the_buyer_that_comes_again(self):
        cells = 0
        for fate, sticky_ages in _FATES.items():
            for age, hours in _AGES.items():
                cells += 1
                with self.subTest(fate=fate, age=age):
                    name = f"{fate}{hours}"
                    # Without the past the other would be chosen: it has more weight.
                    last, other = (
                        self._create_agent(f"l{name}", 100),
                        self._create_agent(f"o{name}", 300),
                    )
                    channel = self._create_channel(
                        last | other, max_sessions_mode="limited", max_sessions=5
                    )
                    guest = self._create_guest()
                    self._serve(channel, last, guest, hours)
                    self._befall(fate, last, channel)
                    chat = self._come(channel, guest)
                    decision = chat.dispatch_decision_ids
                    if age in sticky_ages:
                        expected = (last, "sticky")
                    else:
                        expected = (other, "share")
                    self.assertEqual((self._agent_of(chat), decision.rule), expected)
                    self.assertEqual(decision.user_id, expected[0])
                    if fate != "online" and age not in sticky_ages:
                        reason = (decision.excluded or {}).get(str(last.id))
                        self.assertEqual(
                            reason,
                            {
                                "at capacity": "at_capacity",
                                "left the channel": None,
                                "lost the right": "not_permitted",
                            }.get(fate, fate),
                        )
        self.assertEqual(cells, 24)

    def test_a_regular_is_charged_like_any_chat(self):
        last, other = self._create_agent("last"), self._create_agent("other")
        channel = self._create_channel(last | other)
        guest = self._create_guest()
        self._serve(channel, last, guest, 1)
        self._come(channel, guest)
        credits = ledger.read_credits(self.env.cr)
        self.assertEqual((credits[last.id], credits[other.id]), (-CHAT // 2, CHAT // 2))

    def test_an_agent_with_many_regulars_is_not_flooded(self):
        last, other = self._create_agent("last"), self._create_agent("other")
        channel = self._create_channel(last | other)
        guests = [self._create_guest() for _guest in range(12)]
        for guest in guests:
            self._serve(channel, last, guest, 1)
        rules = [self._come(channel, guest).dispatch_decision_ids.rule for guest in guests]
        # Each costs half a chat of credit; beyond three chats of debt it is the other's turn.
        self.assertEqual(rules[:7], ["sticky"] * 7)
        self.assertIn("share", rules[7:])

    def test_who_never_answered_is_nobodys_agent(self):
        last, other = self._create_agent("last", 100), self._create_agent("other", 300)
        channel = self._create_channel(last | other)
        guest = self._create_guest()
        chat = self._open_chat(channel, last)
        chat._add_members(guests=guest, create_member_params={"livechat_member_type": "visitor"})
        self._say(chat, guest)
        self.env.flush_all()
        self.assertEqual(self._agent_of(self._come(channel, guest)), other)

    def test_a_buyer_returns_to_who_answered_last_in_time(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        channel = self._create_channel(one | other)
        guest = self._create_guest()
        chat = self._open_chat(channel, one)
        chat._add_members(guests=guest, create_member_params={"livechat_member_type": "visitor"})
        for giver, taker, answers in ((None, one, 1), (one, other, 1), (other, one, 3)):
            if giver:
                chat._leave(giver.partner_id)
                chat._seat(taker)
            for _answer in range(answers):
                self._say(chat, taker)
        self._close(chat)
        again = self._come(channel, guest)
        self.assertEqual((again.dispatch_decision_ids.rule, self._agent_of(again)), ("sticky", one))

    def test_a_buyer_returns_to_who_answered_last_of_several_chats(self):
        one, other = self._create_agent("one"), self._create_agent("other")
        channel = self._create_channel(one | other)
        guest = self._create_guest()
        # The chat that something happened in last is not the one that was answered last.
        self._serve(channel, one, guest, 3)
        self._serve(channel, other, guest, 5)
        older = channel.channel_ids.filtered(
            lambda chat: chat.livechat_operator_id == other.partner_id
        )
        self._say(older, guest, "Hello?")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE mail_message SET date = date - interval '5 hours'"
            " WHERE model = 'discuss.channel' AND res_id = %s AND author_id = %s",
            [older.id, other.partner_id.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._agent_of(self._come(channel, guest)), one)

    def test_0_hours_switches_it_off(self):
        last, other = self._create_agent("last", 100), self._create_agent("other", 300)
        channel = self._create_channel(last | other, sticky_hours=0)
        guest = self._create_guest()
        self._serve(channel, last, guest, 1)
        self.assertEqual(self._agent_of(self._come(channel, guest)), other)

    def test_another_shops_agent_is_not_asked(self):
        agent, other = self._create_agent("agent"), self._create_agent("other")
        guest = self._create_guest()
        self._serve(self._create_channel(agent), agent, guest, 1)
        self.assertEqual(self._agent_of(self._come(self._create_channel(other), guest)), other)

    def test_an_appointed_agent_comes_first_even_when_paused(self):
        appointed, last, other = (
            self._create_agent("appointed"),
            self._create_agent("last"),
            self._create_agent("other", 300),
        )
        channel = self._create_channel(
            appointed | last | other, max_sessions_mode="limited", max_sessions=1
        )
        buyer = self.env["res.users"].create(
            {
                "name": "Li Na",
                "login": "li.na",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        buyer.partner_id.livechat_agent_id = appointed
        appointed.dispatch_paused = True
        first = self._come(channel, buyer)
        self.assertEqual(self._agent_of(first), appointed)
        self.assertEqual(first.dispatch_decision_ids.rule, "exclusive")
        # Bounded by capacity as everybody.
        self.assertEqual(self._agent_of(self._come(channel, buyer)), other)

    def test_an_appointed_agent_who_has_gone_leaves_its_buyer_to_that_of_the_company(self):
        gone, of_company, other = (
            self._create_agent("gone"),
            self._create_agent("of_company"),
            self._create_agent("other", 300),
        )
        channel = self._create_channel(
            gone | of_company | other, max_sessions_mode="limited", max_sessions=1
        )
        company = self.env["res.partner"].create({"name": "Lamps Ltd", "is_company": True})
        company.livechat_agent_id = of_company
        buyer = self.env["res.users"].create(
            {
                "name": "Li Na",
                "login": "li.na",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        buyer.partner_id.write({"parent_id": company.id, "livechat_agent_id": gone.id})
        before = self._come(channel, buyer)
        self.assertEqual(self._agent_of(before), gone)
        self._close(before)
        gone.active = False
        self.env.flush_all()
        chat = self._come(channel, buyer)
        self.assertEqual(
            (self._agent_of(chat), chat.dispatch_decision_ids.rule), (of_company, "exclusive")
        )

    def test_a_regular_reaches_its_agent_past_the_line_and_nobody_else_does(self):
        paused, busy = self._create_agent("paused"), self._create_agent("busy")
        channel = self._create_channel(
            paused | busy, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        guest = self._create_guest()
        self._serve(channel, paused, guest, 1)
        paused.dispatch_paused = True
        first, waiting = self._come(channel), self._come(channel)
        self.assertEqual(self._agent_of(first), busy)
        self.assertEqual(waiting.dispatch_state, "queued")
        regular = self._come(channel, guest)
        self.assertEqual(self._agent_of(regular), paused)
        again = self._come(channel, guest)
        self.assertEqual(again.dispatch_state, "queued")
        self._close(regular)
        channel._drain()
        self.assertEqual(self._agent_of(again), paused)
        self.assertEqual(waiting.dispatch_state, "queued")

    def test_behind_a_line_nobody_from_outside_the_channel_is_asked(self):
        stranger, busy = self._create_agent("stranger"), self._create_agent("busy")
        channel = self._create_channel(
            busy, max_sessions_mode="limited", max_sessions=1, queue_enabled=True
        )
        self._come(channel)
        self._come(channel)
        buyer = self.env["res.users"].create(
            {
                "name": "Li Na",
                "login": "li.na",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        buyer.partner_id.livechat_agent_id = stranger
        chat = self._come(channel, buyer)
        self.assertEqual(chat.dispatch_state, "queued")
        self.assertFalse(self._agent_of(chat))
