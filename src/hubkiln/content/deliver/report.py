"""What a delivery did, file by file, and why something could not be done: in words that are true."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Iterator, Mapping
from typing import Any


class Kept(Exception):
    """Nothing is brought now; the message says why, and which file or command helps."""


class GitFailed(Exception):
    """A git command did not work."""


@dataclasses.dataclass
class Report:
    """What was done, for the user and for later. Paths count from the folder."""

    folder: str = ""
    outcome: str = "kept"
    """``new``, ``updated``, ``unchanged``, ``kept`` (nothing could be brought; `why` says it)."""
    why: str = ""
    commit: str = ""
    restored: list[str] = dataclasses.field(default_factory=list)
    """Files that the user had deleted."""
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)
    """What was in the way of something of the repository's, with its new name."""
    moved: dict[str, str] = dataclasses.field(default_factory=dict)
    """Files of the user's version that followed the repository's to a new name."""
    yours: list[str] = dataclasses.field(default_factory=list)
    """Files of which the user's version was kept although the repository's changed."""
    gone: list[str] = dataclasses.field(default_factory=list)
    """Those of `yours` that the repository has no more."""
    away: list[str] = dataclasses.field(default_factory=list)
    """Those of `yours` that the user removed or replaced by something else."""
    partly: list[str] = dataclasses.field(default_factory=list)
    """Files with changes of both sides, in which the user's lines were kept where both changed the same."""
    missed: dict[str, str] = dataclasses.field(default_factory=dict)
    """Submodules that could not be brought, with the reason."""

    def files(self) -> dict[str, Any]:
        """What is said of single files, for :meth:`recall`."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (list, dict))}

    def recall(self, files: Mapping[str, Any]) -> None:
        """Add what another report said of single files."""
        for name, value in files.items():
            mine = getattr(self, name)
            if isinstance(mine, dict):
                mine.update(value)
            else:
                mine.extend(one for one in value if one not in mine)

    def take(self, inner: Report, below: str) -> None:
        """Add what was done in the submodule at `below`."""
        for name in ("restored", "yours", "gone", "away", "partly"):
            getattr(self, name).extend(f"{below}/{path}" for path in getattr(inner, name))
        for name in ("renamed", "moved"):
            found = getattr(inner, name).items()
            getattr(self, name).update({f"{below}/{old}": f"{below}/{new}" for old, new in found})
        self.missed.update({f"{below}/{path}": why for path, why in inner.missed.items()})

    def lines(self) -> Iterator[str]:
        """The report in words."""
        place = f"~/{shown(self.folder)}"
        to = f" to {self.commit[:7]}" if self.commit else ""
        said = {
            "new": f"The repository's files are in {place}.",
            "updated": f"{place} was updated{to}; your own changes were kept.",
            "unchanged": f"{place} is up to date.",
        }
        yield said.get(self.outcome, f"The repository's files stay at /srv/repo: {self.why}")
        for path in self.restored:
            yield f"  restored {shown(path)}, which had been deleted"
        for old, new in self.renamed.items():
            yield f"  renamed your {shown(old)} to {shown(new)}, because the repository has something of that name now"
        for old, new in self.moved.items():
            yield f"  moved your version of {shown(old)} to {shown(new)}, as the repository did"
        for path in self.yours:
            yield f"  {self._kept(path)}"
        for path in self.partly:
            yield (
                f"  merged {shown(path)}; where both sides changed the same lines yours stay, "
                f"and the repository's are in /srv/repo/{shown(path)}"
            )
        for path, why in self.missed.items():
            yield f"  could not update {shown(path)}; its new files are in /srv/repo/{shown(path)}: {why}"

    def _kept(self, path: str) -> str:
        name = shown(path)
        if path in self.gone:
            return f"kept your {name}, which the repository has no more"
        yours = f"left {name} as you removed or replaced it" if path in self.away else f"kept your version of {name}"
        return f"{yours}; the repository's new one is at /srv/repo/{name}"


def shown(path: str) -> str:
    """`path` fit for one line of a log, whatever bytes it has."""
    if path.isprintable():
        return path
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in path)


def _escaped(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))


def reason(error: Exception) -> str:
    """`error` in words."""
    if isinstance(error, OSError) and error.strerror:
        what = {
            errno.ENOSPC: "your home folder is full",
            errno.EDQUOT: "your disk quota is used up",
            errno.EROFS: "your home folder is read-only",
        }
        file = error.filename2 or error.filename
        where = shown(os.fsdecode(file)) if isinstance(file, (str, bytes)) else "your home folder"
        return what.get(error.errno or 0, f"{error.strerror} ({where})") + "."
    text = str(error)
    if "No space left" in text or "quota exceeded" in text.lower():
        return "your home folder is full."
    return text[-600:].rstrip(".") + "."
