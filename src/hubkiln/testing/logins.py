"""Logins for registries that a test chooses, in place of those in other tools' files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubkiln.images import ImageName, Login


@dataclass(frozen=True, slots=True)
class FixedLogins:
    """The same logins whenever one asks, by host."""

    logins: Mapping[str, Login] = field(default_factory=dict)

    async def find(self, name: ImageName) -> Login | None:
        """See :class:`hubkiln.images.credentials.Credentials`."""
        return self.logins.get(name.host)
