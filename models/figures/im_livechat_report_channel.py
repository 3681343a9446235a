from odoo import fields, models
from odoo.tools import SQL

from ...dispatch.words import RULES
from ...tools import phrase
from ...tools.attributes import leave_to_core
from ...tools.turn import is_missed


@leave_to_core
class ImLivechatReportChannel(models.Model):
    """What dispatch knows about a chat, beside core's figures."""

    _inherit = "im_livechat.report.channel"

    livechat_channel_id = fields.Many2one(falsy_value_label=phrase.NO_CHANNEL)
    partner_id = fields.Many2one(
        string="Last Agent",
        help="Who had the chat last; the figures beside it are those of whole chats. What each "
        "agent did in its own turns is in Dispatch by Agent.",
        falsy_value_label=phrase.NOBODY,
    )
    dispatch_group_id = fields.Many2one(
        "livechat.dispatch.group",
        "Dispatch Group",
        readonly=True,
        falsy_value_label=phrase.OTHER_BUYERS,
    )
    dispatch_state = fields.Selection(
        [("queued", "Waiting in line"), ("assigned", "Assigned"), ("pool", "In the message pool")],
        readonly=True,
        falsy_value_label=phrase.NOT_DISPATCHED,
    )
    dispatch_rule = fields.Selection(
        RULES, "Dispatched By", readonly=True, falsy_value_label=phrase.NO_AGENT_CHOSEN
    )
    dispatch_waited = fields.Integer(
        "Waited in Line",
        readonly=True,
        help="Once for each time the buyer stood in line or in the pool, however it ended.",
    )
    dispatch_waited_seconds = fields.Integer(
        "Wait in Line (seconds)",
        readonly=True,
        aggregator="avg",
        help="Until somebody took the chat or the buyer left; on average, of each time.",
    )
    dispatch_transfer_count = fields.Integer(
        "Number of Transfers",
        readonly=True,
        help="How often the chat was transferred, whoever gave it away; how often each agent did "
        "is on the page Team.",
    )
    dispatch_left = fields.Integer(
        "Left the Line", readonly=True, help="Buyers who left before anybody took the chat."
    )
    dispatch_missed = fields.Integer(
        "Missed: Ended Unanswered",
        readonly=True,
        help="Chats that have ended without an answer of their last agent. How often an agent let "
        "a chat go on to somebody else without an answer is on the page Team.",
    )

    def _read_group_select(self, aggregate_spec, query):
        if aggregate_spec == "dispatch_waited_seconds:avg":
            # By wait as in the totals, not by chat.
            return SQL(
                "sum(%(seconds)s) / nullif(sum(%(waits)s), 0)::float",
                seconds=self._field_to_sql(self._table, "dispatch_waited_seconds", query),
                waits=self._field_to_sql(self._table, "dispatch_waited", query),
            )
        return super()._read_group_select(aggregate_spec, query)

    def _select(self) -> SQL:
        return SQL(
            """%s,
                C.dispatch_group_id AS dispatch_group_id,
                C.dispatch_state AS dispatch_state,
                C.dispatch_rule AS dispatch_rule,
                COALESCE(C.dispatch_wait_count, 0) AS dispatch_waited,
                CASE WHEN C.dispatch_wait_count > 0
                     THEN C.dispatch_waited_seconds
                END AS dispatch_waited_seconds,
                COALESCE(C.dispatch_transfer_count, 0) AS dispatch_transfer_count,
                CASE WHEN C.dispatch_has_left THEN 1 ELSE 0 END AS dispatch_left,
                CASE WHEN %s THEN 1 ELSE 0 END AS dispatch_missed
            """,
            super()._select(),
            SQL(is_missed("C")),
        )
