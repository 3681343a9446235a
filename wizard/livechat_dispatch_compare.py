from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formatLang

from ..dispatch.fairness import PARTS, round_parts
from ..tools import clock, phrase, sent
from ..tools.here import read_now
from ..tools.sent import keep_ids

# Ten years of hours of a large team are more than anybody compares.
_MAX_DAYS = 3660


class LivechatDispatchCompare(sent.Guard, models.TransientModel):
    """Tells why one agent got more chats than another: in a sentence, and in parts that add up."""

    _name = "livechat.dispatch.compare"
    _description = "Compare Two Agents"

    date_from = fields.Date(
        "From",
        required=True,
        default=lambda self: (
            fields.Date.context_today(self, read_now(self.env)) - timedelta(days=6)
        ),
    )
    date_to = fields.Date(
        "To",
        required=True,
        default=lambda self: fields.Date.context_today(self, read_now(self.env)),
    )
    agent_ids = fields.Many2many(
        "res.users", string="Agents of the Period", compute="_compute_agent_ids"
    )
    first_user_id = fields.Many2one(
        "res.users",
        "Agent",
        domain="[('id', 'in', agent_ids)]",
        ondelete="cascade",
        default=lambda self: self._get_selected_agents()[:1],
    )
    second_user_id = fields.Many2one(
        "res.users",
        "Compared With",
        domain="[('id', 'in', agent_ids)]",
        ondelete="cascade",
        default=lambda self: self._get_selected_agents()[1:2],
    )
    sentence = fields.Char(compute="_compute_result")
    explanation = fields.Html(compute="_compute_result", sanitize=False)

    @api.constrains("date_from", "date_to")
    def _check_period(self):
        for compare in self:
            days = (compare.date_to - compare.date_from).days
            if not 0 <= days <= _MAX_DAYS:
                raise ValidationError(
                    self.env._("The period ends before it begins, or is longer than ten years.")
                )

    @api.depends("date_from", "date_to")
    def _compute_agent_ids(self):
        for compare in self:
            groups = self.env["livechat.dispatch.total"]._read_group(
                [*compare._get_domain(), ("user_id", "!=", False)], ["user_id"]
            )
            compare.agent_ids = [user.id for (user,) in groups]

    @api.depends("date_from", "date_to", "first_user_id", "second_user_id")
    def _compute_result(self):
        for compare in self:
            users = compare.first_user_id, compare.second_user_id
            compare.sentence = compare.explanation = False
            if not all(users):
                continue
            # Whose figures the caller cannot read, it finds none of.
            asked = users[0]._origin | users[1]._origin
            if unknown := asked - compare.agent_ids._origin:
                compare.sentence = compare._say_unknown(unknown._filtered_access("read"))
                continue
            first, second = (compare._read_figures(user._origin) for user in users)
            compare.sentence = compare._say(*users, first, second)
            compare.explanation = self.env["ir.qweb"]._render(
                "im_livechat_subaccount.dispatch_comparison",
                {
                    "first": users[0].name,
                    "second": users[1].name,
                    "parts": [
                        {
                            "name": label,
                            "first": compare._format(first["parts"][name]),
                            "second": compare._format(second["parts"][name]),
                            "difference": compare._format(
                                first["parts"][name] - second["parts"][name], sign=True
                            ),
                        }
                        for name, label in compare._get_labels().items()
                    ],
                    "received": (
                        first["received"],
                        second["received"],
                        compare._format(first["received"] - second["received"], 0, sign=True),
                    ),
                    "online": [compare._format(one["online_hours"]) for one in (first, second)],
                },
                minimal_qcontext=True,
            )

    def _get_selected_agents(self):
        """Return the agents whose rows are selected in the list that this was opened from."""
        totals = self.env["livechat.dispatch.total"]
        if self.env.context.get("active_model") != totals._name:
            return totals.user_id
        selected = keep_ids(self.env.context.get("active_ids"))
        return totals.search([("id", "in", selected)]).user_id

    def _get_labels(self):
        """Return ``{part: what it is called in a sentence}``."""
        return {
            "weight_part": self.env._("weight"),
            "presence_part": self.env._("online time"),
            "scope_part": self.env._("scope"),
            "capacity_part": self.env._("room for chats"),
            "suited_part": self.env._("language and expertise"),
            "regulars_part": self.env._("regulars"),
            "by_hand": self.env._("given by hand"),
            "credit_part": self.env._("balance with other periods"),
        }

    def _get_domain(self):
        """Return the domain on totals of the period, whose days are those of the user."""
        if not (self.date_from and self.date_to):
            return [(0, "=", 1)]
        start, end = (
            clock.begin_day(day, self.env.tz)
            for day in (self.date_from, self.date_to + timedelta(days=1))
        )
        return [("hour", ">=", start), ("hour", "<", end)]

    def _read_figures(self, user):
        """Return one agent's chats, and of what they are made up.

        :return: ``{"received": int, "online_hours": float, "parts": {name: chats}}``; the parts are
            rounded to one digit and sum to what was received.
        """
        names = ("received", "by_hand", *PARTS)
        ((hours, *sums),) = self.env["livechat.dispatch.total"]._read_group(
            [*self._get_domain(), ("user_id", "=", user.id)],
            aggregates=["online_hours:sum", *(f"{name}:sum" for name in names)],
        )
        figures = dict(zip(names, (value or 0 for value in sums), strict=True))
        received = figures.pop("received")
        parts = round_parts(figures)
        return {"received": received, "online_hours": hours or 0, "parts": parts}

    def _say_unknown(self, users):
        """Return in one sentence of whom nothing is known; ``False`` of nobody."""
        names = phrase.join(self.env, users.mapped("name"))
        return bool(names) and self.env._("There are no figures of %s in this period.", names)

    def _say(self, first_user, second_user, first, second):
        """Return in one sentence why the first agent got more chats than the second, or fewer."""
        labels = self._get_labels()
        differences = {
            name: round(first["parts"][name] - second["parts"][name], 1) for name in labels
        }
        reasons = phrase.join(
            self.env,
            (
                f"{labels[name]} {self._format(difference, sign=True)}"
                for name, difference in sorted(differences.items(), key=lambda item: -abs(item[1]))
                if difference
            ),
        )
        more = first["received"] - second["received"]
        values = {
            "first": first_user.name,
            "second": second_user.name,
            "count": abs(more),
            "reasons": reasons,
        }
        if more > 0 and reasons:
            return self.env._(
                "%(first)s received %(count)s more than %(second)s because: %(reasons)s", **values
            )
        if more < 0 and reasons:
            return self.env._(
                "%(first)s received %(count)s fewer than %(second)s because: %(reasons)s", **values
            )
        if reasons:
            return self.env._(
                "%(first)s and %(second)s received the same number of chats: %(reasons)s", **values
            )
        return self.env._("%(first)s and %(second)s received the same number of chats.", **values)

    def _format(self, number, digits=1, sign=False):
        text = formatLang(self.env, abs(number), digits=digits)
        if not round(number, digits):
            return text
        return f"{'−' if number < 0 else '+' if sign else ''}{text}"
