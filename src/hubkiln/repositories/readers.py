"""Whether somebody may still read a private repository: asked of its host, and remembered for minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hubkiln.errors import AccessDenied, NotFound
from hubkiln.values import Revision, Spec

_MOST = 10_000


class Readers:
    """Asks with the reader's own token; for what everybody may read nothing is asked."""

    def __init__(
        self,
        resolve: Callable[[Spec], Awaitable[Revision]],
        *,
        seconds: float = 300,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds` is how long an answer is used again: who loses the right may start for so long."""
        self._resolve, self._seconds, self._clock = resolve, seconds, clock
        self._known: OrderedDict[Spec, tuple[float, bool]] = OrderedDict()

    async def may_read(self, spec: Spec) -> bool:
        """
        Whether the reader of `spec` may still read its repository.

        Raises:
            Unreachable, Refused: that cannot be told now.
        """
        if not spec.reader:
            return True
        asked = replace(spec, ref="HEAD", subdir="")
        until, answer = self._known.get(asked, (0.0, False))
        if until > self._clock():
            return answer
        try:
            await self._resolve(asked)
            answer = True
        except (AccessDenied, NotFound):
            answer = False
        self._known[asked] = (self._clock() + self._seconds, answer)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return answer
