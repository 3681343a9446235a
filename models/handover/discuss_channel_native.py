from odoo import models
from odoo.fields import Domain

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.ledger import FORGOTTEN_AFTER
from ...tools.here import read_now

# What would go on by itself, or hold a chat for ever, however long nobody has written in it.
_GOES_ON = (
    "dispatch_held_until",
    "dispatch_is_away",
    "dispatch_mails_turn",
    "dispatch_promised_id",
    "dispatch_proposed_at",
    "dispatch_reminded_at",
    "dispatch_told_close_at",
    "dispatch_wordless_since",
)

#: All that dispatch has to do about an open chat.
TO_DO = (
    *_GOES_ON,
    "dispatch_asked_at",
    "dispatch_promise",
    "dispatch_queued_at",
    "dispatch_rests",
    "dispatch_state",
)

# What agents' pages show of dispatch beside a chat.
_SHOWN = (
    "dispatch_clock",
    "dispatch_held_until",
    "dispatch_proposal",
    "dispatch_title",
    "dispatch_transferable",
)


class DiscussChannel(models.Model):
    """A chat whose channel is given back to Odoo's own dispatch: nobody is asked, reminded or
    hurried by ours any more, and nothing ends by it. What a buyer was promised by mail is mailed
    all the same."""

    _inherit = "discuss.channel"

    def _find_left_to_odoo(self, channels):
        """Return the open chats of these channels about which dispatch may have something to do;
        what lies silent only for what goes on by itself: such chats pile up."""
        lively = Domain("last_interest_dt", ">=", read_now(self.env) - FORGOTTEN_AFTER)
        goes_on = Domain.OR(Domain(name, "!=", False) for name in _GOES_ON)
        # Served by discuss_channel__dispatch_quiet_idx.
        return self.search(
            Domain("livechat_channel_id", "in", channels.ids)
            & Domain("channel_type", "=", "livechat")
            & Domain("livechat_end_dt", "=", False)
            & (lively | goes_on)
        )

    def _leave_to_odoo(self):
        """Forget what dispatch has to do about these chats, and take it from open pages."""
        self.write(dict.fromkeys(TO_DO, False))
        for chat in self:
            Store(bus_channel=chat, bus_subchannel="internal_users").add(
                chat, dict.fromkeys(_SHOWN, False)
            ).bus_send()

    def _follow_message_for_odoo(self, message):
        """Follow what a message means where dispatch has nothing to do about the chat: who was
        promised mails before gets them."""
        # Most were promised none, and nothing more is asked.
        if self.dispatch_reply_email and not self.livechat_end_dt:
            if message.author_id in self.dispatch_seat_partner_ids:
                self._note_answer()
