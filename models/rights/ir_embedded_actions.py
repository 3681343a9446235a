from odoo import SUPERUSER_ID, models

from .private import Private


class IrEmbeddedActions(Private, models.Model):
    _inherit = "ir.embedded.actions"

    def _compute_is_visible(self):
        # An action tells which of these there are with sudo.
        super()._compute_is_visible()
        visible = self.filtered("is_visible")
        made = visible.filtered(
            lambda record: (
                record.create_uid.id not in (SUPERUSER_ID, self.env.uid)
                # sudo: res.users - who made it
                and record.create_uid.sudo()._is_shop_staff()
            )
        )
        made.is_visible = False
