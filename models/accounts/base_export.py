from odoo import models


class Base(models.AbstractModel):
    _inherit = "base"

    def export_data(self, fields_to_export):
        """As core's; what the people of a shop export is written down."""
        exported = super().export_data(fields_to_export)
        user = self.env.user
        if self and user._has_shop():
            self.env["livechat.account.log"]._note(
                "exported", user, detail=f"{self._description}: {len(self)}"
            )
        return exported
