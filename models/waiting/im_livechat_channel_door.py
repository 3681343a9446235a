import hashlib

from odoo import api, models
from odoo.fields import Domain

from ...dispatch.ledger import door


def _digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class ImLivechatChannel(models.Model):
    """A buyer has one open chat a channel."""

    _inherit = "im_livechat.channel"

    def _join_open_chat(self, session=None):
        """Return the chat that whoever makes this request has open here, empty for none: a buyer
        has one chat a channel. For none, nobody else opens one for this buyer meanwhile.

        :param session: the secret of a browser that has no guest's cookie yet.
        :raise psycopg2.errors.SerializationFailure: the buyer is opening one; Odoo retries.
        :rtype: discuss.channel
        """
        self.ensure_one()
        partner, guest = self._identify_buyer()
        by_session = session and not (partner or guest) and f"session {_digest(session)}"
        if by_session:
            guest = guest.browse(door.find_guest(self.env.cr, self.id, by_session)).exists()
        chat = self._find_open_chats(partner, guest, [("livechat_channel_id", "=", self.id)])[:1]
        joins = chat and partner and partner not in chat.channel_member_ids.partner_id
        if joins or not chat:
            known = [f"{buyer._name} {buyer.id}" for buyer in (partner, guest) if buyer]
            door.claim(self.env.cr, self.id, [*known, *([by_session] if by_session else [])])
        elif by_session:
            # sudo: mail.guest - the same browser: its other tab has opened the chat
            guest.sudo()._set_auth_cookie()
        if joins:
            # Who has signed in since goes on.
            chat._add_members(
                partners=partner,
                create_member_params={"livechat_member_type": "visitor"},
                post_joined_message=False,
            )
        return chat

    @api.model
    def _find_open_chats(self, partner, guest, domain=()):
        """Return the chats that a buyer has open: with the account, or as the guest. What an
        account has said is not shown to a guest, though that was the account's cookie.

        :param domain: which of them.
        :rtype: discuss.channel
        """
        buyer = Domain.FALSE
        for name, person in (("partner_id", partner), ("guest_id", guest)):
            if person:
                buyer |= Domain(name, "=", person.id)
        # Served by the history's indexes on partner_id and guest_id.
        member = Domain("livechat_member_type", "=", "visitor") & Domain("member_id", "!=", False)
        domain = Domain(domain) & Domain("livechat_end_dt", "=", False)
        domain &= Domain("livechat_channel_member_history_ids", "any", buyer & member)
        # sudo: discuss.channel - the buyer's own
        chats = self.env["discuss.channel"].sudo()
        if "is_pending_chat_request" in chats._fields:
            # What an agent of the website has asked a visitor, core cancels for the visitor's own.
            domain &= Domain("is_pending_chat_request", "!=", True)
        return chats.search(domain, order="id desc") if partner or guest else chats

    def _note_session(self, session, guest):
        """Keep which guest the browser with this session has become, for its other tabs."""
        if guest and self.env.user._is_public():
            door.note_guest(self.env.cr, self.id, f"session {_digest(session)}", guest.id)

    @api.autovacuum
    def _gc_buyers(self):
        door.forget(self.env.cr)
