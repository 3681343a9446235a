from odoo import fields, models

from ...tools.rights import READERS


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    dispatch_guest_id = fields.Many2one(
        "mail.guest",
        "Cookie of the Buyer",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="Who the signed-in buyer of this chat is without signing in.",
    )

    def _identify_buyer(self):
        """Return who the buyer of this chat is, or was before it left: the ``res.partner`` and the
        ``mail.guest``, empty for none; as ``im_livechat.channel`` says it of a request, but for the
        cookie of who was signed in."""
        buyers = self.livechat_customer_history_ids
        return buyers.partner_id[:1], buyers.guest_id[:1]

    def _get_buyer(self):
        """Return the :class:`scope.Buyer` of this chat: who it is, with the cookie, and what
        dispatch looks at."""
        partner, guest = self._identify_buyer()
        return self.livechat_channel_id._make_buyer(
            partner,
            self.dispatch_guest_id or guest,
            lang=self.livechat_lang_id.code,
            country_id=self.country_id.id,
        )
