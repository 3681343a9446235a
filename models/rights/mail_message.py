from odoo import api, models
from odoo.exceptions import AccessError

from ...tools import sent


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        messages = self
        if not self.env.su:
            if self._writes_under_own_name():
                # What a context says of a message would be looked at by nobody.
                messages = self.with_context(sent.without_defaults(self.env.context))
            for vals in vals_list:
                self._check_reception(vals)
                about = (vals.get("model") or False, vals.get("res_id") or False)
                self._check_parent(vals.get("parent_id"), [about])
        return super(MailMessage, messages).create(vals_list)

    def write(self, vals):
        self._check_log()
        self._check_said()
        if "parent_id" in vals and not self.env.su:
            # sudo: mail.message - what they are about
            about = [(message.model, message.res_id) for message in self.sudo()]
            self._check_parent(vals["parent_id"], about)
        return super().write(vals)

    def unlink(self):
        self._check_log()
        self._check_said()
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
        elif vals.get("model") == "discuss.channel" and self._writes_under_own_name():
            chat = self.env["discuss.channel"].browse(vals.get("res_id")).exists()
            # sudo: discuss.channel - what kind it is
            if chat.sudo().channel_type == "livechat":
                self._check_author(chat, vals)

    @api.model
    def _check_parent(self, parent_id, documents):
        """Refuse strangers and a shop's staff to answer what was said elsewhere: with an answer the
        pages of Discuss are sent what was answered, with sudo, and whoever has got what is answered
        may write about whatever there is.

        :param documents: what the answers are about: ``(model, id)``.
        :raise AccessError:
        """
        if not parent_id or not self._writes_under_own_name():
            return
        # sudo: mail.message - what it is about
        parent = self.browse(parent_id if sent.is_record_id(parent_id) else ()).sudo().exists()
        if any((parent.model, parent.res_id) != document for document in documents):
            raise AccessError(self.env._("You answer only what was said in the same place."))

    @api.model
    def _writes_under_own_name(self):
        """Tell whether the caller, a stranger or a shop's staff, says in live chats only what is
        its own, and changes nothing that was said."""
        return self.env.user.share or self.env["ir.rule"]._serves_staff()

    def _check_author(self, chat, vals):
        """Refuse what core would let somebody say in a live chat past the page it is said on, in
        somebody else's name or at another time.

        :raise AccessError:
        """
        user = self.env.user
        # sudo: im_livechat.channel - whose chat it is
        channel = chat.sudo().livechat_channel_id
        if not channel._is_home_of(user) and (channel.main_account_id or chat._is_dispatched()):
            # There it is asked whether the shop has blocked the buyer, and how often it writes.
            raise AccessError(self.env._("Buyers write in the window of their chat."))
        if user.share:
            return
        chat.check_access(chat._mail_get_operation_for_mail_message_operation("create")[chat])
        if (
            vals.get("author_id") != user.partner_id.id
            or vals.get("author_guest_id")
            or vals.get("date")
        ):
            raise AccessError(self.env._("You write in a live chat under your own name only."))

    def _check_said(self):
        """Refuse to change or delete what was said in a live chat, but for its author on the page,
        for whom core does it with sudo after it has asked whose it is.

        :raise AccessError:
        """
        if self.env.su or not self._writes_under_own_name():
            return
        # sudo: mail.message - what they are about
        said = self.sudo().filtered(lambda message: message.model == "discuss.channel")
        self.env["discuss.channel"].browse(said.mapped("res_id"))._keep_what_was_said()

    def _check_log(self):
        """Refuse to change the log of a sub-account."""
        # sudo: mail.message - what they are about
        if not self.env.su and "livechat.subaccount" in self.sudo().mapped("model"):
            self._refuse_log_writers()

    def _refuse_log_writers(self):
        if not self.env.is_admin():
            raise AccessError(self.env._("The log of a sub-account is written by the system."))
