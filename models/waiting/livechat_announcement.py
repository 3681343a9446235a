from odoo import api, models


class LivechatAnnouncement(models.AbstractModel):
    """Those who wait are served when somebody may have room."""

    _inherit = "livechat.announcement"

    @api.model
    def _seat_may_be_free(self, channels=None):
        super()._seat_may_be_free(channels)
        self.env["im_livechat.channel"]._drain_soon(channels)
