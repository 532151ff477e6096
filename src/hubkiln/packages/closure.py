"""Which packages of a lock some of them need: followed through what each wheel says that it requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.packages.archive import USUAL, read, read_directory
from hubkiln.packages.interface import Wheel
from hubkiln.packages.tags import environment_for
from hubkiln.values import Interpreter


def closure(
    roots: Iterable[str], wheels: Mapping[str, Wheel], paths: Mapping[Wheel, Path], python: Interpreter, platform: str
) -> tuple[Wheel, ...]:
    """
    Those of `wheels` (by normalised name) that the packages `roots` need, themselves included; sorted by name.

    Raises:
        BadWheel: a wheel is damaged.
    """
    values = {name: str(value) for name, value in environment_for(python, platform).items()}
    found: dict[str, set[str]] = {}
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), {"", *wanted.extras}
        new = extras - found.get(name, set())
        if name not in wheels or not new:
            continue
        found.setdefault(name, set()).update(new)
        for one in _requires(paths[wheels[name]]):
            if one.marker is None or any(one.marker.evaluate(values | {"extra": extra}) for extra in new):
                waiting.append(one)
    return tuple(wheels[name] for name in sorted(found))


def _requires(path: Path) -> list[Requirement]:
    files = read_directory(path, USUAL)
    name = next((name for name in files if name.count("/") == 1 and name.endswith(".dist-info/METADATA")), None)
    if name is None:
        return []
    headers = HeaderParser().parsestr(read(files[name].member, USUAL).decode("utf-8", "replace"), headersonly=True)
    found = []
    for line in headers.get_all("Requires-Dist") or ():
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            continue
    return found
