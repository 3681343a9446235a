import hmac
import json

from odoo import http
from odoo.http import request

# Of each kind of check; its name, its type and what it says, as Prometheus reads them.
_METRICS = [
    ("found", "gauge", "What the last check has found."),
    ("found_times", "counter", "In how many checks something was found."),
    ("repaired", "counter", "How much was mended."),
    ("is_wrong", "gauge", "Whether the last check has found something wrong."),
    ("checked_at", "gauge", "When the last check was, in seconds since 1970."),
]


class Health(http.Controller):
    """What the last checks have found, for programs that watch a server; off while no token is set.

    It reads a dozen rows and checks nothing: asking often costs nothing more.
    """

    @http.route("/livechat/health", type="http", auth="public", methods=["GET"], save_session=False)
    def get_metrics(self, **_ignored):
        """Return the report as Prometheus reads it."""
        self._check_token()
        report = request.env["livechat.dispatch.health"]._get_report()
        lines = []
        for name, kind, help_text in _METRICS:
            metric = f"livechat_dispatch_{name}"
            lines += [f"# HELP {metric} {help_text}", f"# TYPE {metric} {kind}"]
            lines += [f'{metric}{{check="{check}"}} {row[name]:d}' for check, row in report.items()]
        return self._respond("\n".join(lines) + "\n", "text/plain; version=0.0.4; charset=utf-8")

    @http.route(
        "/livechat/health.json", type="http", auth="public", methods=["GET"], save_session=False
    )
    def get_json(self, **_ignored):
        """Return the report as JSON."""
        self._check_token()
        report = request.env["livechat.dispatch.health"]._get_report()
        return self._respond(json.dumps(report), "application/json")

    def _respond(self, text, content_type):
        return request.make_response(
            text, [("Content-Type", content_type), ("Cache-Control", "no-store")]
        )

    def _check_token(self):
        """Answer that there is no such page to who does not show the token in the header
        ``Authorization: Bearer``: a token in an address would stand in logs."""
        # sudo: ir.config_parameter - only compared
        parameters = request.env["ir.config_parameter"].sudo()
        token = parameters.get_param("im_livechat_subaccount.health_token")
        shown = request.httprequest.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(token.encode(), shown.encode()):
            raise request.not_found()
