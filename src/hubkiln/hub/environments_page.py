"""The page of environments at the hub, ``/hub/environments``: in the hub's own looks, drawn by our script.

What may run on it is said in a Content-Security-Policy: the hub's files and the scripts that stand in its template,
each by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from hubkiln.hub.form import embedded, scripts
from hubkiln.hub.roles import page_scopes
from hubkiln.languages import Language, Languages

Profiles = Callable[[Any, Language], Awaitable[list[dict[str, Any]]]]
"""What a user may choose from, in a language."""

_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL | re.IGNORECASE)


class EnvironmentsPage(BaseHandler):  # type: ignore[misc]
    """Environments that the user may start, and what can be done with them."""

    def initialize(
        self, service: str, build_scope: str, version: str, languages: Languages, profiles: Profiles
    ) -> None:
        """`service` is the name of the build service, `version` that of the page's files."""
        self._service, self._build_scope, self._version = service, build_scope, version
        self._languages, self._profiles = languages, profiles

    @web.authenticated
    async def get(self) -> None:
        """The page; what is on it comes from the build service."""
        user = self.current_user
        language = self._languages.asked(self)
        root = self.hub.base_url.removesuffix("hub/")
        told = {
            "user": user.name,
            "loggedIn": user.name,
            "admin": bool(user.admin),
            "profiles": await self._offered(language),
            "groups": sorted(group.name for group in user.groups),
            "namedServers": bool(self.allow_named_servers),
            "namedServerLimit": int(await self.get_current_user_named_server_limit()),
            "hubApi": f"{self.hub.base_url}api/",
            "service": f"{root}services/{self._service}/",
            "scopes": page_scopes(user, self._service, self._build_scope),
            "xsrf": self.xsrf_token.decode("ascii"),
        }
        version = f"?v={self._version}" if self._version else ""
        static = f"{self.hub.base_url}hubkiln/static"
        text = await self.render_template(
            "hubkiln-environments.html",
            page=embedded(told),
            version=version,
            language=language,
            scripts=scripts(language, static, f"{static}/environments.js{version}", admin=bool(user.admin)),
        )
        if "Content-Security-Policy" not in self.settings.get("headers", {}):
            self.set_header("Content-Security-Policy", policy(text))
        self.finish(text)

    async def _offered(self, language: Language) -> list[dict[str, Any]]:
        """What the spawn page offers; none where an admin's list fails, which that page says."""
        try:
            return await self._profiles(self.current_user, language)
        except Exception:  # whatever a callable of the configuration raises
            self.log.exception("The profiles could not be listed")
            return []


def policy(page: str) -> str:
    """What `page` may load: of this host, and the scripts that stand in it."""
    return (
        f"default-src 'none'; script-src 'self' {' '.join(hashes(page))}; style-src 'self'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def hashes(page: str) -> list[str]:
    """Of each script that stands in `page` itself, as a policy names it."""
    found = []
    for script in _SCRIPT.finditer(page):
        attributes = script["attributes"].lower()
        if "src=" not in attributes and "json" not in attributes:
            digest = base64.b64encode(hashlib.sha256(script["text"].encode()).digest()).decode()
            found.append(f"'sha256-{digest}'")
    return list(dict.fromkeys(found))
