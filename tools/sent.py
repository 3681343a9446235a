"""What a browser or a spreadsheet sent: one reader of it, and the sentences it refuses with.

Odoo's fields take a value for a program's. What no column can hold, or is of another kind than the
field, ends in a traceback there; and a many-to-one tells the name of whatever record it refers to.
So a model that inherits :class:`Reader` reads first: only fields that are the caller's to set,
values of the field's type and within its limits, and records that the caller can see. Who may
change which record is not decided here.

The limits of a field are parameters of the field: ``at_least`` and ``at_most`` of a number,
``length_max`` of a text.
"""

import math
import re
from collections import defaultdict
from datetime import date, datetime

from odoo import api
from odoo.api import NewId
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command, Datetime, Domain

ADDON = __name__.split(".")[-3]

PARAMETERS = frozenset({"at_least", "at_most", "length_max"})
TEXT_LENGTH_MAX = 256
# More than a shop has of anything that is counted; for numbers without a limit of their own.
MANY = 1_000_000
# Nobody chooses more records at once; a browser could send any number.
COMMANDS_MAX = 10_000
# Further away nobody plans, and arithmetic with days would leave the calendar.
YEARS = range(2000, 2101)

_INTEGER_MAX = 2**31 - 1
_MANY = ("one2many", "many2many")


def is_record_id(value):
    """Tell whether this can be a record's id: PostgreSQL's are integers of 32 bits."""
    return type(value) is int and 0 < value < 2**31


def keep_ids(value, most=MANY):
    """Return the ids of records among the first things of a list that was sent; of what is no list
    none."""
    return [one for one in value[:most] if is_record_id(one)] if isinstance(value, list) else []


def is_text(value, maximum=TEXT_LENGTH_MAX):
    """Tell whether this is a text that PostgreSQL takes, of at most so many characters."""
    return (
        isinstance(value, str)
        and len(value) <= maximum
        and "\0" not in value
        and not re.search("[\ud800-\udfff]", value)
    )


def to_moment(value, field=Datetime):
    """Return a moment without fractions of a second, or a day if ``field`` is ``Date``; ``None``
    for what is none or far away."""
    if not isinstance(value, (str, date)):
        return None
    try:
        moment = field.to_datetime(value) if field is Datetime else field.to_date(value)
    except ValueError:
        return None
    if not moment or moment.year not in YEARS:
        return None
    return moment.replace(microsecond=0) if isinstance(moment, datetime) else moment


def to_commands(value):
    """Return the commands of an x2many value as tuples of three, ``None`` for what are none."""
    if value is False or value is None:
        return [Command.clear()]
    if not isinstance(value, (list, tuple)) or len(value) > COMMANDS_MAX:
        return None
    if value and all(map(is_record_id, value)):
        return [Command.set(value)]
    commands = []
    for command in value:
        match command:
            case [Command.CREATE, int() | str() | None as line_id, dict() as vals]:
                commands.append((Command.CREATE, line_id, vals))
            case [Command.UPDATE, line_id, dict() as vals] if is_record_id(line_id):
                commands.append((Command.UPDATE, line_id, vals))
            case [Command.DELETE | Command.UNLINK | Command.LINK as code, line_id, *_rest] if (
                is_record_id(line_id)
            ):
                commands.append((Command(code), line_id, 0))
            case [Command.CLEAR, *_rest]:
                commands.append(Command.clear())
            case [Command.SET, _zero, [*ids]] if len(ids) <= COMMANDS_MAX and all(
                map(is_record_id, ids)
            ):
                commands.append(Command.set(ids))
            case _:
                return None
    return commands


def get_chosen(current, commands):
    """Return the records that commands which :func:`to_commands` has read leave of ``current``;
    those that are yet to be created are not among them."""
    ids = dict.fromkeys(current.ids)
    for code, record_id, record_ids in commands:
        match code:
            case Command.LINK:
                ids[record_id] = None
            case Command.UNLINK | Command.DELETE:
                ids.pop(record_id, None)
            case Command.CLEAR | Command.SET:
                ids = dict.fromkeys(record_ids or ())
    return current.browse(ids)


def without_defaults(context):
    """Return a context that says nothing which nobody has checked."""
    return {key: value for key, value in context.items() if not key.startswith("default_")}


def expect(env, sound):
    """Refuse a call that no page makes."""
    if not sound:
        raise UserError(env._("This call makes no sense."))


def read_domain(env, domain):
    """Return the conditions that somebody looks for; what are none are refused."""
    try:
        return Domain(domain)
    except (TypeError, ValueError):
        return expect(env, False)


def expect_ids(records):
    """Refuse a call on what are no ids of records."""
    expect(records.env, all(map(is_record_id, records._ids)))


def check_lengths(records, limits):
    """Refuse texts of other addons' models that each page view of a buyer would load, however long.

    :param limits: ``{field: characters at most}``.
    :raise ValidationError:
    """
    for record in records:
        for name, maximum in limits.items():
            if len(record[name] or "") > maximum:
                raise ValidationError(
                    records.env._(
                        "%(field)s has at most %(maximum)s characters.",
                        field=_get_label(records, records._fields[name]),
                        maximum=maximum,
                    )
                )


def expect_values(env, values):
    """Refuse what are no values of one record."""
    expect(env, isinstance(values, dict))


def expect_rows(env, vals_list):
    """Refuse what are no values of records."""
    expect(env, isinstance(vals_list, (list, tuple)))
    for values in vals_list:
        expect_values(env, values)


class Reader:
    """What a model inherits, before ``models.Model``, to read what was sent.

    It reads forms and defaults by itself; a model that creates and writes in its own way calls
    ``_read_sent``, all others inherit :class:`Guard`.
    """

    # As Odoo gives every model: what is no field cannot be assigned to a record.
    __slots__ = ()

    # Of which fields the context of a page says the default.
    _opens_with = frozenset()

    def _valid_field_parameter(self, field, name):
        return name in PARAMETERS or super()._valid_field_parameter(field, name)

    def _may_say(self, name):
        """Tell whether the caller may set this field of ours; a form says what it shows as well."""
        return not self._fields[name].readonly

    def _read_sent(self, vals_list, form=False, new=False):
        """Return values for the ORM, built from what a caller says about these records.

        Of a model of another addon only our fields are read, and the rest is left as it is.

        :param form: it is being filled in: what cannot be set is ignored, and limits do not hold
            yet.
        :param new: they are to be created, and complete.
        :rtype: list[dict]
        :raise UserError: no values at all.
        :raise ValidationError: a value that is none.
        :raise AccessError: a field or a record that is not the caller's to choose.
        """
        expect(self.env, isinstance(vals_list, (list, tuple)))
        reading = _Reading(self.env, form)
        read = [reading.read(self, vals) for vals in vals_list]
        reading.check_named()
        if new:
            for vals in read:
                reading.check_complete(self, vals)
        return read

    @api.model
    def default_get(self, fields):
        """As core's, of which a caller's context says only where a record is to be.

        A context comes from whoever made the filter or the link that somebody follows. A dialog
        shows what our own action gave it.
        """
        expect(self.env, isinstance(fields, (list, tuple, set)))
        expect(self.env, all(isinstance(name, str) for name in fields))
        context = {}
        for key, value in self.env.context.items():
            name = key.removeprefix("default_")
            if name != key and _is_ours(self, name):
                if name not in self._opens_with and not (self._transient and _is_own(self)):
                    continue
                try:
                    self.browse()._read_sent([{name: value}])
                except UserError:
                    continue
            context[key] = value
        for name in self._find_disobeyed() & set(fields):
            own = self._fields[name].default
            context[f"default_{name}"] = own(self) if own else False
        clean = self if context == self.env.context else self.with_context(context)
        return super(Reader, clean).default_get(fields)

    def _find_disobeyed(self):
        """Return the names of our fields for which somebody has said a default that others do not
        obey: what staff says for all is kept from them by a record rule."""
        if not _is_own(self):
            return set()
        # sudo: ir.default - whether there is something that the caller cannot see
        said = (
            self.env["ir.default"]
            .sudo()
            .search([("field_id.model", "=", self._name), ("user_id", "in", (False, self.env.uid))])
        )
        hidden = said - said.with_env(self.env)._filtered_access("read")
        return set(hidden.field_id.mapped("name"))

    def onchange(self, values, field_names, fields_spec):
        """As core's, of what the caller may say."""
        (values,) = self._read_sent([values], form=True)
        if isinstance(field_names, (list, tuple)):
            field_names = [name for name in field_names if isinstance(name, str) and name in values]
        return super().onchange(values, field_names, fields_spec)


class Guard(Reader):
    """A :class:`Reader` that creates and writes what it has read."""

    __slots__ = ()

    @api.model_create_multi
    def create(self, vals_list):
        return super().create(self.browse()._read_sent(vals_list, new=True))

    def write(self, vals):
        (vals,) = self._read_sent([vals])
        return super().write(vals)


def read_fields(records, vals):
    """Return values of fields that are not ours, read as those that are."""
    reading = _Reading(records.env, form=False)
    read = {
        name: reading.read_value(records, records._fields[name], value)
        for name, value in vals.items()
    }
    reading.check_named()
    return read


class _Reading:
    """One reading; the records it names are looked up together, at its end."""

    def __init__(self, env, form):
        self.env, self.form = env, form
        # {(model, field): ids}
        self._named = defaultdict(set)

    def read(self, records, vals, inverse=None, flat=False):
        """Return values for these records.

        :param inverse: the field of lines that says whose they are, which is not to be said.
        :param flat: leave out lines, and what is told of the records of a many-to-one.
        """
        expect(self.env, isinstance(vals, dict))
        expect(self.env, all(is_record_id(id_) or isinstance(id_, NewId) for id_ in records._ids))
        values = {}
        for name, value in vals.items():
            is_ours = _is_ours(records, name)
            if is_ours and name != inverse and records._may_say(name):
                field = records._fields[name]
                if not (flat and field.type in _MANY):
                    values[name] = self.read_value(records, field, value, flat)
            elif (self.env.su and not self.form) or not (is_ours or _is_own(records)):
                # The server's own, or not ours to judge.
                values[name] = value
            elif not self.form:
                raise AccessError(self.env._("%(field)s cannot be set here.", field=name))
        return values

    def check_complete(self, records, vals, inverse=None):
        """Refuse values for new records of ours that leave out what each needs."""
        missing = [
            name
            for name, field in records._fields.items()
            if field.required
            and not (field.default or field.compute or field.related or vals.get(name))
            and _is_own(records)
            and name != inverse
        ]
        defaults = records.default_get(missing) if missing else {}
        for name in missing:
            if not defaults.get(name):
                self._refuse_missing(records, records._fields[name])

    def check_named(self):
        """Refuse records that are not there, or that the caller cannot see."""
        for (model, name), ids in self._named.items():
            field = self.env[model]._fields[name]
            records = self.env[field.comodel_name].with_context(active_test=False)
            if records.search_count([("id", "in", list(ids))]) != len(ids):
                self._refuse_record(self.env[model], field)

    def read_value(self, records, field, value, flat=False):
        if field.type in _MANY:
            return self._read_commands(records, field, value)
        empty = value is None or value is False or value == ""
        if field.type == "many2one_reference" and type(value) is int and not value:
            # A form's word for none.
            empty = True
        if field.type in ("integer", "float"):
            # A form's word for none, and everybody's where zero is said to be a value.
            none = value is False or (value is None and getattr(field, "at_least", None) == 0)
            number = 0 if none else value
            return self._read_number(records, field, number)
        if field.type == "boolean" and (empty or (type(value) in (bool, int) and value in (0, 1))):
            return bool(value)
        if empty and field.required and not self.form:
            self._refuse_missing(records, field)
        if empty:
            return False
        if field.type == "many2one":
            return self._read_record(records, field, value, flat)
        if field.type in ("char", "text", "html"):
            return self._read_text(records, field, value)
        read = None
        if field.type in ("date", "datetime"):
            read = to_moment(value, type(field))
        elif field.type == "selection":
            sound = isinstance(value, str) and value in field.get_values(self.env)
            read = value if sound else None
        elif field.type == "many2one_reference":
            read = value if is_record_id(value) else None
        elif field.type == "binary":
            sound = isinstance(value, (str, bytes)) and value.isascii()
            read = value if sound else None
        if read is None:
            self._refuse(records, field)
        return read

    def _read_number(self, records, field, value):
        is_whole = field.type == "integer"
        if is_whole and type(value) is float and float.is_integer(value):
            value = int(value)
        sound = type(value) is int or (
            type(value) is float and math.isfinite(value) and not is_whole
        )
        least = getattr(field, "at_least", -_INTEGER_MAX)
        most = getattr(field, "at_most", _INTEGER_MAX)
        # In a form it may still be refused; what it would do shows at once.
        if sound and abs(value) <= _INTEGER_MAX and (self.form or least <= value <= most):
            return value
        limits = {"field": _get_label(records, field), "minimum": least, "maximum": most}
        raise ValidationError(
            self.env._("%(field)s is a whole number from %(minimum)s to %(maximum)s.", **limits)
            if is_whole
            else self.env._("%(field)s is a number from %(minimum)s to %(maximum)s.", **limits)
        )

    def _read_text(self, records, field, value):
        limit = TEXT_LENGTH_MAX if _is_ours(records, field.name) else MANY
        maximum = getattr(field, "length_max", limit)
        if isinstance(value, str) and len(value) > maximum:
            raise ValidationError(
                self.env._(
                    "%(field)s has at most %(maximum)s characters.",
                    field=_get_label(records, field),
                    maximum=maximum,
                )
            )
        if not is_text(value, maximum):
            self._refuse(records, field)
        text = value if self.form else value.strip()
        if field.required and not text:
            self._refuse_missing(records, field)
        return text or False

    def _read_record(self, records, field, value, flat):
        vals = None
        if self.form and isinstance(value, dict):
            # The form around a line that is being filled in.
            vals = {name: inner for name, inner in value.items() if name != "id"}
            value = value.get("id") or False
        if value is not False and not is_record_id(value):
            self._refuse_record(records, field)
        # sudo: records of our models - what is there already is told anyway
        if value and (len(records) != 1 or records.sudo()[field.name].id != value):
            self._name(records, field, [value])
        comodel = self.env[field.comodel_name].browse(value or ())
        if vals is None or flat or not (_is_own(comodel) and isinstance(comodel, Reader)):
            return value
        return {"id": value, **self.read(comodel, vals, flat=True)}

    def _read_commands(self, records, field, value):
        if self.form and not value:
            return False
        commands = to_commands(value)
        if commands is None:
            self._refuse_record(records, field)
        if field.type == "one2many":
            return self._read_lines(records, field, commands)
        for code, record_id, record_ids in commands:
            if code in (Command.CREATE, Command.UPDATE, Command.DELETE):
                self._refuse_record(records, field)
            self._name(records, field, [record_id] if code == Command.LINK else record_ids or ())
        return commands

    def _read_lines(self, records, field, commands):
        """Return commands that create and change lines of these records, and delete them."""
        lines = self.env[field.comodel_name]
        inverse = field.inverse_name
        # sudo: records of our models - whose lines they are, to compare
        own = set(records.sudo()[field.name].ids)
        read = []
        for code, line_id, payload in commands:
            named = payload if code == Command.SET else [line_id]
            if code not in (Command.CREATE, Command.CLEAR) and not own.issuperset(named):
                self._refuse_record(records, field)
            if code == Command.CREATE:
                # A copy says it, and the new record is the one it becomes.
                payload = {name: value for name, value in payload.items() if name != inverse}
            if code in (Command.CREATE, Command.UPDATE):
                line = lines.browse(line_id if code == Command.UPDATE else ())
                vals = self.read(line, payload, inverse)
                if code == Command.CREATE and not self.form:
                    self.check_complete(lines, vals, inverse)
                read.append((code, line_id, vals))
            elif self.form:
                read.append((code, line_id, payload))
            elif code in (Command.CLEAR, Command.SET):
                read += map(Command.delete, own.difference(payload or ()))
            elif code != Command.LINK:
                read.append(Command.delete(line_id))
        return read

    def _name(self, records, field, ids):
        if ids:
            self._named[records._name, field.name].update(ids)

    def _refuse(self, records, field):
        label = _get_label(records, field)
        raise ValidationError(self.env._("This is no value for %(field)s.", field=label))

    def _refuse_missing(self, records, field):
        label = _get_label(records, field)
        raise ValidationError(self.env._("%(field)s is missing.", field=label))

    def _refuse_record(self, records, field):
        label = _get_label(records, field)
        raise AccessError(self.env._("%(field)s: choose one that is there.", field=label))


def _is_own(model):
    return model._original_module == ADDON


def _is_ours(model, name):
    return name in model._fields and ADDON in model._fields[name]._modules


def _get_label(model, field):
    return field.get_description(model.env, ["string"])["string"]
