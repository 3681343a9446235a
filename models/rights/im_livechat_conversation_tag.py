from odoo import fields, models

from ...tools import sent


class ImLivechatConversationTag(sent.Guard, models.Model):
    _inherit = "im_livechat.conversation.tag"

    # To search by it would tell what another shop's conversations are about. Core uses sudo. Agents
    # copy tags, and would be refused what they cannot read.
    conversation_ids = fields.Many2many(groups="im_livechat.im_livechat_group_manager", copy=False)
