"""What records have in common that are kept as history."""

from functools import partial

from odoo import fields

#: Whom or what a record names, and outlives.
Outlived = partial(fields.Many2one, index="btree_not_null", ondelete="set null", readonly=True)
