"""What records have in common that are kept as history."""

from functools import partial

from odoo import api, fields
from odoo.tools import SQL

#: Whom or what a record names, and outlives.
Outlived = partial(fields.Many2one, index="btree_not_null", ondelete="set null", readonly=True)


def give_past(env, owner, successor):
    """Let the successor of a main account read the past of its shop, and its agents go on with
    their own: each row that names the one names the other from now on."""
    for model in env.values():
        field = model._fields.get("main_account_id")
        if not (field and field.store and field.type == "many2one"):
            continue
        # A channel is given by hand, and what follows another record follows it.
        if field.readonly and field.ondelete == "set null" and not field.related:
            model.flush_model(["main_account_id"])
            # Served by the index that each of these columns has.
            env.cr.execute(
                SQL(
                    "UPDATE %(table)s SET main_account_id = %(new)s"
                    " WHERE main_account_id = %(old)s",
                    table=SQL.identifier(model._table),
                    new=successor.id,
                    old=owner.id,
                )
            )
            model.invalidate_model(["main_account_id"])


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
