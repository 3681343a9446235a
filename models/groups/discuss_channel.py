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

    def _get_buyer(self):
        """Return the :class:`scope.Buyer` of this chat."""
        buyers = self.livechat_customer_history_ids
        return self.livechat_channel_id._make_buyer(
            buyers.partner_id[:1],
            self.dispatch_guest_id or buyers.guest_id[:1],
            lang=self.livechat_lang_id.code,
            country_id=self.country_id.id,
        )
