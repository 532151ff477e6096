"""A push that fails is tried again alone."""

from __future__ import annotations

import pytest

from hubkiln.composer.targets.patience import Patience
from hubkiln.errors import AccessDenied, HubkilnError, Unreachable


class Registry:
    """Fails as told, then works; remembers the pauses and what was said."""

    def __init__(self, *errors: HubkilnError) -> None:
        self.errors, self.pauses, self.said = list(errors), list[float](), ""

    async def push(self) -> str:
        """One try."""
        if self.errors:
            raise self.errors.pop(0)
        return "there"

    async def sleep(self, seconds: float) -> None:
        """No time passes."""
        self.pauses.append(seconds)

    def say(self, text: str) -> None:
        """The log."""
        self.said += text

    async def run(self, seconds: float) -> str:
        """With so much patience."""
        return await Patience(seconds=seconds, sleep=self.sleep).run(self.push, self.say)


def passing(after: float | None = None) -> Unreachable:
    """What another request may cure."""
    error = Unreachable("registry.lan does not answer.")
    error.passing, error.after = True, after
    return error


async def test_what_passes_is_waited_out() -> None:
    """With longer and longer pauses, and the log says so."""
    registry = Registry(passing(), passing(), passing())
    assert await registry.run(300) == "there"
    assert registry.pauses == [5, 10, 20] and "tried again in 5 seconds" in registry.said


async def test_what_the_registry_asks_for_is_kept_to() -> None:
    """A 429 with a time."""
    registry = Registry(passing(after=90))
    await registry.run(300)
    assert registry.pauses == [90]


async def test_patience_ends() -> None:
    """Then the failure is the registry's, and the log says that nothing is lost."""
    registry = Registry(*(passing() for _ in range(20)))
    with pytest.raises(Unreachable):
        await registry.run(60)
    assert sum(registry.pauses) <= 60 and "is kept" in registry.said


@pytest.mark.parametrize("error", [Unreachable("Its certificate cannot be trusted."), AccessDenied("No.")])
async def test_what_stays_is_not_tried_again(error: HubkilnError) -> None:
    """A certificate, a login."""
    registry = Registry(error)
    with pytest.raises(type(error)):
        await registry.run(300)
    assert registry.pauses == []
