"""Looks through conda packages and places them, in a process of its own: anybody can publish one.

``python -m hubkiln.packages.conda_worker`` reads a line for each task and answers with a line. rattler and our own
checks work here within bounds of memory; where we are root, as nobody, who sees the host read-only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from hubkiln import processes
from hubkiln.confined import confine
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError, ServiceError, TooLarge, Unsupported
from hubkiln.packages.conda_check import look_through
from hubkiln.packages.conda_placing import place
from hubkiln.packages.conda_values import Archive, CondaPackage, CondaSettings
from hubkiln.packages.worker import Worker
from hubkiln.sandbox import View, apart_view

MEMORY_BYTES = 8 << 30
"""Of address space: rattler's threads take much of it that they never use."""

_ERRORS = {error.__name__: error for error in (BuildFailed, DiskFull, ServiceError, TooLarge, Unsupported)}


class CondaWorker:
    """One process, which reads the archives below `cache` and may write below `work`. Use it in a ``with``."""

    def __init__(self, cache: Path, settings: CondaSettings, work: Path | None = None) -> None:
        self._view: View = apart_view(readable=cache, writable=work)
        limits = [self._view.drops, settings.max_bytes if work is not None else 0]
        words, env = processes.own_module(__name__, json.dumps(limits))
        self._worker = Worker([*self._view.words, *words], env)
        self._busy, self._settings = asyncio.Lock(), settings
        self._asking, self._closed = threading.Lock(), False

    def __enter__(self) -> CondaWorker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed = True
        self._worker.close()
        with self._asking:  # a thread whose task was cancelled may only just have begun
            self._worker.close()

    async def look(self, package: CondaPackage, path: Path) -> dict[str, Any]:
        """See :func:`hubkiln.packages.conda_check.look_through`."""
        found = await self._ask("look", asdict(package), self._view.at(path), self._settings.max_bytes)
        return dict(found)

    async def place(self, archives: Sequence[Archive], platform: str, work: Path, target: str) -> None:
        """See :func:`hubkiln.packages.conda_placing.place`."""
        told = [[asdict(archive.package), self._view.at(archive.path)] for archive in archives]
        await self._ask("place", told, platform, self._view.at(work), target)

    async def _ask(self, *task: object) -> Any:
        async with self._busy:
            try:
                said = await asyncio.to_thread(self._told, task)
            except EOFError:
                raise BuildFailed(
                    "The process that looks through conda packages broke off, perhaps for lack of memory.",
                    hint="Ask for fewer packages, or for other builds of them.",
                ) from None
        if "failed" in said:
            name, message, hint = said["failed"]
            raise _ERRORS.get(name, ServiceError)(str(message), hint=str(hint))
        return said["done"]

    def _told(self, task: object) -> Any:
        with self._asking:
            if self._closed:
                raise EOFError
            return self._worker.ask(task)


async def _done(what: str, *rest: Any) -> object:
    if what == "look":
        package, path, most = rest
        return await look_through(_package(package), Path(path), most)
    told, platform, work, target = rest
    archives = [Archive(_package(package), Path(path), (), ()) for package, path in told]
    await place(archives, platform, Path(work), target)
    return None


def _package(told: dict[str, Any]) -> CondaPackage:
    fields: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
    return CondaPackage(**fields)


def main() -> None:
    """Do what the standard input says."""
    import rattler.networking
    import rattler.package
    import rattler.package_streaming  # noqa: F401  (once we are nobody, nothing more can be loaded)

    drops, file_bytes = json.loads(sys.argv[1])
    if drops:
        confine(memory_bytes=MEMORY_BYTES, file_bytes=file_bytes, processes=True)
    for line in sys.stdin:
        try:
            said: dict[str, object] = {"done": asyncio.run(_done(*json.loads(line)))}
        except HubkilnError as error:
            said = {"failed": [type(error).__name__, error.message, error.hint]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
