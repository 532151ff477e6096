"""Which token opens an address: a user's own goes to what they named and, from there, to submodules of its owner alone.

A private repository that somebody else may change names its submodules. If a user's token went to all of them, theirs
would be fetched beside that repository's ``postBuild``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hubkiln.errors import AccessDenied, RepositoryNotFound
from hubkiln.repositories.git_command import Remote
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.table import sources
from hubkiln.repositories.tokens import TokenFor, host_of

_FORGES = ("github", "gitlab", "gitea", "bitbucket", "gist")
_UNSURE = re.compile(r"%(?!20|[89A-Fa-f])|[\\;]")
"""In a path that one server may read otherwise than another: an encoded slash or dot, a parameter."""


@dataclass(frozen=True, slots=True)
class HostTokens:
    """An admin's tokens, for everybody and all of a host, and those of whoever asks."""

    everybody: Mapping[str, str] = field(default_factory=dict, repr=False)
    own: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By host, or by host and the beginning of a path; see :func:`hubkiln.repositories.tokens.read_place`."""
    forges: tuple[str, ...] = ()
    """Addresses below which the first part of a path is an owner, in whatever case it is written."""

    def token(self, url: str, *bringers: str) -> str | None:
        """
        What opens `url`, if anything.

        `bringers` are the addresses of the repositories that brought it; none where `url` is what was asked for.
        """
        host = host_of(url)
        if (stored := self._stored(host, url)) is not None:
            return stored
        if host in self.own and all(self._is_of(url, bringer) for bringer in bringers):
            return self.own[host]
        return self.everybody.get(host)

    def withheld(self, url: str, *bringers: str) -> str:
        """For what place a token would have to be stored, where the one for the host of `url` is not for it."""
        host = host_of(url)
        theirs = all(self._is_of(url, bringer) for bringer in bringers)
        if host not in self.own or self._stored(host, url) is not None or theirs:
            return ""
        place = (self._owner(url) or ())[1:] or [part.removesuffix(".git") for part in _parts(url) or ()]
        return "/".join((host, *place)) if place else ""

    def _stored(self, host: str, url: str) -> str | None:
        """The token for the longest beginning of the path of `url`."""
        parts = _parts(url)
        if not host or parts is None:
            return None
        parts = self._lowered(url, [part.removesuffix(".git") for part in parts])
        found: dict[int, str] = {}
        for place, token in self.own.items():
            if place.startswith(f"{host}/"):
                wanted = self._lowered(url, place.removeprefix(f"{host}/").split("/"))
                if parts[: len(wanted)] == wanted:
                    found[len(wanted)] = token
        return found[max(found)] if found else None

    def _is_of(self, url: str, bringer: str) -> bool:
        """Whether `url` belongs to the owner of the repository at `bringer`."""
        theirs, mine = self._owner(url), self._owner(bringer)
        if mine and theirs and (theirs == mine or (len(mine) > 1 and theirs[: len(mine)] == mine)):
            return True
        bare = bringer.removesuffix(".git")
        inside = bool(_parts(bringer)) and f"{url}/".startswith((f"{bare}/", f"{bare}.git/"))
        return inside and _parts(url) is not None  # what lies in it, such as its large files

    def _owner(self, url: str) -> tuple[str, ...] | None:
        """The host and the owner at a forge; elsewhere the folder that a repository lies in. None: that is not sure."""
        host, parts = host_of(url), _parts(url)
        if not host or not parts:
            return None
        if (forge := self._forge(url)) is None:
            return (host, *parts[:-1])
        depth = len(_parts(forge) or ()) + 1
        return (host, *self._lowered(url, parts[:depth])) if len(parts) > depth else None

    def _lowered(self, url: str, parts: list[str]) -> list[str]:
        return [part.lower() for part in parts] if self._forge(url) is not None else parts

    def _forge(self, url: str) -> str | None:
        return next((forge for forge in self.forges if f"{url}/".startswith(f"{forge}/")), None)


@dataclass(frozen=True, slots=True)
class OwnersTokens:
    """What a repository brings, submodules and large files, reached with the tokens that are for such."""

    connect_with: Callable[[str, TokenFor], Awaitable[Remote]]
    tokens: HostTokens
    bringer: str
    """Where the repository is. It may have been asked for by the address of somebody who gave it away."""

    def token(self, url: str) -> str | None:
        """What opens `url`, if anything."""
        return self.tokens.token(url, self.bringer)

    async def connect(self, url: str, by: str) -> Remote:
        """
        Check the address of a submodule of the repository at `by`, which may be a submodule too; say how to reach it.

        Raises:
            RepositoryNotFound, AccessDenied, Refused, Unreachable.
        """
        try:
            return await self.connect_with(url, lambda asked: self.tokens.token(asked, self.bringer, by))
        except (AccessDenied, RepositoryNotFound) as error:
            if not (place := self.tokens.withheld(url, self.bringer, by)):
                raise
            hint = (
                f"It is asked as everybody may: your token for {host_of(url)} goes to repositories of the same owner "
                f"alone. If whoever can change this repository may have yours, store a token for {place} too."
            )
            raise type(error)(error.message, hint=hint) from error


def host_tokens(settings: RepositorySettings) -> HostTokens:
    """Those of `settings`."""
    forges = [source.address.rstrip("/") for source in sources(settings).values() if source.kind in _FORGES]
    longest_first = tuple(sorted(filter(None, forges), key=len, reverse=True))
    return HostTokens(settings.tokens, settings.own_tokens, longest_first)


def _parts(url: str) -> list[str] | None:
    path = urlsplit(url).path
    parts = [part for part in path.split("/") if part]
    return None if _UNSURE.search(path) or {".", ".."} & set(parts) else parts
