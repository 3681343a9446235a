"""Where a shop asks more of people's passwords than any server-made one would have."""

import devenv

LIFE = """
from odoo.tests import new_test_user

env["ir.config_parameter"].set_param("auth_password_policy.minlength", 100)
owner = new_test_user(
    env, "owner", groups="im_livechat_subaccount.group_main_account", password="o" * 100
)
staff = env["livechat.subaccount"].with_user(owner)
for needed in (False, True):
    row = staff.create({"name": "Chen Jing", "login": "staff"})
    row._activate("sesame-open" * 10)
    user = row.sudo().user_id
    if needed:
        # Core keeps users who are needed.
        env["ir.cron"].create(
            {
                "name": "Needs its user",
                "model_id": env.ref("base.model_res_partner").id,
                "user_id": user.id,
            }
        )
    row.action_disable()
    row.action_enable()
    row.action_activation_link()
    row.action_disable()
    row.action_delete()
    print("kept:", bool(user.exists()), "archived:", not user.exists().active)
pending = staff.create({"name": "Never came"})
pending.action_delete()
print("done:", not (row | pending).exists())
"""


def test_an_account_lives_and_goes_whatever_passwords_have_to_be(template):
    with devenv.temp_db(template) as db:
        devenv.install(db, ["auth_password_policy"])
        told = devenv.shell(db, LIFE)
    assert "kept: True archived: True" in told
    assert "done: True" in told
