"""Launch links at the hub, ``/hub/v2/<provider>/<repository>/<ref>``: after the login they fill the spawn page in.

The address is BinderHub's, so whoever has a link of some Binder changes its host and nothing else. Whoever follows one
while a server of theirs runs is asked what to do with it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from hubkiln.hub.links import OPENING, REPOSITORY
from hubkiln.languages import Languages
from hubkiln.launches import opening

TEMPLATES = Path(__file__).parent / "templates"
"""JupyterHub looks for our pages here."""

PASSED_ON = frozenset({*OPENING, "profile", "subdir"})


class LaunchLink(BaseHandler):  # type: ignore[misc]
    """What a launch link leads to."""

    def initialize(self, languages: Languages) -> None:
        """`languages` are those that the question may be asked in."""
        self._languages = languages

    @web.authenticated
    async def get(self) -> None:
        """To the spawn page, filled in; or the question what becomes of the server that runs."""
        spawner = self.current_user.spawner
        if not spawner.active:
            self.redirect(self._spawn_page())
            return
        found = opening(dict(parse_qsl(self.request.query)))
        language = self._languages.asked(self)
        self.set_header("Cache-Control", "no-store")
        self.finish(
            await self.render_template(
                "hubkiln-running.html",
                repository=self._rest(),
                server=f"{self.current_user.url.rstrip('/')}/{found.address}",
                opens=found.address,
                action=self.request.uri,
                xsrf=self.xsrf_token.decode("ascii"),
                say=language.say,
                language=language.tag,
            )
        )

    @web.authenticated
    async def post(self) -> None:
        """Stop the server that runs, then to the spawn page."""
        if self.current_user.spawner.active:
            await self.stop_single_user(self.current_user)
        self.redirect(self._spawn_page(), status=303)

    def _rest(self) -> str:
        """What follows ``/v2/``, as it was sent, or nothing: what is encoded in it is the service's to decode."""
        return str(self.request.path).partition("/v2/")[2]

    def _spawn_page(self) -> str:
        given = [(name, value) for name, value in parse_qsl(self.request.query) if name in PASSED_ON]
        path = f"/v2/{self._rest()}" if self._rest() else ""
        return f"{self.hub.base_url}spawn?{urlencode([(REPOSITORY, path), *given])}"
