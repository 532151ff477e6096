"""Merges contents line by line with ``git merge-file``; where both sides changed the same lines the user's stay."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence

from .disk import FILE, PROGRAM, Entry
from .git import Git, merge_file
from .plan import Merged, Merger

LARGEST = 32 * 1024**2
"""Bytes of a file beyond which contents are not merged."""


class Lines(Merger):
    """By git, between the versions `base` and `theirs`."""

    def __init__(self, git: Git, base: str, theirs: str, stored: Mapping[str, Entry]) -> None:
        self._git, self._base, self._theirs = git, base, theirs
        self._stored = {path: entry.oid for path, entry in stored.items()}
        self._renamed: dict[str, str] | None = None

    def merge(self, path: str, base: Entry | None, mine: str, theirs: str, modes: Sequence[Entry]) -> Merged | None:
        """See :class:`hubkiln.content.deliver.plan.Merger`."""
        if any(entry.mode not in (FILE, PROGRAM) for entry in modes):
            return None
        if any(os.path.getsize(path) > LARGEST for path in (mine, theirs)):
            return None
        old = b""
        if base is not None:
            kept = next(
                (
                    oid
                    for oid in (base.oid, self._stored.get(path, ""))
                    if self._git.maybe("cat-file", "-t", oid) == "blob"
                ),
                "",
            )
            if not kept:
                return None
            old = self._git.raw("cat-file", "blob", kept)
        contents = [_read(mine), old, _read(theirs)]
        if any(b"\0" in content[:8000] for content in contents):
            return None
        mode = modes[-1].mode if base is not None and modes[1].mode == base.mode else modes[-2].mode
        found = self._merge_file(_with_ends_of(contents))
        if found is None or (_is_json(contents[0]) and not _is_json(found[0])):
            return None
        return Merged(found[0], mode, found[1])

    def renamed(self) -> Mapping[str, str]:
        """See :class:`hubkiln.content.deliver.plan.Merger`."""
        if self._renamed is None:
            options = ("-r", "-z", "-M", "--diff-filter=R", "--name-status")
            words = self._git.maybe("diff-tree", *options, self._base, self._theirs).split("\0") if self._base else []
            self._renamed = dict(zip(words[1::3], words[2::3]))
        return self._renamed

    @staticmethod
    def _merge_file(contents: Sequence[bytes]) -> tuple[bytes, bool] | None:
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in ("mine", "base", "theirs")]
            for name, content in zip(names, contents):
                with open(name, "wb") as file:
                    file.write(content)
            conflicts, data = merge_file(folder, *names)
            if conflicts == 0:
                return data, False
            if conflicts < 0:
                return None
            settled, data = merge_file(folder, "--ours", *names)
            return (data, True) if settled == 0 else None


def _with_ends_of(contents: list[bytes]) -> list[bytes]:
    """The other versions with the line ends of the user's, where an editor or git changed all of them."""
    mine, *others = contents
    ends = _ends(mine)
    if not ends:
        return contents
    return [mine, *(other.replace(_ends(other) or ends, ends) for other in others)]


def _ends(content: bytes) -> bytes:
    """How the lines end; empty if not all in one way."""
    both, lines = content.count(b"\r\n"), content.count(b"\n")
    if not lines or b"\r" in content.replace(b"\r\n", b""):
        return b""
    return b"\r\n" if both == lines else b"" if both else b"\n"


def _is_json(content: bytes) -> bool:
    if content[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
