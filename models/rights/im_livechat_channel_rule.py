from odoo import models


class ImLivechatChannelRule(models.Model):
    _inherit = "im_livechat.channel.rule"

    def write(self, vals):
        result = super().write(vals)
        if "channel_id" in vals:
            # Record rules are checked before a write; this one may have moved the rule elsewhere.
            self.check_access("write")
        return result
