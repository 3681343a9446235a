from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

from ...dispatch import ledger, policy
from ...dispatch.line import number_places
from ...dispatch.weights import WEIGHT_MAX, WEIGHT_MIN
from ...tools import sent
from ...tools.here import SILENCE

# The second part of the bus channels of open Reception pages; the first is whose shop it is.
RECEPTION = "livechat_reception"

# Whoever is excluded for one of these takes no part in a group whatever happens by itself.
_NO_PART = frozenset({"disabled", "not_permitted", "missing_permission", "main_account_reserved"})

# A page asks about so many agents at once at most; a browser could send any number.
_ASKED_MAX = 1000

# Where a transaction gathers what open pages have to look at again.
_MARKS = "livechat_reception_marks"


class ImLivechatChannel(models.Model):
    """What the page *Reception* shows and changes."""

    _inherit = "im_livechat.channel"

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        self.env["livechat.announcement"]._look_again(channels, "trees")
        return channels

    def unlink(self):
        for part in ("staff", "trees"):
            self.env["livechat.announcement"]._look_again(self, part)
        return super().unlink()

    @api.model
    def _load_demo_history(self):
        """Give the demo shop a past; called by the demo data, once."""
        # Imported when called: no other database reads it.
        from ...demo import history

        history.load(self.env)

    # ------------------------------------------------------------
    # What the page asks
    # ------------------------------------------------------------

    @api.model
    def get_reception(self):
        """Return all that the page *Reception* shows, in a constant number of queries.

        :return: ``{"channels": […], "agents": […], "figures": {…}, "now", "next_day", "weight_min",
            "weight_max", "may_add_channels", "may_read_chats"}``; see
            ``_describe_reception_channel``, ``_describe_agents`` and ``_get_today_figures`` (with
            text keys, ``"0"`` for all). Times are UTC.
        :rtype: dict
        :raise AccessError: for who neither manages dispatch nor audits.
        """
        channels = self._search_reception()
        staff = channels._read_staff()
        agents = self._describe_agents(staff.user_ids)
        return {
            "channels": [channel._describe_reception_channel(staff) for channel in channels],
            "agents": agents,
            "waiting": channels._describe_waiting(),
            **channels._describe_today(),
            "weight_min": WEIGHT_MIN,
            "weight_max": WEIGHT_MAX,
            "may_add_channels": self.has_access("write"),
            "may_read_chats": self.env.user._has_agent_group()
            or self.env.user._is_reader_of_chats(),
        }

    @api.model
    def get_reception_agents(self, user_ids):
        """Return what is true of these agents now, as far as the caller may watch them.

        :param user_ids: ids of ``res.users``.
        :return: ``{"agents": […], "members": [[channel id, group id, member], …]}``; a member is as
            in ``_describe_reception_channel``.
        :rtype: dict
        """
        sent.expect(self.env, isinstance(user_ids, list) and len(user_ids) <= _ASKED_MAX)
        sent.expect(self.env, all(map(sent.is_record_id, user_ids)))
        channels = self._search_reception()
        staff = channels._read_staff(set(user_ids))
        members = [
            [channel.id, group_id, member]
            for channel in channels
            for group_id, group_members in channel._describe_members(staff).items()
            for member in group_members
        ]
        return {"agents": self._describe_agents(staff.user_ids), "members": members}

    @api.model
    def get_reception_lines(self):
        """Return who waits now and today's figures, as in :meth:`get_reception`.

        :rtype: dict
        """
        channels = self._search_reception()
        return {"waiting": channels._describe_waiting(), **channels._describe_today()}

    def move_dispatch_agent(self, user_id, from_group_id, to_group_id):
        """Take an agent out of one dispatch group of this channel and put it into another.

        :param from_group_id: the group it leaves; 0 or false: it stays where it is.
        :param to_group_id: the group it joins; 0 or false: none.
        :raise AccessError: the channel, the agent or a group is not the caller's to manage.
        :raise UserError: there is no such group or agent here.
        """
        groups = self.env["livechat.dispatch.group"]
        ids = [group_id for group_id in (from_group_id, to_group_id) if group_id]
        sent.expect(self.env, len(self) == 1 and all(map(sent.is_record_id, [user_id, *ids])))
        self.check_access("read")
        if not self.env.user._manages_dispatch_of(self.main_account_id):
            raise AccessError(self.env._("You do not manage the dispatch of this channel."))
        found = groups.search([("id", "in", ids), ("channel_id", "=", self.id)])
        agents = self.with_context(active_test=False).user_ids
        if len(found) != len(set(ids)) or user_id not in agents.ids:
            raise UserError(self.env._("This agent or group is not there any more."))
        # First in, then out: a caller who may do only one of them does nothing.
        for group_id, command in (
            (to_group_id, Command.link(user_id)),
            (from_group_id, Command.unlink(user_id)),
        ):
            if group_id and from_group_id != to_group_id:
                groups.browse(group_id).write({"user_ids": [command]})
        return True

    # ------------------------------------------------------------
    # Who may watch
    # ------------------------------------------------------------

    @api.model
    def _search_reception(self):
        """Return the dispatched channels that the caller may watch, with sudo.

        :raise AccessError: for who neither manages dispatch nor audits.
        """
        user = self.env.user
        if not user._reads_all_dispatch():
            raise AccessError(
                self.env._("Reception is for those who manage dispatch, and for auditors.")
            )
        domain = [("dispatch_mode", "!=", "native")]
        if not user._watches_every_reception():
            # Not only what the record rules let an agent of other channels read.
            domain.append(("main_account_id", "in", user._get_shop_owner().ids))
        # sudo: im_livechat.channel - found with the caller's rights
        return self.search(domain).sudo()

    @api.model
    def _get_reception_bus_channels(self):
        """Return on which bus channels the caller's page hears of changes.

        :rtype: list[tuple]
        """
        user = self.env.user
        if not user._reads_all_dispatch():
            return []
        if not user._watches_every_reception():
            return [(owner, RECEPTION) for owner in user._get_shop_owner()]
        # sudo: im_livechat.channel - whose shops there are, for who sees them all
        owners = self.sudo().search([("main_account_id", "!=", False)]).main_account_id
        return [(target, RECEPTION) for target in (*owners, self._get_shopless_target())]

    @api.model
    def _get_shopless_target(self):
        """Return what stands for the channels that are nobody's shop."""
        return self.env["res.groups"].browse(
            self.env["ir.model.data"]._xmlid_to_res_id("im_livechat.im_livechat_group_manager")
        )

    # ------------------------------------------------------------
    # What the page hears of
    # ------------------------------------------------------------

    @api.model
    def _get_reception_marks(self):
        """Return what this transaction has changed so far: ``{part: ids}``."""
        precommit = self.env.cr.precommit
        if _MARKS not in precommit.data:
            precommit.data[_MARKS] = {
                part: set() for part in ("agents", "partners", "staff", "lines", "trees", "bars")
            }
            # sudo: im_livechat.channel - whose pages look again, whoever changed something
            precommit.add(self.sudo().browse()._send_reception_marks)
        return precommit.data[_MARKS]

    def _send_reception_marks(self):
        marks = self.env.cr.precommit.data.pop(_MARKS)
        for user in self.env["res.users"].browse(marks["bars"]).exists():
            user._bus_send("livechat_dispatch/status", {})
        messages = {}
        for part, record_id, owner_id in self._find_watchers(marks):
            message = messages.setdefault(owner_id, {"agents": [], "lines": False, "tree": False})
            if part == "agents":
                message["agents"].append(record_id)
            else:
                message[part] = True
        if marks["trees"] or any(message["tree"] for message in messages.values()):
            # A shop that is new is not yet listened to by those who see them all.
            messages.setdefault(None, {"agents": [], "lines": False})["tree"] = True
        for owner_id, message in messages.items():
            owner = self.env["res.users"].browse(owner_id)
            # _sendone: channel is safe (a record and a word, which no page can ask for itself)
            self.env["bus.bus"]._sendone(
                (owner if owner_id else self._get_shopless_target(), RECEPTION),
                "livechat_dispatch/reception",
                message,
            )

    @api.model
    def _find_watchers(self, marks):
        """Return whose pages have to look again: ``(part, record id, main account id)``."""
        # Served by the primary keys, res_users' indexes on partner_id and im_livechat_channel's on
        # main_account_id, im_livechat_channel_im_user's on user_id.
        self.env.cr.execute(
            """
            WITH agent AS (
                SELECT id, main_account_id, id = ANY(%(staff)s) AS is_changed
                  FROM res_users
                 WHERE id = ANY(%(agents)s) OR id = ANY(%(staff)s)
                    OR partner_id = ANY(%(partners)s)
            ),
            served (user_id, is_changed, main_account_id) AS (
                SELECT agent.id, agent.is_changed, channel.main_account_id
                  FROM agent
                  JOIN im_livechat_channel_im_user serves ON serves.user_id = agent.id
                  JOIN im_livechat_channel channel ON channel.id = serves.channel_id
                 WHERE channel.dispatch_mode != 'native'
                 UNION
                SELECT agent.id, agent.is_changed, channel.main_account_id
                  FROM agent
                  JOIN im_livechat_channel channel ON channel.main_account_id = agent.id
                 WHERE channel.dispatch_mode != 'native'
            )
            SELECT 'agents', user_id, main_account_id FROM served WHERE NOT is_changed
             UNION
            SELECT 'tree', 0, main_account_id FROM served WHERE is_changed
             UNION
            SELECT 'tree', 0, main_account_id
              FROM agent
             WHERE is_changed AND main_account_id IS NOT NULL
             UNION
            SELECT 'lines', 0, main_account_id
              FROM im_livechat_channel
             WHERE id = ANY(%(lines)s) AND dispatch_mode != 'native'
             UNION
            SELECT 'tree', 0, main_account_id FROM im_livechat_channel WHERE id = ANY(%(trees)s)
            """,
            {part: list(ids) for part, ids in marks.items()},
        )
        return self.env.cr.fetchall()

    @api.model
    def _run_dispatch_timers(self):
        super()._run_dispatch_timers()
        self._attempt(self._mark_gone_quiet)

    @api.model
    def _mark_gone_quiet(self):
        """Let open pages see which chats went quiet since the last minute, as they hold less now,
        and from which agents nothing is heard any more."""
        now = fields.Datetime.now()
        # Served by discuss_channel__dispatch_quiet_idx.
        self.env.cr.execute(
            """
            SELECT seat.partner_id
              FROM discuss_channel chat
              JOIN livechat_dispatch_seat seat ON seat.discuss_channel_id = chat.id
             WHERE chat.livechat_end_dt IS NULL
               AND chat.channel_type = 'livechat'
               AND chat.last_interest_dt BETWEEN %(since)s AND %(until)s
            """,
            # The cron comes late at times; who is looked at twice has lost nothing.
            {
                "since": now - ledger.QUIET_AFTER - timedelta(minutes=3),
                "until": now - ledger.QUIET_AFTER,
            },
        )
        look_again = self.env["livechat.announcement"]._look_again
        partner_ids = [partner_id for (partner_id,) in self.env.cr.fetchall()]
        look_again(self.env["res.partner"].browse(partner_ids), "agents")
        # Served by a scan: those who had a page open in the last hours.
        self.env.cr.execute(
            """
            SELECT user_id
              FROM mail_presence
             WHERE status != 'offline'
               AND user_id IN (SELECT user_id FROM im_livechat_channel_im_user)
               AND last_poll BETWEEN %(since)s AND %(until)s
            """,
            {"since": now - SILENCE - timedelta(minutes=3), "until": now - SILENCE},
        )
        user_ids = [user_id for (user_id,) in self.env.cr.fetchall()]
        look_again(self.env["res.users"].browse(user_ids), "agents")

    # ------------------------------------------------------------
    # Channels, groups and their members
    # ------------------------------------------------------------

    def _read_staff(self, only=None):
        """Read who serves these channels, and what is true of them.

        :param only: ids of the users to read; all, if not given.
        :rtype: _Staff
        """
        # sudo: livechat.dispatch.group, res.users - of channels that the caller may watch
        groups = self.env["livechat.dispatch.group"].sudo()
        groups = groups.search([("channel_id", "in", self.ids)])
        self.env.flush_all()
        cr = self.env.cr
        # Served by the primary keys of both relations, res_users' index on main_account_id.
        cr.execute(
            """
            SELECT channel_id, user_id
              FROM im_livechat_channel_im_user
             WHERE channel_id = ANY(%s)
            """,
            [self.ids],
        )
        served = cr.fetchall()
        cr.execute(
            """
            SELECT livechat_dispatch_group_id, res_users_id
              FROM livechat_dispatch_group_res_users_rel
             WHERE livechat_dispatch_group_id = ANY(%s)
            """,
            [groups.ids],
        )
        grouped = cr.fetchall()
        cr.execute(
            """
            SELECT users.id, users.main_account_id
              FROM res_users users
              JOIN livechat_subaccount subaccount ON subaccount.user_id = users.id
             WHERE users.main_account_id = ANY(%s)
            """,
            [self.main_account_id.ids],
        )
        owned = cr.fetchall()
        owners = {
            channel.main_account_id.id
            for channel in self
            if channel.main_account_participation != "never"
        }
        user_ids = {user_id for _id, user_id in served} | {user_id for user_id, _id in owned}
        user_ids |= owners - {False}
        if only is not None:
            user_ids &= only
        return _Staff(
            groups,
            _gather(served, user_ids),
            _gather(grouped, user_ids),
            {user_id: owner_id for user_id, owner_id in owned if user_id in user_ids},
            {agent.user_id: agent for agent in self._read_reception_facts(user_ids)},
        )

    @api.model
    def _read_reception_facts(self, user_ids):
        """Return what dispatch knows about these users.

        :rtype: list[policy.Agent]
        """
        query = ledger.Query(
            receive_group_id=self._get_receive_group_id(),
            now=fields.Datetime.now(),
            asks_in_call=True,
            user_ids=sorted(user_ids),
        )
        return ledger.read_agents(self.env.cr, query)

    def _describe_reception_channel(self, staff):
        """Return what the page shows of this channel, but its agents themselves.

        :return: ``{"id", "name", "max_sessions" (None: no limit), "main_account_id", "may_manage",
            "groups": [{"id" (0: the default group), "name", "parent_id", "scope", "has_scope",
            "has_buyers" (of its own: it has a scope or is the default group),
            "members": [{"user_id", "reason", "has_part"}]}], "spare": [{"user_id", "why"}]}``; the
            reason is a code of ``policy.exclusion``, false for who could take a chat now;
            ``has_part`` says whether the weight counts for the group's shares.
        :rtype: dict
        """
        self.ensure_one()
        rules = self._get_dispatch_rules()
        members = self._describe_members(staff)
        groups = staff.groups.filtered(lambda group: group.channel_id == self)
        return {
            "id": self.id,
            "name": self.name,
            "mode": self.dispatch_mode,
            "max_sessions": rules.max_sessions or None,
            "main_account_id": self.main_account_id.id,
            "may_manage": self.env.user._manages_dispatch_of(self.main_account_id),
            "groups": [
                {
                    "id": group.id,
                    "name": group.name,
                    "parent_id": group.parent_id.id,
                    "scope": group.scope_summary or "",
                    "has_scope": bool(group.scope_ids),
                    "has_buyers": bool(group.scope_ids),
                    "members": members[group.id],
                }
                for group in groups
            ]
            + [
                {
                    "id": 0,
                    "name": self._name_default_group(groups),
                    "parent_id": False,
                    "scope": "",
                    "has_scope": False,
                    "has_buyers": True,
                    "members": members[0],
                }
            ],
            "spare": self._describe_spare(staff),
        }

    def _name_default_group(self, groups):
        """Return what the default group is called beside these groups of the channel."""
        return self.env._("All other buyers") if groups.scope_ids else self.env._("All buyers")

    def _describe_shares(self, weights, paused=()):
        """Return which part of its group's new buyers goes to each agent, as Reception shows it.

        :param weights: ``{user_id: weight}`` of who gets another weight than is saved.
        :param paused: ids of users who take no part.
        :return: ``{user_id: text}`` of who has a part in a group with buyers of its own; an agent
            of several such groups is told each by its name.
        :rtype: dict[int, str]
        """
        self.ensure_one()
        # sudo: im_livechat.channel - its groups and agents, for who may read the channel
        channel = self.sudo()
        staff = channel._read_staff()
        names = {group.id: group.name for group in staff.groups if group.scope_ids}
        names[0] = channel._name_default_group(staff.groups)
        members = channel._describe_members(staff)
        shares = {}
        for group_id, name in names.items():
            parts = {
                member["user_id"]: weights.get(
                    member["user_id"], staff.facts[member["user_id"]].weight
                )
                for member in members[group_id]
                if member["has_part"] and member["user_id"] not in paused
            }
            total = sum(parts.values())
            for user_id, weight in parts.items():
                shares.setdefault(user_id, []).append((name, f"{100 * weight / total:.1f} %"))
        return {
            user_id: rows[0][1] if len(rows) == 1 else ", ".join(" ".join(row) for row in rows)
            for user_id, rows in shares.items()
        }

    def _describe_members(self, staff):
        """Return who serves each group of this channel: ``{group id: members}``, 0 for the default
        group; see ``_describe_reception_channel``."""
        self.ensure_one()
        channel_user_ids = staff.served.get(self.id, set())
        groups = staff.groups.filtered(lambda group: group.channel_id == self)
        # sudo: res.users - their rights, of channels that the caller may watch
        users = self.env["res.users"].sudo()
        default = self.env["livechat.dispatch.group"]
        by_group, in_scope = {}, set()
        for group in groups:
            user_ids = staff.grouped.get(group.id, set()) & channel_user_ids
            if group.scope_ids:
                in_scope |= user_ids
            by_group[group] = user_ids
        by_group[default] = channel_user_ids - in_scope
        if self.main_account_participation != "never" and self.main_account_id.id in staff.facts:
            by_group[default] = by_group[default] | {self.main_account_id.id}
        rules = self._get_dispatch_rules()
        settings = self._read_settings()
        off_shift, _due = self._find_absences(default, settings)
        result = {}
        for group, user_ids in by_group.items():
            away = self._find_absences(group, settings)[0] if group.calendar_id else off_shift
            lacking = self._find_lacking(group, users.browse(user_ids)) if user_ids else ()
            result[group.id or 0] = [
                self._describe_member(
                    staff.facts[user_id].but(
                        is_main_account=user_id == self.main_account_id.id,
                        missing_permission=user_id in lacking,
                        off_shift=staff.facts[user_id].off_shift or user_id in away,
                    ),
                    rules,
                )
                for user_id in sorted(user_ids)
            ]
        return result

    @api.model
    def _describe_member(self, agent, rules):
        reason = policy.exclusion(agent, rules)
        stands_in = agent.is_main_account and rules.main_account_participation == "fallback"
        return {
            "user_id": agent.user_id,
            "reason": reason or False,
            "has_part": reason not in _NO_PART and not stands_in,
        }

    def _describe_spare(self, staff):
        """Return who may receive buyers of this shop and does not: ``[{"user_id", "why"}]``.

        ``why`` is ``disabled``, for somebody who serves this channel or none, or ``no_channel``.
        """
        on_some_channel = set().union(*staff.served.values()) if staff.served else set()
        here = staff.served.get(self.id, set())
        spare = []
        for user_id, agent in sorted(staff.facts.items()):
            is_ours = staff.owned.get(user_id, -1) == self.main_account_id.id
            if not agent.permitted or not (is_ours or user_id in here):
                continue
            if not agent.enabled and (user_id in here or user_id not in on_some_channel):
                spare.append({"user_id": user_id, "why": "disabled"})
            elif agent.enabled and is_ours and user_id not in on_some_channel:
                spare.append({"user_id": user_id, "why": "no_channel"})
        return spare

    @api.model
    def _describe_agents(self, user_ids):
        """Return what the page shows of these users, whom the caller may watch.

        :return: ``[{"id", "name", "image", "status", "paused", "until", "overloaded", "in_call",
            "enabled", "weight", "load", "may_weigh", "may_pause", "is_subaccount"}]``; ``status``
            is whether they are here, ``until`` the end of the pause in UTC.
        :rtype: list[dict]
        """
        # sudo: res.users, mail.presence - of channels that the caller may watch
        users = self.env["res.users"].sudo().with_context(active_test=False)
        users = users.search_fetch(
            [("id", "in", sorted(user_ids))],
            [
                "name",
                "write_date",
                "manual_im_status",
                "dispatch_paused",
                "dispatch_paused_until",
                "dispatch_overloaded",
                "main_account_id",
            ],
            order="id",
        )
        facts = {agent.user_id: agent for agent in self._read_reception_facts(users.ids)}
        hold = self.env["res.config.settings"]._get_dispatch_quiet_hold()
        may_weigh, may_pause = (set(those.ids) for those in users._find_manageable(self.env.user))
        described = []
        for user in users:
            agent = facts[user.id]
            # What the switch can undo; more chats than wanted is no matter of the switch.
            is_paused, until = user._is_paused(), user.dispatch_paused_until
            described.append(
                {
                    "id": user.id,
                    "name": user.name,
                    "image": f"/web/image/res.users/{user.id}/avatar_128"
                    f"?unique={int(user.write_date.timestamp())}",
                    "status": user._get_livechat_status(),
                    "paused": is_paused,
                    "until": is_paused and until and fields.Datetime.to_string(until),
                    "overloaded": user.dispatch_overloaded,
                    "in_call": agent.in_call,
                    "enabled": agent.enabled,
                    "weight": agent.weight,
                    "load": policy.load(agent, hold),
                    "may_weigh": user.id in may_weigh,
                    "may_pause": user.id in may_pause,
                    "is_subaccount": bool(user.main_account_id),
                }
            )
        return described

    # ------------------------------------------------------------
    # Who waits, and today
    # ------------------------------------------------------------

    def _describe_waiting(self):
        """Return who waits on these channels, in order.

        :return: ``[{"id", "channel_id", "group_id", "name" (false for who may not read the chat),
            "state", "since", "place" (in the line of the group, from 1), "excluded"}]``; the last
            is how many agents its last decision excluded for each reason.
        :rtype: list[dict]
        """
        chats = self._search_waiting(self)
        places = {}
        for channel_chats in chats.grouped("livechat_channel_id").values():
            places |= number_places(chat._get_waiting() for chat in channel_chats)
        # sudo: taken away - only who may read a conversation learns who the buyer is
        readable = chats.with_user(self.env.user)._filtered_access("read")
        last_decisions = self._get_last_decisions(chats)
        waiting = []
        for chat in chats:
            decision = last_decisions.get(chat.id)
            waiting.append(
                {
                    "id": chat.id,
                    "channel_id": chat.livechat_channel_id.id,
                    "group_id": chat.dispatch_group_id.id or 0,
                    "name": chat.name if chat in readable else False,
                    "state": chat.dispatch_state,
                    "since": fields.Datetime.to_string(chat.dispatch_queued_at),
                    "place": places.get(chat.id, False),
                    "excluded": (decision and decision.excluded_counts) or {},
                }
            )
        return waiting

    @api.model
    def _get_last_decisions(self, chats):
        """Return ``{chat id: its last livechat.dispatch.decision}``."""
        # sudo: livechat.dispatch.decision - of channels that the caller may watch
        decisions = self.env["livechat.dispatch.decision"].sudo()
        rows = decisions._read_group(
            [("discuss_channel_id", "in", chats.ids)], ["discuss_channel_id"], ["id:max"]
        )
        # Not the facts, which are most of a record.
        records = decisions.search_fetch(
            [("id", "in", [decision_id for _chat, decision_id in rows])],
            ["discuss_channel_id", "excluded_counts"],
        )
        return {decision.discuss_channel_id.id: decision for decision in records}


class _Staff:
    """Who serves some channels: one reading for all of them."""

    def __init__(self, groups, served, grouped, owned, facts):
        self.groups = groups
        """All dispatch groups of the channels."""
        self.served = served
        """``{channel id: ids of its agents, disabled ones as well}``."""
        self.grouped = grouped
        """``{group id: user ids}``."""
        self.owned = owned
        """``{id of a sub-account's user: id of its main account}``."""
        self.facts = facts
        """``{user id: policy.Agent}``."""

    @property
    def user_ids(self):
        return self.facts.keys()


def _gather(pairs, allowed):
    """Return ``{first: {seconds}}`` of pairs whose second is allowed."""
    gathered = {}
    for first, second in pairs:
        if second in allowed:
            gathered.setdefault(first, set()).add(second)
    return gathered
