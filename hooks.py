from odoo import fields

from .dispatch import ledger
from .dispatch.line import IS_WAITING
from .tools import said


def pre_init_hook(env):
    """Make tables and columns before the ORM reads the models: see ``ledger.create_tables``."""
    ledger.create_tables(env.cr)
    # Before the ORM makes the index, which is quicker to fill at once.
    said.mark(env.cr)
    # There is no sub-account yet: nothing to compute for the contacts of a large shop.
    env.cr.execute(
        "ALTER TABLE res_partner ADD COLUMN IF NOT EXISTS livechat_main_account_id integer"
    )


def uninstall_hook(env):
    """Leave the database as core knows it."""
    # sudo: livechat.dispatch.change - what runs has put its values into core's own fields
    env["livechat.dispatch.change"].sudo().search([("state", "=", "running")])._restore()
    _release_waiting(env)
    ledger.drop_tables(env.cr)
    # sudo: livechat.dispatch.group - the groups go as well, and hold no permission back
    env["livechat.dispatch.group"].sudo().search([]).required_permission_id = False
    _keep_rights_of_roles(env)
    # sudo: ir.config_parameter - the settings are ours
    env["ir.config_parameter"].sudo().search(
        [("key", "=like", "im_livechat_subaccount.%")]
    ).unlink()
    # sudo: res.partner - the reception desks are ours; archived, they keep the authorship of
    # messages but nobody meets them in a list.
    desks = env["im_livechat.channel"].sudo().search([]).reception_partner_id
    desks.active = False


def _release_waiting(env):
    """Let who waits look for help, as core calls it: its agents see them and take them."""
    # sudo: discuss.channel - the addon goes, and its line and pool with it
    waiting = env["discuss.channel"].sudo().search(list(IS_WAITING))
    waiting.write({"livechat_status": "need_help", "dispatch_state": False})


def _keep_rights_of_roles(env):
    """Give the holders of roles by hand what the roles gave of other modules, so that a shop's
    agents stay agents, and remove the groups that stood for the roles."""
    # sudo: livechat.role, livechat.permission, res.users - the addon goes, and all of them with it
    for role in env["livechat.role"].sudo().search([]):
        xmlids = role.group_id.implied_ids.get_external_id()
        others = [
            fields.Command.link(group_id)
            for group_id, xmlid in xmlids.items()
            if xmlid and not xmlid.startswith("im_livechat_subaccount.")
        ]
        role.subaccount_ids.user_id.write({"group_ids": others})
        role.unlink()
    # sudo: livechat.permission - the addon goes, and its catalogue with it
    env["livechat.permission"].sudo().search([]).unlink()
