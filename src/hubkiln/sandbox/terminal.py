"""A command at the user's own terminal: it gets a terminal of its own, and we pass bytes to and fro.

Sharing ours would let it push characters into the shell that started us, and Ctrl-C would hit bubblewrap first.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from hubkiln.processes import ProcessId
from hubkiln.sandbox import spawning

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_LOOK_SECONDS = 0.2
_LAST_SECONDS = 1.0
"""What the first process needs at most to see that its command has ended, and end everything."""


def is_ours() -> bool:
    """True if somebody sits at a terminal: both our input and output are one."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def controlling(argv: Sequence[str]) -> list[str]:
    """`argv`, made to control the terminal it is given."""
    return ["setsid", "--ctty", *argv]


async def run(
    argv: Sequence[str],
    descriptors: Sequence[int],
    started: Callable[[], None],
    admit: Callable[[], Awaitable[ProcessId | None]],
) -> int:
    """Run `argv` on our terminal or standard streams to its end; signals we get go to its command. Returns its code."""
    with _pair() as (ours, theirs):
        child = spawning.popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={},
            start_new_session=True,
            pass_fds=tuple(descriptors),
        )
        started()
        first = None
        try:
            first = await admit()
            with passed_on(lambda: first.children()[:1] if first else []) as told, _relayed(ours):
                watching = asyncio.create_task(_not_held_up(first, told))
                try:
                    code = await asyncio.to_thread(child.wait)
                finally:
                    watching.cancel()
        finally:
            spawning.give_up(child)
            if first is not None:
                first.signal(signal.SIGKILL)  # what was let in a moment ago does not end with its parent yet
    return code if code >= 0 else 128 - code


@contextmanager
def _pair() -> Iterator[tuple[int | None, int | None]]:
    if not is_ours():
        yield None, None
        return
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


async def _not_held_up(first: ProcessId | None, told: asyncio.Event) -> None:
    """Once its command has been told to end and has ended, `first` ends too, even where something has stopped it."""
    await told.wait()
    while first is not None and first.alive():
        if not any(command.alive() for command in first.children()[:1]):
            await asyncio.sleep(_LAST_SECONDS)
            first.signal(signal.SIGKILL)
        await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def passed_on(commands: Callable[[], Sequence[ProcessId]]) -> Iterator[asyncio.Event]:
    """Signals that would end us go to `commands` instead; the event is set when one has come."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def send(number: signal.Signals) -> None:
        for command in commands():
            command.signal(number)
        told.set()

    for number in _PASSED_ON:
        loop.add_signal_handler(number, send, number)
    try:
        yield told
    finally:
        for number in _PASSED_ON:
            loop.remove_signal_handler(number)


@contextmanager
def _relayed(ours: int | None) -> Iterator[None]:
    if ours is None:
        yield
        return
    loop, keyboard, screen = asyncio.get_running_loop(), sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(keyboard)
    _resize(keyboard, ours)
    tty.setraw(keyboard)
    loop.add_signal_handler(signal.SIGWINCH, _resize, keyboard, ours)
    loop.add_reader(keyboard, _pass, keyboard, ours)
    loop.add_reader(ours, _pass, ours, screen)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
        loop.remove_reader(ours)
        loop.remove_signal_handler(signal.SIGWINCH)
        _drain(ours, screen)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _pass(source: int, target: int) -> None:
    try:
        chunk = os.read(source, 16384)
    except OSError:
        chunk = b""
    if not chunk:
        asyncio.get_running_loop().remove_reader(source)
    while chunk:
        chunk = chunk[os.write(target, chunk) :]


def _drain(source: int, target: int) -> None:
    """Pass on what is still in the terminal after its command has ended."""
    os.set_blocking(source, False)
    with suppress(OSError):
        while chunk := os.read(source, 16384):
            os.write(target, chunk)


def _resize(source: int, target: int) -> None:
    with suppress(OSError):
        size = fcntl.ioctl(source, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        fcntl.ioctl(target, termios.TIOCSWINSZ, size)
