"""Compiles Python files with the interpreter that will run them, in one long-lived process of it that imports nothing.

The byte code names the source's fixed modification time and size, so that a user's edit of an installed file counts.
Compiling is no running: the process only calls ``compile`` and writes what comes out.

The same source gives the same bytes, whatever was compiled before it and wherever: ``marshal`` marks every string that
somebody else holds too, so nothing that compiling loads may stay in the process, unless it was there from the start;
and before 3.11 it writes a set in the order of its hashes, of which that of `None` is an address, so such a file is
left to be compiled when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from hubkiln.errors import BuildFailed, ServiceError
from hubkiln.packages.cpython import is_two
from hubkiln.packages.worker import Worker
from hubkiln.trees import MTIME
from hubkiln.values import Interpreter

LARGEST = 4 << 20
"""Bytes of source beyond which a file is data in disguise and left to be compiled when it is imported."""

_AT_ONCE = 2000
"""Files in one request: asking for each would cost more waiting than compiling."""

_WORKER = r"""import sys
sys.path[:] = [folder for folder in sys.path if folder]
import json, os, re, resource, _frozen_importlib_external as external
compile("\u00e4 = 1", "", "exec")  # loads what names beyond ASCII need, and the names in it
characters = [sys.intern(chr(code)) for code in range(256)] + [sys.intern("")]  # else the first who needs one does
sys.setrecursionlimit(3000)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
mtime = int(sys.argv[1])
cookie = re.compile(rb"^(?:[ \t\f]*(?:#.*?)?\r?\n)?[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8[ \t\r\n])[-\w.]+")
leaks = sys.version_info < (3, 8)  # some of every file's names stay there
pyc = getattr(external, "_code_to_timestamp_pyc", None) or external._code_to_bytecode  # before 3.7
def steady(value):
    if isinstance(value, frozenset):
        return all(isinstance(one, (str, bytes, int, float, complex)) for one in value)
    if isinstance(value, tuple):
        return all(map(steady, value))
    return not hasattr(value, "co_consts") or steady(value.co_consts)
def made(data, name, target):
    code = compile(data, name, "exec", dont_inherit=True, optimize=0)
    if sys.version_info < (3, 11) and not steady(code):
        return False
    with open(target, "xb") as file:
        file.write(pyc(code, mtime, len(data)))
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.utime(file.fileno(), (mtime, mtime))
    return True
def compiled(jobs, answers):
    for source, name, target in jobs:
        with open(source, "rb") as file:
            data = file.read()
        try:
            clean = made(data, name, target)
        except (SyntaxError, ValueError, UnicodeError, RecursionError, MemoryError, OverflowError):
            clean = False
        os.write(answers, b"01"[clean:clean + 1])
        if leaks or not clean or cookie.match(data):
            return
def answered(jobs):
    # What fails, and a codec that was loaded, leave strings behind: the rest is for a new child of this clean process.
    found = []
    while len(found) < len(jobs):
        left = jobs[len(found):]
        answers, end = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                compiled(left, end)
            finally:
                os._exit(0)
        os.close(end)
        with open(answers, "rb") as file:
            told = [answer == 49 for answer in file.read()]
        broken = os.waitpid(child, 0)[1] != 0 or not told
        found += told
        if broken and len(found) < len(jobs):
            target = jobs[len(found)][2]
            if os.path.exists(target):
                os.unlink(target)
            found.append(False)
    return found
for line in sys.stdin:
    jobs = json.loads(line)
    about = [sys.version.split()[0], sys.implementation.cache_tag]
    print(json.dumps(about if jobs is None else answered(jobs)), flush=True)
"""


_WORKER_OF_TWO = r"""import sys
import imp, json, marshal, os, re, struct
sys.setrecursionlimit(3000)
mtime = int(sys.argv[1])
def made(source, name, target):
    with open(source, "rb") as file:
        data = file.read()
    told = data.startswith(b"\xef\xbb\xbf") or re.search(r"coding[:=]", b"\n".join(data.split(b"\n", 2)[:2]))
    if not told and re.search(r"[\x80-\xff]", data):
        return False  # as when it is imported, unlike what compile does
    try:
        text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        code = compile(text + b"\n", name.encode("utf-8"), "exec", 0, True)
    except (SyntaxError, TypeError, ValueError, RuntimeError, MemoryError, OverflowError):
        return False
    file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    with file:
        file.write(imp.get_magic() + struct.pack("<I", mtime) + marshal.dumps(code))
        file.flush()
        os.fchmod(file.fileno(), 0o644)
    os.utime(target, (mtime, mtime))
    return True
while True:
    line = sys.stdin.readline()
    if not line:
        break
    jobs = json.loads(line)
    about = [sys.version.split()[0], "cpython-27"]
    sys.stdout.write(json.dumps(about if jobs is None else [made(*job) for job in jobs]) + "\n")
    sys.stdout.flush()
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
    One process of `python` that compiles; not for two threads at once, but another may close it. Close it, or use it in
    a ``with``.

    Files are readable by all and have our time; `wall` stands before its command line.
    """

    def __init__(self, python: Interpreter, wall: Sequence[str] = ()) -> None:
        self._python = python
        worker = _WORKER_OF_TWO if is_two(python.minor) else _WORKER
        words = [*wall, str(python.path), "-S", "-s", "-W", "ignore", "-c", worker, str(MTIME)]
        env = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        self._worker = Worker(words, env, quiet=True)
        self._closed = False
        self.tag = "cpython-" + python.minor.replace(".", "")
        """Part of the names of compiled files."""
        self.beside = is_two(python.minor)
        """Whether they lie beside their sources, with names that say no version."""

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def compile(self, jobs: Sequence[Job]) -> Iterator[bool]:
        """
        Compile all of `jobs`; tells of each whether it was.

        False, with nothing written, where Python cannot compile it (some packages carry such files) or the process
        did not survive it.

        Raises:
            BuildFailed: the interpreter is another than it was.
            ServiceError: somebody closed it meanwhile.
        """
        self._closed = False
        for start in range(0, len(jobs), _AT_ONCE):
            yield from self._answers(jobs[start : start + _AT_ONCE])

    def _answers(self, jobs: Sequence[Job]) -> Iterator[bool]:
        if not self._worker.runs:
            self._check()
        try:
            yield from self._worker.ask(jobs)
        except EOFError:
            if self._closed:
                raise ServiceError("Compiling was ended.", hint="Try again.") from None
            for job in jobs:
                Path(job.target).unlink(missing_ok=True)
            if len(jobs) == 1:
                yield False
                return
            for job in jobs:  # which of them it was shows one by one
                yield from self._answers([job])

    def close(self) -> None:
        """End the process; it may be started again by another use."""
        self._closed = True
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
