import logging
import os
import random
from contextlib import contextmanager
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from math import ceil
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import tagged

from ..dispatch import replay, route
from ..dispatch.ledger import QUIET_AFTER
from ..dispatch.line import WAITING
from ..dispatch.scope import RATE_MAX, Buyer
from ..tools.here import GRACE
from .test_shifts import ShiftCommon

_logger = logging.getLogger(__name__)

# So many decisions are compared; more if the environment says so.
DECISIONS = int(os.environ.get("DEV_TEST_DECISIONS", 400))

MONDAY_NINE = datetime(2026, 3, 2, 9)
SECONDS = 3000

# As in the replay: what happens in one second happens in this order.
GOES_QUIET, ENDS, RECORDED, GOES, OVERFLOWS = range(5)
# Whatever happens in that second, the hours come first.
CLOCK = -1

# Said by what could not happen after all.
NOTHING = object()


class Shop:
    """A random shop and its random day, through the live channel's code on a clock of its own.

    What happens is written down as the events of a replay.
    """

    def __init__(self, test, seed):
        self.test, self.env, self.rng = test, test.env, random.Random(seed)
        self.now = 0
        self.heap, self.numbers = [], count()
        self.waiting, self.ended, self.assigned = {}, {}, {}
        self.guests, self.busy = list(test.guests), set()
        self.clock = set()
        self.events, self.arrivals, self.fates = [], [], []
        self._open()

    # --- the shop -------------------------------------------------------------------------------

    def _open(self):
        rng, test = self.rng, self.test
        self.agents = rng.sample(test.agents, rng.randint(2, len(test.agents)))
        for agent in self.agents:
            agent.write(
                {
                    "dispatch_weight": rng.choice([30, 100, 100, 200]),
                    "dispatch_calendar_id": False,
                    "dispatch_paused": rng.random() < 0.1,
                    "dispatch_overloaded": rng.random() < 0.1,
                }
            )
            agent.presence_ids.write(
                {
                    "status": "offline" if rng.random() < 0.2 else "online",
                    "last_poll": MONDAY_NINE + timedelta(days=1),
                }
            )
            # Who is not here has gone long ago.
            agent.presence_ids.livechat_offline_since = MONDAY_NINE - timedelta(hours=1)
        # An event is about one agent, and so is a calendar.
        calendars = rng.sample(list(test.calendars), len(test.calendars))
        for calendar, agent in zip(calendars, rng.sample(self.agents, len(self.agents))):
            agent.dispatch_calendar_id = rng.choice([calendar, calendar.browse()])
        owner = test.owner
        owner.presence_ids.write(
            {
                "status": rng.choice(["online", "offline"]),
                "last_poll": MONDAY_NINE + timedelta(days=1),
            }
        )
        owner.presence_ids.livechat_offline_since = MONDAY_NINE - timedelta(hours=1)
        users = self.env["res.users"].union(*self.agents)
        if rng.random() < 0.3:
            users |= owner
        self.env["ir.config_parameter"].set_param(
            "im_livechat_subaccount.quiet_hold", rng.choice(["0", "0.5", "1"])
        )
        self.channel = test._create_channel(
            users,
            main_account_id=owner.id,
            dispatch_mode=rng.choice(["share", "least_load"]),
            max_sessions_mode=rng.choice(["limited"] * 4 + ["unlimited"]),
            max_sessions=rng.choice([1, 1, 2, 3]),
            block_assignment_during_call=rng.random() < 0.5,
            prefers_suited_agents=rng.random() < 0.7,
            main_account_participation=rng.choice(["never", "fallback", "member"]),
            queue_enabled=rng.random() < 0.8,
            queue_limit=rng.choice([0, 0, 2, 5]),
            offline_rule=rng.choice(["native", "pool", "main_account", "proxy"]),
            proxy_user_ids=[Command.set(rng.choice(self.agents).ids)],
            line_first_tag_id=rng.choice([False, test.first_tag.id, test.first_tag.id]),
        )
        self.groups = []
        for number, tag in enumerate(test.tags[: rng.randrange(len(test.tags) + 1)]):
            scope = [Command.create({"kind": "tag", "tag_id": tag.id})]
            self.groups.append(
                self.env["livechat.dispatch.group"].create(
                    {
                        "name": f"Group {number}",
                        "channel_id": self.channel.id,
                        "parent_id": rng.choice([False, *(group.id for group in self.groups)]),
                        "overflow_seconds": rng.choice([0, 30, 90]),
                        "user_ids": [Command.set(self._pick_agents().ids)],
                        "required_permission_id": rng.choice([False] * 4 + test.permission.ids),
                        "scope_ids": scope if rng.random() < 0.8 else [],
                    }
                )
            )
        for partner in test.customers.partner_id:
            partner.livechat_agent_id = rng.choice([False, False, *self.agents])
            partner.category_id = rng.choice([test.first_tag, test.first_tag.browse()])
        self.env.flush_all()
        self.day = replay.Day(
            agents=tuple(self.channel._read_dispatch_agents()),
            rules=self.channel._get_dispatch_rules(),
            setup=self.channel._read_settings().setup._replace(
                groups={
                    group.id: route.Group(
                        group.parent_id.id or None, group.overflow_seconds, group.id
                    )
                    for group in self.groups
                }
            ),
            members=self._read_members(),
            events=(),
        )

    def _pick_agents(self):
        return self.env["res.users"].union(
            *self.rng.sample(self.agents, self.rng.randrange(len(self.agents)))
        )

    def _read_members(self):
        members = {
            group_id: self.channel._get_member_ids(group_id)
            for group_id in (None, *(group.id for group in self.groups))
        }
        return {key: frozenset(ids) for key, ids in members.items() if ids is not None}

    # --- the day --------------------------------------------------------------------------------

    def _plan(self, moment, rank, do, *args):
        heappush(self.heap, (max(moment, self.now), rank, next(self.numbers), do, args))

    def _get_time(self):
        return MONDAY_NINE + timedelta(seconds=self.now)

    def play(self):
        """Let the day happen."""
        # How many chats an agent wants is said by the day.
        with patch.object(type(self.test.owner), "_follow_load", lambda users: None):
            self._play()

    def _play(self):
        rng = self.rng
        busy = rng.choice([15, 30, 60])
        happenings = (
            [self._arrive] * 20
            + [self._pause, self._come_or_go, self._overload, self._weigh, self._call]
            + [self._change_rules, self._change_members, self._pause_in_group]
        )
        moment = 0
        while (moment := moment + round(rng.expovariate(1 / busy))) < SECONDS:
            self._plan(moment, RECORDED, rng.choice(happenings))
        for agent in self.agents:
            for line in agent.dispatch_calendar_id.attendance_ids:
                for hour in {line.hour_from, line.hour_to} if line.dayofweek == "0" else ():
                    self._let_clock_tell(round(3600 * (hour - MONDAY_NINE.hour)), agent)
        while self.heap and self.heap[0][0] < SECONDS:
            self.now, _rank, _number, do, args = heappop(self.heap)
            with self.test._at(self._get_time()):
                if do(*args) is not NOTHING:
                    self._drain()
        self.day = self.day._replace(events=tuple(self.events), until=SECONDS - 1)

    def _note(self, event):
        self.events.append(event)

    def _set(self, agent, **facts):
        self._note(replay.State(self.now, agent.id, facts))

    def _pause(self):
        agent, paused = self.rng.choice(self.agents), self.rng.random() < 0.4
        until = self._let_clock_tell(self.rng.randint(1, 900), agent) if paused else False
        agent.write({"dispatch_paused": paused, "dispatch_paused_until": until})
        self._note_agent(agent)

    def _come_or_go(self):
        agent = self.rng.choice([*self.agents, self.test.owner])
        if not self._let_clock_tell(0, agent):
            return NOTHING
        agent.presence_ids.status = self.rng.choice(["online", "online", "offline", "away"])
        self._note_agent(agent)
        return None

    def _let_clock_tell(self, seconds, *agents):
        """Look at agents anew after so many seconds, and when the grace after that is over.

        :return: the moment; false when the clock has something else to tell then: an event is about
            one agent.
        """
        moments = {self.now + seconds, self.now + seconds + GRACE.seconds}
        if moments & self.clock:
            return False
        self.clock |= moments
        for moment in moments - {self.now}:
            self._plan(moment, CLOCK, self._note_agent, *agents, -0.5)
        return self._get_time() + timedelta(seconds=seconds)

    def _note_agent(self, agent, when=0):
        """Note what has changed about an agent, and what the clock will change."""
        facts = self.test._read_agent(self.channel, agent)
        names = ("online", "just_gone", "paused", "off_shift", "due")
        self._note(
            replay.State(self.now + when, agent.id, {name: getattr(facts, name) for name in names})
        )

    def _overload(self):
        agent, overloaded = self.rng.choice(self.agents), self.rng.random() < 0.4
        agent.dispatch_overloaded = overloaded
        self._set(agent, overloaded=overloaded)

    def _weigh(self):
        agent, weight = self.rng.choice(self.agents), self.rng.choice([30, 100, 200])
        agent.dispatch_weight = weight
        self._set(agent, weight=weight)

    def _call(self):
        agent, calls = self.rng.choice(self.agents), self.rng.random() < 0.5
        self.test._set_calling(agent, calls, self._get_time() + timedelta(days=1))
        self._set(agent, in_call=calls and self.channel.block_assignment_during_call)

    def _change_rules(self):
        self.channel.write(
            self.rng.choice(
                [
                    {"dispatch_mode": self.rng.choice(["share", "least_load"])},
                    {"max_sessions": self.rng.choice([1, 2, 3])},
                    {"main_account_participation": self.rng.choice(["never", "fallback"])},
                    {"prefers_suited_agents": self.rng.random() < 0.5},
                ]
            )
        )
        self._note(replay.Change(self.now, self.channel._get_dispatch_rules()))

    def _change_members(self):
        if not self.groups:
            return NOTHING
        group = self.rng.choice(self.groups)
        # Who leaves is paused in it no more, which would be another event.
        before, agents = group.user_ids, self._pick_agents() | group.paused_user_ids
        default = self.channel._get_member_ids(None)
        group.user_ids = [Command.set(agents.ids)]
        if self.channel._get_member_ids(None) != default:
            # An event is about one group.
            group.user_ids = [Command.set(before.ids)]
            return NOTHING
        members = frozenset(self.channel._get_member_ids(group.id))
        self._note(replay.Membership(self.now, group.id, members))
        return None

    def _pause_in_group(self):
        groups = [group for group in self.groups if group.user_ids]
        if not groups:
            return NOTHING
        group = self.rng.choice(groups)
        agent, paused = self.rng.choice(list(group.user_ids)), self.rng.random() < 0.6
        group.set_agent_paused(agent.id, paused)
        self._note(replay.GroupPause(self.now, group.id, frozenset(group.paused_user_ids.ids)))
        return None

    # --- buyers ---------------------------------------------------------------------------------

    def _arrive(self):
        rng, test, index = self.rng, self.test, len(self.arrivals)
        if rng.random() < 0.4:
            buyer = rng.choice(test.customers)
        else:
            buyer = rng.choice(self.guests)
        if buyer in self.busy:
            buyer = test._create_guest()
            self.guests.append(buyer)
        lang = rng.choice([test.french, test.english, test.french.browse()])
        country = rng.choice([*test.countries, test.countries.browse()])
        expertises = rng.choice(
            [test.expertises.browse()] * 3 + [*test.expertises, test.expertises]
        )
        known = Buyer(tag_ids=tuple(rng.choice(test.tags).ids))
        if buyer._name == "mail.guest":
            channel = self.channel.with_user(test.public).with_context(guest=buyer).sudo()
            known = known._replace(guest_id=buyer.id)
        else:
            channel = self.channel.with_user(buyer).sudo()
            known = known._replace(partner_id=buyer.partner_id.id)
        channel = channel.with_context(livechat_dispatch_buyer=known)
        agent = channel._get_operator(lang=lang.code, country_id=country.id, expertises=expertises)
        request, found = test.decisions[-1][:2]
        arrival = replay.Arrival(
            moment=self.now,
            group_id=request.group_id,
            seconds=rng.randint(10, 600),
            lively_seconds=rng.choice([None, None, 5, 60]),
            gone_after=rng.choice([None, None, None, rng.randint(1, 300)]),
            pooled_after=rng.choice([None, None, None, rng.randint(1, 300)]),
            put_first_after=rng.choice([(), (), (), (rng.randint(1, 60), rng.randint(60, 300))]),
            goes_first=bool(self.channel.line_first_tag_id)
            and buyer._name == "res.users"
            and test.first_tag in buyer.partner_id.category_id,
            regulars=tuple(request.regulars),
            asked_expertises=len(expertises),
            fits={
                user.id: self._get_fit(user, lang, country, expertises, request.group_id)
                for user in {*self.agents, test.owner}
            },
        )
        self._note(arrival)
        self.arrivals.append(arrival)
        self.fates.append(replay.Fate(None))
        if not found.state:
            channel._take_outcome()
            return
        outcome = channel._take_outcome()
        channel._keep_outcome(outcome)
        values = channel._get_livechat_discuss_channel_vals(
            agent=agent,
            operator_partner=agent.partner_id or channel.reception_partner_id,
            operator_model="res.users",
        )
        chat = (
            channel.env["discuss.channel"]
            .create(
                {
                    **values,
                    "livechat_lang_id": lang.id,
                    "country_id": country.id,
                    "livechat_expertise_ids": [Command.set(expertises.ids)],
                }
            )
            .with_env(self.env)
        )
        # The first word comes at once. It would ask the same again, and be told the same.
        chat.dispatch_wordless_since = False
        if found.state == "queued":
            chat._enter_line(outcome.values)
        elif found.state == "pool":
            chat._enter_pool(outcome.values)
        self.busy.add(buyer)
        self.waiting[chat] = index, buyer
        if found.state == "assigned":
            self._seat(chat)
            return
        if found.state == "pool":
            self.fates[index] = replay.Fate(None, pooled=True)
        if arrival.gone_after is not None:
            self._plan(self.now + arrival.gone_after, GOES, self._leave, chat)
        if arrival.pooled_after is not None:
            self._plan(self.now + arrival.pooled_after, GOES, self._leave_message, chat)
        for seconds in arrival.put_first_after:
            self._plan(self.now + seconds, GOES, self._put_first, chat)
        if request.group_id:
            for _group, due in route.climb(self.day.setup.groups, request.group_id):
                if due:
                    self._plan(self.now + due, OVERFLOWS, self._let_time_pass)

    def _get_fit(self, user, lang, country, expertises, group_id):
        group = self.env["livechat.dispatch.group"].browse(group_id)
        return replay.Fit(
            speaks_language=RATE_MAX
            * (bool(lang) and lang.code in {user.lang, *user.livechat_lang_ids.mapped("code")}),
            same_country=bool(country) and user.partner_id.country_id == country,
            expertises=len(user.livechat_expertise_ids & expertises),
            missing_permission=bool(group.required_permission_id)
            and not user.has_group("base.group_partner_manager"),
        )

    def _seat(self, chat):
        """Go on with a chat that an agent has got."""
        index, buyer = self.waiting.pop(chat)
        arrival, fate = self.arrivals[index], self.fates[index]
        (agent,) = self.test._agent_of(chat)
        self.fates[index] = fate._replace(user_id=agent.id, waited=self.now - arrival.moment)
        lively = arrival.seconds if arrival.lively_seconds is None else arrival.lively_seconds
        # So that it goes quiet in that very second.
        spoke = self._get_time() + timedelta(seconds=lively - 1) - QUIET_AFTER
        chat.last_interest_dt = spoke
        if lively < arrival.seconds:
            self._plan(self.now + lively, GOES_QUIET, self._let_time_pass)
        self._plan(self.now + arrival.seconds, ENDS, self._end, chat, buyer)

    def _end(self, chat, buyer):
        if self.rng.random() < 0.8:
            chat.livechat_agent_history_ids.message_count = 1
        self._close(chat, buyer)

    def _close(self, chat, buyer):
        chat.livechat_end_dt = self._get_time()
        self.busy.remove(buyer)

    def _leave(self, chat):
        if chat in self.waiting:
            _index, buyer = self.waiting.pop(chat)
            self._close(chat, buyer)

    def _leave_message(self, chat):
        if chat in self.waiting and chat.dispatch_state == "queued":
            chat._leave_message()
            self._note_pool(chat)

    def _put_first(self, chat):
        if chat in self.waiting:
            chat.action_put_first()

    def _note_pool(self, chat):
        index, _buyer = self.waiting[chat]
        self.fates[index] = replay.Fate(None, pooled=True)

    def _let_time_pass(self):
        """Nothing but that."""

    def _drain(self):
        if not self.waiting:
            return
        self.channel._drain()
        served = [chat for chat in self.waiting if chat.dispatch_state not in WAITING]
        for chat in self.waiting:
            if chat.dispatch_state == "pool":
                self._note_pool(chat)
        for chat in sorted(served, key=lambda chat: max(chat.dispatch_decision_ids.ids)):
            self._seat(chat)


@tagged("post_install", "-at_install")
class TestRoute(ShiftCommon):
    """The live channel and the replay decide the same, decision by decision."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.french = cls.env["res.lang"]._activate_lang("fr_FR")
        cls.english = cls.env.ref("base.lang_en")
        cls.countries = cls.env.ref("base.fr") | cls.env.ref("base.be")
        cls.expertises = cls.env["im_livechat.expertise"].create([{"name": "A"}, {"name": "B"}])
        cls.tags = list(cls.env["res.partner.category"].create([{"name": n} for n in "abcd"]))
        cls.permission = cls.env["livechat.permission"].create(
            {"name": "Refund by Hand", "group_xmlids": "base.group_partner_manager"}
        )
        # Their shift begins, and ends, while the shop is open.
        cls.calendars = cls._create_calendar(9.25, 12) | cls._create_calendar(6, 9.5)
        # One has a break, another begins when the shop's day is nearly over.
        broken = cls._create_calendar(6, 9.2)
        broken.attendance_ids[0].copy({"hour_from": 9.4, "hour_to": 10})
        cls.calendars |= broken | cls._create_calendar(9.75, 22)
        cls.agents, receive = [], "im_livechat.im_livechat_group_user"
        for number in range(7):
            agent = cls._create_agent(
                f"route{number}",
                groups=f"{receive},base.group_partner_manager" if number % 2 else receive,
                lang="fr_FR" if number % 3 == 0 else "en_US",
                country_id=cls.countries[number % 2].id if number < 5 else False,
            )
            agent.livechat_expertise_ids = cls.expertises[: number % 3]
            agent.livechat_lang_ids = cls.french if number == 1 else cls.french.browse()
            cls.agents.append(agent)
        cls.owner = cls._create_agent("route_owner")
        cls.customers = cls.env["res.users"].union(
            *(
                cls._create_agent(f"buyer{number}", groups="base.group_portal")
                for number in range(6)
            )
        )
        cls.first_tag = cls.env["res.partner.category"].create({"name": "First"})
        cls.guests = [cls._create_guest(f"Guest {number}") for number in range(8)]
        cls.public = cls.env.ref("base.public_user")
        users = cls.env["res.users"].union(*cls.agents)
        calls = cls.env["discuss.channel"]._create_group(users.partner_id.ids)
        cls.members = {member.partner_id: member for member in calls.channel_member_ids}

    @classmethod
    def _set_calling(cls, agent, calls, until):
        member = cls.members[agent.partner_id]
        member.rtc_session_ids.unlink()
        if calls:
            session = cls.env["discuss.channel.rtc.session"].create(
                {"channel_member_id": member.id}
            )
            cls.env.flush_all()
            cls.env.cr.execute(
                "UPDATE discuss_channel_rtc_session SET write_date = %s WHERE id = %s",
                [until, session.id],
            )

    @contextmanager
    def _at(self, moment):
        with patch.object(fields.Datetime, "now", lambda *args: moment):
            yield

    @contextmanager
    def _recording(self):
        """Keep all decisions: what was asked, and where the buyer goes."""
        self.decisions = []
        find_route = route.find_route

        def find_and_keep(request, rules, setup, staff):
            found = find_route(request, rules, setup, staff)
            self.decisions.append((request, found))
            return found

        with patch.object(route, "find_route", find_and_keep):
            yield

    def _describe(self, request, found):
        decision = found.ascent.decision
        return {
            "group": request.group_id,
            "in_line": request.in_line if found.rule == "line" else None,
            "waited": ceil(request.waited),
            "state": found.state,
            "kind": found.kind,
            "rule": found.rule,
            "agent": decision.winner,
            # But for the last digits, which hang on the order in which a chat was split.
            "candidates": [
                candidate._replace(
                    share=round(candidate.share, -4),
                    credit=round(candidate.credit, -4),
                    last_turn=0,
                )
                for candidate in decision.ranking
            ],
            "excluded": decision.excluded,
        }

    def test_the_replay_of_random_shops_decides_as_the_live_channel_did(self):
        compared, seed = 0, 0
        while compared < DECISIONS:
            seed += 1
            # What the shop has left behind is nobody's business.
            with self.subTest(seed=seed), self.env.cr.savepoint() as savepoint:
                with self._at(MONDAY_NINE), self._recording():
                    shop = Shop(self, seed)
                    shop.play()
                    live = self.decisions
                compared += len(live)
                savepoint.rollback()
                self.env.invalidate_all()
                self.env.registry.clear_cache()
                with self._recording():
                    result = replay.replay(shop.day)
                    replayed = self.decisions
                for number, (one, other) in enumerate(zip(live, replayed)):
                    self.assertEqual(
                        self._describe(*one), self._describe(*other), f"decision {number}"
                    )
                self.assertEqual(len(live), len(replayed))
                fates = [
                    fate._replace(waited=fate.waited and ceil(fate.waited)) for fate in result.fates
                ]
                self.assertEqual(fates, shop.fates)
        _logger.info("%s decisions in %s shops were the same", compared, seed)
