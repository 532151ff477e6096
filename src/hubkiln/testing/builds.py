"""A builder that follows a script: for tests of everything around building, and for working on the page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hubkiln.builds import BuildRequest, Built, Entered, Event, Log, Phase, Planned, Resolved, Tell

COMMIT = "0123456789abcdef0123456789abcdef01234567"

SCRIPT: tuple[Event, ...] = (
    Entered(Phase.RESOLVING),
    Resolved(COMMIT),
    Entered(Phase.FETCHING),
    Log("Fetching the repository.\n"),
    Entered(Phase.PLANNING),
    Planned("compose", ("requirements.txt is made of wheels",)),
    Entered(Phase.LOCKING),
    Log("2 packages.\n"),
    Entered(Phase.BUILDING),
    Log("Downloading \x1b[32mnumpy\x1b[0m\n"),
    Entered(Phase.VERIFYING),
)

BUILT = Built(
    image="hubkiln.local/requirements:0123456789ab",
    environment_key="k" * 16,
    commit=COMMIT,
    name="requirements",
    plan="compose",
    why=("requirements.txt is made of wheels",),
    lock_digest="d" * 64,
)


class FakeBuilder:
    """
    Tells `script`, then returns `built` or raises `raises`.

    With ``held=True`` a build waits after its first `before` events until :meth:`release` is called.
    """

    def __init__(
        self,
        script: Sequence[Event] = SCRIPT,
        *,
        built: Built = BUILT,
        raises: Exception | None = None,
        held: bool = False,
        before: int = 4,
    ) -> None:
        self.script, self.built, self.raises = tuple(script), built, raises
        self.requests: list[BuildRequest] = []
        """Every request, in the order of their starts."""
        self.running = 0
        self.most_running = 0
        self.cancelled = 0
        self._before = before if held else len(self.script)
        self._go = asyncio.Event()
        self._changed = asyncio.Condition()
        if not held:
            self._go.set()

    def release(self) -> None:
        """Let every build go on, those to come included."""
        self._go.set()

    async def until_started(self, count: int) -> None:
        """Wait for the `count`-th build to be held (or to have told everything)."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= count)

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            for event in self.script[: self._before]:
                tell(event)
            async with self._changed:
                self.requests.append(request)
                self._changed.notify_all()
            await self._go.wait()
            for event in self.script[self._before :]:
                tell(event)
            if self.raises is not None:
                raise self.raises
            return self.built
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
