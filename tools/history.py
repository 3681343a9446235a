"""What records have in common that are kept as history."""

from functools import partial

from odoo import api, fields

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
