"""Does a version come from git's history? Found by the words of the tools that make one, in files that nobody runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hubkiln.beneath import Beneath

PACKAGE_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "meson.build")
"""Files of a package that say how its version comes about."""

_MOST_BYTES = 1 << 20
_TOOLS = re.compile(
    rb"setuptools[-_.]?(?:scm|git|vcs)|hatch[-_]vcs|versioneer|versioningit|dynamic[-_]versioning|dunamai|miniver"
    rb"|flit[-_]scm|vcs[-_]?version|git[-_]versioning|katversion|setupmeta|source\s{0,4}=\s{0,4}[\"']scm|\buse_scm"
    rb"|\bpbr\b",
    re.IGNORECASE,
)
"""Back ends and their helpers; a word too many costs a fetch of commits, one too few a wrong version."""
_ASKS = rb"\b(?:describe|tag|log|rev-list|shortlog|name-rev|for-each-ref|show-ref)\b"
_CALLS = re.compile(rb"\bgit\b[^\n]{0,120}" + _ASKS + rb"|[\"']git[\"'],[\s\"']{1,40}" + _ASKS)


def reads_history(root: Path, files: Iterable[str]) -> bool:
    """Whether one of `files` below `root` asks git, or a tool that does, for more than the commit itself."""
    with Beneath(root) as folder:
        texts = (folder.read(path, _MOST_BYTES) or b"" for path in files)
        return any(_TOOLS.search(text) or _CALLS.search(text) for text in texts)
