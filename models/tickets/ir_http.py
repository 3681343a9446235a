from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        """Add whether pages offer tickets."""
        return {
            **super().session_info(),
            "livechat_handles_tickets": self.env["livechat.helpdesk"]._handles_tickets(),
        }
