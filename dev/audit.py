"""What a database says of a run: whether dispatch kept its promises all the way through.

    python dev/audit.py DATABASE [CHANNEL_ID …]

It reads the records of decisions, core's own chats, members and messages, and the ledger's credits,
and needs neither Odoo nor a server. Whoever calls it lets the requests end before: what is still
being written is not judged. In a program::

    report = audit.run(db, [reception.id], told=chat_ids, unanswered=2)    # or examine(cursor, …)
    assert report.is_clean, str(report)
    report.checks["capacity"].wrong    # the rows that offend, as dictionaries
    report.fates                       # Counter({"ended": 52, "served": 7, "in line": 3})

Moments in records have whole seconds. Where two things happened in the same second, or nearly, they
are taken to have happened in the order that is right.
"""

import contextlib
import heapq
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from typing import NamedTuple

import devenv

sys.path.insert(1, str(devenv.ROOT))

from dispatch import credit, fairness, policy  # noqa: E402

#: Seconds that may lie between a buyer's place in line, as its record says it, and its commit: who
#: decides for another buyer meanwhile cannot see it.
SLACK = timedelta(seconds=2)

#: So many rows of one kind a transaction may send to pages for each chat that it is about: that
#: depends neither on how many agents there are nor on how many wait.
BUS_ROWS = 12

# As dispatch.ledger.facts and tools.word have them, which need Odoo.
_QUIET, _FORGOTTEN = timedelta(minutes=15), timedelta(hours=24)
_WORDLESS = timedelta(seconds=60)

# What line.HEAD_START gives to who goes first.
_HEAD_START = timedelta(minutes=10)

# What gives nobody a turn and ends nobody's wait.
_ASIDE = frozenset({"first", "watch", "whisper"})

# Who decided: the policy, so that capacity holds; a colleague may give more than fits.
_DECIDED = frozenset({"share", "least_load", "exclusive", "sticky", "offline"})

# What a chat's records are that has the place of its arrival.
_IN_ORDER = frozenset({"queue", "pool", "assign", "overflow", "leave"})

# By these nobody passes who waits before.
_BY_RANK = frozenset({"share", "least_load"})


class Check(NamedTuple):
    """What one check has found."""

    looked_at: int
    wrong: list
    """Dictionaries: ``why``, and what names the row."""


class Report(NamedTuple):
    """What all checks have found."""

    checks: dict
    """``{name: Check}``."""
    fates: Counter
    """How many chats with a buyer's word are in which fate."""

    @property
    def is_clean(self):
        return not any(check.wrong for check in self.checks.values())

    def __str__(self):
        lines = [f"fates: {', '.join(f'{count} {fate}' for fate, count in self.fates.items())}"]
        for name, check in self.checks.items():
            lines.append(f"{name:<20}{check.looked_at:>8} looked at {len(check.wrong):>6} wrong")
            lines += [f"    {row}" for row in check.wrong[:10]]
        return "\n".join(lines)


def run(db, channel_ids=None, told=None, unanswered=0):
    """Audit the dispatched channels of a database.

    :param db: its name.
    :param channel_ids: only these ``im_livechat.channel``; ``None`` for all that are dispatched.
    :param told: the ids of the chats that buyers were told they have, each buyer's once; ``None``
        when nobody knows.
    :param unanswered: how many buyers got no proper answer: each may have a chat or none.
    :rtype: Report
    """
    with (
        contextlib.closing(devenv.connect(db, autocommit=False)) as connection,
        connection.cursor() as cursor,
    ):
        # One view of the database for all checks.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return examine(cursor, channel_ids, told, unanswered)


def examine(cursor, channel_ids=None, told=None, unanswered=0):
    """As :func:`run`, in the caller's transaction."""
    past = Past(cursor, channel_ids, told, unanswered)
    checks = {check.__name__.removeprefix("check_"): check(past) for check in CHECKS}
    return Report(checks, Counter(map(past.find_fate, past.heard)))


def count_overruns(db, channel_id, limit):
    """Return how often an agent of a channel got a chat beyond the limit, by core's own records, so
    that it is the same for a channel that Odoo dispatches itself.

    :param limit: chats that an agent may have in this channel at the same time.
    """
    with (
        contextlib.closing(devenv.connect(db)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """
            SELECT date_trunc('second', history.create_date), history.id, history.partner_id,
                   chat.livechat_end_dt, NULL
              FROM im_livechat_channel_member_history history
              JOIN discuss_channel chat ON chat.id = history.channel_id
             WHERE chat.livechat_channel_id = %s AND history.livechat_member_type = 'agent'
          ORDER BY 1, 2
            """,
            [channel_id],
        )
        turns = [Turn(*row) for row in cursor.fetchall()]
    return sum(len(others) >= limit for _turn, others in sweep(turns))


class Past:
    """What the database says, read once for all checks."""

    def __init__(self, cursor, channel_ids=None, told=None, unanswered=0):
        self.cursor, self.told, self.unanswered = cursor, told, unanswered
        channels = self.read(
            """
            SELECT id, max_sessions_mode = 'limited' AS is_limited, max_sessions,
                   line_first_tag_id IS NOT NULL AS lets_some_first
              FROM im_livechat_channel
             WHERE dispatch_mode != 'native'
               AND (%(ids)s::integer[] IS NULL OR id = ANY(%(ids)s))
            """,
            ids=channel_ids and list(channel_ids),
        )
        self.channels = {channel["id"]: channel for channel in channels}
        ids = list(self.channels)
        chats = self.read(
            """
            SELECT id, livechat_channel_id AS channel_id, dispatch_state AS state,
                   livechat_end_dt AS ended_at, dispatch_wordless_since AS wordless_since,
                   dispatch_group_id AS group_id, dispatch_assigned_at AS assigned_at,
                   livechat_operator_id AS operator_id
              FROM discuss_channel
             WHERE channel_type = 'livechat' AND livechat_channel_id = ANY(%(ids)s)
          ORDER BY id
            """,
            ids=ids,
        )
        self.chats = {chat["id"]: chat for chat in chats}
        self.decisions = self.read(
            """
            SELECT id, discuss_channel_id AS chat_id, livechat_channel_id AS channel_id, moment,
                   kind, group_id, user_id, previous_user_id, rule,
                   date_trunc('second', ended_at) AS ended_at, candidates, excluded,
                   candidate_count, team, facts, duration_ms
              FROM livechat_dispatch_decision
             WHERE livechat_channel_id = ANY(%(ids)s)
          ORDER BY id
            """,
            ids=ids,
        )
        self.by_chat = defaultdict(list)
        for decision in self.decisions:
            self.by_chat[decision["chat_id"]].append(decision)
        self.users_of = defaultdict(set)
        self.weights = {}
        for user in self.read("SELECT id, partner_id, dispatch_weight AS weight FROM res_users"):
            self.users_of[user["partner_id"]].add(user["id"])
            self.weights[user["id"]] = user["weight"]
        self.seats = defaultdict(set)
        for seat in self.read(
            """
            SELECT seat.discuss_channel_id AS chat_id, seat.partner_id
              FROM livechat_dispatch_seat seat
         LEFT JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
             WHERE chat.id IS NULL OR chat.livechat_channel_id = ANY(%(ids)s)
            """,
            ids=ids,
        ):
            self.seats[seat["chat_id"]].add(seat["partner_id"])
        self.words = defaultdict(list)
        self.first_words = {}
        for word in self.read(
            """
            SELECT message.res_id AS chat_id, message.create_date AS moment,
                   message.author_guest_id IS NOT NULL OR EXISTS (
                       SELECT
                         FROM im_livechat_channel_member_history buyer
                        WHERE buyer.channel_id = message.res_id
                          AND buyer.livechat_member_type = 'visitor'
                          AND buyer.partner_id = message.author_id
                   ) AS is_buyers
              FROM mail_message message
              JOIN discuss_channel chat ON chat.id = message.res_id
             WHERE message.model = 'discuss.channel'
               AND message.message_type = 'comment'
               AND chat.livechat_channel_id = ANY(%(ids)s)
          ORDER BY message.id
            """,
            ids=ids,
        ):
            self.words[word["chat_id"]].append(word["moment"])
            if word["is_buyers"]:
                self.first_words.setdefault(word["chat_id"], word["moment"])
        self.heard = [chat for chat in self.chats.values() if chat["id"] in self.first_words]

    def read(self, query, **parameters):
        """Return the rows of one statement as dictionaries."""
        self.cursor.execute(query, parameters)
        names = [column.name for column in self.cursor.description]
        return [dict(zip(names, row)) for row in self.cursor.fetchall()]

    def find_last(self, chat_id):
        """Return the last decision about a chat that moved it, ``None`` for none."""
        moves = [row for row in self.by_chat[chat_id] if row["kind"] not in _ASIDE]
        return moves[-1] if moves else None

    def find_fate(self, chat):
        """Return what became of a chat so far, ``None`` for what cannot be."""
        is_seated = bool(self.seats[chat["id"]])
        if chat["ended_at"]:
            return None if is_seated or chat["state"] in ("queued", "pool") else "ended"
        if chat["state"] == "assigned":
            return "served" if is_seated else None
        if chat["state"] in ("queued", "pool"):
            waits = {"queued": "in line", "pool": "in the pool"}[chat["state"]]
            return None if is_seated else waits
        last = self.find_last(chat["id"])
        return "refused" if last and last["kind"] == "nobody" and not is_seated else None

    def list_turns(self):
        """Return the turns of agents as :class:`Turn`, in order."""
        turns = []
        for row in self.decisions:
            if not row["user_id"] or row["kind"] in _ASIDE or row["chat_id"] not in self.chats:
                continue
            start, end = row["moment"], row["ended_at"]
            first_word = self.first_words.get(row["chat_id"])
            given_up = start + _WORDLESS
            if not first_word or first_word > given_up:
                # Without a word a chat holds its seat for a minute.
                end = min(end or given_up, given_up)
            turns.append(Turn(start, row["id"], row["user_id"], end, row))
        return sorted(turns, key=lambda turn: turn[:2])


class Turn(NamedTuple):
    """A chat that an agent has from one moment to another."""

    start: object
    number: int
    agent: int
    end: object
    """``None``: it goes on."""
    row: dict


def sweep(turns):
    """Yield each turn with those that its agent has at the moment at which it begins, in order.

    :param turns: of any number of agents, sorted.
    """
    running = defaultdict(list)
    for turn in turns:
        mine = running[turn.agent]
        while mine and mine[0][0] <= turn.start:
            heapq.heappop(mine)
        yield turn, [other for *_rest, other in mine]
        if turn.end:
            if turn.end > turn.start:
                heapq.heappush(mine, (turn.end, turn.number, turn))
        else:
            heapq.heappush(mine, (turn.start.max, turn.number, turn))


def check_buyers(past):
    """Every buyer who wrote is served, in line, in the pool, refused with a record or has ended:
    one of them. Nobody has two chats in one channel at the same time."""
    wrong = [
        {"why": "is nowhere, or at two places", **chat}
        for chat in past.heard
        if not past.find_fate(chat)
    ]
    wrong += past.read(
        """
        SELECT 'has two chats at the same time' AS why, buyer.guest_id, buyer.partner_id,
               chat.livechat_channel_id AS channel_id, array_agg(chat.id) AS chat_ids
          FROM discuss_channel chat
          JOIN im_livechat_channel_member_history buyer ON buyer.channel_id = chat.id
         WHERE buyer.livechat_member_type = 'visitor'
           AND chat.livechat_end_dt IS NULL
           AND num_nonnulls(buyer.guest_id, buyer.partner_id) > 0
           AND chat.livechat_channel_id = ANY(%(ids)s)
      GROUP BY buyer.guest_id, buyer.partner_id, chat.livechat_channel_id
        HAVING count(DISTINCT chat.id) > 1
        """,
        ids=list(past.channels),
    )
    return Check(len(past.heard), wrong)


def check_answers(past):
    """What buyers were told is so: each chat they have is there and is one buyer's, and of the
    others there are no more than buyers without a proper answer."""
    if past.told is None:
        return Check(0, [])
    told = Counter(past.told)
    wrong = [
        {"why": "was told to a buyer, and is not there", "chat_id": chat_id}
        for chat_id in told
        if chat_id not in past.chats
    ]
    wrong += [
        {"why": "was told to more than one buyer", "chat_id": chat_id, "buyers": count}
        for chat_id, count in told.items()
        if count > 1
    ]
    untold = [chat_id for chat_id in past.chats if chat_id not in told]
    if len(untold) > past.unanswered:
        wrong += [
            {"why": "is there, and no buyer knows of it", "chat_id": chat_id} for chat_id in untold
        ]
    return Check(len(told), wrong)


def check_records(past):
    """Whatever happened to a chat has its record, and the records say all that they are to say."""
    wrong = []
    for chat in past.chats.values():
        if why := _find_missing(past, chat):
            wrong.append({"why": why, "chat_id": chat["id"], "state": chat["state"]})
    for row in past.decisions:
        if row["rule"] in _DECIDED and row["user_id"] and not _is_complete(row):
            wrong.append({"why": "does not say how it was decided", "decision_id": row["id"]})
    return Check(len(past.decisions), wrong)


def _find_missing(past, chat):
    """Return which record a chat lacks."""
    last = past.find_last(chat["id"])
    if not last:
        return "has no record" if chat["state"] or chat["assigned_at"] else None
    rows = past.by_chat[chat["id"]]
    on_turn = {row["user_id"] for row in rows if row["user_id"] and not row["ended_at"]}
    if chat["ended_at"]:
        if on_turn:
            return "has ended, and a turn has not"
        if not last["user_id"] and last["kind"] not in ("leave", "nobody", "end"):
            return "ended while it waited, without a record of that"
        return None
    if chat["state"] in ("queued", "pool"):
        kind = {"queued": "queue", "pool": "pool"}[chat["state"]]
        return None if last["kind"] == kind else "waits without a record"
    if chat["state"] == "assigned" and chat["operator_id"]:
        if not last["user_id"] or last["user_id"] not in past.users_of[chat["operator_id"]]:
            return "its last record names another agent"
        seated = {user for partner in past.seats[chat["id"]] for user in past.users_of[partner]}
        if not on_turn or not on_turn <= seated:
            return "a turn goes on of who is not seated"
    return None


def _read_shares(row):
    """Return ``{user_id: share}`` of the candidates of a decision."""
    shares, _left_out = fairness.read_team(
        row["candidates"] or [], row["excluded"], row["team"], ()
    )
    return shares


def _is_complete(row):
    shares = _read_shares(row)
    return (
        row["user_id"] in shares
        and len(shares) == row["candidate_count"]
        and sum(shares.values()) == credit.CHAT
        and bool((row["facts"] or {}).get("rules"))
        and row["duration_ms"] is not None
    )


def check_capacity(past):
    """At no moment dispatch has given an agent more chats than fit: neither by what each decision
    knew under its lock, nor by all chats that the agent really had then."""
    wrong, looked_at = [], 0
    for turn, others in sweep(past.list_turns()):
        row = turn.row
        if row["rule"] not in _DECIDED:
            continue
        looked_at += 1
        rules = (row["facts"] or {}).get("rules") or {}
        found = [c for c in row["candidates"] or () if c["user_id"] == turn.agent]
        if found:
            limit, known = found[0]["capacity"], found[0]["load"]
            if limit and known + 1 > limit:
                wrong.append(_say_overrun("was full when it was chosen", turn, limit, known))
                continue
        else:
            limit = policy.capacity(rules.get("max_sessions"), past.weights.get(turn.agent, 100))
        hold = rules.get("quiet_hold", policy.QUIET_HOLD_DEFAULT)
        load = sum(_get_hold(past, other, turn.start, hold) for other in others)
        if limit and load + 1 > limit:
            wrong.append(_say_overrun("had as many chats as fit", turn, limit, load))
    return Check(looked_at, wrong)


def _say_overrun(why, turn, limit, load):
    return {
        "why": why,
        "decision_id": turn.number,
        "user_id": turn.agent,
        "moment": str(turn.start),
        "capacity": limit,
        "load": load,
    }


def _get_hold(past, turn, moment, quiet_hold):
    """Return what a chat counts at a moment: a quiet one less than one in which people write."""
    said = [turn.start, *(word for word in past.words[turn.row["chat_id"]] if word <= moment)]
    silence = moment - max(said)
    if silence > _FORGOTTEN:
        return 0
    return quiet_hold if silence > _QUIET else 1


def check_credits(past):
    """In each set of channels that share agents the credits add up to nothing: what one agent is
    owed others have had. Not so where an agent was deleted, or has come from another set."""
    rows = past.read(
        """
        SELECT circle, sum(credit) AS sum, count(*) AS agents
          FROM livechat_dispatch_credits
         WHERE circle IN (SELECT circle FROM livechat_dispatch_circle
                           WHERE channel_id = ANY(%(ids)s))
      GROUP BY circle
        """,
        ids=list(past.channels),
    )
    wrong = [
        {"why": "do not add up to nothing", "circle": row["circle"], "sum": str(row["sum"])}
        for row in rows
        if row["sum"]
    ]
    return Check(sum(row["agents"] for row in rows), wrong)


def check_entitled(past):
    """Each credit is what the records say the agent was entitled to less what it got, exactly: no
    decision was charged without a record, and none recorded without a charge. Sets are left out of
    which a decision was rolled back that none has given back since."""
    rows = past.read(
        """
        SELECT kept.circle, kept.user_id, kept.credit
          FROM livechat_dispatch_credits kept
         WHERE kept.circle IN (SELECT circle FROM livechat_dispatch_circle
                                WHERE channel_id = ANY(%(ids)s))
           AND NOT EXISTS (
                   SELECT
                     FROM livechat_dispatch_circle beside
                     JOIN im_livechat_channel channel ON channel.id = beside.channel_id
                    WHERE beside.circle = kept.circle
                      AND channel.dispatch_mode != 'native'
                      AND channel.id != ALL(%(ids)s)
               )
           AND NOT EXISTS (
                   SELECT
                     FROM livechat_dispatch_reservation held
                    WHERE held.circle = kept.circle
                      AND pg_xact_status(held.xid) IS DISTINCT FROM 'committed'
               )
        """,
        ids=list(past.channels),
    )
    owed = Counter()
    for row in past.decisions:
        if not row["user_id"] or row["kind"] in _ASIDE or row["rule"] not in _DECIDED:
            # By hand an agent is the only candidate: entitled to all of it, and got it.
            continue
        shares = _read_shares(row)
        if row["user_id"] in shares:
            for user_id, amount in credit.charge(shares, row["user_id"]).items():
                owed[user_id] += amount
    wrong = [
        {
            "why": "is not what the records say",
            "user_id": row["user_id"],
            "credit": str(row["credit"]),
            "records": owed[row["user_id"]] / credit.CHAT,
        }
        for row in rows
        if round(row["credit"] * credit.CHAT) != owed[row["user_id"]]
    ]
    return Check(len(rows), wrong)


class Wait(NamedTuple):
    """Somebody who waited, from one record to the next."""

    start: object
    end: object
    chat_id: int
    is_pooled: bool


def check_order(past):
    """Nobody who came later was given an agent by rank while somebody waited in the same line, and
    nobody of the pool before the line. Who was put first, had an agent before or was transferred
    has other places, and is no example."""
    waits, given = defaultdict(list), defaultdict(list)
    for chat_id, rows in past.by_chat.items():
        chat = past.chats.get(chat_id)
        if chat and _IN_ORDER.issuperset(row["kind"] for row in rows):
            line = chat["channel_id"], chat["group_id"]
            _follow(rows, waits[line], given[line])
    wrong = []
    for line, served in given.items():
        head_start = _HEAD_START * past.channels[line[0]]["lets_some_first"]
        for row, came, was_pooled in served:
            for wait in waits[line]:
                if not wait.start + SLACK < row["moment"] < wait.end:
                    continue
                if (wait.is_pooled, wait.start + SLACK) < (was_pooled, came - head_start):
                    wrong.append(
                        {
                            "why": "was served before who came earlier",
                            "decision_id": row["id"],
                            "chat_id": row["chat_id"],
                            "came": str(came),
                            "before": wait.chat_id,
                            "who_came": str(wait.start),
                        }
                    )
    return Check(sum(map(len, given.values())), wrong)


def _follow(rows, waits, given):
    """Add how one chat waited, and which record gave it an agent by rank."""
    since = None
    for row, following in zip(rows, [*rows[1:], None]):
        if row["kind"] in ("queue", "pool"):
            since = since or row["moment"]
            # Who goes on waiting after the last record does so for good.
            end = following["moment"] if following else row["moment"].max
            waits.append(Wait(row["moment"], end, row["chat_id"], row["kind"] == "pool"))
        elif row["user_id"]:
            if row["rule"] in _BY_RANK:
                pooled = waits[-1].is_pooled if since else False
                given.append((row, since or row["moment"], pooled))
            return


def check_bus(past):
    """What is sent to pages because something happens in a chat depends neither on how many agents
    there are nor on how many wait."""
    # Rows are written once: who inserted them is who sent them.
    rows = past.read(
        """
        WITH sent AS (
            SELECT xmin::text AS transaction, channel, create_date,
                   message::jsonb ->> 'type' AS type
              FROM bus_bus
        ), about AS (
            SELECT transaction, count(DISTINCT channel) AS chats
              FROM sent
             WHERE channel LIKE '%%"discuss.channel"%%'
          GROUP BY transaction
        )
        SELECT transaction, type, count(*) AS rows, min(create_date)::text AS moment, chats
          FROM sent
          JOIN about USING (transaction)
      GROUP BY transaction, type, chats
        """
    )
    wrong = [
        {"why": "sent too much at once", **row}
        for row in rows
        if row["rows"] > BUS_ROWS * row["chats"]
    ]
    return Check(len(rows), wrong)


def check_seats_without_chat(past):
    """Whoever is seated takes part in an open chat, as core's own records have it."""
    rows = past.read(
        """
        SELECT seat.discuss_channel_id AS chat_id, seat.partner_id
          FROM livechat_dispatch_seat seat
         WHERE NOT EXISTS (
                   SELECT
                     FROM discuss_channel chat
                     JOIN discuss_channel_member member ON member.channel_id = chat.id
                    WHERE chat.id = seat.discuss_channel_id
                      AND chat.livechat_end_dt IS NULL
                      AND member.partner_id = seat.partner_id
               )
        """
    )
    return Check(
        sum(map(len, past.seats.values())),
        [{"why": "is seated in no chat", **row} for row in rows],
    )


def check_chats_without_seat(past):
    """Whatever agent is in an open chat that dispatch has given away has a seat there."""
    given = [
        chat for chat in past.chats.values() if chat["state"] == "assigned" and not chat["ended_at"]
    ]
    rows = past.read(
        """
        SELECT chat.id AS chat_id, member.partner_id
          FROM discuss_channel chat
     LEFT JOIN im_livechat_channel_member_history member
            ON member.channel_id = chat.id
           AND member.livechat_member_type = 'agent'
           AND member.member_id IS NOT NULL
         WHERE chat.id = ANY(%(ids)s)
           AND NOT EXISTS (
                   SELECT
                     FROM livechat_dispatch_seat seat
                    WHERE seat.discuss_channel_id = chat.id
                      AND (member.partner_id IS NULL OR seat.partner_id = member.partner_id)
               )
        """,
        ids=[chat["id"] for chat in given],
    )
    return Check(len(given), [{"why": "is in nobody's seat", **row} for row in rows])


#: Each takes a :class:`Past` and returns a :class:`Check`; it is called what follows ``check_``.
CHECKS = (
    check_buyers,
    check_answers,
    check_records,
    check_capacity,
    check_credits,
    check_entitled,
    check_order,
    check_bus,
    check_seats_without_chat,
    check_chats_without_seat,
)


def main():
    if not sys.argv[1:]:
        raise devenv.DevError("usage: python dev/audit.py DATABASE [CHANNEL_ID …]")
    with devenv.postgres():
        report = run(sys.argv[1], [int(word) for word in sys.argv[2:]] or None)
    print(report)
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    devenv.main(main)
