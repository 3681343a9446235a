from datetime import timedelta

from odoo import api, fields, models

# Shorter absences are a lost connection: whoever is back so soon was never away.
_FLAPPING = timedelta(seconds=60)


class MailPresence(models.Model):
    _inherit = "mail.presence"

    livechat_online_since = fields.Datetime()
    livechat_offline_since = fields.Datetime()

    @api.model_create_multi
    def create(self, vals_list):
        presences = super().create(vals_list)
        presences._follow_status()
        return presences

    def write(self, vals):
        before = {presence: presence.status for presence in self}
        result = super().write(vals)
        self.filtered(lambda presence: presence.status != before[presence])._follow_status()
        return result

    def _follow_status(self):
        """Note since when somebody is here or gone; who comes may take those who wait."""
        now = fields.Datetime.now()
        # sudo: res.users - whose presence it is, to tell those who may know
        self.sudo().user_id._mark_reception("agents")
        for presence in self:
            if presence.status == "offline":
                presence.livechat_offline_since = now
                continue
            gone = presence.livechat_offline_since
            if not presence.livechat_online_since or (gone and now - gone > _FLAPPING):
                presence.livechat_online_since = now
            presence.livechat_offline_since = False
            # sudo: res.users - whether it is an agent who comes
            if presence.status == "online" and presence.sudo().user_id.livechat_channel_ids:
                self.env["im_livechat.channel"]._drain_soon()
