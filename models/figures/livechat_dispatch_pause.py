from odoo import api, fields, models

from ...tools import phrase
from ...tools.here import read_now
from ...tools.history import Outlived
from ...tools.sent import without_defaults


class LivechatDispatchPause(models.Model):
    """Each pause of an agent, from when to when and why: what of the paused time was lunch.

    The server alone writes it.
    """

    _name = "livechat.dispatch.pause"
    _description = "Pause of an Agent"
    _order = "id desc"
    _rec_name = "reason"

    main_account_id = Outlived(
        "res.users",
        "Main Account",
        help="Whose shop it was at that moment, or who has taken it over since.",
        falsy_value_label=phrase.NO_MAIN_ACCOUNT,
    )
    user_id = Outlived("res.users", "Agent", falsy_value_label=phrase.NOBODY)
    by_id = Outlived("res.users", "Set By", index=False, falsy_value_label=phrase.NOBODY)
    reason = fields.Char(
        readonly=True,
        help="As it was called at that moment; empty: none given.",
        falsy_value_label=phrase.NO_REASON,
    )
    began_at = fields.Datetime(
        "From", default=lambda self: read_now(self.env), required=True, index=True, readonly=True
    )
    ended_at = fields.Datetime("To", readonly=True, help="Empty: it goes on.")
    hours = fields.Float(
        compute="_compute_hours", store=True, readonly=True, help="Empty while it goes on."
    )

    _open_idx = models.Index("(user_id) WHERE ended_at IS NULL")

    @api.depends("began_at", "ended_at")
    def _compute_hours(self):
        for pause in self:
            end = pause.ended_at or pause.began_at
            pause.hours = (end - pause.began_at).total_seconds() / 3600

    @api.model
    def _note(self, users):
        """Note that these users may have begun a pause, ended one, or given another reason."""
        agents = users.filtered(lambda user: user._has_agent_group())
        if not agents:
            return
        by = self.env.user
        # What a caller's context calls a default is no pause.
        clean = self.with_context(without_defaults(self.env.context))
        # sudo: livechat.dispatch.pause, res.users - only the server writes it, whoever pauses
        pauses, agents = clean.sudo(), agents.sudo()
        going_on = {
            pause.user_id: pause
            for pause in pauses.search([("user_id", "in", agents.ids), ("ended_at", "=", False)])
        }
        now = read_now(self.env)
        for agent in agents:
            reason = agent.dispatch_pause_reason_id.name or False
            pause = going_on.get(agent, pauses.browse())
            if pause and (not agent.dispatch_paused or pause.reason != reason):
                pause.ended_at = now
                pause = pauses.browse()
            if agent.dispatch_paused and not pause:
                pauses.create(
                    {
                        "main_account_id": agent._get_shop_of_figures().id,
                        "user_id": agent.id,
                        "by_id": by.id,
                        "reason": reason,
                        "began_at": now,
                    }
                )
