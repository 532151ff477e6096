"""A room and a command as bubblewrap options: pure, so that what is isolated can be read and tested in one place.

How they travel is :mod:`hubkiln.sandbox.memory_files`' part, starting it :mod:`hubkiln.sandbox.engine`'s.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hubkiln.errors import Unsupported
from hubkiln.sandbox import host_root, image_root, overlays, seccomp
from hubkiln.sandbox.identity import INNER, Identity
from hubkiln.sandbox.interface import Mount, Network, Room
from hubkiln.sandbox.memory_files import Command, Word
from hubkiln.sandbox.mount_points import VOLUME_HINT, Kept, check_apart, check_volume, in_order
from hubkiln.sandbox.places import Places
from hubkiln.sandbox.tools import INSIDE, Brought

CONTAINER = "/.dockerenv"
"""By which scripts know that they are in a container, and may do what would harm a machine."""

PRELOAD = "/etc/ld.so.preload"
"""Libraries that glibc's loader puts into every program, before it asks who runs it."""

_MASKED = ("keys", "key-users")
"""Files of ``/proc`` that tell of others: the keys of whoever started us."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_HOST_NAME = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What of this machine goes into a command."""

    bwrap: Path
    identity: Identity
    brought: Brought | None = None
    """Tools that drop privilege; needed when we are root."""

    user_namespace: int | None = None
    """Descriptor of a user namespace with an image's owners; needed for a root file system of its own when we are
    root, and for being root inside."""

    maker_namespace: int | None = None
    """Descriptor of the user namespace in which bubblewrap mounts, when we are root of a container only."""

    fresh_proc: bool = True
    """Whether the kernel lets a sandbox have a ``/proc`` of its own; else it sees ours, read-only."""

    hidden: tuple[Path, ...] = ()
    """Folders that must not be seen even where they lie below ``/usr``."""

    covers: Mapping[str, Path] = field(default_factory=dict)
    """What lies over the host's folders of programs."""

    hosts: str = ""
    """Text of the host's ``/etc/hosts``."""

    more_calls: frozenset[str] | None = frozenset()
    """System calls that the admin allows besides the usual ones; None for no filter at all."""


def command(room: Room, argv: Sequence[str], host: Host, *, with_parent: bool, terminal: bool = False) -> Command:
    """
    The command that runs `argv` in `room`.

    `with_parent` makes the sandbox die with the thread that starts it; `terminal` keeps our terminal's session.

    Raises:
        ServiceError: more layers than the kernel can stack.
    """
    places = Places()
    words: list[Word] = [*_namespaces(room, with_parent, terminal), *_root(room, host, places)]
    words += _own(room, host, places)
    tools = places.put(INSIDE)
    kept = Kept.of(places, tools)
    if host.identity.privileged:
        words += _tools(room, host, places, tools)
    words += _shown(room, places, kept)
    if room.rootfs is None:
        words += ["--remount-ro", "/"]
    words += _filtered(room, host)
    if host.identity.privileged:
        return _dropping(room, argv, host, words, tools)
    return _mapped(room, argv, host, words)


def _filtered(room: Room, host: Host) -> list[Word]:
    if host.more_calls is None:
        return []
    enters = host.identity.privileged and (room.rootfs is not None or host.maker_namespace is not None)
    program = seccomp.program(host.more_calls, enters=enters)
    return ["--seccomp", program] if program else []


def _shown(room: Room, places: Places, kept: Kept) -> list[Word]:
    """The room's own overlays and mounts, what its user can write last; see :mod:`hubkiln.sandbox.mount_points`."""
    words: list[Word] = []
    shown: list[str] = []
    for overlay in room.overlays:
        stacked = places.stack(overlay)
        shown.append(kept.check(stacked.target))
        words += [*parents(stacked.target), *overlays.options(stacked)]
    for path, to in room.links:
        parent, _, name = path.rpartition("/")
        where = f"{kept.check(places.resolve(parent))}/{name}"
        if not places.has(where):
            words += [*parents(where), "--symlink", to, where]
    for mount in in_order(room.mounts):
        target = kept.check(places.put(mount.target, mount.source), writable=mount.writable)
        if mount.writable:
            check_apart(target, shown)
        shown.append(target)
        words += _bound(mount, target)
    taken = list[str]()
    for volume in room.volumes:
        target = kept.check(places.put(volume.target, volume.source), writable=True, hint=VOLUME_HINT)
        check_volume(target, () if target in (room.home, room.cwd) else shown, taken)
        taken.append(target)
        words += _bound(volume, target)
    return words


def _bound(mount: Mount, target: str) -> list[Word]:
    return [*parents(target), "--bind" if mount.writable else "--ro-bind", str(mount.source), target]


def _namespaces(room: Room, with_parent: bool, terminal: bool) -> list[str]:
    words = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", hostname(room)]
    if room.network is not Network.HOST:
        words.append("--unshare-net")
    if with_parent:
        words.append("--die-with-parent")
    if not terminal:
        words.append("--new-session")
    return words


def parents(target: str) -> list[str]:
    """Options that make the folders above `target`: those bubblewrap makes by itself may be closed to the user."""
    above = [str(folder) for folder in reversed(PurePosixPath(target).parents) if folder.name]
    return [word for folder in above for word in ("--perms", "0755", "--dir", folder)]


def hostname(room: Room) -> str:
    """The room's name as a host name."""
    return _HOST_NAME.sub("-", room.name.lower()).strip("-")[:63] or "sandbox"


def _root(room: Room, host: Host, places: Places) -> list[Word]:
    uid, gid = inside(room, host.identity)
    if room.rootfs is None:
        words: list[Word] = [
            *(word for shown in ("/etc/ssl", *host_root.ELSEWHERE) for word in parents(shown)),
            *host_root.options(host.hidden, host.covers),
        ]
        words += _file(host_root.passwd(room.user, room.home, uid, gid), "/etc/passwd", "--file")
        words += _file(host_root.group(room.user, gid), "/etc/group", "--file")
        words += _file(host_root.hosts(hostname(room), host.hosts), "/etc/hosts", "--file")
        words += _file(b"", CONTAINER, "--file")
        return [*words, *_names(room, "/etc/resolv.conf")]
    words = [*overlays.options(places.stack(room.rootfs))]
    if not room.root:  # apt replaces them by renaming, which a mount would forbid
        passwd, group = image_root.accounts(places, room.user, room.home, uid, gid)
        words += _file(passwd, places.resolve("/etc/passwd"))
        words += _file(group, places.resolve("/etc/group"))
    if room.rootfs.upper is not None and places.find(CONTAINER) is None:
        words += _file(b"", places.resolve(CONTAINER))
    return words


def _own(room: Room, host: Host, places: Places) -> list[Word]:
    proc = places.put("/proc")
    words: list[Word] = ["--ro-bind", "/proc", proc]
    if host.fresh_proc:
        words = ["--proc", proc, "--ro-bind", "/proc/sys", f"{proc}/sys"]
    words += ["--dev", places.put("/dev")]
    for name in _MASKED:
        if Path("/proc", name).exists():
            words += _file(b"", f"{proc}/{name}")
    for folder in ("/dev/shm", "/tmp", "/var/tmp"):
        words += ["--perms", "1777", "--tmpfs", places.put(folder)]
    # who is root inside does not own what bubblewrap mounts, and adduser must lock a file in /run
    words += ["--perms", "1777" if room.root else "0755", "--tmpfs", places.put("/run")]
    if room.rootfs is not None:
        words += _names(room, places.resolve("/etc/resolv.conf"))
    return words


def _names(room: Room, target: str) -> list[Word]:
    """Whom to ask for names, at `target`."""
    if room.name_server:
        return _file(f"nameserver {room.name_server}\n".encode(), target)
    return ["--ro-bind-try", "/etc/resolv.conf", target]


def inside(room: Room, identity: Identity) -> tuple[int, int]:
    """``(uid, gid)`` that the command sees itself as."""
    if room.root:
        return 0, 0
    if room.rootfs is not None:
        return INNER, INNER
    return identity.inner_uid, identity.inner_gid


def _file(content: bytes, target: str, how: str = "--ro-bind-data") -> list[Word]:
    return ["--perms", "0644", how, content, target]


def _mapped(room: Room, argv: Sequence[str], host: Host, words: list[Word]) -> Command:
    uid, gid = inside(room, host.identity)
    before: list[str] = []
    if host.user_namespace is None:
        words += ["--unshare-user", "--uid", str(uid), "--gid", str(gid)]
    else:
        before = ["nsenter", f"--user=/proc/self/fd/{host.user_namespace}", "-S", str(uid), "-G", str(gid), "--"]
    words.append("--clearenv")
    for name, value in environment(room).items():
        words += ["--setenv", name, value]
    words += ["--chdir", room.cwd]
    return Command(before=(*before, str(host.bwrap)), options=tuple(words), argv=tuple(argv))


def _tools(room: Room, host: Host, places: Places, tools: str) -> list[Word]:
    """
    What drops privilege, in an empty folder of its own: made before anything that a user can write is in sight.

    The loader would also load what an image's ``/etc/ld.so.preload`` names, as root, so there is nothing in that.
    """
    assert host.brought is not None
    words: list[Word] = [*parents(tools), "--perms", "0755", "--tmpfs", tools, *host.brought.binds(tools)]
    words += ["--perms", "0444", "--ro-bind-data", _script(room), f"{tools}/enter"]
    if room.rootfs is not None and places.resolve(PRELOAD) != PRELOAD:
        raise Unsupported(f"That image cannot run here: its {PRELOAD} is a link.", hint="Choose another image.")
    if room.rootfs is not None and places.find(PRELOAD) is not None:
        words += _file(b"", PRELOAD)
    return [*words, "--remount-ro", tools]


def _dropping(room: Room, argv: Sequence[str], host: Host, words: list[Word], tools: str) -> Command:
    assert host.brought is not None
    uid, gid = inside(room, host.identity)
    words += ["--cap-drop", "ALL", "--clearenv"]
    if host.maker_namespace is not None:
        words += ["--userns", str(host.maker_namespace)]
    if room.rootfs is None and host.maker_namespace is None:
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", capability]
        none = ("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs")
        drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *none, "--"]
    else:
        drop = ["nsenter", f"--user=/proc/self/fd/{host.user_namespace}", "-S", str(uid), "-G", str(gid), "--"]
    chain = [*host.brought.call(tools, drop[0]), *drop[1:], *host.brought.call(tools, "dash"), f"{tools}/enter", *argv]
    return Command(before=(str(host.bwrap),), options=tuple(words), argv=tuple(chain))


def _script(room: Room) -> bytes:
    """Shell script run after the drop: only here is the room's environment set, so no privileged program sees it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment(room).items()]
    return "\n".join([*lines, f"cd {shlex.quote(room.cwd)} || exit 126", 'exec "$@"', ""]).encode()


def environment(room: Room) -> dict[str, str]:
    """The room's variables that a shell can have, with ``HOME``, ``USER`` and ``PATH`` where they are missing."""
    given = {name: value for name, value in room.env.items() if _NAME.match(name) and "\0" not in value}
    fallback = {"HOME": room.home, "USER": room.user, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return fallback | given
