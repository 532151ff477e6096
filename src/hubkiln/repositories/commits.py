"""
Commits without their files and folders, of a repository that has not those either (``git clone --filter=tree:0``).

A fetch with that filter looks into folders all the same, and fails where they are missing.
"""

from __future__ import annotations

from pathlib import Path

from hubkiln.repositories.git_command import git

_LONGEST = 1 << 27
"""Bytes of a list of commits: three million."""


async def bring_commits_alone(git_dir: Path, commit: str, into: Path) -> bool:
    """
    Bring `commit` of the repository `git_dir`, what is behind it and the tags there to the repository `into`.

    Returns False, having changed nothing, if commits are missing too.
    """
    form = "--format=%(objectname) %(refname)"
    tags = await git("for-each-ref", form, f"--merged={commit}", "refs/tags", cwd=git_dir)
    named = [line.split(" ", 1) for line in tags.output.splitlines()] if tags.code == 0 else []
    wanted = "".join(f"{name}\n" for name in (commit, *(name for name, _ in named)))
    walk = ("rev-list", "--objects", "--no-object-names", "--filter=tree:0", "--missing=allow-any", "--stdin")
    listed = await git(*walk, cwd=git_dir, input=wanted.encode(), keep=_LONGEST)
    if listed.code != 0:
        return False
    packs = (into / ".git/objects/pack").absolute()
    packed = await git("pack-objects", "--quiet", packs / "pack", cwd=git_dir, input=listed.output.encode())
    if packed.code != 0:
        return False
    (packs / f"pack-{packed.output.strip()}.promisor").touch()
    (into / ".git/shallow").unlink(missing_ok=True)
    lines = "".join(f"update {ref} {name}\n" for name, ref in named)
    await git("update-ref", "--stdin", cwd=into, input=lines.encode("utf-8", "surrogateescape"))
    return True
