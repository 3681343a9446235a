from .dispatch import ledger


def pre_init_hook(env):
    """Make the ledger's tables before the ORM reads the models: see ``ledger.create_tables``."""
    ledger.create_tables(env.cr)


def uninstall_hook(env):
    """Leave the database as core knows it."""
    ledger.drop_tables(env.cr)
    # sudo: res.partner - the reception desks are ours; archived, they keep the authorship of
    # messages but nobody meets them in a list.
    desks = env["im_livechat.channel"].sudo().search([]).reception_partner_id
    desks.active = False
