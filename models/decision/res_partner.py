from odoo import models
from odoo.exceptions import AccessError, UserError


class ResPartner(models.Model):
    """Buyers who are signed in, and what is left of agents whose accounts are deleted."""

    _inherit = "res.partner"

    def action_export_personal_data(self):
        """Save what the live chat holds about this contact as a file.

        :return: an action that loads it.
        :raise AccessError: not the caller's to export.
        """
        self._get_former_shops()
        return self.env["livechat.personal.data"]._load("contact", self)

    def action_erase_personal_data(self):
        """Erase what the live chat holds about this contact.

        :raise AccessError: not the caller's to erase.
        :raise UserError: who works here, or has an open chat.
        """
        data = self.env["livechat.personal.data"]
        shops = self._get_former_shops()
        if shops is None:
            data._erase_buyer(self)
        else:
            # sudo: res.partner, res.users - checked above: whose agent it was
            partner = self.sudo()
            data._erase_agent(partner, partner.with_context(active_test=False).user_ids, shops)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _export_personal_data(self):
        data = self.env["livechat.personal.data"]
        shops = self._get_former_shops()
        if shops is None:
            return data._export_buyer(self)
        # sudo: res.partner - checked above: whose agent it was
        return data._export_agent(self.sudo(), shops)

    def _get_former_shops(self):
        """Return the main accounts for which the person of a deleted account worked, ``None`` for
        a buyer.

        :raise AccessError: the caller does not answer for either.
        """
        data = self.env["livechat.personal.data"]
        data._check_handler()
        if len(self) != 1:
            raise UserError(self.env._("Choose one contact."))
        self.check_access("read")
        # sudo: res.partner - whether there is an account, of whatever kind
        partner = self.sudo().with_context(active_test=False)
        histories = partner.env["im_livechat.channel.member.history"].search(
            [("partner_id", "=", partner.id), ("livechat_member_type", "=", "agent")]
        )
        # What has to stay of a deleted account, because orders name it, has such a login.
        is_deleted = all(user.login.startswith("__deleted_") for user in partner.user_ids)
        if not histories or not is_deleted or partner.active:
            data._check_buyer(self)
            return None
        shops = histories.channel_id.livechat_channel_id.main_account_id
        if not self.env.user._handles_personal_data_of(shops):
            raise AccessError(self.env._("That is no former agent of your shop."))
        return shops

    def _works_here(self):
        """Tell whether this is the contact of an employee, or of somebody who was one."""
        # sudo: res.partner, res.users - whether there is such an account
        partner = self.sudo().with_context(active_test=False)
        return bool(partner.livechat_main_account_id) or any(
            not user.share for user in partner.user_ids
        )
