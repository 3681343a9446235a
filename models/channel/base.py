from odoo import api, models

from ...tools import words_of_core


class Base(models.AbstractModel):
    _inherit = "base"

    @api.model
    def get_view(self, view_id=None, view_type="form", **options):
        """As core's, in the words of a shop."""
        view = super().get_view(view_id, view_type, **options)
        if self._name in words_of_core.MODELS:
            view["arch"] = words_of_core.replace_in(self.env.lang, view["arch"])
        return view
