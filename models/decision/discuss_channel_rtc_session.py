from odoo import api, models


class DiscussChannelRtcSession(models.Model):
    """Who is in a call may get no buyers meanwhile."""

    _inherit = "discuss.channel.rtc.session"

    @api.model_create_multi
    def create(self, vals_list):
        sessions = super().create(vals_list)
        self.env["livechat.announcement"]._look_again(sessions.partner_id, "agents")
        return sessions

    def unlink(self):
        if not self:
            # Core cleans up before each of its own decisions, and mostly finds nothing.
            return super().unlink()
        self.env["livechat.announcement"]._look_again(self.partner_id, "agents")
        # sudo: res.partner - where who was in the call serves, whoever ends it
        channels = self.sudo().partner_id.user_ids._get_chat_channels()
        result = super().unlink()
        self.env["livechat.announcement"]._seat_may_be_free(channels)
        return result
