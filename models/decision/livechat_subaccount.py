from odoo import models
from odoo.exceptions import AccessError, UserError


class LivechatSubaccount(models.Model):
    _inherit = "livechat.subaccount"

    def action_export_personal_data(self):
        """Save what the live chat holds about this sub-account as a file.

        :return: an action that loads it.
        :raise AccessError: not the caller's to export.
        """
        self._check_handled()
        return self.env["livechat.personal.data"]._load("account", self)

    def action_erase_personal_data(self):
        """Delete this sub-account and take its name out of what stays.

        :raise AccessError: not the caller's to erase.
        :raise UserError: it is enabled, or has open chats.
        """
        self._check_handled()
        self._check_deletable()
        # sudo: livechat.subaccount, res.users, res.partner - checked above
        user = self._sudo_clean().user_id
        data = self.env["livechat.personal.data"]
        data._erase_agent(user.partner_id, user, self.main_account_id)
        return self.env["ir.actions.act_window"]._for_xml_id(
            "im_livechat_subaccount.livechat_subaccount_action"
        )

    def _export_personal_data(self):
        self._check_handled()
        # sudo: res.partner - checked above
        partner = self.sudo().user_id.partner_id
        return self.env["livechat.personal.data"]._export_agent(partner, self.main_account_id)

    def _check_handled(self):
        self._check_manageable()
        if len(self) != 1:
            raise UserError(self.env._("Choose one sub-account."))
        if not self.env.user._handles_personal_data_of(self.main_account_id):
            raise AccessError(self.env._("You do not export or erase personal data."))
