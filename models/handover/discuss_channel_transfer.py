from math import ceil

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.mail.tools.discuss import Store

from ...dispatch import policy
from ...dispatch.line import WAITING, estimate_wait
from ...tools import phrase, sent
from ...tools.here import read_now

# The longest note that goes with a transfer, in characters.
_NOTE_LENGTH = 500

# Who cannot take a chat for one of these may be expected back at some moment.
_AWAY = frozenset({"offline", "off_shift", "paused"})


class DiscussChannel(models.Model):
    """A chat that its agent, or who manages dispatch, gives to a colleague or to another group."""

    _inherit = "discuss.channel"

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
        if not chat._is_dispatched():
            raise UserError(self.env._("This channel is dispatched by Odoo itself."))
        if not chat._is_run_by(user):
            raise AccessError(self.env._("Only the agent of a chat can transfer it."))
        if not (
            user._transfers_chats()
            or user._manages_dispatch_of(chat.livechat_channel_id.main_account_id)
        ):
            raise AccessError(self.env._("Your role does not let you transfer chats."))

    def get_transfer_targets(self):
        """Return to whom this chat can be transferred.

        :return: ``{"agents": [{"id", "name", "online", "paused", "load", "capacity", "free",
            "able", "why", "until", "soon"}], "groups": [{"id", "name", "free"}], "promised",
            "keeper", "is_keeper"}``, who can take it first. ``free`` is how many chats fit,
            ``None`` for no limit; ``why`` says, to follow the name, why one is not able; ``until``
            is when one is back from a pause, time off or between shifts, UTC; ``soon`` between how
            many seconds, and how many, one who is full will probably have room; all three are false
            where there is nothing to say.
            ``promised`` names who gets the chat when there is room, ``keeper`` whose it is until
            then, false for nobody: such a chat cannot be promised. ``is_keeper`` says whether the
            caller is that one.
        """
        self._check_transfer()
        # sudo: im_livechat.channel - an agent sees its colleagues' load, which is what this is for
        channel = self.sudo().livechat_channel_id
        rules = channel._get_dispatch_rules()
        # sudo: discuss.channel, res.partner - who has it or is its buyer, with whatever login
        chat = self.sudo()
        here = chat.dispatch_seat_partner_ids | chat.livechat_customer_history_ids.partner_id
        # sudo: discuss.channel, res.users - the group's permission, and the names of colleagues
        out = {*here.user_ids.ids, *channel._find_lacking(self.sudo().dispatch_group_id)}
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
        # sudo: discuss.channel, res.users - the names of the colleagues who keep it and get it
        promised, keepers = chat.dispatch_promised_id, chat._get_seated()
        keeper = keepers & self.env.user or keepers[:1]
        return {
            "agents": agents,
            "groups": groups,
            "promised": bool(promised) and (promised.livechat_username or promised.name),
            "keeper": bool(keeper) and (keeper.livechat_username or keeper.name),
            "is_keeper": bool(keeper) and keeper == self.env.user,
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
            "reason": self._describe_transfer(reason, note),
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

    def _describe_transfer(self, reason, note):
        """Return why a chat is transferred, in words; of any other reason the note says it all."""
        if reason == "other":
            return note
        words = dict(self._get_transfer_reasons())[reason]
        return phrase.label(self.env, words, note) if note else words

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
        if self._is_buyer(agent.partner_id):
            raise UserError(self.env._("Nobody answers their own chat."))
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
        self._leave(givers.partner_id | self._get_bots())
        self._let_desk_go()
        self._seat(agent)
        if was_waiting:
            Store(bus_channel=self).add(self, {"dispatch_wait": False}).bus_send()
        return {"state": "assigned", "agent": agent.livechat_username or agent.name}
