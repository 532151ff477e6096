"""An engine in memory: :class:`FakeEngine` runs functions where the real one runs programs, and makes no process.

::

    async def server(inside: Inside) -> int:
        inside.say("listening\\n")
        await inside.terminated.wait()
        return 0

    engine = FakeEngine({"jupyterhub-singleuser": server})
    running = await engine.start(Room(), ["jupyterhub-singleuser"])
    assert await running.stop() == 0
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubkiln.errors import ServiceError
from hubkiln.sandbox import Capability, Door, Identity, Outcome, Outlook, Room, Running, Ways
from hubkiln.values import Say

KILLED, LOST, ABSENT = 137, 255, 127
"""Exit codes, as the real engine has them."""


class OutOfMemory(Exception):
    """Raised by a program of the fake engine that needs more memory than its room has."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a program of the fake engine sees."""

    room: Room
    argv: tuple[str, ...]
    say: Say
    terminated: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is asked to end."""
    listener: socket.socket | None = None
    """Where whoever wants in comes, bound and not yet listening; the program closes it."""


Program = Callable[[Inside], Awaitable[int]]
"""Returns its exit code."""


class FakeEngine:
    """
    Runs `programs` by the name of a command's first word; `opened` remembers every room with its command.

    What is not among them ends with 127, as in a shell. With `missing`, every room fails with that error.
    """

    def __init__(
        self,
        programs: Mapping[str, Program] | None = None,
        *,
        capability: Capability | None = None,
        missing: ServiceError | None = None,
    ) -> None:
        self.programs = dict(programs or {})
        self.place = "in a sandbox"
        self.identity = Identity(uid=1000, gid=1000)
        self.opened: list[tuple[Room, tuple[str, ...]]] = []
        self._capability = capability or Capability(works=missing is None, reason=str(missing or ""))
        self._missing = missing
        self._started: list[FakeRunning] = []

    async def probe(self) -> Capability:
        """See :class:`hubkiln.sandbox.interface.Engine`."""
        return self._capability

    async def refusal(self) -> str:
        """See :class:`hubkiln.sandbox.interface.Engine`."""
        return "" if self._capability.works else self._capability.reason or "it is missing"

    async def outlook(self) -> Outlook:
        """See :class:`hubkiln.sandbox.interface.Engine`."""
        return Outlook(reason="There is no network in memory.")

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> Running:
        """See :class:`hubkiln.sandbox.interface.Engine`; the way in is the program's own, ways out there are none."""

        def say(text: str) -> None:
            if log is not None:
                with log.open("a") as file:
                    file.write(text)

        program = self._open(room, argv)
        listener = None if ways is None else ways.listener.dup()
        running = FakeRunning(len(self._started), program, Inside(room, tuple(argv), say, listener=listener))
        self._started.append(running)
        return running

    def attach(self, state: Mapping[str, Any]) -> Running:
        """See :class:`hubkiln.sandbox.interface.Engine`; finds what any engine of this process started."""
        number = state["fake"]
        return self._started[number] if number < len(self._started) else FakeRunning(number, _lost, None)

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """See :class:`hubkiln.sandbox.interface.Engine`; nothing inside has a network, so a door stays shut."""
        said: list[str] = []

        def both(text: str) -> None:
            said.append(text)
            if say is not None:
                say(text)

        running = FakeRunning(-1, self._open(room, argv), Inside(room, tuple(argv), both))
        timed_out = False
        try:
            async with asyncio.timeout(seconds if seconds is not None else room.limits.seconds):
                code = await running.wait()
        except TimeoutError:
            code, timed_out = await running.stop(grace=0), True
        finally:
            running.kill()
        return Outcome(code=code, output="".join(said), out_of_memory=running.out_of_memory, timed_out=timed_out)

    async def interactive(self, room: Room, argv: Sequence[str]) -> int:
        """See :class:`hubkiln.sandbox.interface.Engine`; prints what is said."""
        return (await self.run(room, argv, say=lambda text: print(text, end=""))).code

    def _open(self, room: Room, argv: Sequence[str]) -> Program:
        if self._missing is not None:
            raise self._missing
        for mount in room.mounts:
            if not mount.source.exists():
                raise ServiceError(f"The sandbox could not be made: {mount.source} is not there.")
        self.opened.append((room, tuple(argv)))
        return self.programs.get(argv[0], _absent)


class FakeRunning:
    """See :class:`hubkiln.sandbox.interface.Running`."""

    def __init__(self, number: int, program: Program, inside: Inside | None) -> None:
        self._number, self._inside = number, inside
        self._out_of_memory, self._code = False, LOST if inside is None else None
        self._task = asyncio.ensure_future(self._run(program, inside)) if inside is not None else None

    async def _run(self, program: Program, inside: Inside) -> int:
        try:
            self._code = await program(inside)
        except OutOfMemory:
            self._code, self._out_of_memory = KILLED, True
        except asyncio.CancelledError:
            self._code = KILLED
        return self._code

    @property
    def out_of_memory(self) -> bool:
        """See :class:`hubkiln.sandbox.interface.Running`."""
        return self._out_of_memory

    def to_state(self) -> dict[str, Any]:
        """See :class:`hubkiln.sandbox.interface.Running`."""
        return {"fake": self._number}

    def poll(self) -> int | None:
        """See :class:`hubkiln.sandbox.interface.Running`."""
        return self._code

    async def wait(self) -> int:
        """See :class:`hubkiln.sandbox.interface.Running`."""
        if self._code is None and self._task is not None:
            await asyncio.shield(self._task)
        return LOST if self._code is None else self._code

    async def stop(self, grace: float = 10.0) -> int:
        """See :class:`hubkiln.sandbox.interface.Running`."""
        if self._task is None or self._inside is None:
            return LOST
        self._inside.terminated.set()
        await asyncio.wait({self._task}, timeout=grace)
        self.kill()
        await asyncio.wait({self._task})
        return await self.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._task is not None:
            self._task.cancel()


async def _absent(inside: Inside) -> int:
    inside.say(f"{inside.argv[0]}: not found\n")
    return ABSENT


async def _lost(inside: Inside) -> int:
    return LOST
