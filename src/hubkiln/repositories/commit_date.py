"""When a commit was made, read from a checkout: a remote does not tell before its commit is fetched."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from hubkiln.repositories.folder_files import readable
from hubkiln.repositories.git_command import git
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.taken import taken
from hubkiln.sandbox import as_nobody

_COMMITTER = re.compile(r"^committer .*> (\d{1,11}) [+-]\d{4}$", re.MULTILINE)


async def committed_at(commit: str, folder: Path, settings: RepositorySettings) -> datetime | None:
    """When `commit` of the repository in `folder` was made; None where there is no such commit."""
    with readable(folder):
        async with taken(folder, settings, elsewhere=False) as git_dir:
            if git_dir is None:
                return None
            # a folder of somebody's own, built at the command line, may have files that nobody else can read
            apart = not settings.allow_local_folders
            wall = as_nobody("git", hidden=settings.own_folders, writable=[git_dir]) if apart else ()
            finished = await git("cat-file", "commit", commit, cwd=git_dir, wall=wall)
    head = finished.output.partition("\n\n")[0]
    found = _COMMITTER.search(head) if finished.code == 0 else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None
