from datetime import timedelta
from functools import partial
from math import ceil

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.mail.tools.discuss import Store

from ...dispatch import policy
from ...dispatch.line import WAITING, estimate_wait
from ...tools import phrase, sent
from ...tools.here import GRACE, gone_since, read_now
from ...tools.turn import PROPOSED, SILENT, UNANSWERED

# The longest note that goes with a transfer, in characters.
_NOTE_LENGTH = 500

# Who cannot take a chat for one of these may be expected back at some moment.
_AWAY = frozenset({"offline", "off_shift", "paused"})

# For each limit of a channel: which channels set it, which chats owe what it limits, since when.
_CLOCKS = {
    "accept_seconds": (("asks_to_accept", "=", True), PROPOSED, "dispatch_proposed_at"),
    "no_reply_seconds": (("no_reply_seconds", ">", 0), UNANSWERED, "dispatch_assigned_at"),
    "silence_seconds": (("silence_seconds", ">", 0), SILENT, "dispatch_assigned_at"),
}


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    def _hand_over(self, leaver, successor=None, leavers=None, may_stay=False, reason=False):
        """Let another agent take over these chats.

        With nobody free the chat waits in line or in the pool; it does not end because its agent
        left.

        :param leaver: the user who leaves the chats.
        :param successor: the user who takes them all; without one each is dispatched again.
        :param leavers: all the users who leave at the same time; none of them gets a chat.
        :param may_stay: the leaver is merely absent, and keeps a chat that nobody else takes.
        :param reason: why, for the record, where somebody chose it.
        """
        more = {"previous_user_id": leaver.id, "reason": reason}
        for chat in self:
            others = chat.dispatch_seat_partner_ids - leaver.partner_id
            outcome = None
            if not successor and not others:
                declined = (leavers or leaver).ids
                outcome = chat._dispatch_again(leaver, declined, givers=chat._get_givers())
            agent = successor or (outcome and outcome.agent)
            waits = outcome and outcome.state in WAITING
            if may_stay and not (agent or others or waits):
                continue
            chat._leave(leaver.partner_id)
            if agent:
                values = outcome.values if outcome else {"user_id": agent.id, "rule": "by_hand"}
                chat._record({**values, **more}, kind="hand_over")
                chat._seat(agent)
            elif others:
                chat.livechat_operator_id = others[0]
            elif not outcome or chat.livechat_channel_id.dispatch_mode == "native":
                chat.livechat_status = "need_help"
            elif outcome.state == "queued":
                chat._enter_line({**outcome.values, **more})
            else:
                chat._keep_for_later(outcome._replace(values={**outcome.values, **more}))

    def _dispatch_again(self, leaver, declined=(), offline=True, givers=None):
        """Choose another agent for this chat than the one who leaves it.

        :param declined: ids of the users who do not get it either.
        :param offline: whether the rule for when nobody is here may choose.
        :param givers: who gave it away, and gets it only when nobody else could.
        :rtype: models.decision.im_livechat_channel.Outcome | None
        """
        self.ensure_one()
        channel = self.livechat_channel_id
        if not channel:
            return None
        if channel.dispatch_mode == "native":
            agent = channel._get_operator(
                lang=self.livechat_lang_id.code,
                country_id=self.country_id.id,
                expertises=self.livechat_expertise_ids,
                users=channel.user_ids - leaver - leaver.browse(declined),
            )
            return channel._make_outcome(agent)
        # A decision reads what is committed; that somebody leaves is about to be.
        givers = leaver.browse() if givers is None else givers
        declined = {*leaver.ids, *declined}
        return channel._dispatch_but(givers, self, declined=declined, offline=offline)

    def _get_tried_agents(self):
        """Return the users who have been this chat's agents."""
        return self.livechat_agent_history_ids.partner_id.with_context(active_test=False).user_ids

    def _get_serving_partner(self):
        """Return who served the buyer of this chat: the agent who wrote last, or, while none has,
        whose it is or was when it ended."""
        self.ensure_one()
        agents = self.livechat_agent_history_ids.partner_id
        answers = self.message_ids.filtered(
            lambda message: message.message_type == "comment" and message.author_id in agents
        ).sorted(lambda message: (message.date, message.id))
        if answers:
            return answers[-1:].author_id
        # A chat that has ended seats nobody.
        given = self.dispatch_decision_ids.filtered("user_id").sorted("id")
        return self.dispatch_seat_partner_ids[:1] or given[-1:].user_id.partner_id

    @api.model
    def _reassign_unanswered(self):
        """Give chats whose agents owe a word for too long to the next agents; see
        ``no_reply_seconds`` for the first word of a turn, ``silence_seconds`` for later ones and
        ``accept_seconds`` for whether an agent takes the chat. The time runs from when the chat is
        the agent's, or from when the buyer asked or the chat came off hold, if that is later.

        Late is as good as in time: what counts is what is true when this runs.
        """
        for name, (is_set, _owes, since) in _CLOCKS.items():
            for channel in self.env["im_livechat.channel"].search(
                [is_set, ("dispatch_mode", "!=", "native")]
            ):
                overdue = self._get_overdue(channel, name)
                for chat in self.search(overdue, order="dispatch_assigned_at, id"):
                    channel._attempt(partial(chat._reassign_if, overdue, since))

    @api.model
    def _get_overdue(self, channel, name):
        """Return the domain of the chats whose agents owe a word for too long.

        :param name: the field of the channel that says how many seconds.
        """
        _is_set, owes, since = _CLOCKS[name]
        asked_before = read_now(self.env) - timedelta(seconds=channel[name])
        return [
            *owes,
            ("livechat_channel_id", "=", channel.id),
            ("livechat_end_dt", "=", False),
            ("dispatch_is_away", "=", False),
            ("dispatch_held_until", "=", False),
            (since, "<=", asked_before),
            ("dispatch_asked_at", "<=", asked_before),
            *("|", ("dispatch_reminded_at", "=", False)),
            ("dispatch_reminded_at", "<=", asked_before),
        ]

    def _get_reply_clock(self):
        """Return since when the agent of this chat owes its buyer a word, and how long the shop
        lets it: the two clocks of :meth:`_reassign_unanswered`. A chat that came off hold is owed
        one as well, whoever wrote last.

        :return: ``{"since", "limit"}``, a moment in UTC and seconds; ``False`` while no word is
            owed, and on hold. Where a shop limits only one kind of word, its limit is a measure for
            the other as well; 0: no limit, also while the agent is not expected to answer soon.
        :rtype: dict | bool
        """
        self.ensure_one()
        owes_first = bool(self.filtered_domain(UNANSWERED))
        is_asked = owes_first or bool(self.filtered_domain(SILENT))
        reminded_at = self.dispatch_reminded_at
        if self.livechat_end_dt or self.dispatch_held_until or not (is_asked or reminded_at):
            return False
        channel = self.livechat_channel_id
        limits = [channel.no_reply_seconds, channel.silence_seconds]
        own, other = limits if owes_first else reversed(limits)
        since = max(filter(None, [self.dispatch_asked_at, self.dispatch_assigned_at, reminded_at]))
        return {
            "since": fields.Datetime.to_string(since),
            "limit": 0 if self.dispatch_is_away or not is_asked else own or other,
        }

    def _get_reply_clock_to_store(self):
        return Store.Attr(
            "dispatch_clock",
            # sudo: discuss.channel - whoever reads a chat may know that its buyer waits
            lambda chat: chat.sudo()._get_reply_clock(),
            predicate=lambda chat: chat._is_dispatched(),
        )

    def _get_hold_to_store(self):
        return Store.Attr(
            "dispatch_held_until",
            # sudo: discuss.channel - whoever reads a chat may know until when it rests
            lambda chat: fields.Datetime.to_string(chat.sudo().dispatch_held_until),
            predicate=lambda chat: chat._is_dispatched(),
        )

    def _get_reopens_to_store(self):
        return Store.Attr(
            "dispatch_reopens",
            # sudo: discuss.channel - a buyer may know that the own chat opens again
            lambda chat: not chat.livechat_end_dt or chat.sudo()._reopens(),
            # sudo: as above
            predicate=lambda chat: (
                chat.channel_type == "livechat" and chat.sudo().dispatch_is_closed_silent
            ),
        )

    def _to_store_defaults(self, target):
        attributes = [*super()._to_store_defaults(target), self._get_reopens_to_store()]
        if target.is_internal(self.env):
            attributes += [self._get_reply_clock_to_store(), self._get_hold_to_store()]
        return attributes

    def _list_told_directly(self):
        return [*super()._list_told_directly(), self._get_reply_clock_to_store()]

    def _sync_field_names(self):
        names = super()._sync_field_names()
        # Core compares what this says before and after each write, and tells the agents' pages.
        names["internal_users"] += [self._get_reply_clock_to_store(), self._get_hold_to_store()]
        return names

    def _reassign_if(self, overdue, since):
        """Give this chat to the next agent if it is still overdue.

        :param overdue: the domain it was found by, a while ago.
        :param since: as of :meth:`_reassign`.
        :return: whether it went.
        """
        # An agent who is just answering writes the same row: one of the two is first.
        return bool(
            self.try_lock_for_update() and self.filtered_domain(overdue) and self._reassign(since)
        )

    def _reassign(self, since="dispatch_assigned_at", kind="reassign"):
        """Give this chat, which its agent has not answered, to the next one.

        :param since: the field that says when the clock began.
        :param kind: of the decision's record.
        :return: whether it went.
        """
        self.ensure_one()
        # Before a colleague who looks in.
        seated = self._get_seated().sorted(
            lambda agent: agent.partner_id != self.livechat_operator_id
        )
        agent = seated[:1]
        tried = self._get_tried_agents()
        # No agent loses a chat to one who is not here; who has gone, _leave_absent_agents sees to.
        offline = not agent
        outcome = self._dispatch_again(agent, declined=tried.ids, offline=offline)
        if not outcome:
            return False
        if not outcome.agent and len(tried) > 1:
            # All have been tried: once more from the beginning, but not the same at once.
            outcome = self._dispatch_again(agent, offline=offline)
        if not outcome.agent:
            # Nobody else: it stays where it is, and the clock starts again.
            self[since] = read_now(self.env)
            return False
        if agent and kind == "reassign" and not self.dispatch_answered_at:
            agent._count_miss()
        self._leave(self.dispatch_seat_partner_ids)
        self._record(outcome.values, kind=kind, previous_user_id=agent.id)
        self._seat(outcome.agent)
        return True

    @api.model
    def _leave_absent_agents(self):
        """Dispatch the chats of agents who have been gone for ``GRACE`` and owe a word; the others
        wait for the buyer's next message, as what is on hold does."""
        for chat, agent in self._find_absent_agents():
            if chat.dispatch_held_until and chat.dispatch_rests:
                # Its agent has said when to see to it.
                continue
            self.env["im_livechat.channel"]._attempt(partial(chat._hand_over_if_absent, agent))

    @api.model
    def _find_absent_agents(self, chats=None):
        """Return the chats whose last word is the buyer's and whose agents have been gone for
        ``GRACE``, with these agents. An agent whom nobody has seen since the chat is theirs is
        gone: whoever takes buyers has a page open.

        :param chats: only of these.
        :rtype: list[tuple[discuss.channel, res.users]]
        """
        self.env.flush_all()
        now = read_now(self.env)
        # Served by discuss_channel__dispatch_unanswered_idx, livechat_dispatch_seat_pkey, the index
        # of res_users on partner_id and the unique one of mail_presence.
        self.env.cr.execute(
            f"""
            SELECT chat.id, seat.partner_id
              FROM discuss_channel chat
              JOIN livechat_dispatch_seat seat ON seat.discuss_channel_id = chat.id
              JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id,
                   LATERAL (
                       SELECT count(*) AS count,
                              count(presence.id) AS seen,
                              {gone_since()} AS gone_since
                         FROM res_users users
                    LEFT JOIN mail_presence presence
                           ON presence.user_id = users.id AND users.active
                        WHERE users.partner_id = seat.partner_id
                   ) agent
             WHERE chat.dispatch_state = 'assigned'
               AND chat.dispatch_asked_at IS NOT NULL
               AND chat.livechat_end_dt IS NULL
               AND channel.dispatch_mode != 'native'
               AND chat.dispatch_is_away IS NOT TRUE
               AND agent.count > 0
               AND CASE WHEN agent.seen > 0 THEN agent.gone_since
                        ELSE chat.dispatch_assigned_at END <= %(gone_before)s
               AND (%(chat_ids)s::integer[] IS NULL OR chat.id = ANY(%(chat_ids)s))
          ORDER BY chat.id, seat.partner_id
            """,
            {
                "now": now,
                "gone_before": now - GRACE,
                "chat_ids": None if chats is None else chats.ids,
            },
        )
        partners = self.env["res.partner"]
        return [
            (chat := self.browse(chat_id), chat._get_seated(partners.browse(partner_id)))
            for chat_id, partner_id in self.env.cr.fetchall()
        ]

    def _hand_over_if_absent(self, agent):
        # Found a while ago: meanwhile the agent may have answered, or come back.
        if self.try_lock_for_update() and (self, agent) in self._find_absent_agents(self):
            self._hand_over(agent, may_stay=True)

    def _message_post_after_hook(self, message, msg_vals):
        result = super()._message_post_after_hook(message, msg_vals)
        if self.channel_type == "livechat" and message.message_type == "comment":
            # sudo: discuss.channel, res.users - dispatch follows every message, whoever wrote it
            self.sudo()._follow_message(message.sudo())
        return result

    def _follow_message(self, message):
        """Follow what a message means for dispatch."""
        if self.livechat_end_dt and self.dispatch_is_closed_silent:
            self._reopen_by(message)
        if self.livechat_end_dt or self.livechat_channel_id.dispatch_mode in (False, "native"):
            return
        self._note_word(message)
        if self.dispatch_told_close_at or self.dispatch_is_closed_silent:
            self._end_silence()
        if self.dispatch_rests and self._is_buyer(message.author_guest_id or message.author_id):
            self.dispatch_rests = False
        if self.dispatch_state == "pool":
            self.livechat_channel_id._tell_of_messages()
        if self.dispatch_state != "assigned":
            return
        agents = self.dispatch_seat_partner_ids
        if message.author_id in agents:
            author = message.author_id.user_ids.filtered("dispatch_miss_count")
            if author:
                author.dispatch_miss_count = 0
            if self.dispatch_reminded_at:
                self.dispatch_reminded_at = False
            if self.dispatch_reply_email:
                self._note_answer()
            return
        absent = self.env["res.users"].union(
            *(agent for _chat, agent in self._find_absent_agents(self))
        )
        if absent and agents <= absent.partner_id:
            self._hand_over(absent[0], leavers=absent, may_stay=True)

    def _action_unfollow(self, partner=None, guest=None, post_leave_message=True):
        # sudo: discuss.channel, res.partner - who is seated, and whose name the buyer knows
        chat = self.sudo()
        partner = partner and partner.sudo()
        ends = (
            bool(partner)
            and chat._is_dispatched()
            and not chat.livechat_end_dt
            and partner in chat.dispatch_seat_partner_ids
            and chat.member_count == 2
        )
        # Core says in the agent's language that it has left a channel.
        super()._action_unfollow(partner, guest, post_leave_message and not ends)
        if ends:
            name = partner.user_livechat_username or partner.name
            chat._say_as_desk(chat._get_buyers_env()._("%s has ended the chat", name))

    def _check_transfer(self):
        """Refuse whoever may not give this chat away.

        :raise AccessError: for others than its agents and the managers of its shop's dispatch.
        """
        self.ensure_one()
        self.check_access("read")
        user = self.env.user
        # sudo: discuss.channel - who is seated
        chat = self.sudo()
        if chat.channel_type != "livechat" or chat.livechat_end_dt:
            raise UserError(self.env._("Only an open live chat can be transferred."))
        if chat.livechat_channel_id.dispatch_mode in (False, "native"):
            raise UserError(self.env._("This channel is dispatched by Odoo itself."))
        if user._manages_dispatch_of(chat.livechat_channel_id.main_account_id):
            return
        if user.partner_id not in chat.dispatch_seat_partner_ids:
            raise AccessError(self.env._("Only the agent of a chat can transfer it."))
        if user._is_shop_staff() and not user.has_group(
            "im_livechat_subaccount.group_transfer_chats"
        ):
            raise AccessError(self.env._("Your role does not let you transfer chats."))

    def get_transfer_targets(self):
        """Return to whom this chat can be transferred.

        :return: ``{"agents": [{"id", "name", "online", "paused", "load", "capacity", "free",
            "able", "why", "until", "soon"}], "groups": [{"id", "name", "free"}], "promised"}``, who
            can take it first. ``free`` is how many chats fit, ``None`` for no limit; ``why`` says,
            to follow the name, why one is not able; ``until`` is when one is back from a pause,
            time off or between shifts, UTC; ``soon`` between how many seconds, and how many, one
            who is full will probably have room; all three are false where there is nothing to say.
            ``promised`` names who gets the chat when there is room, false for nobody.
        """
        self._check_transfer()
        # sudo: im_livechat.channel - an agent sees its colleagues' load, which is what this is for
        channel = self.sudo().livechat_channel_id
        rules = channel._get_dispatch_rules()
        here = self.sudo().dispatch_seat_partner_ids.user_ids
        # sudo: discuss.channel, res.users - the group's permission, and the names of colleagues
        out = {*here.ids, *channel._find_lacking(self.sudo().dispatch_group_id)}
        facts = [
            agent
            for agent in channel._read_dispatch_agents(channel.user_ids | channel.main_account_id)
            if agent.enabled and agent.permitted and agent.user_id not in out
        ]
        # sudo: res.users - as above
        colleagues = self.env["res.users"].sudo().browse([agent.user_id for agent in facts])
        users = {user.id: user for user in colleagues}
        group = self.sudo().dispatch_group_id
        by_hand, complete = channel._judge_receivers(group)
        reasons = {agent.user_id: policy.exclusion(agent, by_hand) for agent in complete(facts)}
        texts = self.env["livechat.dispatch.decision"]._get_reason_texts()
        away = colleagues.filtered(lambda user: reasons[user.id] in _AWAY)
        back = away._find_returns(channel.calendar_id | group.calendar_id)
        now = read_now(self.env)
        # Only where somebody is full it matters how long chats take.
        pace = "at_capacity" in reasons.values() and channel._get_pace(group)
        agents = []
        for agent in facts:
            limit = policy.capacity(rules.max_sessions, agent.weight)
            load = policy.load(agent, rules)
            user = users[agent.user_id]
            agents.append(
                {
                    "id": user.id,
                    "name": user.livechat_username or user.name,
                    "online": agent.online or agent.just_gone,
                    "paused": agent.paused or agent.overloaded,
                    "load": load,
                    "capacity": limit,
                    "free": limit and max(0, int(limit - load)),
                    "able": not reasons[user.id],
                    "why": texts.get(reasons[user.id], False),
                    "until": (moment := back.get(user) or now) > now
                    and fields.Datetime.to_string(moment),
                    "soon": reasons[user.id] == "at_capacity"
                    and self._estimate_room(limit, load, pace),
                }
            )
        agents.sort(
            key=lambda agent: (
                not agent["able"],
                not agent["online"],
                agent["paused"],
                agent["name"],
            )
        )
        able = {agent.user_id for agent in facts if not policy.exclusion(agent, rules)}
        groups = [
            {"id": group.id, "name": group.name, "free": len(able & {*group._get_agents().ids})}
            for group in channel.dispatch_group_ids
        ]
        # sudo: discuss.channel, res.users - the name of the colleague to whom it is promised
        promised = self.sudo().dispatch_promised_id
        return {
            "agents": agents,
            "groups": groups,
            "promised": bool(promised) and (promised.livechat_username or promised.name),
        }

    def _estimate_room(self, limit, load, pace):
        """Return between how many seconds, and how many, an agent with so many chats will probably
        have room for one more; ``False`` where that is not known.

        :param pace: see ``_get_pace``.
        """
        if not pace:
            return False
        mean, deviation, _seats = pace
        # One more than fits has to end for each chat that is too many.
        return list(estimate_wait(ceil(load - limit + 1), (mean, deviation, limit)))

    def transfer(self, reason, user_id=False, group_id=False, note="", when_free=False):
        """Give this chat to a colleague, or to whom dispatch chooses in another group.

        :param reason: one of :meth:`_get_transfer_reasons`.
        :param user_id: the colleague, an agent of the channel with the right to receive buyers.
        :param group_id: the ``livechat.dispatch.group``, when no colleague is named.
        :param note: more about the reason, at most 500 characters.
        :param when_free: whether the colleague, without room now, gets it as soon as there is.
        :return: ``{"state": "assigned" | "promised" | "queued" | "pool", "agent": name}``.
        :raise UserError: when the colleague cannot take the chat now; nothing has changed then.
        """
        self._check_transfer()
        reasons = dict(self._get_transfer_reasons())
        if not isinstance(reason, str) or reason not in reasons:
            raise ValidationError(self.env._("Choose a reason for the transfer."))
        note = note or ""
        if not sent.is_text(note, _NOTE_LENGTH):
            raise ValidationError(
                self.env._("The note is too long: at most %s characters.", _NOTE_LENGTH)
            )
        note = note.strip()
        if reason == "other" and not note:
            raise ValidationError(self.env._("Write down the reason for the transfer."))
        values = {
            "kind": "transfer",
            "reason": phrase.label(self.env, reasons[reason], note) if note else reasons[reason],
        }
        # sudo: discuss.channel - checked above; who may be an agent is checked below
        chat = self.sudo()
        was_in_line, line = chat.dispatch_state == "queued", chat.dispatch_group_id
        if when_free is True and sent.is_record_id(user_id):
            return chat._promise_to_agent(user_id, values, self.env.user)
        if sent.is_record_id(user_id):
            result = chat._transfer_to_agent(user_id, values, self.env.user)
        elif sent.is_record_id(group_id):
            result = chat._transfer_to_group(group_id, values)
        else:
            raise ValidationError(self.env._("Choose a colleague or a group."))
        if was_in_line:
            chat.livechat_channel_id._send_places(line)
        return result

    @api.model
    def _get_transfer_reasons(self):
        """:rtype: list[tuple[str, str]]"""
        return [
            ("wrong_group", self.env._("Another group's matter")),
            ("knowledge", self.env._("A colleague knows more about it")),
            ("language", self.env._("Another language")),
            ("shift_end", self.env._("My shift ends")),
            ("asked", self.env._("The buyer asked for it")),
            ("other", self.env._("Other")),
        ]

    @api.model
    @api.readonly
    def get_transfer_reasons(self):
        """Return the short list of reasons, as ``[[code, text], …]``."""
        return [list(reason) for reason in self._get_transfer_reasons()]

    def _get_receiver(self, user_id):
        """Return the colleague who is to get this chat.

        :raise UserError: who is no agent here, or has it already.
        """
        channel = self.livechat_channel_id
        agent = self.env["res.users"].browse(user_id)
        if agent not in channel.user_ids | channel.main_account_id:
            raise UserError(self.env._("This colleague is no agent of the channel."))
        if agent.partner_id in self.dispatch_seat_partner_ids:
            raise UserError(self.env._("This colleague already has the chat."))
        return agent

    def _transfer_to_agent(self, user_id, values, giver):
        channel = self.livechat_channel_id
        agent = self._get_receiver(user_id)
        above = giver._manages_dispatch_of(channel.main_account_id)
        outcome = channel._dispatch_to(agent, self.dispatch_group_id, ignore_capacity=above)
        if not outcome.agent:
            raise UserError(self._say_why_not(agent, outcome))
        return self._transfer(agent, {**outcome.values, **values, "rule": "by_hand"}, giver)

    def _transfer_to_group(self, group_id, values):
        channel = self.livechat_channel_id
        group = channel.dispatch_group_ids.filtered(lambda group: group.id == group_id)
        if not group:
            raise UserError(self.env._("This group does not belong to the channel."))
        givers = self._get_seated()
        lacking = channel._find_lacking(group)
        # An agent of both groups, without whom the buyer would wait there or be refused.
        stays = group != self.dispatch_group_id and (givers & group._get_agents()).filtered(
            lambda agent: agent.id not in lacking
        )
        self.write({"dispatch_group_id": group.id, "dispatch_by_wish": False})
        declined = self.dispatch_seat_partner_ids.user_ids.ids
        outcome = channel._dispatch(
            self._get_buyer(), chat=self, declined=declined, offline=not stays
        )
        if outcome.agent:
            return self._transfer(outcome.agent, {**outcome.values, **values}, self.env.user)
        if stays:
            agent = stays[0]
            values = {**values, "user_id": agent.id, "rule": "by_hand"}
            self._record(values, previous_user_id=agent.id)
            return {"state": "assigned", "agent": agent.livechat_username or agent.name}
        if outcome.state not in WAITING:
            raise UserError(
                self.env._("Nobody in %(group)s can take the chat now.", group=group.name)
            )
        giver = givers[:1] or self.env.user
        self._record({**outcome.values, **values}, previous_user_id=giver.id)
        self._leave(givers.partner_id)
        if outcome.state == "queued":
            self._enter_line(outcome.values)
        else:
            self._enter_pool(outcome.values)
        return {"state": outcome.state, "agent": False}

    def _transfer(self, agent, values, giver):
        givers = self._get_seated()
        self._record(values, previous_user_id=givers[:1].id or giver[:1].id)
        was_waiting = self.dispatch_state in WAITING
        self._leave(givers.partner_id | self._get_desk_and_bots())
        self._forget_desk()
        self._seat(agent)
        if was_waiting:
            Store(bus_channel=self).add(self, {"dispatch_wait": False}).bus_send()
        return {"state": "assigned", "agent": agent.livechat_username or agent.name}
