"""One build being told: what happens, in which phase, and how long each phase took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hubkiln.builds.events import Entered, Log, Phase, Progress
from hubkiln.builds.interface import Tell


@dataclass
class Reporter:
    """Whoever works on a build tells it here."""

    tell: Tell
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Everything inside belongs to `phase`."""
        self.tell(Entered(phase))
        start = time.monotonic()
        try:
            yield
        finally:
            taken = time.monotonic() - start + self.seconds.get(phase.value, 0)
            self.seconds[phase.value] = round(taken, 3)

    def say(self, text: str) -> None:
        """Log text for whoever watches."""
        self.tell(Log(text))

    def progress(self, done: int, total: int) -> None:
        """Bytes done of bytes in all."""
        self.tell(Progress(done, total))
