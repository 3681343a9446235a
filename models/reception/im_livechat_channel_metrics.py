from odoo import api, models

from ...dispatch.line import IS_WAITING
from ...tools.here import read_now


class ImLivechatChannel(models.Model):
    """What a monitoring system is told."""

    _inherit = "im_livechat.channel"

    @api.model
    def _read_metrics(self):
        """Return what is now true of each channel that is dispatched by weight; for sudo.

        :return: ``[(name, what it is, {(("channel", id), ("name", name)): number})]``; the numbers
            are chats, agents, or seconds.
        """
        channels = self.search([("dispatch_mode", "!=", "native")], order="id")
        now = read_now(self.env)
        waits = {
            (channel, state): (count, first)
            for channel, state, count, first in self.env["discuss.channel"]._read_group(
                [("livechat_channel_id", "in", channels.ids), *IS_WAITING],
                ["livechat_channel_id", "dispatch_state"],
                ["__count", "dispatch_queued_at:min"],
            )
        }
        open_chats = dict(
            self.env["discuss.channel"]._read_group(
                [
                    ("livechat_channel_id", "in", channels.ids),
                    ("dispatch_state", "=", "assigned"),
                    ("livechat_end_dt", "=", False),
                ],
                ["livechat_channel_id"],
                ["__count"],
            )
        )

        def count(channel, state):
            return waits.get((channel, state), (0, now))[0]

        def measure(channel):
            first = waits.get((channel, "queued"), (0, now))[1]
            return max(0, int((now - (first or now)).total_seconds()))

        asked = [
            ("livechat_chats_open", "Open chats with an agent", open_chats.get),
            ("livechat_buyers_waiting", "Buyers in line", lambda one: count(one, "queued")),
            ("livechat_messages_pool", "Chats in the pool", lambda one: count(one, "pool")),
            ("livechat_longest_wait_seconds", "Of the buyers in line", measure),
            (
                "livechat_agents_available",
                "Agents who can get a buyer now",
                lambda one: len(one.available_operator_ids),
            ),
        ]
        return [
            (
                name,
                text,
                {
                    (("channel", channel.id), ("name", channel.name)): ask(channel) or 0
                    for channel in channels
                },
            )
            for name, text, ask in asked
        ]
