from odoo import api, models

from ..tools.attributes import ATTRIBUTES


class LivechatFieldMixin(models.AbstractModel):
    """Lets the fields of a model say what follows from a change of them; see ``tools.attributes``.

    It lies below the layers of all rooms and so meets whatever is written, by whomever.
    """

    _name = "livechat.field.mixin"
    _description = "Fields That Say What Follows"

    def _valid_field_parameter(self, field, name):
        return name in ATTRIBUTES or super()._valid_field_parameter(field, name)

    def _says(self, name, attribute, otherwise=False):
        """Return what a field says of itself.

        :param otherwise: when it says nothing, or is none.
        """
        return getattr(self._fields.get(name), attribute, otherwise)

    def _find_shown_parts(self, names):
        """Return the set of the parts of open pages that show one of these fields."""
        parts = set()
        for name in names:
            shown = self._says(name, "shown") or ()
            parts.update([shown] if isinstance(shown, str) else shown)
        return parts

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        # Of who is new nobody has seen figures.
        for part in self._find_shown_parts(set().union(*vals_list)) - {"agents", "bars"}:
            self.env["livechat.announcement"]._look_again(records, part)
        return records

    def write(self, vals):
        parts = self._find_shown_parts(vals)
        announcement = self.env["livechat.announcement"]
        for part in parts:
            # Whose it was looks again as well.
            announcement._look_again(self, part)
        result = super().write(vals)
        for part in parts:
            announcement._look_again(self, part)
        if any(self._says(name, "frees_seats") for name in vals):
            announcement._seat_may_be_free()
        return result
