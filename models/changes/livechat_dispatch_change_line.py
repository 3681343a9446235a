from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ...dispatch.weights import WEIGHT_MAX, WEIGHT_MIN
from ...tools import history, sent


class LivechatDispatchChangeLine(history.Sealed, sent.Reader, models.Model):
    """What a dated change does with one agent.

    Written by way of the change only, which checks who asks.
    """

    _name = "livechat.dispatch.change.line"
    _description = "Agent of a Dated Change"
    _order = "change_id, id"
    _rec_name = "user_id"

    change_id = fields.Many2one(
        "livechat.dispatch.change", "Dated Change", required=True, index=True, ondelete="cascade"
    )
    user_id = fields.Many2one("res.users", "Agent", required=True, index=True, ondelete="cascade")
    weight = fields.Integer(
        default=0,
        at_least=0,
        at_most=WEIGHT_MAX,
        help="From 10 to 1000; 0 leaves the weight as it is.",
        aggregator=None,
    )
    pause = fields.Selection(
        [("pause", "Gets no new buyers"), ("resume", "Gets new buyers")],
        "Pause",
        help="Empty leaves it as it is.",
    )

    _user_uniq = models.Constraint(
        "UNIQUE (change_id, user_id)", "An agent can be in a dated change once."
    )

    @api.depends("user_id", "weight", "pause")
    def _compute_display_name(self):
        pauses = dict(self._fields["pause"]._description_selection(self.env))
        for line in self:
            # sudo: res.users - the name of an agent in a change that may be read
            parts = [line.sudo().user_id.name or ""]
            if line.weight:
                parts.append(str(line.weight))
            if line.pause:
                parts.append(pauses[line.pause])
            line.display_name = " – ".join(parts)

    @api.constrains("weight", "pause")
    def _check_weight(self):
        for line in self:
            if line.weight and not WEIGHT_MIN <= line.weight <= WEIGHT_MAX:
                raise ValidationError(
                    self.env._("A dispatch weight is a whole number from 10 to 1000.")
                )
            if not line.weight and not line.pause:
                raise ValidationError(
                    self.env._(
                        "Say what changes for %(agent)s: a weight, or the pause.",
                        agent=line.display_name,
                    )
                )

    def _check_sealed(self):
        # Rights on the model are there so that forms offer lines; the change writes with sudo.
        if not self.env.su:
            raise AccessError(self.env._("Agents are set by way of their dated change."))

    def _get_values(self):
        """Return what this line sets on its agent, by field of ``res.users``."""
        self.ensure_one()
        values = {}
        if self.weight:
            values["dispatch_weight"] = self.weight
        if self.pause:
            values["dispatch_paused"] = self.pause == "pause"
        return values
