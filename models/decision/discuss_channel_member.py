from odoo import fields, models

from ...tools.attributes import leave_to_core


@leave_to_core
class DiscussChannelMember(models.Model):
    """An agent who joins a chat or leaves it has another load, whoever did it."""

    _name = "discuss.channel.member"
    _inherit = ["discuss.channel.member", "livechat.field.mixin"]

    livechat_member_type = fields.Selection(shown="agents")

    def unlink(self):
        leaving = self._find_agents()
        chats, agents = leaving.channel_id, leaving.partner_id
        self.env["livechat.announcement"]._look_again(leaving, "agents")
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
