from odoo import fields, models
from odoo.exceptions import UserError

from ...tools import sent


class LivechatSubaccountSession(sent.Reader, models.TransientModel):
    """A browser in which a sub-account is logged in."""

    _name = "livechat.subaccount.session"
    _description = "Session of a Sub-account"
    _order = "last_activity desc, id"

    sessions_id = fields.Many2one(
        "livechat.subaccount.sessions", required=True, readonly=True, ondelete="cascade"
    )
    identifier = fields.Char(readonly=True, groups=fields.NO_ACCESS)
    name = fields.Char("Browser", readonly=True)
    address = fields.Char("IP Address", readonly=True)
    place = fields.Char(readonly=True)
    first_activity = fields.Datetime("Since", readonly=True)
    last_activity = fields.Datetime("Last Active", readonly=True)

    def action_end(self):
        """End these sessions: whoever is logged in there has to log in again.

        :raise AccessError: not the caller's to manage.
        """
        sent.expect_ids(self)
        self.check_access("read")
        rows = self.exists()
        if len(rows) != 1:
            raise UserError(self.env._("End one session at a time."))
        subaccount = rows.sessions_id.subaccount_id
        subaccount._check_manageable()
        # sudo: livechat.subaccount.session - which session it was, as the server has written it
        subaccount._end_session(rows.sudo().identifier)
        # sudo: livechat.subaccount.session - it is over
        rows.sudo().unlink()
        return self.env["livechat.subaccount.sessions"]._open_sessions(subaccount)
