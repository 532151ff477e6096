"""The default base image is made when a build first needs it, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hubkiln.composer.bases.bases import DEFAULT_BASE
from hubkiln.composer.bases.debian.image import BaseImage, BaseRequest
from hubkiln.composer.bases.first import FirstBase
from hubkiln.errors import EngineMissing, HubkilnError, NotReady, Unreachable
from hubkiln.images import OciLayout, Runtime, compose_image
from hubkiln.values import Say


class Debian:
    """Makes an empty image, or fails."""

    def __init__(self, error: HubkilnError | None = None) -> None:
        self.error, self.made = error, 0

    async def __call__(self, request: BaseRequest, layout: OciLayout, say: Say) -> BaseImage:
        """As the real one, which takes a while."""
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.made += 1
        image = compose_image(None, [], Runtime())
        layout.make().put(image.config)
        layout.put(image.manifest)
        return BaseImage(name="base:bookworm", image=image, pythons=())


def silent(text: str) -> None:
    """Nobody listens."""


async def test_builds_that_need_it_at_once_wait_for_one(tmp_path: Path) -> None:
    """It is the default afterwards, and none is made again."""
    debian, said = Debian(), list[str]()
    first = FirstBase(OciLayout(tmp_path / "layers"), debian, program="sh")
    assert first.can_make
    await asyncio.gather(*(first.ensure(said.append) for _ in range(3)))
    assert (debian.made, len(said), first.can_make) == (1, 1, False)
    assert OciLayout(tmp_path / "layers").find(DEFAULT_BASE) is not None


async def test_without_what_unpacks_debian_none_is_made(tmp_path: Path) -> None:
    """Who asks for the default is told as before."""
    debian = Debian()
    first = FirstBase(OciLayout(tmp_path / "layers"), debian, program="no-such-program")
    await first.ensure(silent)
    assert (debian.made, first.can_make) == (0, False)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EngineMissing("mmdebstrap may not open a user namespace here.", hint="Install uidmap."), NotReady),
        (Unreachable("deb.debian.org does not answer."), Unreachable),
    ],
)
async def test_why_none_could_be_made_is_said(tmp_path: Path, error: HubkilnError, kind: type[HubkilnError]) -> None:
    """What the machine lacks is an admin's turn, and no fault of the repository; the network's is the network's."""
    first = FirstBase(OciLayout(tmp_path / "layers"), Debian(error), program="sh")
    with pytest.raises(kind, match=error.message) as caught:
        await first.ensure(silent)
    assert type(caught.value) is kind
    assert error.hint in caught.value.hint
    assert first.can_make
