"""A sandbox that goes on when we go: found again by a small state, ended as a whole."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hubkiln.processes import ProcessId
from hubkiln.sandbox.bounded_log import Keeper
from hubkiln.sandbox.cgroups import Group
from hubkiln.sandbox.relay.holder import Relay

LOST = 255
"""Exit code of a sandbox whose real one nobody saw."""


class SandboxRunning:
    """One sandbox: `outer` is bubblewrap, `first` the first process inside, with whose end all others end."""

    def __init__(
        self, outer: ProcessId, first: ProcessId | None, status: Path, group: Group, relay: ProcessId | None = None
    ) -> None:
        self._outer = outer
        self._relay = relay
        self._first = first
        self._status = status
        self._group = group
        self._child: subprocess.Popen[bytes] | None = None
        self._relays_child: subprocess.Popen[bytes] | None = None
        self._keeper: Keeper | None = None
        self._code: int | None = None
        self._out_of_memory = False

    @classmethod
    def own(
        cls,
        child: subprocess.Popen[bytes],
        outer: ProcessId,
        first: ProcessId | None,
        status: Path,
        group: Group,
        relay: Relay | None = None,
        keeper: Keeper | None = None,
    ) -> SandboxRunning:
        """One that this process has just started."""
        made = cls(outer, first, status, group, None if relay is None else relay.process)
        made._child, made._relays_child = child, None if relay is None else relay.child
        made._keeper = keeper
        return made

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SandboxRunning:
        """The one that :meth:`to_state` told of, maybe in an earlier life of ours."""
        first = ProcessId(*state["first"]) if state["first"] else None
        group = Group(tuple(Path(folder) for folder in state["groups"]), bool(state["unified"]))
        relay = ProcessId(*state["relay"]) if state.get("relay") else None
        return cls(ProcessId(*state["outer"]), first, Path(state["status"]), group, relay)

    def to_state(self) -> dict[str, Any]:
        """JSON that :meth:`from_state` understands."""
        return {
            "outer": [self._outer.pid, self._outer.started],
            "first": [self._first.pid, self._first.started] if self._first else None,
            "relay": [self._relay.pid, self._relay.started] if self._relay else None,
            "status": str(self._status),
            "groups": [str(folder) for folder in self._group.folders],
            "unified": self._group.unified,
        }

    @property
    def pid(self) -> int:
        """Pid of bubblewrap, outside."""
        return self._outer.pid

    @property
    def out_of_memory(self) -> bool:
        """True if the kernel killed something in it because of its memory limit."""
        return self._out_of_memory or self._group.out_of_memory()

    def poll(self) -> int | None:
        """None while it runs, else its exit code."""
        if self._code is None:
            if self._child is not None:
                self._child.poll()
            if self._outer.alive() or (self._first is not None and self._first.alive()):
                self._not_without_relay()
                self._not_held_up()
                return None
            self._finish(None if self._child is None else self._child.wait())  # it may have ended since we asked
        return self._code

    def _not_without_relay(self) -> None:
        """A server that nobody can reach any more is ended."""
        if self._relays_child is not None:
            self._relays_child.poll()
        if self._relay is not None and not self._relay.alive():
            self.kill()

    def _not_held_up(self) -> None:
        if self._first is not None and held_up(self._first):
            self.kill()

    def _finish(self, code: int | None) -> None:
        written = _exit_code(self._status)
        known = written if written is not None else code
        self._code = LOST if known is None else known if known >= 0 else 128 - known
        self._out_of_memory = self._group.out_of_memory()
        self._group.remove()
        self._status.unlink(missing_ok=True)
        if self._relay is not None:
            self._relay.signal(signal.SIGKILL)  # it has ended already, or does so now
        if self._relays_child is not None:
            self._relays_child.wait()
        if self._keeper is not None:
            self._keeper.finish()

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        while (code := self.poll()) is None:
            watched = {asyncio.ensure_future(self._inside_ended())}
            if self._relay is not None and self._relay.alive():
                watched.add(asyncio.ensure_future(self._relay.ended()))
            try:
                await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in watched:
                    one.cancel()
        return code

    async def _inside_ended(self) -> None:
        for process in (self._first, self._outer):
            if process is not None:
                await process.ended()
        if self._child is not None:
            await asyncio.to_thread(self._child.wait)

    async def stop(self, grace: float = 10.0) -> int:
        """Terminate its command, and kill everything in it `grace` seconds later."""
        commands = self._first.children()[:1] if self.poll() is None and self._first is not None else []
        for command in commands:
            command.signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    return await self.wait()
        self.kill()
        return await self.wait()

    def kill(self) -> None:
        """Kill everything in it, now."""
        for process in (self._first, self._outer):
            if process is not None:
                process.signal(signal.SIGKILL)


def _exit_code(status: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in reversed(status.read_text().splitlines()):
            told = json.loads(line)
            if "exit-code" in told:
                return int(told["exit-code"])
    return None


def held_up(first: ProcessId) -> bool:
    """Whether something has stopped this first process of a sandbox, which then does not see its command's end."""
    return first.stopped() and not any(one.alive() for one in first.children())
