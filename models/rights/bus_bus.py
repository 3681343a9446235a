from odoo import api, models

_CHAT = "discuss.channel"


class BusBus(models.Model):
    """A page of a shop's staff hears what its user may hear now, whatever it once subscribed to.

    Core asks when a page subscribes, and then goes on sending: whoever lost a role or left a chat
    would read the buyer's words until the page is loaded again.
    """

    _inherit = "bus.bus"

    @api.model
    def _poll(self, channels, last=0, ignore_ids=None):
        if self.env["ir.rule"]._serves_staff():
            channels = self._filter_heard(channels)
        return super()._poll(channels, last, ignore_ids)

    @api.model
    def _filter_heard(self, channels):
        """Return those of a websocket's channels that its user may hear now."""
        # This process learns of changed rights when a page speaks to it; here nobody spoke.
        self.env.registry.check_signaling(self.env.cr)
        user = self.env.user
        chats = [record_id for name, record_id in map(_split, channels) if name == _CHAT]
        heard = {
            _CHAT: self.env[_CHAT].search([("id", "in", chats)]).ids,
            "res.groups": user.all_group_ids.ids,
            "im_livechat.channel": [],
            # The page *Reception* listens for its shop.
            "res.users": user._get_shop_owner().ids if user._reads_all_dispatch() else [],
        }
        if user._has_agent_group():
            heard["im_livechat.channel"] = user._get_served_channels().ids
        return [
            channel
            for channel, (name, record_id) in zip(channels, map(_split, channels), strict=True)
            if name not in heard or record_id in heard[name]
        ]


def _split(channel):
    """Return of which record a channel of the bus is: ``(database, model, id, …)``."""
    return channel[1:3] if isinstance(channel, tuple) and len(channel) > 2 else (None, None)
