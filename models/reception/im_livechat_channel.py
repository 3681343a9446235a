from datetime import timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

from ...dispatch import ledger, policy
from ...dispatch.line import number_places
from ...tools import phrase, sent
from ...tools.here import SILENCE, read_now

# Whoever is excluded for one of these takes no part in a group whatever happens by itself.
_NO_PART = frozenset({"disabled", "not_permitted", "missing_permission", "main_account_reserved"})


class ImLivechatChannel(models.Model):
    """What the page *Reception* shows and changes; what it asks is in
    ``im_livechat_channel_picture.py``."""

    _inherit = "im_livechat.channel"

    def unlink(self):
        for part in ("staff", "trees", "bars"):
            self.env["livechat.announcement"]._look_again(self, part)
        return super().unlink()

    @api.model
    def _load_demo_history(self):
        """Give the demo shop a past; called by the demo data, once."""
        # Imported when called: no other database reads it.
        from ...demo import history

        history.load(self.env)

    # ------------------------------------------------------------
    # What the page does
    # ------------------------------------------------------------

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
    def _search_reception(self, domain=(("dispatch_mode", "!=", "native"),)):
        """Return the channels that the caller may watch, with sudo.

        :param domain: which of them; those that are dispatched, if not given.
        :raise AccessError: for who neither manages dispatch nor audits.
        """
        user = self.env.user
        if not user._reads_all_dispatch():
            raise AccessError(
                self.env._("Reception is for those who manage dispatch, and for auditors.")
            )
        domain = list(domain)
        if not user._watches_every_reception():
            # Not only what the record rules let an agent of other channels read.
            domain.append(("main_account_id", "in", user._get_shop_owner().ids))
        # sudo: im_livechat.channel - found with the caller's rights
        return self.search(domain).sudo()

    # ------------------------------------------------------------
    # What the page hears of
    # ------------------------------------------------------------

    @api.model
    def _run_dispatch_timers(self):
        super()._run_dispatch_timers()
        self._attempt(self._mark_gone_quiet)

    @api.model
    def _mark_gone_quiet(self):
        """Let open pages see which chats went quiet since the last minute, as they hold less now,
        and from which agents nothing is heard any more."""
        now = read_now(self.env)
        # Served by discuss_channel__dispatch_quiet_idx.
        self.env.cr.execute(
            """
            SELECT seat.partner_id
              FROM discuss_channel chat
              JOIN livechat_dispatch_seat seat ON seat.discuss_channel_id = chat.id
             WHERE chat.livechat_end_dt IS NULL
               AND chat.channel_type = 'livechat'
               AND chat.last_interest_dt BETWEEN %(since)s AND %(until)s
               AND chat.livechat_channel_id IN (
                       SELECT id FROM im_livechat_channel WHERE dispatch_mode != 'native'
                   )
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
        presences = self.env["mail.presence"].with_context(active_test=False)
        silent = presences.search_fetch(
            [
                ("status", "!=", "offline"),
                ("user_id.livechat_channel_ids", "!=", False),
                ("last_poll", ">=", now - SILENCE - timedelta(minutes=3)),
                ("last_poll", "<=", now - SILENCE),
            ],
            ["user_id"],
        )
        look_again(silent.user_id, "agents")

    # ------------------------------------------------------------
    # Channels, groups and their members
    # ------------------------------------------------------------

    def _read_staff(self, only=None):
        """Read who serves these channels, and what is true of them.

        :param only: ids of the users to read; all, if not given.
        """
        # sudo: livechat.dispatch.group, livechat.subaccount, res.users - of channels that the
        # caller may watch; disabled sub-accounts as well, whom it can enable, and no others
        channels = self.sudo().with_context(active_test=False)
        groups = self.env["livechat.dispatch.group"].sudo()
        groups = groups.search([("channel_id", "in", self.ids)])
        owned = channels.env["livechat.subaccount"].search_fetch(
            [("main_account_id", "in", self.main_account_id.ids)], ["user_id", "main_account_id"]
        )
        takers = channels.filtered(lambda row: row.main_account_participation != "never")
        agents = channels.user_ids.filtered(lambda user: user.active or user.main_account_id)
        user_ids = {*(agents | owned.user_id | takers.main_account_id).ids}
        if only is not None:
            user_ids &= only
        return _Staff(
            groups,
            {channel.id: user_ids.intersection(channel.user_ids.ids) for channel in channels},
            {
                group.id: user_ids.intersection(group.user_ids.ids)
                for group in groups.with_context(active_test=False)
            },
            {row.user_id.id: row.main_account_id.id for row in owned if row.user_id.id in user_ids},
            {agent.user_id: agent for agent in self._read_reception_facts(user_ids)},
        )

    @api.model
    def _read_reception_facts(self, user_ids):
        """Return the :class:`policy.Agent` that each of these users is."""
        self.env.flush_all()
        query = ledger.Query(
            receive_group_id=self._get_receive_group_id(),
            now=read_now(self.env),
            asks_in_call=True,
            user_ids=sorted(user_ids),
        )
        counts = self.env["res.config.settings"]._get_dispatch_ticket_load()
        return ledger.read_agents(self.env.cr, self._ask_for_tickets(query) if counts else query)

    def _describe_reception_channel(self, staff):
        """Return what the page shows of this channel, but its agents themselves.

        :return: ``{"id", "name", "max_sessions" (None: no limit), "main_account_id",
            "is_open" (the channel has opening hours, and this is one of them),
            "groups": [{"id" (0: the default group), "name", "parent_id", "scope", "has_scope",
            "has_buyers" (of its own: it has a scope or is the default group),
            "members": [{"user_id", "reason", "has_part", "paused_here" (in this group only),
            "off_shift"}]}], "spare": [{"user_id", "why"}]}``; the reason is a code of
            ``policy.exclusion``, false for who could take a chat now; ``has_part`` says whether the
            weight counts for the group's shares.
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
            # sudo: resource.calendar - when it is open, for who may watch it
            "is_open": bool(self.calendar_id) and self.sudo().calendar_id._is_working_now(),
            "groups": [
                {
                    "id": group.id or 0,
                    "name": group.name or self._name_default_group(groups),
                    "parent_id": group.parent_id.id,
                    "scope": group.scope_summary or "",
                    "has_scope": bool(group.scope_ids),
                    "has_buyers": not group or bool(group.scope_ids),
                    "members": members[group.id or 0],
                }
                for group in (*groups, groups.browse())
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
            user_id: rows[0][1]
            if len(rows) == 1
            else phrase.enumerate_parts(self.env, (" ".join(row) for row in rows))
            for user_id, rows in shares.items()
        }

    def _describe_members(self, staff):
        """Return who serves each group of this channel: ``{group id: members}``, 0 for the default
        group; see ``_describe_reception_channel``."""
        self.ensure_one()
        channel_user_ids = staff.served[self.id]
        groups = staff.groups.filtered(lambda group: group.channel_id == self)
        # sudo: res.users - their rights, of channels that the caller may watch
        users = self.env["res.users"].sudo()
        default = self.env["livechat.dispatch.group"]
        by_group = {group: staff.grouped[group.id] & channel_user_ids for group in groups}
        in_scope = (user_ids for group, user_ids in by_group.items() if group.scope_ids)
        by_group[default] = channel_user_ids.difference(*in_scope)
        if self.main_account_participation != "never" and self.main_account_id.id in staff.facts:
            by_group[default].add(self.main_account_id.id)
        rules = self._get_dispatch_rules()
        settings = self._read_settings()
        off_shift, _due = self._find_absences(default, settings)
        result = {}
        for group, user_ids in by_group.items():
            away = self._find_absences(group, settings)[0] if group.calendar_id else off_shift
            lacking = self._find_lacking(group, users.browse(user_ids)) if user_ids else ()
            paused = self._find_paused_in(group)
            result[group.id or 0] = [
                self._describe_member(
                    staff.facts[user_id].but(
                        is_main_account=user_id == self.main_account_id.id,
                        missing_permission=user_id in lacking,
                        paused=staff.facts[user_id].paused or user_id in paused,
                        off_shift=staff.facts[user_id].off_shift or user_id in away,
                    ),
                    rules,
                    user_id in paused,
                )
                for user_id in sorted(user_ids)
            ]
        return result

    @api.model
    def _describe_member(self, agent, rules, is_paused_here):
        reason = policy.exclusion(agent, rules)
        stands_in = agent.is_main_account and rules.main_account_participation == "fallback"
        return {
            "user_id": agent.user_id,
            "reason": reason or False,
            "has_part": reason not in _NO_PART and not stands_in,
            "paused_here": is_paused_here,
            "off_shift": agent.off_shift,
        }

    def _describe_spare(self, staff):
        """Return who may receive buyers of this shop and does not: ``[{"user_id", "why"}]``.

        ``why`` is ``disabled``, for somebody who serves this channel or none, or ``no_channel``.
        """
        on_some_channel = set().union(*staff.served.values())
        here = staff.served[self.id]
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
    def _describe_agents(self, facts):
        """Return what the page shows of some users, to whoever may watch them.

        :param facts: ``{user id: policy.Agent}``.
        :return: ``[{"id", "name", "image", "status", "paused", "until", "pause_reason",
            "pause_reason_id", "overloaded", "second_factor_due", "in_call", "enabled", "weight",
            "load"}]``; ``status`` is whether they are here, ``until`` the end of the pause in UTC.
        """
        # sudo: res.users, mail.presence - of channels that the caller may watch
        users = self.env["res.users"].sudo().with_context(active_test=False)
        users = users.search_fetch(
            [("id", "in", sorted(facts))],
            [
                "partner_id",
                "write_date",
                "manual_im_status",
                "dispatch_paused",
                "dispatch_paused_until",
                "dispatch_pause_reason_id",
                "dispatch_overloaded",
                "second_factor_due",
            ],
            order="id",
        )
        # Of hundreds of contacts nothing but what is shown.
        users.partner_id.fetch(["name"])
        rules = self.env["res.config.settings"]._get_load_rules()
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
                    "pause_reason": is_paused and user.dispatch_pause_reason_id.name,
                    "pause_reason_id": is_paused and user.dispatch_pause_reason_id.id,
                    "overloaded": user.dispatch_overloaded,
                    "second_factor_due": user.second_factor_due,
                    "in_call": agent.in_call,
                    "enabled": agent.enabled,
                    "weight": agent.weight,
                    "load": policy.load(agent, rules),
                }
            )
        return described

    # ------------------------------------------------------------
    # Who waits, and today
    # ------------------------------------------------------------

    def _describe_waiting(self):
        """Return who waits on these channels, in order.

        :return: ``[{"id", "channel_id", "group_id", "name" (for who may read the chat), "state",
            "since", "place" (in the line of the group, from 1), "goes_first" (the name of the tag
            by which it does), "excluded"}]``; the last is how many agents its last decision
            excluded for each reason.
        """
        chats = self._search_waiting(self)
        places = {}
        for channel_chats in chats.grouped("livechat_channel_id").values():
            places |= number_places(chat._get_waiting() for chat in channel_chats)
        excluded = self._read_excluded(chats)
        names = chats._name_buyers(self.env.user._sees_contacts_masked())
        return [
            {
                "id": chat.id,
                "channel_id": chat.livechat_channel_id.id,
                "group_id": chat.dispatch_group_id.id or 0,
                "name": names[chat.id],
                "state": chat.dispatch_state,
                "since": fields.Datetime.to_string(chat.dispatch_queued_at),
                "place": places.get(chat.id, False),
                "goes_first": chat.dispatch_goes_first
                and chat.livechat_channel_id.line_first_tag_id.name,
                "excluded": excluded.get(chat.id) or {},
            }
            for chat in chats
        ]

    @api.model
    def _read_excluded(self, chats):
        """Return ``{chat id: how many agents its last decision excluded for each reason}``."""
        # sudo: livechat.dispatch.decision - of channels that the caller may watch
        decisions = self.env["livechat.dispatch.decision"].sudo()
        # What was done to a chat by hand decided nothing.
        decided = [
            ("discuss_channel_id", "in", chats.ids),
            ("kind", "not in", ("first", "watch", "whisper")),
        ]
        rows = decisions._read_group(decided, ["discuss_channel_id"], ["id:max"])
        # Not the facts, which are most of a record.
        records = decisions.search_fetch(
            [("id", "in", [decision_id for _chat, decision_id in rows])],
            ["discuss_channel_id", "excluded_counts"],
        )
        return {decision.discuss_channel_id.id: decision.excluded_counts for decision in records}


class _Staff(NamedTuple):
    """Who serves some channels: one reading for all of them."""

    groups: models.Model
    """All dispatch groups of the channels."""
    served: dict[int, set[int]]
    """``{channel id: ids of its agents, disabled ones as well}``."""
    grouped: dict[int, set[int]]
    """``{group id: user ids}``."""
    owned: dict[int, int]
    """``{id of a sub-account's user: id of its main account}``."""
    facts: dict[int, policy.Agent]
    """By user id."""
