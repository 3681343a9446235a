import hmac
import json

from odoo import http
from odoo.http import request

from .activation import guard

# Of each address: reads only, and leaves no session behind.
_READ = {
    "type": "http",
    "auth": "public",
    "methods": ["GET"],
    "save_session": False,
    "readonly": True,
    "sitemap": False,
}

# What is shorter could be guessed.
_TOKEN_LENGTH_MIN = 20


class Metrics(http.Controller):
    """Figures for a monitoring system, which shows the token of the setting *Report Health*; while
    there is none, nobody is answered."""

    @http.route("/livechat/metrics", **_READ)
    def metrics(self, **_ignored):
        """Tell how busy each channel is and what the last checks of its health have found, in the
        text format of Prometheus."""
        self._check_token()
        # sudo: im_livechat.channel - counts without names of people, for who has the token
        metrics = request.env["im_livechat.channel"].sudo()._read_metrics()
        # sudo: livechat.dispatch.health - as above
        metrics += request.env["livechat.dispatch.health"].sudo()._read_metrics()
        text = "".join(self._write(*metric) for metric in metrics)
        return guard(request.make_response(text, [("Content-Type", "text/plain; version=0.0.4")]))

    @http.route("/livechat/health.json", **_READ)
    def health(self, **_ignored):
        """Tell what the last checks have found, as JSON."""
        self._check_token()
        # sudo: livechat.dispatch.health - as above
        report = request.env["livechat.dispatch.health"].sudo()._get_report()
        return guard(
            request.make_response(json.dumps(report), [("Content-Type", "application/json")])
        )

    def _check_token(self):
        """Answer that there is no such page to who does not show the token in the header
        ``Authorization: Bearer``: in an address it would stand in logs."""
        if not self._is_welcome():
            raise request.not_found()

    def _is_welcome(self):
        # sudo: ir.config_parameter - compared only
        token = (
            request.env["ir.config_parameter"]
            .sudo()
            .get_param("im_livechat_subaccount.metrics_token")
        )
        scheme, _space, sent = request.httprequest.headers.get("Authorization", "").partition(" ")
        return (
            len(token or "") >= _TOKEN_LENGTH_MIN
            and scheme.lower() == "bearer"
            and hmac.compare_digest(sent.strip().encode(), token.encode())
        )

    def _write(self, name, text, numbers):
        """Return the lines of one metric.

        :param numbers: ``{labels: number}``, labels being pairs of a name and a value.
        """
        kind = "counter" if name.endswith("_total") else "gauge"
        lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for labels, number in numbers.items():
            written = ",".join(f'{label}="{self._escape(value)}"' for label, value in labels)
            lines.append(f"{name}{{{written}}} {number}")
        return "\n".join([*lines, ""])

    def _escape(self, value):
        return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
