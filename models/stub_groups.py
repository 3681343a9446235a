from odoo import fields, models


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    dispatch_group_ids = fields.One2many("livechat.dispatch.group", "channel_id")

    def _find_dispatch_group(self, buyer):
        return self.env["livechat.dispatch.group"]

    def _get_default_agents(self):
        return self.user_ids


class LivechatDispatchGroup(models.Model):
    _inherit = "livechat.dispatch.group"

    calendar_id = fields.Many2one("resource.calendar")
    required_permission_id = fields.Many2one("livechat.permission")

    def _get_agents(self):
        return self.user_ids & self.channel_id.user_ids
