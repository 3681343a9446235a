"""Uninstalling leaves the database as core knows it."""

import contextlib
import re

import pytest

import devenv

SET_UP = """
import datetime

from odoo.tests import new_test_user
agent = new_test_user(env, "agent", groups="im_livechat.im_livechat_group_user")
channel = env["im_livechat.channel"].create(
    {"name": "Leftover", "dispatch_mode": "share", "user_ids": agent.ids}
)
env["mail.presence"]._update_presence(agent)
env["res.config.settings"].create({"dispatch_weight_default": 70}).execute()
owner = new_test_user(env, "owner", groups="im_livechat_subaccount.group_main_account")
staff = env["livechat.subaccount"].with_user(owner).create({
    "name": "Staff", "login": "staff",
    "role_ids": [(4, env.ref("im_livechat_subaccount.role_reception").id)],
})
staff._activate("sesame-open")
env["livechat.dispatch.group"].create({
    "name": "Refunds", "channel_id": channel.id, "user_ids": [(4, staff.user_id.id)],
    "required_permission_id": env.ref("im_livechat_subaccount.permission_receive_buyers").id,
    "scope_ids": [(0, 0, {"kind": "page", "page_pattern": "/refund"})],
})
channel.write({"max_sessions_mode": "limited", "max_sessions": 5})
change = env["livechat.dispatch.change"].create({
    "name": "Today", "channel_id": channel.id,
    "start": datetime.datetime.now() - datetime.timedelta(minutes=1),
    "stop": datetime.datetime.now() + datetime.timedelta(days=1),
    "max_sessions_mode": "limited", "max_sessions": 15,
})
change.action_plan()
env["livechat.dispatch.change"]._run_due(lambda do: do() or True)
assert (change.state, channel.max_sessions) == ("running", 15), change.state
env.cr.commit()  # a decision sees what is committed
assert channel._get_operator() == agent, "whoever fits no scope goes to who is in no group"
env["discuss.channel"].create(channel._get_livechat_discuss_channel_vals(
    agent=agent, operator_partner=agent.partner_id, operator_model="res.users"
))
waiting = env["im_livechat.channel"].create({
    "name": "Waits", "dispatch_mode": "share", "user_ids": agent.ids, "queue_enabled": True,
    "max_sessions_mode": "limited", "max_sessions": 1,
})
env.cr.commit()
for state in ("queued", "pool"):
    as_buyer = {
        "user": env.ref("base.public_user").id, "su": True,
        "context": {"guest": env["mail.guest"].create({"name": "Visitor"})},
    }
    shop = waiting.with_env(env(**as_buyer))
    assert not shop._get_operator()
    chat = shop.env["discuss.channel"].create(shop._get_livechat_discuss_channel_vals(
        operator_partner=waiting.reception_partner_id, operator_model="res.users"
    ))
    chat.message_post(
        body="Is it blue?", message_type="comment", subtype_xmlid="mail.mt_comment",
        author_guest_id=as_buyer["context"]["guest"].id,
    )
    assert chat.dispatch_state == "queued", chat.dispatch_state
    if state == "pool":
        chat._leave_message()
    assert chat.dispatch_state == state
env.cr.commit()
"""
UNINSTALL = """
addon = env["ir.module.module"].search([("name", "=", "im_livechat_subaccount")])
addon.button_immediate_uninstall()
"""
AFTERWARDS = """
channel = env["im_livechat.channel"].search([("name", "=", "Leftover")])
agent = env["res.users"].search([("login", "=", "agent")])
assert len(channel.channel_ids) == 1
waiting = env["im_livechat.channel"].search([("name", "=", "Waits")]).channel_ids
assert waiting.mapped("livechat_status") == ["need_help"] * 2, waiting.mapped("livechat_status")
assert not any(waiting.mapped("livechat_end_dt"))
assert channel.max_sessions == 5, "what a dated change has set is left behind"
assert not env["res.partner"].search([("name", "=", "Leftover")]), "the desk is still in the lists"
staff = env["res.users"].search([("login", "=", "staff")])
assert staff.has_group("im_livechat.im_livechat_group_user"), "an agent stays one"
assert not env["res.groups"].search([("name", "like", "Reception role")]), "a role's group is left"
env["mail.presence"]._update_presence(agent)
print("chosen:", channel._get_operator() == agent)
"""
COMPLAINT = re.compile(r"\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) ")
LEFT = """
    SELECT relname FROM pg_class WHERE relname LIKE 'livechat_dispatch%'
     UNION ALL
    SELECT proname FROM pg_proc WHERE proname LIKE 'livechat_dispatch%'
     UNION ALL
    SELECT table_name || '.' || column_name
      FROM information_schema.columns
     WHERE column_name LIKE 'dispatch_%'
        OR column_name LIKE 'livechat_o%_since'
        OR column_name IN (
               'main_account_id', 'main_account_code', 'livechat_main_account_id', 'order_days',
               'livechat_agent_id', 'sticky_hours', 'queue_enabled', 'offline_rule',
               'reception_partner_id', 'second_factor_due')
     UNION ALL
    SELECT relname FROM pg_class WHERE relname ~ '^livechat_(subaccount|role|permission|account)'
     UNION ALL
    SELECT key FROM ir_config_parameter WHERE key LIKE 'im_livechat_subaccount.%'
"""

# All that a database is made of, but for its rows.
LAYOUT = """
    SELECT 'column ' || table_name || '.' || column_name || ' ' || is_nullable
      FROM information_schema.columns
     WHERE table_schema = 'public'
     UNION
    SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public'
     UNION
    SELECT 'constraint ' || conrelid::regclass || ' ' || conname
      FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace
     UNION
    SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
     UNION
    SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def read(db, query):
    with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return {row for (row,) in cursor.fetchall()}


@pytest.fixture
def database(template):
    with devenv.temp_db(template) as db:
        yield db


def test_uninstalling_leaves_no_trace_and_core_dispatches_again(database, tmp_path):
    devenv.shell(database, SET_UP)
    log = tmp_path / "uninstall.log"
    devenv.shell(database, UNINSTALL, log=log)
    complaints = [line for line in log.read_text().splitlines() if COMPLAINT.match(line)]
    assert complaints == []
    assert read(database, LEFT) == set()
    before = read(devenv.template_db(devenv.CORE_MODULES), LAYOUT)
    after = read(database, LAYOUT)
    assert after - before == set()
    assert before - after == set()
    assert "chosen: True" in devenv.shell(database, AFTERWARDS)


@pytest.mark.long
def test_installing_again_finds_the_chats_that_are_open(database):
    devenv.shell(database, SET_UP)
    devenv.shell(database, UNINSTALL)
    devenv.install(database, [devenv.ADDON])
    with contextlib.closing(devenv.connect(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM livechat_dispatch_seat")
        assert cursor.fetchone() == (1,)
