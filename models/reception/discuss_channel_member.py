from odoo import api, models


class DiscussChannelMember(models.Model):
    """An agent who joins a chat or leaves it has another load, whoever did it."""

    _inherit = "discuss.channel.member"

    @api.model_create_multi
    def create(self, vals_list):
        members = super().create(vals_list)
        members._mark_reception()
        return members

    def unlink(self):
        self._mark_reception()
        return super().unlink()

    def _mark_reception(self):
        # sudo: discuss.channel.member - whose load it is, to tell those who may know
        members = self.sudo().filtered(lambda member: member.channel_id.channel_type == "livechat")
        if members:
            marks = self.env["im_livechat.channel"]._get_reception_marks()
            marks["partners"].update(members.partner_id.ids)
