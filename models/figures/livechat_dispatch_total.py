import logging
from collections import Counter, defaultdict
from datetime import timedelta
from types import SimpleNamespace

from odoo import api, fields, models
from odoo.modules import module
from odoo.tools import SQL

from ...dispatch.credit import CHAT
from ...dispatch.fairness import PARTS, read_team, take_apart
from ...dispatch.ledger import locks
from ...dispatch.line import LONGEST_WAIT
from ...tools import clock, phrase
from ...tools.here import read_now
from ...tools.history import Outlived

_logger = logging.getLogger(__name__)

# So many decisions are counted at once: a fraction of a second for a team of twenty.
_BATCH = 2000

# Figures lose their agents in portions, so that no transaction takes long.
_VACUUM_LIMIT = 5000

# The time of those who are still here is brought up to date so often when nobody looks.
_PRESENCE_LAG = timedelta(minutes=5)

# What whoever had the chat before is counted by these kinds of decisions.
_LOSSES = {"transfer": "transferred", "reassign": "unanswered", "decline": "declined"}

# What no column holds because it is not summed up but follows from sums.
_FORMULAS = {
    "share": "sum(%(table)s.entitled) / nullif(sum(%(table)s.offered), 0)",
    "online_hours": "sum(%(table)s.online_seconds) / 3600.0",
    "average_wait": "sum(%(table)s.waited_seconds) / nullif(sum(%(table)s.waited_count), 0)::float",
    "average_answer": "sum(%(table)s.answer_seconds) / nullif(sum(%(table)s.answered), 0)::float",
    "average_handling": "sum(%(table)s.handling_seconds)"
    " / nullif(sum(%(table)s.handled), 0)::float",
}


class LivechatDispatchTotal(models.Model):
    """What dispatch did in one hour for one agent, in one channel and group.

    Every decision record is added to its hour once, soon after it is there, and is marked then; so
    totals stay exact when old records go. A row is nothing but sums: two rows of the same hour and
    agent are as good as one. Rows without an agent count what came to nobody.

    Chats with fractions are stored as exact decimals of 12 digits, the unit of ``credit.py``;
    the fields show two of them. Hours are those of the clocks where the main account is, of UTC
    without one: else days would begin within an hour where clocks are half an hour off.
    """

    _name = "livechat.dispatch.total"
    _description = "Dispatch Totals"
    _order = "hour desc, id"
    _rec_name = "user_id"
    _log_access = False

    hour = fields.Datetime("Time", required=True, index=True, readonly=True)
    main_account_id = Outlived(
        "res.users", "Main Account", index=False, falsy_value_label=phrase.NO_MAIN_ACCOUNT
    )
    livechat_channel_id = Outlived(
        "im_livechat.channel",
        "Channel",
        help="Empty for the time an agent was online, which belongs to all its channels.",
        falsy_value_label=phrase.NO_CHANNEL,
    )
    group_id = Outlived(
        "livechat.dispatch.group", "Dispatch Group", falsy_value_label=phrase.OTHER_BUYERS
    )
    user_id = Outlived("res.users", "Agent", index=False, falsy_value_label=phrase.NOBODY)

    decisions = fields.Integer(
        readonly=True, help="Decisions of any kind, in the row of who got the chat."
    )
    assigned = fields.Integer(
        "New Chats", readonly=True, help="New buyers' chats, without transfers and hand-overs."
    )
    received = fields.Integer(
        "Chats Received", readonly=True, help="All chats that came to the agent, in whatever way."
    )
    offered = fields.Integer(
        "Chats in Scope",
        readonly=True,
        help="Chats that dispatch gave to somebody in the agent's channels and groups.",
    )
    entitled = fields.Float(
        digits=(16, 2), readonly=True, help="Sum of the shares of the chats, by weight."
    )
    served = fields.Integer(readonly=True, help="Chats that dispatch gave to the agent.")
    difference = fields.Float(
        digits=(16, 2),
        readonly=True,
        help="Entitled less served: above zero, the agent is owed chats.",
    )
    share = fields.Float(
        compute="_compute_formulas",
        aggregator="avg",
        help="Entitled, as a part of the chats in scope.",
    )
    exclusive = fields.Integer("Appointed", readonly=True, help="Buyers appointed to the agent.")
    sticky = fields.Integer("Returning", readonly=True, help="Buyers the agent answered last.")
    by_hand = fields.Integer(
        "Given by Hand",
        readonly=True,
        help="Chats that a colleague gave to the agent, or the agent took.",
    )
    overflow = fields.Integer(readonly=True, help="Chats that came from a group below.")
    transferred = fields.Integer(
        "Transfers",
        readonly=True,
        help="Transfers by the agent, to a colleague or to a group, whoever took the chat then.",
    )
    transferred_in = fields.Integer(
        "Received by Transfer", readonly=True, help="Chats that were transferred to the agent."
    )
    given_away = fields.Integer(
        readonly=True, help="Chats that the agent transferred or left to somebody else, or in line."
    )
    unanswered = fields.Integer(
        "Missed: Went On",
        readonly=True,
        help="Chats that went on to somebody else because the agent did not answer in time.",
    )
    declined = fields.Integer(
        readonly=True, help="Chats that the agent was asked to accept and declined."
    )
    queued = fields.Integer("Put in Line", readonly=True)
    pooled = fields.Integer("Put in the Pool", readonly=True)
    left_line = fields.Integer(
        "Left the Line", readonly=True, help="Buyers who left before anybody took the chat."
    )
    nobody = fields.Integer(
        "Missed: Nobody Found",
        readonly=True,
        help="Buyers whom nobody could take, without a line or a pool to wait in; 100 an hour and "
        "channel are counted at most.",
    )
    waited_count = fields.Integer(
        "Waited in Line",
        readonly=True,
        help="Once for each time a buyer stood in line or in the pool, however it ended: in the "
        "row of who took the chat, or of nobody.",
    )
    waited_seconds = fields.Integer("Waiting Time (seconds)", readonly=True)
    average_wait = fields.Float(
        "Average Wait (seconds)", compute="_compute_formulas", aggregator="avg", digits=(16, 0)
    )
    answered = fields.Integer(
        "Turns Answered",
        readonly=True,
        help="Turns that are over and in which the agent answered; each time an agent has a chat "
        "is a turn, in the row of when it began.",
    )
    answer_seconds = fields.Integer("First Answers (seconds)", readonly=True)
    average_answer = fields.Float(
        "First Answer (seconds)",
        compute="_compute_formulas",
        aggregator="avg",
        digits=(16, 0),
        help="How long buyers waited for the first word of the agent's own turns, on average.",
    )
    handled = fields.Integer("Turns Handled", readonly=True, help="Turns that are over.")
    handling_seconds = fields.Integer("Handling (seconds)", readonly=True)
    average_handling = fields.Float(
        "Handling Time (seconds)",
        compute="_compute_formulas",
        aggregator="avg",
        digits=(16, 0),
        help="How long the agent had a chat in one of its turns, on average.",
    )
    online_seconds = fields.Integer("Online (seconds)", readonly=True)
    online_hours = fields.Float(
        "Online Time",
        compute="_compute_formulas",
        aggregator="sum",
        help="Online and not paused, on all channels together; known since this was installed. It "
        "belongs to no channel and no group: where rows are chosen by one of them, it is 0.",
    )
    paused_seconds = fields.Integer("Paused (seconds)", readonly=True)
    scope_part = fields.Float("Part: Scope", digits=(16, 2), readonly=True)
    presence_part = fields.Float("Part: Presence", digits=(16, 2), readonly=True)
    capacity_part = fields.Float("Part: Capacity", digits=(16, 2), readonly=True)
    suited_part = fields.Float("Part: Preference", digits=(16, 2), readonly=True)
    weight_part = fields.Float("Part: Weight", digits=(16, 2), readonly=True)
    regulars_part = fields.Float("Part: Regulars", digits=(16, 2), readonly=True)
    credit_part = fields.Float("Part: Balance", digits=(16, 2), readonly=True)

    # A page shows a shop or an agent since a moment: neither years of it nor all shops.
    _main_account_hour_idx = models.Index(
        "(main_account_id, hour) WHERE main_account_id IS NOT NULL"
    )
    _user_hour_idx = models.Index("(user_id, hour) WHERE user_id IS NOT NULL")

    def _compute_display_name(self):
        for total in self:
            total.display_name = total.user_id.name or self.env._("Nobody")

    @api.depends(
        "entitled",
        "offered",
        "online_seconds",
        "waited_seconds",
        "waited_count",
        "answer_seconds",
        "answered",
        "handling_seconds",
        "handled",
    )
    def _compute_formulas(self):
        for total in self:
            total.share = total.offered and total.entitled / total.offered
            total.online_hours = total.online_seconds / 3600
            total.average_wait = total.waited_count and total.waited_seconds / total.waited_count
            total.average_answer = total.answered and total.answer_seconds / total.answered
            total.average_handling = total.handled and total.handling_seconds / total.handled

    def _read_group_select(self, aggregate_spec, query):
        name, _colon, aggregator = aggregate_spec.partition(":")
        if name in _FORMULAS and aggregator == self._fields[name].aggregator:
            # Shows nothing but these sums, whose fields have no groups.
            return SQL(_FORMULAS[name] % {"table": f'"{self._table}"'})
        return super()._read_group_select(aggregate_spec, query)

    @api.model
    def action_open(self):
        """Count what is new and open the fairness page: of an agent without more rights, its own
        figures."""
        return self._open("livechat_dispatch_total_action")

    @api.model
    def action_open_mine(self):
        """Count what is new and open the caller's own figures."""
        return self._open("livechat_dispatch_total_action_own")

    @api.model
    def action_open_report(self):
        """Count what is new and open what each agent received, missed and gave away."""
        return self._open("livechat_dispatch_total_action_agents")

    @api.model
    def _open(self, name):
        self.check_access("read")
        # sudo: livechat.dispatch.total - to count changes nothing that anybody decides
        self.sudo()._count(fresh=True)
        return self.env["ir.actions.act_window"]._for_xml_id(f"im_livechat_subaccount.{name}")

    # ------------------------------------------------------------
    # Counting
    # ------------------------------------------------------------

    @api.model
    def _count(self, fresh=False, wait=False):
        """Add to the totals what has happened since they were brought up to date.

        A decision that another transaction commits later is found the next time, because it is the
        record that says whether it was counted. Of several who count one works; the others read
        what it has done a moment later.

        :param fresh: also the time of those who are here, up to the last sign of them.
        :param wait: until nobody else counts, and then count all: something is about to go.
        :return: whether all is counted, as far as this transaction sees.
        """
        self.env.flush_all()
        locks.guard(self.env.cr)
        if wait:
            locks.take(self.env.cr, locks.COUNTING)
        elif not locks.try_take(self.env.cr, locks.COUNTING):
            return False
        sums = defaultdict(Counter)
        counted = self._count_decisions(sums)
        while wait and counted == _BATCH:
            counted = self._count_decisions(sums)
        chats = self.env["discuss.channel"]
        turns = chats._count_turns(sums, _BATCH)
        while wait and turns == _BATCH:
            turns = chats._count_turns(sums, _BATCH)
        now = read_now(self.env)
        self.env["livechat.dispatch.presence"]._count(sums, now - (not fresh) * _PRESENCE_LAG)
        self._add(sums)
        return max(counted, turns) < _BATCH

    @api.model
    def _count_apart(self):
        """As :meth:`_count`, in a transaction of its own that waits for whoever is changing one of
        the decisions: the first answer of an agent is noted on it. That of a cron or a page would
        fail as a whole, as it began before; and in a large shop there is always somebody."""
        if module.current_test:
            return self._count()
        with self.env.registry.cursor() as cr:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            return self.with_env(self.env(cr=cr))._count()

    def _count_decisions(self, sums):
        """Add decisions that were not counted yet to ``{key: Counter}``, and mark them.

        :return: how many.
        """
        # Served by livechat_dispatch_decision__uncounted_idx: those which are new.
        self.env.cr.execute(
            """
            WITH uncounted AS (
                SELECT id
                  FROM livechat_dispatch_decision
                 WHERE is_counted IS NOT TRUE
              ORDER BY id
                 LIMIT %s
            )
            UPDATE livechat_dispatch_decision decision
               SET is_counted = true
              FROM uncounted
             WHERE decision.id = uncounted.id
         RETURNING moment,
                   main_account_id, livechat_channel_id, group_id, user_id, previous_user_id,
                   kind, rule, reason, has_waited, waited_seconds, excluded, team,
                   CASE WHEN user_id IS NOT NULL AND rule != 'by_hand' THEN candidates END
                       AS candidates,
                   CASE WHEN candidate_count < jsonb_array_length(
                                 CASE WHEN jsonb_typeof(facts -> 'agents') = 'array'
                                      THEN facts -> 'agents'
                                      ELSE '[]'
                                 END)
                        THEN jsonb_path_query_array(facts, '$.agents[*][0]')
                   END AS agent_ids
            """,
            [_BATCH],
        )
        rows = self.env.cr.dictfetchall()
        zones = self.env["res.users"]._read_zones(row["main_account_id"] for row in rows)
        for row in rows:
            hour = clock.begin_hour(row["moment"], zones[row["main_account_id"]])
            _count_decision(sums, SimpleNamespace(**row, hour=hour))
        self.env["livechat.dispatch.decision"].invalidate_model(["is_counted"])
        return len(rows)

    def _add(self, sums):
        """Add ``{(hour, main_account_id, channel_id, group_id, user_id): Counter}`` to the rows."""
        sums = self._replace_deleted(sums)
        if not sums:
            return
        # Served by the index on hour.
        self.env.cr.execute(
            """
            SELECT hour, main_account_id, livechat_channel_id, group_id, user_id, min(id)
              FROM livechat_dispatch_total
             WHERE hour = ANY(%s)
          GROUP BY hour, main_account_id, livechat_channel_id, group_id, user_id
            """,
            [list({hour for hour, *_key in sums})],
        )
        stored = {tuple(key): total_id for *key, total_id in self.env.cr.fetchall()}
        types = self._get_sums()
        # Chats with fractions are counted in ``1 / CHAT`` chat. A multiplication keeps all 12
        # digits; a division of decimals would choose how many.
        factors = {"integer": "integer", "float": "numeric * 0.000000000001"}
        values = [f"v.{name}::{factors[type_]}" for name, type_ in types.items()]
        new, known = [], []
        for key, sum_ in sums.items():
            row = [sum_[name] for name in types]
            if key in stored:
                known.append((stored[key], *row))
            else:
                new.append((*key, *row))
        columns = ", ".join(types)
        keys = "hour, main_account_id, livechat_channel_id, group_id, user_id"
        if new:
            self.env.cr.execute_values(
                f"""
                INSERT INTO livechat_dispatch_total ({keys}, {columns})
                SELECT v.hour::timestamp, v.main_account_id::integer,
                       v.livechat_channel_id::integer, v.group_id::integer, v.user_id::integer,
                       {", ".join(values)}
                  FROM (VALUES %s) v ({keys}, {columns})
                """,
                new,
            )
        if known:
            changes = ", ".join(
                f"{name} = coalesce(total.{name}, 0) + {value}"
                for name, value in zip(types, values, strict=True)
            )
            # Served by livechat_dispatch_total_pkey.
            self.env.cr.execute_values(
                f"""
                UPDATE livechat_dispatch_total total
                   SET {changes}
                  FROM (VALUES %s) v (id, {columns})
                 WHERE total.id = v.id
                """,
                known,
            )
        self.invalidate_model()

    @api.model
    def _get_sums(self):
        """Return which fields are summed up: ``{name: type}``."""
        return {
            name: field.type
            for name, field in self._fields.items()
            if field.store and field.type in ("integer", "float") and name != "id"
        }

    @api.autovacuum
    def _gc_agents(self):
        """Let figures that are older than the shop wants no longer say whose they are; as sums of
        the shop they stay."""
        days = self.env["res.config.settings"]._get_dispatch_figure_days()
        if not days:
            return 0, 0
        before = read_now(self.env) - timedelta(days=days)
        count = 0
        # Served by the indexes on hour and began_at.
        for table, moment in (
            ("livechat_dispatch_total", "hour"),
            ("livechat_dispatch_pause", "ended_at IS NOT NULL AND began_at"),
        ):
            self.env.cr.execute(
                f"""
                WITH old AS (
                    SELECT id
                      FROM {table}
                     WHERE {moment} < %s
                       AND user_id IS NOT NULL
                     LIMIT %s
                )
                UPDATE {table} figure
                   SET user_id = NULL
                  FROM old
                 WHERE figure.id = old.id
                """,
                [before, _VACUUM_LIMIT],
            )
            count = max(count, self.env.cr.rowcount)
        self.env.invalidate_all()
        if count:
            _logger.info("%s figures of more than %s days ago lost their agent", count, days)
        return count, count == _VACUUM_LIMIT

    def _replace_deleted(self, sums):
        """Return the sums with nobody in the place of users who are deleted."""
        users = {user_id for key in sums for user_id in (key[1], key[4]) if user_id}
        # sudo: res.users - whether they are still there
        there = set(self.env["res.users"].sudo().browse(users).exists().ids)
        if users <= there:
            return sums
        replaced = defaultdict(Counter)
        for (hour, owner, channel, group, user), sum_ in sums.items():
            owner, user = (user_id if user_id in there else None for user_id in (owner, user))
            replaced[hour, owner, channel, group, user].update(sum_)
        return replaced


def _count_decision(sums, row):
    """Add one decision to the sums."""
    key = (row.hour, row.main_account_id, row.livechat_channel_id, row.group_id)
    kind, rule, user_id, previous_user_id = row.kind, row.rule, row.user_id, row.previous_user_id
    got = sums[(*key, user_id)]
    got["decisions"] += 1
    if kind in _LOSSES:
        sums[(*key, previous_user_id)][_LOSSES[kind]] += 1
    # A hand-over that ends a wait tells who left the chat once more: it was when it began to wait.
    is_given = kind in ("transfer", "queue", "pool") or (kind == "hand_over" and not row.has_waited)
    if is_given and previous_user_id and previous_user_id != user_id:
        sums[(*key, previous_user_id)]["given_away"] += 1
    if row.has_waited:
        got["waited_count"] += 1
        got["waited_seconds"] += min(row.waited_seconds or 0, LONGEST_WAIT)
    if not user_id:
        name = {"queue": "queued", "pool": "pooled", "leave": "left_line", "nobody": "nobody"}
        # A wait that somebody else has ended says by whom or why: its buyer did not leave.
        if kind in name and not (kind == "leave" and row.reason):
            got[name[kind]] += 1
        return
    got["received"] += 1
    got["assigned"] += kind in ("assign", "overflow")
    got["overflow"] += kind == "overflow"
    got["transferred_in"] += kind == "transfer"
    if not row.candidates:
        # Nobody's share was asked for, and nobody's credit was charged for more than it was given.
        got["by_hand"] += 1
        return
    got["served"] += 1
    if rule in ("exclusive", "sticky"):
        got[rule] += 1
    shares, left_out = read_team(row.candidates, row.excluded, row.team, row.agent_ids)
    for agent_id, parts in take_apart(shares, left_out, user_id, rule).items():
        agent = sums[(*key, agent_id)]
        agent["offered"] += 1
        agent["entitled"] += shares.get(agent_id, 0)
        agent["difference"] += shares.get(agent_id, 0) - CHAT * (agent_id == user_id)
        for name, part in zip(PARTS, parts, strict=True):
            if part:
                agent[name] += part
