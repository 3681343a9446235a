from odoo import api, fields, models

from ...dispatch.ledger import QUIET_AFTER


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    @api.model_create_multi
    def create(self, vals_list):
        chats = super().create(vals_list)
        self.env["livechat.announcement"]._look_again(chats, "lines")
        return chats

    def write(self, vals):
        woken = self.browse()
        if "last_interest_dt" in vals:
            quiet_before = fields.Datetime.now() - QUIET_AFTER
            woken = self.filtered(
                lambda chat: (
                    chat.channel_type == "livechat"
                    and chat.last_interest_dt
                    and chat.last_interest_dt < quiet_before
                )
            )
        result = super().write(vals)
        # They weigh more from now on.
        # sudo: discuss.channel - who is seated, to tell those who may know
        agents = woken.sudo().dispatch_seat_partner_ids
        self.env["livechat.announcement"]._look_again(agents, "agents")
        return result
