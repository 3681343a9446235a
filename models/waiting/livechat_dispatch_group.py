from odoo import models


class LivechatDispatchGroup(models.Model):
    _inherit = "livechat.dispatch.group"

    def unlink(self):
        # sudo: discuss.channel - whose line gets longer, whoever may delete the group
        waiting = self.env["discuss.channel"].sudo()
        lengthened = waiting.search(
            [
                ("dispatch_group_id", "in", self.ids),
                ("dispatch_state", "=", "queued"),
                ("livechat_end_dt", "=", False),
            ]
        ).livechat_channel_id
        result = super().unlink()
        for channel in lengthened:
            channel._send_places(self.browse())
        return result
