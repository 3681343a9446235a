from odoo import models

from odoo.addons.bus.websocket import wsrequest

# What a page says when it is alive; see static/src/here.
_SIGN_OF_LIFE = "livechat_dispatch/here"

# Whoever did not use a page for longer than some days did not use it.
_INACTIVITY_MAX = 10**9


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _serve_ir_websocket(self, event_name, data):
        super()._serve_ir_websocket(event_name, data)
        if event_name == _SIGN_OF_LIFE and self.env.user._has_agent_group():
            inactivity = data.get("inactivity_period") if isinstance(data, dict) else None
            if type(inactivity) is not int or inactivity < 0:
                inactivity = 0
            self.env["mail.presence"]._give_sign(self.env.user, min(inactivity, _INACTIVITY_MAX))
            if wsrequest:
                # Core's listener hears nothing for 50 s once the database was away: what was sent
                # meanwhile would be told with the next message only, perhaps hours later.
                wsrequest.ws.trigger_notification_dispatching()
