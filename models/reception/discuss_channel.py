from odoo import api, fields, models

from ...dispatch.ledger import QUIET_AFTER

# What Reception shows of a chat that waits, and what today's figures are made of.
_SHOWN_FIELDS = frozenset(
    {
        "dispatch_state",
        "dispatch_group_id",
        "dispatch_queued_at",
        "livechat_end_dt",
        "livechat_failure",
        "livechat_channel_id",
        "name",
    }
)


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    @api.model_create_multi
    def create(self, vals_list):
        chats = super().create(vals_list)
        chats._mark_lines()
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
        shown = _SHOWN_FIELDS & vals.keys()
        if "livechat_channel_id" in vals:
            self._mark_lines()
        result = super().write(vals)
        if shown:
            self._mark_lines()
        if woken:
            # They weigh more from now on.
            # sudo: discuss.channel - who is seated, to tell those who may know
            agents = woken.sudo().dispatch_seat_partner_ids
            self.env["im_livechat.channel"]._get_reception_marks()["partners"].update(agents.ids)
        return result

    def _mark_lines(self):
        # sudo: discuss.channel - which line it is in, to tell those who may know
        chats = self.filtered(lambda chat: chat.channel_type == "livechat").sudo()
        chats.livechat_channel_id._mark_reception("lines")

    def _follow_agents(self, agents):
        agents._mark_reception("agents")
        return super()._follow_agents(agents)
