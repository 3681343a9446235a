from odoo import api, models
from odoo.fields import Command, Domain
from odoo.tools.mail import email_normalize, email_split_and_format


class MailMail(models.Model):
    """Mail that waits to be sent."""

    _inherit = "mail.mail"

    @api.model
    def _take_back(self, partners):
        """Let mail that waits go to its other recipients only; none, if it has no others. What
        waits in these people's own names does not go out at all.

        :param partners: ``res.partner`` to whom nothing is sent any more.
        """
        # sudo: mail.scheduled.message - whoever may archive a user ends what it says
        waiting = self.env["mail.scheduled.message"].sudo()
        own = Domain("author_id", "in", partners.ids)
        waiting.search(own | Domain("create_uid.partner_id", "in", partners.ids)).unlink()
        addresses = filter(None, partners.mapped("email_normalized"))
        theirs = Domain.OR([("email_to", "ilike", address)] for address in addresses)
        theirs |= Domain("recipient_ids", "in", partners.ids)
        # sudo: mail.mail - whoever may archive a user ends what is sent to it
        for mail in self.sudo().search(Domain("state", "=", "outgoing") & theirs):
            mail._leave_out(partners)

    def _leave_out(self, partners):
        gone = {address for address in partners.mapped("email_normalized") if address}
        addresses = email_split_and_format(self.email_to or "")
        others = [address for address in addresses if email_normalize(address) not in gone]
        known = self.recipient_ids & partners
        if not known and others == addresses:
            return
        vals = {"recipient_ids": [Command.unlink(partner.id) for partner in known]}
        if others != addresses:
            vals["email_to"] = ", ".join(others)
        if not (others or self.email_cc or self.recipient_ids - known):
            vals["state"] = "cancel"
        self.write(vals)
