"""Launch links at the hub, ``/hub/v2/<provider>/<repository>/<ref>``: after the login they fill the spawn page in.

The address is BinderHub's, so whoever has a link of some Binder changes its host and nothing else. Whoever follows one
while a server of theirs runs is asked what to do with it.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from hubkiln.errors import BadSpec
from hubkiln.hub.apply import opens_paths
from hubkiln.hub.choices import EXTRAS
from hubkiln.hub.links import IMAGE, OPENING, PACKAGES, REPOSITORY
from hubkiln.languages import Languages
from hubkiln.launches import opening
from hubkiln.repositories import short_name
from hubkiln.written_links import check_length, split_link

TEMPLATES = Path(__file__).parent / "templates"
"""JupyterHub looks for our pages here."""

PASSED_ON = frozenset({*OPENING, PACKAGES, "profile", "subdir"})


_FILE = re.compile(r"((?:lab|doc)/tree|tree|notebooks|edit)/(.+)")
"""Addresses of a server that show a file."""


def folder_of(repository: str) -> str:
    """The folder of a home that the files of `repository` go to, named as in a link or in the form; "" for none."""
    repository = repository.partition(" + ")[0]  # packages that were added
    provider, _, rest = repository.partition("/")
    if provider in ("gl", "git") and "%" in rest:
        named = rest.partition("/")[0]
    elif provider in ("gh", "codeberg", "bitbucket"):
        named = "/".join(rest.split("/")[:2])
    else:
        named = repository
    return short_name(unquote(unquote(named)), otherwise="")


def within(address: str, asked: str, running: str, *, below: bool) -> str:
    """
    What of `address`, that a link wants to be opened, a server has in which the files of another start lie.

    `asked` and `running` are the folders of the two; `below`: whether files are in such a folder of the home.
    """
    if (file := _FILE.fullmatch(address)) is None:
        return address
    if not asked or asked != running:
        return ""
    return f"{file[1]}/{quote(asked)}/{file[2]}" if below else address


def shown(address: str) -> str:
    """An address of a server as people read it: a file's path, else all of it."""
    file = _FILE.fullmatch(address)
    return unquote(file[2] if file else address)


class LaunchLink(BaseHandler):  # type: ignore[misc]
    """What a launch link leads to."""

    def initialize(self, languages: Languages) -> None:
        """`languages` are those that the question may be asked in."""
        self._languages = languages

    async def prepare(self) -> None:
        """Before anything else: what is too long is refused where a sentence can say so, and led nowhere."""
        await super().prepare()
        try:
            check_length(self._spawn_page())
            check_length("" if self.current_user else quote(self.request.uri, safe=""))  # the login writes it so
        except BadSpec as error:
            raise web.HTTPError(414, self._languages.asked(self).told(str(error))) from error

    @web.authenticated
    async def get(self) -> None:
        """To the spawn page, filled in; or the question what becomes of the server that runs."""
        spawner = self.current_user.spawner
        if not spawner.active:
            self.redirect(self._spawn_page())
            return
        before = str((spawner.user_options or {}).get(f"{IMAGE}{EXTRAS[0]}") or "")
        rest, query = self._link()
        found = opening(dict(reversed(query)))
        opens = within(found.address, folder_of(rest), folder_of(before), below=opens_paths(spawner))
        language = self._languages.asked(self)
        self.set_header("Cache-Control", "no-store")
        self.finish(
            await self.render_template(
                "hubkiln-running.html",
                repository=unquote(unquote(rest)),
                server=f"{self.current_user.url.rstrip('/')}/{opens}",
                opens=shown(opens),
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

    def _link(self) -> tuple[str, list[tuple[str, str]]]:
        """What follows ``/v2/``, as it was sent (what is encoded in it is the service's to decode); and the query."""
        rest, query = split_link(str(self.request.path).partition("/v2/")[2], str(self.request.query))
        return rest, parse_qsl(query)

    def _spawn_page(self) -> str:
        rest, query = self._link()
        given = [(name, value) for name, value in query if name in PASSED_ON]
        path = f"/v2/{rest}" if rest else ""
        return f"{self.hub.base_url}spawn?{urlencode([(REPOSITORY, path), *given])}"
