from odoo import api, models


class IrModel(models.Model):
    _inherit = "ir.model"

    @api.ondelete(at_uninstall=True)
    def _forget_tickets(self):
        """Whoever uninstalls a helpdesk and installs one again has other tickets."""
        helpdesk = self.env["livechat.helpdesk"]
        tickets = helpdesk._get_tickets()
        if tickets is not None and tickets._name in self.mapped("model"):
            helpdesk._forget_helpdesk()
