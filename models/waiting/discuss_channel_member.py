from odoo import api, models
from odoo.fields import Domain

from .discuss_channel import NOT_WAITING, WAITS


class DiscussChannelMember(models.Model):
    _inherit = "discuss.channel.member"

    @api.model
    def _search(self, domain, *args, **kwargs):
        if self.env.context.get("livechat_dispatch_states") is NOT_WAITING:
            domain = Domain(domain) & ~Domain("channel_id", "any", WAITS)
        return super()._search(domain, *args, **kwargs)

    @api.autovacuum
    def _gc_unpin_livechat_sessions(self):
        # The buyer has read all there is, and waits for an answer.
        model = self.with_context(livechat_dispatch_states=NOT_WAITING)
        return super(DiscussChannelMember, model)._gc_unpin_livechat_sessions()
