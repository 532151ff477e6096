"""Before anybody is told that an environment is ready: does the server that a hub would start begin to run in it?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from hubkiln.conventions import SERVER
from hubkiln.errors import BuildFailed
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import started
from hubkiln.processes import last_line
from hubkiln.values import Say

Run = Callable[[LocalImage, Sequence[str], Say], Awaitable[int]]
"""Runs a command in an image to its end and returns the exit code."""

_PIN = "A requirement probably forces a version of Jupyter or JupyterHub that does not work; loosen that pin."


async def verify(image: LocalImage, run: Run, say: Say) -> None:
    """
    Run ``jupyterhub-singleuser --version`` in `image`, then once more through its ``start`` script, if it has one.

    In what was composed, it runs behind the activation scripts of conda packages, as servers do; the entrypoint of
    another image may do more than that, and is left out.

    Raises:
        BuildFailed: it does not run; the message carries the last line it printed.
    """
    printed: list[str] = []
    activating = image.entrypoint if image.environment else ()
    code = await run(image, [*activating, SERVER, "--version"], printed.append)
    text = "".join(printed).strip()
    if code == 0:
        version = last_line(text, "")
        if image.start is not None:
            await _verify_start(image, version, run, say)
        say(f"{SERVER} {version} runs in it.\n")
        return
    last = last_line(text, "it printed nothing")
    say(text + "\n")
    or_else = " Or an activation script of a conda package ends what it is to prepare." if activating else ""
    raise BuildFailed(f"The environment was made, but {SERVER} does not start in it: {last}", hint=_PIN + or_else)


async def _verify_start(image: LocalImage, version: str, run: Run, say: Say) -> None:
    """Whether the repository's ``start`` comes to what it is given; raises BuildFailed."""
    printed: list[str] = []
    code = await run(image, started(replace(image, entrypoint=()), [SERVER, "--version"]), printed.append)
    lines = [line.strip() for line in "".join(printed).splitlines() if line.strip()]
    if code == 0 and version in lines:
        return
    say("".join(f"{line}\n" for line in lines))
    hint = 'It must end with `exec "$@"`, which starts what it is given.'
    if code == 0:
        raise BuildFailed(f"`{image.start}` ends without starting the server that it is given.", hint=hint)
    last = lines[-1][:300] if lines else "it printed nothing"
    raise BuildFailed(f"`{image.start}` fails (exit code {code}), so no server can start: {last}", hint=hint)
