from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        """Add when an agent's page lays ended chats aside: minutes after their end."""
        info = super().session_info()
        if info["livechat_agent"]:
            settings = self.env["res.config.settings"]
            info["livechat_laid_aside"] = settings._get_dispatch_laid_aside_minutes()
        return info
