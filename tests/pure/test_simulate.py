"""The demo's simulation; a stub stands for the server."""

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev"))

import simulate


class _Refusing(BaseHTTPRequestHandler):
    """Lets nobody in, as Odoo does with a wrong password."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"error": {"data": {"message": "Access Denied"}}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@contextmanager
def _refusing_server():
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_who_cannot_log_in_is_told_and_ends_nothing(monkeypatch, capsys):
    monkeypatch.setattr(simulate, "_reception", lambda db: (1, ["flagship:desk1"]))
    with _refusing_server() as url:
        assert not simulate.run(url, "demo", chats=1, seconds=1)
    assert "flagship:desk1 stays away, the login failed" in capsys.readouterr().out
