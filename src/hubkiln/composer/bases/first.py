"""The default base image, made by the first build that stands on one, so that nobody has to know of it."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable

from hubkiln.composer.bases.bases import DEFAULT_BASE, default_base
from hubkiln.composer.bases.debian.image import BaseImage, BaseRequest, build_base
from hubkiln.errors import BadSpec, BuildFailed, EngineMissing, NotReady, Unsupported
from hubkiln.images import OciLayout
from hubkiln.turns import Turns
from hubkiln.values import Say

Build = Callable[[BaseRequest, OciLayout, Say], Awaitable[BaseImage]]
"""As :func:`hubkiln.composer.bases.debian.image.build_base`."""


class FirstBase:
    """Makes it where there is none; several builds that need it at a time wait for one."""

    def __init__(self, layout: OciLayout, build: Build = build_base, program: str = "mmdebstrap") -> None:
        self._layout, self._build, self._program, self._turns = layout, build, program, Turns()

    @property
    def can_make(self) -> bool:
        """Whether one would be made: there is none yet, and there is what unpacks Debian's packages."""
        return default_base(self._layout) is None and shutil.which(self._program) is not None

    async def ensure(self, say: Say) -> None:
        """
        Make it, if :attr:`can_make`.

        Raises:
            NotReady: it cannot be made here. Unreachable: Debian's packages cannot be had. DiskFull.
        """
        async with self._turns.of(DEFAULT_BASE):
            if not self.can_make:
                return
            say("There is no base image on this machine yet. One is made now, once, of Debian's packages.\n")
            try:
                made = await self._build(BaseRequest(), self._layout, say)
            except (BadSpec, BuildFailed, EngineMissing, Unsupported) as error:
                raise NotReady(
                    f"There is no base image on this machine yet, and none could be made. {error.message}",
                    hint=f"An admin's turn: {error.hint}",
                ) from error
            self._layout.tag(DEFAULT_BASE, made.image.descriptor)
