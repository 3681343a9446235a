from collections import Counter
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from odoo import fields
from odoo.fields import Command

from ..dispatch import policy, route
from ..dispatch.credit import charge
from ..dispatch.line import Round, Turn, judge
from ..models.decision.im_livechat_channel import Outcome
from ..models.decision.staff import Tree
from ..tools.sentinels import DRAINING

_DAYS = 7

# Who is here when, in hours of the day, by login without the shop's name.
_SHIFTS = {
    "desk1": ((8, "online"), (12, "paused"), (12.75, "online"), (18, "gone")),
    "desk2": ((8, "online"), (19, "gone")),
    "desk3": ((12, "online"), (22, "gone")),
    "desk4": ((9, "online"), (17, "gone")),
    "service1": ((9, "online"), (17, "gone")),
    "service2": ((9, "online"), (17, "gone")),
    "china": ((9, "online"), (17, "gone")),
}
# Today only the front desk has worked; two buyers of the others wait for tomorrow.
_SHIFT_TODAY = ("desk1", "desk2", "desk3", "desk4")

# The groups of the shop: name, group above, agent, and what it receives.
_GROUPS = (
    ("After-sales", None, "service1", "after_sales"),
    ("Returns", "After-sales", "service2", "returns"),
    ("中文 Chinese", None, "china", "chinese"),
)


class _Visit(NamedTuple):
    """A buyer who comes once or, on each day, again."""

    time: float
    """The hour of the day; today, how many minutes ago."""
    group: str = ""
    """Whose scope fits; empty for the default group."""
    buyer: str = ""
    """Who comes back; empty for a new guest."""
    fate: str = ""
    """``late``: the first agent does not answer; ``unanswered``: the buyer goes before an answer;
    ``leaves``: does not want to wait; ``open``: still there; ``to …``: transferred to a colleague
    or a group."""
    every: int = 1
    """The fate is that of one day in so many; on the others nothing special happens."""


# Late in the morning many come at once. In the evening Sofie is alone and has room for two, as
# Returns always has room for one.
_BUYERS = (
    _Visit(7.93),
    _Visit(8.4, buyer="Ines"),
    _Visit(9.7, "Returns"),
    _Visit(9.71, "Returns"),
    _Visit(10.6, "中文 Chinese"),
    _Visit(11.0),
    _Visit(11.01, fate="to After-sales", every=2),
    _Visit(11.02),
    _Visit(11.03, buyer="Ella Brandt"),
    _Visit(11.04),
    _Visit(11.05),
    _Visit(12.3, fate="late", every=2),
    _Visit(14.0, "After-sales"),
    _Visit(15.3, fate="to desk2", every=3),
    _Visit(16.8, fate="unanswered", every=3),
    _Visit(20.0),
    _Visit(20.02),
    _Visit(20.03),
    _Visit(20.04, fate="leaves", every=2),
)
_BUYERS_TODAY = (
    _Visit(170),
    _Visit(150, buyer="Ines"),
    _Visit(120, fate="late"),
    _Visit(95),
    _Visit(70, fate="to desk2"),
    _Visit(50, fate="unanswered"),
    _Visit(26, "Returns"),
    _Visit(18, "中文 Chinese"),
    _Visit(14, fate="open"),
    _Visit(12, fate="open"),
)

# What the main account has changed: how many days ago, whose, what.
_CHANGES = (
    (10, "shop", {"max_sessions": 5}),
    (10, "desk1", {"dispatch_weight": 200}),
    (9, "desk4", {"dispatch_weight": 10}),
    (8, "desk3", {"dispatch_weight": 50}),
    (4.6, "shop", {"sticky_hours": 72}),
    (2.2, "shop", {"no_reply_seconds": 300}),
)

_QUESTIONS = (
    ("Is the blue one in stock?", "Yes, we can send it today."),
    ("When will my parcel arrive?", "It is on its way and arrives tomorrow."),
    ("Can I change my address?", "Of course. Which one shall I use?"),
)


def load(env):
    """Let the demo shop have been open for a week, so that no page of it is empty."""
    channel = env.ref("im_livechat_subaccount.im_livechat_channel_flagship")
    # Nobody waits for what happens here: it has happened.
    history = _History(channel.with_context(livechat_draining=DRAINING))
    history.set_up()
    history.play()
    env.flush_all()


class _Chat:
    """One visit, and the chat it became."""

    def __init__(self, number, buyer, group, fate, moment):
        self.number, self.buyer, self.group, self.fate = number, buyer, group, fate
        # When the buyer came, when it last came to an agent, and when somebody last wrote.
        self.came = self.since = self.spoke = moment
        self.record = self.agent = None
        self.tried = []


class _Staff:
    """The agents of the shop at one moment of its history; see ``route.Staff``."""

    def __init__(self, history, declined):
        self._history, self._declined = history, declined

    def get_members(self, group_id):
        return self._history.channel._get_member_ids(group_id)

    def choose(self, user_ids, decide):
        return decide(self.look(user_ids))

    def look(self, user_ids):
        return [
            self._history._describe(user, self._declined)
            for user in self._history.channel.user_ids
            if user_ids is None or user.id in user_ids
        ]


class _History:
    """What happened in the shop, one event after the other.

    Who gets a chat is the policy's decision, about the agents as they were at that moment with the
    chats they had; what it does to a chat is done by dispatch's own methods. Only the time is not
    that of a clock, so each record is given its own afterwards.
    """

    def __init__(self, channel):
        self.channel, self.env = channel, channel.env
        # What is made here is made then; all that happened was before.
        self.now = self.env.cr.now().replace(microsecond=0)
        self.moment = self.now
        self.users = {user.login.partition(":")[2]: user for user in channel.user_ids}
        self.owner = channel.main_account_id
        self.permitted = {user: user._has_agent_group() for user in channel.user_ids}
        self.states = dict.fromkeys(channel.user_ids, "gone")
        self.credits, self.turns, self.loads = Counter(), Counter(), Counter()
        self.buyers, self.answered = {}, {}
        self.chats, self.waiting, self.events = [], [], []
        self.numbers = count()

    # --- the shop -------------------------------------------------------------------------------

    def set_up(self):
        """Let the main account make its groups, some days before the week."""
        self._date_log(self.now - timedelta(days=11))
        groups = self.env["livechat.dispatch.group"].with_user(self.owner)
        self.groups = {"": self.env["livechat.dispatch.group"]}
        for name, above, agent, scope in _GROUPS:
            group = groups.create(
                {
                    "name": name,
                    "channel_id": self.channel.id,
                    "parent_id": self.groups[above].id if above else False,
                    "user_ids": [Command.set(self.users[agent].ids)],
                    "scope_ids": [Command.create(line) for line in self._get_scope(scope)],
                }
            )
            self.groups[name] = group.with_env(self.env)
        self._date_log(self.now - timedelta(days=10.5))

    def _get_scope(self, name):
        if name == "chinese":
            return [{"kind": "lang", "lang_id": self.env.ref("base.lang_zh_CN").id}]
        if name == "after_sales" and "sale.order" in self.env:
            states = ("shipped", "return")
            return [{"kind": "order_state", "order_state": state} for state in states]
        pages = {"after_sales": "/my/(orders|invoices)", "returns": "/returns"}
        return [{"kind": "page", "page_pattern": pages[name]}]

    def _date_log(self, moment):
        """Let what was logged just now have been logged then."""
        self.env.flush_all()
        # Served by the indexes on moment and main_account_id.
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_log
               SET moment = %s
             WHERE moment >= %s
               AND main_account_id = %s
            """,
            [moment, self.now, self.owner.id],
        )
        self.env["livechat.dispatch.log"].invalidate_model(["moment"])

    # --- time -----------------------------------------------------------------------------------

    def play(self):
        """Let everything happen, in its order, up to now."""
        for days, whose, values in _CHANGES:
            self._plan(self.now - timedelta(days=days), self._change, whose, values)
        today = self.now.replace(hour=0, minute=0, second=0)
        for days in range(_DAYS, 0, -1):
            day = today - timedelta(days=days)
            for login, shift in _SHIFTS.items():
                for hour, state in shift:
                    self._plan(day + timedelta(hours=hour), self._appear, self.users[login], state)
            for visit in _BUYERS:
                fate = visit.fate if days % visit.every == 0 else ""
                self._plan(day + timedelta(hours=visit.time), self._arrive, visit, fate)
        for login in _SHIFT_TODAY:
            for minutes, state in ((175, "online"), (8, "gone")):
                moment = self.now - timedelta(minutes=minutes)
                self._plan(moment, self._appear, self.users[login], state)
        for visit in _BUYERS_TODAY:
            moment = self.now - timedelta(minutes=visit.time)
            self._plan(moment, self._arrive, visit, visit.fate)
        while self.events and self.events[0][0] < self.now:
            self.moment, _number, do, args = heappop(self.events)
            do(*args)
        self._date_chats()

    def _plan(self, moment, do, *args):
        heappush(self.events, (moment.replace(microsecond=0), next(self.numbers), do, args))

    def _after(self, seconds):
        return self.moment + timedelta(seconds=seconds)

    def _appear(self, user, state):
        self.env["livechat.dispatch.presence"].create(
            {"user_id": user.id, "moment": self.moment, "state": state}
        )
        if "paused" in (state, self.states[user]):
            log = self.env["livechat.dispatch.log"].with_user(user)
            paused = state == "paused"
            what = "res.users.dispatch_paused"
            log._add_rows([log._describe(user, what, not paused, paused, moment=self.moment)])
        self.states[user] = state
        self._serve()

    def _change(self, whose, values):
        if whose == "shop":
            setting = self.channel
        else:
            setting = self.users[whose]._get_subaccount()
        setting.with_user(self.owner).write(values)
        self._date_log(self.moment)

    # --- decisions ------------------------------------------------------------------------------

    def _describe(self, user, declined):
        facts = policy.Facts(
            weight=user.dispatch_weight,
            enabled=True,
            permitted=self.permitted[user],
            online=self.states[user] != "gone",
            paused=self.states[user] == "paused",
            in_call=False,
            is_main_account=False,
            lively_chats=self.loads[user],
            declined=user in declined,
        )
        return policy.Agent(user.id, facts, self.credits[user.id], self.turns[user.id])

    def _find_regulars(self, chat):
        regulars = []
        appointed = chat.buyer._name == "res.users" and chat.buyer.partner_id.livechat_agent_id
        if appointed:
            regulars.append(policy.Regular(appointed.id, "exclusive", True))
        if chat.buyer in self.answered:
            user, moment = self.answered[chat.buyer]
            regulars.append(
                policy.Regular(
                    user.id,
                    "sticky",
                    self.moment - moment <= timedelta(hours=24),
                    fields.Datetime.to_string(moment),
                )
            )
        return regulars

    def _dispatch(self, chat, declined=(), only=None):
        """Decide as the channel's ``_dispatch`` does, about this moment.

        :param only: the colleague to whom the chat is given by hand.
        """
        group = chat.group
        waited = int((self.moment - chat.since).total_seconds())
        in_line = 0
        if not chat.record:
            in_line = sum(
                other.group == group and other.record.dispatch_state == "queued"
                for other in self.waiting
            )
        request = route.Request(
            group_id=group.id or None,
            regulars=[] if only else self._find_regulars(chat),
            in_line=in_line,
            waited=waited,
            waits=chat in self.waiting,
            user_ids=only.ids if only else None,
        )
        settings = self.channel._read_settings()
        setup = settings.setup._replace(groups=Tree(group))
        found = route.find_route(request, settings.rules, setup, _Staff(self, declined))
        ascent = found.ascent
        if ascent.decision.winner:
            split = charge(ascent.decision.shares, ascent.decision.winner)
            for user_id, change in split.items():
                self.credits[user_id] += change
            self.turns[ascent.decision.winner] = 1 + max(self.turns.values(), default=0)
        values = {
            **self.env["livechat.dispatch.decision"]._describe_decision(
                ascent.decision, ascent.agents, ascent.rules, ascent.regulars
            ),
            "kind": found.kind,
            "rule": found.rule,
            "moment": self.moment,
            "waited_seconds": waited,
        }
        agent = self.env["res.users"].browse(ascent.decision.winner or [])
        return Outcome(agent, found.state, group, values)

    # --- what happens ---------------------------------------------------------------------------

    def _arrive(self, visit, fate):
        number = len(self.chats)
        buyer = self._get_buyer(visit, number)
        chat = _Chat(number, buyer, self.groups[visit.group], fate, self.moment)
        if chat.buyer._name == "mail.guest":
            shop = self.channel.with_user(self.env.ref("base.public_user"))
            shop = shop.with_context(guest=chat.buyer)
        else:
            shop = self.channel.with_user(chat.buyer)
        # sudo: im_livechat.channel - as core's route does for a buyer
        shop = shop.sudo()
        outcome = self._dispatch(chat)
        shop._keep_outcome(outcome)
        chat.record = (
            shop.env["discuss.channel"]
            .create(
                shop._get_livechat_discuss_channel_vals(
                    agent=outcome.agent,
                    operator_partner=outcome.agent.partner_id or shop.reception_partner_id,
                    operator_model="res.users",
                )
            )
            .with_env(self.env)
        )
        # The first word comes at once, and finds the shop as the chat did.
        chat.record.dispatch_wordless_since = False
        if outcome.state == "queued":
            chat.record._enter_line(outcome.values)
        elif outcome.state == "pool":
            chat.record._enter_pool(outcome.values)
        self.chats.append(chat)
        if chat.buyer._name == "mail.guest":
            asks = {"author_guest_id": chat.buyer.id, "author_id": False}
        else:
            asks = {"author_id": chat.buyer.partner_id.id}
        self._say(chat, _QUESTIONS[number % len(_QUESTIONS)][0], **asks)
        if outcome.agent:
            self._seat(chat, outcome.agent)
            return
        self.waiting.append(chat)
        if fate == "leaves":
            self._plan(self._after(90), self._give_up, chat)
        for group in chat.group._get_ascent() if chat.group else ():
            self._plan(self._after(group.overflow_seconds), self._serve)

    def _get_buyer(self, visit, number):
        if visit.buyer == "Ella Brandt":
            return self.env.ref("im_livechat_subaccount.user_ella")
        name = visit.buyer or f"Visitor #{number + 1}"
        if name not in self.buyers:
            self.buyers[name] = self.env["mail.guest"].create({"name": name})
        return self.buyers[name]

    def _serve(self):
        """Give free seats to those who wait, as the channel's ``_serve_round`` does."""
        serving = Round()

        def find_next():
            return serving.find_next(
                chat.record._get_waiting()._replace(since=chat.came, came=chat.came)
                for chat in self.waiting
            )

        serving.serve(find_next, self._take_turn, self._find_roomy)

    def _take_turn(self, waiting):
        (chat,) = (chat for chat in self.waiting if chat.record.id == waiting.number)
        outcome = self._dispatch(chat)
        turn = judge(outcome.state, waiting.is_pooled)
        if turn is Turn.SERVED:
            self.waiting.remove(chat)
            chat.record._assign(outcome)
            self._seat(chat, outcome.agent)
        elif turn is Turn.KEPT:
            chat.record._keep_for_later(outcome)
        return turn

    def _find_roomy(self):
        agents = (self._describe(user, ()) for user in self.channel.user_ids)
        return policy.find_roomy(agents, self.channel._get_dispatch_rules())

    def _seat(self, chat, agent):
        """Go on with a chat that an agent has just got."""
        chat.agent, chat.since = agent, self.moment
        chat.tried.append(agent)
        self.loads[agent] += 1
        self._stamp(chat)
        fate, chat.fate = chat.fate, "open" if chat.fate == "open" else ""
        if fate == "late":
            self._plan(self._after(self.channel.no_reply_seconds), self._reassign, chat)
        elif fate == "unanswered":
            self._plan(self._after(150), self._end, chat)
        else:
            seconds = 15 + 7 * (chat.number % 5)
            self._plan(self._after(seconds), self._answer, chat)
            if fate.startswith("to "):
                self._plan(self._after(seconds + 60), self._transfer, chat, fate[3:])
            elif fate != "open":
                minutes = 3 + chat.number % 7
                self._plan(self._after(seconds + 60 * minutes), self._end, chat)

    def _answer(self, chat):
        answer = _QUESTIONS[chat.number % len(_QUESTIONS)][1]
        self._say(chat, answer, author_id=chat.agent.partner_id.id)
        self.answered[chat.buyer] = chat.agent, self.moment

    def _reassign(self, chat):
        outcome = self._dispatch(chat, declined=chat.tried)
        if outcome.agent:
            chat.record._leave(chat.agent.partner_id)
            chat.record._record(
                {**outcome.values, "kind": "reassign", "previous_user_id": chat.agent.id}
            )
            chat.record._seat(outcome.agent)
            self._move(chat, outcome.agent)

    def _transfer(self, chat, to):
        reasons = dict(chat.record._get_transfer_reasons())
        colleague = self.users.get(to)
        if colleague == chat.agent:
            colleague = self.users["desk1"]
        if colleague:
            outcome = self._dispatch(chat, only=colleague)
            values = {"rule": "by_hand", "reason": reasons["knowledge"]}
        else:
            chat.group = self.groups[to]
            chat.record.dispatch_group_id = chat.group
            outcome = self._dispatch(chat, declined=[chat.agent])
            values = {"reason": reasons["wrong_group"]}
        if outcome.agent:
            values = {**outcome.values, **values, "kind": "transfer"}
            chat.record._transfer(outcome.agent, values, chat.agent)
            self._move(chat, outcome.agent)

    def _move(self, chat, agent):
        self.loads[chat.agent] -= 1
        self._seat(chat, agent)
        self._serve()

    def _give_up(self, chat):
        if chat in self.waiting:
            self.waiting.remove(chat)
            waited = int((self.moment - chat.came).total_seconds())
            values = {"kind": "leave", "rule": "nobody", "moment": self.moment}
            chat.record._record({**values, "waited_seconds": waited})
            chat.record.write({"dispatch_state": False, "livechat_end_dt": self.moment})

    def _end(self, chat):
        chat.record.livechat_end_dt = self.moment
        self.loads[chat.agent] -= 1
        self._serve()

    # --- when it happened -----------------------------------------------------------------------

    def _say(self, chat, body, **author):
        # Without the notifications of a message_post: nobody's page waits for what is past.
        message = self.env["mail.message"].create(
            {
                "model": "discuss.channel",
                "res_id": chat.record.id,
                "message_type": "comment",
                "subtype_id": self.env.ref("mail.mt_comment").id,
                "body": body,
                "is_said_in_livechat": True,
                **author,
            }
        )
        chat.record._message_post_after_hook(message, {})
        chat.spoke = self.moment
        self._stamp(chat)

    def _stamp(self, chat):
        """Give what was just added to a chat the moment of the history."""
        self.env.flush_all()
        # Served by the indexes on (model, res_id) and on channel_id.
        self.env.cr.execute(
            """
            UPDATE mail_message
               SET date = %(moment)s, create_date = %(moment)s
             WHERE model = 'discuss.channel'
               AND res_id = %(chat_id)s
               AND create_date >= %(now)s;
            UPDATE im_livechat_channel_member_history
               SET create_date = %(moment)s
             WHERE channel_id = %(chat_id)s
               AND create_date >= %(now)s
            """,
            {"moment": self.moment, "chat_id": chat.record.id, "now": self.now},
        )
        self.env["mail.message"].invalidate_model(["date", "create_date"])
        self.env["im_livechat.channel.member.history"].invalidate_model(["create_date"])

    def _date_chats(self):
        """Give the chats their own times, and what core derives from them."""
        self.env.flush_all()
        chats = [
            (
                chat.record.id,
                chat.came,
                chat.spoke,
                chat.agent and chat.since,
                chat.came if chat in self.waiting else None,
            )
            for chat in self.chats
        ]
        # Served by the primary key, and by the indexes on channel_id.
        self.env.cr.execute_values(
            """
            UPDATE discuss_channel chat
               SET create_date = v.came::timestamp, last_interest_dt = v.spoke::timestamp,
                   dispatch_assigned_at = v.seated::timestamp,
                   dispatch_queued_at = v.queued::timestamp
              FROM (VALUES %s) v (id, came, spoke, seated, queued)
             WHERE chat.id = v.id
            """,
            chats,
        )
        self.env.cr.execute(
            """
            UPDATE discuss_channel_member member
               SET create_date = chat.create_date, last_interest_dt = chat.last_interest_dt,
                   unpin_dt = chat.livechat_end_dt, seen_message_id = message.last_id,
                   new_message_separator = message.last_id + 1
              FROM discuss_channel chat
              JOIN LATERAL (
                       SELECT max(id) AS last_id
                         FROM mail_message
                        WHERE model = 'discuss.channel'
                          AND res_id = chat.id
                   ) message ON true
             WHERE chat.id = member.channel_id
               AND chat.id = ANY(%(ids)s);
            UPDATE im_livechat_channel_member_history history
               SET session_duration_hour = extract(epoch FROM
                       coalesce(chat.livechat_end_dt, chat.last_interest_dt) - history.create_date
                   ) / 3600,
                   response_time_hour = extract(epoch FROM (
                       SELECT min(message.create_date) - history.create_date
                         FROM mail_message message
                        WHERE message.model = 'discuss.channel'
                          AND message.res_id = chat.id
                          AND message.message_type = 'comment'
                          AND message.author_id = history.partner_id
                          AND history.livechat_member_type = 'agent'
                   )) / 3600
              FROM discuss_channel chat
             WHERE chat.id = history.channel_id
               AND chat.id = ANY(%(ids)s)
            """,
            {"ids": [chat.record.id for chat in self.chats]},
        )
        # Served by livechat_dispatch_decision's index on discuss_channel_id and mail_message's on
        # (model, res_id).
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_decision turn
               SET ended_at = row.ended_at,
                   handling_seconds = extract(epoch FROM row.ended_at - turn.moment),
                   answer_seconds = (
                       SELECT extract(epoch FROM min(message.date) - turn.moment)
                         FROM mail_message message
                         JOIN res_users users ON users.partner_id = message.author_id
                        WHERE message.model = 'discuss.channel'
                          AND message.res_id = turn.discuss_channel_id
                          AND users.id = turn.user_id
                          AND message.date >= turn.moment
                          AND message.date <= coalesce(row.ended_at, message.date)
                   )
              FROM (SELECT decision.id,
                           coalesce(lead(decision.moment) OVER (
                                        PARTITION BY chat.id ORDER BY decision.id
                                    ), chat.livechat_end_dt) AS ended_at
                      FROM livechat_dispatch_decision decision
                      JOIN discuss_channel chat ON chat.id = decision.discuss_channel_id
                     WHERE chat.id = ANY(%(ids)s)) row
             WHERE row.id = turn.id
               AND turn.user_id IS NOT NULL
            """,
            {"ids": [chat.record.id for chat in self.chats]},
        )
        self.env.invalidate_all()
