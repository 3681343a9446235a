from odoo import api, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    def set_values(self):
        before = self._read_dispatch_settings()
        super().set_values()
        self.env["livechat.dispatch.log"]._add_rows(
            [
                {
                    "subject": self._fields[name]._description_string(self.env),
                    "what": f"{self._name}.{name}",
                    "old_value": before[name],
                    "new_value": value,
                }
                for name, value in self._read_dispatch_settings().items()
                if value != before[name]
            ]
        )

    @api.model
    def _read_dispatch_settings(self):
        """Return ``{field: value}`` of the settings of dispatch as they are in force."""
        logged = self.env["livechat.dispatch.log"]._get_logged(self._name)
        return {name: getattr(self, f"_get_{name}")() for name in logged}
