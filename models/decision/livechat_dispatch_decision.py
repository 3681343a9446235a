import logging
from collections import Counter
from datetime import timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.tools import babel_locale_parse, format_datetime, get_lang

from ...dispatch import ledger, policy
from ...dispatch.credit import CHAT
from ...dispatch.fairness import write_team
from ...dispatch.words import RULES
from ...tools import phrase
from ...tools.here import read_now
from ...tools.history import Outlived

_logger = logging.getLogger(__name__)

# Old records go in portions, so that no transaction takes long.
_VACUUM_LIMIT = 5000

# Up to so many agents a record holds all that was known; of larger teams the best and the counts.
_ALL_DESCRIBED = 50
_BEST_DESCRIBED = 20


class LivechatDispatchDecision(models.Model):
    """Why a chat went where it went: one record per decision, written by dispatch alone.

    It holds no word of the conversation and no way to reach the buyer.
    """

    _name = "livechat.dispatch.decision"
    _description = "Dispatch Decision"
    _order = "id desc"
    _rec_name = "discuss_channel_id"

    discuss_channel_id = Outlived(
        "discuss.channel", "Chat", help="Empty for a buyer who found nobody and was turned away."
    )
    moment = fields.Datetime(
        default=lambda self: read_now(self.env), required=True, index=True, readonly=True
    )
    kind = fields.Selection(
        [
            ("assign", "Assigned"),
            ("queue", "Queued"),
            ("pool", "Message left"),
            ("overflow", "Assigned above the group"),
            ("transfer", "Transferred"),
            ("reassign", "Reassigned: no answer"),
            ("decline", "Declined by the agent"),
            ("hand_over", "Handed over"),
            ("nobody", "Nobody found"),
            ("leave", "Left the queue"),
            ("first", "Put first in line"),
            ("end", "Ended by hand"),
            ("watch", "Listened in"),
            ("whisper", "Whispered to the agent"),
        ],
        required=True,
        readonly=True,
    )
    livechat_channel_id = Outlived(
        "im_livechat.channel", "Channel", index=False, falsy_value_label=phrase.NO_CHANNEL
    )
    main_account_id = Outlived(
        "res.users",
        "Main Account",
        help="Whose shop it was at that moment, or who has taken it over since.",
        falsy_value_label=phrase.NO_MAIN_ACCOUNT,
    )
    group_id = Outlived(
        "livechat.dispatch.group",
        "Dispatch Group",
        help="Empty: the agents who are in no group with a scope.",
        falsy_value_label=phrase.OTHER_BUYERS,
    )
    by_wish = fields.Boolean(
        "Asked for the Group",
        readonly=True,
        help="The buyer chose the group by its lamp on a web page; its scope was not asked.",
    )
    user_id = Outlived("res.users", "Agent", index=False, falsy_value_label=phrase.NOBODY)
    previous_user_id = Outlived(
        "res.users", "Previous Agent", index=False, falsy_value_label=phrase.NOBODY
    )
    rule = fields.Selection(
        RULES, readonly=True, help="What decided.", falsy_value_label=phrase.NO_AGENT_CHOSEN
    )
    reason = fields.Char(readonly=True, help="Of what was done by hand: why, or by whom.")
    waited_seconds = fields.Integer(
        readonly=True,
        aggregator="avg",
        help="Since the buyer stood in line; if an agent had the chat, since that agent got it.",
    )
    answer_seconds = fields.Integer(
        "First Answer (seconds)",
        readonly=True,
        aggregator="avg",
        help="How long the buyer waited for the first word of the agent who got the chat here, "
        "from then on or from when the buyer asked; empty: none came.",
    )
    ended_at = fields.Datetime(
        "Until",
        readonly=True,
        help="When the agent who got the chat here had it no longer: it had ended, or gone on.",
    )
    handling_seconds = fields.Integer(
        "Handling Time (seconds)",
        readonly=True,
        aggregator="avg",
        help="How long the agent who got the chat here had it, until it ended or went on to "
        "somebody else.",
    )
    has_waited = fields.Boolean(
        "Waited in Line",
        compute="_compute_has_waited",
        store=True,
        precompute=True,  # else each record would be written twice, with all its indexes
        readonly=False,
        help="It ended the wait of a buyer who stood in line or whose message was in the pool.",
    )
    candidate_count = fields.Integer("Number of Candidates", readonly=True, aggregator="avg")
    facts = fields.Json(
        readonly=True,
        help="What was known: rules, agents and regular agents; enough to decide again.",
    )
    candidates = fields.Json(readonly=True, help="Who could have taken the chat, best first.")
    excluded = fields.Json(readonly=True, help="The reason code of each agent who could not.")
    excluded_counts = fields.Json(readonly=True, help="How many were excluded for each reason.")
    team = fields.Json(
        readonly=True,
        help="Of a larger team, who could by share, and who could not by reason.",
    )
    policy_version = fields.Integer(readonly=True)
    duration_ms = fields.Float("Duration (ms)", readonly=True, aggregator="avg")
    is_counted = fields.Boolean(readonly=True, help="It is part of the hourly totals.")
    is_turn_counted = fields.Boolean(
        readonly=True, help="What came of it is part of the hourly totals."
    )
    sentence = fields.Char("Why", compute="_compute_sentence")
    explanation = fields.Html(compute="_compute_explanation", sanitize=False)

    # Since a moment: neither all that there was of one, nor what all shops did meanwhile.
    _channel_moment_idx = models.Index("(livechat_channel_id, moment)")
    _user_moment_idx = models.Index("(user_id, moment) WHERE user_id IS NOT NULL")
    _uncounted_idx = models.Index("(id) WHERE is_counted IS NOT TRUE")
    _uncounted_turns_idx = models.Index(
        "(id) WHERE ended_at IS NOT NULL AND is_turn_counted IS NOT TRUE"
    )
    _nobody_idx = models.Index("(livechat_channel_id, moment) WHERE kind = 'nobody'")

    @api.depends(
        *("rule", "reason", "candidates", "candidate_count", "user_id", "previous_user_id"),
        *("create_uid", "kind", "facts", "moment", "by_wish"),
    )
    @api.depends_context("lang", "uid")
    def _compute_sentence(self):
        for decision in self:
            sentence = decision._describe()
            if decision.kind == "transfer" and decision.rule != "by_hand" and decision.reason:
                values = {"why": sentence, "reason": decision.reason}
                sentence = self.env._("%(why)s; transferred: %(reason)s", **values)
            if decision.by_wish:
                sentence = self.env._("%(why)s; the buyer asked for this group", why=sentence)
            decision.sentence = sentence

    @api.depends("kind", "waited_seconds")
    def _compute_has_waited(self):
        # Said by who records it; without a word, a new buyer has waited if it took any time.
        for decision in self:
            decision.has_waited = (
                decision.kind in ("assign", "overflow", "leave") and decision.waited_seconds > 0
            )

    def _is_buyer_gone(self):
        """Tell whether the buyer left the line; what others have ended says by whom or why."""
        return self.kind == "leave" and not self.reason

    @api.model
    def _get_reason_texts(self):
        """Return ``{reason code: words}``, to follow an agent's name."""
        return {
            "not_permitted": self.env._("may not receive buyers"),
            "disabled": self.env._("is disabled"),
            "offline": self.env._("is offline"),
            "paused": self.env._("is paused"),
            "in_call": self.env._("is in a call"),
            "off_shift": self.env._("is off shift"),
            "overloaded": self.env._("has more chats than it wants"),
            "at_capacity": self.env._("has no room for another chat"),
            "declined": self.env._("had this chat and did not answer, declined or leaves it"),
            "missing_permission": self.env._("lacks the permission this group asks for"),
            "main_account_reserved": self.env._("is the main account, which stands back"),
        }

    @api.depends("candidates", "excluded", "excluded_counts", "rule", "facts")
    def _compute_explanation(self):
        texts = self._get_reason_texts()
        for decision in self:
            excluded = {int(key): code for key, code in (decision.excluded or {}).items()}
            candidates = decision.candidates or []
            # sudo: res.users - the names of colleagues in a decision that may be read
            users = self.env["res.users"].sudo().with_context(active_test=False)
            user_ids = [*excluded, *(candidate["user_id"] for candidate in candidates)]
            names = {user.id: user.name for user in users.browse(user_ids).exists()}
            gone = self.env._("deleted")
            rooms = decision._describe_rooms(excluded)
            decision.explanation = self.env["ir.qweb"]._render(
                "im_livechat_subaccount.decision_explanation",
                {
                    "candidates": [
                        {
                            **candidate,
                            "name": names.get(candidate["user_id"], gone),
                            "share": f"{100 * candidate['share'] / CHAT:.1f} %",
                            "credit": f"{candidate['credit'] / CHAT:+.2f}",
                            "load": f"{candidate['load']:g}",
                        }
                        for candidate in candidates
                    ],
                    "excluded": [
                        phrase.label(
                            self.env,
                            names.get(user_id, gone),
                            rooms.get(user_id) or texts.get(code, code),
                        )
                        for user_id, code in excluded.items()
                    ],
                    "counts": [
                        (count, texts.get(code, code))
                        for code, count in (decision.excluded_counts or {}).items()
                        if not excluded
                    ],
                    "winner": decision.user_id.id,
                    "waits_behind_others": decision.rule == "line",
                },
                minimal_qcontext=True,
            )

    def _describe_rooms(self, excluded):
        """Return ``{user id: words}`` of how full those were who had no room.

        :param excluded: ``{user id: reason code}``.
        """
        facts = self.facts or {}
        agents = [policy.Agent.from_list(agent) for agent in facts.get("agents") or ()]
        rules = facts.get("rules") or {}
        limit = rules.get("max_sessions")
        minutes = facts.get("quiet_minutes") or {}
        texts = {}
        for agent in agents if limit else ():
            if excluded.get(agent.user_id) != "at_capacity":
                continue
            values = {
                "open": agent.lively_chats + agent.quiet_chats,
                "capacity": policy.capacity(limit, agent.weight),
                "quiet": agent.quiet_chats,
                "minutes": minutes.get(str(agent.user_id)),
            }
            text = self._describe_room(values)
            if agent.tickets:
                text = self.env._(
                    "%(room)s, and %(tickets)s open tickets, each counts %(part)s",
                    room=text,
                    tickets=agent.tickets,
                    part=f"{rules.get('ticket_load', 0):g}",
                )
            texts[agent.user_id] = text
        return texts

    def _describe_room(self, values):
        """Return in words how full somebody was.

        :param values: ``{"open", "capacity", "quiet"}`` in chats, and for how many ``"minutes"``
            nobody has said a word in the quiet ones; ``None`` in older records.
        """
        if not values["quiet"]:
            return self.env._("has no room: %(open)s of %(capacity)s chats", **values)
        if values["minutes"] is None:
            return self.env._(
                "has no room: %(open)s of %(capacity)s chats, %(quiet)s of them quiet", **values
            )
        if values["open"] == 1:
            return self.env._(
                "has no room: %(open)s of %(capacity)s chats, quiet for %(minutes)s minutes",
                **values,
            )
        return self.env._(
            "has no room: %(open)s of %(capacity)s chats, %(quiet)s of them quiet for"
            " %(minutes)s minutes or more",
            **values,
        )

    @api.depends("discuss_channel_id", "moment")
    def _compute_display_name(self):
        for decision in self:
            kinds = dict(decision._fields["kind"]._description_selection(self.env))
            decision.display_name = self.env._(
                "%(kind)s, %(moment)s",
                kind=kinds.get(decision.kind, ""),
                moment=format_datetime(self.env, decision.moment),
            )

    def _describe(self):
        """Return in one sentence why this agent, or none; to the agent itself, about itself."""
        is_mine = self.user_id == self.env.user
        rules = dict(self._fields["rule"]._description_selection(self.env))
        if is_mine:
            rules |= {
                "exclusive": self.env._("You are appointed to this buyer"),
                "sticky": self.env._("You answered this buyer last"),
                "offline": self.env._("You take messages while nobody is here"),
            }
        rule = rules.get(self.rule, "")
        winner = next((c for c in self.candidates or () if c["user_id"] == self.user_id.id), None)
        if self.rule in ("share", "least_load") and winner:
            return self._describe_turn(winner, is_mine)
        if self.rule == "sticky" and (answered_at := self._get_answered_at()):
            return self.env._(
                "%(rule)s, %(time)s before",
                rule=rule,
                time=format_timedelta(
                    self.moment - answered_at,
                    threshold=1,
                    locale=babel_locale_parse(get_lang(self.env).code),
                ),
            )
        if self.rule == "by_hand":
            return self._describe_hand(is_mine)
        return rule

    def _describe_hand(self, is_mine):
        """Return in one sentence who chose this agent by hand, and why."""
        if self.reason and self.user_id in (self.user_id.browse(), self.previous_user_id):
            # What is done to a chat chooses nobody, nor does who keeps it in another group.
            return self.reason
        if self.user_id == self.create_uid:
            rule = self.env._("You took it") if is_mine else self.env._("Took it by hand")
        elif is_mine:
            rule = self.env._("A colleague chose you")
        else:
            rule = self.env._("Chosen by a colleague")
        return phrase.label(self.env, rule, self.reason) if self.reason else rule

    def _describe_turn(self, winner, is_mine):
        """Return in one sentence why the mode chose this candidate.

        :param winner: its row of ``candidates``.
        """
        if self.candidate_count == 1:
            return (
                self.env._("Only you were free") if is_mine else self.env._("Nobody else was free")
            )
        if self.rule == "least_load":
            values = {"load": f"{winner['load']:g}", "weight": winner["weight"]}
            if is_mine:
                return self.env._(
                    "You had the fewest chats for your weight: %(load)s at weight %(weight)s",
                    **values,
                )
            return self.env._(
                "Fewest chats for the weight: %(load)s at weight %(weight)s", **values
            )
        behind = f"{winner['credit'] / CHAT:.1f}"
        if float(behind) <= 0:
            return self.env._("Your turn by share") if is_mine else self.env._("Next by share")
        if is_mine:
            return self.env._("Your turn: %(behind)s chats behind your share", behind=behind)
        return self.env._("Next by share: %(behind)s chats behind it", behind=behind)

    def _get_answered_at(self):
        """Return when the regular agent that won had last answered the buyer, if that is known."""
        for user_id, _rule, _even_paused, *answered_at in (self.facts or {}).get("regulars", ()):
            if user_id == self.user_id.id and answered_at and answered_at[0]:
                return fields.Datetime.to_datetime(answered_at[0])
        return None

    @api.model
    def _describe_decision(self, decision, agents=(), rules=None, regulars=()):
        """Return the values of a record that say how the policy decided.

        :param policy.Decision decision: what it decided.
        :param agents: the :class:`policy.Agent` it decided about.
        """
        agents = list(agents)
        held = [
            agent.user_id
            for agent in agents
            if agent.quiet_chats and decision.excluded.get(agent.user_id) == "at_capacity"
        ]
        complete = len(agents) <= _ALL_DESCRIBED
        # Who waits has a place from when that is written down, and whoever is chosen a chat from
        # now on: what follows may have to wait for others, who decide meanwhile.
        decided = {} if decision.winner is None else {"moment": read_now(self.env)}
        candidates = decision.ranking if complete else decision.ranking[:_BEST_DESCRIBED]
        return {
            "user_id": decision.winner,
            "rule": decision.rule,
            "candidate_count": len(decision.shares),
            "candidates": [candidate._asdict() for candidate in candidates],
            "excluded": complete and {str(key): code for key, code in decision.excluded.items()},
            "excluded_counts": Counter(decision.excluded.values()),
            "team": not complete
            and decision.winner is not None
            and write_team(decision.shares, decision.excluded, [agent.user_id for agent in agents]),
            "facts": {
                "rules": rules and rules._asdict(),
                "regulars": [list(regular) for regular in regulars],
                # Without a name for each figure: this is most of the record.
                "agents": [agent.to_list() for agent in agents] if complete else None,
                "quiet_minutes": self._read_quiet_minutes(held),
            },
            "policy_version": policy.VERSION,
            **decided,
        }

    def _read_quiet_minutes(self, user_ids):
        """Return ``{user id as text: minutes}`` since the last word in any quiet chat of these
        users: it explains why they have no room, nobody decides by it."""
        if not user_ids:
            return {}
        times = ledger.read_quiet_times(self.env.cr, user_ids, read_now(self.env))
        return {str(user_id): int(time.total_seconds() // 60) for user_id, time in times.items()}

    @api.model
    def _get_regular(self, values):
        """Return the id of the buyer's own agent that a decision knew of, ``False`` for none.

        :param values: of the decision record.
        """
        regulars = (values.get("facts") or {}).get("regulars")
        return regulars[0][0] if regulars else False

    @api.ondelete(at_uninstall=False)
    def _count_before_unlink(self):
        if any(not row.is_counted or (row.ended_at and not row.is_turn_counted) for row in self):
            # sudo: livechat.dispatch.total - what goes stays in the totals
            self.env["livechat.dispatch.total"].sudo()._count(wait=True)

    @api.autovacuum
    def _gc_old_decisions(self):
        """Delete records older than the shop wants to keep them; the hourly totals have them."""
        days = self.env["res.config.settings"]._get_dispatch_decision_days()
        if not days:
            return 0, 0
        before = read_now(self.env) - timedelta(days=days)
        old = self.search([("moment", "<", before)], order="id", limit=_VACUUM_LIMIT)
        if count := len(old):
            old.unlink()
            _logger.info("Deleted %s decision records that were older than %s days", count, days)
        return count, count == _VACUUM_LIMIT

    def action_run_again(self):
        """Decide once more and tell whether the record alone gives the same winner."""
        self.ensure_one()
        user_id = self.run_again()
        # sudo: res.users - the name of a colleague in a decision that may be read
        winner = self.env["res.users"].sudo().browse(user_id or []).exists()
        name = winner.name or (self.env._("deleted") if user_id else self.env._("nobody"))
        kind = "warning"
        message = self.env._("The record alone leads to another outcome: %s.", name)
        if (user_id or False) == self.user_id.id:
            kind = "success"
            message = self.env._("The record alone leads to the same outcome: %s.", name)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": kind, "title": self.env._("Decided Again"), "message": message},
        }

    def run_again(self):
        """Decide once more from what the record says was known.

        :return: ``user_id`` of the winner, which is that of the record; ``False`` for nobody.
        """
        self.ensure_one()
        self.check_access("read")
        facts = self.facts or {}
        if self.rule not in ("exclusive", "sticky", "share", "least_load", "offline", "nobody"):
            return self.user_id.id
        if facts.get("agents") is None:
            candidates = [policy.Candidate(**candidate) for candidate in self.candidates or ()]
            ranking = policy.rank(candidates, (facts.get("rules") or {}).get("mode"))
            regular = self.rule in ("exclusive", "sticky") and self.user_id.id
            return regular or (ranking[0].user_id if ranking else False)
        decision = policy.decide(
            [policy.Agent.from_list(agent) for agent in facts["agents"]],
            policy.Rules(**facts["rules"]),
            [policy.Regular(*regular) for regular in facts["regulars"]],
        )
        return decision.winner or False
