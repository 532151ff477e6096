"""Recipes are read in a process of their own (:mod:`hubkiln.recipes.worker`); here is who starts and answers it.

Each recipe has a process of its own, so none can tell the next one's lies. It is started when a build begins, and is
ready by the time that the repository has been looked up.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from hubkiln import processes
from hubkiln.errors import RecipeError
from hubkiln.recipes.disk import Disk
from hubkiln.recipes.files import LARGEST_LOCK
from hubkiln.recipes.interface import Kind, Recipe

SECONDS = 30.0
"""Longest reading: a hundred times what the largest lock file takes."""

_TEXTS = ("environment.yml", "environment.yaml", "pixi.lock", "requirements.txt", "apt.txt", "runtime.txt")
"""Files that may be YAML, or in another encoding; what a requirements.txt includes is taken to be in UTF-8."""

_LONGEST_LINE = 64 << 20
_MOST_QUESTIONS = 5000
_QUESTIONS = frozenset(
    ("is_folder", "exists", "is_file", "leads_nowhere", "inside", "content", "folders_with", "scripts")
)


class Reading:
    """One process that will read one recipe; ended with the ``with``, or when it has been used."""

    def __init__(self, seconds: float = SECONDS) -> None:
        words, env = processes.own_module("hubkiln.recipes.worker")
        self._seconds, self._late = seconds, False
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            cwd="/",
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def read(self, root: Path) -> Recipe:
        """
        What the files below `root` ask for; see :func:`hubkiln.recipes.reader.read`.

        Raises:
            RecipeError: as there; or reading them takes too long, too much memory, or breaks the reader.
        """
        try:
            return await asyncio.to_thread(self._read, root)
        finally:
            self.close()  # a cancelled build's thread ends with the process

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError), self._process:  # half an answer may still be in the pipe
            pass

    def _read(self, root: Path) -> Recipe:
        watch = threading.Timer(self._seconds, self._end)
        watch.start()
        try:
            told = self._answered(Disk(root))
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise self._unread(f"took longer than {self._seconds:.0f} s" if self._late else "broke off") from error
        finally:
            watch.cancel()
        if (broken := told.get("broken")) is not None:
            raise self._unread(f"broke off ({str(broken)[:200]})")
        if (failed := told.get("failed")) is not None:
            raise RecipeError(str(failed[0]), hint=str(failed[1]))
        return _recipe(told["recipe"])

    def _unread(self, why: str) -> RecipeError:
        return RecipeError(
            f"Reading what the repository asks for {why}.",
            hint="Its recipe files (environment.yml, requirements.txt, lock files) must be short and simple.",
        )

    def _end(self) -> None:
        self._late = True
        self._process.kill()

    def _answered(self, disk: Disk) -> dict[str, Any]:
        """What the process says in the end, its questions answered."""
        assert self._process.stdout is not None
        self._say({"load": _needed(disk)})
        for _ in range(_MOST_QUESTIONS):
            said = json.loads(self._process.stdout.readline(_LONGEST_LINE))
            if "ask" not in said:
                return dict(said)
            self._say(_answer(disk, *said["ask"]))
        raise ValueError("too many questions")

    def _say(self, words: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()


def _needed(disk: Disk) -> list[str]:
    """Modules that the files' kinds need, as their names and first bytes say."""
    found: set[str] = set()
    for name in _TEXTS:
        for path in (name, f"binder/{name}", f".binder/{name}"):
            if not disk.is_file(path) or disk.inside(path) is None:
                continue
            if name.endswith((".yml", ".yaml", "pixi.lock")):
                found.add("yaml")
            try:
                disk.content(path, LARGEST_LOCK).decode()
            except UnicodeDecodeError:
                found.add("charset_normalizer")
            except RecipeError:
                continue
    return sorted(found)


def _answer(disk: Disk, what: str, path: str, *rest: int) -> dict[str, object]:
    if what not in _QUESTIONS:
        raise ValueError(what)
    try:
        found = getattr(disk, what)(path, *(min(most, LARGEST_LOCK) for most in rest))
    except RecipeError as error:
        return {"failed": [error.message, error.hint]}
    return {"found": base64.b64encode(found).decode() if isinstance(found, bytes) else found}


def _recipe(told: dict[str, Any]) -> Recipe:
    alone = _recipe(told["alone"]) if told["alone"] is not None else None
    plain = {name: _frozen(value) for name, value in told.items()}
    return Recipe(**plain | {"kind": Kind(told["kind"]), "alone": alone})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
