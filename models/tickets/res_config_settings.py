from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    has_helpdesk = fields.Boolean(compute="_compute_has_helpdesk")

    @api.depends_context("uid")
    def _compute_has_helpdesk(self):
        self.has_helpdesk = self.env["livechat.helpdesk"]._get_tickets() is not None
