from .dispatch import ledger


def pre_init_hook(env):
    """Make tables and columns before the ORM reads the models: see ``ledger.create_tables``."""
    ledger.create_tables(env.cr)
    # There is no sub-account yet: nothing to compute for the contacts of a large shop.
    env.cr.execute(
        "ALTER TABLE res_partner ADD COLUMN IF NOT EXISTS livechat_main_account_id integer"
    )


def uninstall_hook(env):
    """Leave the database as core knows it."""
    ledger.drop_tables(env.cr)
    # sudo: ir.config_parameter - the settings are ours
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "im_livechat_subaccount.%")]
    ).unlink()
    # sudo: res.partner - the reception desks are ours; archived, they keep the authorship of
    # messages but nobody meets them in a list.
    desks = env["im_livechat.channel"].sudo().search([]).reception_partner_id
    desks.active = False
