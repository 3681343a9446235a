from odoo import api, models
from odoo.exceptions import AccessError


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            for vals in vals_list:
                self._check_reception(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_log()
        return super().write(vals)

    def unlink(self):
        self._check_log()
        return super().unlink()

    @api.model
    def _check_reception(self, vals):
        """Refuse messages that core would let a shop's people write because they answer another.

        :raise AccessError: into a chat they may only read or not even that, or among the log of a
            sub-account what is no comment of their own.
        """
        if vals.get("model") == "livechat.subaccount":
            author = self.env.user.partner_id
            if (
                vals.get("message_type") != "comment"
                or vals.get("author_id") != author.id
                or vals.get("email_from") not in (False, author.email_formatted)
            ):
                self._refuse_log_writers()
        elif vals.get("model") == "discuss.channel" and self.env.user._is_shop_staff():
            chat = self.env["discuss.channel"].browse(vals.get("res_id")).exists()
            # sudo: discuss.channel - what kind it is
            if chat.sudo().channel_type == "livechat":
                chat.check_access(
                    chat._mail_get_operation_for_mail_message_operation("create")[chat]
                )

    def _check_log(self):
        """Refuse to change the log of a sub-account."""
        # sudo: mail.message - what they are about
        if not self.env.su and "livechat.subaccount" in self.sudo().mapped("model"):
            self._refuse_log_writers()

    def _refuse_log_writers(self):
        if not self.env.is_admin():
            raise AccessError(self.env._("The log of a sub-account is written by the system."))
