"""Rooms without walls, for ``--no-isolation``: plain processes of ours, which see all that we see.

Environments are made for ``/srv/conda/envs/notebook``, which is not there outside a room. Each is copied to the
overlay's upper folder instead, its scripts are pointed there, and paths inside the room are replaced by the real ones.
It is a stop-gap for one's own code on one's own machine: the docs say so, and the spawn page does too.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubkiln import processes
from hubkiln.beneath import walk
from hubkiln.errors import EngineMissing, ServiceError
from hubkiln.processes import ProcessId
from hubkiln.sandbox import terminal
from hubkiln.sandbox.bounded_log import writing
from hubkiln.sandbox.cgroups import Group
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Capability, Door, Outcome, Outlook, Overlay, Room, SandboxSettings, Ways
from hubkiln.sandbox.relay.holder import started
from hubkiln.sandbox.running import SandboxRunning
from hubkiln.values import Say

_READY = ".hubkiln-copied"


class NoIsolation:
    """Runs commands as plain processes; see :class:`hubkiln.sandbox.interface.Engine` for the promises."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings

    async def probe(self) -> Capability:
        """It works anywhere, and limits nothing."""
        reason = "Limits are not enforced without isolation."
        return Capability(works=True, limits_reason=reason)

    async def refusal(self) -> str:
        """It works anywhere."""
        return ""

    async def outlook(self) -> Outlook:
        """Without walls nothing has a network of its own."""
        return Outlook(reason="Without isolation all share this machine's network.")

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> SandboxRunning:
        """Start `argv`."""
        place = await _Place.made(room)
        self._settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self._settings.state / f"plain-{secrets.token_hex(4)}.status"
        with writing(log) as (output, keeper):
            async with started(ways, Identity(uid=os.geteuid(), gid=os.getegid()), output) as relay:
                child = subprocess.Popen(  # noqa: ASYNC220 - not asyncio's: it outlives the loop
                    place.argv(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=place.env(),
                    cwd=place.cwd(),
                    start_new_session=True,
                )
                outer = ProcessId.of(child.pid)
                assert outer is not None  # nobody has waited for it yet
                running = PlainRunning.own(child, outer, None, status, Group((), False), relay, keeper)
                if relay is not None:
                    try:
                        await relay.open(child.pid)
                    except BaseException:
                        running.kill()  # nobody would know of it
                        child.wait()
                        raise
        return running

    def attach(self, state: Mapping[str, Any]) -> SandboxRunning:
        """What `state` is of."""
        return PlainRunning.from_state(state)

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """Run `argv` to its end."""
        if door is not None:
            raise EngineMissing(
                "Without isolation a command reaches every network.", hint="Start Hubkiln without --no-isolation."
            )
        place = await _Place.made(room)
        longest = seconds if seconds is not None else room.limits.seconds
        done = await processes.run(place.argv(argv), env=place.env(), cwd=place.cwd(), say=say, seconds=longest)
        code = done.code if done.code >= 0 else 128 - done.code
        return Outcome(code=code, output=done.output, timed_out=done.timed_out)

    async def interactive(self, room: Room, argv: Sequence[str]) -> int:
        """Run `argv` on our own terminal."""
        place = await _Place.made(room)
        child = subprocess.Popen(place.argv(argv), env=place.env(), cwd=place.cwd())  # noqa: ASYNC220
        outer = ProcessId.of(child.pid)
        with terminal.passed_on(lambda: [outer] if outer else []):
            code = await asyncio.to_thread(child.wait)
        return code if code >= 0 else 128 - code


class PlainRunning(SandboxRunning):
    """A plain process with the group it leads."""

    async def stop(self, grace: float = 10.0) -> int:
        """Terminate its group, and kill it `grace` seconds later."""
        self._send(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                return await self.wait()
        except TimeoutError:
            self.kill()
            return await self.wait()

    def kill(self) -> None:
        """Kill its group, now; what has left the group goes on."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.killpg(self.pid, number)


class _Place:
    """Where a room's paths lie outside."""

    def __init__(self, room: Room, real: tuple[tuple[str, str], ...]) -> None:
        self._room = room
        self._real = real

    @classmethod
    async def made(cls, room: Room) -> _Place:
        """
        Copy what `room` overlays.

        Raises:
            EngineMissing: it needs walls: a root file system of its own, root, or volumes.
        """
        if room.rootfs is not None or room.root or room.volumes:
            raise EngineMissing(
                "Without isolation only environments over this machine's own system can run: no images, no volumes.",
                hint="Start Hubkiln without --no-isolation; `hubkiln doctor` says what that needs.",
            )
        real = [(mount.target, str(mount.source)) for mount in room.mounts]
        for overlay in room.overlays:
            real.append((overlay.target, str(await _copied(overlay))))
        return cls(room, tuple(sorted(real, key=lambda pair: -len(pair[0]))))

    def argv(self, argv: Sequence[str]) -> list[str]:
        """`argv` with paths outside, its program found by the room's ``PATH``."""
        return [self._outside(word) for word in argv]

    def env(self) -> dict[str, str]:
        """The room's environment with paths outside."""
        fallback = {"HOME": self._room.home, "PATH": "/usr/local/bin:/usr/bin:/bin"}
        return {name: self._outside(value) for name, value in (fallback | self._room.env).items()}

    def cwd(self) -> Path:
        """The room's working directory, outside."""
        return Path(self._outside(self._room.cwd))

    def _outside(self, text: str) -> str:
        return ":".join(self._translated(part) for part in text.split(":"))

    def _translated(self, part: str) -> str:
        head, sign, path = part.rpartition("=")
        for target, source in self._real:
            if path == target or path.startswith(f"{target}/"):
                return f"{head}{sign}{source}{path[len(target) :]}"
        return part


async def _copied(overlay: Overlay) -> Path:
    if overlay.upper is None:
        if len(overlay.lowers) == 1:
            return overlay.lowers[0]
        raise EngineMissing(
            "Without isolation folders cannot be stacked.", hint="Start Hubkiln without --no-isolation."
        )
    if not (overlay.upper / _READY).exists():
        overlay.upper.mkdir(parents=True, exist_ok=True)
        for lower in overlay.lowers:
            done = await processes.run(["cp", "-a", "--reflink=auto", f"{lower}/.", overlay.upper])
            if done.code != 0:
                raise ServiceError(f"The environment could not be copied: {done.output.strip()}.")
        await asyncio.to_thread(_point, overlay.upper / "bin", overlay.target, str(overlay.upper))
        (overlay.upper / _READY).touch()
    return overlay.upper


def _point(scripts: Path, target: str, real: str) -> None:
    """Make scripts that name an interpreter below `target` name the one below `real`."""
    start = f"#!{target}/".encode()
    if not scripts.is_dir() or scripts.is_symlink():
        return
    for found in walk(scripts):
        if not found.is_file or "/" in found.path:
            continue
        with os.fdopen(found.open(), "rb") as file:
            if file.read(len(start)) != start:
                continue
            rest = file.read()
        with os.fdopen(os.open(found.name, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, dir_fd=found.folder), "wb") as new:
            new.write(f"#!{real}/".encode() + rest)
