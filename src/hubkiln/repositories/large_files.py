"""Files kept in Git LFS: small pointers in the repository become the files that they stand for.

Only what git's attributes give to LFS counts, all of it or nothing, within bounds that the log tells of. The server is
the repository's choice, so each address is checked like any other, and each file by the hash in its pointer.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.beneath import Beneath, change_mode, walk
from hubkiln.errors import AccessDenied, Unreachable
from hubkiln.repositories.bounds import Allowance, shown
from hubkiln.repositories.git_command import Remote, git
from hubkiln.repositories.lfs_server import LfsServer, LostFile, Silent, address_of, said_of_ssh
from hubkiln.values import Say

MOST_FILES = 10_000
"""What one request after the other can ask for in a reasonable time."""

_AT_ONCE = 4
_IN_A_REQUEST = 100
"""As git-lfs does."""
_MOST_PATTERNS = 100
_POINTER_BYTES = 1024
_POINTER = re.compile(
    rb"version (?:https://git-lfs\.github\.com/spec/v1|https://hawser\.github\.com/spec/v1|http://git-media\.io/v/2)\n"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d{1,18})\n"
)


@dataclass(frozen=True, slots=True)
class LargeFile:
    """What a pointer says."""

    oid: str
    """Its sha256."""
    size: int


@dataclass(slots=True)
class LargeFiles:
    """Those of one fetch, submodules included."""

    server: LfsServer
    allowance: Allowance
    say: Say
    scratch: Path
    """A folder on the disk of the checkout, for files that are not whole yet."""
    wall: tuple[str, ...] = ()
    _left_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self._left_bytes = self.allowance.settings.lfs_bytes

    async def bring(self, remote: Remote, into: Path) -> None:
        """
        Put the files of the checkout at `into`, of what `remote` serves, in the places of their pointers.

        Raises:
            Refused: the server leads to where nothing may be asked.
            Unreachable: it does not answer (as one that has LFS over ssh alone), or gives other bytes than the pointers
                say.
        """
        config = await self._config(into)
        wanted = await self._wanted(into, config)
        if not wanted:
            return
        count = sum(map(len, wanted.values()))
        size = sum(file.size * len(paths) for file, paths in wanted.items())
        if count > MOST_FILES or size > self._left_bytes or size > self.allowance.left_bytes:
            most = shown(min(self.allowance.settings.lfs_bytes, self.allowance.settings.max_bytes))
            self._leave(f"{_counted(count)}, {shown(size)}, more than the {MOST_FILES:,} files or {most} to be fetched")
            return
        of_ssh = said_of_ssh(remote.url, config.get("lfs.url", ""))
        try:
            url = address_of(remote.url, config.get("lfs.url", ""))
            self.say(f"Fetching {_counted(count)} kept in Git LFS, {shown(size)}\n")
            with tempfile.TemporaryDirectory(prefix="lfs-", dir=self.scratch) as place:
                brought = await self._brought(url, list(wanted), Path(place))
                await asyncio.to_thread(_put, into, {file: wanted[file] for file in brought}, Path(place))
        except (Silent, AccessDenied) as error:
            self._leave("; ".join(one for one in (str(error).rstrip("."), of_ssh) if one))
            return
        except Unreachable as error:
            if not of_ssh:
                raise
            raise Unreachable(
                f"The files that Git LFS keeps for {remote.url} cannot be had: {of_ssh}. {error.message}",
                hint="Let its host serve LFS over HTTPS, or name the files in lfs.fetchexclude of .lfsconfig.",
            ) from error
        self._left_bytes -= size
        self.allowance.take(size_bytes=size)
        await self._settle(into, [path for file in brought for path in wanted[file]])

    def _leave(self, why: str) -> None:
        self.say(f"Files kept in Git LFS are left as pointers: {why}.\n")

    async def _wanted(self, into: Path, config: Mapping[str, str]) -> Mapping[LargeFile, list[str]]:
        """The files, each with its paths, without those that the repository's ``.lfsconfig`` leaves where they are."""
        paths = await self._listed(into, "--", ":(attr:filter=lfs)")
        found: dict[LargeFile, list[str]] = defaultdict(list)
        for path, file in await asyncio.to_thread(lambda: list(_pointers(into, paths))):
            found[file].append(path)
        left = await self._left(into, config, {path for some in found.values() for path in some}) if found else set()
        if left:
            self.say(f"As .lfsconfig says, {_counted(len(left))} kept in Git LFS stay{'s' * (len(left) == 1)} there.\n")
        wanted = {file: [path for path in some if path not in left] for file, some in found.items()}
        return {file: some for file, some in wanted.items() if some}

    async def _left(self, into: Path, config: Mapping[str, str], paths: set[str]) -> set[str]:
        """Those of `paths` that ``lfs.fetchexclude`` names, or ``lfs.fetchinclude`` does not."""
        left = set[str]()
        for key in ("lfs.fetchinclude", "lfs.fetchexclude"):
            given = [one for word in config.get(key, "").split(",") if (one := word.strip())][:_MOST_PATTERNS]
            if given:
                matching = paths & {*await self._listed(into, "-i", "-c", *(f"--exclude={one}" for one in given))}
                left |= matching if key == "lfs.fetchexclude" else paths - matching
        return left

    async def _listed(self, into: Path, *which: str) -> list[str]:
        """What git lists of the checkout's files."""
        listing = ("ls-files", "-z", *which)
        named = {"GIT_LITERAL_PATHSPECS": "0"}
        paths: list[str] = []
        rest = ""

        def read(text: str) -> None:
            nonlocal rest
            *whole, rest = (rest + text).split("\0")
            paths.extend(whole)

        await git(*listing, cwd=into, extra=named, say=read, keep=4096, wall=self.wall)
        return paths

    async def _config(self, into: Path) -> dict[str, str]:
        """What the repository's own ``.lfsconfig`` says."""
        read = ("config", "--no-includes", "--blob", "HEAD:.lfsconfig", "--list", "-z")
        finished = await git(*read, cwd=into, wall=self.wall)
        if finished.code != 0:
            return {}
        lines = [line.partition("\n") for line in finished.output.split("\0")]
        return {key: value.strip() for key, _, value in lines if key}

    async def _brought(self, url: str, files: Sequence[LargeFile], place: Path) -> list[LargeFile]:
        """Those of `files` that are now in `place`, by their names there; what the server lacks is said."""
        brought: list[LargeFile] = []
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(file: LargeFile, action: object) -> None:
            async with slots:
                try:
                    await self.server.bring(url, file.oid, file.size, action, place / file.oid)
                    brought.append(file)
                except LostFile as error:
                    self.say(f"Git LFS has no {file.oid[:12]}, whose pointer is left: {error}\n")

        for first in range(0, len(files), _IN_A_REQUEST):
            some = files[first : first + _IN_A_REQUEST]
            answers = await self.server.look_up(url, {file.oid: file.size for file in some})
            try:
                async with asyncio.TaskGroup() as group:
                    for file in some:
                        group.create_task(one(file, answers.get(file.oid)))
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors
        return brought

    async def _settle(self, into: Path, paths: Sequence[str]) -> None:
        """Let git, which has no filter for them here, take the files for unchanged: versions are made of that."""
        named = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        await git("update-index", "--assume-unchanged", "-z", "--stdin", cwd=into, input=named, wall=self.wall)


def tell_of_pointers(tree: Path, say: Say, advice: str) -> None:
    """Say how many files of `tree`, where nobody is asked for what they stand for, are pointers; and `advice`."""
    small = [one.path for one in walk(tree, {".git"}) if one.is_file and one.status.st_size <= _POINTER_BYTES]
    if found := [path for path, _ in _pointers(tree, small)]:
        which = f"{found[0]!a}" if len(found) == 1 else f"{_counted(len(found))}, {found[0]!a} among them,"
        are = "is a pointer" if len(found) == 1 else "are pointers"
        say(f"{which} {are} of Git LFS, without the content. {advice}\n")


def _counted(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _pointers(into: Path, paths: Sequence[str]) -> Iterator[tuple[str, LargeFile]]:
    with Beneath(into) as beneath:
        for path in paths:
            text = beneath.read(path, _POINTER_BYTES) if path else None
            if text is not None and (match := _POINTER.fullmatch(text)):
                yield path, LargeFile(match["oid"].decode(), int(match["size"]))


def _put(into: Path, wanted: Mapping[LargeFile, Sequence[str]], place: Path) -> None:
    """Put what is in `place` where its pointers are, and through no link."""
    with Beneath(into) as beneath, Beneath(place) as fresh:
        for file, paths in wanted.items():
            for path in paths:
                parent, _, name = path.rpartition("/")
                with beneath.folder(parent) as folder:
                    old = os.stat(name, dir_fd=folder.handle, follow_symlinks=False)
                    if path != paths[-1]:
                        shutil.copyfile(place / file.oid, place / "copy")
                    new = "copy" if path != paths[-1] else file.oid
                    change_mode(new, fresh.handle, stat.S_IMODE(old.st_mode))
                    os.rename(new, name, src_dir_fd=fresh.handle, dst_dir_fd=folder.handle)
