from odoo import api, models
from odoo.fields import Domain

from .discuss_channel import NOT_WAITING, WAITS


class DiscussChannelMember(models.Model):
    _inherit = "discuss.channel.member"

    def _search_is_pinned(self, operator, operand):
        pinned = super()._search_is_pinned(operator, operand)
        if self.env.context.get("livechat_dispatch_states") is NOT_WAITING:
            pinned &= Domain("channel_id", "any", ~WAITS)
        return pinned

    @api.autovacuum
    def _gc_unpin_livechat_sessions(self):
        # The buyer has read all there is, and waits for an answer.
        model = self.with_context(livechat_dispatch_states=NOT_WAITING)
        return super(DiscussChannelMember, model)._gc_unpin_livechat_sessions()
