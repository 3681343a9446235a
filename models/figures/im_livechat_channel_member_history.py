from collections import defaultdict
from datetime import timedelta

from odoo import models


class ImLivechatChannelMemberHistory(models.Model):
    _inherit = "im_livechat.channel.member.history"

    def _compute_session_duration_hour(self):
        """As core's, but an agent's time is that of its own turns, however often the chat came and
        went."""
        super()._compute_session_duration_hour()
        # sudo: im_livechat.channel.member.history, discuss.channel - the times of who has the chat
        agents = self.sudo().filtered(
            lambda history: (
                history.livechat_member_type == "agent" and history.channel_id.dispatch_state
            )
        )
        # sudo: livechat.dispatch.decision - as above
        turns = defaultdict(self.env["livechat.dispatch.decision"].sudo().browse)
        if agents:
            for turn in turns.default_factory().search(
                [
                    ("discuss_channel_id", "in", agents.channel_id.ids),
                    ("user_id.partner_id", "in", agents.partner_id.ids),
                ]
            ):
                turns[turn.discuss_channel_id, turn.user_id.partner_id] |= turn
        for history in agents:
            own = turns.get((history.channel_id, history.partner_id))
            if own:
                last = history.create_date + timedelta(hours=history.session_duration_hour)
                seconds = sum(
                    turn.handling_seconds
                    if turn.ended_at
                    else max(0, (last - turn.moment).total_seconds())
                    for turn in own
                )
                history.session_duration_hour = seconds / 3600
