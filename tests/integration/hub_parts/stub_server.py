"""Stands in for a user's server: answers anything with the variables it was started with."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from jupyterhub import __version__


class Handler(BaseHTTPRequestHandler):
    """Answers everything."""

    def do_GET(self) -> None:
        """Some of the environment."""
        told = {"image": os.environ.get("IMAGE"), "size": os.environ.get("SIZE"), "arguments": sys.argv[1:]}
        told |= {name: value for name, value in os.environ.items() if name.startswith(("BINDER_", "JUPYTERHUB_ALLOW"))}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", __version__)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """``api/shutdown`` ends it."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if urlsplit(self.path).path.endswith("api/shutdown"):
            os._exit(0)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
ThreadingHTTPServer((address.hostname, address.port), Handler).serve_forever()
