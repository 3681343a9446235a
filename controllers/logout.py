import logging

from odoo import api, http
from odoo.http import STORED_SESSION_BYTES, request

from odoo.addons.web.controllers.session import Session

_logger = logging.getLogger(__name__)


def _leave_reception():
    """Hand over the chats of whoever's session ends, so that no buyer waits for somebody who has
    gone. A failure of ours keeps nobody logged in."""
    uid = request.db and request.session.uid
    if not uid:
        return
    try:
        # Core's routes only read, and one is for nobody in particular: the session says for whom.
        with request.env.registry.cursor() as cr:
            user = api.Environment(cr, uid, {})["res.users"].browse(uid).exists()
            if user:
                user._leave_reception(request.session.sid[:STORED_SESSION_BYTES])
    except Exception:
        _logger.exception("The chats of user %s could not be handed over at logout", uid)


class LogoutController(Session):
    @http.route()
    def logout(self, redirect="/odoo"):
        """As core's; whoever logs out leaves the reception first."""
        _leave_reception()
        return super().logout(redirect=redirect)

    @http.route()
    def destroy(self):
        """As core's; whoever logs out leaves the reception first."""
        _leave_reception()
        return super().destroy()
