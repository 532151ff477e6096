"""Where a service's images go, and under which name servers pull them: the admin's ``registry/prefix``, twice.

An image has one reference for everybody but the one who pushes it: the name it is pulled by, and its digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubkiln.errors import BadSpec
from hubkiln.images.names import parse_name

NAMED = "{name}"
"""What stands in a target for the repository that an image is of."""

_HINT = f"Write it like registry.example.org/hub/environments, or registry.example.org/hub/{NAMED}."


@dataclass(frozen=True, slots=True)
class PushTarget:
    """One repository of a registry that gets all images as tags, or with ``{name}`` a repository for each of ours."""

    push: str
    """Repository to push to."""

    pull: str
    """The same as servers see it."""

    def __post_init__(self) -> None:
        """
        Raises:
            BadSpec: one is no repository, or only one of them has ``{name}``.
        """
        for text in (self.push, self.pull):
            name = parse_name(text.replace(NAMED, "name"))
            if name.tag or name.digest or "{" in text.replace(NAMED, ""):
                raise BadSpec(f"“{text[:200]}” is not a repository of a registry.", hint=_HINT)
        if (NAMED in self.push) is not (NAMED in self.pull):
            raise BadSpec(f"Only one of “{self.push}” and “{self.pull}” has {NAMED}.", hint="Put it into both.")

    @property
    def host(self) -> str:
        """Of the registry that is pushed to."""
        return parse_name(self.push.replace(NAMED, "name")).host

    def repository(self, name: str, mark: str) -> str:
        """Where images of a repository called `name` go; `mark` tells it from others of that name."""
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "environment"
        return str(parse_name(self.push.replace(NAMED, f"{plain}-{mark}")).repository)

    def pulled(self, reference: str) -> str:
        """What servers call the image that was pushed as `reference`; others keep their name."""
        return _moved(reference, self.push, self.pull)

    def pushed(self, reference: str) -> str:
        """What was pushed for the image that servers call `reference`; others keep their name."""
        return _moved(reference, self.pull, self.push)

    def holds(self, reference: str) -> bool:
        """Whether `reference` is of a repository that is pushed to."""
        return _match(reference, self.push) is not None


def _moved(reference: str, before: str, after: str) -> str:
    found = _match(reference, before)
    if found is None:
        return reference
    name = found.groupdict().get("name") or ""
    moved = parse_name(after.replace(NAMED, name)).repository
    return f"{moved}{found['rest']}"


def _match(reference: str, pattern: str) -> re.Match[str] | None:
    repository = parse_name(pattern.replace(NAMED, "hubkiln-0name0")).repository
    escaped = re.escape(repository).replace(re.escape("hubkiln-0name0"), r"(?P<name>[a-z0-9]+(?:-+[a-z0-9]+)*)")
    return re.fullmatch(rf"{escaped}(?P<rest>(?::[\w.-]+)?(?:@sha256:[0-9a-f]{{64}})?)", reference)
