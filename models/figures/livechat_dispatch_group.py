from odoo import api, models


class LivechatDispatchGroup(models.Model):
    _inherit = "livechat.dispatch.group"

    @api.ondelete(at_uninstall=False)
    def _count_before_unlink(self):
        # sudo: livechat.dispatch.total - decisions are counted while they still name the group
        self.env["livechat.dispatch.total"].sudo()._count(wait=True)
