from odoo import api, models


class DiscussChannelMember(models.Model):
    """An agent who joins a chat or leaves it has another load, whoever did it."""

    _inherit = "discuss.channel.member"

    @api.model_create_multi
    def create(self, vals_list):
        members = super().create(vals_list)
        agents = members._find_agents().partner_id
        self.env["livechat.announcement"]._look_again(agents, "agents")
        return members

    def unlink(self):
        leaving = self._find_agents()
        chats, agents = leaving.channel_id, leaving.partner_id
        self.env["livechat.announcement"]._look_again(agents, "agents")
        result = super().unlink()
        if agents:
            chats._follow_seats(agents.user_ids)
        return result

    def _find_agents(self):
        # sudo: discuss.channel.member - whose load it is, to tell those who may know
        return self.sudo().filtered(
            lambda member: (
                member.channel_id.channel_type == "livechat"
                and member.livechat_member_type == "agent"
            )
        )
