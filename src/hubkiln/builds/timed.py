"""A builder that holds back: so long and no longer."""

from __future__ import annotations

import asyncio

from hubkiln.builds.interface import Builder, BuildRequest, Built, Tell
from hubkiln.errors import BuildFailed


class Timed:
    """Stops a build of `inner` after so many `seconds`; None lets it run."""

    def __init__(self, inner: Builder, seconds: float | None) -> None:
        self._inner, self._seconds = inner, seconds

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                return await self._inner.build(request, tell)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise BuildFailed(
                f"The build took longer than {_spoken(self._seconds or 0)} and was stopped.",
                hint="Ask for less, or ask the admin to allow longer builds.",
            ) from error


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.0f} minutes"
