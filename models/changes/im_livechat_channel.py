from odoo import api, models


class ImLivechatChannel(models.Model):
    """What is logged of channels."""

    _inherit = "im_livechat.channel"

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        log = self.env["livechat.dispatch.log"]
        rows = log._describe_lives(channels, "create")
        members = log._read_values_of(channels, "user_ids")
        for channel in channels:
            rows += log._describe_difference(channel, "user_ids", set(), members[channel.id])
        log._add_rows(rows)
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
        rows = [{**row, "channel_id": False} for row in log._describe_lives(self, "unlink")]
        # sudo: livechat.dispatch.group - they go with the channel
        for records in (changes, self.sudo().dispatch_group_ids, self):
            log._forget(records)
        result = super().unlink()
        log._add_rows(rows)
        return result
