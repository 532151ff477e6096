"""Which files ``.dockerignore`` and ``.containerignore`` leave out: the rules of Docker, as repo2docker applies them.

The last line that matches decides; ``!`` takes a file back in; a folder that is left out takes all below it along,
except what a later line takes back. Pure but for reading the two files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.content.patterns import Pattern
from hubkiln.errors import TooLarge

NAMES = (".dockerignore", ".containerignore")
LONGEST = 1_000_000
"""Characters of such a file that are read."""


_MOST_LINES = 2000
_LONGEST_LINE = 1000


@dataclass(frozen=True, slots=True)
class _Line:
    pattern: Pattern
    back: bool
    """True for ``!``."""


class Ignored:
    """The lines of a repository; call it with a path to ask whether that is left out."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [line for text in lines if (line := _read(text)) is not None]

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __call__(self, path: str) -> bool:
        """Whether the file at `path`, relative, is left out."""
        parts = path.split("/")
        names = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        out = False
        for line in self._lines:
            if out is line.back and any(line.pattern.matches(name) for name in names):
                out = not line.back
        return out


def read_ignored(root: Path) -> Ignored:
    """The lines for a repository at `root`: of its ``binder`` folder where it has one, else of the root."""
    folders = [root / name for name in ("binder", ".binder") if (root / name).is_dir()]
    folder = folders[0] if folders else root
    lines: list[str] = []
    for name in NAMES:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with path.open(errors="replace") as file:
                lines += file.read(LONGEST).splitlines()
    if len(lines) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in lines):
        raise TooLarge(
            f"The repository's ignore files have over {_MOST_LINES:,} lines, or one of over {_LONGEST_LINE:,} letters.",
            hint="Use patterns such as `data/**`.",
        )
    return Ignored(lines)


def _read(text: str) -> _Line | None:
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    back = text.startswith("!")
    path = posixpath.normpath("/" + text.removeprefix("!").strip()).lstrip("/")
    return _Line(Pattern(path), back) if path else None
