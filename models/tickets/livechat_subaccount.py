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
        busy = helpdesk._count_open(self.sudo().user_id)
        for subaccount in self:
            # sudo: res.users - as above
            if subaccount.sudo().user_id.id in busy:
                raise UserError(
                    self.env._(
                        "%(name)s has open tickets; give them to somebody else first.",
                        name=subaccount.name,
                    )
                )
