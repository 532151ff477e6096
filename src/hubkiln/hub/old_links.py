"""Links of a Binder that had a host of its own, ``/v2/…`` and ``/repo/…``: the hub sends them on to the service.

nbgitpuller's link generator and badges write them without the path of a hub's service.
"""

from __future__ import annotations

from tornado.web import RequestHandler

PATTERN = r"/(?:v2|repo)/.+"
"""Below the hub's prefix, to which JupyterHub itself sends what is below no other."""


class OldLinks(RequestHandler):
    """Sends a link on, letter for letter: what is encoded in it stays so."""

    def initialize(self, service: str) -> None:
        """`service` is the name of the hub's build service."""
        self._service = service

    def get(self) -> None:
        """The redirect, always to this hub's own host."""
        base = str(self.settings["base_url"])
        link = str(self.request.uri).removeprefix(f"{base}hub/")
        self.redirect(f"{base}services/{self._service}/{link}")
