"""Compiles Python files with the interpreter that will run them, in one long-lived process of it that imports nothing.

The byte code names the source's fixed modification time and size, so that a user's edit of an installed file counts.
Compiling is no running: the process only calls ``compile`` and writes what comes out.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from hubkiln.errors import BuildFailed
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
print(json.dumps([sys.version.split()[0], sys.implementation.cache_tag]), flush=True)
for line in sys.stdin:
    print(json.dumps([tried(job) for job in json.loads(line)]), flush=True)
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
        self._python, self._owner = python, owner
        self._process: subprocess.Popen[str] | None = None
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
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(jobs) + "\n")
            process.stdin.flush()
            yield from json.loads(_line(process.stdout))
        except (BrokenPipeError, EOFError):
            self.close()
            for job in jobs:
                Path(job.target).unlink(missing_ok=True)
            if len(jobs) == 1:
                yield False
                return
            for job in jobs:  # which of them it was shows one by one
                yield from self._answers([job])

    def close(self) -> None:
        """End the process; it may be started again by another use."""
        process, self._process = self._process, None
        if process is not None:
            with process:
                process.kill()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = self._start()
        return self._process

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self._python.path, "-S", "-s", "-W", "ignore", "-c", _WORKER, json.dumps([MTIME, self._owner])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
            cwd="/",
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            version, tag = json.loads(_line(process.stdout))
        except (EOFError, ValueError):
            version, tag = "nothing", ""
        if version != self._python.version or tag != self.tag:
            with process:
                process.kill()
            raise BuildFailed(
                f"Python at {self._python.path} says it is {version}, not {self._python.version}.",
                hint="Python was changed on this machine; start the build again.",
            )
        return process


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    if not line:
        raise EOFError
    return line.strip()
