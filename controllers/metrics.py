import hmac

from odoo import http
from odoo.http import request

from .activation import guard

# What is shorter could be guessed.
_TOKEN_LENGTH_MIN = 20


class Metrics(http.Controller):
    """Figures for a monitoring system, in the text format of Prometheus."""

    @http.route(
        "/livechat/metrics",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
        readonly=True,
        sitemap=False,
    )
    def metrics(self, **_ignored):
        """Answer whoever brings the token of the system parameter
        ``im_livechat_subaccount.metrics_token``; while there is none, nobody."""
        if not self._is_welcome():
            raise request.not_found()
        # sudo: im_livechat.channel - counts without names of people, for who has the token
        metrics = request.env["im_livechat.channel"].sudo()._read_metrics()
        text = "".join(self._write(*metric) for metric in metrics)
        return guard(request.make_response(text, [("Content-Type", "text/plain; version=0.0.4")]))

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
        lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        for labels, number in numbers.items():
            written = ",".join(f'{label}="{self._escape(value)}"' for label, value in labels)
            lines.append(f"{name}{{{written}}} {number}")
        return "\n".join([*lines, ""])

    def _escape(self, value):
        return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
