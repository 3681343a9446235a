class Private:
    """What a model inherits, before ``models.Model``, so that what staff changes is its own alone
    after the change as well.

    Odoo looks at what a record was before it is written; see ``ir.rule`` for what is private.
    """

    # As Odoo gives every model: what is no field cannot be assigned to a record.
    __slots__ = ()

    def write(self, vals):
        result = super().write(vals)
        if self.env["ir.rule"]._get_private_domain(self._name, "write"):
            self.check_access("write")
        return result
