from odoo import fields, models
from odoo.tools import SQL

from .livechat_dispatch_decision import RULES


class ImLivechatReportChannel(models.Model):
    """What dispatch knows about a chat, beside core's figures."""

    _inherit = "im_livechat.report.channel"

    dispatch_group_id = fields.Many2one("livechat.dispatch.group", "Dispatch Group", readonly=True)
    dispatch_state = fields.Selection(
        [("queued", "Waiting in line"), ("assigned", "Assigned"), ("pool", "In the message pool")],
        readonly=True,
    )
    dispatch_rule = fields.Selection(RULES, "Dispatched By", readonly=True)
    dispatch_waited = fields.Integer("Waited in Line", readonly=True, help="Chats that waited.")
    dispatch_waited_seconds = fields.Integer(
        "Wait in Line (seconds)",
        readonly=True,
        aggregator="avg",
        help="Of those that waited, until somebody took the chat or the buyer left.",
    )
    dispatch_transfer_count = fields.Integer("Number of Transfers", readonly=True)
    dispatch_left = fields.Integer(
        "Left the Line", readonly=True, help="Buyers who left before anybody took the chat."
    )
    dispatch_missed = fields.Integer(
        "Missed", readonly=True, help="Chats that have ended without an answer."
    )

    def _select(self) -> SQL:
        return SQL(
            """%s,
                C.dispatch_group_id AS dispatch_group_id,
                C.dispatch_state AS dispatch_state,
                C.dispatch_rule AS dispatch_rule,
                CASE WHEN C.dispatch_waited_seconds > 0 THEN 1 ELSE 0 END AS dispatch_waited,
                NULLIF(C.dispatch_waited_seconds, 0) AS dispatch_waited_seconds,
                COALESCE(C.dispatch_transfer_count, 0) AS dispatch_transfer_count,
                CASE WHEN C.dispatch_has_left THEN 1 ELSE 0 END AS dispatch_left,
                CASE WHEN C.livechat_end_dt IS NOT NULL
                      AND C.livechat_failure IN ('no_answer', 'no_agent')
                     THEN 1 ELSE 0
                END AS dispatch_missed
            """,
            super()._select(),
        )
