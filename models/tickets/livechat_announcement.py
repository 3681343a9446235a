from odoo import api, models


class LivechatAnnouncement(models.AbstractModel):
    """The tickets of who leaves are handed over as the chats are."""

    _inherit = "livechat.announcement"

    @api.model
    def _agent_leaves(self, agents, successor=None):
        super()._agent_leaves(agents, successor)
        agents._hand_over_tickets(successor=successor)
