"""A step's command, run in its room under every limit, with its way out and its failure explained."""

from __future__ import annotations

from collections.abc import Sequence

from hubkiln.egress import Reach, StepProxy
from hubkiln.errors import HubkilnError
from hubkiln.sandbox import BuildEngine, Network, Outcome, Room, run_step
from hubkiln.values import Say


class Tail:
    """Passes log text on and remembers its end."""

    def __init__(self, say: Say, keep: int = 200_000) -> None:
        self._say, self._keep = say, keep
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = (self.text + text)[-self._keep :]
        self._say(text)

    def end(self) -> None:
        """Nothing more will come; what is said next begins a line of its own."""
        if self.text and not self.text.endswith("\n"):
            self("\n")


async def run_explained(
    engine: BuildEngine, room: Room, argv: Sequence[str], say: Say, *, what: str, reach: Reach
) -> Outcome:
    """
    Run `argv` in `room`, whose network is that of `reach`, to a good end; `what` begins sentences.

    Raises:
        BuildFailed, TooLarge: its own fault, explained.
        DiskFull, ServiceError.
    """
    said = Tail(say)
    proxy = StepProxy(reach, say)
    door = proxy.serve if room.network is Network.DOOR else None
    try:
        return await run_step(engine, engine.identity, room, argv, said, what=what, door=door)
    except HubkilnError as error:
        from hubkiln.composer.steps.explain.explain import explain_build  # a large catalogue, for failures alone

        raise explain_build(said.text, what, error, reach=reach, refused=proxy.refused) from error
    finally:
        said.end()
