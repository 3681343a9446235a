from odoo import http
from odoo.http import request

from odoo.addons.web.controllers.session import Session


class LogoutController(Session):
    @http.route(readonly=False)
    def logout(self, redirect="/odoo"):
        """As core's; whoever logs out leaves the reception first, so that no buyer waits for
        somebody who has gone."""
        if request.session.uid and request.db:
            # The route itself is for nobody in particular: whose session ends, the session says.
            user = request.env(user=request.session.uid)["res.users"].browse(request.session.uid)
            if user.exists():
                user._leave_reception()
        return super().logout(redirect=redirect)
