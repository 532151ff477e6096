"""When a commit was made, read from a checkout: a remote does not tell before its commit is fetched."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from hubkiln.repositories.git_command import git

_COMMITTER = re.compile(r"^committer .*> (\d{1,11}) [+-]\d{4}$", re.MULTILINE)


async def committed_at(commit: str, folder: Path) -> datetime | None:
    """When `commit` of the repository in `folder` was made; None where there is no such commit."""
    if not (folder / ".git").is_dir():
        return None
    finished = await git("cat-file", "commit", commit, cwd=folder, settings=("safe.directory=*",))
    head = finished.output.partition("\n\n")[0]
    found = _COMMITTER.search(head) if finished.code == 0 else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None
