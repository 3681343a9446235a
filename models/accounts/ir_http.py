from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        """Add what the web client has to know about a sub-account."""
        # sudo: res.users - whether one is a sub-account is known to oneself
        user = self.env.user.sudo()
        info = super().session_info()
        return {
            **info,
            # What people chose themselves is theirs.
            "home_action_id": info.get("home_action_id") or user._get_work_page().id,
            "livechat_subaccount": bool(user.main_account_id),
            "livechat_onlooker": user._is_reader_of_chats(),
            "livechat_agent": user._has_agent_group(),
            "livechat_manages_dispatch": user._manages_some_dispatch(),
            "livechat_transfers": user._transfers_chats(),
        }

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        # What a buyer who waits reads on the shop's pages.
        return [*super()._get_translation_frontend_modules_name(), "im_livechat_subaccount"]
