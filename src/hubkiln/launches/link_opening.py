"""What a link asks to open in the server, made safe: a path below the server's address, or nothing and the reason.

Whoever writes a link is not the person who follows it, and the address that comes of it has that person's token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_ODD_LETTER = re.compile(r"[\x00-\x1f\ud800-\udfff]")

_NO = "The link asks to open something outside of the server; the server's start page is opened instead."


@dataclass(frozen=True, slots=True)
class Opening:
    """Where to go when the server is ready."""

    path: str = ""
    """Below the server's address, without a slash at its beginning, encoded."""
    query: str = ""
    fragment: str = ""
    problem: str = ""
    """Why what the link asks for is not opened."""

    @property
    def address(self) -> str:
        """All of it, below the server's address."""
        return self.path + (f"?{self.query}" if self.query else "") + (f"#{self.fragment}" if self.fragment else "")


def opening(query: Mapping[str, str]) -> Opening:
    """The parameters of a launch link, in BinderHub's order: ``labpath``, ``filepath``, ``urlpath``."""
    for name, before in (("labpath", "doc/tree/"), ("filepath", "tree/")):
        if path := query.get(name):
            return _file(path, before)
    return _address(query.get("urlpath", ""))


def _file(path: str, before: str) -> Opening:
    parts = path.removesuffix("/").lstrip("/").split("/")
    if ".." in parts or "\\" in path or _ODD_LETTER.search(path):
        return Opening(problem=_NO)
    return Opening(before + "/".join(quote(part, safe="!'()*") for part in parts))


def _address(text: str) -> Opening:
    if not text:
        return Opening()
    rest, _, fragment = text.partition("#")
    path, _, query = rest.partition("?")
    decoded = unquote(unquote(path))
    outside = path.startswith("//") or _SCHEME.match(path.removeprefix("/")) or _ODD.match(path) or "\\" in decoded
    if outside or ".." in decoded.split("/") or _ODD_LETTER.search(text):
        return Opening(problem=_NO)
    return Opening(
        quote(path.lstrip("/"), safe="/%:@!$&'()*+,;=~"),
        quote(query, safe="/%:@!$&'()*+,;=~?"),
        quote(fragment, safe="/%:@!$&'()*+,;=~?"),
    )
