from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        # sudo: res.users - whether one is a sub-account is known to oneself
        is_subaccount = bool(self.env.user.sudo().main_account_id)
        return {**super().session_info(), "livechat_subaccount": is_subaccount}
