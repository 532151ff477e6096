"""Building from the command line: the same pipeline as the service's, in this process, on the same stores."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, TypeVar

from hubkiln.assembly import Workshop
from hubkiln.builds import BuildRequest, Built
from hubkiln.cli.display import Display
from hubkiln.cli.plain_lines import echo
from hubkiln.settings import Settings

T = TypeVar("T")

EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def on_the_command_line() -> Settings:
    """
    The settings, but whoever types a command may reach what the machine reaches, and read what they can read; what
    they build goes where they say, not where the service pushes.

    Raises:
        BadSpec: one cannot be read.
    """
    found = Settings.read()
    repositories = replace(found.repositories, allow_local_folders=True, allowed_networks=EVERYWHERE)
    push, pods = replace(found.push, target=None), replace(found.pods, wanted=False)
    return replace(found, repositories=repositories, push=push, pods=pods)


async def built(
    workshop: Workshop, text: str, *, ref: str | None, subdir: str, as_of: str, refresh: bool, tried: bool = True
) -> Built:
    """Build what `text` names and show it happening on standard error; see :class:`BuildRequest` for `tried`."""
    spec = workshop.repositories.parse(text, ref, subdir=subdir)
    with Display() as display:
        return await workshop.pipeline.build(
            BuildRequest(spec=spec, as_of=as_of, refresh=refresh, for_hub=False, tried=tried), display
        )


def to_stderr(text: str) -> None:
    """Words for whoever sits there, beside what a command prints."""
    echo(text, err=True, nl=False)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; SIGTERM and Ctrl-C cancel it, so that nothing it started is left."""

    async def main() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    return asyncio.run(main())
