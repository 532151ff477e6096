"""The spec in a path as it was sent: what is encoded in it is the provider's to decode, once.

What stands before the service encodes and decodes as it likes. A path that was encoded twice, or an owner and a name
of GitHub with ``%2F`` between, still name what they named. So does a link that somebody wrote on by hand.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from hubkiln.written_links import split_link

_PLAIN = frozenset({"gh", "gist"})
"""Providers whose repositories have a slash of their own in links."""

_ENCODED = re.compile("%(2f|3a)", re.IGNORECASE)
_LINES = re.compile("[\r\n]")
_TWICE = re.compile("%25(2f|3a)", re.IGNORECASE)


def split_path(raw_path: bytes, prefix: str) -> tuple[str, str]:
    """Provider and rest of the raw path of ``<prefix>build/<provider>/<rest>`` (or ``v2`` instead of ``build``)."""
    before = prefix.count("/") + 1  # the prefix's segments and "build"
    path = raw_path.partition(b"?")[0].decode("ascii", "replace")
    rest = "/".join(path.split("/")[before:])
    if "/" not in rest and _ENCODED.search(rest):
        rest = re.sub("%2f", "/", rest, count=1, flags=re.IGNORECASE)
    provider, _, rest = rest.partition("/")
    return provider, once(provider, rest)


class WrittenLinks:
    """
    Hands launch links and their streams on to `app` with path and query as :func:`split_link` reads them.

    Also below an address that was written with two slashes, and the front page without its last.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix
        self._links = re.compile(re.escape(prefix).encode() + b"/*(v2/|build/)")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["raw_path"].partition(b"?")[0]
            if (found := self._links.match(path)) is not None:
                # not in a copy: whoever stands around reads what is noted in it
                scope.update(self._meant(found[1].decode(), path[found.end() :], scope["query_string"]))
            elif path + b"/" == self._prefix.encode():
                scope.update(path=unquote(self._prefix), raw_path=self._prefix.encode())
        await self._app(scope, receive, send)

    def _meant(self, kind: str, rest: bytes, query: bytes) -> dict[str, str | bytes]:
        named, asked = split_link(rest.decode("latin-1"), query.decode("latin-1"))
        path = f"{self._prefix}{kind}{named}"
        return {
            "path": _LINES.sub(" ", unquote(path)),  # routes end with a line
            "raw_path": path.encode("latin-1"),
            "query_string": asked.encode("latin-1"),
        }


def once(provider: str, rest: str) -> str:
    """`rest` encoded as often as links have it."""
    if _TWICE.search(rest) and not _ENCODED.search(rest):
        rest = re.sub("%25", "%", rest)
    first, slash, after = rest.partition("/")
    if provider.lower() in _PLAIN and _ENCODED.search(first):
        rest = unquote(first) + slash + after
    return rest
