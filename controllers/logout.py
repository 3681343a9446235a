import logging

from odoo import http
from odoo.http import STORED_SESSION_BYTES, request

from odoo.addons.web.controllers.session import Session

_logger = logging.getLogger(__name__)


def _only_reads(_controller, _rule, _args):
    """Whether such a request needs no cursor that writes: nobody's session ends."""
    return not request.session.uid


def _leave_reception():
    """Hand over the chats of whoever's session ends, so that no buyer waits for somebody who has
    gone. A failure of ours keeps nobody logged in."""
    uid = request.db and request.session.uid
    if not uid:
        return
    # One of the routes is for nobody in particular: whose session ends, the session says.
    user = request.env(user=uid)["res.users"].browse(uid)
    try:
        with request.env.cr.savepoint():
            if user.exists():
                user._leave_reception(request.session.sid[:STORED_SESSION_BYTES])
    except Exception:
        _logger.exception("The chats of user %s could not be handed over at logout", uid)


class LogoutController(Session):
    @http.route(readonly=_only_reads)
    def logout(self, redirect="/odoo"):
        """As core's; whoever logs out leaves the reception first."""
        _leave_reception()
        return super().logout(redirect=redirect)

    @http.route(readonly=_only_reads)
    def destroy(self):
        """As core's; whoever logs out leaves the reception first."""
        _leave_reception()
        return super().destroy()
