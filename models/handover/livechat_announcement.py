from odoo import api, models


class LivechatAnnouncement(models.AbstractModel):
    """The chats of who leaves are handed over."""

    _inherit = "livechat.announcement"

    @api.model
    def _agent_leaves(self, agents, successor=None):
        super()._agent_leaves(agents, successor)
        agents._hand_over_chats(successor)
