from odoo import models


class LivechatPrivateMixin(models.AbstractModel):
    """Keeps what a shop's staff may change its own alone after the change as well.

    Odoo looks at what a record was before it is written; see ``ir.rule`` for what is private.
    """

    _name = "livechat.private.mixin"
    _description = "Keeps to Itself What Staff Makes"

    def write(self, vals):
        result = super().write(vals)
        if self.env["ir.rule"]._get_private_domain(self._name, "write"):
            self.check_access("write")
        return result
