from odoo import api, models


class ImLivechatChannel(models.Model):
    """What is logged of channels."""

    _inherit = "im_livechat.channel"

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        self.env["livechat.dispatch.log"]._note_created(channels, "user_ids")
        return channels

    def write(self, vals):
        with self.env["livechat.dispatch.log"]._comparing(self, vals):
            return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        # What runs has put weights on agents, who outlive the channel.
        # sudo: livechat.dispatch.change - they go with the channel
        changes = self.env["livechat.dispatch.change"].sudo()
        changes = changes.search([("channel_id", "in", self.ids)])
        changes.filtered(lambda change: change.state == "running")._restore()
        log = self.env["livechat.dispatch.log"]
        log._forget(changes)
        # sudo: livechat.dispatch.group - they go with the channel
        log._forget(self.sudo().dispatch_group_ids)
        with log._deleting(self):
            return super().unlink()
