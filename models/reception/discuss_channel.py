from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import html2plaintext

from ...dispatch.line import WAITING
from ...tools import sent
from ...tools.here import read_now
from ...tools.sent import without_defaults
from ...tools.turn import OWED

# The longest whisper, and the longest piece of what a buyer wrote that is shown, in characters.
WHISPER_LENGTH = 500
_WORDS_LENGTH = 500
# So many of the buyer's last messages are shown.
_WORDS_COUNT = 5

# What is noted about a chat and moves it nowhere.
_MOVES_NOTHING = ("watch", "whisper", "first")


class DiscussChannel(models.Model):
    """What who watches a shop's reception sees of a chat there, and does with it."""

    _inherit = "discuss.channel"

    # ------------------------------------------------------------
    # See
    # ------------------------------------------------------------

    @api.model
    def get_agent_chats(self, user_id):
        """Return the open chats of one agent on the channels that the caller may watch, the one
        that waits longest for a word first.

        :param user_id: an id of ``res.users``.
        :return: ``[{"id", "name", "page", "words" (the buyer's first), "asked_at", "limit",
            "may_whisper", "may_take"}]``: name and words are false for who may not read the chat;
            ``asked_at`` is since when its buyer waits for a word of this agent, in UTC, false while
            none is owed, and ``limit`` for how many seconds it may, as ``_get_reply_clock`` says;
            the last two are whether somebody else would hear the caller, and whether the caller is
            an agent there who has not got it.
        :raise AccessError: for who neither manages dispatch nor audits.
        """
        sent.expect(self.env, sent.is_record_id(user_id))
        channels = self.env["im_livechat.channel"]._search_reception()
        # sudo: res.users, discuss.channel - an agent's chats on channels that the caller may watch
        agent = self.env["res.users"].sudo().browse(user_id).exists()
        self.flush_model(["dispatch_seat_partner_ids"])
        chats = self.sudo().search(
            [
                ("dispatch_seat_partner_ids", "in", agent.partner_id.ids),
                ("livechat_channel_id", "in", channels.ids),
                ("livechat_end_dt", "=", False),
            ]
        )
        clocks = {chat: chat._get_reply_clock() or {"since": False, "limit": 0} for chat in chats}
        now = fields.Datetime.to_string(read_now(self.env))
        chats = chats.sorted(lambda chat: (clocks[chat]["since"] or now, chat.id))
        # sudo: taken away - only who may read a conversation learns who the buyer is
        readable = chats.with_user(self.env.user)._filtered_access("read")
        words = chats._read_buyers_words(newest=False, count=1)
        user = self.env.user
        names = chats._name_buyers(user._sees_contacts_masked())
        return [
            {
                "id": chat.id,
                "name": chat in readable and names[chat.id],
                "page": chat.dispatch_page or False,
                "words": chat in readable and next(iter(words[chat.id]), ""),
                "asked_at": clocks[chat]["since"],
                "limit": clocks[chat]["limit"],
                "may_whisper": bool(chat.dispatch_seat_partner_ids - user.partner_id),
                "may_take": chat._may_become_agent(user),
            }
            for chat in chats
        ]

    def _may_become_agent(self, user):
        """Tell whether this user serves the channel of this chat, and has not got the chat."""
        staff = self.livechat_channel_id.user_ids | self.livechat_channel_id.main_account_id
        return user in staff and user.partner_id not in self.dispatch_seat_partner_ids

    @api.model
    def _find_mine(self, domain):
        """Return the chats of this domain that the caller has.

        :rtype: discuss.channel
        """
        # Served by livechat_dispatch_seat's index on partner_id.
        # sudo: discuss.channel - one's own chats, which one may read
        chats = self.sudo().search(
            [("dispatch_seat_partner_ids", "in", self.env.user.partner_id.ids), *domain]
        )
        return chats.with_env(self.env)

    @api.model
    def _find_owed(self):
        """Return the open chats in which the caller owes a buyer a word.

        :rtype: discuss.channel
        """
        return self._find_mine(OWED)

    def get_waiting_words(self):
        """Return what the buyer of a chat that waits has written.

        :return: ``{"page", "words": [text, …]}``, the last few in order; ``words`` is false for who
            may not read the chat.
        :raise AccessError: it is not on a channel that the caller may watch.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        channels = self.env["im_livechat.channel"]._search_reception()
        # sudo: discuss.channel - on which channel it is
        chat = self.sudo().exists()
        if not chat or chat.livechat_channel_id not in channels:
            raise AccessError(self.env._("This chat is not on a channel that you may watch."))
        may_read = bool(chat.with_user(self.env.user)._filtered_access("read"))
        words = chat._read_buyers_words(newest=True, count=_WORDS_COUNT)[chat.id]
        return {"page": chat.dispatch_page or False, "words": may_read and words}

    def _read_buyers_words(self, newest, count):
        """Return what the buyers of these chats wrote: ``{chat id: [text, …]}``, in order.

        :param newest: whether the last messages are asked for, or the first.
        :param count: how many of each chat.
        """
        words = {chat.id: [] for chat in self}
        self.env["mail.message"].flush_model()
        # Served by mail_message's index on model and res_id, the index on channel_id of
        # im_livechat_channel_member_history and the primary key of message_attachment_rel.
        self.env.cr.execute(
            """
            SELECT chat.id, said.body, EXISTS (
                       SELECT FROM message_attachment_rel file WHERE file.message_id = said.id
                   )
              FROM unnest(%(ids)s::integer[]) AS chat (id),
                   LATERAL (
                       SELECT message.id, message.body
                         FROM mail_message message
                        WHERE message.model = 'discuss.channel'
                          AND message.res_id = chat.id
                          AND message.message_type = 'comment'
                          AND EXISTS (
                                  SELECT
                                    FROM im_livechat_channel_member_history buyer
                                   WHERE buyer.channel_id = chat.id
                                     AND buyer.livechat_member_type = 'visitor'
                                     AND (buyer.guest_id = message.author_guest_id
                                          OR buyer.partner_id = message.author_id)
                              )
                     ORDER BY message.id * %(direction)s
                        LIMIT %(count)s
                   ) said
          ORDER BY said.id
            """,
            {"ids": self.ids, "direction": -1 if newest else 1, "count": count},
        )
        for chat_id, body, has_file in self.env.cr.fetchall():
            text = html2plaintext(body or "").strip()
            if text or has_file:
                # What was taken back has neither.
                words[chat_id].append(text[:_WORDS_LENGTH] or self.env._("An attachment"))
        return words

    # ------------------------------------------------------------
    # Steer
    # ------------------------------------------------------------

    def _get_steered(self):
        """Return this open dispatched chat with sudo, for who manages the dispatch of its shop and
        may read it.

        :raise AccessError: for anybody else.
        :raise UserError: it has ended.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        # sudo: discuss.channel - whose it is
        chat = self.sudo().exists()
        channel = chat.livechat_channel_id
        if not channel or not self.env.user._manages_dispatch_of(channel.main_account_id):
            raise AccessError(self.env._("Who manages dispatch steers the chats of its shop."))
        self.check_access("read")
        if not chat._is_dispatched():
            raise UserError(self.env._("This channel is dispatched by Odoo itself."))
        if chat.livechat_end_dt:
            raise UserError(self.env._("This chat has ended."))
        return chat

    def _record_steering(self, kind):
        reason = self.env._("By %s", self.env.user.name)
        self._record({"kind": kind, "rule": "by_hand", "reason": reason})

    def action_give_to(self, user_id):
        """Give this chat, which waits or goes on, to an agent of its channel.

        :param user_id: an id of ``res.users``.
        :return: as :meth:`transfer`.
        :raise AccessError: for others than the managers of the shop's dispatch who may read it.
        :raise UserError: when the agent cannot take it now; nothing has changed then.
        """
        self._get_steered()
        return self.transfer("other", user_id=user_id, note=self.env._("Given on Reception"))

    def action_take_back(self):
        """Let this chat, which waited before it was given to an agent by hand, wait again as it
        did: it was the wrong agent, and has not answered yet.

        :raise AccessError: as for :meth:`action_give_to`.
        :raise UserError: there is nothing to be taken back any more.
        """
        chat = self._get_steered()
        chat.lock_for_update()
        moves = chat.dispatch_decision_ids.filtered(lambda row: row.kind not in _MOVES_NOTHING)
        given, waited = (moves.sorted("id", reverse=True)[place : place + 1] for place in (0, 1))
        is_given = given.kind == "transfer" and given.rule == "by_hand"
        if not is_given or waited.kind not in ("queue", "pool"):
            raise UserError(self.env._("This chat has gone on since: it can be transferred."))
        agent = given.user_id
        if chat.dispatch_answered_at:
            raise UserError(
                self.env._("%s has answered already: the chat can be transferred.", agent.name)
            )
        chat._leave(chat.dispatch_seat_partner_ids)
        served = moves.filtered(lambda row: row.user_id and row != given).sorted("id")
        chat.write(
            {
                "dispatch_queued_at": waited.moment - timedelta(seconds=waited.waited_seconds),
                "dispatch_assigned_at": served[-1:].moment,
            }
        )
        chat._forget_wait(given)
        values = {"rule": "by_hand", "reason": self.env._("By %s", self.env.user.name)}
        if waited.kind == "pool":
            told_at = chat.livechat_channel_id.pool_told_at
            chat._enter_pool(values, dispatch_is_told=bool(told_at and told_at >= waited.moment))
        else:
            chat._enter_line(values)
        chat._note_regulars()
        if any(row.kind == "first" and waited.id < row.id for row in chat.dispatch_decision_ids):
            chat._go_before_all()
            chat.livechat_channel_id._send_places(chat.dispatch_group_id)
        return True

    def action_take_over(self):
        """Become the agent of this chat in its agent's place.

        :return: as :meth:`transfer`.
        :raise AccessError: as for :meth:`action_give_to`.
        :raise UserError: the caller is no agent of the channel, or cannot take buyers now.
        """
        channel = self._get_steered().livechat_channel_id
        if self.env.user not in channel.user_ids | channel.main_account_id:
            raise UserError(self.env._("You are no agent of this channel."))
        note = self.env._("Taken over on Reception")
        return self.transfer("other", user_id=self.env.user.id, note=note)

    def action_end_chat(self):
        """End this chat, which an agent has, for its buyer as well.

        :raise AccessError: as for :meth:`action_give_to`.
        """
        chat = self._get_steered()
        if chat.dispatch_state in WAITING:
            return self.action_end_wait()
        chat._record_steering("end")
        chat._end()
        return True

    def action_listen(self):
        """Note that the caller reads along in this chat, before its page opens it.

        :raise AccessError: for who neither manages the shop's dispatch nor audits it, or may not
            read the chat.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        # sudo: discuss.channel - whose it is
        chat = self.sudo().exists()
        if chat.livechat_channel_id not in self.env["im_livechat.channel"]._search_reception():
            raise AccessError(self.env._("This chat is not on a channel that you may watch."))
        self.check_access("read")
        if self.env.user.partner_id not in chat.dispatch_seat_partner_ids:
            chat._record_steering("watch")
        return True

    # ------------------------------------------------------------
    # Whisper
    # ------------------------------------------------------------

    def action_whisper(self, text):
        """Tell the agent of this chat something that its buyer never learns.

        :param text: at most 500 characters.
        :raise AccessError: as for :meth:`action_give_to`.
        :raise UserError: nobody is there to hear it, or there is nothing to hear.
        """
        chat = self._get_steered()
        if not sent.is_text(text, WHISPER_LENGTH) or not text.strip():
            raise UserError(
                self.env._(
                    "Write what the agent should know: at most %s characters.", WHISPER_LENGTH
                )
            )
        agents = chat.dispatch_seat_partner_ids - self.env.user.partner_id
        if not agents:
            raise UserError(self.env._("This chat has no agent who could hear you."))
        # What a caller's context calls a default is no whisper.
        clean = self.with_context(without_defaults(self.env.context))
        # sudo: livechat.whisper - only the server writes it, for who may steer the chat
        clean.env["livechat.whisper"].sudo().create(
            {"discuss_channel_id": chat.id, "user_id": self.env.uid, "body": text.strip()}
        )
        chat._record_steering("whisper")
        for agent in agents:
            # To the agents themselves: whoever else listens to the chat hears nothing.
            agent._bus_send("livechat_dispatch/whisper", {"id": chat.id, "by": self.env.user.name})
        return True

    def get_whispers(self):
        """Return what was whispered to the agents of this chat while it is open.

        :return: ``[{"id", "by", "text", "moment", "is_mine"}]`` in order, UTC; empty for whom it is
            not for. ``is_mine`` tells that it was whispered to the caller.
        :raise AccessError: for who may not read the chat.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        self.check_access("read")
        user = self.env.user
        # sudo: discuss.channel, livechat.whisper - for its agents and who manages its dispatch
        chat = self.sudo()
        if not chat.livechat_channel_id or chat.livechat_end_dt or not user._is_internal():
            return []
        if not chat._is_run_by(user):
            return []
        hears = user.partner_id in chat.dispatch_seat_partner_ids
        # sudo: as above
        whispers = self.env["livechat.whisper"].sudo()
        return [
            {
                "id": whisper.id,
                "by": whisper.user_id.name,
                "text": whisper.body,
                "moment": fields.Datetime.to_string(whisper.moment),
                "is_mine": hears and whisper.user_id != user,
            }
            for whisper in whispers.search([("discuss_channel_id", "=", chat.id)])
        ]

    def action_block(self):
        """Open the dialog that blocks the buyer of an open chat.

        :raise AccessError: for others than the managers of the shop's dispatch.
        """
        self.ensure_one()
        self._get_managed()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "im_livechat_subaccount.livechat_block_buyer_action"
            ),
            "context": {"default_chat_id": self.id},
        }

    def _block_buyer(self, vals, by_address):
        """Block who came with this chat, and end what that buyer has open in the shop.

        :param vals: ``until`` and ``reason`` of the block.
        :param by_address: whether who comes from the same address is blocked as well.
        :raise AccessError: for others than the managers of the shop's dispatch.
        :raise UserError: nobody can be blocked here.
        """
        blocks = self.env["livechat.dispatch.block"]
        blocks._add_buyer(self._get_managed(), vals, by_address)
