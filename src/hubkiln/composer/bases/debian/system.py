"""The operating system of the base image: Debian packages, unpacked by mmdebstrap without root, as a tree.

mmdebstrap does the unpacking and configuring; what is left here is to drop what says when and where it was done, so
that the same package versions give the same layer.
"""

from __future__ import annotations

import re
import struct
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubkiln.egress import host_in, reason, unanswered
from hubkiln.errors import BadSpec, BuildFailed, DiskFull, EngineMissing, Unreachable
from hubkiln.processes import WAIT_SECONDS, clean_environment, ended_with_us, run
from hubkiln.trees import MTIME, Entry, Member, Source
from hubkiln.values import Say

PACKAGES = (
    "bzip2",
    "ca-certificates",
    "curl",
    "gettext-base",
    "git",
    "less",
    "libgomp1",
    "procps",
    "python3",
    "python3-venv",
    "tini",
    "tzdata",
    "unzip",
    "xz-utils",
)
"""What a notebook server and common wheels expect of a system (``libgomp1``: scikit-learn, PyTorch, XGBoost)."""

_WORD = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_MIRROR = re.compile(r"(\w+\+)?(https?://[^\s/]|(file|copy):/)|deb(-src)? ")
"""What mmdebstrap and apt take: an address, or lines of a `sources.list`; a file of such lines besides."""
_EXCLUDED = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/doc/*")
_INCLUDED = ("path-include=/usr/share/doc/*/copyright",)
_DROPPED = re.compile(
    r"dev/.*|proc/.*|sys/.*|run/(?!lock$).*|tmp/.+|var/tmp/.+|var/log/(apt|btmp|wtmp|lastlog|faillog|.*\.log)(/.*)?|"
    r"var/cache/(apt|debconf|ldconfig)/.+|var/lib/apt/(lists|periodic|mirrors)/.+|var/lib/dpkg/.*-old|"
    r"etc/(machine-id|hostname|hosts|resolv\.conf|mtab|\.pwd\.lock|(passwd|group|shadow|gshadow|subuid|subgid)-)|"
    r"etc/apt/apt\.conf\.d/99mmdebstrap"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A Debian system as a tree; its files' bytes stay in `tar`, which must outlive it."""

    tar: Path
    entries: tuple[Entry, ...]
    """Sorted by path, parents included."""
    versions: dict[str, str]
    """Debian package to its version."""

    def text(self, path: str) -> str:
        """A file's text; empty if there is none."""
        for entry in self.entries:
            if entry.path == path and entry.source is not None:
                return read(entry.source).decode()
        return ""

    @property
    def glibc(self) -> tuple[int, int]:
        """Version of the C library, ``(2, 36)``."""
        return _numbers(self.versions.get("libc6", "0.0"))

    @property
    def python(self) -> str | None:
        """Full version of the distribution's own Python, ``3.11.2``."""
        minor = ".".join(map(str, _numbers(self.versions.get("python3", "0.0"))))
        match = re.match(r"\d+\.\d+\.\d+", self.versions.get(f"python{minor}", ""))
        return match[0] if match else None


async def debootstrap(
    tar: Path,
    *,
    suite: str,
    packages: Iterable[str],
    say: Say,
    mirror: str | None = None,
    seconds: float = 1800,
) -> System:
    """
    Write a system of `suite` with `packages` to `tar`; needs no root, but subordinate user ids.

    Raises:
        BadSpec: a suite, package name or mirror that cannot be one.
        EngineMissing: mmdebstrap is not installed, or may not work here.
        Unreachable: the mirror does not answer.
        BuildFailed: there is no such suite or package.
        DiskFull.
    """
    wanted = sorted(set(packages))
    for word in (suite, *wanted):
        if not _WORD.fullmatch(word):
            raise BadSpec(f"{word!r} is not the name of a Debian suite or package.", hint="Check the spelling.")
    if mirror is not None and not _MIRROR.match(mirror) and not Path(mirror).is_file():
        raise BadSpec(
            f"{mirror!r} is not the address of a Debian mirror.", hint="Write it as `https://deb.debian.org/debian`."
        )
    options = [f"--dpkgopt={option}" for option in (*_EXCLUDED, *_INCLUDED)]
    argv = ["mmdebstrap", "--mode=unshare", "--variant=minbase", "--format=tar", *options]
    argv += [f"--include={','.join(wanted)}", suite, str(tar), *([mirror] if mirror else [])]
    # A fixed hash seed, because package scripts compile Python and sets are written in hash order.
    env = clean_environment(SOURCE_DATE_EPOCH=str(MTIME), PYTHONHASHSEED="0")
    ended = await run(ended_with_us(*argv), env=env, say=say, seconds=seconds, grace=WAIT_SECONDS)
    if ended.code:
        raise _explained(suite, ended.output)
    return read_system(tar)


def read_system(tar: Path) -> System:
    """The tree of a system's tar, cleaned."""
    entries: dict[str, Entry] = {}
    status = ""
    with tarfile.open(tar) as members:
        for member in members:
            path = member.name.removeprefix("./").rstrip("/")
            if path in ("", ".") or _DROPPED.fullmatch(path):
                continue
            if path == "var/lib/dpkg/status" and (file := members.extractfile(member)):
                status = file.read().decode()
            if (entry := _entry(tar, path, member, members, entries)) is not None:
                entries[path] = entry
    versions = dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", status, re.M))
    return System(tar=tar, entries=tuple(entries[path] for path in sorted(entries)), versions=versions)


def read(source: Source) -> bytes:
    """A file's bytes."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        return source.read_bytes()
    with source.archive.open("rb") as file:
        file.seek(source.offset)
        return file.read(source.size)


def timeless(pyc: bytes) -> bytes:
    """Compiled Python, made for a source of our fixed modification time (it is what every file gets)."""
    flags = struct.unpack_from("<I", pyc, 4)[0] if len(pyc) >= 16 else 1
    return pyc if flags else pyc[:8] + struct.pack("<I", MTIME) + pyc[12:]


def _entry(
    tar: Path, path: str, member: tarfile.TarInfo, members: tarfile.TarFile, before: dict[str, Entry]
) -> Entry | None:
    """The member as ours; devices are left to the engine, and files lose the right to become somebody else."""
    if member.isdir():
        return Entry(path=path, mode=member.mode & 0o7777, uid=member.uid, gid=member.gid)
    if member.issym():
        return Entry(path=path, mode=0o777, link=member.linkname, uid=member.uid, gid=member.gid)
    if member.islnk():
        other = before[member.linkname.removeprefix("./")]
        return Entry(path=path, mode=other.mode, size=other.size, source=other.source, uid=member.uid, gid=member.gid)
    if not member.isreg() or (file := members.extractfile(member)) is None:
        return None
    data = file.read()
    source: Source = Member(tar, member.offset_data, member.size, member.size, zlib.crc32(data), False)
    if path.endswith(".pyc"):
        source = timeless(data)
    return Entry(path=path, mode=member.mode & 0o777, size=member.size, source=source, uid=member.uid, gid=member.gid)


def _numbers(version: str) -> tuple[int, int]:
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _explained(suite: str, output: str) -> Exception:
    """Why mmdebstrap failed."""
    if "mmdebstrap: No such file" in output:
        return EngineMissing(
            "mmdebstrap, which unpacks Debian packages, is not installed.",
            hint="Run: apt install mmdebstrap uidmap",
        )
    if re.search(r"newuidmap|subuid|subgid|unshare", output) and "success" not in output:
        return EngineMissing(
            "mmdebstrap may not open a user namespace here.",
            hint="Install uidmap and give this user subordinate ids in /etc/subuid and /etc/subgid.",
        )
    if "No space left" in output:
        return DiskFull(hint="Free space in the temporary folder, then try again.")
    if missing := re.search(r"Unable to locate package (\S+)", output):
        return BuildFailed(f"Debian {suite} has no package {missing[1]!r}.", hint="Check the name.")
    if re.search(r"does not have a Release file|404 +Not Found", output):
        return BuildFailed(f"The mirror has no Debian suite {suite!r}.", hint="Use a suite such as bookworm.")
    last = (
        [line for line in output.splitlines() if line.startswith("E:")] or output.splitlines()[-1:] or ["no output"]
    )[0]
    if reason(output) is not None and (
        host := host_in("\n".join(re.findall(r"^(?:Err|[EW]):.*", output, re.MULTILINE)))
    ):
        return unanswered(host, output)
    return Unreachable(f"Debian packages could not be fetched or unpacked: {last}", hint="Try again in a minute.")
