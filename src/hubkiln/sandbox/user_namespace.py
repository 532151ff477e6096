"""A user namespace that holds an image's owners: its root, its user, and everybody in between.

When we are root it maps them to the shifted range of :mod:`hubkiln.sandbox.identity`, never to the host's root. An
ordinary user needs a range in ``/etc/subuid`` and ``newuidmap``, the same as rootless Podman.
"""

from __future__ import annotations

import os
import pwd
import shutil
from asyncio import create_subprocess_exec, subprocess
from collections.abc import Sequence
from pathlib import Path

from hubkiln import processes
from hubkiln.errors import EngineMissing
from hubkiln.sandbox.identity import WIDTH, Identity

_HINT = "Install uidmap and add a line such as `{name}:100000:65536` to /etc/subuid and /etc/subgid."


async def open_one(identity: Identity) -> int:
    """
    A descriptor of a new user namespace; the caller closes it.

    Raises:
        EngineMissing: the kernel or the system's set-up does not let us.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        raise EngineMissing("unshare is not installed.", hint="Install util-linux.")
    holder = await create_subprocess_exec(
        unshare, "--user", "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert holder.stdin is not None and holder.stdout is not None and holder.stderr is not None
    try:
        holder.stdin.write(b"\n")
        if await holder.stdout.readline() != b"\n":
            said = (await holder.stderr.read()).decode("utf-8", "replace").strip()
            raise EngineMissing(f"User namespaces do not work here: {said}.", hint="Ask the machine's administrator.")
        await _map(identity, holder.pid)
        return os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY)
    finally:
        holder.stdin.close()
        await holder.wait()


async def run_as_root(identity: Identity, words: Sequence[str]) -> processes.Finished:
    """
    Run `words` as root of a namespace of the ordinary user `identity`, who then may do to their files what root may.

    Raises:
        EngineMissing: see :func:`open_one`.
    """
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        raise EngineMissing("nsenter is not installed.", hint="Install util-linux.")
    namespace = await open_one(identity)
    try:
        entered = [nsenter, f"--user=/proc/self/fd/{namespace}", "-S", "0", "-G", "0", "--"]
        return await processes.run([*entered, *words], pass_fds=(namespace,))
    finally:
        os.close(namespace)


async def _map(identity: Identity, pid: int) -> None:
    if identity.privileged:
        uids, gids = identity.id_map()
        Path(f"/proc/{pid}/uid_map").write_text(uids)
        Path(f"/proc/{pid}/gid_map").write_text(gids)
        return
    for tool, own, file in (("newuidmap", identity.uid, "/etc/subuid"), ("newgidmap", identity.gid, "/etc/subgid")):
        start, count = subordinate(Path(file), identity.uid)
        words = ["0", str(own), "1", "1", str(start), str(min(count, WIDTH - 1))]
        path = shutil.which(tool)
        if path is None:
            raise EngineMissing(f"{tool} is not installed.", hint=_HINT.format(name=_name(identity.uid)))
        done = await processes.run([path, str(pid), *words])
        if done.code != 0:
            raise EngineMissing(f"{tool} refused: {done.output.strip()}.", hint=_HINT.format(name=_name(identity.uid)))


def subordinate(file: Path, uid: int) -> tuple[int, int]:
    """
    ``(first, count)`` of the range that `file` gives to `uid`.

    Raises:
        EngineMissing: none.
    """
    name = _name(uid)
    lines = file.read_text().splitlines() if file.exists() else []
    for line in lines:
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if owner in (name, str(uid)) and first.isdecimal() and count.isdecimal():
            return int(first), int(count)
    raise EngineMissing(
        f"Steps that need root (apt.txt) cannot run: {file} gives no range to {name}.", hint=_HINT.format(name=name)
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
