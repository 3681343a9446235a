"""What records have in common that are kept as history."""

from functools import partial

from odoo import api, fields
from odoo.tools import SQL

#: Whom or what a record names, and outlives.
Outlived = partial(fields.Many2one, index="btree_not_null", ondelete="set null", readonly=True)


class Sealed:
    """What a model inherits, before ``models.Model``, whose records some code of the server alone
    makes, changes and deletes."""

    # As Odoo gives every model: what is no field cannot be assigned to a record.
    __slots__ = ()

    def _check_sealed(self):
        """Refuse everybody else.

        :raise AccessError:
        """
        raise NotImplementedError

    @api.model_create_multi
    def create(self, vals_list):
        self._check_sealed()
        return super().create(vals_list)

    def write(self, vals):
        self._check_sealed()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sealed(self):
        self._check_sealed()

    @api.model
    def _forget(self, records):
        """Let rows refer no longer to records that are about to be deleted.

        PostgreSQL would do it, but not when one row refers to two of them, or twice to one, and is
        as new as they.
        """
        if not records:
            return
        self.flush_model()
        for name, field in self._fields.items():
            # What is Outlived has an index; who wrote a row of a log last has none.
            if field.type == "many2one" and field.comodel_name == records._name and field.index:
                # Served by the index of each of these columns.
                self.env.cr.execute(
                    SQL(
                        "UPDATE %(table)s SET %(column)s = NULL WHERE %(column)s = ANY(%(ids)s)",
                        table=SQL.identifier(self._table),
                        column=SQL.identifier(name),
                        ids=list(records.ids),
                    )
                )
        self.invalidate_model()
