from contextlib import contextmanager
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_datetime

from ...tools import phrase
from ...tools.here import read_now
from ...tools.history import Outlived, Sealed
from ...tools.sent import is_record_id

# Which field of a row holds the record it is about.
_SUBJECTS = {
    "res.users": "agent_id",
    "im_livechat.channel": "channel_id",
    "livechat.dispatch.group": "group_id",
    "livechat.dispatch.change": "change_id",
}
_PAUSE = "res.users.dispatch_paused"
_KEPT_FOR = timedelta(days=400)
_VACUUM_LIMIT = 20_000

# Who may write here: this file alone. An object, because no browser can put it into a context.
_BY_LOG = object()
# Where a transaction keeps on whose behalf it changes settings, and what is being compared.
_WAY = "livechat_dispatch_log_way"
_BY_HAND = ("hand", False)
_COMPARED = "livechat_dispatch_log_compared"


class LivechatDispatchLog(Sealed, models.Model):
    """Every change of a dispatch setting: who, when, from what, to what.

    Written together with the change, by whatever way it is made; nobody writes it otherwise.
    """

    _name = "livechat.dispatch.log"
    _description = "Dispatch Change Log"
    _order = "id desc"
    _rec_name = "subject"

    moment = fields.Datetime(
        "When", default=lambda self: read_now(self.env), required=True, index=True, readonly=True
    )
    user_id = Outlived("res.users", "User", falsy_value_label=phrase.SERVER)
    user_name = fields.Char("Name at That Time", readonly=True)
    way = fields.Selection(
        [
            ("hand", "By hand"),
            ("undo", "Undone by hand"),
            ("change", "Dated change"),
            ("dispatch", "Dispatch itself"),
        ],
        default="hand",
        required=True,
        readonly=True,
    )
    cause_id = Outlived("livechat.dispatch.change", "By Dated Change")
    who = fields.Char(compute="_compute_who")
    main_account_id = Outlived("res.users", "Main Account")
    agent_id = Outlived("res.users", "Agent", falsy_value_label=phrase.NO_AGENT)
    channel_id = Outlived("im_livechat.channel", "Channel", falsy_value_label=phrase.NO_CHANNEL)
    group_id = Outlived("livechat.dispatch.group", "Dispatch Group")
    change_id = Outlived("livechat.dispatch.change", "Dated Change")
    subject = fields.Char("Of", readonly=True, help="Whose setting it is, by its name at the time.")
    what = fields.Selection("_get_whats", "What", required=True, readonly=True)
    old_value = fields.Json(readonly=True)
    new_value = fields.Json(readonly=True)
    old_text = fields.Char("From", compute="_compute_texts")
    new_text = fields.Char("To", compute="_compute_texts")
    remark = fields.Selection(
        [
            ("kept", "Changed by hand meanwhile: it stays as it is"),
            ("gone", "No agent of the channel any more: left alone"),
            ("missed", "The server was not running: left out"),
        ],
        readonly=True,
    )
    can_undo = fields.Boolean(compute="_compute_can_undo")
    is_own_pause = fields.Boolean(
        compute="_compute_is_own_pause",
        search="_search_is_own_pause",
        help="An agent's own, and the end of one that was to end by itself.",
    )

    @api.model
    def _get_whats(self):
        """Return what can be logged as ``(code, words)``; a code is the model and the field."""
        words = {
            "im_livechat.channel.user_ids": self.env._("Agent of the channel"),
            "livechat.dispatch.group.user_ids": self.env._("Agent of the group"),
            _PAUSE: self.env._("Pause"),
        }
        things = {
            "im_livechat.channel": self.env._("Channel"),
            "livechat.dispatch.group": self.env._("Dispatch group"),
            "livechat.dispatch.change": self.env._("Dated change"),
        }
        for model, name in things.items():
            words[f"{model}.create"] = self.env._("%(thing)s made", thing=name)
            words[f"{model}.unlink"] = self.env._("%(thing)s deleted", thing=name)
        for model in (*_SUBJECTS, "res.config.settings"):
            for name in self._get_logged(model):
                label = self.env[model]._fields[name]._description_string(self.env)
                words.setdefault(self._get_code(model, name), label)
        return list(words.items())

    @api.model
    def _get_logged(self, model, names=None):
        """Return which logged fields of a model are concerned when these are written.

        :param names: names of fields; all of the model's, if not given.
        """
        model = self.env[model]
        told = {}
        for name in model._fields if names is None else names:
            if logged := model._says(name, "logged"):
                told[name if logged in (True, "each") else logged] = True
        return list(told)

    @api.model
    def _get_code(self, model, name):
        """Return what a row says it is about: the model and the field, for the agents of a channel
        from either side the channel's."""
        field = self.env[model]._fields[name]
        if field.logged == "each" and model == "res.users":
            return f"{field.comodel_name}.user_ids"
        return f"{model}.{name}"

    @api.depends("user_id", "user_name", "way", "cause_id")
    def _compute_who(self):
        for row in self:
            row.who = row.user_name
            if row.way == "dispatch":
                row.who = self.env._("Dispatch")
            elif row.way == "change" and not row.user_name:
                # sudo: livechat.dispatch.change - the name of what changed a row that may be read
                row.who = row.sudo().cause_id.name or self.env._("Dated change")

    @api.depends("what", "old_value", "new_value")
    @api.depends_context("lang", "tz")
    def _compute_texts(self):
        for row in self:
            row.old_text = row._describe_value(row.old_value)
            row.new_text = row._describe_value(row.new_value)

    def _describe_value(self, value):
        """Return a logged value in the words of whoever reads it."""
        model, _dot, name = (self.what or "").rpartition(".")
        field = self.env[model]._fields.get(name) if model in self.env else None
        type_ = field.type if field else None
        if name == "dispatch_paused":
            if value is True or not value:
                return self.env._("Paused") if value else self.env._("Takes new buyers")
            return self.env._("Paused until %(moment)s", moment=format_datetime(self.env, value))
        if isinstance(value, bool) and name not in ("create", "unlink"):
            if type_ == "many2many":
                return self.env._("In it") if value else self.env._("Not in it")
            if value or type_ in (None, "boolean"):
                return self.env._("Yes") if value else self.env._("No")
        if value is None or value is False or value == []:
            return "–"
        if isinstance(value, list):
            names = (str(one[1]) if isinstance(one, list) else str(one) for one in value)
            return phrase.join(self.env, names)
        if type_ == "selection":
            return dict(field._description_selection(self.env)).get(value, str(value))
        if type_ == "datetime":
            return format_datetime(self.env, value)
        return str(value)

    @api.depends_context("uid")
    def _compute_can_undo(self):
        last = self._find_last()
        for row in self:
            subject = row._get_undoable()
            row.can_undo = bool(
                subject
                and row.id in last
                and row._may_undo(subject)
                and not row._is_over()
                and row._read_logged(subject)[subject.id] == row.new_value
            )

    @api.depends("what", "way", "user_id", "agent_id", "new_value")
    def _compute_is_own_pause(self):
        for row in self:
            has_ended = row.way == "dispatch" and not row.new_value
            row.is_own_pause = row.what == _PAUSE and (row.user_id == row.agent_id or has_ended)

    def _search_is_own_pause(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Served by a scan of the log, of which the reader sees its shop's part.
        own = SQL(
            """
            (SELECT id FROM livechat_dispatch_log
              WHERE what = %s
                AND (user_id = agent_id
                     OR way = 'dispatch' AND coalesce(new_value, 'false') = 'false'))
            """,
            _PAUSE,
        )
        return [("id", "in", own)]

    def _find_last(self):
        """Return the ids of those rows after which nobody has changed the same setting again."""
        # sudo: livechat.dispatch.log - whether there is a later row
        rows = self.sudo()
        last = set()
        for subject in set(_SUBJECTS.values()):
            domain = [("what", "in", rows.mapped("what")), (subject, "in", rows[subject].ids)]
            domain.append(("remark", "=", False))
            groups = rows._read_group(domain, ["what", subject], ["id:max"])
            last.update(row_id for _what, _subject, row_id in groups)
        return last

    # ------------------------------------------------------------
    # Nobody writes history
    # ------------------------------------------------------------

    def _check_sealed(self):
        if self.env.context.get("livechat_dispatch_log") is not _BY_LOG:
            raise AccessError(self.env._("The log of changes cannot be edited."))

    @api.autovacuum
    def _gc_old_rows(self):
        rows = self.with_context(livechat_dispatch_log=_BY_LOG).search(
            [("moment", "<", read_now(self.env) - _KEPT_FOR)], order="id", limit=_VACUUM_LIMIT
        )
        rows.unlink()
        return len(rows), len(rows) == _VACUUM_LIMIT

    # ------------------------------------------------------------
    # Writing rows
    # ------------------------------------------------------------

    @api.model
    @contextmanager
    def _by(self, way, change=None):
        """Log what is changed in this block as done in this way.

        Kept by the transaction, where no savepoint takes it away, and not by the context, which
        others clean and browsers send.

        :param way: ``undo``, ``change`` or ``dispatch``.
        :param change: the ``livechat.dispatch.change`` that does it.
        """
        noted = self.env.cr.postcommit.data
        before = noted.get(_WAY, _BY_HAND)
        noted[_WAY] = (way, change.id if change else False)
        try:
            yield
        finally:
            noted[_WAY] = before

    @api.model
    @contextmanager
    def _comparing(self, records, names):
        """Log what the block changes of these records' fields.

        :param names: of any fields of the model; only the logged ones count.
        """
        names = self._get_logged(records._name, names)
        if not names or not records or not all(map(is_record_id, records._ids)):
            # What is no record is refused in the block.
            yield
            return
        # What an outer block compares is logged once, by that one.
        compared = self.env.cr.postcommit.data.setdefault(_COMPARED, set())
        keys = {(records._name, id_, name) for name in names for id_ in records.ids} - compared
        compared |= keys
        try:
            before = {name: self._read_values_of(records, name) for name in names}
            yield
            after = {name: self._read_values_of(records, name) for name in names}
        finally:
            compared -= keys
        rows = []
        for record in records:
            for name in names:
                old, new = before[name][record.id], after[name][record.id]
                if old != new and (records._name, record.id, name) in keys:
                    rows += self._describe_difference(record, name, old, new)
        self._add_rows(rows)

    @api.model
    def _read_values_of(self, records, name):
        """Return ``{record id: value}`` of a field as the log keeps it."""
        # sudo: any - the log is the server's, and reads the same whoever changes something
        records = records.sudo().with_context(active_test=False)
        if records._says(name, "logged") == "each":
            return {record.id: set(record[name].ids) for record in records}
        return {record.id: _to_json(record, name) for record in records}

    @api.model
    def _describe_difference(self, record, name, old, new):
        """Return the values of the rows that say how a field of a record changed."""
        code = self._get_code(record._name, name)
        if record._says(name, "logged") != "each":
            return [self._describe(record, code, old, new)]
        rows = []
        for ids, joins in ((new - old, True), (old - new, False)):
            for id_ in sorted(ids):
                if record._name == "res.users":
                    agent, home = record, self.env["im_livechat.channel"].browse(id_)
                else:
                    agent, home = self.env["res.users"].browse(id_), record
                rows.append(self._describe_membership(agent, home, code, joins))
        return rows

    @api.model
    def _describe_membership(self, agent, home, code, joins):
        # sudo: res.users, im_livechat.channel - names in a row of the log
        agent, home = agent.sudo(), home.sudo()
        channel = self._get_channel(home)
        return {
            "main_account_id": channel.main_account_id.id or agent._get_shop_owner().id,
            "agent_id": agent.id,
            "channel_id": channel.id,
            "group_id": home.id if home != channel else False,
            "subject": f"{agent.name} – {home.name}",
            "what": code,
            "old_value": not joins,
            "new_value": joins,
        }

    @api.model
    def _describe(self, record, what, old, new, **values):
        """Return the values of one row.

        :param what: code of ``_get_whats``.
        """
        # sudo: any - names in a row of the log
        record = record.sudo()
        channel = self._get_channel(record)
        owner = channel.main_account_id if channel else record._get_shop_owner()
        if what == "im_livechat.channel.main_account_id":
            # Of two shops neither learns whose the channel was or will be.
            owner = owner.browse()
        return {
            "main_account_id": owner.id,
            "channel_id": channel.id,
            _SUBJECTS[record._name]: record.id,
            "subject": record.name,
            "what": what,
            "old_value": old,
            "new_value": new,
            **values,
        }

    @api.model
    def _get_channel(self, record):
        """Return the channel that a record is or belongs to; none of an agent."""
        if record._name == "im_livechat.channel":
            return record
        return self.env["im_livechat.channel"] if record._name == "res.users" else record.channel_id

    @api.model
    def _add_rows(self, rows):
        """Write rows, with who does it and in which way.

        :param rows: see ``_describe``.
        """
        if not rows:
            return
        way, change_id = self.env.cr.postcommit.data.get(_WAY, _BY_HAND)
        # Nobody does what dispatch does by itself, even while somebody's request runs.
        by_nobody = way == "dispatch" or (way == "change" and self.env.uid == SUPERUSER_ID)
        common = {
            "way": way,
            "cause_id": change_id,
            "user_id": False if by_nobody else self.env.uid,
            # sudo: res.users - one's own name
            "user_name": False if by_nobody else self.env.user.sudo().name,
        }
        # sudo: livechat.dispatch.log - whoever changes a setting leaves a trace
        self.sudo().with_context(
            {"lang": self.env.context.get("lang"), "livechat_dispatch_log": _BY_LOG}
        ).create([{**common, **row} for row in rows])

    @api.model
    def _is_set_by_hand(self, record, name, since):
        """Tell whether the last to set a value, after a row of the log, was no dated change.

        :param since: id of that row.
        """
        # sudo: livechat.dispatch.log - all rows count
        last = self.sudo().search(
            [
                ("id", ">", since),
                ("what", "=", f"{record._name}.{name}"),
                (_SUBJECTS[record._name], "=", record.id),
                ("remark", "=", False),
            ],
            limit=1,
        )
        return last.way in ("hand", "dispatch")

    @api.model
    def _note_created(self, records, members=None):
        """Log that records came, and the agents who came with them.

        :param members: the field that says who these are.
        """
        self._add_rows(self._describe_lives(records, "create", members))

    @api.model
    @contextmanager
    def _deleting(self, records, members=None):
        """Log that the block deletes records, and the agents who go with them."""
        rows = self._describe_lives(records, "unlink", members)
        self._forget(records)
        yield
        self._add_rows(rows)

    @api.model
    def _describe_lives(self, records, event, members):
        rows = []
        for record in records.sudo():  # sudo: any - names in a row of the log
            if record._name != "res.users":
                old, new = (None, record.name) if event == "create" else (record.name, None)
                rows.append(self._describe(record, f"{record._name}.{event}", old, new))
        for record in records if members else ():
            old, new = set(), self._read_values_of(record, members)[record.id]
            if event == "unlink":
                old, new = new, old
            rows += self._describe_difference(record, members, old, new)
        for row in rows if event == "unlink" else ():
            row[_SUBJECTS[records._name]] = False
            if records._name == "res.users" and row["main_account_id"] in records.ids:
                # What names a shop whose owner is gone as well names none.
                row["main_account_id"] = False
        return rows

    # ------------------------------------------------------------
    # Undo
    # ------------------------------------------------------------

    def _get_undoable(self):
        """Return the record whose simple setting this row is about; empty if it is none."""
        model, _dot, name = (self.what or "").rpartition(".")
        if (
            not self.remark
            and model in ("res.users", "im_livechat.channel")
            and self.env[model]._says(name, "logged")
            and self.env[model]._fields[name].type in ("selection", "integer", "boolean")
        ):
            return self[_SUBJECTS[model]]
        return self.env["res.users"]

    def _may_undo(self, subject):
        """Tell whether the caller may set back what this row is about."""
        user = self.env.user
        if subject._name == "res.users":
            if self.what == _PAUSE and subject == user:
                return True
            return subject in subject._find_manageable(user)[0]
        # sudo: im_livechat.channel - whose it is
        return user._manages_dispatch_of(subject.sudo().main_account_id)

    def _is_over(self):
        """Tell whether what was before is a pause that would have ended by itself meanwhile."""
        if self.what != _PAUSE or not isinstance(self.old_value, str):
            return False
        return fields.Datetime.to_datetime(self.old_value) <= read_now(self.env)

    def _read_logged(self, subject):
        return self._read_values_of(subject, self.what.rpartition(".")[2])

    def action_undo(self):
        """Set the old value back, as whoever may set it by hand could.

        :raise AccessError: not the caller's to set.
        :raise UserError: not a simple setting, or changed again since.
        """
        if len(self) != 1 or not is_record_id(self._ids[0]):
            raise UserError(self.env._("Undo one change at a time."))
        self.check_access("read")
        row = self.exists()
        if not row:
            raise UserError(self.env._("This row of the log is gone."))
        subject = row._get_undoable()
        if not subject:
            raise UserError(self.env._("Only weights, pauses and simple settings can be undone."))
        if not row._may_undo(subject):
            raise AccessError(self.env._("You do not manage this dispatch."))
        current = row._read_logged(subject)[subject.id]
        if current != row.new_value or row.id not in row._find_last():
            raise UserError(
                self.env._(
                    "%(what)s of %(subject)s was changed again since: it is %(current)s now.",
                    what=dict(self._get_whats())[row.what],
                    subject=row.subject,
                    current=row._describe_value(current),
                )
            )
        with self._by("undo"):
            row._set_back(subject)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _find_reason_before(self, agent):
        """Return the id of the reason of the pause that this row has ended or changed, ``False``
        for none and for one from which nobody chooses any more."""
        # sudo: livechat.dispatch.pause - of an agent whom the caller may pause
        pauses = self.env["livechat.dispatch.pause"].sudo()
        before = [("user_id", "=", agent.id), ("began_at", "<=", self.moment)]
        # Both are told in whole seconds, the row after the end of the pause.
        ended = [
            ("ended_at", ">=", self.moment - timedelta(seconds=1)),
            ("ended_at", "<=", self.moment),
        ]
        pause = pauses.search(before + ended, limit=1) or pauses.search(before, limit=1)
        langs = [code for code, _name in self.env["res.lang"].get_installed()]
        for reason in agent._find_pause_reasons() if pause.reason else ():
            # As it was called then, in whatever language.
            if any(reason.with_context(lang=lang).name == pause.reason for lang in langs):
                return reason.id
        return False

    def _set_back(self, subject):
        """Write the old value by the way on which it would be written by hand."""
        name = self.what.rpartition(".")[2]
        if name == "dispatch_paused":
            if self.old_value:
                until = False if self.old_value is True else self.old_value
                subject.dispatch_pause(until, self._find_reason_before(subject))
            else:
                subject.dispatch_resume()
        elif subject._name == "res.users":
            # sudo: livechat.subaccount - left, not taken: its write checks the caller
            subaccount = subject._get_subaccount().sudo(False)
            # sudo: res.users - checked by action_undo, and nothing but the weight
            (subaccount or subject.sudo()).write({name: self.old_value})
        else:
            subject.write({name: self.old_value})


def _to_json(record, name):
    """Return the value of a field as the log keeps it: names beside ids, texts for lines."""
    if name == "dispatch_paused":
        until = record.dispatch_paused and record.dispatch_paused_until
        return fields.Datetime.to_string(until) or record.dispatch_paused
    field, value = record._fields[name], record[name]
    match field.type:
        case "one2many":
            return sorted(line.display_name for line in value)
        case "many2many" | "many2one":
            return [[one.id, one.display_name] for one in value.sorted("id")]
        case "date" | "datetime":
            return field.to_string(value)
    return value
