"""What is said of a step that reached a limit: its own, or one that only its pod had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hubkiln.errors import BuildFailed
from hubkiln.sandbox.interface import Door, Outcome, Overlay, Room
from hubkiln.sandbox.steps import run_step
from hubkiln.testing.sandbox import FakeEngine
from hubkiln.values import Limits, Say


class Ends(FakeEngine):
    """Ends each command as it is told."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """Without a beginning."""
        return self._outcome


MEMORY = Outcome(code=137, output="", out_of_memory=True)
TIME = Outcome(code=137, output="", timed_out=True)


@pytest.mark.parametrize(
    ("outcome", "limits", "says"),
    [
        (MEMORY, Limits(memory_bytes=2**30), "`x` ran out of memory (limit 1 GiB)."),
        (MEMORY, Limits(), "`x` ran out of memory."),
        (TIME, Limits(seconds=90), "`x` took longer than 90 s and was stopped."),
        (TIME, Limits(), "`x` took longer than its pod may."),
    ],
)
async def test_a_limit_is_named_where_it_is_the_steps_own(
    tmp_path: Path, outcome: Outcome, limits: Limits, says: str
) -> None:
    """Never one of nothing: with `none`, a pod still has its cluster's, and a day to end in."""
    engine = Ends(outcome)
    room = Room(overlays=(Overlay(target="/srv", lowers=(tmp_path,), upper=tmp_path / "upper"),), limits=limits)
    with pytest.raises(BuildFailed) as failed:
        await run_step(engine, engine.identity, room, ["x"], print, what="`x`")
    assert failed.value.message == says
