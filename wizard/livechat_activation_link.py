from odoo import fields, models


class LivechatActivationLink(models.TransientModel):
    """Shows an activation link once. It is never saved: only its hash is kept, elsewhere."""

    _name = "livechat.activation.link"
    _description = "Activation Link"

    name = fields.Char(readonly=True)
    login = fields.Char(readonly=True)
    url = fields.Char("Link", readonly=True)
    email = fields.Char("Mailed To", readonly=True)
    expiration = fields.Datetime("Valid Until", readonly=True)
