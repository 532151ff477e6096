"""A server starts through the repository's own `start`, or the build says why not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hubkiln.errors import BuildFailed
from hubkiln.local_images import LocalImage, verify_server
from hubkiln.values import Say

IMAGE = LocalImage(name="x", environment="e", content="c", start="start")


class Runs:
    """Answers the first command as Jupyter does, and what goes through `start` with `said` and `code`."""

    def __init__(self, said: str, code: int = 0) -> None:
        self._said, self._code = said, code

    async def __call__(self, image: LocalImage, argv: Sequence[str], say: Say) -> int:
        """See :class:`hubkiln.local_images.Run`."""
        through = "/srv/repo/start" in argv
        say(self._said if through else "5.3.0\n")
        return self._code if through else 0


async def test_a_start_that_starts_what_it_is_given_is_fine() -> None:
    """Whatever it says before."""
    said: list[str] = []
    await verify_server(IMAGE, Runs("hello\n5.3.0\n"), said.append)
    assert "5.3.0 runs in it" in "".join(said)


@pytest.mark.parametrize(
    ("said", "code", "says"),
    [
        ("hello\n", 0, "`start` ends without starting the server"),
        ("", 0, "`start` ends without starting the server"),
        ("/srv/repo/start: 2: nosuch: not found\n", 127, "`start` fails (exit code 127), so no server can start: /srv"),
    ],
)
async def test_a_start_that_does_not_is_caught_when_it_is_built(said: str, code: int, says: str) -> None:
    """With the line that it must end with."""
    with pytest.raises(BuildFailed) as caught:
        await verify_server(IMAGE, Runs(said, code), lambda text: None)
    assert says in caught.value.message and 'exec "$@"' in caught.value.hint


async def test_images_without_a_start_are_asked_once() -> None:
    """There is nothing to go through."""
    await verify_server(LocalImage(name="x", environment="e"), Runs("never", 1), lambda text: None)


class Activating:
    """Notes what it is given; whatever goes through an activation script that ends comes to nothing."""

    def __init__(self) -> None:
        self.given: list[Sequence[str]] = []

    async def __call__(self, image: LocalImage, argv: Sequence[str], say: Say) -> int:
        """See :class:`hubkiln.local_images.Run`."""
        self.given.append(argv)
        ends = argv[0] == "/activate"
        say("not today\n" if ends else "5.3.0\n")
        return 7 if ends else 0


async def test_an_activation_script_that_lets_no_server_start_is_caught() -> None:
    """Servers start behind those of conda packages, so the check does too; another image's entrypoint is left out."""
    with pytest.raises(BuildFailed, match="not today") as caught:
        await verify_server(
            LocalImage(name="x", environment="e", entrypoint=("/activate",)), Activating(), lambda text: None
        )
    assert "activation script" in caught.value.hint
    runs = Activating()
    await verify_server(LocalImage(name="x", rootfs=("layer",), entrypoint=("/activate",)), runs, lambda text: None)
    assert [argv[0] for argv in runs.given] == ["jupyterhub-singleuser"]
