"""The repository's files as the tree of an image layer: the same commit gives the same tree on any machine.

What git writes of times and of the way a commit came (its index, logs, packs) differs from one fetch to the next, so
the layer has an index and a pack that are made anew from the commit alone. A repository with its whole history, such
as a folder of this machine, is cut to what a fetch of its commit brings.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from hubkiln.beneath import Beneath
from hubkiln.content.ignoring import Ignored, read_ignored
from hubkiln.content.store import Content
from hubkiln.errors import ServiceError, TooLarge
from hubkiln.git_snapshot import snapshot
from hubkiln.processes import clean_environment, run
from hubkiln.sandbox import as_nobody, give
from hubkiln.trees import Entry, Tree
from hubkiln.values import REPO_DIR

UID = 1000

_OF_THIS_FETCH = re.compile(
    r"(modules/.+/)?(logs(/.*)?|hooks(/.*)?|FETCH_HEAD|ORIG_HEAD|.*\.lock|gc\.log|COMMIT_EDITMSG)"
)
_MADE_ANEW = re.compile(r"index|objects(/.*)?")
_CUT = ".git/refs/tags"
"""Among what is made anew where the repository had more than its commit."""

_BRANCH = re.compile(r"ref: refs/heads/(.+)\n?")
_CONFIG_BYTES = 1 << 20
_PACK_LARGEST = 256 * 1024**2
"""Bytes of git objects beyond which they are taken as they are: writing them anew would take long."""


async def content_tree(content: Content, work: Path, *, hidden: Sequence[Path]) -> Tree:
    """
    `content` at ``/srv/repo``, its user's own. Files made for it are put into the folder `work`, which must outlive it.

    Of the folders `hidden`, such as the data folder, git sees what lies in `work` alone.

    Raises:
        ServiceError: git failed.
    """
    anew = await _git_anew(content.path, work, hidden)
    return await asyncio.to_thread(_tree, content, anew)


def _tree(content: Content, anew: dict[str, Path]) -> Tree:
    ignored, root = read_ignored(content.root), content.root.relative_to(content.path).as_posix()
    entries = {entry.path: entry for entry in _files(content.path, ignored, "" if root == "." else f"{root}/", anew)}
    if f"{REPO_DIR}/.git/HEAD" in entries:
        entries |= {f"{REPO_DIR}/{name}": _entry(f"{REPO_DIR}/{name}", path) for name, path in anew.items()}
    for path in list(entries):
        while path := path.rpartition("/")[0]:
            ours = path == REPO_DIR or path.startswith(f"{REPO_DIR}/")
            owner = UID if ours else 0
            entries.setdefault(path, Entry(path=path, mode=0o755, uid=owner, gid=owner))
    entries.setdefault("srv", Entry(path="srv", mode=0o755))
    entries.setdefault(REPO_DIR, Entry(path=REPO_DIR, mode=0o755, uid=UID, gid=UID))
    return Tree(tuple(entries[path] for path in sorted(entries)))


def _files(folder: Path, ignored: Ignored, root: str, anew: dict[str, Path]) -> Iterator[Entry]:
    """Every file that belongs to the image; folders only where they are empty or hold something that does."""
    for parent, folders, files in os.walk(folder):
        relative = os.path.relpath(parent, folder)
        base = "" if relative == "." else f"{relative}/"
        for name in (*files, *folders):
            path, there = f"{base}{name}", Path(parent, name)
            if not there.is_symlink() and there.is_dir() and any(there.iterdir()):
                continue
            if path.startswith(".git/") and _left_out(path.removeprefix(".git/"), anew):
                continue
            if path.startswith(root) and ignored(path.removeprefix(root)):
                continue
            kind = there.lstat().st_mode
            if stat.S_ISREG(kind) or stat.S_ISLNK(kind) or stat.S_ISDIR(kind):
                yield _entry(f"{REPO_DIR}/{path}", there)


def _left_out(path: str, anew: Collection[str]) -> bool:
    if anew and _CUT in anew:
        return path not in ("HEAD", "config")
    return bool(_OF_THIS_FETCH.fullmatch(path)) or (bool(anew) and bool(_MADE_ANEW.fullmatch(path)))


def _entry(path: str, there: Path) -> Entry:
    found = there.lstat()
    if stat.S_ISLNK(found.st_mode):
        return Entry(path=path, mode=0o777, link=os.readlink(there), uid=UID, gid=UID)  # noqa: PTH115  (as it is)
    if stat.S_ISDIR(found.st_mode):
        return Entry(path=path, mode=0o755, uid=UID, gid=UID)
    mode = 0o755 if found.st_mode & 0o100 else 0o644
    return Entry(path=path, mode=mode, size=found.st_size, source=there, uid=UID, gid=UID)


async def _git_anew(folder: Path, work: Path, hidden: Sequence[Path]) -> dict[str, Path]:
    """The index and the pack of the repository's commit, made from nothing else; empty where that cannot be."""
    if not (folder / ".git/HEAD").is_file():
        return {}
    apart = work / "apart"
    apart.mkdir()
    taken = apart / "taken.git"
    try:
        take = partial(snapshot, folder, taken, most_bytes=_PACK_LARGEST, elsewhere=False)
        if not await asyncio.to_thread(take):
            return {}
    except (OSError, TooLarge):
        return {}
    git = _Git(taken, apart, hidden)
    if await git.size() > _PACK_LARGEST or not (commit := await git.commit()):
        return {}
    cut: dict[str, Path] = {}
    if not (folder / ".git/shallow").is_file():
        if await git.has_modules():
            return {}
        cut = _cut(git, commit, folder / ".git", work)
    await git("read-tree", "HEAD")
    options = ("--threads=1", "--window=0", "--no-reuse-delta", "--no-reuse-object", "--compression=6", "--quiet")
    await git("pack-objects", "--revs", *options, str(apart / "pack"), input=b"HEAD\n")
    packs = (path for path in apart.glob("pack-*") if path.suffix in (".pack", ".idx"))
    return cut | {f".git/objects/pack/{path.name}": path for path in packs} | {".git/index": apart / "index"}


def _cut(git: _Git, commit: str, place: Path, work: Path) -> dict[str, Path]:
    """What else a repository has that was fetched with `commit` alone; the copy that `git` reads is cut likewise."""
    made, names = work / "made", []
    with Beneath(git.folder) as beneath:
        head = (beneath.read("HEAD", _CONFIG_BYTES) or b"").decode(errors="surrogateescape")
        beneath.write("shallow", f"{commit}\n".encode())
    if branch := _BRANCH.fullmatch(head):
        names.append(f"refs/heads/{branch[1]}")
        with Beneath(place) as beneath:
            config = beneath.read("config", _CONFIG_BYTES) or b""
        if b'[remote "origin"]' in config:
            names.append(f"refs/remotes/origin/{branch[1]}")
    (made / "refs/tags").mkdir(parents=True)
    for name in names:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"{commit}\n")
    cut = {_CUT: made / "refs/tags"} | {f".git/{name}": made / name for name in names}
    if not names:
        (made / "refs/heads").mkdir()
        cut[".git/refs/heads"] = made / "refs/heads"
    shallow = work / "shallow"
    shallow.write_text(f"{commit}\n")
    return cut | {".git/shallow": shallow}


class _Git:
    """git in a repository that we made, as nobody where we are root."""

    def __init__(self, folder: Path, work: Path, hidden: Sequence[Path]) -> None:
        self.folder = folder
        self._wall = as_nobody("git", hidden=hidden, writable=[work])
        if self._wall:
            for place in (folder, folder / "objects/pack"):
                give(place)
        self._env = clean_environment(
            HOME=str(work),
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_DIR=str(folder),
            GIT_INDEX_FILE=str(work / "index"),
            GIT_LITERAL_PATHSPECS="1",
            GIT_OPTIONAL_LOCKS="0",
            LC_ALL="C.UTF-8",
        )

    async def __call__(self, *arguments: str, input: bytes | None = None) -> str:
        ended = await run([*self._wall, "git", *arguments], env=self._env, cwd=self.folder, seconds=600, input=input)
        if ended.code:
            last = (ended.output.strip().splitlines() or [f"code {ended.code}"])[-1]
            raise ServiceError(f"git cannot read the repository's own history: {last}", hint="Fetch it again.")
        return ended.output

    async def size(self) -> int:
        """Bytes of all objects."""
        found = dict(line.split(": ", 1) for line in (await self("count-objects", "-v")).splitlines() if ": " in line)
        return 1024 * (int(found.get("size", 0)) + int(found.get("size-pack", 0)))

    async def commit(self) -> str:
        """What HEAD is at; empty if that is nothing."""
        look_up = ("git", "rev-parse", "-q", "--verify", "HEAD^{commit}")
        ended = await run([*self._wall, *look_up], env=self._env, cwd=self.folder)
        return "" if ended.code else ended.output.strip()

    async def has_modules(self) -> bool:
        """Whether the commit has submodules."""
        return "\n160000 " in "\n" + await self("ls-tree", "-r", "HEAD")
