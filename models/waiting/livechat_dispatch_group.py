from odoo import models

from ...dispatch.line import IS_IN_LINE


class LivechatDispatchGroup(models.Model):
    _inherit = "livechat.dispatch.group"

    def unlink(self):
        # sudo: discuss.channel - whose line gets longer, whoever may delete the group
        waiting = self.env["discuss.channel"].sudo()
        waiting = waiting.search([("dispatch_group_id", "in", self.ids), *IS_IN_LINE])
        lengthened = waiting.livechat_channel_id
        result = super().unlink()
        for channel in lengthened:
            channel._send_places(self.browse())
        return result
