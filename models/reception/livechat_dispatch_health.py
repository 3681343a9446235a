import logging
import socket
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.modules import module
from odoo.tools.misc import clean_context

from ...dispatch import policy
from ...dispatch.ledger import audit, door, forget_credits, read_agents
from ...dispatch.line import IS_IN_LINE
from ...tools.here import SKEW, read_now, read_skew

_logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1)

# The cron runs each minute, and serves who waits.
_CRON_LATE = timedelta(minutes=5)
_UNSERVED = timedelta(minutes=2)

# In so many seconds a seat that has just become free is given to the first of the line, who may
# have waited for long.
_BEING_SERVED = 10

#: What is looked for. Of the last ones there is nothing to mend: they are there to be known.
KINDS = [
    ("ended_wait", "Waits, and has ended"),
    ("lost_agent", "Chat of a former agent"),
    ("seat_without_chat", "Seat without a chat"),
    ("chat_without_seat", "Chat that nobody has"),
    ("unserved", "Waits although somebody has room"),
    ("credit_of_nobody", "Credit of nobody"),
    ("above_capacity", "Agent above capacity"),
    ("long_reservation", "Seat held for over a minute"),
    ("late_cron", "Timer late"),
    ("clock_skew", "Clock differs from the database's"),
    ("lock_wait", "Waits for a lock"),
    ("refused", "Turned away since yesterday"),
]

#: Not wrong by itself: by hand an agent may get more than fits, and doors are there to be closed.
INFORMATION = ("above_capacity", "refused")


class Finding(NamedTuple):
    """What one check has found."""

    found: int
    repaired: int = 0
    detail: str = ""


class LivechatDispatchHealth(models.Model):
    """What cannot be in a shop that is well, looked for every ten minutes and mended as far as it
    can be: a row for each kind.

    That nothing is ever found is the aim; what was found says where to look in the log.
    """

    _name = "livechat.dispatch.health"
    _description = "Dispatch Health"
    _order = "id"
    _rec_name = "kind"

    kind = fields.Selection(KINDS, "What Is Checked", required=True, readonly=True)
    found = fields.Integer("Found", readonly=True, aggregator=None)
    found_times = fields.Integer(
        "Times",
        readonly=True,
        aggregator=None,
        help="In how many checks something was found.",
    )
    repaired = fields.Integer("Repaired", readonly=True, aggregator=None)
    found_at = fields.Datetime("Last Found", readonly=True)
    checked_at = fields.Datetime("Last Checked", readonly=True)
    detail = fields.Char(readonly=True)
    create_date = fields.Datetime("Since")
    is_wrong = fields.Boolean(compute="_compute_is_wrong")

    _one_of_a_kind = models.Constraint("UNIQUE (kind)", "There is one row of each kind.")

    @api.depends("found", "kind")
    def _compute_is_wrong(self):
        for row in self:
            row.is_wrong = row.found > 0 and row.kind not in INFORMATION

    @api.model
    def action_open(self):
        """Check everything and open the page.

        :raise AccessError: not an administrator.
        """
        self.action_check()
        return self.env["ir.actions.act_window"]._for_xml_id(
            "im_livechat_subaccount.livechat_dispatch_health_action"
        )

    @api.model
    def action_check(self):
        """Check everything now, and mend what can be mended.

        :raise AccessError: not an administrator.
        """
        if not self.env.user._is_system():
            raise AccessError(self.env._("Only administrators check the health of dispatch."))
        # As the server: whose mending it is, not whose chats they are.
        self.with_user(SUPERUSER_ID).with_context(clean_context(self.env.context))._check_all()
        return True

    @api.model
    def _check_all(self):
        """Check everything; run by the cron as well. What fails does not hold up the others."""
        channels = self.env["im_livechat.channel"]
        for kind, _label in KINDS:
            channels._attempt(lambda kind=kind: self._check(kind))

    @api.model
    def _check(self, kind):
        row = self.search([("kind", "=", kind)]) or self.create({"kind": kind})
        self.env.flush_all()
        finding = getattr(self, f"_check_{kind}")()
        now = read_now(self.env)
        values = {"found": finding.found, "detail": finding.detail, "checked_at": now}
        if finding.found:
            values["found_at"] = now
            values["found_times"] = row.found_times + 1
        if finding.repaired:
            values["repaired"] = row.repaired + finding.repaired
        if finding.found and kind not in INFORMATION:
            _logger.warning(
                "Health: %s: found %s, repaired %s %s",
                *(kind, finding.found, finding.repaired, finding.detail),
            )
        row.write(values)

    # ------------------------------------------------------------
    # The checks, in the order of KINDS
    # ------------------------------------------------------------

    def _check_ended_wait(self):
        chats = self._lock_chats(audit.find_ended_waits(self.env.cr))
        chats.dispatch_state = False
        return self._describe(chats, len(chats))

    def _check_lost_agent(self):
        users = self.env["res.users"].browse(audit.find_seated_users(self.env.cr))
        lost = users.filtered(lambda user: not user.active) | users._filter_lost()
        chats = self._find_chats_of(lost)
        if chats:
            # Whoever has lost the right leaves the lists of agents as well.
            self.env["im_livechat.channel"]._release_lost_agents()
            lost._hand_over_chats()
            self.env.flush_all()
        return self._describe(chats, len(chats - self._find_chats_of(lost)))

    def _find_chats_of(self, users):
        """Return the chats that dispatch has given to these users, and to no other agent of the
        same contact."""
        chats = self.env["discuss.channel"].search(
            [
                ("dispatch_seat_partner_ids", "in", users.partner_id.ids),
                ("dispatch_state", "=", "assigned"),
                ("livechat_channel_id.dispatch_mode", "!=", "native"),
            ]
        )
        return chats.filtered(lambda chat: chat._get_seated() <= users)

    def _check_seat_without_chat(self):
        chats = self._lock_chats(audit.find_seats_without_chat(self.env.cr))
        self.env.add_to_compute(chats._fields["dispatch_seat_partner_ids"], chats)
        chats.flush_recordset(["dispatch_seat_partner_ids"])
        self.env["livechat.announcement"]._seat_may_be_free()
        return self._describe(chats, len(chats))

    def _check_chat_without_seat(self):
        chats = self._lock_chats(audit.find_chats_without_seat(self.env.cr))
        # The members are there, and their seats are not.
        self.env.add_to_compute(chats._fields["dispatch_seat_partner_ids"], chats)
        chats.flush_recordset(["dispatch_seat_partner_ids"])
        chats.filtered(lambda chat: not chat.dispatch_seat_partner_ids)._hand_over(
            self.env["res.users"]
        )
        self.env.flush_all()
        left = set(audit.find_chats_without_seat(self.env.cr))
        return self._describe(chats, len(set(chats.ids) - left))

    def _check_unserved(self):
        stuck = self._find_unserved()
        if stuck:
            with self._a_moment_later() as later:
                stuck &= stuck.browse(later._find_unserved().ids)
        if not stuck:
            return Finding(0)
        for channel in stuck.livechat_channel_id:
            channel._drain()
        self.env.flush_all()
        return self._describe(stuck, len(stuck - self._find_unserved()))

    @contextmanager
    def _a_moment_later(self):
        """Yield this model as another transaction sees it a moment later."""
        if module.current_test:
            yield self
            return
        time.sleep(_BEING_SERVED)
        with self.env.registry.cursor() as cr:
            yield self.with_env(self.env(cr=cr))

    def _find_unserved(self):
        """Return the buyers who have been first in their line for two minutes while an agent of
        that line had room."""
        stuck = self.env["discuss.channel"]
        waiting_before = read_now(self.env) - _UNSERVED
        waiting = stuck.search(
            [
                *IS_IN_LINE,
                ("dispatch_queued_at", "<", waiting_before),
                ("livechat_channel_id.dispatch_mode", "!=", "native"),
            ]
        )
        for channel, chats in waiting.grouped("livechat_channel_id").items():
            rules = channel._get_dispatch_rules()
            self.env.flush_all()
            agents = read_agents(self.env.cr, channel._get_dispatch_query())
            for group in chats.grouped("dispatch_group_id"):
                first = channel._get_line(group)[:1] & chats
                # As a decision about this very chat sees them: a group has hours, pauses and a
                # permission of its own.
                complete = channel._complete_facts(group, first._get_givers().ids)
                able = {
                    agent.user_id
                    for agent in complete(agents)
                    if not policy.exclusion(agent, rules)
                }
                members = channel._get_member_ids(group.id)
                if able if members is None else able & members:
                    stuck |= first
        return stuck

    def _check_credit_of_nobody(self):
        gone = audit.find_credits_of_nobody(self.env.cr)
        if gone:
            forget_credits(self.env, gone)
        return Finding(len(gone), len(gone), self._list("res.users", gone))

    def _check_above_capacity(self):
        above = self.env["res.users"]
        for channel in self._find_channels():
            rules = channel._get_dispatch_rules()
            for agent in channel._read_dispatch_agents():
                limit = policy.capacity(rules.max_sessions, agent.weight)
                if limit and policy.load(agent, rules) > limit:
                    above |= above.browse(agent.user_id)
        return Finding(len(above), detail=self._shorten(above.mapped("login")))

    def _check_long_reservation(self):
        return Finding(audit.count_long_reservations(self.env.cr))

    def _check_late_cron(self):
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch", raise_if_not_found=False)
        if not cron or not cron.active:
            return Finding(1, detail=self.env._("The timer of dispatch is switched off."))
        late = read_now(self.env) - cron.nextcall
        if late < _CRON_LATE:
            return Finding(0)
        minutes = int(late.total_seconds() // 60)
        return Finding(1, detail=self.env._("Due %s minutes ago.", minutes))

    def _check_clock_skew(self):
        skew = read_skew(self.env.cr)
        if abs(skew) < SKEW:
            return Finding(0)
        return Finding(
            1,
            detail=self.env._(
                "%(machine)s: %(seconds)s seconds.",
                machine=socket.gethostname(),
                seconds=f"{skew.total_seconds():+.0f}",
            ),
        )

    def _check_lock_wait(self):
        return Finding(audit.count_long_waits(self.env.cr))

    def _check_refused(self):
        since = read_now(self.env) - timedelta(days=1)
        return Finding(sum(door.count_refused(self.env.cr, since).values()))

    # ------------------------------------------------------------

    def _find_channels(self):
        return self.env["im_livechat.channel"].search([("dispatch_mode", "!=", "native")])

    def _lock_chats(self, chat_ids):
        """Return these chats but those that somebody is changing just now: they are seen to next
        time."""
        return self.env["discuss.channel"].browse(chat_ids).try_lock_for_update()

    def _describe(self, chats, repaired):
        return Finding(len(chats), repaired, self._list(chats._name, chats.ids))

    def _list(self, model, ids):
        return self._shorten(f"{model} {record_id}" for record_id in ids)

    def _shorten(self, names):
        names = [*names]
        more = ", …" if len(names) > 10 else ""
        return ", ".join(names[:10]) + more

    # ------------------------------------------------------------
    # For programs that watch
    # ------------------------------------------------------------

    @api.model
    def _get_report(self):
        """Return what the last checks have found; for sudo.

        :return: ``{kind: {"found", "found_times", "repaired", "is_wrong", "checked_at"}}``, the
            last in seconds since 1970.
        """
        return {
            row.kind: {
                "found": row.found,
                "found_times": row.found_times,
                "repaired": row.repaired,
                "is_wrong": row.is_wrong,
                "checked_at": int((row.checked_at - _EPOCH).total_seconds()),
            }
            for row in self.search([("checked_at", "!=", False)])
        }

    @api.model
    def _read_metrics(self):
        """Return the same as ``im_livechat.channel._read_metrics`` does; for sudo."""
        report = self._get_report()
        return [
            (
                metric,
                text,
                {(("check", kind),): int(values[name]) for kind, values in report.items()},
            )
            for name, metric, text in (
                ("found", "livechat_health_found", "What the last check has found"),
                ("is_wrong", "livechat_health_wrong", "Whether that is wrong"),
                ("found_times", "livechat_health_found_total", "Checks that found something"),
                ("repaired", "livechat_health_repaired_total", "How much was mended"),
                ("checked_at", "livechat_health_checked_seconds", "When it was, since 1970"),
            )
        ]
