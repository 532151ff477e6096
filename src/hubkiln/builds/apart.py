"""Builds in processes of their own, so that a crash of one takes nothing else along: the service's side.

A process builds once. It gets its order on a pipe, tells what happens in the language of :mod:`hubkiln.builds.lines`,
and ends; what it does meanwhile is in :mod:`hubkiln.builds.child`. Starting Python and loading what builds need takes
about half a second, so the next process is started ahead and waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from hubkiln.builds.codec import encode_request
from hubkiln.builds.events import Event
from hubkiln.builds.interface import BuildDied, BuildRequest, Built, Tell
from hubkiln.builds.lines import LONGEST_LINE, read_line
from hubkiln.errors import HubkilnError, ServiceError

GRACE_SECONDS = 10.0
"""For a process that is told to end to clean up; a builder needs a few seconds to end what it started."""

_Process = asyncio.subprocess.Process


Clear = Callable[[], None]
"""Takes away what processes left on the disk that have ended in the middle of their work; may block."""

Secrets = Callable[[BuildRequest], Awaitable[Mapping[str, Any]]]
"""What the process that builds a request is told beside it, as JSON, and no other one."""


def _nothing() -> None:
    """Where nothing is left."""


async def no_secrets(request: BuildRequest) -> dict[str, Any]:
    """Nothing."""
    return {}


class Apart:
    """Builds each in a process of its own; made by :func:`in_processes`."""

    def __init__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        begin: Mapping[str, Any],
        secrets: Secrets,
        grace: float,
        clear: Clear,
    ) -> None:
        self._clear = clear
        self._words, self._env, self._grace, self._secrets = tuple(words), dict(env), grace, secrets
        self._begin = json.dumps(begin).encode() + b"\n"
        self._spare: asyncio.Task[_Process] | None = None
        self._closed = False

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """
        See :class:`hubkiln.builds.interface.Builder`.

        Raises:
            BuildDied: the process ended without a word; what it was is said.
        """
        shortages = memory_shortages()
        order = {"request": encode_request(request), "secrets": await self._secrets(request)}
        for fresh in (False, True):
            process = await self._taken(fresh=fresh)
            self.prepare()  # while this one works, so that a build right after it finds one too
            heard = _Heard(tell)
            try:
                last = await _told(process, order, heard)
                code = await _ended(process, self._grace)
            except BaseException:
                await asyncio.shield(self._stopped(process))
                raise
            if code != 0:
                await asyncio.to_thread(self._clear)
            if isinstance(last, Built):
                return last
            if last is not None:
                raise last
            if heard.something:
                break  # else it may have died while it waited
        raise BuildDied(f"The process that built this {how_it_died(code, shortages, memory_shortages())}.")

    async def _stopped(self, process: _Process) -> None:
        if await _stop(process, self._grace) != 0:
            await asyncio.to_thread(self._clear)

    def prepare(self) -> None:
        """See that a process waits for the next build."""
        if self._spare is None and not self._closed:
            self._spare = asyncio.create_task(self._start(), name="start the next build's process")

    async def close(self) -> None:
        """End the process that waits."""
        self._closed, spare, self._spare = True, self._spare, None
        if spare is not None:
            with suppress(ServiceError):
                await _stop(await spare, self._grace)

    async def _taken(self, *, fresh: bool) -> _Process:
        """A process that waits for its order; one that is `fresh` has not waited before."""
        if not fresh and (spare := self._spare) is not None:
            self._spare = None
            with suppress(ServiceError):
                process = await _whole(spare)
                if process.returncode is None:
                    return process
                await _stop(process, 0)
        return await _whole(asyncio.create_task(self._start()))

    async def _start(self) -> _Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._env,
                cwd="/",
                start_new_session=True,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            raise ServiceError(
                f"No process could be started for the build: {error.strerror}.",
                hint="The machine is short of memory or processes; try again in a minute.",
            ) from error
        assert process.stdin is not None
        process.stdin.write(self._begin)
        return process


@asynccontextmanager
async def in_processes(
    words: Sequence[str],
    env: Mapping[str, str],
    begin: Mapping[str, Any],
    secrets: Secrets = no_secrets,
    *,
    grace: float = GRACE_SECONDS,
    clear: Clear = _nothing,
) -> AsyncIterator[Apart]:
    """
    Builds each in a process that `words` start; the one that waits is ended at the end of the block.

    `begin` is what every process is told before it waits for its order. It may hold secrets, so it goes through the
    pipe too: command lines and environments can be read by others. `clear` is called after one that was killed.
    """
    made = Apart(words, env, begin, secrets, grace, clear)
    made.prepare()
    try:
        yield made
    finally:
        await made.close()


def how_it_died(code: int, shortages: int | None, now: int | None) -> str:
    """What a process with the exit code `code` died of; the numbers are :func:`memory_shortages` before and after."""
    if code >= 0:
        return f"ended with status {code} before it had told its end"
    if code == -signal.SIGKILL:
        if shortages is not None and now is not None and now > shortages:
            return "was killed, because the memory of the machine or of the service's container was used up"
        return "was killed by signal 9 (SIGKILL)"
    with suppress(ValueError):
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"was killed by signal {-code}"


def memory_shortages() -> int | None:
    """How many processes the kernel has killed for want of memory since it began; None where it does not count."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


async def _whole(starting: asyncio.Task[_Process]) -> _Process:
    """What `starting` gives; who is cancelled meanwhile leaves no process."""
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(ServiceError):
            await asyncio.shield(_stop(await starting, 0))
        raise


class _Heard:
    """Passes on what is told, and knows whether there was something."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self.something = tell, False

    def __call__(self, event: Event) -> None:
        self.something = True
        self._tell(event)


async def _told(process: _Process, order: Mapping[str, Any], tell: Tell) -> Built | HubkilnError | None:
    """Give the order and pass on what is told; the end, or None where the process ends without."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
    try:
        while line := await process.stdout.readline():
            told = read_line(line)
            if isinstance(told, Built | HubkilnError):
                return told
            tell(told)
    except ValueError:
        with suppress(ProcessLookupError):
            process.kill()
    return None


async def _ended(process: _Process, grace: float) -> int:
    """The exit code of a process that has told its end, or has died."""
    try:
        async with asyncio.timeout(grace):
            return await process.wait()
    except TimeoutError:
        return await _stop(process, 0)
    finally:
        _forget(process)


async def _stop(process: _Process, grace: float) -> int:
    """Tell it to end, make it after `grace` seconds, and wait; its exit code."""
    emptied = asyncio.ensure_future(_emptied(process))  # it may wait for somebody to read what it told
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await process.wait()
    with suppress(ProcessLookupError):
        process.kill()
    code = await process.wait()
    await emptied
    _forget(process)
    return code


async def _emptied(process: _Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


def _forget(process: _Process) -> None:
    """Let go of its pipe, and end what it left in its group."""
    assert process.stdin is not None
    process.stdin.close()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
