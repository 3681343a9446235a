from odoo import models


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        # A page can ask to watch; what it may watch is not for the page to say.
        watches = "livechat_dispatch.reception" in channels
        refused = ["livechat_dispatch.reception"]
        if self.env.user._is_shop_staff():
            # Core tells all agents which chats need help, with the chat's data; a shop's staff
            # would hear of the other shops' buyers.
            refused.append("im_livechat.looking_for_help")
        channels = [channel for channel in channels if channel not in refused]
        channels = list(super()._build_bus_channel_list(channels))
        if watches:
            channels += self.env["livechat.announcement"]._get_reception_bus_channels()
        if self.env.user._has_agent_group():
            # How many wait in the lines that one serves.
            channels += self.env.user._get_served_channels().filtered(
                lambda channel: channel.dispatch_mode != "native"
            )
        return channels
