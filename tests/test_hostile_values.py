"""What no page sends, through every field of ours that anybody may set and every method of ours
that takes arguments: a sentence, or what was meant is stored; never a traceback, and never a change
of what it is not about.

Fields and methods are found in the registry: who adds one adds it here.
"""

import inspect
import json
import logging
from functools import partial

from psycopg2 import IntegrityError

from odoo import fields
from odoo.service.model import call_kw
from odoo.sql_db import Cursor
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.im_livechat_subaccount.tools import sent

from .common import get_turn, is_every_case_tried
from .security_matrix import CLEAR_ERRORS, SecurityCommon

_logger = logging.getLogger(__name__)

ADDON = sent.ADDON
# What a statement begins with that changes nothing.
_READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")
# Methods that are called on a model.
_OF_NO_RECORD = (
    "create",
    "get_agent_chats",
    "get_matrix",
    "get_pauses",
    "get_reception",
    "get_reception_agents",
    "get_team",
    "get_trend",
    "set_mailed",
)
# In the values below: ids that fit the field.
FOREIGN, OWN, LINE = object(), object(), object()

VALUES = {
    "null": None,
    "true": True,
    "zero": 0,
    "one": 1,
    "negative": -1,
    "fraction": 1.5,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "beyond integer": 2**31,
    "beyond integer, negative": -(2**31) - 1,
    "beyond bigint": 2**63,
    "beyond all": 10**400,
    "nobody's id": 2**31 - 1,
    "text": "abc",
    "blank text": "  ",
    "number as text": "12",
    "NUL": "a\0b",
    "lone surrogate": "a\ud800b",
    "5 MB": "x" * 5_000_000,
    "SQL": "1); DROP TABLE res_users; --",
    "object": {},
    "object with an id": {"id": 1},
    "object with a foreign id": {"id": FOREIGN},
    "object in objects": {"id": {"id": {"id": "abc"}}},
    "list of text": ["abc"],
    "list of null": [None],
    "list of true": [True],
    "list of objects": [{"id": 1}],
    "list of lists": [[]],
    "list in lists": [[[[[]]]]],
    "foreign id": FOREIGN,
    "foreign ids": [FOREIGN],
    "own id and text": [OWN, "abc"],
}

# What is like a moment or a day.
MOMENTS = {
    "last moment": "9999-12-31 23:59:59",
    "first moment": "0001-01-01 00:00:00",
    "no moment": "2026-02-30 25:00:00",
    "moment with a zone": "2026-02-03T10:00:00Z",
    "day": "2026-02-03",
}

# What is like the commands of a many-to-many or of lines.
COMMANDS = {
    "create": [[0, 0, {}]],
    "create of text": [[0, "virtual_1", "abc"]],
    "create of objects": [[0, {"a": 1}, {"name": {"a": 1}, "user_id": [1]}]],
    "create with what is the server's": [[0, 0, {"id": 1, "create_uid": 1, "group_id": 1}]],
    "create of lines in lines": [[0, 0, {"line_ids": [[0, 0, {"line_ids": [[0, 0, {}]]}]]}]],
    "update of nobody": [[1, 2**31 - 1, {"name": "abc"}]],
    "update of a foreign one": [[1, FOREIGN, {"name": "abc"}]],
    "update of an own one": [[1, OWN, {"name": "abc"}]],
    "update of a line": [[1, LINE, {"user_id": "abc", "kind": [1], "weight": "abc"}]],
    "update by true": [[True, LINE, {}]],
    "update of text": [[1, "abc", {}]],
    "delete of a foreign one": [[2, FOREIGN, 0]],
    "delete of an object": [[2, {"a": 1}, 0]],
    "delete of nothing": [[2]],
    "unlink of a foreign one": [[3, FOREIGN]],
    "link of a foreign one": [[4, FOREIGN, 0]],
    "link of text": [[4, "abc"]],
    "link of a list": [[4, [1], 0]],
    "clear of everything": [[5]],
    "set of foreign ones": [[6, 0, [FOREIGN]]],
    "set of text": [[6, 0, "abc"]],
    "set of lists": [[6, 0, [[1], None, {}]]],
    "set beyond bigint": [[6, 0, [2**63]]],
    "no command": [[7, 0, 0]],
    "negative command": [[-1, 0, 0]],
    "command as text": [["0", 0, {}]],
    "command as an object": [{"0": 0}],
}


def get_ours(model):
    """Return the fields that hostile values are for: those of ours, and all of a model of ours."""
    is_own = model._original_module == ADDON
    return [
        field
        for field in model._fields.values()
        if field.name != "id" and (is_own or (ADDON in field._modules and not field.readonly))
    ]


def _fill_in(value, ids):
    """Return a value with ids in it."""
    if isinstance(value, list):
        return [_fill_in(one, ids) for one in value]
    if isinstance(value, dict):
        return {key: _fill_in(one, ids) for key, one in value.items()}
    return ids[value] if type(value) is object else value


def choose(values, *of_what):
    """Return every fourth of the values, others for each of what is sent them; or all of them."""
    if is_every_case_tried():
        return values
    return {label: value for label, value in values.items() if not get_turn(4, *of_what, label)}


class HostileCommon(SecurityCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users["admin"] = cls.env.ref("base.user_admin")
        cls.sentences = {
            table_object.full_name(model)
            for model in cls.env.registry.values()
            for table_object in model._table_objects.values()
            if table_object._module == ADDON
        }

    def setUp(self):
        super().setUp()
        self.enterContext(mute_logger("odoo.sql_db", "odoo.addons.base.models.ir_model"))
        self.enterContext(mute_logger("odoo.addons.base.models.ir_rule", "odoo.orm.models"))
        self.attempts = self.accepted = 0
        self.has_written = False
        execute = Cursor.execute

        def execute_and_note(cursor, query, *args, **kwargs):
            code = query.code if isinstance(query, SQL) else query
            self.has_written |= not code.lstrip().startswith(_READS)
            return execute(cursor, query, *args, **kwargs)

        self.patch(Cursor, "execute", execute_and_note)

    def _attempt(self, call, check=None):
        """Tell whether a call is accepted; all it did is undone."""
        self.attempts += 1
        self.has_written = False
        savepoint = self.env.cr.savepoint(flush=False)
        try:
            try:
                call()
                self.env.cr.flush()
            except CLEAR_ERRORS as error:
                self.assertTrue(str(error))
                return False
            except IntegrityError as error:
                # The server makes the sentence of the constraint of it.
                if error.diag.constraint_name not in self.sentences:
                    self.fail(f"a database error instead of a sentence: {error!r}"[:1000])
                return False
            except Exception as error:
                self.has_written = True
                self.fail(f"a traceback instead of a sentence: {error!r}"[:1000])
            self.has_written = True
            self.accepted += 1
            if check:
                check()
            return True
        finally:
            savepoint.close(rollback=True)
            self.env.cr.precommit.clear()
            if self.has_written or self.env.transaction.field_dirty:
                self.env.clear()
                if self.env.registry.cache_invalidated:
                    self.env.registry.clear_all_caches()
                    self.env.registry.cache_invalidated.clear()

    def _call(self, records, method, *args):
        """As a browser's call reaches the ORM: by JSON."""
        args = json.loads(json.dumps(args))
        model = records.browse()
        ids = [] if method in _OF_NO_RECORD else [records.ids]
        return call_kw(model, method, [*ids, *args], {})


@tagged("post_install", "-at_install")
class TestHostileValues(HostileCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shop, staff = cls.shop, cls.subaccounts
        # Of each model anybody may change: a record, if it is the shop's, and what makes another.
        cls.samples = {
            "digest.digest": (
                cls.env["digest.digest"].create({"name": "Sample"}),
                {"name": "Sample"},
            ),
            "discuss.channel": (shop["discuss.channel"], {"name": "Sample"}),
            "im_livechat.channel": (shop["im_livechat.channel"], {"name": "Sample"}),
            "im_livechat.conversation.tag": (shop["tag"], {"name": "Sample"}),
            "livechat.activation.link": (None, {}),
            "livechat.block.buyer": (None, {"chat_id": shop["discuss.channel"].id}),
            "livechat.dispatch.block": (
                shop["livechat.dispatch.block"],
                {"livechat_channel_id": shop["im_livechat.channel"].id, "address": "192.0.2.7"},
            ),
            "livechat.main.account": (None, {}),
            "livechat.dispatch.change": (
                shop["livechat.dispatch.change"],
                {"name": "Sample", "channel_id": shop["im_livechat.channel"].id},
            ),
            "livechat.dispatch.compare": (None, {}),
            "livechat.dispatch.forecast": (None, {}),
            "livechat.dispatch.group": (
                shop["livechat.dispatch.group"],
                {"name": "Sample", "channel_id": shop["im_livechat.channel"].id},
            ),
            "livechat.dispatch.scope": (
                shop["livechat.dispatch.scope"],
                {"group_id": shop["livechat.dispatch.group"].id, "page_pattern": "/sample"},
            ),
            "livechat.dispatch.test": (None, {"channel_id": shop["im_livechat.channel"].id}),
            "livechat.dispatch.whatif": (None, {"channel_id": shop["im_livechat.channel"].id}),
            "livechat.dispatch.whatif.line": (None, {"user_id": cls.users["reception"].id}),
            "livechat.permission": (
                # One that no role has: others change what everybody may.
                cls.env["livechat.permission"].create({"name": "Unused"}),
                {"name": "Sample"},
            ),
            "livechat.role": (cls.role_planner, {"name": "Sample"}),
            "livechat.subaccount": (staff["colleague"], {"name": "Sample"}),
            "livechat.shop.handover": (
                None,
                {
                    "main_account_id": cls.owner.id,
                    "successor_id": cls.users["employee"].id,
                },
            ),
            "livechat.subaccount.disable": (None, {"subaccount_ids": staff["colleague"].ids}),
            "res.config.settings": (None, {}),
            "res.partner": (cls.env["res.partner"].create({"name": "Buyer"}), {"name": "Sample"}),
            "res.users": (cls.users["colleague"], {"name": "Sample", "login": "sample"}),
        }
        # Nobody changes these; a record is there to try.
        for name in ("change.line", "decision", "log", "total"):
            model = f"livechat.dispatch.{name}"
            cls.samples[model] = (shop[model][:1], {})
        cls.samples["livechat.ticket.decision"] = (shop["livechat.ticket.decision"], {})
        # The server alone makes these.
        for name in ("livechat.subaccount.session", "livechat.subaccount.sessions"):
            cls.samples[name] = (None, {})
        account_log = cls.env["livechat.account.log"]
        cls.samples["livechat.account.log"] = (
            account_log.search([("main_account_id", "=", cls.owner.id)], limit=1),
            {},
        )
        cls.samples["livechat.dispatch.health"] = (
            cls.env["livechat.dispatch.health"].search([], limit=1),
            {},
        )
        cls.samples["livechat.dispatch.presence"] = (
            cls.env["livechat.dispatch.presence"].search([], limit=1),
            {},
        )
        cls.samples["livechat.pause.reason"] = (
            cls.env["livechat.pause.reason"].create(
                {"name": "Sample", "main_account_id": cls.users["main_account"].id}
            ),
            {"name": "Sample"},
        )
        answer = cls.env["mail.canned.response"].create(
            {"source": "sample", "substitution": "Sample", "main_account_id": cls.owner.id}
        )
        cls.samples["mail.canned.response"] = (
            answer,
            {"source": "sample", "substitution": "Sample"},
        )
        cls.samples["livechat.answer.use"] = (
            cls.env["livechat.answer.use"].create({"response_id": answer.id}),
            {},
        )
        cls.samples["livechat.dispatch.pause"] = (
            cls.env["livechat.dispatch.pause"].create({"user_id": cls.users["colleague"].id}),
            {},
        )
        cls.samples["livechat.whisper"] = (
            cls.env["livechat.whisper"].create(
                {
                    "discuss_channel_id": shop["discuss.channel"].id,
                    "user_id": cls.users["main_account"].id,
                    "body": "Sample",
                }
            ),
            {},
        )
        cls.samples["mail.presence"] = (
            cls.env["mail.presence"].create({"user_id": cls.users["reception"].id}),
            {"user_id": cls.users["planner"].id},
        )
        cls.foreign = {
            record._table: set()
            for record in (*cls.victim_shop.values(), cls.victims, cls.rival, cls.victim_role)
        }
        for record in (
            *cls.victim_shop.values(),
            *(cls.victims, cls.victims.user_id, cls.victims.user_id.partner_id, cls.victim_role),
            *(cls.rival, cls.rival.partner_id, cls.users["admin"], cls.users["admin"].partner_id),
        ):
            cls.foreign.setdefault(record._table, set()).update(record.ids)

    def _get_foreign(self, comodel):
        """Return the id of a record of the other shop, or one that is there, of this model."""
        record = {
            "res.users": self.victim.user_id,
            "livechat.subaccount": self.victim,
            "livechat.role": self.victim_role,
            "res.partner": self.victim.user_id.partner_id,
        }.get(comodel, self.victim_shop.get(comodel))
        return record[:1].id if record else self.env[comodel].search([], limit=1).id or 1

    def _get_own(self, comodel):
        record, _values = self.samples.get(comodel, (None, None))
        return record[:1].id if record else self.env[comodel].search([], limit=1).id or 1

    def _get_ids(self, record, field):
        """Return which ids stand for those in the values."""
        comodel = field.comodel_name or record._name
        line = record[field.name][:1] if field.type in ("one2many", "many2many") else None
        return {
            FOREIGN: self._get_foreign(comodel),
            OWN: self._get_own(comodel),
            LINE: line.id if line else 1,
        }

    def _get_values(self, field, may):
        """Return which values a field is sent; few to what the caller does not set at all."""
        if field.readonly or not may:
            return {label: VALUES[label] for label in ("true", "text", "list of objects")}
        if field.type in ("one2many", "many2many"):
            return {**VALUES, **COMMANDS}
        if field.type in ("date", "datetime"):
            return {**VALUES, **MOMENTS}
        return {**VALUES, "command": COMMANDS["create of objects"]}

    def _read_foreign_rows(self):
        """Return a digest of the rows that none of these calls is about."""
        self.env.flush_all()
        digests = {}
        for table, ids in self.foreign.items():
            self.env.cr.execute(
                f"SELECT id, md5((to_jsonb(t) - 'write_date' - 'write_uid')::text) FROM {table} t"
                " WHERE id = ANY(%s)",
                [list(ids)],
            )
            digests[table] = dict(self.env.cr.fetchall())
        return digests

    def test_every_model_of_ours_has_a_sample(self):
        for name, model in self.env.registry.items():
            if get_ours(model) and not model._abstract and model._auto:
                self.assertIn(name, self.samples, "say how one is made")

    def test_every_number_says_its_limits(self):
        for name, model in self.env.registry.items():
            for field in get_ours(model):
                while field.related:
                    field = field.related_field
                if field.type in ("integer", "float") and not field.readonly:
                    self.assertTrue(hasattr(field, "at_least"), f"{name}.{field.name}")
                    self.assertTrue(hasattr(field, "at_most"), f"{name}.{field.name}")

    def test_administrators(self):
        self._attack("admin", but="main_account")

    def test_main_accounts(self):
        self._attack("main_account")

    def _attack(self, who, but=None):
        """Send everything.

        :param but: but to those models of ours that this one may create or change, and sends the
            same.
        """
        user = self.users[who]
        self.before = self._read_foreign_rows()
        for name, (record, values) in sorted(self.samples.items()):
            model = self.env[name].with_user(user)
            if but and model._original_module == ADDON:
                others = model.with_user(self.users[but])
                if others.has_access("create") or others.has_access("write"):
                    continue
            may_create = model.has_access("create")
            if not record and may_create:
                record, values = self._make_sample(model, values)
            record = (record or model).with_user(user)
            if may_create and name != "livechat.dispatch.change.line":
                with self.subTest(model=name, who=who):
                    create = partial(self._call, model, "create", values)
                    self.assertTrue(self._attempt(create), "the sample itself is refused")
            for field in get_ours(self.env[name]):
                self._attack_field(record, values, field)
        _logger.info("%s: %s attempts, %s accepted", who, self.attempts, self.accepted)

    def _make_sample(self, model, values):
        if model._name == "livechat.dispatch.whatif.line":
            channel = self.shop["im_livechat.channel"]
            sheet = self.env["livechat.dispatch.whatif"].with_env(model.env)
            sheet = sheet.create({"channel_id": channel.id})
            record, values = sheet.line_ids[:1], {**values, "whatif_id": sheet.id}
        else:
            record = model.create(values)
        self.env.cr.flush()
        return record, values

    def _attack_field(self, record, values, field):
        name, model = field.name, record.browse()
        ids = self._get_ids(record.sudo(), field)
        may = record.has_access("write") or model.has_access("create")
        # What a form computes of a value that is accepted is where it might go wrong.
        spec = {
            other.name: {"fields": {"display_name": {}}} if other.relational else {}
            for other in get_ours(model)
            if (other == field or (other.compute and name in other.get_depends(model)[0]))
            and (not other.groups or record.env.user.has_groups(other.groups))
        }
        sent_values = choose(self._get_values(field, may), record._name, name)
        for label, template in sent_values.items():
            value = _fill_in(template, ids)
            with self.subTest(model=record._name, field=name, value=label):
                with self.subTest(way="create"):
                    call = partial(self._call, model, "create", {**values, name: value})
                    self._attempt(call, self._check_others)
                if record:
                    with self.subTest(way="write"):
                        call = partial(self._call, record, "write", {name: value})
                        self._attempt(call, partial(self._check_stored, record, field, value))
                # A form that is saved already, and one that is not.
                for form in {record, model} if field.relational else {record}:
                    with self.subTest(way="onchange", saved=bool(form)):
                        self._attempt(
                            partial(self._call, form, "onchange", {name: value}, [name], spec)
                        )

    def _check_others(self):
        self.assertEqual(self._read_foreign_rows(), self.before, "changed the other shop's")

    def _check_stored(self, record, field, value):
        """Check that an accepted value is stored as it was meant, and nothing else was changed."""
        self._check_others()
        record.invalidate_recordset()
        stored = record.sudo()[field.name]
        if field.type in ("integer", "float", "boolean"):
            self.assertEqual(stored, value or 0)
        elif field.type in ("char", "text", "selection") and (field.store or field.related):
            text = value.strip() if isinstance(value, str) else value
            if field.name != "lang":
                self.assertEqual(stored or False, text or False)
        elif field.type == "many2one":
            self.assertEqual(stored.id or False, value or False)
        elif field.type in ("date", "datetime"):
            text = str(stored)[: len(value or "")] if stored else ""
            self.assertTrue((value or "").startswith(text) and bool(stored) == bool(value))
        if field.relational and stored:
            unseen = stored - stored.with_env(record.env)._filtered_access("read").sudo()
            self.assertFalse(unseen, "chosen without being seen")


@tagged("post_install", "-at_install")
class TestHostileArguments(HostileCommon):
    """Public methods of ours, of which a browser chooses the arguments."""

    def _get_methods(self):
        """Yield what a browser can call with arguments and is no method of core's."""
        for name, model in self.env.registry.items():
            ours = [base for base in model.mro() if getattr(base, "_module", None) == ADDON]
            others = [base for base in model.mro() if base not in ours and base is not model]
            for method in {method for base in ours for method in vars(base)}:
                function = inspect.unwrap(getattr(model, method))
                if (
                    not method.startswith("_")
                    and inspect.isfunction(function)
                    and not getattr(function, "_api_private", False)
                    and not any(method in vars(base) for base in others)
                ):
                    parameters = inspect.signature(function).parameters.values()
                    named = [each.name for each in parameters if each.kind != each.VAR_KEYWORD]
                    if len(named) > 1:
                        yield name, method, named[1:]

    def test_every_argument(self):
        chat, channel = self.shop["discuss.channel"], self.shop["im_livechat.channel"]
        agent, group = self.users["reception"], self.shop["livechat.dispatch.group"]
        # For each method a record and sound arguments.
        sound = {
            "action_give_to": (chat, {"user_id": self.users["colleague"].id}),
            "action_hand_shop_over": (self.users["main_account"], {"successor_id": agent.id}),
            "action_hold": (
                chat,
                {"until": str(fields.Datetime.add(fields.Datetime.now(), hours=1))},
            ),
            "action_whisper": (chat, {"text": "Sample"}),
            **dict.fromkeys(
                ("dispatch_away", "dispatch_pause"),
                (
                    agent,
                    {
                        "until": "2090-01-01 00:00:00",
                        "reason_id": self.env.ref(
                            "im_livechat_subaccount.livechat_pause_reason_lunch"
                        ).id,
                    },
                ),
            ),
            "dispatch_set_weight": (agent, {"weight": 50}),
            "get_agent_chats": (chat.browse(), {"user_id": agent.id}),
            "get_matrix": (
                self.env["livechat.role"],
                {"search": "", "role_offset": 0, "subaccount_offset": 0, "limit": 80},
            ),
            "get_pauses": (
                self.env["livechat.team"],
                {"user_id": agent.id, "period": "today"},
            ),
            "get_reception": (channel.browse(), {"max_age": 0}),
            "get_reception_agents": (channel.browse(), {"user_ids": agent.ids}),
            "get_team": (self.env["livechat.team"], {"period": "today"}),
            "get_trend": (self.env["livechat.team"], {"user_id": agent.id}),
            "set_mailed": (self.env["livechat.team"], {"is_mailed": True}),
            "make_ticket": (chat, {"title": "Sample", "word": "Sample", "end": False}),
            "move_dispatch_agent": (
                channel,
                {"user_id": agent.id, "from_group_id": group.id, "to_group_id": 0},
            ),
            "set_agent_paused": (group, {"user_id": agent.id, "paused": True}),
            "toggle_permission": (
                self.role_planner,
                {"permission_id": self.permissions["receive_buyers"].id, "given": True},
            ),
            "transfer": (
                chat,
                {
                    "reason": "asked",
                    "user_id": self.users["colleague"].id,
                    "group_id": False,
                    "note": "",
                    "when_free": False,
                },
            ),
        }
        ids = {FOREIGN: self.victim.user_id.id, OWN: agent.id, LINE: agent.id}
        names = set()
        for model, method, parameters in self._get_methods():
            names.add(method)
            self.assertIn(method, sound, f"say how {model}.{method} is called")
            record, arguments = sound[method]
            self.assertEqual(list(arguments), parameters)
            for who in ("admin", "main_account"):
                records = record.with_user(self.users[who])
                for name in parameters:
                    values = choose({**VALUES, **MOMENTS, **COMMANDS}, method, name, who)
                    for label, value in values.items():
                        value = _fill_in(value, ids)
                        sent_arguments = {**arguments, name: value}.values()
                        with self.subTest(method=method, argument=name, value=label, who=who):
                            self._attempt(partial(self._call, records, method, *sent_arguments))
        self.assertEqual(names, set(sound))
