from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ...dispatch.ledger import door
from ...tools import addresses, sent
from ...tools.here import read_now

# So long a block that is over is still listed.
_KEPT = timedelta(days=30)

_Buyer = partial(fields.Many2one, index="btree_not_null", ondelete="cascade", readonly=True)


class LivechatDispatchBlock(sent.Guard, models.Model):
    """Who opens no chat with a shop and writes in none: a buyer, or whoever comes from an address.

    It holds for all channels of the shop; for a channel that is no shop's, for that channel.
    ``im_livechat.channel._match_open_to_caller`` says whom it turns away.
    """

    _name = "livechat.dispatch.block"
    _description = "Blocked Buyer"
    _order = "id desc"

    livechat_channel_id = fields.Many2one(
        "im_livechat.channel",
        "Channel",
        required=True,
        index=True,
        ondelete="cascade",
        help="A block holds for all channels of the shop.",
    )
    main_account_id = fields.Many2one(
        related="livechat_channel_id.main_account_id", store=True, index="btree_not_null"
    )
    name = fields.Char("Buyer", readonly=True)
    partner_id = _Buyer("res.partner", "Contact")
    guest_id = _Buyer("mail.guest", "Guest")
    address = fields.Char(
        length_max=50,
        help="An address, such as 203.0.113.7 or 2001:db8::7, or the first part of several, such "
        "as 203.0.113.0/24 or 2001:db8:1:2::/64.",
    )
    reason = fields.Char(length_max=200)
    until = fields.Datetime(
        default=lambda self: read_now(self.env) + timedelta(days=1),
        help="Empty: until it is lifted.",
    )

    _says_whom = models.Constraint(
        "CHECK (num_nonnulls(partner_id, guest_id, address) > 0)",
        "Say who is blocked: an address, or the buyer of a chat.",
    )
    # Whatever wrote it: one that is none would fail each request it is compared with.
    _has_address = models.Constraint(
        "CHECK (address IS NULL OR address::cidr IS NOT NULL)", "This is no address."
    )

    @api.depends("name", "address")
    def _compute_display_name(self):
        for block in self:
            block.display_name = block.name or block.address

    @api.model_create_multi
    def create(self, vals_list):
        blocks = super().create([self._clean(vals) for vals in vals_list])
        blocks._end_chats()
        return blocks

    def write(self, vals):
        result = super().write(self._clean(vals))
        self._end_chats()
        return result

    @api.model
    def _clean(self, vals):
        """Return these values with the address as PostgreSQL reads it."""
        sent.expect(self.env, isinstance(vals, dict))
        address = vals.get("address")
        if not isinstance(address, str) or not address.strip():
            return vals
        clean = door.read_network(address)
        if not clean:
            raise ValidationError(
                self.env._(
                    "%(address)s is no address that can be blocked. Write an address, such as "
                    "203.0.113.7, or the first part of some, such as 203.0.113.0/24.",
                    address=address[:50],
                )
            )
        return {**vals, "address": clean}

    @api.constrains("until")
    def _check_until(self):
        now = read_now(self.env)
        if any(block.until and block.until <= now for block in self):
            raise ValidationError(self.env._("A block ends later than now."))

    def action_lift(self):
        """Let these buyers come again."""
        sent.expect_ids(self)
        self.unlink()
        return True

    @api.autovacuum
    def _gc_blocks(self):
        self.search([("until", "<", read_now(self.env) - _KEPT)]).unlink()

    @api.model
    def _add_buyer(self, chat, vals, by_address):
        """Block who came with a chat; the caller has checked who asks.

        :param chat: with sudo; the other parameters and errors are those of
            ``discuss.channel._block_buyer``.
        :return: the block, with sudo.
        """
        buyer = chat._get_buyer()
        partner = chat.env["res.partner"].browse(buyer.partner_id or ())
        guest = chat.env["mail.guest"].browse(buyer.guest_id or ())
        if not (partner or guest):
            raise UserError(self.env._("This chat has no buyer who could be blocked."))
        if chat._is_colleague(partner):
            raise UserError(self.env._("This buyer works here, and is not blocked."))
        # sudo: livechat.dispatch.block - built here
        return self.sudo().create(
            {
                **vals,
                "livechat_channel_id": chat.livechat_channel_id.id,
                "name": chat._get_buyers_own_name(),
                "partner_id": partner.id,
                "guest_id": guest.id,
                "address": by_address and chat.dispatch_address,
            }
        )

    def _end_chats(self):
        """End what those have open who are blocked: a chat that its buyer may not answer would hold
        a seat, or wait, for nothing."""
        now = read_now(self.env)
        # sudo: livechat.dispatch.block - who blocks is checked
        for block in self.sudo():
            if not block.until or block.until > now:
                block._find_open_chats()._end_by_hand()

    def _find_open_chats(self):
        """Return what is open with the shop of whom this block turns away; with sudo.

        :rtype: discuss.channel
        """
        channels = self.livechat_channel_id
        if owner := self.main_account_id:
            channels = channels.with_context(active_test=False)
            channels = channels.search([("main_account_id", "=", owner.id)])
        shop = Domain("livechat_channel_id", "in", channels.ids)
        shop &= Domain("livechat_end_dt", "=", False)
        chats = channels._find_open_chats(self.partner_id, self.guest_id, shop)
        # Served by discuss_channel__dispatch_quiet_idx: the open chats.
        if self.guest_id:
            chats |= chats.search(shop & Domain("dispatch_guest_id", "=", self.guest_id.id))
        if self.address:
            chats |= chats.search(shop & Domain("dispatch_address", "!=", False)).filtered(
                lambda chat: addresses.is_within(chat.dispatch_address, self.address)
            )
        # People who work here are managed as accounts.
        return chats.filtered(
            lambda chat: not chat._is_colleague(chat.livechat_customer_history_ids.partner_id)
        )
