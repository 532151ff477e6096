"""The sandbox engine: rooms become processes, under limits, and end as a whole."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubkiln import processes
from hubkiln.errors import ServiceError
from hubkiln.processes import ProcessId, last_line
from hubkiln.sandbox import (
    bubblewrap,
    cgroups,
    mapping,
    memory_files,
    outside,
    probing,
    spawning,
    terminal,
    tools,
    user_namespace,
)
from hubkiln.sandbox.bounded_log import writing
from hubkiln.sandbox.door import Doorway
from hubkiln.sandbox.gate import Before, Gate, admitted
from hubkiln.sandbox.host_programs import covers
from hubkiln.sandbox.identity import Identity, current
from hubkiln.sandbox.interface import Capability, Door, Outcome, Outlook, Room, SandboxSettings, Ways
from hubkiln.sandbox.overlays import prepare
from hubkiln.sandbox.places import Places
from hubkiln.sandbox.relay.holder import started
from hubkiln.sandbox.running import SandboxRunning
from hubkiln.sandbox.surroundings import Surroundings
from hubkiln.values import Say

_NOTHING: dict[str, str] = {}
"""bubblewrap's own environment: it can be read by the user inside."""

_TAIL = 2000

_NO_PROGRAM = 127
"""Exit code of a shell that does not find a program."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A room about to be entered."""

    argv: tuple[str, ...]
    descriptors: tuple[int, ...]
    gate: Gate
    group: cgroups.Group
    room: Room

    async def admit(self, first: Before | None = None) -> ProcessId | None:
        return await self.gate.admit(self.group, self.room.limits, first)


class SandboxEngine:
    """Runs commands under bubblewrap; see :class:`hubkiln.sandbox.interface.Engine` for the promises."""

    place = "in a sandbox"

    def __init__(self, settings: SandboxSettings, identity: Identity | None = None) -> None:
        self._settings = settings
        self.around = Surroundings.here()
        self.identity = identity or current(around=self.around, chosen=settings.host.uid)
        self.groups = cgroups.detect()
        self.groups.sweep()
        self._capability: Capability | None = None
        self._outlook: Outlook | None = None
        self._looking = asyncio.Lock()

    async def probe(self) -> Capability:
        """Whether sandboxes work here; one is really made, once."""
        if self._capability is None:
            self._capability = await probing.probe(self, self._settings.state, self.groups)
        return self._capability

    async def refusal(self) -> str:
        """Why nothing can run here; empty if it can."""
        note = (self._settings.notes or self._settings.state) / f"works-{self.around.key}"
        if self._capability is None and note.exists():
            return ""
        capability = await self.probe()
        if capability.works:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
        return capability.reason

    async def outlook(self) -> Outlook:
        """Whether rooms with networks of their own reach the world; one is really made, once."""
        async with self._looking:
            if self._outlook is None:
                self._outlook = await outside.find(self, self._settings.state)
        return self._outlook

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> SandboxRunning:
        """Start `argv` in `room`, to go on when we go."""
        self._settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self._settings.state / f"{bubblewrap.hostname(room)}-{secrets.token_hex(4)}.status"
        with writing(log) as (output, keeper), status.open("wb") as told:
            extra = ("--json-status-fd", str(told.fileno()))
            async with (
                started(ways, self.identity.of(room.uid), output) as relay,
                self._opened(room, argv, with_parent=False, extra=extra) as ready,
            ):
                child = spawning.popen(  # not asyncio's: it outlives the loop
                    ready.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=_NOTHING,
                    start_new_session=True,
                    pass_fds=(*ready.descriptors, told.fileno()),
                )
                outer = ProcessId.of(child.pid)
                assert outer is not None  # nobody has waited for it yet
                ready.gate.started()
                try:
                    first = await ready.admit(None if relay is None else relay.open)
                    running = SandboxRunning.own(child, outer, first, status, ready.group, relay, keeper)
                    if first is None:
                        await running.wait()
                        raise _unmade(_tail(log))
                except BaseException:
                    spawning.give_up(child)
                    ready.group.remove()
                    status.unlink(missing_ok=True)
                    raise
        return running

    def attach(self, state: Mapping[str, Any]) -> SandboxRunning:
        """What `state` is of."""
        return SandboxRunning.from_state(state)

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """Run `argv` in `room` to its end."""
        longest = seconds if seconds is not None else room.limits.seconds
        async with self._opened(room, argv, with_parent=True) as ready, Doorway(door) as doorway:
            try:
                done = await admitted(
                    ready.admit(doorway.open),
                    processes.run(
                        ready.argv,
                        env=_NOTHING,
                        say=say,
                        seconds=longest,
                        pass_fds=ready.descriptors,
                        start=spawning.start,
                    ),
                )
                out_of_memory, peak = ready.group.out_of_memory(), ready.group.peak_memory()
            finally:
                await asyncio.shield(asyncio.to_thread(ready.group.remove))
        if done.output.startswith(f"bwrap: execvp {argv[0]}: ") and done.code == 1:
            done = replace(done, code=_NO_PROGRAM)
        elif done.output.startswith("bwrap: ") and done.code == 1:
            raise _unmade(done.output)
        return Outcome(
            code=done.code if done.code >= 0 else 128 - done.code,
            output=done.output,
            out_of_memory=out_of_memory,
            timed_out=done.timed_out,
            peak_memory=peak,
        )

    async def interactive(self, room: Room, argv: Sequence[str]) -> int:
        """Run `argv` at our own terminal, or on our standard streams."""
        words = list(argv)
        if terminal.is_ours() and _has(room, "setsid"):  # without, keys such as Ctrl-C do not reach it as signals
            words = terminal.controlling(argv)
        elif not self.identity.privileged and _has(room, "env") and "=" not in argv[0]:
            words = ["env", *argv]  # ends with 127 where there is no such program; bubblewrap with 1, and says nothing
        async with self._opened(room, words, with_parent=True) as ready:
            try:
                return await terminal.run(ready.argv, ready.descriptors, ready.gate.started, ready.admit)
            finally:
                await asyncio.shield(asyncio.to_thread(ready.group.remove))

    @asynccontextmanager
    async def _opened(
        self, room: Room, argv: Sequence[str], *, with_parent: bool, extra: Sequence[str] = ()
    ) -> AsyncIterator[_Ready]:
        identity = self.identity.of(room.uid)
        for overlay in room.overlays:
            prepare(overlay, identity)
        if room.rootfs is not None:
            prepare(room.rootfs, identity, owner=0)
        gate = Gate()
        namespaces = await self._namespaces(room, identity)
        opened: memory_files.Opened | None = None
        try:
            host = self._host(room, namespaces, identity)
            what = bubblewrap.command(room, argv, host, with_parent=with_parent)
            opened = memory_files.opened(what, (*gate.options, *extra))
            descriptors = (*opened.descriptors, *gate.descriptors, *namespaces)
            group = self.groups.make(f"{bubblewrap.hostname(room)}-{secrets.token_hex(4)}", room.limits)
            words = (*mapping.before(room, self.identity, identity), *opened.argv)
            yield _Ready(words, descriptors, gate, group, room)
        finally:
            gate.close()
            for namespace in namespaces:
                os.close(namespace)
            if opened is not None:
                opened.close()

    async def _namespaces(self, room: Room, identity: Identity) -> tuple[int, ...]:
        """User namespaces for `room`: the one that it ends up in, and where needed the one in which it is made."""
        if room.root and room.rootfs is None:
            raise ServiceError("A step that needs root needs a root file system of its own.", hint="Use a base image.")
        if identity.contained:
            maker, inner = await user_namespace.open_pair(identity)
            return inner, maker
        if room.root or (room.rootfs is not None and identity.privileged):
            return (await user_namespace.open_one(identity),)
        return ()

    def _host(self, room: Room, namespaces: Sequence[int], identity: Identity) -> bubblewrap.Host:
        hosts, settings = "", self._settings
        with suppress(OSError):
            hosts = Path("/etc/hosts").read_text()
        shows_all = room.rootfs is not None or room.all_programs or settings.host.all_programs
        return bubblewrap.Host(
            bwrap=tools.find_bwrap(settings.host.bwrap),
            identity=identity,
            brought=tools.bring("setpriv", "nsenter", "dash") if identity.privileged else None,
            user_namespace=namespaces[0] if namespaces else None,
            maker_namespace=namespaces[1] if len(namespaces) > 1 else None,
            fresh_proc=self.around.fresh_proc,
            hidden=settings.hidden,
            covers={} if shows_all else covers(settings.state / "covers"),
            hosts=hosts,
            more_calls=settings.host.more_calls,
        )


def _has(room: Room, program: str) -> bool:
    """Whether `program` of every usual system is in `room`: the smallest images have none of them."""
    if room.rootfs is None:
        return True
    places = Places()
    places.stack(room.rootfs)
    return any(places.find(f"{folder}/{program}") for folder in ("/usr/bin", "/bin"))


def _unmade(output: str) -> ServiceError:
    said = last_line(output, "it ended before its command began")
    return ServiceError(
        f"The sandbox could not be made: {said.removeprefix('bwrap: ')}.",
        hint="An admin's turn: run `hubkiln doctor`, which says why.",
    )


def _tail(log: Path | None) -> str:
    if log is None:
        return ""
    with suppress(OSError):
        return log.read_bytes()[-_TAIL:].decode("utf-8", "replace")
    return ""
