"""Which commit a ref names in the repository of a folder; and where it names none, why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubkiln.errors import RefNotFound
from hubkiln.repositories.git_command import git
from hubkiln.repositories.refs import DEFAULT_BRANCHES


@dataclass(frozen=True, slots=True)
class Named:
    """A commit that has a name."""

    commit: str
    made: datetime
    branch: str | None
    """The branch that was named, if it was one."""


async def named(git_dir: Path, folder: Path, ref: str) -> Named:
    """
    The commit that `ref` names in `git_dir`, which was taken of `folder`, as refs of hosts are read; what only
    ``origin`` has counts as with ``git checkout``.

    Raises:
        RefNotFound: there is none.
    """
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}", ref, f"refs/remotes/origin/{ref}"]
    for name in names + ["HEAD"] * (ref in DEFAULT_BRANCHES):
        arguments = ("log", "-1", "--format=%H %cI", "--end-of-options", f"{name}^{{commit}}", "--")
        finished = await git(*arguments, cwd=git_dir)
        if finished.code == 0:
            commit, _, made = finished.output.strip().partition(" ")
            full = (await git("rev-parse", "--symbolic-full-name", name, cwd=git_dir)).output.strip()
            branch = full.removeprefix("refs/heads/") if full.startswith("refs/heads/") else None
            return Named(commit, datetime.fromisoformat(made), branch)
    if not (await git("rev-list", "-1", "--all", "HEAD", cwd=git_dir)).output.strip():
        raise RefNotFound(f"{folder} has no commit yet.", hint="Commit something there first.")
    shallow = (await git("rev-parse", "--is-shallow-repository", cwd=git_dir)).output.strip() == "true"
    raise RefNotFound(
        f"{folder} has no branch, tag or commit `{ref}`.",
        hint="It is a shallow clone, which lacks most of them: `git fetch --unshallow --tags` in it brings them."
        if shallow
        else "Check its spelling.",
    )


def no_repository(folder: Path) -> RefNotFound:
    """The error for a ref in a `folder` without a repository of its own."""
    inner = Path(os.path.realpath(folder))
    above = next((parent for parent in inner.parents if os.path.lexists(parent / ".git")), None)
    if above is None:
        return RefNotFound(f"{folder} is not a git repository, so it has no such ref.", hint="Leave the ref empty.")
    return RefNotFound(
        f"{folder} is a folder in the git repository {above}, whose refs are not its own.",
        hint=f"Build {above} with `--subdir {inner.relative_to(above)}`.",
    )
