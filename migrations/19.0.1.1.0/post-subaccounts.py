"""Sub-accounts from before they were records: let each join its shop as any user does."""

import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.tools import sql

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    if not sql.table_exists(cr, "livechat_subaccount_former"):
        return
    cr.execute("SELECT user_id, main_account_id FROM livechat_subaccount_former ORDER BY user_id")
    former = cr.fetchall()
    cr.execute("DROP TABLE livechat_subaccount_former")
    users = api.Environment(cr, SUPERUSER_ID, {})["res.users"]
    for user_id, main_account_id in former:
        user = users.browse(user_id)
        try:
            with cr.savepoint():
                user.main_account_id = main_account_id
                users.env.flush_all()
        except UserError as error:
            # Then nobody said that an administrator cannot be a sub-account, nor who can be a main
            # account.
            _logger.warning("%s is an ordinary user from now on, because %s", user.login, error)
    # Who was disabled had been at work: it is not one that waits for its activation link.
    for row in users.env["livechat.subaccount"].search([("activated_on", "=", False)]):
        row._store({"activated_on": row.user_id.create_date})
