import logging

from psycopg2 import DataError, errors

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...dispatch import scope as scopes
from ...dispatch.words import ORDER_STATES
from ...tools import phrase, sent

# Which field holds the value of each kind.
_VALUE_FIELDS = {
    "product": "record_id",
    "category": "record_id",
    "page": "page_pattern",
    "order_state": "order_state",
    "tag": "tag_id",
    "lang": "lang_id",
    "country": "country_id",
    "visitor": "visitor",
}
_RECORD_MODELS = {"product": "product.template", "category": "product.public.category"}
# What has to be installed for a kind.
_NEEDED_MODELS = {
    "product": "product.public.category",
    "category": "product.public.category",
    "order_state": "sale.order",
}
# What bounds the work of matching is the size of the patterns: some milliseconds. This is for what
# `scope.measure_pattern` does not know of, and so long that a busy machine does not reach it.
_MATCH_TIME = "2s"
# Says that the group looks at its lines itself; an object, because no browser can send it.
BY_GROUP = object()

_logger = logging.getLogger(__name__)


class LivechatDispatchScope(sent.Reader, models.Model):
    """One line of what a dispatch group receives.

    Lines of one kind are alternatives; a buyer has to fit one line of every kind there is.
    """

    _name = "livechat.dispatch.scope"
    _description = "Dispatch Scope"
    _order = "group_id, kind, id"

    group_id = fields.Many2one(
        "livechat.dispatch.group", "Dispatch Group", required=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection("_get_kinds", "About", required=True, default="page")
    value = fields.Char(compute="_compute_value")
    page_pattern = fields.Char(
        "Page Address",
        length_max=500,
        help="A regular expression as PostgreSQL knows it, such as /refunds?/ or ^https://shop\\. "
        "for addresses that start so. It may match any part of the address.",
    )
    record_model = fields.Char(compute="_compute_record_model")
    record_id = fields.Many2oneReference("Product or Category", model_field="record_model")
    order_state = fields.Selection(ORDER_STATES, "Order")
    tag_id = fields.Many2one("res.partner.category", "Buyer Tag", ondelete="restrict")
    lang_id = fields.Many2one("res.lang", "Language", ondelete="restrict")
    country_id = fields.Many2one("res.country", "Country", ondelete="restrict")
    visitor = fields.Selection(
        [(scopes.GUEST, "Guest"), (scopes.SIGNED_IN, "Signed in")], "Visitor"
    )

    @api.depends("kind")
    def _compute_record_model(self):
        for line in self:
            line.record_model = _RECORD_MODELS.get(line.kind, False)

    @api.depends("kind", *set(_VALUE_FIELDS.values()))
    @api.depends_context("uid")
    def _compute_value(self):
        for line in self:
            line.value = line._get_value_name()

    @api.depends("kind", "value")
    def _compute_display_name(self):
        kinds = dict(self._get_kinds())
        for line in self:
            kind = kinds.get(line.kind, line.kind)
            line.display_name = phrase.label(self.env, kind, line.value or "")

    @api.onchange("kind")
    def _onchange_kind(self):
        for name in set(_VALUE_FIELDS.values()) - {_VALUE_FIELDS.get(self.kind)}:
            self[name] = False
        if self.kind in _RECORD_MODELS and self.kind != self._origin.kind:
            self.record_id = False

    @api.model_create_multi
    def create(self, vals_list):
        clean = self.browse().with_context(sent.without_defaults(self.env.context))
        vals_list = clean._read_sent(vals_list, new=True)
        lines = super(LivechatDispatchScope, clean).create(vals_list).with_env(self.env)
        for line, vals in zip(lines, vals_list, strict=True):
            line._check_values(vals)
        lines._notify_groups(lines.group_id)
        return lines

    def write(self, vals):
        (vals,) = self._read_sent([vals])
        groups = self.group_id
        result = super().write(vals)
        if "group_id" in vals:
            # Record rules are checked before a write; this one may have moved the line elsewhere.
            self.check_access("write")
        self._check_values(vals)
        self._notify_groups(groups | self.group_id)
        return result

    def unlink(self):
        groups = self.group_id
        result = super().unlink()
        self._notify_groups(groups)
        return result

    def _notify_groups(self, groups):
        if self.env.context.get("livechat_dispatch_lines") is not BY_GROUP:
            groups._on_scope_change()

    def _check_values(self, said):
        """Refuse lines without a value, and patterns that are not to be used.

        :param said: the values that were set now.
        """
        kinds = dict(self._get_kinds())
        for line in self:
            name = _VALUE_FIELDS[line.kind]
            if not line[name]:
                raise ValidationError(
                    self.env._("Say which: %(kind)s has no value.", kind=kinds.get(line.kind))
                )
            others = set(_VALUE_FIELDS.values()) - {name}
            filled = {other: False for other in others if line[other]}
            if filled.keys() & said.keys():
                raise ValidationError(
                    self.env._("%(kind)s has another value.", kind=kinds.get(line.kind))
                )
            if filled:
                # What an earlier kind has left.
                super(LivechatDispatchScope, line).write(filled)
            if line.kind == "page":
                line._check_pattern(line.page_pattern)
            if name == "record_id":
                model = self.env.get(_RECORD_MODELS[line.kind])
                if model is None or not model.search_count([("id", "=", line.record_id)], limit=1):
                    raise ValidationError(self.env._("Choose an existing product or category."))

    @api.model
    def _get_kinds(self):
        kinds = [
            ("product", self.env._("Product")),
            ("category", self.env._("Product category")),
            ("page", self.env._("Page address")),
            ("order_state", self.env._("Newest order")),
            ("tag", self.env._("Buyer tag")),
            ("lang", self.env._("Language")),
            ("country", self.env._("Country")),
            ("visitor", self.env._("Guest or signed in")),
        ]
        return [
            (kind, label)
            for kind, label in kinds
            if kind not in _NEEDED_MODELS or _NEEDED_MODELS[kind] in self.env
        ]

    def _get_value(self):
        """Return what the pure engine compares with the buyer."""
        if self.kind == "lang":
            return self.lang_id.code
        value = self[_VALUE_FIELDS[self.kind]]
        return value.id if isinstance(value, models.BaseModel) else value

    def _get_value_name(self):
        """Return the value as people read it."""
        name = _VALUE_FIELDS.get(self.kind)
        value = name and self[name]
        if not value:
            return False
        if name == "record_id":
            model = self.env.get(self.record_model)
            record = model is not None and model.search([("id", "=", value)])
            return record.display_name if record else self.env._("(deleted)")
        if self._fields[name].type == "selection":
            return dict(self._fields[name]._description_selection(self.env)).get(value)
        return value.display_name if isinstance(value, models.BaseModel) else value

    @api.model
    def _check_pattern(self, pattern):
        """Refuse a pattern that is none, or that could keep a buyer waiting."""
        if scopes.FORBIDDEN.search(pattern):
            raise ValidationError(
                self.env._(
                    "The pattern %(pattern)s has a back reference or an option in it; neither is "
                    "possible in a page address.",
                    pattern=pattern,
                )
            )
        try:
            is_small = scopes.measure_pattern(pattern) <= scopes.PATTERN_SIZE_MAX
            if is_small:
                self._run_patterns([pattern], "")
        except DataError as error:
            raise ValidationError(
                self.env._(
                    "The pattern %(pattern)s is not valid: %(error)s",
                    pattern=pattern,
                    error=(error.diag.message_primary or "").rpartition(": ")[2],
                )
            ) from None
        except errors.QueryCanceled:
            is_small = False
        if not is_small:
            raise ValidationError(
                self.env._(
                    "The pattern %(pattern)s takes too long on long addresses. Make it "
                    "simpler, with fewer repetitions inside one another.",
                    pattern=pattern,
                )
            )

    @api.model
    def _find_matching_patterns(self, patterns, page):
        """Return which of ``patterns`` match the address ``page``.

        One that is too large, or is none, matches nothing. It has come into the database by hand,
        or from another version of PostgreSQL: nobody could save it.

        :rtype: frozenset[str]
        """
        patterns = [p for p in patterns if scopes.measure_pattern(p) <= scopes.PATTERN_SIZE_MAX]
        if not patterns or not page:
            return frozenset()
        try:
            return self._run_patterns(patterns, page)
        except errors.QueryCanceled:
            _logger.warning("The page addresses of dispatch groups took too long: %s", patterns)
            return frozenset()
        except DataError:
            if len(patterns) == 1:
                return frozenset()
        return frozenset().union(
            *(self._find_matching_patterns([pattern], page) for pattern in patterns)
        )

    @api.model
    def _run_patterns(self, patterns, page):
        """Return which of ``patterns`` match, or raise PostgreSQL's error.

        :raise psycopg2.DataError: one of them is none.
        :raise psycopg2.errors.QueryCanceled: it takes longer than anything should.
        """
        cr = self.env.cr
        savepoint = cr.savepoint(flush=False)
        try:
            # Going back to the savepoint brings back the timeout there was.
            cr.execute("SELECT set_config('statement_timeout', %s, true)", [_MATCH_TIME])
            # No table, no index: the patterns come along.
            cr.execute(
                "SELECT pattern FROM unnest(%s) AS pattern WHERE %s ~ pattern",
                [list(patterns), page],
                log_exceptions=False,
            )
            return frozenset(pattern for (pattern,) in cr.fetchall())
        finally:
            savepoint.close(rollback=True)
