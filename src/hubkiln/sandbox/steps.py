"""A run step: a command of the recipe's, run over layers, whose changes are kept; under every limit we have.

Who calls it captures the upper folder afterwards (:mod:`hubkiln.sandbox.capture`) and removes it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hubkiln.beneath import LeadsAway, walk
from hubkiln.errors import BuildFailed, EngineMissing, TooLarge
from hubkiln.sandbox import overlays, owners, user_namespace
from hubkiln.sandbox.identity import Identity, current
from hubkiln.sandbox.interface import Door, Engine, Mount, Outcome, Room
from hubkiln.values import Say

_LOOK_SECONDS = 0.5
_LOOK_SHARE = 10
"""Measuring the disk takes at most a tenth of the time."""


async def run_step(
    engine: Engine,
    identity: Identity,
    room: Room,
    argv: Sequence[str],
    say: Say,
    *,
    what: str = "The step",
    door: Door | None = None,
) -> Outcome:
    """
    Run `argv` in `room`, whose overlays have upper folders; on failure or cancellation these are removed.

    ``/tmp`` is on disk, counts as written, and is removed at the end. `what` begins sentences: ``postBuild``.
    `door` is as for :meth:`Engine.run`.

    Raises:
        BuildFailed: it failed, took too long or ran out of memory.
        TooLarge: it wrote more than the room's limit.
        ServiceError: the room could not be made.
    """
    uppers = [o.upper for o in (*room.overlays, *((room.rootfs,) if room.rootfs else ())) if o.upper is not None]
    scratch = uppers[0].with_name(f"{uppers[0].name}.tmp")
    _make_scratch(scratch)
    # first of the mounts, so that one the caller puts below /tmp stays visible
    room = replace(room, mounts=(Mount(source=scratch, target="/tmp", writable=True), *room.mounts))
    try:
        running = engine.run(room, argv, say=say, door=door)
        outcome = await _watched(running, room, (*uppers, scratch), what)
        _check(outcome, room, what)
        if room.root and not identity.privileged and not outcome.owners_noted:
            for upper in uppers:
                await owners.take_over(upper, identity)
    except BaseException:
        await asyncio.shield(_forget(uppers, identity))
        raise
    finally:
        await asyncio.shield(_forget([scratch], identity))
    return outcome


def _make_scratch(folder: Path) -> None:
    overlays.remove(folder)
    folder.mkdir(parents=True)
    folder.chmod(0o1777)


async def _watched(run: Coroutine[object, object, Outcome], room: Room, folders: Sequence[Path], what: str) -> Outcome:
    running = asyncio.ensure_future(run)
    watching = asyncio.ensure_future(_full(folders, room.limits.disk_bytes))
    try:
        await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        watching.result()
        raise TooLarge(
            f"{what} wrote more than {size(room.limits.disk_bytes or 0)}.",
            hint="Write less to disk, or ask the administrator for a higher limit.",
        )
    finally:
        for task in (running, watching):
            task.cancel()
        await asyncio.gather(running, watching, return_exceptions=True)


async def _full(folders: Sequence[Path], most: int | None) -> None:
    """Return once `folders` together hold `most` bytes: one file alone can never be larger than that."""
    if most is None:
        await asyncio.Event().wait()
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        used = await asyncio.to_thread(lambda: sum(used_bytes(folder) for folder in folders))
        if most is not None and used >= most:
            return
        await asyncio.sleep(max(_LOOK_SECONDS, (loop.time() - begun) * _LOOK_SHARE))


def used_bytes(folder: Path) -> int:
    """
    Bytes that `folder` takes on disk; what cannot be read counts as nothing.

    Raises:
        TooLarge: folders lie too deep in one another to be counted.
    """
    if not folder.is_dir():
        return 0
    try:
        return sum(found.status.st_blocks * 512 for found in walk(folder, forgiving=True) if not found.is_folder)
    except LeadsAway as error:
        raise TooLarge(f"The step cannot go on: {error.strerror}.", hint="Put fewer into one another.") from error


def _check(outcome: Outcome, room: Room, what: str) -> None:
    limits = room.limits
    if outcome.out_of_memory and outcome.code != 0:
        happened = f"{what} ran out of memory."  # its pod had a limit of the cluster's, or its node had no more
        if limits.memory_bytes is not None:
            happened = f"{what} ran out of memory (limit {size(limits.memory_bytes)})."
        raise BuildFailed(
            happened,
            hint="Use less memory at once, or ask the administrator for a higher limit.",
        )
    if outcome.timed_out:
        happened = f"{what} took longer than its pod may."
        if limits.seconds is not None:
            happened = f"{what} took longer than {limits.seconds:g} s and was stopped."
        raise BuildFailed(
            happened,
            hint="Do less in it, or ask the administrator for a longer time.",
        )
    if outcome.code != 0:
        hint = "The last lines of the log say why."
        if outcome.code == 126:
            hint = "The script must be executable and begin with a line such as #!/bin/bash."
        raise BuildFailed(f"{what} ended with exit code {outcome.code}.", hint=hint)


def size(count: int) -> str:
    """``2 GiB``, ``512 MiB``."""
    for unit, step in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= step:
            return f"{count / step:.3g} {unit}"
    return f"{count} bytes"


async def forget(uppers: Sequence[Path], identity: Identity) -> None:
    """Remove upper folders, theirs and other owners' files in them."""
    await _forget(uppers, identity)


def remove_left(folder: Path) -> None:
    """Remove `folder`, also where a step that was killed with us left files of other owners in it. Blocks."""
    overlays.remove(folder)
    if folder.exists() and os.geteuid() != 0:
        with ThreadPoolExecutor(1) as thread:  # whoever asks may be in an event loop
            thread.submit(asyncio.run, _remove_as_root_inside(folder, current())).result()


async def _forget(uppers: Sequence[Path], identity: Identity) -> None:
    for upper in uppers:
        await asyncio.to_thread(overlays.clean, upper)
        if upper.exists() and not identity.privileged:
            await _remove_as_root_inside(upper, identity)


async def _remove_as_root_inside(upper: Path, identity: Identity) -> None:
    """Files of an ordinary user's subordinate uids can be removed only in the namespace that made them."""
    with suppress(EngineMissing):
        words = ["rm", "-rf", "--", str(upper), str(overlays.work_of(upper))]
        await user_namespace.run_as_root(identity, words)
