from odoo import api, models

from ..tools.attributes import ATTRIBUTES
from ..tools.layers import lay_over_all_models


class RequiredLater(models.AbstractModel):
    """Columns that other modules require are left alone at an upgrade of this one."""

    _register = False
    _description = "Base"

    def _check_removed_columns(self, log=False):
        # While an upgrade loads this addon, what modules loaded after it require looks removed to
        # core: it would lock the table to drop NOT NULL, and again to set it.
        self.env.cr.execute(
            """
            SELECT a.attname,
                   EXISTS (
                       SELECT
                         FROM ir_model_fields field
                         JOIN ir_model_data data
                           ON data.model = 'ir.model.fields' AND data.res_id = field.id
                         JOIN ir_module_module module ON module.name = data.module
                        WHERE module.state IN ('installed', 'to upgrade')
                          AND field.model = %s AND field.name = a.attname
                          AND module.name != ALL(%s)
                   )
              FROM pg_attribute a
             WHERE a.attrelid = to_regclass(%s)
               AND a.attnotnull
               AND a.attnum > 0
               AND a.attname != ALL(%s)
            """,
            [
                self._name,
                list(self.env.registry._init_modules),
                self._table,
                [name for name, field in self._fields.items() if field.store and field.column_type],
            ],
        )
        columns = self.env.cr.fetchall()
        if not columns or not all(is_to_come for _name, is_to_come in columns):
            super()._check_removed_columns(log)


class LivechatFieldMixin(models.AbstractModel):
    """Lets the fields of a model say what follows from a change of them; see ``tools.attributes``.

    It lies below the layers of all rooms and so meets whatever is written, by whomever.
    """

    _name = "livechat.field.mixin"
    _description = "Fields That Say What Follows"

    def _valid_field_parameter(self, field, name):
        return name in ATTRIBUTES or super()._valid_field_parameter(field, name)

    def _post_model_setup__(self):
        super()._post_model_setup__()
        lay_over_all_models(self.env.registry, RequiredLater)

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

    def _frees_seats(self, names):
        """Tell whether other values of these fields may give an agent to somebody who waits."""
        return any(self._says(name, "frees_seats") for name in names)

    def _find_freed_channels(self, names):
        """Return on whose lines these values of these records may serve somebody who waits;
        ``None`` for the lines of all channels.

        :rtype: im_livechat.channel | None
        """
        return None

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        parts = self._find_shown_parts(set().union(*vals_list))
        if self._name in ("res.users", "res.partner"):
            # Of a person who is new nobody has seen figures.
            parts -= {"agents", "bars"}
        for part in parts:
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
        if self and self._frees_seats(vals):
            announcement._seat_may_be_free(self._find_freed_channels(vals))
        return result
