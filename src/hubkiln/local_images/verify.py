"""Before anybody is told that an environment is ready: does the server that a hub would start begin to run in it?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from hubkiln.conventions import SERVER
from hubkiln.errors import BuildFailed
from hubkiln.local_images.interface import LocalImage
from hubkiln.processes import last_line
from hubkiln.values import Say

Run = Callable[[LocalImage, Sequence[str], Say], Awaitable[int]]
"""Runs a command in an image to its end and returns the exit code."""


async def verify(image: LocalImage, run: Run, say: Say) -> None:
    """
    Run ``jupyterhub-singleuser --version`` in `image`.

    Raises:
        BuildFailed: it does not run; the message carries the last line it printed.
    """
    printed: list[str] = []
    code = await run(image, [SERVER, "--version"], printed.append)
    text = "".join(printed).strip()
    if code == 0:
        say(f"{SERVER} {last_line(text, '')} runs in it.\n")
        return
    last = last_line(text, "it printed nothing")
    say(text + "\n")
    raise BuildFailed(
        f"The environment was made, but {SERVER} does not start in it: {last}",
        hint="A requirement probably forces a version of Jupyter or JupyterHub that does not work; loosen that pin.",
    )
