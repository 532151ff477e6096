"""Refs and objects of a git repository that we did not make, taken into a repository that we made.

git does what a repository's configuration says: it starts programs (``gpg.program``, ``core.fsmonitor``, filters,
remotes of a partial clone) and reads other places. No list of switched-off keys stays complete. So git never runs in
such a repository: what is *data* in it is looked at name by name (:mod:`hubkiln.beneath`), checked for its form, and
put into a new repository, with a configuration that is ours. Everything else (configuration, hooks, attributes,
indexes, replacements) stays behind.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from hubkiln.beneath import Beneath, LeadsAway, open_file
from hubkiln.errors import Refused, TooLarge

_MOST_FILES = 1_000_000
"""Refs and objects; a repository that git tidies has some thousands."""
_PACKED_REFS_BYTES = 64 << 20
_MOST_FOLDERS = 20
"""Folders of objects: the repository's own, those that it borrows from, and theirs."""

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_PACKED_LINE = re.compile(r"#.*|\^?(?:[0-9a-f]{40}|[0-9a-f]{64})(?: refs/\S+)?")
_LOOSE = re.compile(r"[0-9a-f]{38}|[0-9a-f]{62}")
_PACK = re.compile(r"pack-[0-9a-f]{40,64}\.(?:pack|idx)")
_GITDIR = re.compile(r"gitdir: ([^\0\n]+)\n?")
_CONFIG = "[core]\n\trepositoryformatversion = {version}\n\tbare = true\n[uploadpack]\n\tallowFilter = true\n"
_SHA256 = "[extensions]\n\tobjectformat = sha256\n"


def snapshot(folder: Path, into: Path, *, most_bytes: int, elsewhere: bool) -> bool:
    """
    Make the new folder `into` a bare repository with what that of `folder` (or the bare one `folder`) holds.

    Objects are links where the file system can, and copies, together at most `most_bytes`, where it cannot; git only
    reads them. A repository may lie partly `elsewhere` (a worktree, borrowed objects) if allowed, and only where it
    belongs to whom `folder` belongs. Returns False, having made nothing, if there is no repository. Blocks.

    Raises:
        Refused: it points to somebody else's files. TooLarge.
        OSError: as the file system has it.
    """
    with ExitStack() as opened:
        root = opened.enter_context(Beneath(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)))
        source = _Source(os.fstat(root.handle).st_uid, elsewhere, opened)
        if (own := source.repository(root)) is None:
            return False
        common = source.pointed(own, "commondir") or own
        if (head := _head(own)) is None or common.status("objects") is None:
            return False
        into.mkdir(parents=True)
        taking = _Taking(into, most_bytes)
        taking.refs(common)
        for objects in source.objects(common):
            taking.objects(objects)
        taking.finish(head)
    return True


@dataclass(slots=True)
class _Source:
    """Finds the parts of a repository."""

    owner: int
    elsewhere: bool
    opened: ExitStack

    def repository(self, root: Beneath) -> Beneath | None:
        """``.git`` of `root`, which may be a file that names a folder; else `root` itself if it is a bare one."""
        found = root.status(".git")
        if found is None:
            names = [root.status(name) for name in ("HEAD", "objects", "refs")]
            return root if all(names) else None
        if stat.S_ISDIR(found.st_mode):
            return self.opened.enter_context(root.folder(".git"))
        if stat.S_ISLNK(found.st_mode):
            return self._at(".git", root) if self.elsewhere else None
        named = _GITDIR.fullmatch(_text(root, ".git"))
        return self._at(named[1], root) if named and self.elsewhere else None

    def pointed(self, folder: Beneath, name: str) -> Beneath | None:
        """The folder that the file `name` in `folder` names, if there is such a file."""
        path = _text(folder, name).rstrip("\n")
        return self._at(path, folder) if path and self.elsewhere and "\0" not in path else None

    def objects(self, common: Beneath) -> Iterator[Beneath]:
        """The folders that hold the objects: its own, and those it borrows from."""
        try:
            waiting = [self.opened.enter_context(common.folder("objects"))]
        except LeadsAway:
            if not self.elsewhere:
                raise
            waiting = [self._at("objects", common)]
        for number, folder in enumerate(waiting):
            if number > _MOST_FOLDERS:
                raise TooLarge("That repository borrows from many others.", hint="Build from a whole clone of it.")
            yield folder
            if self.elsewhere:
                lines = _text(folder, "info/alternates").splitlines()[:_MOST_FOLDERS]
                waiting += [self._at(line, folder) for line in lines if line and line[0] != "#"]

    def _at(self, path: str, start: Beneath) -> Beneath:
        """The folder at `path` as seen from `start`, wherever it is, if it is the same owner's."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=start.handle)
        except OSError as error:
            raise Refused(
                f"The repository points to {path}, which cannot be read.", hint="Build from a whole clone of it."
            ) from error
        found = self.opened.enter_context(Beneath(handle))
        if os.fstat(handle).st_uid != self.owner:
            raise Refused(
                f"The repository points to {path}, which belongs to somebody else.",
                hint="Build from a whole clone of it (`git clone --dissociate`).",
            )
        return found


class _Taking:
    """A repository being made."""

    def __init__(self, into: Path, most_bytes: int) -> None:
        self._into, self._left, self._files = into, most_bytes, 0
        self._limit = most_bytes
        self._longest = 0
        for name in ("refs/heads", "objects/pack", "objects/info"):
            (into / name).mkdir(parents=True)

    def refs(self, common: Beneath) -> None:
        """Branches, tags and what else has a name; replacements of objects are not taken."""
        if common.status("refs") is not None:
            for found in common.walk("refs"):
                self._count()
                text = _value(found.open()) if found.is_file else None
                if text is None or not _REF.fullmatch(found.path) or found.path.startswith("refs/replace/"):
                    continue
                target = self._into / found.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(f"{text}\n")
                self._see(text)
        packed = (common.read("packed-refs", _PACKED_REFS_BYTES) or b"").decode("utf-8", "surrogateescape")
        lines = [line for line in packed.split("\n") if _PACKED_LINE.fullmatch(line) and " refs/replace/" not in line]
        if lines:
            self._write("packed-refs", lines)
            self._see(lines[-1].lstrip("^").partition(" ")[0])
        shallow = (common.read("shallow", _PACKED_REFS_BYTES) or b"").decode("ascii", "replace").split("\n")
        if lines := [line for line in shallow if _HASH.fullmatch(line)]:
            self._write("shallow", lines)

    def objects(self, source: Beneath) -> None:
        """Link or copy what is an object or a pack by its name."""
        for folder in source.names():
            if folder != "pack" and not re.fullmatch(r"[0-9a-f]{2}", folder):
                continue
            form = _PACK if folder == "pack" else _LOOSE
            (self._into / "objects" / folder).mkdir(exist_ok=True)
            with source.folder(folder) as opened, Beneath(self._into / "objects" / folder) as target:
                for name in opened.names():
                    if form.fullmatch(name):
                        self._count()
                        with suppress(FileExistsError):
                            self._take(name, opened.handle, target.handle)

    def finish(self, head: str) -> None:
        """What makes a folder a repository."""
        self._see(head)
        wide = self._longest == 64
        (self._into / "config").write_text(_CONFIG.format(version=int(wide)) + (_SHA256 if wide else ""))
        (self._into / "HEAD").write_text(f"{head}\n")

    def _take(self, name: str, source: int, target: int) -> None:
        try:
            os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK):
                raise
        else:
            if not stat.S_ISREG(os.stat(name, dir_fd=target, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=target)
            return
        with os.fdopen(open_file(name, source), "rb") as file:
            self._left -= os.fstat(file.fileno()).st_size
            if self._left < 0:
                raise TooLarge(
                    f"The history of that repository is larger than the {self._limit >> 20} MiB that may be copied.",
                    hint="Keep it on the disk of Hubkiln's data folder, or build from a shallow clone.",
                )
            new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444, dir_fd=target)
            with os.fdopen(new, "wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)

    def _count(self) -> None:
        self._files += 1
        if self._files > _MOST_FILES:
            raise TooLarge("That repository has millions of loose files.", hint="Tidy it with `git gc`.")

    def _see(self, value: str) -> None:
        if _HASH.fullmatch(value):
            self._longest = max(self._longest, len(value))

    def _write(self, name: str, lines: list[str]) -> None:
        (self._into / name).write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def _head(own: Beneath) -> str | None:
    """What HEAD says, if it is sound."""
    try:
        return _value(own.open("HEAD"))
    except OSError:
        return None


def _value(handle: int) -> str | None:
    """The commit or the ref that a file names; None for anything else."""
    with os.fdopen(handle, "rb") as file:
        text = file.read(4096).decode("utf-8", "surrogateescape").strip()
    name = text.removeprefix("ref:").strip()
    if text != name:
        return f"ref: {name}" if _REF.fullmatch(name) and ".." not in name else None
    return text if _HASH.fullmatch(text) else None


def _text(folder: Beneath, name: str) -> str:
    return (folder.read(name, 65536) or b"").decode("utf-8", "surrogateescape")
