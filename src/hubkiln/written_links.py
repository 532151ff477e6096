"""What follows the repository in a launch link, also where people wrote the link on by hand.

They put `?urlpath=…` behind a link that has a `?` already, or `&urlpath=…` behind one that has none; a page's source
has `&amp;`, and a message may carry the `?` encoded. All mean one thing: no ref and no package is written so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from hubkiln.errors import BadSpec

LONGEST = 15_000
"""Letters of an address: proxies take 16 KB of a request, cookies and the rest included."""

_OPENED = "packages|labpath|filepath|build_only|build_token"
_ALL = f"{_OPENED}|urlpath|profile|subdir"

_WRITTEN_ON = re.compile(rf"(?:{_ALL})=")
_BEHIND_ADDRESS = re.compile(rf"(?:{_OPENED})=")
"""What ``urlpath`` names has a query of its own, which may ask for anything else."""

_BLANK = re.compile(r"(?:%20|%0[9AD]|%C2%A0)+/?$", re.IGNORECASE)
"""What was copied along behind a link."""

_ESCAPED = re.compile(rf"^(?:amp;)+(?=(?:{_ALL})=)")
_BEHIND_PATH = re.compile(rf"/?(?:&(?:amp;)*|%26|%3F)((?:{_ALL})(?:=|(%3D)).*)", re.IGNORECASE | re.DOTALL)


def split_link(rest: str, query: str) -> tuple[str, str]:
    """
    Path and query of a launch link, as they are meant; both still percent-encoded.

    `rest` is what follows ``v2/``: provider, repository and ref. An address that is a repository's own is left alone.
    """
    rest = _BLANK.sub("", rest)
    provider, _, behind = rest.partition("/")
    first, slash, last = behind.partition("/")
    if slash and (found := _BEHIND_PATH.search(last)) is not None:
        more = unquote(found[1]) if found[2] else found[1]
        rest = f"{provider}/{first}/{last[: found.start()]}"
        query = f"{more}&{query}" if query else more
    return rest, _whole(query)


def check_length(address: str) -> None:
    """
    See that a browser that is sent to `address` gets there.

    Raises:
        BadSpec: it is too long.
    """
    if len(address) > LONGEST:
        raise BadSpec(
            "This link is longer than many proxies let through.",
            hint="Put what makes it long, such as a list of packages, into a repository, and link to that.",
        )


def _whole(query: str) -> str:
    if "?" not in query and "amp;" not in query:  # nearly always
        return query
    return "&".join(piece for written in query.split("&") for piece in _pieces(_ESCAPED.sub("", written, count=1)))


def _pieces(written: str) -> Iterator[str]:
    """The parameters in what stands between two ``&``."""
    first, *more = written.split("?")
    piece = [first]
    for after in more:
        if (_BEHIND_ADDRESS if piece[0].startswith("urlpath=") else _WRITTEN_ON).match(after):
            yield "?".join(piece)
            piece = []
        piece.append(after)
    yield "?".join(piece)
