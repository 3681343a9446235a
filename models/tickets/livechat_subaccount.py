from odoo import models
from odoo.exceptions import UserError


class LivechatSubaccount(models.Model):
    _inherit = "livechat.subaccount"

    def _check_deletable(self):
        super()._check_deletable()
        helpdesk = self.env["livechat.helpdesk"]
        if helpdesk._get_tickets() is None:
            return
        # sudo: res.users - whether its staff has tickets is a shop's business
        users = self.sudo().user_id
        busy = helpdesk._count_open(users)
        for subaccount, user in zip(self, users, strict=True):
            if user.id in busy:
                raise UserError(
                    self.env._(
                        "%(name)s has open tickets; give them to somebody else first.",
                        name=subaccount.name,
                    )
                )
