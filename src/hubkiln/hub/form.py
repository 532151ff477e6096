"""The spawn page's part that is ours: a place for the front end to stand, and what it must know, as JSON.

JupyterHub renders the surrounding page and ``<form>``; the front end (``ui/``) draws the choices and posts
KubeSpawner's field names.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubkiln.hub.plain_form import plain_form
from hubkiln.hub.profiles import Profile, public
from hubkiln.languages import ENGLISH, Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the spawn page is told."""

    profiles: Sequence[Profile]
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """User options of last time, or of the attempt that was just refused."""

    linked: bool = False
    """Whether `chosen` is what a link asks for, and waits for the user."""

    opens: str = ""
    """What a link wants to be opened in the server: an address below the server's."""

    start_by_link: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What starts by a link without a press of the button: `images` and `sources`."""

    user: str
    hub_url: str
    """Path of the hub below its host, ``/hub/`` or ``/base/hub/``."""

    service_url: str
    """Path of the build service, ``/services/binder/``."""

    scopes: Sequence[str] = ()
    """Of the page's own token."""

    xsrf: str = ""
    """Token for calls to the Hub API; empty where it cannot be known, then the form's ``action`` carries it."""

    server_name: str = ""
    problem: str = ""
    """Why the last attempt was refused."""

    lacking: Sequence[str] = ()
    """What servers lack on this machine: sentences for an admin, whose page it is."""

    admin: bool = False
    """Whether an admin reads it."""

    engine: Mapping[str, Any] | None = None
    """What servers run in; None where they run on the build service's machine, which then says it."""

    language: Language = field(default_factory=lambda: Language(ENGLISH))
    """Of whoever reads it."""

    version: str = ""
    """Changes when the front end does, so that browsers may keep its files."""


def render(page: Page) -> str:
    """The HTML inside JupyterHub's ``<form>``."""
    static = f"{page.hub_url}hubkiln/static"
    version = f"?v={page.version}" if page.version else ""
    return "\n".join(
        (
            f'<link rel="stylesheet" href="{html.escape(f"{static}/spawn.css{version}")}">',
            *(f'<p class="alert alert-warning">{html.escape(sentence)}</p>' for sentence in page.lacking),
            f'<div id="hubkiln" lang="{page.language.tag}"></div>',
            f'<script type="application/json" id="hubkiln-page">{embedded(data(page))}</script>',
            *(
                f'<script type="module" src="{html.escape(address)}"></script>'
                for address in scripts(page.language, static, f"{static}/spawn.js{version}", admin=page.admin)
            ),
            f"<noscript>{plain_form(page.profiles, page.language)}</noscript>",
        )
    )


def scripts(language: Language, static: str, front_end: str, *, admin: bool) -> list[str]:
    """
    Addresses of the scripts of a page, in their order: the words that `front_end` says, itself, and the service's; for
    an `admin` also those that users do not meet.

    English stands in the front end, and needs no words.
    """
    return [*(words := language.addresses(static))[:1], front_end, *words[1 : None if admin else -1]]


def data(page: Page) -> dict[str, Any]:
    """The page's JSON; no override is in it."""
    return {
        "profiles": public(page.profiles),
        "chosen": {str(key): value for key, value in page.chosen.items() if isinstance(value, str)},
        "linked": page.linked,
        "opens": page.opens,
        "startByLink": {kind: list(page.start_by_link.get(kind, ())) for kind in ("images", "sources")},
        "user": page.user,
        "hubApi": f"{page.hub_url}api/",
        "service": page.service_url,
        "scopes": list(page.scopes),
        "xsrf": page.xsrf,
        "serverName": page.server_name,
        "problem": page.problem,
        "engine": page.engine,
    }


def embedded(value: Any) -> str:
    """`value` as JSON that is safe inside ``<script>``: no ``<``, ``>``, ``&``."""
    text = json.dumps(value, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
