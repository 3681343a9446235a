from odoo import api, models

from ...tools import sent


class ResUsersSettings(models.Model):
    _inherit = "res.users.settings"

    @api.constrains("livechat_username")
    def _check_lengths(self):
        sent.check_lengths(self, {"livechat_username": 200})
