"""Keeps the program that connects a sandbox with the world: started again when it ends, ended with the relay."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from hubkiln.sandbox.relay.orders import Outside

MOST_STARTS = 4
"""A program that ends so often does not work here; the relay then ends, and the server with it."""


def keep(outside: Outside, passed: Mapping[str, int], end: int) -> NoReturn:
    """Run the program of `outside` until `end` can be read; `passed` are descriptors for the names in its argv."""
    hold, held = os.pipe()  # the program sees the end of `hold` when we are gone, however that happens
    given = {**passed, "exit": hold}
    for descriptor in given.values():
        os.set_inheritable(descriptor, True)
    argv = [word.format(**given) for word in outside.argv]
    name = os.path.basename(argv[0])  # noqa: PTH119
    for _ in range(MOST_STARTS):
        pid = os.posix_spawn(argv[0], argv, dict(outside.env))
        program = os.pidfd_open(pid)
        if end in select.select([end, program], [], [])[0]:
            os.close(held)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os._exit(0)
        os.close(program)
        _, status = os.waitpid(pid, 0)
        print(
            f"Hubkiln: {name}, through which this server reaches the network, ended with "
            f"{os.waitstatus_to_exitcode(status)}; connections are cut.",
            file=sys.stderr,
            flush=True,
        )
    os._exit(1)
