from odoo import api, fields, models

from ..tools import sent


class LivechatActivationLink(sent.Reader, models.TransientModel):
    """Shows an activation link once. It is never saved: only its hash is kept, elsewhere."""

    _name = "livechat.activation.link"
    _description = "Activation Link"

    name = fields.Char(readonly=True)
    login = fields.Char(readonly=True)
    url = fields.Char("Link", readonly=True, length_max=2000)
    email = fields.Char("Mailed To", readonly=True)
    is_held_back = fields.Boolean(readonly=True)
    expiration = fields.Datetime("Valid Until", readonly=True)

    def _may_say(self, name):
        # It shows what the server's own action gave it in the context.
        return True

    @api.model_create_multi
    def create(self, vals_list):
        """Keep nothing: a dialog needs the right to create, this one shows what it was given."""
        sent.expect_rows(self.env, vals_list)
        # Without the context, which holds the link as the dialog's default.
        return super(LivechatActivationLink, self.with_context({})).create(
            [{} for _vals in vals_list]
        )
