"""Builds in processes of their own: the side of such a process, which builds once and ends.

:mod:`hubkiln.builds.apart` starts it. The first line on its standard input says what it needs to be ready, the second
is the order; then the pipe is a life line, and whoever closes it ends the build. SIGTERM cancels it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import IO, Any

from hubkiln.builds.apart import GRACE_SECONDS
from hubkiln.builds.codec import decode_request
from hubkiln.builds.events import Event
from hubkiln.builds.interface import BROKE, BROKE_HINT, Builder
from hubkiln.builds.lines import built_line, event_lines, failed_line
from hubkiln.errors import HubkilnError, Interrupted
from hubkiln.processes import die_with_parent

log = logging.getLogger(__name__)

Opened = Callable[[dict[str, Any]], AbstractAsyncContextManager[Builder]]
"""Opens the builder, given the secrets that came with the order."""

Prepare = Callable[[dict[str, Any]], Opened]
"""Gets ready while nobody waits: loads what builds need; what it returns opens the builder."""

SACRIFICED = "500"
"""Added to what the kernel goes by when memory is used up: a build is killed sooner than the service or a server."""


def build_once(parent: int, prepare: Prepare) -> None:
    """Build what is ordered, tell it, and exit; `parent` is the pid of who started us."""
    die_with_parent(parent)
    faulthandler.enable()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(SACRIFICED)
    orders, out = _own_pipes()
    opened = prepare(json.loads(orders.readline()))
    if order := orders.readline():
        threading.Thread(target=_end_with, args=(orders,), daemon=True).start()
        asyncio.run(_built(opened, json.loads(order), _Teller(out)))
    logging.shutdown()
    os._exit(0)  # nobody needs to know what of it all is garbage


class _Teller:
    """Writes lines whole, from any thread."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._turn = out, threading.Lock()

    def __call__(self, event: Event) -> None:
        for line in event_lines(event):
            self.line(line)

    def line(self, line: str) -> None:
        """Write `line`; nothing happens where nobody reads any more."""
        with self._turn, suppress(BrokenPipeError):
            self._out.write(line.encode())
            self._out.flush()


async def _built(opened: Opened, order: dict[str, Any], tell: _Teller) -> None:
    task = asyncio.ensure_future(_build(opened, order, tell))
    stops = iter([task.cancel])  # once: a second one would cut its own cleaning up short

    def stop() -> None:
        for cancel in stops:
            cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        last = await task
    except asyncio.CancelledError:
        last = failed_line(Interrupted("The build was stopped before its end."))
    except HubkilnError as error:
        last = failed_line(error)
    except Exception:
        log.exception("build broke", extra={"action": "build_error"})
        last = failed_line(HubkilnError(BROKE, hint=BROKE_HINT))
    tell.line(last)


async def _build(opened: Opened, order: dict[str, Any], tell: _Teller) -> str:
    async with opened(order["secrets"]) as builder:
        return built_line(await builder.build(decode_request(order["request"]), tell))


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output for ourselves alone: what we start, and what prints, gets none of it."""
    orders, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, out


def _end_with(orders: IO[bytes]) -> None:
    """Cancel the build when whoever ordered it has gone; end where that does not help."""
    while orders.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
