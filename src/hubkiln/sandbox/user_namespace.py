"""A user namespace that holds an image's owners: its root, its user, and everybody in between.

When we are root it maps them to the shifted range of :mod:`hubkiln.sandbox.identity`, never to the host's root. An
ordinary user needs a range in ``/etc/subuid`` and ``newuidmap``, the same as rootless Podman.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hubkiln import processes
from hubkiln.errors import EngineMissing
from hubkiln.sandbox.identity import WIDTH, Identity
from hubkiln.sandbox.surroundings import Surroundings

_SECONDS = 10
_ASK = "Run `hubkiln doctor`, which says what must change."
_HINT = "Install uidmap and add a line such as `{name}:100000:65536` to /etc/subuid and /etc/subgid."
_NO_NEW_PRIVS = (
    "no_new_privs is set for this process, so newuidmap has no effect: set `allowPrivilegeEscalation: true` for the "
    "container (Docker: leave `--security-opt no-new-privileges` out)."
)


async def open_one(identity: Identity) -> int:
    """
    A descriptor of a new user namespace; the caller closes it.

    Raises:
        EngineMissing: the kernel or the system's set-up does not let us.
    """
    async with _held() as pid:
        await _map(identity, pid)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)


async def open_pair(identity: Identity) -> tuple[int, int]:
    """
    For the root of a container: a namespace in which mounts are made, and one inside it that does not know our root.

    Raises:
        EngineMissing: see :func:`open_one`.
    """
    async with _held() as pid:
        for file, text in zip(("uid_map", "gid_map"), identity.maker_map(), strict=True):
            Path(f"/proc/{pid}/{file}").write_text(text)
        outer = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    try:
        enter = ["nsenter", f"--user=/proc/self/fd/{outer}"]
        async with _held(*enter, "--preserve-credentials", "--", descriptors=(outer,)) as pid:
            for file in ("uid_map", "gid_map"):  # only who is inside may write it
                words = [*enter, "-S", "0", "-G", "0", "--", "tee", f"/proc/{pid}/{file}"]
                lines = identity.same_map().encode()
                done = await processes.run(words, input=lines, pass_fds=(outer,), seconds=_SECONDS)
                if done.code != 0:
                    raise EngineMissing(f"Users cannot be mapped here: {done.output.strip()}.", hint=_ASK)
            return outer, os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    except BaseException:
        os.close(outer)
        raise


@asynccontextmanager
async def _held(*before: str, descriptors: Sequence[int] = ()) -> AsyncIterator[int]:
    """The id of a process in a new user namespace, which ends with the context."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise EngineMissing("unshare is not installed.", hint="Install util-linux.")
    holder = await create_subprocess_exec(
        *(*before, unshare, "--user", "--", "cat"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(descriptors),
    )
    assert holder.stdin is not None and holder.stdout is not None and holder.stderr is not None
    try:
        async with asyncio.timeout(_SECONDS):
            holder.stdin.write(b"\n")
            if await holder.stdout.readline() != b"\n":
                said = (await holder.stderr.read()).decode("utf-8", "replace").strip()
                raise EngineMissing(f"User namespaces do not work here: {said}.", hint=_ASK)
        yield holder.pid
    except TimeoutError as error:
        raise EngineMissing("User namespaces do not work here: nothing answers.", hint=_ASK) from error
    finally:
        holder.stdin.close()
        with suppress(ProcessLookupError):
            holder.kill()
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
            hint = _NO_NEW_PRIVS if Surroundings.here().no_new_privs else _HINT.format(name=_name(identity.uid))
            raise EngineMissing(f"{tool} refused: {done.output.strip()}.", hint=hint)


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
