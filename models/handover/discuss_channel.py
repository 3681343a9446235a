from datetime import timedelta
from operator import methodcaller

from odoo import api, fields, models

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.line import WAITING
from ...tools.here import GRACE, gone_since, is_deaf, read_now
from ...tools.turn import ASKED, PROPOSED, SILENT, UNANSWERED, is_asked
from .vacancies import Vacancies

# For each limit of a channel: which channels set it, which chats owe what it limits, since when.
_CLOCKS = {
    "accept_seconds": (("asks_to_accept", "=", True), PROPOSED, "dispatch_proposed_at"),
    "no_reply_seconds": (("no_reply_seconds", ">", 0), UNANSWERED, "dispatch_assigned_at"),
    "silence_seconds": (("silence_seconds", ">", 0), SILENT, "dispatch_assigned_at"),
}

_IS_ASKED = is_asked("chat")


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
            others = chat.dispatch_seat_partner_ids - (leavers or leaver).partner_id
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
                chat._stay_with(others, leaver.partner_id)
            elif not outcome or chat.livechat_channel_id.dispatch_mode == "native":
                chat.livechat_status = "need_help"
            elif outcome.state == "queued":
                chat._enter_line({**outcome.values, **more})
            else:
                chat._keep_for_later(outcome._replace(values={**outcome.values, **more}))

    def _stay_with(self, others, leaver):
        """Let the chat be that of a colleague who was brought in, if it was its agent who left: a
        turn of its own, as after a transfer.

        :param others: the contacts of those who stay seated.
        :param leaver: the contact of who has left.
        """
        if self.livechat_operator_id != leaver:
            return
        agent = self._get_seated(others)[:1]
        if self.dispatch_state != "assigned" or not (agent and self._is_dispatched()):
            self.livechat_operator_id = others[0]
            return
        values = {"kind": "hand_over", "rule": "by_hand", "user_id": agent.id}
        self._record(values, previous_user_id=self._get_seated(leaver)[:1].id)
        self._seat(agent)

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

    def _note_decision(self, decision):
        super()._note_decision(decision)
        if not decision.user_id:
            return
        # Who was chosen by a colleague, or takes messages while nobody is here, is not asked.
        is_asked = (
            self.livechat_channel_id.asks_to_accept
            and decision.kind != "transfer"
            and decision.rule not in ("by_hand", "offline")
        )
        if is_asked or self.dispatch_proposed_at:
            self.dispatch_proposed_at = is_asked and read_now(self.env)

    def _get_tried_agents(self):
        """Return the users who have been this chat's agents."""
        return self.livechat_agent_history_ids.partner_id.with_context(active_test=False).user_ids

    def _get_serving_partner(self):
        """Return who served the buyer of this chat: the agent who wrote last, or, while none has,
        whose it is or was when it ended."""
        self.ensure_one()
        # The last is asked for: a long chat has many words, and whoever asks for one chat may have
        # many at hand. Served by mail_message's index on model and res_id.
        agents = self.livechat_agent_history_ids.partner_id
        said = [("model", "=", self._name), ("res_id", "=", self.id)]
        answered = [*said, ("message_type", "=", "comment"), ("author_id", "in", agents.ids)]
        messages = self.env["mail.message"]
        answer = messages.search(answered, order="date desc, id desc", limit=1)
        if answer:
            return answer.author_id
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
                # Served by discuss_channel__dispatch_unanswered_idx.
                chats = self.search(overdue, order="dispatch_assigned_at, id")
                give = methodcaller("_reassign_if", overdue, since)
                Vacancies(channel).offer(chats, give)

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
        has_asked = bool(self.filtered_domain(ASKED))
        reminded_at = self.dispatch_reminded_at
        if self.livechat_end_dt or self.dispatch_held_until or not (has_asked or reminded_at):
            return False
        channel = self.livechat_channel_id
        limits = [channel.no_reply_seconds, channel.silence_seconds]
        own, other = limits if owes_first else reversed(limits)
        since = max(filter(None, [self.dispatch_asked_at, self.dispatch_assigned_at, reminded_at]))
        return {
            "since": fields.Datetime.to_string(since),
            "limit": 0 if self.dispatch_is_away or not has_asked else own or other,
        }

    def _is_proposed(self):
        return bool(
            self._is_dispatched() and not self.livechat_end_dt and self.filtered_domain(PROPOSED)
        )

    def _get_proposal(self):
        """Return who is asked to accept this chat, and until when.

        :return: ``{"partner_id", "until"}``, a contact and a moment in UTC, false before the
            buyer's first word; ``False`` while nobody is asked.
        :rtype: dict | bool
        """
        self.ensure_one()
        if not self._is_proposed():
            return False
        until = self.dispatch_asked_at and max(
            self.dispatch_asked_at, self.dispatch_proposed_at
        ) + timedelta(seconds=self.livechat_channel_id.accept_seconds)
        return {
            "partner_id": self.livechat_operator_id.id,
            "until": fields.Datetime.to_string(until),
        }

    def _list_clocks_to_store(self):
        """Return what agents' pages show of the clocks by which a chat goes on."""
        clocks = {
            "dispatch_clock": lambda chat: chat._get_reply_clock(),
            "dispatch_proposal": lambda chat: chat._get_proposal(),
            "dispatch_held_until": lambda chat: fields.Datetime.to_string(chat.dispatch_held_until),
        }
        return [
            Store.Attr(
                name,
                # sudo: discuss.channel - whoever reads a chat may know that its buyer waits, that
                # its agent is asked, and until when it rests
                lambda chat, read=read: read(chat.sudo()),
                predicate=lambda chat: chat._is_dispatched(),
            )
            for name, read in clocks.items()
        ]

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
            attributes += self._list_clocks_to_store()
        return attributes

    def _list_told_directly(self):
        # The page of who has just got the chat does not listen to it yet.
        return [*super()._list_told_directly(), *self._list_clocks_to_store()]

    def _sync_field_names(self):
        names = super()._sync_field_names()
        # Core compares what this says before and after each write, and tells the agents' pages.
        names["internal_users"] += self._list_clocks_to_store()
        return names

    def _reassign_if(self, overdue, since):
        """Give this chat to the next agent if it is still overdue.

        :param overdue: the domain it was found by, a while ago.
        :param since: as of :meth:`_reassign`.
        :return: whether it went; ``None`` if it is not overdue any more.
        """
        # An agent who is just answering writes the same row: one of the two is first.
        is_due = self.try_lock_for_update() and self.filtered_domain(overdue)
        return self._reassign(since) if is_due else None

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
            # Nobody else: it stays where it is. Its agent is asked again whether to take it, but
            # owes the word all the same: who has room gets the chat at once.
            if since == "dispatch_proposed_at":
                self.dispatch_proposed_at = read_now(self.env)
            # Said once more, it is no other answer.
            last = self.dispatch_decision_ids.sorted("id")[-1:]
            if kind == "decline" and last.kind != kind:
                self._record(outcome.values, kind=kind, previous_user_id=agent.id)
            return False
        if agent and kind == "reassign" and not self.dispatch_answered_at:
            agent._count_miss()
        self._leave(self.dispatch_seat_partner_ids)
        self._record(outcome.values, kind=kind, previous_user_id=agent.id)
        self._seat(outcome.agent)
        return True

    @api.model
    def _leave_absent_agents(self):
        """Dispatch the chats of agents who have been gone for ``GRACE`` while the last word is the
        buyer's; the others wait for its next message, as what is on hold does, and what came off
        hold: see ``turn.OWED``.

        What nobody takes stays, and so do then all others of its group. Chats whose buyers had the
        last word and that nobody has ended pile up: a decision about each, every minute of a night,
        would let nothing else be done.
        """
        full = set()
        for chat, agent in self._find_absent_agents():
            if chat.dispatch_held_until and chat.dispatch_rests:
                # Its agent has said when to see to it.
                continue
            line = chat.livechat_channel_id, chat.dispatch_group_id
            if line in full and chat.dispatch_seat_partner_ids == agent.partner_id:
                continue
            stays = []
            self.env["im_livechat.channel"]._attempt(
                lambda chat=chat, agent=agent, stays=stays: stays.append(
                    chat._hand_over_if_absent(agent)
                )
            )
            # Nobody gets its own chat, which says nothing of others'.
            if any(stays) and not line[0]._find_users_of(chat._get_buyer()):
                full.add(line)

    @api.model
    def _find_absent_agents(self, chats=None):
        """Return the chats whose last word is the buyer's and whose agents have been gone for
        ``GRACE``, with these agents, those who wait for longest first: for them agents of groups
        above may have joined. An agent whom nobody has seen since the chat is theirs is gone:
        whoever takes buyers has a page open.

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
             WHERE {_IS_ASKED}
               AND chat.livechat_end_dt IS NULL
               AND channel.dispatch_mode != 'native'
               AND chat.dispatch_is_away IS NOT TRUE
               AND agent.count > 0
               AND CASE WHEN agent.seen > 0 THEN agent.gone_since
                        ELSE chat.dispatch_assigned_at END <= %(gone_before)s
               AND (%(chat_ids)s::integer[] IS NULL OR chat.id = ANY(%(chat_ids)s))
          ORDER BY least(
                       chat.dispatch_assigned_at,
                       CASE WHEN chat.dispatch_answered_at IS NULL THEN chat.dispatch_asked_at END
                   ),
                   chat.id,
                   seat.partner_id
            """,
            {
                "now": now,
                "gone_before": now - GRACE,
                "chat_ids": None if chats is None else chats.ids,
            },
        )
        rows = self.env.cr.fetchall()
        # Records of all of them, so that they are read at once.
        chats = self.browse(chat_id for chat_id, _partner_id in rows)
        partners = self.env["res.partner"].browse(partner_id for _chat_id, partner_id in rows)
        return [
            (chat, chat._get_seated(partner)) for chat, partner in zip(chats, partners, strict=True)
        ]

    def _hand_over_if_absent(self, agent):
        """Dispatch this chat if its agent is still absent.

        :return: whether nobody else took it.
        """
        # Found a while ago: meanwhile the agent may have answered, or come back.
        if not (self.try_lock_for_update() and (self, agent) in self._find_absent_agents(self)):
            return False
        self._hand_over(agent, may_stay=True)
        return agent.partner_id in self.dispatch_seat_partner_ids

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
        if self.livechat_end_dt or not self._is_dispatched():
            self._follow_message_for_odoo(message)
            return
        was_told = self.dispatch_is_told
        if not self.dispatch_state and self._is_buyers(message):
            self._take_up()
        self._note_word(message)
        if self.dispatch_told_close_at or self.dispatch_is_closed_silent:
            self._end_silence()
        if self.dispatch_rests and self._is_buyers(message):
            self.dispatch_rests = False
        if self.dispatch_state == "pool":
            if was_told and self._is_buyers(message):
                # A mail has told what was said before, and not this.
                self.dispatch_is_told = False
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
        if is_deaf(self.env):
            return
        absent = self.env["res.users"].union(
            *(agent for _chat, agent in self._find_absent_agents(self))
        )
        if absent and agents <= absent.partner_id:
            self._hand_over(absent[0], leavers=absent, may_stay=True)

    def _take_up(self):
        """Let a chat go by the clocks, now that its buyer writes, which came to its agent past
        dispatch: asked by an agent of the website, opened by another addon, or while Odoo itself
        dispatched here."""
        agent = self._get_seated(self.dispatch_seat_partner_ids & self.livechat_operator_id)
        if agent:
            self.write(
                {
                    "dispatch_state": "assigned",
                    "dispatch_assigned_at": read_now(self.env),
                    # What the agent has said before was no answer to this.
                    "dispatch_answered_at": False,
                }
            )
            self._record({"kind": "assign", "rule": "by_hand", "user_id": agent.id})

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
        elif partner and chat._is_dispatched() and not chat.livechat_end_dt:
            if others := chat.dispatch_seat_partner_ids - partner:
                chat._stay_with(others, partner)
