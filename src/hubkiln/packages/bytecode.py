"""Compiles Python files with the interpreter that will run them, in one long-lived process of it that imports nothing.

The byte code names the source's fixed modification time and size, so that a user's edit of an installed file counts.
Compiling is no running: the process only calls ``compile`` and writes what comes out.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO

from hubkiln.errors import BuildFailed
from hubkiln.trees import MTIME
from hubkiln.values import Interpreter

LARGEST = 4 << 20
"""Bytes of source beyond which a file is data in disguise and left to be compiled when it is imported."""

_WORKER = """\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import json, os, resource, _frozen_importlib_external as external
sys.setrecursionlimit(3000)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
mtime = int(sys.argv[1])
def made(source, name, target):
    with open(source, "rb") as file:
        data = file.read()
    code = compile(data, name, "exec", dont_inherit=True, optimize=0)
    with open(target, "xb") as file:
        file.write(external._code_to_timestamp_pyc(code, mtime, len(data)))
print(json.dumps([sys.version.split()[0], sys.implementation.cache_tag]), flush=True)
for line in sys.stdin:
    source, name, target = json.loads(line)
    try:
        made(source, name, target)
        print("1", flush=True)
    except (SyntaxError, ValueError, UnicodeError, RecursionError, MemoryError, OverflowError):
        print("0", flush=True)
"""


class Compiler:
    """One process of `python` that compiles; not for two threads at once. Close it, or use it in a ``with``."""

    def __init__(self, python: Interpreter) -> None:
        self._python = python
        self._process: subprocess.Popen[str] | None = None
        self.tag = "cpython-" + python.minor.replace(".", "")
        """Part of the names of compiled files."""

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def compile(self, source: Path, name: str, target: Path) -> bool:
        """
        Compile the file `source`, to be known as `name` in tracebacks, into the new file `target`.

        Returns False, with nothing written, where Python cannot compile it (some packages carry such files) or
        the process did not survive it.
        """
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps([str(source), name, str(target)]) + "\n")
            process.stdin.flush()
            answer = _line(process.stdout)
        except (BrokenPipeError, EOFError):
            self.close()
            target.unlink(missing_ok=True)
            return False
        return answer == "1"

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
            [self._python.path, "-S", "-s", "-W", "ignore", "-c", _WORKER, str(MTIME)],
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
