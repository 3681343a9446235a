from odoo import models

from ...tools import sent


class LivechatDispatchGroup(models.Model):
    """Open Reception pages follow the tree of groups."""

    _inherit = "livechat.dispatch.group"

    def unlink(self):
        sent.expect_ids(self)
        self.env["livechat.announcement"]._look_again(self, "trees")
        return super().unlink()
