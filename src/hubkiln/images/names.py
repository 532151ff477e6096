"""Image references: ``[host[:port]/]path[:tag][@digest]`` in, one canonical name out.

The rules are the ones every engine follows: a first part with a dot, a colon, or the word ``localhost`` is a
host, anything else is on Docker Hub, where one-word names live below ``library/``. What a name *holds* is the
registry's business (:mod:`hubkiln.images.registry`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address

from hubkiln.errors import BadSpec

HUB = "docker.io"
"""Host of names without one."""

_HUB_ALIASES = {"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?\Z")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_HINT = "Write it as `python:3.12`, `quay.io/org/name:tag` or `host:5000/name@sha256:…`."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageName:
    """A reference with nothing left to guess but the default tag."""

    host: str
    """Registry host, with its port if one was given; lower case."""
    path: str
    """Repository below the host."""
    tag: str | None = None
    digest: str | None = None
    """``sha256:…``; wins over the tag where both are given."""

    @property
    def reference(self) -> str:
        """What to ask the registry for: the digest, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"

    @property
    def repository(self) -> str:
        """Host and path, without tag and digest."""
        return f"{self.host}/{self.path}"

    def at(self, digest: str) -> ImageName:
        """The same repository at `digest`; the tag is dropped, as it may move."""
        return replace(self, tag=None, digest=digest)

    def tagged(self, tag: str) -> ImageName:
        """The same repository at `tag`.

        Raises:
            BadSpec: `tag` cannot be a tag.
        """
        if not _TAG.match(tag):
            raise BadSpec(
                f"“{tag[:140]}” cannot be an image tag.", hint="Use letters, digits, `_`, `.` and `-`, 128 at most."
            )
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ("" if self.digest else ":latest")
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_name(text: str) -> ImageName:
    """
    The canonical form of an image reference as a person types it.

    Raises:
        BadSpec: it is not one; the message says which part is wrong.
    """
    text = text.strip().removeprefix("docker://")
    if not text or len(text) > 1024 or "://" in text:
        raise BadSpec(f"“{text[:80]}” is not an image name.", hint=_HINT)
    rest, _, digest = text.partition("@")
    if "@" in text and not _DIGEST.match(digest):
        raise BadSpec(f"The digest of “{text[:200]}” is not `sha256:` and 64 hexadecimal digits.", hint=_HINT)
    host, rest = _split_host(rest)
    path, colon, tag = rest.partition(":")
    if colon and not _TAG.match(tag):
        raise BadSpec(f"“{tag[:140]}” cannot be an image tag.", hint=_HINT)
    if host == HUB and "/" not in path:
        path = f"library/{path}"
    if not _HOST.match(host) or not _PATH.match(path) or len(path) > 255:
        capital = " Names of images have no capital letters." if path != path.lower() else ""
        raise BadSpec(f"“{text[:200]}” is not an image name.{capital}", hint=_HINT)
    return ImageName(host=host, path=path, tag=tag or None, digest=digest or None)


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host = first.lower()
        return (HUB if host in _HUB_ALIASES else host), rest
    return HUB, text


def bare_host(host: str) -> str:
    """`host` without port and brackets: ``[::1]:5000`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """True if `host` (port allowed) can only be this machine, so that plain HTTP leaks nothing."""
    bare = bare_host(host)
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False
