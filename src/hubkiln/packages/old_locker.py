"""Locks requirements for Pythons that uv no longer resolves for: 2.7 and 3.5.

The resolving is resolvelib's, as in pip; what there is comes from the index, and what a package needs from its wheels,
whose markers are read for the Python that is asked about. Nothing of any package is run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkiln.errors import LockFailed
from hubkiln.packages.cpython import number
from hubkiln.packages.interface import Lock, Locker, LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.lockfile import parse_lock
from hubkiln.packages.simple_index import Index
from hubkiln.packages.uv_locker import check_hashes
from hubkiln.packages.wheel_needs import WheelNeeds
from hubkiln.values import Say

if TYPE_CHECKING:
    from hubkiln.packages.old_resolver import Candidate

OLDEST_OF_UV = (3, 6)


@dataclass(frozen=True, slots=True)
class ByPython:
    """Asks `old` for the Pythons that the `usual` locker does not know."""

    usual: Locker
    old: Locker

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`."""
        locker = self.old if number(request.python.minor)[:2] < OLDEST_OF_UV else self.usual
        return await locker.lock(request, say)


@dataclass(frozen=True, slots=True)
class OldLocker:
    """See :class:`hubkiln.packages.interface.Locker`."""

    settings: PackageSettings
    index: Index
    needs: WheelNeeds = field(default_factory=WheelNeeds)

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`."""
        from hubkiln.packages.old_resolver import KnownWheels, resolved  # seldom needed, and not small

        loop = asyncio.get_running_loop()
        wheels = KnownWheels(request, self.settings.platform, self.index, self.needs, loop)
        async with asyncio.timeout(self.settings.seconds):
            await wheels.look_ahead()
            found = await asyncio.to_thread(resolved, request, wheels)
        needed = sorted(f"{one.name}=={one.version}" for one in found if one.is_source)
        if needed and request.allow_sdists:
            raise NeedsBuilding(needed)
        if needed:
            raise LockFailed(
                f"There is no wheel of {', '.join(needed)} for Python {request.python.minor}.",
                hint="Ask for other versions.",
            )
        lock = parse_lock(_written(found), request.python, self.settings.platform)
        check_hashes(lock, request)
        return lock


def _written(found: Sequence[Candidate]) -> str:
    """A pylock.toml, as uv writes it."""
    lines = ['lock-version = "1.0"', 'created-by = "hubkiln"']
    for one in found:
        file = one.file
        if file.sha256 is None:
            raise LockFailed(f"The index has no sha256 for {file.filename}.", hint="Ask the admin to check the index.")
        at = f", upload-time = {file.uploaded:%Y-%m-%dT%H:%M:%SZ}" if file.uploaded else ""
        hashes = f"hashes = {{ sha256 = {json.dumps(file.sha256)} }}"
        lines += [
            *("", "[[packages]]", f"name = {json.dumps(one.name)}", f"version = {json.dumps(str(one.version))}"),
            f"wheels = [{{ name = {json.dumps(file.filename)}, url = {json.dumps(file.url)}{at}, {hashes} }}]",
        ]
    return "\n".join([*lines, ""])
