"""By whose contact rows of the account log are found that were written before; of accounts that are
deleted nobody knows it any more."""


def migrate(cr, version):
    # Served by scans: of a year's rows, once.
    for field in ("account", "user"):
        cr.execute(
            f"""
            UPDATE livechat_account_log log
               SET {field}_partner_id = account.partner_id
              FROM res_users account
             WHERE account.id = log.{field}_id AND log.{field}_partner_id IS NULL
            """
        )
