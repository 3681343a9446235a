from odoo import fields, models

from ...tools.attributes import leave_to_core
from ...tools.here import read_now


@leave_to_core
class DiscussChannelMember(models.Model):
    """An agent who joins a chat or leaves it has another load, whoever did it."""

    _name = "discuss.channel.member"
    _inherit = ["discuss.channel.member", "livechat.field.mixin"]

    livechat_member_type = fields.Selection(shown="seats")

    def unlink(self):
        # sudo: discuss.channel.member - whose load it is, to tell those who may know
        leaving = self.sudo().filtered(lambda member: member.livechat_member_type == "agent")
        chats, agents = leaving.channel_id, leaving.partner_id
        now = read_now(self.env)
        for chat, members in leaving.grouped("channel_id").items():
            # Before it leaves: the chat may end because of that, and seats nobody then.
            chat._end_turns(members.partner_id, now)
        self.env["livechat.announcement"]._look_again(leaving, "seats")
        result = super().unlink()
        if agents:
            chats._follow_seats(agents.user_ids)
        return result
