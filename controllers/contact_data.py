import json

from werkzeug.exceptions import NotFound

from odoo import http
from odoo.exceptions import MissingError, UserError
from odoo.http import content_disposition, request

from odoo.addons.mail.controllers.thread import ThreadController

from ..tools.sent import is_record_id

# From which record a person is exported.
_KINDS = {
    "account": "livechat.subaccount",
    "chat": "discuss.channel",
    "contact": "res.partner",
}


class PersonalDataController(http.Controller):
    @http.route("/livechat/personal_data/<string:kind>/<int:record_id>", type="http", auth="user")
    def export(self, kind, record_id):
        """Answer what is held about a person as a file of JSON, for those who may; all others learn
        nothing, not even whether there is somebody."""
        if kind not in _KINDS or not is_record_id(record_id):
            raise NotFound()
        record = request.env[_KINDS[kind]].browse(record_id)
        try:
            data = record._export_personal_data()
        except (MissingError, UserError):
            raise NotFound() from None
        return request.make_response(
            json.dumps(data, default=str, ensure_ascii=False, indent=2),
            headers=[
                ("Content-Type", "application/json; charset=utf-8"),
                ("Content-Disposition", content_disposition(f"{kind}-{record_id}.json")),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )


class ContactDataController(ThreadController):
    @http.route()
    def mail_thread_partner_from_email(self, thread_model, thread_id, emails):
        # It tells whose an address is, and makes who is nobody's.
        if request.env["base"]._masks_contacts():
            return []
        return super().mail_thread_partner_from_email(thread_model, thread_id, emails)

    @http.route()
    def mail_thread_recipients_get_suggested_recipients(
        self, thread_model, thread_id, partner_ids=None, main_email=False
    ):
        # An address of the browser's own would be answered with whose it is.
        if request.env["base"]._masks_contacts():
            main_email = False
        return super().mail_thread_recipients_get_suggested_recipients(
            thread_model, thread_id, partner_ids, main_email
        )
