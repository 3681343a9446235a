"""The attacks on the account half, as data.

A row says who calls what and what has to come of it. The same rows run through the ORM, through
``/web/dataset/call_kw`` and through ``/json/2``; see ``test_security`` and ``test_security_rpc``.
Everything that belongs to the attacked shop carries ``SECRET`` in its text, so that a leak shows in
whatever an attack returns.
"""

import contextlib
import inspect
import json
import logging
from typing import NamedTuple

from odoo import fields
from odoo.exceptions import AccessDenied, AccessError, MissingError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import new_test_user

from .common import ShopCommon

_logger = logging.getLogger(__name__)

SECRET = "Zyxwv"
# What may come of an attack.
REFUSED = "refused"  # one of the errors a client understands
EMPTY = "empty"  # refused, or nothing found
NOTHING = "nothing"  # whatever the answer: no secret in it, nothing changed
ALLOWED = "allowed"  # no error: the counter-check that the attack is well-formed

# UserError covers ValidationError and RedirectWarning.
CLEAR_ERRORS = (AccessError, UserError, MissingError, AccessDenied)

# All of these are compared before and after an attack, row by row and column by column. Not the
# account log: that an attacker logs in is written there.
_WATCHED = (
    "res_users",
    "res_groups",
    "res_groups_users_rel",
    "res_groups_implied_rel",
    "res_company_users_rel",
    "res_partner",
    "res_users_apikeys",
    "ir_model_access",
    "ir_rule",
    "livechat_subaccount",
    "livechat_role",
    "livechat_permission",
    "livechat_role_livechat_subaccount_rel",
    "livechat_permission_livechat_role_rel",
    "livechat_dispatch_group",
    "livechat_dispatch_group_res_users_rel",
    "livechat_dispatch_scope",
    "livechat_dispatch_decision",
    "livechat_ticket_decision",
    "livechat_dispatch_total",
    "livechat_dispatch_presence",
    "livechat_whisper",
    "livechat_pause_reason",
    "livechat_answer_use",
    "livechat_dispatch_pause",
    "livechat_dispatch_change",
    "livechat_dispatch_change_line",
    "livechat_dispatch_log",
    "livechat_dispatch_block",
    "im_livechat_channel",
    "im_livechat_channel_im_livechat_expertise_rel",
    "im_livechat_channel_im_user",
    "im_livechat_channel_rule",
    "im_livechat_channel_member_history",
    "im_livechat_expertise",
    "im_livechat_conversation_tag",
    "discuss_channel",
    "discuss_channel_member",
    "mail_message",
    "mail_message_reaction",
    "mail_mail",
    "mail_followers",
    "mail_template",
    "rating_rating",
    "ir_filters",
    "ir_filters_res_users_rel",
    "ir_default",
    "ir_embedded_actions",
    "ir_exports",
    "ir_exports_line",
    "mail_activity",
    "mail_canned_response",
    "mail_canned_response_res_groups_rel",
    "base_import_mapping",
    "report_layout",
    "resource_calendar_leaves",
)


class Attack(NamedTuple):
    """One promise: ``who`` calls ``model.method`` and gets what is ``expected``."""

    promise: str
    who: str
    model: str
    method: str
    ids: list | None = None
    args: tuple = ()
    kwargs: dict = {}
    expected: str = REFUSED


class SecurityCommon(ShopCommon):
    """Two shops with staff of every kind and a live chat, and people who are nobody's staff."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # No mail server is asked, and no attack may have the time to wait for one.
        cls.env["ir.mail_server"].search([]).active = False
        cls.internal = cls.env.ref("base.group_user")
        cls.roles = {
            name: cls.env.ref(f"im_livechat_subaccount.role_{name}")
            for name in ("reception", "after_sales", "shipping", "audit", "store_manager")
        }
        cls.users = {"main_account": cls.owner}
        permissions = {
            name: cls.env.ref(f"im_livechat_subaccount.permission_{name}")
            for name in ("receive_buyers", "manage_subaccounts", "manage_dispatch")
        }
        cls.permissions = permissions
        own_roles = cls.Roles.create(
            [
                {
                    "name": "Deputy",
                    "permission_ids": [
                        Command.set(
                            [
                                permissions["manage_subaccounts"].id,
                                permissions["receive_buyers"].id,
                            ]
                        )
                    ],
                },
                {
                    "name": "Planner",
                    "permission_ids": [Command.set([permissions["manage_dispatch"].id])],
                },
                {
                    "name": "Wide reception",
                    "conversation_scope": "shop",
                    "permission_ids": [Command.set([permissions["receive_buyers"].id])],
                },
            ]
        )
        cls.role_deputy, cls.role_planner, cls.role_wide = own_roles.with_env(cls.env)
        staff = {
            "reception": cls.roles["reception"],
            "colleague": cls.roles["reception"],
            "after_sales": cls.roles["after_sales"],
            "shipping": cls.roles["shipping"],
            "audit": cls.roles["audit"],
            "store_manager": cls.roles["store_manager"],
            "deputy": cls.role_deputy,
            "planner": cls.role_planner,
        }
        cls.subaccounts = cls._create_team(cls.owner, staff)
        cls.users.update({name: row.user_id for name, row in cls.subaccounts.items()})
        cls.subaccounts["pending"] = cls._create_staff(
            cls.owner, "pending", cls.roles["reception"], state="pending"
        )
        for name, groups in {
            "agent": "im_livechat.im_livechat_group_user",
            "employee": "base.group_user",
            "portal": "base.group_portal",
        }.items():
            cls.users[name] = new_test_user(cls.env, login=f"sec_{name}", groups=groups)
        cls.users["public"] = cls.env.ref("base.public_user")
        # Without it nobody exports anything, and the rows that export would say nothing.
        cls.env.ref("base.group_allow_export").user_ids |= cls.env["res.users"].concat(
            *(cls.users[name] for name in ("main_account", *staff, "agent", "employee"))
        )
        cls.staff = ("main_account", *(name for name in staff if name != "colleague"))
        # One of each kind of look at other shops' chats.
        cls.lookers = ("main_account", "reception", "audit", "store_manager", "planner")
        cls.managers = ("main_account", "store_manager", "deputy", "planner")
        cls.outsiders = ("agent", "employee", "portal", "public")
        cls._set_up_rival()
        cls.shop = cls._set_up_shop(cls.owner, "Flagship", cls.users["reception"])
        # With what is logged when a transaction ends.
        cls.env.cr.flush()
        cls.env.registry.cache_invalidated.clear()

    @classmethod
    def tearDownClass(cls):
        _logger.info("%s: %s attacks", cls.__name__, cls.vectors)
        super().tearDownClass()

    @classmethod
    def _set_up_rival(cls):
        cls.rival.name = f"{SECRET} rival"
        cls.victim_role = (
            cls.env["livechat.role"]
            .with_user(cls.rival)
            .create(
                {
                    "name": f"{SECRET} role",
                    "permission_ids": [Command.set([cls.permissions["receive_buyers"].id])],
                }
            )
            .with_env(cls.env)
        )
        roles = cls.victim_role | cls.roles["reception"]
        cls.victim = cls._create_staff(cls.rival, f"{SECRET} agent", roles)
        cls.victim_pending = cls._create_staff(
            cls.rival, f"{SECRET} pending", roles, state="pending"
        )
        cls.victim_disabled = cls._create_staff(
            cls.rival, f"{SECRET} disabled", roles, state="disabled"
        )
        cls.victims = cls.victim | cls.victim_pending | cls.victim_disabled
        action = cls.victim_pending.with_user(cls.rival).action_activation_link()
        cls.victim_token = action["context"]["default_url"].rpartition("/")[2]
        # An administrator's, and nobody else's to use on foreign staff.
        cls.template = cls.env["mail.template"].create(
            {
                "name": "Welcome",
                "model_id": cls.env["ir.model"]._get_id("livechat.subaccount"),
                "subject": "{{ object.name }}",
                "email_to": "{{ object.email }}",
                "body_html": "<p><t t-out='object.name'/> <t t-out='object.login'/></p>",
            }
        )
        cls.env["ir.model.data"].create(
            {
                "module": "security_test",
                "name": "template",
                "model": "mail.template",
                "res_id": cls.template.id,
            }
        )
        cls.victim_shop = cls._set_up_shop(cls.rival, SECRET, cls.victim.user_id)

    @classmethod
    def _create_staff(cls, owner, name, roles, state="enabled"):
        row = cls._create_team(owner, {name: roles}, state)[name]
        if state == "disabled":
            row.with_user(owner).action_disable()
        return row

    @classmethod
    def _create_team(cls, owner, people, state="enabled"):
        """Sub-accounts made together, which takes a quarter of the statements.

        :param people: the roles of each name; in return, the sub-account of each name
        """
        rows = (
            cls.env["livechat.subaccount"]
            .with_user(owner)
            .create(
                [
                    {
                        "name": name,
                        "email": f"{name.replace(' ', '.').lower()}@shop.example.com",
                        "phone": f"{SECRET if owner == cls.rival else 1}555",
                        "role_ids": [Command.set(roles.ids)],
                    }
                    for name, roles in people.items()
                ]
            )
        )
        team = {row.name: row for row in rows.sudo().with_user(cls.env.uid).sudo()}
        if state != "pending":
            for name, row in team.items():
                row._activate(f"{name}-password")
        return team

    @classmethod
    def _set_up_shop(cls, owner, name, agent):
        """One of everything that a live chat leaves behind."""
        channel = cls.env["im_livechat.channel"].create(
            {
                "name": f"{name} channel",
                "main_account_id": owner.id,
                "dispatch_mode": "share",
                "user_ids": [Command.set(agent.ids)],
                "default_message": f"{name} welcome",
                "rule_ids": [Command.create({"regex_url": f"/{name}", "action": "auto_popup"})],
            }
        )
        chat = cls.env["discuss.channel"].create(
            {
                **channel._get_livechat_discuss_channel_vals(
                    agent=agent, operator_partner=agent.partner_id, operator_model="res.users"
                ),
                "name": f"{name} chat",
            }
        )
        guest = cls.env["mail.guest"].create({"name": f"{name} buyer"})
        member = cls.env["discuss.channel.member"].create(
            {"channel_id": chat.id, "guest_id": guest.id, "livechat_member_type": "visitor"}
        )
        group = cls.env["livechat.dispatch.group"].create(
            {
                "name": f"{name} group",
                "channel_id": channel.id,
                "user_ids": [Command.set(agent.ids)],
                "scope_ids": [Command.create({"kind": "page", "page_pattern": f"/{name}/"})],
            }
        )
        change = cls.env["livechat.dispatch.change"].create(
            {
                "name": f"{name} change",
                "channel_id": channel.id,
                "start": "2090-11-10 16:00:00",
                "stop": "2090-11-11 16:00:00",
                "line_ids": [Command.create({"user_id": agent.id, "weight": 200})],
            }
        )
        tag = cls.env["im_livechat.conversation.tag"].create({"name": f"{name} tag"})
        chat.livechat_conversation_tag_ids = tag
        chat.livechat_note = f"<p>{name} note</p>"
        chat.livechat_status = "need_help"
        message = chat.with_user(agent).message_post(
            body=f"{name} message", message_type="comment", subtype_xmlid="mail.mt_comment"
        )
        call = cls.env["discuss.call.history"].create(
            {
                "channel_id": chat.id,
                "start_dt": fields.Datetime.now(),
                "start_call_message_id": message.id,
            }
        )
        rating = cls.env["rating.rating"].create(
            {
                "res_model_id": cls.env["ir.model"]._get_id("discuss.channel"),
                "res_id": chat.id,
                "rated_partner_id": agent.partner_id.id,
                "rating": 5,
                "feedback": f"{name} feedback",
                "consumed": True,
            }
        )
        reaction = cls.env["mail.message.reaction"].create(
            {"message_id": message.id, "content": "👍", "partner_id": agent.partner_id.id}
        )
        decision = chat._record(
            {"kind": "transfer", "user_id": agent.id, "rule": "by_hand", "reason": f"{name} reason"}
        )
        cls.env["livechat.dispatch.total"]._count(wait=True)
        block = cls.env["livechat.dispatch.block"].create(
            {
                "livechat_channel_id": channel.id,
                "name": f"{name} blocked",
                "guest_id": guest.id,
                "address": "203.0.113.99",
                "reason": f"{name} block",
            }
        )
        ticket_decision = cls.env["livechat.ticket.decision"].create(
            {
                "kind": "assign",
                "rule": "by_hand",
                "user_id": agent.id,
                "main_account_id": channel.main_account_id.id,
                "livechat_channel_id": channel.id,
                "reason": f"{name} reason",
                "is_counted": True,
                "is_turn_counted": True,
            }
        )
        return {
            "livechat.dispatch.block": block,
            "livechat.dispatch.decision": decision,
            "livechat.ticket.decision": ticket_decision,
            "livechat.dispatch.total": cls.env["livechat.dispatch.total"].search(
                [("livechat_channel_id", "=", channel.id)]
            ),
            "im_livechat.channel": channel,
            "im_livechat.channel.rule": channel.rule_ids,
            "livechat.dispatch.group": group,
            "livechat.dispatch.scope": group.scope_ids,
            "livechat.dispatch.change": change,
            "livechat.dispatch.change.line": change.line_ids,
            "livechat.dispatch.log": cls.env["livechat.dispatch.log"].search(
                [("channel_id", "=", channel.id)]
            ),
            "discuss.channel": chat,
            "discuss.channel.member": chat.channel_member_ids,
            "mail.message": message.with_env(cls.env),
            "im_livechat.channel.member.history": chat.livechat_channel_member_history_ids,
            "discuss.call.history": call,
            "rating.rating": rating,
            "mail.message.reaction": reaction,
            "guest": guest,
            "guest_member": member,
            "tag": tag,
        }

    # ------------------------------------------------------------
    # What is true before and after
    # ------------------------------------------------------------

    @classmethod
    def _get_watched(cls):
        if not hasattr(cls, "_watched"):
            cls.env.cr.execute(
                "SELECT table_name, array_agg(column_name::text ORDER BY column_name::text) "
                "FROM information_schema.columns WHERE table_schema = current_schema() "
                "AND table_name IN %s GROUP BY table_name",
                [_WATCHED],
            )
            columns = dict(cls.env.cr.fetchall())
            # The relation tables of other versions of the addon may have other names.
            cls._watched = {name: columns[name] for name in _WATCHED if name in columns}
        return cls._watched

    def _take_snapshot(self):
        """Return a digest of each watched table; it differs when any column of any row does."""
        self.env.flush_all()
        query = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(string_agg(row, '|' ORDER BY row)) FROM (SELECT "
            f"(to_jsonb(t) - 'write_date' - 'write_uid')::text AS row FROM {table} t) AS rows"
            for table in self._get_watched()
        )
        self.env.cr.execute(query)
        return {table: (count, digest) for table, count, digest in self.env.cr.fetchall()}

    # ------------------------------------------------------------
    # Running rows
    # ------------------------------------------------------------

    vectors = 0
    _before = None

    def run_attacks(self, attacks, call=None):
        """Run each row and fail for each that ends otherwise than it says.

        :param call: how to call; through the ORM by default. It returns what a client gets, or
            raises one of ``CLEAR_ERRORS``, or anything else for a traceback.
        """
        call = call or self.call_orm
        for attack in filter(None, attacks):
            type(self).vectors += 1
            with self.subTest(who=attack.who, promise=attack.promise, call=_describe(attack)):
                self._run_attack(attack, call)

    def _run_attack(self, attack, call):
        # Every row is rolled back, so that what was true before is the same for all.
        if self._before is None:
            self._before = self._take_snapshot()
        before = self._before
        with self._rollback():
            try:
                result = call(attack)
            except CLEAR_ERRORS as error:
                self.assertNotEqual(attack.expected, ALLOWED, f"refused: {error}")
                # The transaction of the caller ends here; nothing it did is left.
                self.assertNotIn(SECRET, _without_echo(str(error), attack))
                return
            except AssertionError:
                raise
            except Exception as error:
                self.fail(f"a traceback instead of an answer: {error!r}")
            if attack.expected == ALLOWED:
                return
            after = self._take_snapshot()
            changed = [table for table in before if before[table] != after[table]]
            self.assertFalse(changed, "tables changed")
            self.assertNotIn(SECRET, _without_echo(_dump(result), attack), "leaked")
            self.assertNotEqual(attack.expected, REFUSED, f"answered {_dump(result)[:200]}")
            if attack.expected == EMPTY:
                self.assertTrue(_is_empty(result), f"answered {_dump(result)[:200]}")

    @contextlib.contextmanager
    def _rollback(self):
        """Undo whatever the block does."""
        self.env.flush_all()
        cached = self.env.registry.cache_invalidated
        savepoint = self.env.cr.savepoint(flush=False)
        try:
            yield
        finally:
            self.env.clear()
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.transaction.clear()
            self.env.cr.precommit.clear()
            if cached:
                # Rights were changed and read again; that reading is of no use any more.
                self.env.registry.clear_all_caches()
                cached.clear()

    def call_orm(self, attack):
        """As a browser's call reaches the ORM: values that came through JSON."""
        # None of what the test knows is in the cache of the attacker.
        self.env.flush_all()
        self.env.transaction.clear()
        model = self.env[attack.model].with_user(self.users[attack.who])
        args = [] if attack.ids is None else [attack.ids]
        args, kwargs = json.loads(json.dumps([[*args, *attack.args], attack.kwargs]))
        # A server that refuses rolls back; so does the savepoint.
        with self.env.cr.savepoint(flush=False):
            result = call_kw(model, attack.method, args, kwargs)
            self.env.cr.flush()
        return result

    def name_arguments(self, attack):
        """Return the arguments of a row by name, as ``/json/2`` wants them."""
        method = getattr(type(self.env[attack.model]), attack.method, None)
        if not attack.args or method is None:
            return attack.kwargs
        names = list(inspect.signature(method).parameters)[1:]
        return {**dict(zip(names, attack.args, strict=False)), **attack.kwargs}


def _describe(attack):
    text = f"{attack.model}.{attack.method}({attack.ids}, {attack.args}, {attack.kwargs})"
    return text if len(text) < 300 else f"{text[:297]}..."


def _dump(result):
    return json.dumps(result, default=str, ensure_ascii=False)


def _without_echo(text, attack):
    # What the attacker said may come back to it.
    return "" if SECRET in _dump([attack.args, attack.kwargs]) else text


def _is_empty(result):
    if isinstance(result, dict):
        # Of `web_search_read`, `read_progress_bar`, `load`, `export_data`, …
        return all(_is_empty(value) for value in result.values())
    if isinstance(result, (list, tuple)):
        # A group that counts nothing.
        return all(_is_empty(value) for value in result)
    return not result


# Values of the wrong type for a record id, or a list of them.
_NO_IDS = (
    0,
    -1,
    2**31,
    2**63,
    2**80,
    True,
    1.5,
    "1",
    "1 OR 1=1",
    "",
    None,
    {},
    {"id": 1},
    [],
    [None],
    [[1]],
    ["a"],
    [{}],
    "\x00",
    "💥",
)


class SecurityMatrix(SecurityCommon):
    """The rows, by what they are about."""

    def rows_foreign_subaccounts(self):
        """Nobody touches sub-accounts of another shop, whatever the field or the method."""
        model = "livechat.subaccount"
        victim = self.victim.ids
        own = self.subaccounts["colleague"].ids
        role = self.roles["reception"].id
        values = {
            "name": "taken",
            "login": "taken",
            "email": "taken@evil.example.com",
            "phone": "+1",
            "lang": "en_US",
            "image_1920": False,
            "livechat_username": "taken",
            "livechat_lang_ids": [Command.clear()],
            "livechat_expertise_ids": [Command.clear()],
            "dispatch_weight": 10,
            "dispatch_paused": True,
            "role_ids": [Command.clear()],
            "state": "disabled",
            "user_id": self.users["colleague"].id,
            "main_account_id": self.owner.id,
            "activated_on": False,
            "activation_token_hash": "0" * 64,
            "activation_expiration": "2099-01-01 00:00:00",
            "permission_ids": [Command.clear()],
            "channel_ids": [Command.clear()],
            "login_date": False,
            "message_follower_ids": [Command.clear()],
            "message_ids": [Command.clear()],
            "create_uid": self.owner.id,
            "id": own[0],
        }
        specification = {"name": {}, "login": {}, "user_id": {"fields": {"login": {}}}}
        for who in (*self.staff, *self.outsiders):
            names = values if who in self.managers else ("name", "dispatch_weight", "role_ids")
            for name in names:
                yield Attack(
                    f"{name} of a foreign sub-account",
                    who,
                    model,
                    "write",
                    victim,
                    ({name: values[name]},),
                )
            for method, args, expected in (
                ("action_activation_link", (), REFUSED),
                ("action_enable", (), REFUSED),
                ("action_disable", (), REFUSED),
                ("action_disable_wizard", (), REFUSED),
                ("action_apply_roles", (), REFUSED),
                ("action_delete", (), REFUSED),
                ("unlink", (), REFUSED),
                ("copy", (), REFUSED),
                ("copy_data", (), REFUSED),
                ("read", (["name"],), EMPTY),
                ("web_read", (specification,), EMPTY),
                ("web_save", ({"name": "taken"}, specification), REFUSED),
                ("web_save", ({}, specification), EMPTY),
                ("web_save_multi", ([{"name": "taken"}], specification), REFUSED),
                ("export_data", (["name", "login", "user_id/login"],), EMPTY),
                ("message_post", (), REFUSED),
                ("message_subscribe", ([self.owner.partner_id.id],), NOTHING),
                ("message_unsubscribe", ([self.rival.partner_id.id],), NOTHING),
                ("message_get_followers", (), NOTHING),
                ("message_post_with_source", ("im_livechat_subaccount.activation",), REFUSED),
                ("message_post_with_source", ("im_livechat_subaccount.activation_mail",), REFUSED),
                ("message_post_with_source", ("security_test.template",), REFUSED),
                ("message_mail_with_source", ("im_livechat_subaccount.activation_mail",), REFUSED),
                (
                    "message_mail_with_source",
                    ("security_test.template",),
                    REFUSED,
                ),
                ("message_notify", (), NOTHING),
                ("update_field_translations", ("name", {"en_US": "taken"}), REFUSED),
                ("get_field_translations", ("name",), REFUSED),
                ("web_override_translations", ({"name": "taken"},), NOTHING),
                ("web_resequence", ({}, "dispatch_weight"), REFUSED),
                ("onchange", ({"name": "x"}, ["name"], {"name": {}, "login": {}}), NOTHING),
                ("get_metadata", (), NOTHING),
                ("get_external_id", (), NOTHING),
            ):
                yield Attack(
                    "a foreign sub-account", who, model, method, victim, args, expected=expected
                )
            if who in self.managers:
                yield Attack(
                    "one of several is foreign",
                    who,
                    model,
                    "write",
                    own + victim,
                    ({"dispatch_weight": 11},),
                )
                yield Attack(
                    "one of several is foreign", who, model, "action_disable", own + victim
                )
                yield Attack("one of several is foreign", who, model, "unlink", own + victim)
                for target in (self.victim_pending, self.victim_disabled):
                    for method in ("action_activation_link", "action_enable", "action_delete"):
                        yield Attack("a foreign sub-account", who, model, method, target.ids)
                for command in (
                    Command.create({"name": "x"}),
                    Command.update(role, {"name": "x"}),
                    Command.delete(role),
                    Command.unlink(role),
                    Command.link(role),
                    Command.clear(),
                    Command.set([role]),
                    [7, 0, 0],
                ):
                    yield Attack(
                        "roles of a foreign sub-account",
                        who,
                        model,
                        "write",
                        victim,
                        ({"role_ids": [command]},),
                    )

    def rows_foreign_searches(self):
        """No search, group, export or domain tells that another shop's staff exists."""
        model = "livechat.subaccount"
        spec = {"name": {}, "user_id": {"fields": {"login": {}, "email": {}}}}
        mine = [("id", "in", self.victims.ids)]
        domains = (
            mine,
            [("name", "like", SECRET)],
            [("login", "like", "rival:")],
            [("user_id.login", "like", "rival:")],
            [("user_id.partner_id.email", "like", SECRET.lower())],
            [("main_account_id", "=", self.rival.id)],
            [("main_account_id.login", "=", "rival")],
            [("main_account_id.name", "like", SECRET)],
            [("role_ids.name", "like", SECRET)],
            [("role_ids", "in", self.victim_role.ids)],
            [("user_id.all_group_ids.name", "like", SECRET)],
            ["|", (1, "=", 1), ("id", "in", self.victims.ids), ("name", "like", SECRET)],
        )
        for who in (*self.staff, *self.outsiders):
            for domain in domains if who in self.managers else domains[:2]:
                for method, args in (
                    ("search", (domain,)),
                    ("search_count", (domain,)),
                    ("web_search_read", (domain, spec)),
                    ("search_read", (domain, ["name", "login"])),
                    ("web_read_group", (domain, ["main_account_id"], ["__count"])),
                    ("formatted_read_group", (domain, ["login"], ["__count"])),
                    ("read_group", (domain, ["login"], ["login"])),
                ):
                    yield Attack(
                        "a search finds no foreign sub-account",
                        who,
                        model,
                        method,
                        None,
                        args,
                        expected=EMPTY,
                    )
            for method, args in (
                ("name_search", (SECRET,)),
                ("web_name_search", (SECRET, {"display_name": {}})),
                ("name_search", ("", mine)),
                ("web_name_search", ("", {"display_name": {}}, mine)),
            ):
                yield Attack(
                    "names of foreign staff", who, model, method, None, args, expected=EMPTY
                )
            for method, args in (
                ("search_read", ([], ["name", "login", "email"])),
                ("formatted_read_group", ([], ["main_account_id", "name"], ["__count"])),
                (
                    "read_progress_bar",
                    ([], "main_account_id", {"field": "state", "colors": {"enabled": "x"}}),
                ),
                ("search_panel_select_range", ("main_account_id",)),
                ("default_get", (["main_account_id", "name", "user_id"],)),
                ("fields_get", ()),
            ):
                yield Attack(
                    "nothing foreign in a list", who, model, method, None, args, expected=NOTHING
                )
        # What hangs on a foreign sub-account elsewhere.
        for who in self.staff:
            for other, domain in (
                ("livechat.role", [("id", "in", self.victim_role.ids)]),
                ("livechat.role", [("name", "like", SECRET)]),
                ("livechat.role", [("main_account_id", "=", self.rival.id)]),
                ("livechat.role", [("subaccount_ids.name", "like", SECRET)]),
                ("livechat.role", [("subaccount_ids.login", "like", "rival:")]),
                ("livechat.role", [("subaccount_ids", "in", self.victims.ids)]),
                ("livechat.permission", [("role_ids", "in", self.victim_role.ids)]),
                ("livechat.permission", [("role_ids.name", "like", SECRET)]),
                ("livechat.permission", [("role_ids.subaccount_ids", "in", self.victims.ids)]),
                ("res.groups", [("name", "like", SECRET)]),
                ("res.groups", [("all_user_ids.login", "like", "rival:")]),
                ("res.users", [("id", "in", self.victims.user_id.ids)]),
                ("res.users", [("login", "like", "rival:")]),
                ("res.users", [("main_account_id", "=", self.rival.id)]),
                ("res.users", [("main_account_id.login", "=", "rival")]),
                ("res.users", [("subaccount_ids", "in", self.victims.ids)]),
                ("res.users", [("partner_id.name", "like", f"{SECRET} agent")]),
                ("res.partner", [("id", "in", self.victims.user_id.partner_id.ids)]),
                ("res.partner", [("name", "like", f"{SECRET} agent")]),
                ("res.partner", [("user_ids.login", "like", "rival:")]),
                ("res.partner", [("user_ids", "in", self.victims.user_id.ids)]),
                ("res.partner", [("email", "like", SECRET.lower())]),
                ("mail.message", [("model", "=", model), ("res_id", "in", self.victims.ids)]),
                ("mail.followers", [("res_model", "=", model), ("res_id", "in", self.victims.ids)]),
                ("mail.tracking.value", [("mail_message_id.model", "=", model)]),
                ("res.device", [("user_id", "in", self.victims.user_id.ids)]),
                ("res.users.apikeys", [("user_id", "in", self.victims.user_id.ids)]),
                ("res.users.settings", [("user_id", "in", self.victims.user_id.ids)]),
                ("mail.presence", [("user_id", "in", self.victims.user_id.ids)]),
            ):
                for method in ("search", "search_count"):
                    yield Attack(
                        "no foreign staff through another model",
                        who,
                        other,
                        method,
                        None,
                        (domain,),
                        expected=EMPTY,
                    )

    def rows_foreign_roles(self):
        """Roles of other shops and the templates are nobody's to change."""
        model = "livechat.role"
        for who in (*self.staff, *self.outsiders):
            targets = [(self.victim_role, EMPTY), (self.roles["reception"], NOTHING)]
            for role, reading in targets:
                values = {
                    "name": "taken",
                    "permission_ids": [Command.clear()],
                    "conversation_scope": "shop",
                    "sequence": 1,
                    "main_account_id": self.owner.id,
                    "group_id": self.env.ref("base.group_system").id,
                    "subaccount_ids": [Command.clear()],
                }
                for name, value in values.items():
                    yield Attack(
                        f"{name} of a role that is not its own",
                        who,
                        model,
                        "write",
                        role.ids,
                        ({name: value},),
                    )
                permission = self.permissions["manage_dispatch"].id
                for command in (
                    Command.create({"name": "x", "group_xmlids": "base.group_system"}),
                    Command.update(permission, {"group_xmlids": "base.group_system"}),
                    Command.delete(permission),
                    Command.unlink(permission),
                    Command.link(permission),
                    Command.clear(),
                    Command.set([permission]),
                ):
                    yield Attack(
                        "permissions of a role that is not its own",
                        who,
                        model,
                        "write",
                        role.ids,
                        ({"permission_ids": [command]},),
                    )
                for method, args in (
                    ("unlink", ()),
                    ("toggle_permission", (permission,)),
                    ("web_save", ({"name": "taken"}, {})),
                    ("update_field_translations", ("name", {"en_US": "taken"})),
                    ("web_override_translations", ({"name": "taken"},)),
                    ("web_resequence", ({}, "sequence", 5)),
                ):
                    yield Attack("a role that is not its own", who, model, method, role.ids, args)
                for method, args in (
                    ("read", (["name", "permission_ids"],)),
                    ("web_read", ({"name": {}, "subaccount_ids": {"fields": {"login": {}}}},)),
                    ("export_data", (["name", "subaccount_ids/login"],)),
                    ("get_field_translations", ("name",)),
                ):
                    yield Attack(
                        "reading a role", who, model, method, role.ids, args, expected=reading
                    )
            yield Attack("copying a foreign role", who, model, "copy", self.victim_role.ids)
            yield Attack("the matrix", who, model, "get_matrix", None, expected=NOTHING)
            if who != "main_account":
                for method, args in (
                    ("create", ({"name": "Mine"},)),
                    ("name_create", ("Mine",)),
                    ("copy", ()),
                ):
                    ids = self.roles["reception"].ids if method == "copy" else None
                    yield Attack("only a main account makes roles", who, model, method, ids, args)

    def rows_boundary(self):
        """No way to an administrator's rights, to other permissions, or out of the own shop."""
        system = self.env.ref("base.group_system")
        groups = (
            system
            | self.env.ref("base.group_erp_manager")
            | self.env.ref("base.group_sanitize_override")
        )
        hidden = self.env["livechat.permission"].create(
            {
                "name": "Hidden",
                "grantable": False,
                "group_xmlids": "base.group_partner_manager",
            }
        )
        user = self.users["colleague"]
        for who in (*self.staff, *self.outsiders):
            me = self.users[who]
            for group in groups:
                for command in (Command.link(group.id), Command.set([group.id])):
                    for target in (me, user):
                        for field in ("group_ids", "all_group_ids"):
                            yield Attack(
                                f"giving {group.name}",
                                who,
                                "res.users",
                                "write",
                                target.ids,
                                ({field: [command]},),
                            )
                for field in ("user_ids", "all_user_ids"):
                    yield Attack(
                        f"giving {group.name}",
                        who,
                        "res.groups",
                        "write",
                        group.ids,
                        ({field: [Command.link(me.id)]},),
                    )
                yield Attack(
                    "implying an administrator's group",
                    who,
                    "res.groups",
                    "write",
                    self.internal.ids,
                    ({"implied_ids": [Command.link(group.id)]},),
                )
                yield Attack(
                    "a role on an administrator's group",
                    who,
                    "livechat.role",
                    "create",
                    None,
                    ({"name": "x", "group_id": group.id},),
                )
            yield Attack(
                "a new group",
                who,
                "res.groups",
                "create",
                None,
                ({"name": "x", "implied_ids": [Command.link(system.id)]},),
            )
            yield Attack(
                "a new rule",
                who,
                "ir.rule",
                "create",
                None,
                ({"name": "x", "model_id": 1, "domain_force": "[]"},),
            )
            yield Attack(
                "a new access",
                who,
                "ir.model.access",
                "create",
                None,
                ({"name": "x", "model_id": 1, "perm_write": True},),
            )
            yield Attack(
                "a new external id",
                who,
                "ir.model.data",
                "create",
                None,
                ({"name": "x", "module": "base", "model": "res.groups", "res_id": system.id},),
            )
            for method, ids, args in (
                ("create", None, ({"name": "x", "group_xmlids": "base.group_system"},)),
                ("create", None, ({"name": "x", "read_models": "res.users"},)),
                ("name_create", None, ("x",)),
                (
                    "write",
                    self.permissions["receive_buyers"].ids,
                    ({"group_xmlids": "base.group_system"},),
                ),
                (
                    "write",
                    self.permissions["receive_buyers"].ids,
                    ({"read_models": "ir.config_parameter"},),
                ),
                ("write", hidden.ids, ({"grantable": True},)),
                ("unlink", hidden.ids, ()),
                ("copy", self.permissions["receive_buyers"].ids, ()),
                (
                    "update_field_translations",
                    self.permissions["receive_buyers"].ids,
                    ("name", {"en_US": "x"}),
                ),
                ("load", None, (["name", "group_xmlids"], [["x", "base.group_system"]])),
            ):
                expected = EMPTY if method == "load" else REFUSED
                yield Attack(
                    "the catalogue is an administrator's",
                    who,
                    "livechat.permission",
                    method,
                    ids,
                    args,
                    expected=NOTHING if method == "load" else expected,
                )
            for command in (
                Command.link(hidden.id),
                Command.set([hidden.id]),
                Command.create({"name": "x", "group_xmlids": "base.group_system"}),
                Command.update(hidden.id, {"grantable": True}),
                Command.delete(hidden.id),
            ):
                yield Attack(
                    "a permission that is not grantable",
                    who,
                    "livechat.role",
                    "write",
                    self.role_deputy.ids,
                    ({"permission_ids": [command]},),
                )
                yield Attack(
                    "a permission that is not grantable",
                    who,
                    "livechat.role",
                    "create",
                    None,
                    ({"name": "x", "permission_ids": [command]},),
                )
            yield Attack(
                "a permission that is not grantable",
                who,
                "livechat.role",
                "toggle_permission",
                self.role_deputy.ids,
                (hidden.id,),
            )

    def rows_managers(self):
        """Who manages others gives no more than it has, and nobody works on itself."""
        create = "create"
        model = "livechat.subaccount"
        row = self.subaccounts["colleague"]
        for who in ("deputy", "planner"):
            for role in (
                self.roles["store_manager"],
                self.roles["audit"],
                self.role_wide,
                self.role_planner if who == "deputy" else self.role_deputy,
            ):
                yield Attack(
                    "giving more than one has",
                    who,
                    model,
                    create,
                    None,
                    ({"name": "puppet", "role_ids": [Command.link(role.id)]},),
                )
                yield Attack(
                    "giving more than one has",
                    who,
                    model,
                    "write",
                    row.ids,
                    ({"role_ids": [Command.link(role.id)]},),
                )
                yield Attack(
                    "giving more than one has",
                    who,
                    model,
                    "write",
                    row.ids,
                    ({"role_ids": [Command.set([role.id])]},),
                )
                yield Attack(
                    "giving more than one has",
                    who,
                    model,
                    "copy",
                    self.subaccounts["store_manager"].ids,
                )
            for method, args in (
                ("action_activation_link", ()),
                ("action_disable", ()),
                ("write", ({"email": "mine@evil.example.com"},)),
                ("write", ({"login": "mine"},)),
                ("write", ({"role_ids": [Command.clear()]},)),
            ):
                for target in ("store_manager", "audit"):
                    yield Attack(
                        "managing who has more permissions",
                        who,
                        model,
                        method,
                        self.subaccounts[target].ids,
                        args,
                    )
        for method, args in (
            ("write", ({"name": "x"},)),
            ("write", ({"dispatch_weight": 50, "name": "x"},)),
            ("write", ({"role_ids": [Command.clear()]},)),
            ("action_activation_link", ()),
            ("action_disable", ()),
            ("action_enable", ()),
            ("unlink", ()),
            ("copy", ()),
        ):
            yield Attack(
                "a dispatch manager manages dispatch only", "planner", model, method, row.ids, args
            )
        # Nobody works on itself.
        for who in (
            "reception",
            "after_sales",
            "shipping",
            "audit",
            "store_manager",
            "deputy",
            "planner",
        ):
            mine = self.subaccounts[who].ids
            for method, args in (
                ("write", ({"dispatch_weight": 1000},)),
                ("write", ({"dispatch_paused": True, "dispatch_weight": 1000},)),
                ("write", ({"dispatch_pause_above": 1},)),
                ("write", ({"role_ids": [Command.link(self.roles["store_manager"].id)]},)),
                ("write", ({"role_ids": [Command.clear()]},)),
                ("write", ({"state": "pending"},)),
                ("write", ({"main_account_id": self.rival.id},)),
                ("write", ({"name": "x"},)),
                ("action_activation_link", ()),
                ("action_disable", ()),
                ("action_enable", ()),
                ("unlink", ()),
                ("action_delete", ()),
                ("copy", ()),
            ):
                if method == "copy" and who in ("store_manager", "deputy"):
                    continue  # a new colleague with the same permissions
                yield Attack("itself", who, model, method, mine, args)
            # But whoever opens its own account pauses itself there, as anywhere.
            opens = who in ("store_manager", "deputy", "planner")
            yield Attack(
                "a pause of one's own",
                who,
                model,
                "write",
                mine,
                ({"dispatch_paused": True},),
                {},
                ALLOWED if opens else REFUSED,
            )
        for who in (*self.staff, *self.outsiders):
            me = self.users[who]
            for values in (
                {"dispatch_weight": 1000},
                {"dispatch_paused": True},
                {"main_account_id": False},
                {"main_account_id": self.rival.id},
                {"main_account_code": "rival"},
                {"company_ids": [Command.clear()]},
                {"active": False},
                {"subaccount_ids": [Command.clear()]},
                {
                    "livechat_channel_ids": [
                        Command.link(self.victim_shop["im_livechat.channel"].id)
                    ]
                },
            ):
                yield Attack("itself, as a user", who, "res.users", "write", me.ids, (values,))

    def rows_users(self):
        """No new access to ``res.users`` and what hangs on it."""
        targets = {
            "a colleague": self.users["colleague"],
            "foreign staff": self.victim.user_id,
            "staff not activated": self.victim_pending.user_id,
            "the other main account": self.rival,
            "an administrator": self.env.ref("base.user_admin"),
        }
        for who in (*self.managers, "reception", "employee", "portal", "public"):
            yield Attack(
                "no user is made", who, "res.users", "create", None, ({"name": "x", "login": "x"},)
            )
            yield Attack("no user is made", who, "res.users", "name_create", None, ("x",))
            yield Attack(
                "no user is made",
                who,
                "res.users",
                "web_save",
                [],
                ({"name": "x", "login": "x"}, {}),
            )
            yield Attack(
                "no user is made",
                who,
                "res.users",
                "load",
                None,
                (["name", "login"], [["x", "x"]]),
                expected=NOTHING,
            )
            for label, target in targets.items():
                for values in (
                    {"name": "x"},
                    {"login": "x"},
                    {"email": "x@evil.example.com"},
                    {"password": "x-evil-password"},
                    {"new_password": "x-evil-password"},
                    {"active": False},
                    {"group_ids": [Command.clear()]},
                    {"company_id": 1},
                    {"main_account_id": self.owner.id},
                    {"dispatch_weight": 10},
                    {"totp_secret": "x"},
                    {"totp_enabled": False},
                    {"api_key_ids": [Command.clear()]},
                    {"partner_id": self.users[who].partner_id.id},
                    {"livechat_username": "x"},
                ):
                    if (
                        "totp" in next(iter(values))
                        and next(iter(values)) not in self.env["res.users"]
                    ):
                        continue
                    yield Attack(
                        f"{next(iter(values))} of {label}",
                        who,
                        "res.users",
                        "write",
                        target.ids,
                        (values,),
                    )
                for method, args in (
                    ("unlink", ()),
                    ("copy", ()),
                    ("action_reset_password", ()),
                    ("web_save", ({"name": "x"}, {})),
                    ("action_archive", ()),
                ):
                    # Archiving what is archived is nothing.
                    archived = method == "action_archive" and not target.active
                    yield Attack(
                        f"{method} of {label}",
                        who,
                        "res.users",
                        method,
                        target.ids,
                        args,
                        expected=NOTHING if archived else REFUSED,
                    )
                for method, args in (
                    ("action_totp_disable", ()),
                    ("action_totp_enable_wizard", ()),
                    ("action_revoke_all_devices", ()),
                    ("preference_change_password", ()),
                    ("api_key_wizard", ()),
                ):
                    if hasattr(self.env["res.users"], method):
                        yield Attack(
                            f"{method} of {label}",
                            who,
                            "res.users",
                            method,
                            target.ids,
                            args,
                            expected=NOTHING,
                        )
                yield Attack(
                    f"the secrets of {label}",
                    who,
                    "res.users",
                    "read",
                    target.ids,
                    (["password", "api_key_ids", "group_ids"],),
                    expected=NOTHING,
                )
                partner = target.partner_id
                for values in (
                    {"name": "x"},
                    {"email": "x@evil.example.com"},
                    {"phone": "1"},
                    {"user_ids": [Command.clear()]},
                    {"signup_type": "reset"},
                ):
                    yield Attack(
                        f"{next(iter(values))} of the partner of {label}",
                        who,
                        "res.partner",
                        "write",
                        partner.ids,
                        (values,),
                    )
                yield Attack(f"the partner of {label}", who, "res.partner", "unlink", partner.ids)
                yield Attack(
                    f"a signup of {label}", who, "res.partner", "signup_prepare", partner.ids
                )
                yield Attack(
                    f"the login of {label}",
                    who,
                    "res.partner",
                    "signup_get_auth_param",
                    partner.ids,
                    expected=NOTHING,
                )

    def rows_adoption(self):
        """Sub-accounts are born in the own shop and stay there."""
        model = "livechat.subaccount"
        foreign, own = self.rival.id, self.owner.id
        company = self.env["res.company"].sudo().search([], limit=1).id
        for who in (*self.managers, "reception", "audit", "agent", "employee", "portal", "public"):
            for values in (
                {"name": "x", "main_account_id": foreign},
                {"name": "x", "main_account_id": self.users["colleague"].id},
                {"name": "x", "main_account_id": self.env.ref("base.user_admin").id},
                {"name": "x", "user_id": self.victim.user_id.id},
                {"name": "x", "user_id": self.env.ref("base.user_admin").id},
                {"name": "x", "user_id": self.users["employee"].id},
                {"name": "x", "login": "admin"},
                {"name": "x", "login": "rival:desk99"},
                {"name": "x", "login": self.victim.login},
                {"name": "x", "state": "enabled"},
                {"name": "x", "activated_on": "2020-01-01 00:00:00"},
                {"name": "x", "activation_token_hash": "0" * 64},
                {"name": "x", "company_id": company},
                {"name": "x", "company_ids": [Command.set([company])]},
                {"name": "x", "group_ids": [Command.link(self.env.ref("base.group_system").id)]},
                {"name": "x", "password": "evil-password"},
                {"name": "x", "active": True},
                {"name": "x", "role_ids": [Command.link(self.victim_role.id)]},
                {"name": "x", "role_ids": [Command.set([self.victim_role.id])]},
                {"name": "x", "role_ids": [Command.create({"name": "y"})]},
                {"name": "x", "role_ids": [Command.update(self.victim_role.id, {"name": "y"})]},
                {"name": "x", "role_ids": [Command.delete(self.victim_role.id)]},
                {"name": "x", "livechat_expertise_ids": [Command.create({"name": "y"})]},
                {"name": "x", "livechat_lang_ids": [Command.create({"name": "y", "code": "y"})]},
                {"name": "x", "message_ids": [Command.create({"body": "y"})]},
                {"name": "x", "message_follower_ids": [Command.create({"partner_id": 1})]},
                {
                    "name": "x",
                    "permission_ids": [Command.link(self.permissions["receive_buyers"].id)],
                },
                {"name": "x", "create_uid": foreign},
                {
                    "name": "x",
                    "channel_ids": [Command.link(self.victim_shop["im_livechat.channel"].id)],
                },
                {"name": "x", "channel_ids": [Command.create({"name": "y"})]},
                {"name": ""},
                {},
            ):
                yield Attack(
                    "what a new sub-account may say", who, model, "create", None, (values,)
                )
                yield Attack(
                    "what a new sub-account may say",
                    who,
                    model,
                    "web_save",
                    [],
                    (values, {"name": {}}),
                )
            own_row = self.subaccounts["colleague"].ids
            for values in (
                {"main_account_id": foreign},
                {"main_account_id": own},
                {"main_account_id": self.users["colleague"].id},
                {"user_id": self.victim.user_id.id},
                {"user_id": self.env.ref("base.user_admin").id},
                {"login": "admin"},
                {"login": self.victim.login},
                {"login": "rival:desk98"},
                {"login": "with space"},
                {"login": ""},
                {"role_ids": [Command.link(self.victim_role.id)]},
                {"role_ids": [Command.set([self.victim_role.id])]},
                {"role_ids": self.victim_role.ids},
                {"role_ids": [Command.create({"name": "y"})]},
                {"role_ids": [Command.update(self.roles["reception"].id, {"name": "y"})]},
                {"role_ids": [Command.delete(self.roles["reception"].id)]},
                {"livechat_expertise_ids": [Command.create({"name": "y"})]},
                {"livechat_lang_ids": [Command.update(1, {"active": False})]},
                {"livechat_lang_ids": [Command.delete(1)]},
                {"channel_ids": [Command.link(self.victim_shop["im_livechat.channel"].id)]},
                {"channel_ids": [Command.set(self.victim_shop["im_livechat.channel"].ids)]},
                {"channel_ids": self.victim_shop["im_livechat.channel"].ids},
                {
                    "channel_ids": [
                        Command.update(self.victim_shop["im_livechat.channel"].id, {"name": "y"})
                    ]
                },
                {"channel_ids": [Command.delete(self.shop["im_livechat.channel"].id)]},
                {
                    "channel_ids": [
                        Command.update(
                            self.shop["im_livechat.channel"].id, {"main_account_id": foreign}
                        )
                    ]
                },
                {"channel_ids": [Command.create({"name": "y", "main_account_id": foreign})]},
            ):
                yield Attack(
                    "what can be said of an own sub-account",
                    who,
                    model,
                    "write",
                    own_row,
                    (values,),
                )
            for header, line in (
                (["name", "main_account_id/.id"], ["x", str(foreign)]),
                (["name", "main_account_id"], ["x", self.rival.name]),
                (["name", "main_account_id/id"], ["x", "base.user_admin"]),
                (["name", "user_id/.id"], ["x", str(self.victim.user_id.id)]),
                (["name", "user_id/id"], ["x", "base.user_admin"]),
                (["name", "user_id/login"], ["x", "evil"]),
                (["name", "role_ids/.id"], ["x", str(self.victim_role.id)]),
                (["name", "role_ids/id"], ["x", "base.group_system"]),
                (["name", "role_ids/name"], ["x", "evil"]),
                (["name", "role_ids"], ["x", self.victim_role.name]),
                (
                    ["name", "channel_ids/.id"],
                    ["x", str(self.victim_shop["im_livechat.channel"].id)],
                ),
                ([".id", "name"], [str(self.victim.id), "taken"]),
                ([".id", "dispatch_weight"], [str(self.victim.id), "10"]),
                (["id", "name"], ["base.user_admin", "taken"]),
                (["id", "name"], ["im_livechat_subaccount.role_reception", "taken"]),
                (["name", "login"], ["x", "admin"]),
                (["name", "dispatch_weight"], ["x", "100000"]),
                (["name", "dispatch_weight"], ["x", "abc"]),
                (["name", "state"], ["x", "enabled"]),
                (["name", "activation_token_hash"], ["x", "0" * 64]),
            ):
                yield Attack(
                    "an import is checked like anything else",
                    who,
                    model,
                    "load",
                    None,
                    (header, [line]),
                    expected=NOTHING,
                )

    def rows_own(self):
        """The same calls on the own shop work: what the other rows refuse is not their form."""
        row, pending = self.subaccounts["colleague"].ids, self.subaccounts["pending"].ids
        shop = self.shop
        channel, rule = shop["im_livechat.channel"], shop["im_livechat.channel.rule"]
        chat = shop["discuss.channel"]
        role = self.roles["reception"].id
        staff = "livechat.subaccount"
        for who in ("main_account", "store_manager"):
            for model, method, ids, args in (
                (staff, "write", row, ({"name": "x"},)),
                (staff, "write", row, ({"login": "x"},)),
                (staff, "write", row, ({"email": "x@example.com", "phone": "1", "lang": "en_US"},)),
                (staff, "write", row, ({"dispatch_weight": 10, "dispatch_paused": True},)),
                (staff, "write", row, ({"role_ids": [Command.clear()]},)),
                (staff, "write", row, ({"role_ids": [Command.link(role)]},)),
                (staff, "write", row, ({"role_ids": [Command.unlink(role)]},)),
                (staff, "write", row, ({"role_ids": [Command.set([role])]},)),
                (staff, "create", None, ({"name": "x", "role_ids": [Command.link(role)]},)),
                (staff, "name_create", None, ("x",)),
                (staff, "web_save", [], ({"name": "x"}, {"name": {}})),
                (staff, "web_save", row, ({"name": "x"}, {"name": {}})),
                (staff, "load", None, (["name"], [["x"]])),
                (staff, "copy", row, ()),
                (staff, "read", row, (["name", "login"],)),
                (staff, "web_read", row, ({"name": {}, "user_id": {"fields": {"login": {}}}},)),
                (staff, "export_data", row, (["name", "login", "user_id/login"],)),
                (staff, "action_activation_link", pending, ()),
                (staff, "action_activation_link", row, ()),
                (staff, "action_disable", row, ()),
                (staff, "action_disable_wizard", row, ()),
                (staff, "action_apply_roles", row, ()),
                (staff, "action_delete", pending, ()),
                (staff, "onchange", [], ({"name": "x"}, ["name"], {"name": {}, "login": {}})),
                ("livechat.role", "get_matrix", None, ()),
                ("im_livechat.channel", "write", channel.ids, ({"name": "x"},)),
                (
                    "im_livechat.channel",
                    "write",
                    channel.ids,
                    ({"user_ids": [Command.link(self.users["colleague"].id)]},),
                ),
                ("im_livechat.channel", "action_join", channel.ids, ()),
                ("im_livechat.channel.rule", "write", rule.ids, ({"regex_url": "/x"},)),
                ("im_livechat.channel.rule", "create", None, ({"channel_id": channel.id},)),
                ("discuss.channel", "read", chat.ids, (["name"],)),
                ("im_livechat.report.channel", "search_count", None, ([],)),
            ):
                yield Attack("the own shop", who, model, method, ids, args, expected=ALLOWED)
        yield Attack(
            "only who may receive buyers joins a chat that looks for help",
            "store_manager",
            "discuss.channel",
            "livechat_join_channel_needing_help",
            chat.ids,
        )
        for model, method, ids, args in (
            # Joins as one who may receive buyers; a store manager without that right does not.
            ("discuss.channel", "livechat_join_channel_needing_help", chat.ids, ()),
            ("livechat.role", "create", None, ({"name": "x", "conversation_scope": "shop"},)),
            ("livechat.role", "name_create", None, ("x",)),
            ("livechat.role", "write", self.role_wide.ids, ({"name": "x"},)),
            (
                "livechat.role",
                "write",
                self.role_wide.ids,
                ({"permission_ids": [Command.clear()]},),
            ),
            (
                "livechat.role",
                "toggle_permission",
                self.role_wide.ids,
                (self.permissions["manage_dispatch"].id,),
            ),
            ("livechat.role", "copy", [role], ()),
            ("livechat.role", "unlink", self.role_wide.ids, ()),
            (
                "livechat.role",
                "update_field_translations",
                self.role_wide.ids,
                ("name", {"en_US": "x"}),
            ),
        ):
            yield Attack("the own shop", "main_account", model, method, ids, args, expected=ALLOWED)
        for who in ("planner", "store_manager"):
            yield Attack(
                "the own shop",
                who,
                staff,
                "write",
                row,
                ({"dispatch_weight": 20},),
                expected=ALLOWED,
            )
        for who in ("deputy", "store_manager"):
            yield Attack(
                "the own shop",
                who,
                staff,
                "create",
                None,
                ({"name": "x", "role_ids": [Command.link(self.role_deputy.id)]},),
                expected=ALLOWED,
            )

    def _share(self, who):
        """What somebody has made for itself, and what an administrator has made for all."""
        user = self.users[who]
        admin = self.env.ref("base.user_admin")
        action = self.env.ref("base.action_res_users")
        shared = {}
        for label, maker in (("own", user), ("all", admin)):
            mine = label == "own"
            env = self.env["base"].with_user(maker).sudo().env
            export = env["ir.exports"].create({"name": label, "resource": "res.users"})
            values = {
                "ir.filters": {
                    "name": label,
                    "model_id": "res.users",
                    "user_ids": [Command.set(user.ids if mine else [])],
                },
                "ir.embedded.actions": {
                    "name": label,
                    "parent_action_id": action.id,
                    "parent_res_model": "res.users",
                    "python_method": "preference_save",
                    "user_id": user.id if mine else False,
                },
                "ir.exports.line": {"name": "login", "export_id": export.id},
                "mail.canned.response": {
                    "source": label,
                    "substitution": label,
                    "group_ids": [Command.set([] if mine else self.internal.ids)],
                },
                "mail.template": {
                    "name": label,
                    "model_id": self.env["ir.model"]._get_id("res.partner"),
                    "user_id": user.id if mine else False,
                },
                "base_import.mapping": {
                    "res_model": "res.users",
                    "column_name": "Name",
                    "field_name": "name",
                },
            }
            shared[label] = {name: env[name].create(vals) for name, vals in values.items()}
            shared[label]["ir.exports"] = export
        return shared

    def rows_shared(self):
        """Of what others' pages obey, staff makes and changes only what is its own alone."""
        admin = self.env.ref("base.user_admin")
        action = self.env.ref("base.action_res_users")
        weight = self.env["ir.model.fields"]._get("res.users", "name").id
        evil = "{'default_password': 'evil-password'}"
        layout = self.env["report.layout"].search([], limit=1)
        calendar = self.env.company.resource_calendar_id
        machine = self.env["resource.resource"].create(
            {"name": "A machine", "calendar_id": calendar.id}
        )
        buyer = self.env["res.partner"].create({"name": "A buyer"})
        shared = {who: self._share(who) for who in self.staff}
        for who in (*self.staff, *self.outsiders):
            for owner, successor in (
                (self.owner, self.users["employee"]),
                (self.rival, self.owner),
            ):
                yield Attack(
                    "a shop", who, "res.users", "action_hand_shop_over", owner.ids, (successor.id,)
                )
        for who in self.staff:
            user = self.users[who]
            own, foreign = shared[who]["own"], shared[who]["all"]
            trick = {"name": "trick", "model_id": "res.users", "context": evil}
            tab = {
                "name": "trick",
                "parent_action_id": action.id,
                "parent_res_model": "res.users",
                "python_method": "action_reset_password",
            }
            answer = {"source": "pay", "substitution": "pay at evil.example.com"}
            letter = {
                "name": "trick",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body_html": "<p>pay at evil.example.com</p>",
            }
            leave = {"name": "x", "date_from": "2090-01-01", "date_to": "2090-01-03"}
            task = {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": buyer.id,
                "note": "<p><a href='https://evil.example.com'>Log in</a></p>",
            }
            default = {"field_id": weight, "json_value": '"evil"'}
            for promise, model, vals in (
                ("a filter for all", "ir.filters", trick),
                ("a filter for another", "ir.filters", {**trick, "user_ids": admin.ids}),
                (
                    "a filter for oneself and another",
                    "ir.filters",
                    {**trick, "user_ids": (user | admin).ids},
                ),
                ("a button for all", "ir.embedded.actions", tab),
                ("a button for another", "ir.embedded.actions", {**tab, "user_id": admin.id}),
                ("a default for all", "ir.default", default),
                ("a default for another", "ir.default", {**default, "user_id": admin.id}),
                (
                    "an answer for a group",
                    "mail.canned.response",
                    {**answer, "group_ids": self.internal.ids},
                ),
                ("a template for all", "mail.template", letter),
                ("a template for another", "mail.template", {**letter, "user_id": admin.id}),
                (
                    "a field of another's export",
                    "ir.exports.line",
                    {"name": "password", "export_id": foreign["ir.exports"].id},
                ),
                (
                    "a paper for all",
                    "report.layout",
                    {"name": "x", "view_id": layout.view_id.id},
                ),
                ("a day off of all", "resource.calendar.leaves", leave),
                (
                    "a day off of what is nobody's",
                    "resource.calendar.leaves",
                    {**leave, "resource_id": machine.id},
                ),
                ("a task with a link", "mail.activity", {**task, "user_id": admin.id}),
            ):
                yield Attack(promise, who, model, "create", None, (vals,))
            if not user.has_group("website.group_website_restricted_editor"):
                picture = {"name": "x.png", "res_model": "ir.ui.view", "public": True}
                yield Attack(
                    "a picture for editors", who, "ir.attachment", "create", None, (picture,)
                )
            yield Attack("a filter for all", who, "ir.filters", "create_filter", None, (trick,))
            yield Attack(
                "a default for all", who, "ir.default", "set", None, ("res.users", "name", "evil")
            )
            for promise, model, vals in (
                (
                    "one's filter becomes everybody's",
                    "ir.filters",
                    {"user_ids": [Command.clear()]},
                ),
                ("one's filter becomes another's", "ir.filters", {"user_ids": admin.ids}),
                ("one's button becomes everybody's", "ir.embedded.actions", {"user_id": False}),
                (
                    "one's answer becomes a group's",
                    "mail.canned.response",
                    {"group_ids": self.internal.ids},
                ),
                ("one's template becomes everybody's", "mail.template", {"user_id": False}),
                (
                    "a field moves to another's export",
                    "ir.exports.line",
                    {"export_id": foreign["ir.exports"].id},
                ),
            ):
                yield Attack(promise, who, model, "write", own[model].ids, (vals,))
            yield Attack("a paper", who, "report.layout", "write", layout.ids, ({"name": "x"},))
            for model, vals in (
                ("ir.filters", {"context": evil}),
                ("ir.embedded.actions", {"python_method": "action_reset_password"}),
                ("ir.exports", {"name": "x"}),
                ("ir.exports.line", {"name": "password"}),
                ("mail.canned.response", {"substitution": "evil"}),
                ("mail.template", {"body_html": "evil"}),
                ("base_import.mapping", {"field_name": "password"}),
            ):
                ids = foreign[model].ids
                yield Attack("what is everybody's", who, model, "write", ids, (vals,))
                yield Attack("what is everybody's", who, model, "unlink", ids)
            if self.users[who].has_group("im_livechat.im_livechat_group_user"):
                yield Attack(
                    "a tag of another shop",
                    who,
                    "im_livechat.conversation.tag",
                    "write",
                    self.victim_shop["tag"].ids,
                    ({"name": "evil"},),
                )
            for model, vals in (
                ("ir.filters", {**trick, "user_ids": user.ids}),
                ("ir.embedded.actions", {**tab, "user_id": user.id}),
                ("ir.default", {**default, "user_id": user.id}),
                ("mail.canned.response", answer),
                ("mail.template", {**letter, "user_id": user.id}),
                ("mail.activity", {**task, "user_id": user.id}),
                ("mail.activity", {**task, "user_id": admin.id, "note": "Call"}),
            ):
                if model != "mail.activity" or buyer.with_user(user).has_access("write"):
                    yield Attack(
                        "for oneself", who, model, "create", None, (vals,), expected=ALLOWED
                    )

    def rows_context(self):
        """Nothing in the context changes what is created, who is asked, or what is logged.

        :return: the keys of a context that try.
        """
        system = self.env.ref("base.group_system").id
        return {
            "default_main_account_id": self.rival.id,
            "default_user_id": self.victim.user_id.id,
            "default_group_ids": [Command.link(system)],
            "default_company_id": 10**6,
            "default_company_ids": [Command.link(10**6)],
            "default_active": True,
            "default_password": "evil-password",
            "default_partner_id": self.env.ref("base.user_admin").partner_id.id,
            "default_share": True,
            "default_state": "enabled",
            "default_activation_token_hash": "0" * 64,
            "default_activated_on": "2020-01-01 00:00:00",
            "default_role_ids": [Command.link(self.victim_role.id)],
            "default_dispatch_weight": 1000,
            "default_dispatch_paused": True,
            "default_implied_ids": [Command.link(system)],
            "default_user_ids": [Command.link(self.users["reception"].id)],
            "default_group_id": system,
            "default_permission_ids": [Command.link(self.permissions["manage_dispatch"].id)],
            "default_conversation_scope": "shop",
            "default_parent_id": 1,
            "default_model": "res.users",
            "default_res_id": 1,
            "default_main_account_code": "rival2",
            "default_livechat_channel_ids": [
                Command.link(self.victim_shop["im_livechat.channel"].id)
            ],
            "default_api_key_ids": [Command.create({"name": "x"})],
            "default_image_1920": "x",
            "default_lang": "xx_XX",
            "default_tz": "Mars/Base",
            "tracking_disable": True,
            "mail_notrack": True,
            "mail_create_nolog": True,
            "install_mode": True,
            "active_test": False,
            "su": True,
            "uid": 1,
            "import_file": True,
        }

    def rows_secrets(self):
        """The link of somebody else is nowhere to be found, not even its hash."""
        model = "livechat.subaccount"
        prefix = self.victim_pending.activation_token_hash[:8]
        secret, own = self.victim_pending.ids, self.subaccounts["pending"].ids
        name = "activation_token_hash"
        template = self.template
        for who in (*self.staff, *self.outsiders):
            for ids in (secret, own):
                for method, args in (
                    ("read", ([name],)),
                    ("web_read", ({name: {}},)),
                    ("export_data", ([name],)),
                    ("mapped", (name,)),
                    ("onchange", ({name: "x"}, [name], {name: {}})),
                    ("web_save", ({}, {name: {}})),
                    ("get_field_translations", (name,)),
                    ("_find_by_token", (self.victim_token,)),
                    ("_activate", ("evil-password",)),
                    ("_store", ({"activated_on": False},)),
                    ("_set_roles", ([],)),
                    ("_disable", ()),
                    ("_drop", ()),
                    ("_void_links", ()),
                    ("_mail_activation_link", ("http://evil",)),
                    ("_sudo_clean", ()),
                    ("_write", ({"activated_on": False},)),
                    ("sudo", ()),
                    ("with_user", (1,)),
                    ("with_env", (1,)),
                    ("flush_recordset", ()),
                    ("invalidate_recordset", ()),
                ):
                    yield Attack(
                        "the hash and the private methods",
                        who,
                        model,
                        method,
                        ids,
                        args,
                        expected=NOTHING
                        if method in ("export_data", "onchange", "web_save", "read", "web_read")
                        else REFUSED,
                    )
            for method, args in (
                ("search", ([(name, "=like", f"{prefix}%")],)),
                ("search", ([(name, "!=", False)],)),
                ("search", ([(name, "in", [prefix])],)),
                ("search_count", ([(name, ">", "0")],)),
                ("search", ([], 0, None, name)),
                ("web_search_read", ([], {name: {}})),
                ("web_search_read", ([], {"id": {}}, 0, None, f"{name} desc")),
                ("formatted_read_group", ([], [name], ["__count"])),
                ("formatted_read_group", ([], [], [f"{name}:max"])),
                ("web_read_group", ([], [name], ["__count"])),
                ("read_group", ([], [f"{name}:max"], ["state"])),
                ("read_progress_bar", ([], name, {"field": "state", "colors": {}})),
                ("search_panel_select_range", (name,)),
                ("name_search", ("", [(name, "=like", f"{prefix}%")])),
                ("default_get", ([name],)),
            ):
                yield Attack(
                    "the hash by searching", who, model, method, None, args, expected=EMPTY
                )
            for other, domain in (
                ("livechat.role", [(f"subaccount_ids.{name}", "=like", f"{prefix}%")]),
                ("res.users", [(f"subaccount_ids.{name}", "=like", f"{prefix}%")]),
                ("livechat.permission", [(f"role_ids.subaccount_ids.{name}", "!=", False)]),
                ("mail.mail", [("body_html", "like", "/livechat/activate/")]),
                ("mail.mail", []),
                ("mail.message", [("body", "like", "/livechat/activate/")]),
                ("mail.message", [("body", "like", self.victim_token)]),
                ("livechat.activation.link", []),
                ("bus.bus", []),
                ("ir.logging", []),
                ("ir.attachment", [("res_model", "=", model)]),
            ):
                yield Attack(
                    "links in another model", who, other, "search", None, (domain,), expected=EMPTY
                )
            for wizard, values in (
                (
                    "mail.template.preview",
                    {"mail_template_id": template.id, "resource_ref": f"{model},{secret[0]}"},
                ),
                (
                    "mail.compose.message",
                    {
                        "template_id": template.id,
                        "model": model,
                        "res_ids": str(secret),
                        "composition_mode": "comment",
                    },
                ),
                (
                    "mail.compose.message",
                    {
                        "template_id": template.id,
                        "model": model,
                        "res_ids": str(secret),
                        "composition_mode": "mass_mail",
                    },
                ),
                (
                    "mail.compose.message",
                    {
                        "model": model,
                        "res_ids": str(secret),
                        "body": "<t t-out='object.activation_token_hash'/>",
                        "composition_mode": "mass_mail",
                    },
                ),
            ):
                yield Attack(
                    "a template rendered for foreign staff",
                    who,
                    wizard,
                    "web_save",
                    [],
                    (
                        values,
                        {"body_html": {}, "subject": {}}
                        if "preview" in wizard
                        else {"body": {}, "subject": {}},
                    ),
                    expected=NOTHING,
                )
            for method, args in (
                ("write", ({"body_html": "<p>x</p>"},)),
                ("write", ({"email_to": "x@evil.example.com"},)),
                ("write", ({"user_id": self.users[who].id},)),
                ("unlink", ()),
                ("send_mail", (secret[0], True)),
                ("send_mail", (secret[0], True, False, {"email_to": "x@evil.example.com"})),
                ("send_mail_batch", (secret,)),
                ("create_action", ()),
                ("update_field_translations", ("body_html", {"en_US": {"Set my password": "x"}})),
            ):
                yield Attack(
                    "the mail of the link", who, "mail.template", method, template.ids, args
                )

    def rows_foreign_chats(self):
        """One shop sees nothing of the chats, channels and figures of another."""
        other = self.victim_shop
        chat, channel = other["discuss.channel"], other["im_livechat.channel"]
        message, partner = other["mail.message"], self.victim.user_id.partner_id.id
        reads = {
            "im_livechat.channel": ["name", "default_message", "user_ids", "main_account_id"],
            "im_livechat.channel.rule": ["regex_url", "action"],
            "discuss.channel": ["name", "livechat_note", "livechat_channel_id"],
            "discuss.channel.member": ["partner_id", "guest_id"],
            "mail.message": ["body", "author_id"],
            "im_livechat.channel.member.history": ["partner_id", "guest_id"],
            "discuss.call.history": ["channel_id"],
            "rating.rating": ["feedback", "rating"],
            "mail.message.reaction": ["content"],
            "livechat.dispatch.decision": ["reason", "user_id"],
            "livechat.ticket.decision": ["reason", "user_id"],
            "livechat.dispatch.total": ["user_id", "received"],
        }
        for who in self.lookers:
            me = self.users[who]
            for model, names in reads.items():
                ids = other[model].ids
                spec = {name: {} for name in names}
                for method, call_ids, args in (
                    ("read", ids, (names,)),
                    ("web_read", ids, (spec,)),
                    ("export_data", ids, (names,)),
                    ("search", None, ([("id", "in", ids)],)),
                    ("search_count", None, ([("id", "in", ids)],)),
                    ("web_search_read", None, ([("id", "in", ids)], spec)),
                    ("search_read", None, ([("id", "in", ids)], names)),
                    ("formatted_read_group", None, ([("id", "in", ids)], [names[0]], ["__count"])),
                    ("name_search", None, ("", [("id", "in", ids)])),
                ):
                    yield Attack(
                        f"{model} of another shop",
                        who,
                        model,
                        method,
                        call_ids,
                        args,
                        expected=EMPTY,
                    )
                for method, args in (
                    ("write", ({names[0]: False},)),
                    ("unlink", ()),
                    ("copy", ()),
                ):
                    yield Attack(f"{model} of another shop", who, model, method, ids, args)
                domain = {
                    "discuss.channel.member": [("channel_id.channel_type", "=", "livechat")],
                    "mail.message": [("model", "=", "discuss.channel")],
                }.get(model, [])
                yield Attack(
                    f"{model} in a list",
                    who,
                    model,
                    "search_read",
                    None,
                    (domain, names),
                    expected=NOTHING,
                )
            for model, domain in (
                ("im_livechat.report.channel", [("livechat_channel_id", "=", channel.id)]),
                ("im_livechat.report.channel", [("channel_id", "=", chat.id)]),
                ("im_livechat.report.channel", [("livechat_channel_id.name", "like", SECRET)]),
                ("im_livechat.report.channel", [("partner_id", "=", partner)]),
                ("discuss.channel", [("livechat_channel_id.main_account_id.login", "=", "rival")]),
                ("discuss.channel", [("livechat_channel_id.name", "like", SECRET)]),
                ("discuss.channel", [("livechat_note", "like", SECRET)]),
                ("discuss.channel", [("message_ids.body", "like", SECRET)]),
                ("discuss.channel", [("livechat_agent_partner_ids", "in", [partner])]),
                ("discuss.channel", [("dispatch_seat_partner_ids", "in", [partner])]),
                ("discuss.channel", [("livechat_status", "=", "need_help"), ("id", "=", chat.id)]),
                ("im_livechat.channel", [("user_ids", "in", self.victim.user_id.ids)]),
                ("im_livechat.channel", [("main_account_id.login", "=", "rival")]),
                ("im_livechat.channel", [("channel_ids", "in", chat.ids)]),
                ("im_livechat.channel.rule", [("channel_id.main_account_id", "=", self.rival.id)]),
                (
                    "im_livechat.channel.member.history",
                    [("channel_id.livechat_channel_id", "=", channel.id)],
                ),
                ("im_livechat.channel.member.history", [("partner_id", "=", partner)]),
                (
                    "discuss.channel.member",
                    [("channel_id.channel_type", "=", "livechat"), ("partner_id", "=", partner)],
                ),
                (
                    "discuss.channel.member",
                    [("channel_id.livechat_channel_id.name", "like", SECRET)],
                ),
                ("mail.message", [("model", "=", "discuss.channel"), ("res_id", "=", chat.id)]),
                ("mail.message", [("body", "like", SECRET)]),
                ("mail.message", [("author_id", "=", partner)]),
                ("rating.rating", [("rated_partner_id", "=", partner)]),
                ("rating.rating", [("feedback", "like", SECRET)]),
                (
                    "rating.rating",
                    [
                        ("parent_res_id", "=", channel.id),
                        ("parent_res_model", "=", "im_livechat.channel"),
                    ],
                ),
                ("im_livechat.conversation.tag", [("conversation_ids", "in", chat.ids)]),
                ("im_livechat.conversation.tag", [("conversation_ids.name", "like", SECRET)]),
                ("mail.notification", [("mail_message_id", "in", message.ids)]),
                (
                    "ir.attachment",
                    [("res_model", "=", "discuss.channel"), ("res_id", "=", chat.id)],
                ),
                ("discuss.channel.rtc.session", [("channel_id", "=", chat.id)]),
                ("chatbot.message", [("discuss_channel_id", "=", chat.id)]),
            ):
                for method in ("search", "search_count"):
                    yield Attack(
                        "a domain that walks to another shop",
                        who,
                        model,
                        method,
                        None,
                        (domain,),
                        expected=EMPTY,
                    )
            for groupby in ("livechat_channel_id", "partner_id", "channel_id"):
                yield Attack(
                    "reports of another shop",
                    who,
                    "im_livechat.report.channel",
                    "formatted_read_group",
                    None,
                    ([], [groupby], ["__count"]),
                    expected=NOTHING,
                )
            for model, method, ids, args in (
                ("im_livechat.channel", "action_join", channel.ids, ()),
                (
                    "im_livechat.channel",
                    "write",
                    channel.ids,
                    ({"user_ids": [Command.link(me.id)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    channel.ids,
                    ({"main_account_id": self.owner.id},),
                ),
                ("im_livechat.channel", "write", channel.ids, ({"dispatch_mode": "native"},)),
                (
                    "im_livechat.channel",
                    "update_field_translations",
                    channel.ids,
                    ("default_message", {"en_US": "x"}),
                ),
                ("im_livechat.channel", "web_save", channel.ids, ({"name": "x"}, {"name": {}})),
                (
                    "im_livechat.channel",
                    "create",
                    None,
                    ({"name": "x", "main_account_id": self.rival.id},),
                ),
                (
                    "im_livechat.channel.rule",
                    "create",
                    None,
                    ({"channel_id": channel.id, "action": "hide_button", "regex_url": "/"},),
                ),
                (
                    "im_livechat.channel.rule",
                    "write",
                    self.shop["im_livechat.channel.rule"].ids,
                    ({"channel_id": channel.id},),
                ),
                (
                    "im_livechat.channel.rule",
                    "copy",
                    self.shop["im_livechat.channel.rule"].ids,
                    ({"channel_id": channel.id},),
                ),
                ("im_livechat.channel.rule", "unlink", other["im_livechat.channel.rule"].ids, ()),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"rule_ids": [Command.link(other["im_livechat.channel.rule"].id)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    (
                        {
                            "rule_ids": [
                                Command.update(
                                    other["im_livechat.channel.rule"].id, {"action": "hide_button"}
                                )
                            ]
                        },
                    ),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"channel_ids": [Command.link(chat.id)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [Command.link(self.victim.user_id.id)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [Command.set(self.victim.user_id.ids)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": self.victim.user_id.ids},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [Command.update(self.victim.user_id.id, {"login": "x"})]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [Command.delete(self.users["colleague"].id)]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [Command.create({"name": "x", "login": "x"})]},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"main_account_id": self.rival.id},),
                ),
                (
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"reception_partner_id": 1},),
                ),
                ("discuss.channel", "livechat_join_channel_needing_help", chat.ids, ()),
                ("discuss.channel", "add_members", chat.ids, ([me.partner_id.id],)),
                ("discuss.channel", "channel_join", chat.ids, ()),
                ("discuss.channel", "action_put_first", chat.ids, ()),
                ("discuss.channel", "action_end_wait", chat.ids, ()),
                ("discuss.channel", "action_block", chat.ids, ()),
                ("discuss.channel", "message_post", chat.ids, ()),
                ("discuss.channel", "write", chat.ids, ({"livechat_status": "waiting"},)),
                (
                    "discuss.channel",
                    "write",
                    chat.ids,
                    ({"livechat_end_dt": "2020-01-01 00:00:00"},),
                ),
                ("discuss.channel", "write", chat.ids, ({"livechat_note": "x"},)),
                (
                    "discuss.channel",
                    "write",
                    chat.ids,
                    ({"livechat_conversation_tag_ids": [Command.clear()]},),
                ),
                (
                    "discuss.channel",
                    "write",
                    chat.ids,
                    ({"channel_member_ids": [Command.create({"partner_id": me.partner_id.id})]},),
                ),
                (
                    "discuss.channel",
                    "write",
                    chat.ids,
                    ({"dispatch_seat_partner_ids": [Command.clear()]},),
                ),
                (
                    "discuss.channel",
                    "write",
                    self.shop["discuss.channel"].ids,
                    ({"livechat_channel_id": channel.id},),
                ),
                (
                    "discuss.channel",
                    "create",
                    None,
                    (
                        {
                            "name": "x",
                            "channel_type": "livechat",
                            "livechat_channel_id": channel.id,
                            "livechat_operator_id": me.partner_id.id,
                        },
                    ),
                ),
                ("discuss.channel", "create", None, ({"name": "x", "parent_channel_id": chat.id},)),
                (
                    "discuss.channel",
                    "create",
                    None,
                    ({"name": "x", "channel_type": "channel", "from_message_id": message.id},),
                ),
                ("discuss.channel", "invite_by_email", chat.ids, (["x@evil.example.com"],)),
                ("discuss.channel", "channel_rename", chat.ids, ("x",)),
                ("discuss.channel", "channel_change_description", chat.ids, ("x",)),
                (
                    "discuss.channel.member",
                    "create",
                    None,
                    ({"channel_id": chat.id, "partner_id": me.partner_id.id},),
                ),
                (
                    "discuss.channel.member",
                    "create",
                    None,
                    ({"channel_id": chat.id, "partner_id": self.users["colleague"].partner_id.id},),
                ),
                (
                    "discuss.channel.member",
                    "create",
                    None,
                    ({"channel_id": chat.id, "guest_id": other["guest"].id},),
                ),
                (
                    "discuss.channel.member",
                    "write",
                    other["discuss.channel.member"].ids,
                    ({"custom_channel_name": "x"},),
                ),
                ("discuss.channel.member", "unlink", other["discuss.channel.member"].ids, ()),
                (
                    "mail.message",
                    "create",
                    None,
                    ({"model": "discuss.channel", "res_id": chat.id, "body": "x"},),
                ),
                (
                    "mail.message",
                    "create",
                    None,
                    (
                        {
                            "model": "discuss.channel",
                            "res_id": chat.id,
                            "body": "x",
                            "parent_id": message.id,
                        },
                    ),
                ),
                ("mail.message", "write", message.ids, ({"body": "x"},)),
                ("mail.message", "write", message.ids, ({"author_id": me.partner_id.id},)),
                ("mail.message", "unlink", message.ids, ()),
                (
                    "mail.message.reaction",
                    "create",
                    None,
                    ({"message_id": message.id, "content": "x", "partner_id": me.partner_id.id},),
                ),
                ("rating.rating", "write", other["rating.rating"].ids, ({"rating": 1},)),
                (
                    "rating.rating",
                    "create",
                    None,
                    (
                        {
                            "res_model_id": self.env["ir.model"]._get_id("discuss.channel"),
                            "res_id": chat.id,
                            "rating": 1,
                        },
                    ),
                ),
                (
                    "im_livechat.channel.member.history",
                    "create",
                    None,
                    ({"channel_id": chat.id, "partner_id": me.partner_id.id},),
                ),
                (
                    "im_livechat.channel.member.history",
                    "write",
                    self.shop["im_livechat.channel.member.history"][0].ids,
                    ({"channel_id": chat.id},),
                ),
            ):
                yield Attack("into another shop", who, model, method, ids, args)
            for model, method, ids, args in (
                ("discuss.channel", "get_mention_suggestions", None, (SECRET,)),
                ("discuss.channel", "message_notify", chat.ids, ()),
                ("discuss.channel", "set_message_pin", chat.ids, (message.id, True)),
                ("discuss.channel", "channel_set_custom_name", chat.ids, ("x",)),
                ("discuss.channel", "message_subscribe", chat.ids, ([me.partner_id.id],)),
                ("discuss.channel", "channel_fetched", chat.ids, ()),
                ("discuss.channel", "channel_pin", chat.ids, (True,)),
                ("discuss.channel", "action_unfollow", chat.ids, ()),
                ("discuss.channel", "execute_command_who", chat.ids, ()),
                ("discuss.channel", "execute_command_help", chat.ids, ()),
                ("discuss.channel", "execute_command_history", chat.ids, ()),
                ("discuss.channel", "message_get_followers", chat.ids, ()),
                ("discuss.channel", "get_metadata", chat.ids, ()),
                ("im_livechat.channel", "get_livechat_info", channel.ids, ()),
                ("im_livechat.channel", "action_view_rating", channel.ids, ()),
                ("im_livechat.channel", "action_quit", channel.ids, ()),
                ("im_livechat.channel.rule", "match_rule", [], (channel.id, f"/{SECRET}")),
                (
                    "im_livechat.channel.rule",
                    "onchange",
                    self.shop["im_livechat.channel.rule"].ids,
                    (
                        {"channel_id": channel.id},
                        ["channel_id"],
                        {
                            "channel_id": {"fields": {"display_name": {}, "user_ids": {}}},
                            "action": {},
                        },
                    ),
                ),
                ("mail.message", "toggle_message_starred", message.ids, ()),
                ("mail.message", "set_message_done", message.ids, ()),
                ("mail.message", "action_open_document", message.ids, ()),
                (
                    "res.partner",
                    "action_view_livechat_sessions",
                    self.victim.user_id.partner_id.ids,
                    (),
                ),
            ):
                yield Attack("into another shop", who, model, method, ids, args, expected=NOTHING)

    def rows_audit(self):
        """The audit role reads its shop's conversations and changes none of them."""
        mine = self.shop
        chat, message = mine["discuss.channel"], mine["mail.message"]
        me = self.users["audit"]
        for model in (
            "discuss.channel",
            "discuss.channel.member",
            "mail.message",
            "im_livechat.channel.member.history",
            "im_livechat.channel",
        ):
            yield Attack(
                "audit reads",
                "audit",
                model,
                "read",
                mine[model].ids,
                (["display_name"],),
                expected=ALLOWED,
            )
        for model, method, ids, args in (
            ("discuss.channel", "message_post", chat.ids, ()),
            ("discuss.channel", "write", chat.ids, ({"livechat_note": "x"},)),
            ("discuss.channel", "write", chat.ids, ({"livechat_status": "waiting"},)),
            ("discuss.channel", "write", chat.ids, ({"livechat_end_dt": "2020-01-01 00:00:00"},)),
            (
                "discuss.channel",
                "write",
                chat.ids,
                ({"livechat_conversation_tag_ids": [Command.clear()]},),
            ),
            (
                "discuss.channel",
                "write",
                chat.ids,
                ({"livechat_expertise_ids": [Command.clear()]},),
            ),
            ("discuss.channel", "write", chat.ids, ({"name": "x"},)),
            ("discuss.channel", "unlink", chat.ids, ()),
            ("discuss.channel", "channel_rename", chat.ids, ("x",)),
            ("discuss.channel", "channel_change_description", chat.ids, ("x",)),
            ("discuss.channel", "set_message_pin", chat.ids, (message.id, True)),
            ("discuss.channel", "add_members", chat.ids, ([me.partner_id.id],)),
            (
                "discuss.channel",
                "add_members",
                chat.ids,
                ([self.users["colleague"].partner_id.id],),
            ),
            ("discuss.channel", "livechat_join_channel_needing_help", chat.ids, ()),
            ("discuss.channel", "channel_join", chat.ids, ()),
            ("discuss.channel", "message_subscribe", chat.ids, ([me.partner_id.id],)),
            ("discuss.channel", "invite_by_email", chat.ids, (["x@evil.example.com"],)),
            (
                "discuss.channel",
                "create",
                None,
                (
                    {
                        "name": "x",
                        "channel_type": "livechat",
                        "livechat_channel_id": mine["im_livechat.channel"].id,
                        "livechat_operator_id": me.partner_id.id,
                    },
                ),
            ),
            ("discuss.channel", "create", None, ({"name": "x", "parent_channel_id": chat.id},)),
            (
                "discuss.channel.member",
                "create",
                None,
                ({"channel_id": chat.id, "partner_id": me.partner_id.id},),
            ),
            (
                "discuss.channel.member",
                "create",
                None,
                ({"channel_id": chat.id, "partner_id": self.users["colleague"].partner_id.id},),
            ),
            ("discuss.channel.member", "unlink", mine["discuss.channel.member"].ids, ()),
            (
                "discuss.channel.member",
                "write",
                mine["discuss.channel.member"].ids,
                ({"custom_channel_name": "x"},),
            ),
            (
                "mail.message",
                "create",
                None,
                ({"model": "discuss.channel", "res_id": chat.id, "body": "x"},),
            ),
            ("mail.message", "write", message.ids, ({"body": "x"},)),
            ("mail.message", "unlink", message.ids, ()),
            (
                "mail.message.reaction",
                "create",
                None,
                ({"message_id": message.id, "content": "x", "partner_id": me.partner_id.id},),
            ),
            ("im_livechat.channel", "write", mine["im_livechat.channel"].ids, ({"name": "x"},)),
            ("im_livechat.channel", "action_join", mine["im_livechat.channel"].ids, ()),
            ("im_livechat.channel", "create", None, ({"name": "x"},)),
            (
                "im_livechat.channel.rule",
                "write",
                mine["im_livechat.channel.rule"].ids,
                ({"action": "hide_button"},),
            ),
            (
                "im_livechat.channel.rule",
                "create",
                None,
                ({"channel_id": mine["im_livechat.channel"].id},),
            ),
            ("im_livechat.channel.rule", "unlink", mine["im_livechat.channel.rule"].ids, ()),
            ("im_livechat.conversation.tag", "create", None, ({"name": "x"},)),
            ("im_livechat.conversation.tag", "write", mine["tag"].ids, ({"name": "x"},)),
            ("im_livechat.conversation.tag", "unlink", mine["tag"].ids, ()),
            (
                "im_livechat.channel.member.history",
                "write",
                mine["im_livechat.channel.member.history"].ids,
                ({"livechat_member_type": "bot"},),
            ),
            (
                "im_livechat.channel.member.history",
                "unlink",
                mine["im_livechat.channel.member.history"].ids,
                (),
            ),
            ("rating.rating", "write", mine["rating.rating"].ids, ({"rating": 1},)),
            ("rating.rating", "unlink", mine["rating.rating"].ids, ()),
            ("livechat.subaccount", "search", None, ([],)),
            ("livechat.role", "search", None, ([],)),
            ("livechat.permission", "search", None, ([],)),
        ):
            yield Attack("audit changes nothing", "audit", model, method, ids, args)

    def rows_foreign_groups(self):
        """Nobody reads or changes dispatch groups of another shop, by whatever command."""
        yield from self._rows_groups_reached()
        yield from self._rows_groups_smuggled()
        yield from self._rows_group_commands()

    def _rows_groups_reached(self):
        model, lines = "livechat.dispatch.group", "livechat.dispatch.scope"
        victim, victim_line = self.victim_shop[model], self.victim_shop[lines]
        own, agent = self.shop[model], self.users["colleague"]
        victim_channel = self.victim_shop["im_livechat.channel"]
        own_channel = self.shop["im_livechat.channel"]
        new_line = {"kind": "visitor", "visitor": "guest"}
        for who in (*self.staff, *self.outsiders):
            for name, value in (
                ("name", "taken"),
                ("sequence", 1),
                ("overflow_seconds", 1),
                ("channel_id", own_channel.id),
                ("parent_id", own.id),
                ("user_ids", [Command.clear()]),
                ("user_ids", [Command.link(agent.id)]),
                ("scope_ids", [Command.clear()]),
                ("scope_ids", [Command.create(new_line)]),
                ("child_ids", [Command.link(own.id)]),
                ("required_permission_id", False),
                ("create_uid", self.owner.id),
            ):
                yield Attack(
                    f"{name} of a foreign group", who, model, "write", victim.ids, ({name: value},)
                )
            for target, vals in ((victim, {"name": "x"}), (victim_line, {"page_pattern": "x"})):
                for method, args, expected in (
                    ("unlink", (), REFUSED),
                    ("copy", (), REFUSED),
                    ("write", (vals,), REFUSED),
                    ("web_save", (vals, {"display_name": {}}), REFUSED),
                    ("read", (["display_name"],), EMPTY),
                    ("web_read", ({"display_name": {}},), EMPTY),
                    ("export_data", (["display_name"],), EMPTY),
                    ("get_metadata", (), NOTHING),
                    ("onchange", (vals, list(vals), {"display_name": {}}), NOTHING),
                ):
                    yield Attack(
                        "a foreign group",
                        who,
                        target._name,
                        method,
                        target.ids,
                        args,
                        expected=expected,
                    )
            for other, domain in (
                (model, [("id", "in", victim.ids)]),
                (model, [("name", "like", SECRET)]),
                (model, [("channel_id.name", "like", SECRET)]),
                (model, [("user_ids.name", "like", SECRET)]),
                (model, [("scope_ids.page_pattern", "like", SECRET)]),
                (lines, [("id", "in", victim_line.ids)]),
                (lines, [("page_pattern", "like", SECRET)]),
                (lines, [("group_id.name", "like", SECRET)]),
                ("im_livechat.channel", [("dispatch_group_ids.name", "like", SECRET)]),
            ):
                if who in ("portal", "public", "employee") and other == "im_livechat.channel":
                    continue
                for method, args in (
                    ("search", (domain,)),
                    ("search_count", (domain,)),
                    ("web_search_read", (domain, {"display_name": {}})),
                    ("formatted_read_group", (domain, ["create_uid"], ["__count"])),
                ):
                    yield Attack(
                        "no foreign group is found",
                        who,
                        other,
                        method,
                        None,
                        args,
                        expected=EMPTY,
                    )
            yield Attack("names", who, model, "name_search", None, (SECRET,), expected=EMPTY)
            # Odoo tells with sudo what a many-to-one refers to.
            for changed, vals in (
                (model, {"parent_id": victim.id}),
                (model, {"channel_id": victim_channel.id}),
                (lines, {"group_id": victim.id}),
                ("livechat.dispatch.test", {"channel_id": victim_channel.id}),
            ):
                named = {name: {"fields": {"display_name": {}}} for name in vals}
                if changed == "livechat.dispatch.test":
                    named = {
                        "result": {},
                        "group_id": {"fields": {"display_name": {}}},
                        "agent_ids": {"fields": {"display_name": {}}},
                    }
                elif "channel_id" in vals:
                    named = {"parent_id": {"fields": {"display_name": {}}}}
                yield Attack(
                    "a form tells no foreign name",
                    who,
                    changed,
                    "onchange",
                    [],
                    (vals, list(vals), named),
                    expected=NOTHING,
                )

    def _rows_groups_smuggled(self):
        model, lines = "livechat.dispatch.group", "livechat.dispatch.scope"
        victim, own, own_line = self.victim_shop[model], self.shop[model], self.shop[lines]
        victim_channel = self.victim_shop["im_livechat.channel"]
        own_channel = self.shop["im_livechat.channel"]
        foreign_agent = self.victim.user_id
        new_line = {"kind": "visitor", "visitor": "guest"}
        for who in self.staff:
            for target, vals in (
                (own, {"parent_id": victim.id}),
                (own, {"channel_id": victim_channel.id}),
                (own_line, {"group_id": victim.id}),
            ):
                yield Attack("into a foreign shop", who, target._name, "write", target.ids, (vals,))
            for vals in (
                {"name": "x", "channel_id": victim_channel.id},
                {"name": "x", "channel_id": own_channel.id, "parent_id": victim.id},
                {"name": "x", "channel_id": own_channel.id, "user_ids": foreign_agent.ids},
                {"name": "x", "channel_id": own_channel.id, "create_uid": self.rival.id},
            ):
                yield Attack("into a foreign shop", who, model, "create", None, (vals,))
            yield Attack(
                "into a foreign shop",
                who,
                lines,
                "create",
                None,
                ({**new_line, "group_id": victim.id},),
            )
            if who not in ("main_account", "store_manager", "planner"):
                for method, args in (
                    ("write", ({"name": "x"},)),
                    ("write", ({"user_ids": [Command.link(self.users[who].id)]},)),
                    ("unlink", ()),
                    ("copy", ()),
                ):
                    yield Attack("not a dispatch manager", who, model, method, own.ids, args)
                vals = {"name": "x", "channel_id": own_channel.id}
                yield Attack("not a dispatch manager", who, model, "create", None, (vals,))

    def _rows_group_commands(self):
        model = "livechat.dispatch.group"
        victim, own = self.victim_shop[model], self.shop[model]
        victim_line = self.victim_shop["livechat.dispatch.scope"]
        victim_channel = self.victim_shop["im_livechat.channel"]
        own_channel = self.shop["im_livechat.channel"]
        foreign_agent, agent = self.victim.user_id, self.users["colleague"]
        for who in self.staff:
            for name, target, foreign, vals in (
                ("user_ids", agent, foreign_agent, {"name": "x"}),
                ("scope_ids", None, victim_line, {"page_pattern": "x"}),
                ("child_ids", own, victim, {"name": "x", "channel_id": own_channel.id}),
            ):
                commands = [
                    Command.update(foreign.id, vals),
                    Command.delete(foreign.id),
                    Command.link(foreign.id),
                    Command.set(foreign.ids),
                    [7, 0, 0],
                    ["4", foreign.id, 0],
                ]
                if name != "user_ids":
                    # To take out who is not in changes nothing.
                    commands.append(Command.unlink(foreign.id))
                if target:
                    commands += [
                        Command.create(vals),
                        Command.update(target.id, vals),
                        Command.delete(target.id),
                    ]
                for command in commands:
                    yield Attack(
                        f"a command for {name}", who, model, "write", own.ids, ({name: [command]},)
                    )
            for command in (
                Command.create({"name": "x"}),
                Command.update(victim.id, {"name": "x"}),
                Command.update(own.id, {"name": "x"}),
                Command.delete(victim.id),
                Command.unlink(own.id),
                Command.link(victim.id),
                Command.clear(),
                Command.set(victim.ids),
            ):
                for channel in (own_channel, victim_channel):
                    yield Attack(
                        "groups by way of the channel",
                        who,
                        "im_livechat.channel",
                        "write",
                        channel.ids,
                        ({"dispatch_group_ids": [command]},),
                    )
            for command in (Command.link(victim.id), Command.set(victim.ids)):
                yield Attack(
                    "groups by way of a sub-account",
                    who,
                    "livechat.subaccount",
                    "write",
                    self.subaccounts["colleague"].ids,
                    ({"dispatch_group_ids": [command]},),
                )

    def rows_own_groups(self):
        """The same calls work in the own shop, for those who manage its dispatch."""
        model, lines = "livechat.dispatch.group", "livechat.dispatch.scope"
        own, own_line = self.shop[model], self.shop[lines]
        channel = self.shop["im_livechat.channel"]
        colleague = self.users["colleague"]
        for who in ("main_account", "store_manager", "planner"):
            for method, ids, args in (
                ("read", own.ids, (["display_name", "scope_summary"],)),
                ("write", own.ids, ({"name": "x", "sequence": 3, "overflow_seconds": 0},)),
                ("write", own.ids, ({"user_ids": [Command.link(colleague.id)]},)),
                ("write", own.ids, ({"user_ids": [Command.clear()]},)),
                ("write", own.ids, ({"scope_ids": [Command.clear()]},)),
                (
                    "write",
                    own.ids,
                    ({"scope_ids": [Command.update(own_line.id, {"page_pattern": "/x"})]},),
                ),
                (
                    "create",
                    None,
                    ({"name": "x", "channel_id": channel.id, "parent_id": own.id},),
                ),
                ("copy", own.ids, ()),
            ):
                yield Attack("own groups", who, model, method, ids, args, expected=ALLOWED)
            yield Attack(
                "own groups",
                who,
                lines,
                "write",
                own_line.ids,
                ({"kind": "visitor", "visitor": "guest"},),
                expected=ALLOWED,
            )

    def rows_group_wrong_types(self):
        """Values of the wrong type get a clear error."""
        model = "livechat.dispatch.group"
        own = self.shop[model].ids
        channel = self.shop["im_livechat.channel"].id
        for who in ("main_account", "planner"):
            for value in _NO_IDS:
                if value not in (None, "", [], {}, 0) or value is False:
                    for name in ("parent_id", "required_permission_id"):
                        yield Attack("no record", who, model, "write", own, ({name: value},))
                yield Attack("no record", who, model, "write", own, ({"channel_id": value},))
                agents, lines = [[4, value, 0]], [[1, value, {}]]
                yield Attack("no agent", who, model, "write", own, ({"user_ids": agents},))
                yield Attack("no line", who, model, "write", own, ({"scope_ids": lines},))
                # Null is zero.
                if value is not None and (type(value) is not int or not 0 <= value < 2**31):
                    yield Attack("no number", who, model, "write", own, ({"sequence": value},))
            for value in (None, "", " ", 5, [], {}, "\0", "x" * 300, True):
                yield Attack("no name", who, model, "write", own, ({"name": value},))
                yield Attack(
                    "no name", who, model, "create", None, ({"name": value, "channel_id": channel},)
                )
            # Not a small number: a line of this very group may have it.
            for value in (
                *(5, "x", {"a": 1}, [2**30], ["x"]),
                *([[]], [[0]], [[0, 0, 5]], [[6, 0, "x"]]),
            ):
                yield Attack("no line", who, model, "write", own, ({"scope_ids": value},))
            for vals in (5, "x", [], [5], None):
                yield Attack("no values", who, model, "write", own, (vals,))
            yield Attack("no values", who, model, "create", None, ({},))

    def rows_reception(self):
        """Reception shows its own shop to those who manage its dispatch or audit, and only those
        who manage change anything."""
        channels, users = "im_livechat.channel", "res.users"
        mine, group = self.shop[channels], self.shop["livechat.dispatch.group"]
        agent = self.users["reception"]
        foreign = self.victim_shop[channels]
        foreign_group = self.victim_shop["livechat.dispatch.group"]
        victim = self.victim.user_id
        readers, managers = (
            ("main_account", "audit", "store_manager", "planner"),
            (
                "main_account",
                "store_manager",
                "planner",
            ),
        )
        for who in self.users:
            reads = NOTHING if who in readers else REFUSED
            for method, args in (
                ("get_reception", ()),
                ("get_reception_agents", ([victim.id, agent.id],)),
                ("get_reception_lines", ()),
            ):
                yield Attack("reception of one's own", who, channels, method, None, args, {}, reads)
            for ids, args in (
                (foreign.ids, (victim.id, 0, foreign_group.id)),
                (mine.ids, (victim.id, 0, group.id)),
                (mine.ids, (agent.id, 0, foreign_group.id)),
            ):
                yield Attack(
                    "agents of others stay", who, channels, "move_dispatch_agent", ids, args
                )
            yield Attack(
                "weights of others stay", who, users, "dispatch_set_weight", victim.ids, (20,)
            )
            if who not in managers:
                yield Attack(
                    "not everybody moves agents",
                    who,
                    channels,
                    "move_dispatch_agent",
                    mine.ids,
                    (agent.id, 0, group.id),
                )
                yield Attack(
                    "not everybody sets weights",
                    who,
                    users,
                    "dispatch_set_weight",
                    agent.ids,
                    (20,),
                )
                continue
            for value in (9, 1001, "x", None, [], {}, 10.5, True):
                yield Attack("no weight", who, users, "dispatch_set_weight", agent.ids, (value,))
            for value in (None, "x", [], {}, -1, 2**40, True):
                yield Attack(
                    "no agent", who, channels, "move_dispatch_agent", mine.ids, (value, 0, group.id)
                )
                if value is not None and value != [] and value != {}:
                    yield Attack(
                        "no group",
                        who,
                        channels,
                        "move_dispatch_agent",
                        mine.ids,
                        (agent.id, 0, value),
                    )
                if value != []:
                    yield Attack("no ids", who, channels, "get_reception_agents", None, (value,))
            yield Attack(
                "own agents", who, users, "dispatch_set_weight", agent.ids, (20,), {}, ALLOWED
            )
            yield Attack(
                "own agents",
                who,
                channels,
                "move_dispatch_agent",
                mine.ids,
                (agent.id, 0, group.id),
                {},
                ALLOWED,
            )

    def rows_figures(self):
        """Nobody changes figures, and nobody gets those of another shop by asking differently."""
        total, decision = "livechat.dispatch.total", "livechat.dispatch.decision"
        compare, victim = "livechat.dispatch.compare", self.victim.user_id.id
        foreign = self.victim_shop
        values = {"received": 9, "user_id": self.users["colleague"].id}
        for who in (*self.staff, *self.outsiders):
            for rows in (self.shop[total].ids, foreign[total].ids):
                for method, args in (
                    ("write", (values,)),
                    ("web_save", (values, {"received": {}})),
                    ("unlink", ()),
                    ("copy", ()),
                ):
                    yield Attack("figures do not change", who, total, method, rows, args)
            for method in ("_count", "_add", "_count_decisions", "_replace_deleted"):
                yield Attack("nobody but the server counts", who, total, method)
            yield Attack("no figures are made up", who, total, "create", None, (values,))
            yield Attack(
                "no presence is made up",
                who,
                "livechat.dispatch.presence",
                "create",
                None,
                ({"user_id": victim, "moment": "2026-01-01 00:00:00", "state": "online"},),
            )
            for method in ("run_again", "action_run_again", "unlink"):
                for model in (decision, "livechat.ticket.decision"):
                    yield Attack("a foreign decision", who, model, method, foreign[model].ids)
            yield Attack(
                "own figures only",
                who,
                "res.users",
                "get_my_dispatch_figures",
                expected=NOTHING,
            )
            for method, args in (
                ("get_team", ("week",)),
                ("get_trend", (victim,)),
                ("_read_figures", ("2000-01-01 00:00:00", "2090-01-01 00:00:00")),
                ("_read_outcomes", ([], "2000-01-01 00:00:00", "2090-01-01 00:00:00")),
            ):
                yield Attack(
                    "a foreign team", who, "livechat.team", method, None, args, expected=NOTHING
                )
            # Agents who are nobody's staff read all chats, as in core.
            for operator in ("ilike", "not ilike", "=") if who in self.staff else ():
                yield Attack(
                    "words of foreign chats",
                    who,
                    "discuss.channel",
                    "search_read",
                    None,
                    (
                        [("livechat_words", operator, SECRET), ("channel_type", "=", "livechat")],
                        ["name", "livechat_transcript"],
                    ),
                    expected=NOTHING,
                )
            asked = {"first_user_id": victim, "second_user_id": self.users["colleague"].id}
            named = {
                "sentence": {},
                "explanation": {},
                "agent_ids": {"fields": {"display_name": {}}},
            }
            yield Attack("a foreign agent", who, compare, "create", None, (asked,))
            yield Attack("a foreign agent", who, compare, "web_save", [], (asked, named))
            yield Attack(
                "a foreign agent",
                who,
                compare,
                "onchange",
                [],
                (asked, list(asked), named),
                expected=NOTHING,
            )
        for who in ("employee", "portal"):
            yield Attack("no fairness page", who, total, "action_open")
            yield Attack("no fairness page", who, total, "action_open_mine")
        for who in ("main_account", "audit", "planner"):
            for wrong in ({"date_from": "x"}, {"date_from": False}, {"first_user_id": "x"}):
                yield Attack("a clear error", who, compare, "create", None, (wrong,))
            yield Attack(
                "the period ends before it begins",
                who,
                compare,
                "create",
                None,
                ({"date_from": "2026-02-01", "date_to": "2026-01-01"},),
            )
            yield Attack(
                "the own agents",
                who,
                compare,
                "create",
                None,
                ({"first_user_id": self.users["reception"].id},),
                expected=ALLOWED,
            )
            yield Attack("the own page", who, total, "action_open", expected=ALLOWED)
            yield Attack(
                "the own decision",
                who,
                decision,
                "action_run_again",
                self.shop[decision].ids,
                expected=ALLOWED,
            )

    def _open_sheet(self, user, shop):
        """A what-if sheet of this user, as its page opens one."""
        channel = shop["im_livechat.channel"]
        sheet = self.env["livechat.dispatch.whatif"].with_user(user)
        sheet = sheet.create({"channel_id": channel.id})
        return sheet.with_env(self.env)

    def rows_whatif(self):
        """Nobody replays, applies or reads what is not its own to manage."""
        model, lines = "livechat.dispatch.whatif", "livechat.dispatch.whatif.line"
        victim = self._open_sheet(self.rival, self.victim_shop)
        foreign = self.victim_shop["im_livechat.channel"].id
        own_channel = self.shop["im_livechat.channel"].id
        stranger, group = self.victim.user_id.id, self.victim_shop["livechat.dispatch.group"].id
        spec = {"channel_id": {"fields": {"display_name": {}}}, "line_ids": {"fields": {}}}
        spec["line_ids"]["fields"]["user_id"] = {"fields": {"display_name": {}}}
        for who in (*self.lookers, "agent", "employee", "portal", "public"):
            for ids, calls in (
                (
                    victim.ids,
                    (
                        ("read", (["channel_id", "result"],)),
                        ("write", ({"max_sessions": 3},)),
                        ("action_replay", ()),
                        ("action_apply", ()),
                        ("unlink", ()),
                    ),
                ),
                (
                    None,
                    (("create", ({"channel_id": foreign},)),),
                ),
                (
                    [],
                    (
                        ("web_save", ({"channel_id": foreign}, spec)),
                        ("onchange", ({"channel_id": foreign}, ["channel_id"], spec)),
                    ),
                ),
            ):
                for method, args in calls:
                    yield Attack("a foreign sheet", who, model, method, ids, args)
            for method, args in (
                ("read", (["user_id"],)),
                ("write", ({"weight": 50},)),
                ("unlink", ()),
            ):
                yield Attack("a foreign line", who, lines, method, victim.line_ids.ids, args)
            theirs = [("whatif_id", "=", victim.id)]
            yield Attack("finds no line", who, lines, "search", None, (theirs,), expected=EMPTY)
        for who in ("reception", "audit", "employee", "portal", "public"):
            yield Attack("no sheet", who, model, "create", None, ({"channel_id": own_channel},))
            yield Attack("no sheet", who, model, "onchange", [], ({}, [], spec))
            yield Attack("no line", who, lines, "create", None, ({"user_id": 1},))
        for who in ("main_account", "store_manager", "planner"):
            own = self._open_sheet(self.users[who], self.shop)
            line = own.line_ids[:1]
            yield Attack("own sheet", who, model, "action_replay", own.ids, expected=ALLOWED)
            yield Attack("own sheet", who, model, "onchange", [], ({}, [], spec), expected=ALLOWED)
            yield Attack(
                "own line", who, lines, "write", line.ids, ({"weight": 50},), expected=ALLOWED
            )
            yield Attack("not replayed", who, model, "action_apply", own.ids)
            for vals in (
                {"channel_id": foreign},
                {"max_sessions_mode": "limited", "max_sessions": -1},
                {"max_sessions": "x"},
                {"max_sessions": 2**40},
                {"dispatch_mode": "native"},
                {"date_from": "2999-01-01 00:00:00"},
                {"date_from": "0001-01-01 00:00:00"},
                {"date_from": "x"},
                {"date_from": "2025-01-02 00:00:00", "date_to": "2025-01-01 00:00:00"},
                {"date_from": "2001-01-01 00:00:00", "date_to": "2100-01-01 00:00:00"},
                {"result": {"changes": []}},
                {"is_stale": False},
                {"line_ids": [Command.link(victim.line_ids[0].id)]},
                {"line_ids": [Command.update(victim.line_ids[0].id, {"weight": 50})]},
                {"line_ids": [Command.create({"user_id": stranger})]},
                {"line_ids": "x"},
            ):
                yield Attack("no such sheet", who, model, "write", own.ids, (vals,))
            for vals in (
                {"weight": 9},
                {"weight": 1001},
                {"weight": "x"},
                {"weight": 2**80},
                {"hour_from": -1},
                {"presence": "x"},
                {"user_id": stranger},
                {"group_ids": [Command.set([group])]},
                {"group_ids": [Command.create({"name": "x"})]},
                {"whatif_id": victim.id},
            ):
                yield Attack("no such line", who, lines, "write", line.ids, (vals,))
            for value in _NO_IDS:
                if value not in (None, False, 0) or value is True:
                    yield Attack(
                        "no channel", who, model, "write", own.ids, ({"channel_id": value},)
                    )
                    yield Attack("no agent", who, lines, "write", line.ids, ({"user_id": value},))
            yield Attack(
                "a foreign sheet",
                who,
                lines,
                "create",
                None,
                ({"whatif_id": victim.id, "user_id": self.users["reception"].id},),
            )
            yield Attack("no values", who, model, "write", own.ids, (5,))
            yield Attack("no values", who, lines, "write", line.ids, ("x",))
            yield Attack("no values", who, model, "create", None, (5,))

    def rows_dated_changes(self):
        """Nobody reads or makes dated changes of another shop, or writes the log of changes."""
        yield from self._rows_changes_reached()
        yield from self._rows_changes_smuggled()
        yield from self._rows_change_log()

    def _rows_changes_reached(self):
        model, lines = "livechat.dispatch.change", "livechat.dispatch.change.line"
        victim, victim_line = self.victim_shop[model], self.victim_shop[lines]
        victim_log = self.victim_shop["livechat.dispatch.log"]
        for who in (*self.staff, *self.outsiders):
            for method in (
                "action_plan",
                "action_start",
                "action_undo",
                "action_cancel",
                "action_draft",
                "action_add_agents",
                "action_preview",
                "unlink",
                "copy",
            ):
                yield Attack("a foreign dated change", who, model, method, victim.ids)
            for vals in ({"name": "x"}, {"start": "2091-01-01 00:00:00"}, {"line_ids": [[5]]}):
                yield Attack("a foreign dated change", who, model, "write", victim.ids, (vals,))
            yield Attack(
                "undo in a foreign log", who, victim_log._name, "action_undo", victim_log[:1].ids
            )
            for target in (victim, victim_line, victim_log):
                for method, args, expected in (
                    ("read", (["display_name"],), EMPTY),
                    ("web_read", ({"display_name": {}},), EMPTY),
                    ("export_data", (["display_name"],), EMPTY),
                    ("get_metadata", (), NOTHING),
                    ("write", ({"create_uid": self.owner.id},), REFUSED),
                    ("unlink", (), REFUSED),
                ):
                    yield Attack(
                        "foreign", who, target._name, method, target.ids, args, expected=expected
                    )
                domain = [("id", "in", target.ids)]
                for method, args in (
                    ("search", (domain,)),
                    ("search_count", (domain,)),
                    ("web_search_read", (domain, {"display_name": {}})),
                    ("formatted_read_group", (domain, ["create_uid"], ["__count"])),
                    ("name_search", (SECRET,)),
                ):
                    yield Attack(
                        "nothing foreign is found",
                        who,
                        target._name,
                        method,
                        None,
                        args,
                        expected=EMPTY,
                    )
            values = {
                "channel_id": self.victim_shop["im_livechat.channel"].id,
                "change_id": victim.id,
                "moment": "2090-11-11 00:00:00",
            }
            yield Attack(
                "no foreign forecast",
                who,
                "livechat.dispatch.forecast",
                "onchange",
                [],
                (values, list(values), {"forecast": {}}),
                expected=NOTHING,
            )

    def _rows_changes_smuggled(self):
        model = "livechat.dispatch.change"
        own, own_line = self.shop[model], self.shop["livechat.dispatch.change.line"]
        victim_line = self.victim_shop["livechat.dispatch.change.line"]
        channel = self.shop["im_livechat.channel"]
        base = {
            "name": "x",
            "channel_id": channel.id,
            "start": "2090-01-01 00:00:00",
            "stop": "2090-01-02 00:00:00",
        }
        foreign_agent = {"user_id": self.victim.user_id.id, "weight": 200}
        for who in self.staff:
            for vals in (
                {"channel_id": self.victim_shop["im_livechat.channel"].id},
                {"line_ids": [Command.create(foreign_agent)]},
                {"state": "running"},
                {"main_account_id": self.rival.id},
                {"replaced": {"since": 0, "values": []}},
                {"next_start": "2020-01-01 00:00:00"},
                {"create_uid": self.rival.id},
            ):
                yield Attack("smuggled", who, model, "create", None, ({**base, **vals},))
                yield Attack("smuggled", who, model, "write", own.ids, (vals,))
            for command in (
                Command.update(victim_line.id, {"weight": 300}),
                Command.delete(victim_line.id),
                Command.link(victim_line.id),
                Command.set(victim_line.ids),
                Command.update(own_line.id, foreign_agent),
                Command.update(own_line.id, {"change_id": self.victim_shop[model].id}),
                [7, 0, 0],
                5,
            ):
                yield Attack("a command", who, model, "write", own.ids, ({"line_ids": [command]},))
            for method, args in (
                ("write", ({"weight": 300},)),
                ("unlink", ()),
                ("web_save", ({"weight": 300}, {})),
            ):
                yield Attack(
                    "lines go by their change", who, own_line._name, method, own_line.ids, args
                )
            if who in ("main_account", "store_manager", "planner"):
                for method, ids, args in (
                    ("create", None, (base,)),
                    ("write", own.ids, ({"name": "x", "recurrence": "yearly"},)),
                    (
                        "write",
                        own.ids,
                        ({"line_ids": [Command.update(own_line.id, {"weight": 50})]},),
                    ),
                    ("action_preview", own.ids, ()),
                    ("unlink", own.ids, ()),
                ):
                    yield Attack("own", who, model, method, ids, args, expected=ALLOWED)
                for name, value in (
                    *(
                        (name, value)
                        for name in ("start", "stop", "until", "tz", "recurrence", "rule")
                        for value in (
                            5,
                            "x",
                            [],
                            {},
                            True,
                            "\0",
                            "9999-12-31 23:59:59",
                            "0001-01-01",
                        )
                    ),
                    *(("max_sessions", value) for value in ("x", 1.5, -1, 2**40, [], True)),
                    *(("channel_id", value) for value in ("x", 0, -1, 2**40, [1], True)),
                    *(("line_ids", [[0, 0, {"user_id": value}]]) for value in ("x", -1, 2**40, [])),
                    *(("line_ids", [[0, 0, {"weight": value}]]) for value in ("x", 1.5, 2**40, [])),
                ):
                    if (name, value) in (("until", "9999-12-31 23:59:59"), ("until", "0001-01-01")):
                        continue
                    yield Attack("no value", who, model, "write", own.ids, ({name: value},))
            else:
                yield Attack("not a dispatch manager", who, model, "create", None, (base,))
                for method in ("action_plan", "action_start", "action_add_agents", "unlink"):
                    yield Attack("not a dispatch manager", who, model, method, own.ids)

    def _rows_change_log(self):
        model = "livechat.dispatch.log"
        own = self.shop[model][:1]
        vals = {"what": "res.users.dispatch_weight", "old_value": 100, "new_value": 200}
        for who in (*self.staff, *self.outsiders):
            for method, ids, args in (
                ("create", None, (vals,)),
                ("web_save", [], (vals, {})),
                ("write", own.ids, ({"new_value": 5},)),
                ("write", own.ids, ({"moment": "2000-01-01 00:00:00"},)),
                ("unlink", own.ids, ()),
                ("copy", own.ids, ()),
            ):
                yield Attack("nobody writes the log", who, model, method, ids, args)
        for who in ("main_account", "store_manager", "planner", "audit"):
            yield Attack(
                "the own shop's log",
                who,
                model,
                "read",
                own.ids,
                (["old_text", "who"],),
                expected=ALLOWED,
            )
        for value in _NO_IDS:
            yield Attack("no row", "main_account", model, "action_undo", [value])

    def rows_outsiders(self):
        """Guests, portal users and employees without groups: nothing new readable or callable."""
        for who in ("employee", "portal", "public"):
            for model in (
                "livechat.subaccount",
                "livechat.role",
                "livechat.permission",
                "livechat.subaccount.disable",
                "livechat.activation.link",
                "livechat.main.account",
                "livechat.dispatch.group",
                "livechat.dispatch.scope",
                "livechat.dispatch.test",
                "livechat.dispatch.total",
                "livechat.dispatch.presence",
                "livechat.dispatch.pause",
                "livechat.pause.reason",
                "livechat.answer.use",
                "livechat.whisper",
                "livechat.dispatch.compare",
                "livechat.dispatch.whatif",
                "livechat.dispatch.whatif.line",
                "livechat.dispatch.change",
                "livechat.dispatch.change.line",
                "livechat.dispatch.forecast",
                "livechat.dispatch.log",
                "livechat.dispatch.block",
                "livechat.block.buyer",
            ):
                for method, ids, args in (
                    ("search", None, ([],)),
                    ("search_count", None, ([],)),
                    ("web_search_read", None, ([], {"id": {}})),
                    ("formatted_read_group", None, ([], [], ["__count"])),
                    ("name_search", None, ("",)),
                    ("read", [1], (["display_name"],)),
                    ("create", None, ({"name": "x"},)),
                    ("web_save", [], ({"name": "x"}, {})),
                    ("write", [1], ({"name": "x"},)),
                    ("unlink", [1], ()),
                ):
                    yield Attack("nothing new", who, model, method, ids, args)
            for model, names in (
                (
                    "res.users",
                    (
                        "main_account_id",
                        "main_account_code",
                        "subaccount_ids",
                        "dispatch_weight",
                        "dispatch_paused",
                        "dispatch_share",
                        "dispatch_capacity",
                        "dispatch_load",
                        "dispatch_credit",
                    ),
                ),
                (
                    "im_livechat.channel",
                    ("main_account_id", "dispatch_mode", "reception_partner_id"),
                ),
                ("discuss.channel", ("dispatch_seat_partner_ids",)),
            ):
                for name in names:
                    ids = self.users[who].ids if model == "res.users" else self.shop[model].ids
                    yield Attack(f"{model}.{name}", who, model, "read", ids, ([name],))
                    yield Attack(
                        f"{model}.{name}",
                        who,
                        model,
                        "search_count",
                        None,
                        ([(name, "!=", False)],),
                    )
                    if model != "discuss.channel":
                        yield Attack(
                            f"{model}.{name}",
                            who,
                            model,
                            "formatted_read_group",
                            None,
                            ([], [name], ["__count"]),
                        )

    def rows_wrong_types(self):
        """Whatever a client sends gets a clear error, never a traceback, and changes nothing."""
        model, row = "livechat.subaccount", self.subaccounts["colleague"].ids
        for who in ("main_account", "store_manager"):
            for value in _NO_IDS:
                # Anything that is no command; some mean "no change", and change nothing.
                if value is not None:  # which is none, and takes all roles away
                    yield Attack(
                        "roles", who, model, "write", row, ({"role_ids": value},), expected=NOTHING
                    )
                yield Attack(
                    "roles",
                    who,
                    model,
                    "write",
                    row,
                    (
                        {
                            "role_ids": [Command.link(value)]
                            if not isinstance(value, (list, dict))
                            else [[4, value]]
                        },
                    ),
                    expected=REFUSED,
                )
                yield (
                    Attack(
                        "roles",
                        who,
                        model,
                        "write",
                        row,
                        ({"role_ids": [[6, 0, value]]},),
                        expected=REFUSED,
                    )
                    if value != []
                    else None
                )
                yield Attack(
                    "channels", who, model, "write", row, ({"channel_ids": [[6, 0, [value]]]},)
                )
                yield Attack(
                    "languages",
                    who,
                    model,
                    "write",
                    row,
                    ({"livechat_lang_ids": [[6, 0, [value]]]},),
                )
                yield Attack(
                    "agents of a channel",
                    who,
                    "im_livechat.channel",
                    "write",
                    self.shop["im_livechat.channel"].ids,
                    ({"user_ids": [[4, value]]},),
                )
                yield Attack(
                    "permission",
                    who,
                    "livechat.role",
                    "toggle_permission",
                    self.role_wide.ids,
                    (value,),
                    expected=NOTHING if False else REFUSED,
                )
            for name in ("name", "login", "email", "phone", "lang", "livechat_username"):
                for value in (1, 1.5, True, [], [1], {}, {"a": 1}, "x" * 10000, "\x00", "a\x00b"):
                    yield Attack(name, who, model, "write", row, ({name: value},))
            for value in (
                "abc",
                "",
                None,
                [],
                {},
                True,
                1.5,
                9,
                1001,
                -1,
                2**40,
                2**80,
                "100",
                "1e2",
                [100],
            ):
                yield Attack(
                    "dispatch_weight", who, model, "write", row, ({"dispatch_weight": value},)
                )
                yield Attack(
                    "dispatch_weight",
                    who,
                    model,
                    "create",
                    None,
                    ({"name": "x", "dispatch_weight": value},),
                )
            for value in ("abc", "!!!", 1, [], {"a": 1}, "AAAA", "PHN2Zz48L3N2Zz4=", "x" * 1000):
                yield Attack(
                    "image_1920",
                    who,
                    model,
                    "write",
                    row,
                    ({"image_1920": value},),
                    expected=NOTHING,
                )
            for value in ("abc", 1, [], {}, None, [1], ["a"], [{}, 1]):
                expected = NOTHING if value == [] else REFUSED
                yield Attack(
                    "values",
                    who,
                    model,
                    "write",
                    row,
                    (value,),
                    expected=NOTHING if value in ([], {}) else REFUSED,
                )
                yield Attack("values", who, model, "create", None, (value,), expected=expected)
            for name in ("name", "permission_ids", "conversation_scope", "sequence"):
                if who != "main_account":
                    continue
                for value in (
                    1.5,
                    True,
                    "\x00",
                    {},
                    {"a": 1},
                    [1.5],
                    ["a"],
                    [None],
                    [[1]],
                    [[6, 0, ["a"]]],
                    2**80,
                ):
                    if (name, value) in (
                        ("sequence", True),
                        ("sequence", 1.5),
                        ("sequence", {}),
                        ("permission_ids", {}),
                        ("name", 1.5),
                        ("name", True),
                    ):
                        continue
                    yield Attack(
                        f"{name} of a role",
                        who,
                        "livechat.role",
                        "write",
                        self.role_wide.ids,
                        ({name: value},),
                    )

    def rows_wrong_ids(self):
        """Ids that are none, imports and wizards that make no sense."""
        model, row = "livechat.subaccount", self.subaccounts["colleague"].ids
        for who in ("main_account", "store_manager"):
            for ids in (
                [0],
                [-1],
                [2**31],
                [2**63],
                [2**80],
                ["a"],
                [None],
                [{}],
                [[1]],
                [1.5],
                "abc",
                {},
                [10**6] * 1000,
                list(range(10**6, 10**6 + 5000)),
            ):
                for method, args in (
                    ("action_activation_link", ()),
                    ("action_enable", ()),
                    ("action_disable", ()),
                    ("action_delete", ()),
                    ("action_disable_wizard", ()),
                    ("action_apply_roles", ()),
                    ("write", ({"dispatch_weight": 50},)),
                ):
                    yield Attack("ids", who, model, method, ids, args, expected=NOTHING)
            for method, args in (
                ("load", (["name"], [[None]])),
                ("name_create", (1,)),
                ("name_create", (None,)),
                ("name_create", ([],)),
                ("name_create", ({"a": 1},)),
            ):
                yield Attack(
                    "import and quick create", who, model, method, None, args, expected=NOTHING
                )
            for values in (
                {"subaccount_ids": [Command.set(self.victims.ids)]},
                {
                    "subaccount_ids": [
                        Command.create({"name": "x", "main_account_id": self.rival.id})
                    ]
                },
                {"subaccount_ids": [Command.update(self.victim.id, {"name": "taken"})]},
                {"subaccount_ids": [Command.delete(self.victim.id)]},
                {"subaccount_ids": [Command.set(row)], "successor_id": self.victim.id},
            ):
                yield Attack(
                    "the wizard",
                    who,
                    "livechat.subaccount.disable",
                    "web_save",
                    [],
                    (
                        values,
                        {
                            "subaccount_ids": {"fields": {"name": {}}},
                            "successor_id": {"fields": {"display_name": {}}},
                        },
                    ),
                    expected=NOTHING,
                )
                yield Attack(
                    "the wizard",
                    who,
                    "livechat.subaccount.disable",
                    "onchange",
                    [],
                    (
                        values,
                        list(values),
                        {
                            "subaccount_ids": {"fields": {"name": {}}},
                            "successor_id": {"fields": {"display_name": {}}},
                        },
                    ),
                    expected=NOTHING,
                )
