from odoo import models


class IrUiMenu(models.Model):
    _inherit = "ir.ui.menu"

    def _load_menus_blacklist(self):
        # Conversations lists the same chats for the same people, and finds them by words.
        find = self.env["ir.model.data"]._xmlid_to_res_id
        menu_id = find("im_livechat.menu_livechat_all_conversations")
        return super()._load_menus_blacklist() + ([menu_id] if menu_id else [])
