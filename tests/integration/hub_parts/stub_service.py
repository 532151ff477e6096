"""A build service that knows three images and nothing else: what the hub asks when somebody starts a server."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

IMAGES = {"built/public:1": None, "built/ada:1": "ada"}
PREFIX = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
TOKEN = os.environ["JUPYTERHUB_API_TOKEN"]


class Handler(BaseHTTPRequestHandler):
    """Answers ``api/images`` to the hub alone."""

    def do_GET(self) -> None:
        """One image and one user."""
        url = urlsplit(self.path)
        if url.path != f"{PREFIX}api/images":
            self.answer(404, {"error": {"code": "not_found", "message": "There is no such thing.", "hint": ""}})
        elif self.headers["Authorization"] != f"token {TOKEN}":
            self.answer(403, {})
        else:
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            if asked["ref"] == "built/broken:1":
                self.answer(500, {})
                return
            known = asked["ref"] in IMAGES
            visible = known and IMAGES[asked["ref"]] in (None, asked["user"])
            self.answer(200, {"known": known, "visible": visible, "environment": None})

    def answer(self, code: int, body: object) -> None:
        """As JSON."""
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
ThreadingHTTPServer((address.hostname, address.port), Handler).serve_forever()
