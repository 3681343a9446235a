"""Contact data is masked without a permission of its own from now on: the roles that are there go
on with what their holders saw, and the file of data, which is loaded once, does not say so."""

from odoo import SUPERUSER_ID, api
from odoo.fields import Command


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    permission = env.ref("im_livechat_subaccount.permission_see_contact_data")
    # By the link table, so that a second run gives nothing to whom it was taken meanwhile.
    if not permission.role_ids:
        env["livechat.role"].search([]).write({"permission_ids": [Command.link(permission.id)]})
