"""Sub-accounts from before they were records: set aside whose each user is, so that
``post-subaccounts`` can say it anew once there is somebody to hear it."""

from odoo.tools import sql


def migrate(cr, version):
    if sql.table_exists(cr, "livechat_subaccount"):
        return
    cr.execute(
        """
        CREATE TABLE livechat_subaccount_former AS
              SELECT id AS user_id, main_account_id
                FROM res_users
               WHERE main_account_id IS NOT NULL;
        UPDATE res_users SET main_account_id = NULL WHERE main_account_id IS NOT NULL
        """
    )
    # As at the installation: nothing is left to compute for the contacts of a large shop.
    sql.create_column(cr, "res_partner", "livechat_main_account_id", "int4")
