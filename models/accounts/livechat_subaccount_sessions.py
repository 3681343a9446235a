from odoo import api, fields, models

from ...tools import phrase, sent


class LivechatSubaccountSessions(sent.Reader, models.TransientModel):
    """Where a sub-account is logged in, for who manages it, to end what it does not know."""

    _name = "livechat.subaccount.sessions"
    _description = "Sessions of a Sub-account"

    subaccount_id = fields.Many2one(
        "livechat.subaccount", "Sub-account", required=True, readonly=True
    )
    line_ids = fields.One2many(
        "livechat.subaccount.session", "sessions_id", string="Sessions", readonly=True
    )

    @api.model
    def _open_sessions(self, subaccount):
        """Return the action that shows the sessions of a sub-account, which the caller manages."""
        # sudo: livechat.subaccount, res.device - where its staff is logged in is a shop's business
        user = subaccount.sudo().user_id
        devices = self.env["res.device"].sudo().search([("user_id", "=", user.id)])
        # sudo: livechat.subaccount.sessions - all of it is built here
        sessions = (
            self.sudo()
            .with_context({})
            .create(
                {
                    "subaccount_id": subaccount.id,
                    "line_ids": [
                        fields.Command.create(
                            {
                                "identifier": device.session_identifier,
                                "name": device.display_name,
                                "address": device.ip_address,
                                "place": phrase.join(
                                    self.env, filter(None, (device.city, device.country))
                                ),
                                "first_activity": device.first_activity,
                                "last_activity": device.last_activity,
                            }
                        )
                        for device in devices
                    ],
                }
            )
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Sessions of %(name)s", name=subaccount.name),
            "res_model": self._name,
            "res_id": sessions.id,
            "views": [(False, "form")],
            "target": "new",
        }
