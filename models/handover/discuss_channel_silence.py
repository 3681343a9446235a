from datetime import timedelta
from functools import partial
from operator import methodcaller

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.ledger import door
from ...tools.here import read_now
from ...tools.rights import READERS

# The buyer is told so long before.
_TOLD_BEFORE = timedelta(hours=1)

# A chat that closed by itself opens again for so long.
_REOPENS_FOR = timedelta(days=7)

# Nobody waits here for anything: an agent has answered, and has had the last word.
_IS_SILENT = [
    ("channel_type", "=", "livechat"),
    ("livechat_end_dt", "=", False),
    ("livechat_failure", "=", "no_failure"),
    ("dispatch_state", "=", "assigned"),
    ("dispatch_asked_at", "=", False),
    ("dispatch_wordless_since", "=", False),
    ("dispatch_held_until", "=", False),
    ("dispatch_reminded_at", "=", False),
    # A colleague is to come.
    ("dispatch_promised_id", "=", False),
    ("livechat_status", "!=", "need_help"),
]


class DiscussChannel(models.Model):
    """A chat in which nobody writes any more closes by itself, and opens again when its buyer
    writes."""

    _inherit = "discuss.channel"

    dispatch_told_close_at = fields.Datetime(
        "Told of the Close At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="When the buyer was told that the chat closes if nobody writes.",
    )
    dispatch_is_closed_silent = fields.Boolean(
        "Opens Again",
        copy=False,
        readonly=True,
        groups=READERS,
        help="A word of its buyer opens the chat again: it closed by itself, or its buyer has come "
        "back to it.",
    )

    @api.model
    def _close_silent(self):
        """Close the chats in which nobody has written for as long as their channel says, and tell
        the buyers of those that are about to be closed."""
        now = read_now(self.env)
        for channel in self.env["im_livechat.channel"].search(
            [("close_after_hours", ">", 0), ("dispatch_mode", "!=", "native")]
        ):
            closes_before = now - timedelta(hours=channel.close_after_hours)
            silent = [*_IS_SILENT, ("livechat_channel_id", "=", channel.id)]
            # A timer that comes late tells late, and closes later.
            told = [
                *silent,
                ("last_interest_dt", "<=", closes_before),
                ("dispatch_told_close_at", "<=", now - _TOLD_BEFORE),
            ]
            untold = [
                *silent,
                ("last_interest_dt", "<=", closes_before + _TOLD_BEFORE),
                ("dispatch_told_close_at", "=", False),
            ]
            # Served by discuss_channel__dispatch_quiet_idx.
            for domain, step in (
                (told, methodcaller("_close_silently")),
                (untold, methodcaller("_tell_of_close")),
            ):
                for chat in self.search(domain, order="last_interest_dt, id"):
                    self.env["im_livechat.channel"]._attempt(partial(chat._do_if, domain, step))

    def _do_if(self, domain, step):
        # Somebody may be just writing.
        if self.try_lock_for_update() and self.filtered_domain(domain):
            step(self)

    def _tell_of_close(self):
        self.dispatch_told_close_at = read_now(self.env)
        self._say_as_desk(
            self._get_buyers_env()._("This chat closes in an hour unless somebody writes")
        )

    def _close_silently(self):
        self.dispatch_is_closed_silent = True
        self.livechat_end_dt = read_now(self.env)
        self._say_as_desk(
            self._get_buyers_env()._("Closed, as nobody has written; write to open it again")
        )
        self._send_end()

    def _get_last_moment(self, end):
        # Nobody had to do with it since the last word.
        return (
            self.dispatch_is_closed_silent
            and self.last_interest_dt
            or super()._get_last_moment(end)
        )

    def _send_end(self):
        Store(bus_channel=self).add(
            self, ["livechat_end_dt", self._get_reopens_to_store()]
        ).bus_send()

    def _list_waiting_to_store(self):
        return [*super()._list_waiting_to_store(), self._get_reopens_to_store()]

    def _reopens(self):
        """Tell whether a word of its buyer opens this chat again."""
        if not (
            self.dispatch_is_closed_silent
            and self.livechat_end_dt
            and self.livechat_end_dt > read_now(self.env) - _REOPENS_FOR
            and self._is_dispatched()
        ):
            return False
        # A buyer has one chat a channel.
        is_here = [("livechat_channel_id", "=", self.livechat_channel_id.id)]
        return not self.livechat_channel_id._find_open_chats(*self._identify_buyer(), is_here)

    def _reopen(self):
        """Open this chat again, without an agent, for a word of its buyer: with it the buyer gets
        one as with a first, the one who answered before if that is how the channel has it."""
        agents = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "agent"
        )
        self._leave(agents.partner_id)
        self.write(
            {
                "livechat_end_dt": False,
                "dispatch_address": self.livechat_channel_id._read_caller_address(),
            }
        )
        self.dispatch_wordless_since = read_now(self.env)
        self._send_end()

    def _has_bot(self, script_id):
        """Tell whether this is a bot with which this chat has begun; where Odoo itself dispatches,
        it may be any.

        :param script_id: what a browser says is a ``chatbot.script``.
        """
        bots = self.livechat_channel_member_history_ids.chatbot_script_id
        return not self._is_dispatched() or script_id in bots.ids

    def _begin_anew(self, script_id):
        """Let the buyer of this chat begin with its bot anew, while no agent has the chat. A chat
        that has ended opens again; that costs its buyer what a new one does, and a buyer has one
        chat a channel.

        :param script_id: as of :meth:`_has_bot`.
        :raise UserError: it may not, and why.
        """
        if not self._is_dispatched():
            return
        channel = self.livechat_channel_id
        if not self._has_bot(script_id) or self.dispatch_seat_partner_ids:
            raise UserError(self.env._("This conversation does not begin anew."))
        if not self.livechat_end_dt:
            channel._expect_welcome("look")
            return
        partner, guest = self._identify_buyer()
        known = [f"{buyer._name} {buyer.id}" for buyer in (partner, guest) if buyer]
        # Another tab may just be opening a chat.
        door.claim(self.env.cr, channel.id, known)
        is_here = [("livechat_channel_id", "=", channel.id)]
        if channel._find_open_chats(partner, guest, is_here):
            raise UserError(self.env._("You have another conversation open: go on there."))
        channel._expect_welcome("chat")
        # Whoever had it has it no more.
        agents = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "agent"
        )
        self._leave(agents.partner_id)
        self.dispatch_address = channel._read_caller_address()

    def _return(self, partner, guest):
        """Return the chat in which a buyer goes on who has come back to this one: itself, which a
        word opens again, or one that the buyer has open with this channel by now."""
        self.ensure_one()
        if not self.livechat_end_dt:
            return self
        channel = self.livechat_channel_id
        is_here = [("livechat_channel_id", "=", channel.id)]
        if others := channel._find_open_chats(partner, guest, is_here):
            return others[0]
        # Who only reads has not changed how it ended.
        self.dispatch_is_closed_silent = True
        self._send_end()
        return self

    def _reopen_by(self, message):
        """Open this chat, which has ended, again if it is its buyer who writes."""
        buyer = message.author_guest_id or message.author_id
        if not self._is_buyer(buyer):
            return
        # Another tab may just be opening a chat.
        door.claim(self.env.cr, self.livechat_channel_id.id, [f"{buyer._name} {buyer.id}"])
        if self._reopens():
            self._reopen()

    def _end_silence(self):
        """Somebody has written."""
        self._forget_told()
        self.dispatch_is_closed_silent = False

    def _seat(self, agent):
        result = super()._seat(agent)
        self._forget_told()
        return result

    def _forget_told(self):
        if self.dispatch_told_close_at:
            self.dispatch_told_close_at = False
