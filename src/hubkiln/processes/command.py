"""Running other programs: no shell, a bounded time, their output as it comes, and nothing left behind.

Everything that starts a program (git, uv, bubblewrap, podman) does it here.
"""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
PROXIES = tuple(
    name for stem in ("http_proxy", "https_proxy", "no_proxy", "all_proxy") for name in (stem, stem.upper())
)


def clean_environment(**extra: str) -> dict[str, str]:
    """Our environment reduced to what tools need (path, locale, certificates, proxies), plus `extra`; no secrets."""
    kept = {name: os.environ[name] for name in (*KEPT, *CERTIFICATES, *PROXIES) if name in os.environ}
    return kept | extra


def own_module(name: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """
    The command line and the environment that run our module `name` as a program, from where ours come from.

    Never from the working folder, as ``python -m`` would: it may be a repository that nobody has looked at.
    """
    path = os.pathsep.join(folder for folder in sys.path if folder)
    return [sys.executable, "-P", "-m", name, *arguments], clean_environment(PYTHONPATH=path)


def ended_with_us(*argv: str) -> list[str]:
    """`argv` so that nothing of it outlives us, whatever sessions it opens."""
    return [sys.executable, "-P", "-m", "hubkiln.processes.supervised", str(os.getpid()), *argv]


def tied(argv: Sequence[str | Path], path: str) -> list[str]:
    """
    `argv` so that the kernel ends it when we are killed, where util-linux's ``setpriv`` is there to ask for that.

    Raises:
        FileNotFoundError: there is no such program in `path`.
    """
    words = [str(word) for word in argv]
    program = shutil.which(words[0], path=path)
    if program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), words[0])
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", program, *words[1:]] if setpriv else words


class Child(Protocol):
    """A process that was started; asyncio's own is one."""

    @property
    def pid(self) -> int: ...
    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    async def wait(self) -> int: ...


Start = Callable[..., Awaitable[Child]]
"""Starts a program, with the arguments of :func:`asyncio.create_subprocess_exec`."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    code: int
    """Exit code; negative for a signal."""
    output: str
    """Standard output and error together, the last `keep` characters."""

    timed_out: bool = False


async def _start(*words: str, **options: Any) -> Child:
    """As asyncio starts programs; who is cancelled meanwhile leaves neither it nor what it has started by then."""
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*words, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            process = await starting
            await asyncio.shield(end(process, grace=0))
            await _drained(process)
        raise


async def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    say: Callable[[str], None] | None = None,
    seconds: float | None = None,
    keep: int = 65536,
    input: bytes | None = None,
    pass_fds: Sequence[int] = (),
    grace: float = 2.0,
    start: Start = _start,
) -> Finished:
    """
    Run `argv` to its end, standard error merged into standard output.

    `say` gets each piece of output as it appears. When the caller is cancelled or `seconds` pass, the program's
    whole process group is terminated, killed after `grace` seconds, and waited for; when we are killed, it is too.

    Raises:
        FileNotFoundError: there is no such program.
    """
    given = dict(env) if env is not None else clean_environment()
    process = await start(
        *tied(argv, given.get("PATH", os.defpath)),
        stdin=asyncio.subprocess.PIPE if input is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=given,
        cwd=cwd,
        start_new_session=True,
        pass_fds=tuple(pass_fds),
    )
    tail = _Tail(keep, say)
    try:
        async with asyncio.timeout(seconds):
            code = await _follow(process, input or b"", tail)
    except TimeoutError:
        code = await end(process, grace=grace)
        await _drained(process)
        return Finished(code, tail.text, timed_out=True)
    except BaseException:
        await asyncio.shield(end(process, grace=grace))
        await _drained(process)
        raise
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # whatever it left in its group
    return Finished(code, tail.text)


@dataclass(slots=True)
class _Tail:
    """The last `keep` characters of an output, each piece of which `say` gets as well."""

    keep: int
    say: Callable[[str], None] | None
    text: str = ""
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")  # a letter may come in two pieces
    )

    def add(self, chunk: bytes, *, last: bool = False) -> None:
        """What comes next."""
        if not (text := self.decoder.decode(chunk, last)):
            return
        self.text = (self.text + text)[-self.keep :]
        if self.say is not None:
            self.say(text)


_DRAIN_SECONDS = 1.0


async def _follow(process: Child, input: bytes, tail: _Tail) -> int:
    """The exit code of `process`, which is given `input` and read to its end."""
    feeding = asyncio.create_task(_feed(process.stdin, input))  # beside reading: both pipes may be full
    assert process.stdout is not None
    while chunk := await process.stdout.read(16384):
        tail.add(chunk)
    tail.add(b"", last=True)
    await feeding
    return await process.wait()


async def _drained(process: Child) -> None:
    """Read what is still in the pipe of `process`, which closes with its end unless what it left behind holds it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while process.stdout is not None and await process.stdout.read(65536):
                pass


async def _feed(pipe: asyncio.StreamWriter | None, input: bytes) -> None:
    """Write all of `input`, unless nobody reads it."""
    if pipe is not None:
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(input)
            await pipe.drain()
        pipe.close()


async def end(process: Child, *, grace: float = 2.0) -> int:
    """Terminate `process` and its group, kill after `grace` seconds, wait; returns the exit code."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        pass
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return await process.wait()
