"""Compiles Python files with the interpreter that will run them, in one long-lived process of it that imports nothing.

The byte code names the source's fixed modification time and size, so that a user's edit of an installed file counts.
Compiling is no running: the process only calls ``compile`` and writes what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from hubkiln.errors import BuildFailed
from hubkiln.packages.worker import Worker
from hubkiln.trees import MTIME
from hubkiln.values import Interpreter

LARGEST = 4 << 20
"""Bytes of source beyond which a file is data in disguise and left to be compiled when it is imported."""

_AT_ONCE = 2000
"""Files in one request: asking for each would cost more waiting than compiling."""

_WORKER = """\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import json, os, resource, _frozen_importlib_external as external
sys.setrecursionlimit(3000)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
mtime, owner = json.loads(sys.argv[1])
def made(source, name, target):
    with open(source, "rb") as file:
        data = file.read()
    code = compile(data, name, "exec", dont_inherit=True, optimize=0)
    with open(target, "xb") as file:
        file.write(external._code_to_timestamp_pyc(code, mtime, len(data)))
        file.flush()
        if owner:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), 0o644)
        os.utime(file.fileno(), (mtime, mtime))
    return True
def tried(job):
    try:
        return made(*job)
    except (SyntaxError, ValueError, UnicodeError, RecursionError, MemoryError, OverflowError):
        return False
for line in sys.stdin:
    jobs = json.loads(line)
    about = [sys.version.split()[0], sys.implementation.cache_tag]
    print(json.dumps(about if jobs is None else [tried(job) for job in jobs]), flush=True)
"""


class Job(NamedTuple):
    """A file to compile."""

    source: str
    name: str
    """As tracebacks will show it."""
    target: str
    """The new file of byte code."""


class Compiler:
    """
    One process of `python` that compiles; not for two threads at once. Close it, or use it in a ``with``.

    Files belong to `owner` (user and group id) if given, are readable by all and have our time.
    """

    def __init__(self, python: Interpreter, owner: tuple[int, int] | None = None) -> None:
        self._python = python
        words = [str(python.path), "-S", "-s", "-W", "ignore", "-c", _WORKER, json.dumps([MTIME, owner])]
        env = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        self._worker = Worker(words, env, quiet=True)
        self.tag = "cpython-" + python.minor.replace(".", "")
        """Part of the names of compiled files."""

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def compile(self, jobs: Sequence[Job]) -> Iterator[bool]:
        """
        Compile all of `jobs`; tells of each whether it was.

        False, with nothing written, where Python cannot compile it (some packages carry such files) or the process
        did not survive it.
        """
        for start in range(0, len(jobs), _AT_ONCE):
            yield from self._answers(jobs[start : start + _AT_ONCE])

    def _answers(self, jobs: Sequence[Job]) -> Iterator[bool]:
        if not self._worker.runs:
            self._check()
        try:
            yield from self._worker.ask(jobs)
        except EOFError:
            for job in jobs:
                Path(job.target).unlink(missing_ok=True)
            if len(jobs) == 1:
                yield False
                return
            for job in jobs:  # which of them it was shows one by one
                yield from self._answers([job])

    def close(self) -> None:
        """End the process; it may be started again by another use."""
        self._worker.close()

    def _check(self) -> None:
        try:
            version, tag = self._worker.ask(None)
        except EOFError:
            version, tag = "nothing", ""
        if (version, tag) != (self._python.version, self.tag):
            self.close()
            raise BuildFailed(
                f"Python at {self._python.path} says it is {version}, not {self._python.version}.",
                hint="Python was changed on this machine; start the build again.",
            )
