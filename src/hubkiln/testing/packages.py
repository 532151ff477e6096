"""A package index in memory: :class:`FakeLocker` answers at once and needs neither uv nor a network.

::

    locker = FakeLocker([release("numpy", "2.0"), release("pandas", "2.2")])
    packages = Packages(data, locker=locker)
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import HubkilnError, LockFailed
from hubkiln.packages import IndexFile, Lock, LockRequest, NeedsBuilding, Wheel
from hubkiln.values import Say


def release(name: str, version: str, *, url: str | None = None, sha256: str | None = None) -> Wheel:
    """A wheel of the fake index; its hash is made from its name unless given."""
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return Wheel(
        name=str(canonicalize_name(name)),
        version=version,
        filename=filename,
        url=url or f"https://packages.example/{filename}",
        sha256=sha256 or hashlib.sha256(filename.encode()).hexdigest(),
        size=1000,
    )


class FakeLocker:
    """
    Locks against `releases`: the newest that fits each requirement, and nothing they depend on.

    Packages named in `sources` have no wheel, and those in `only` have some for these Pythons alone. With `raises`,
    every request ends with that error.
    """

    def __init__(
        self,
        releases: Sequence[Wheel] = (),
        *,
        sources: Collection[str] = (),
        only: Mapping[str, Collection[str]] | None = None,
        raises: HubkilnError | None = None,
    ) -> None:
        self._releases, self._sources, self._raises = releases, sources, raises
        self._only = only or {}
        self.requests: list[LockRequest] = []
        """What was asked, in order."""

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`."""
        self.requests.append(request)
        if self._raises is not None:
            raise self._raises
        asked = [_parse(line) for line in request.requirements]
        wanted = [line for line in asked if canonicalize_name(line.name) not in request.left_out]
        bounds = [_parse(line) for line in request.constraints]
        if missing := [_within(line, bounds) for line in wanted if self._has_no_wheel(line.name, request.python.minor)]:
            if request.allow_sdists:
                raise NeedsBuilding(missing)
            raise LockFailed(f"There is no ready-made package (wheel) of {', '.join(missing)}.")
        chosen = {str(canonicalize_name(line.name)): self._newest(line.name, [*wanted, *bounds]) for line in wanted}
        wheels = tuple(chosen[name] for name in sorted(chosen))
        return Lock(python=request.python.minor, wheels=wheels, text=_text(wheels))

    def _has_no_wheel(self, name: str, minor: str) -> bool:
        name = canonicalize_name(name)
        return name in self._sources or minor not in self._only.get(name, (minor,))

    def _newest(self, name: str, requirements: Sequence[Requirement]) -> Wheel:
        known = [wheel for wheel in self._releases if wheel.name == canonicalize_name(name)]
        if not known:
            raise LockFailed(f"There is no package named {name} in the package index.", hint="Check its spelling.")
        mine = [line for line in requirements if canonicalize_name(line.name) == canonicalize_name(name)]
        fitting = [wheel for wheel in known if all(wheel.version in line.specifier for line in mine)]
        if not fitting:
            raise LockFailed(f"There is no version of {name} that fits.", hint="Change the pin.")
        return fitting[-1]


def _parse(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        raise LockFailed(f"{line!r} is not a requirement.") from error


def _within(line: Requirement, bounds: Sequence[Requirement]) -> str:
    for one in bounds:
        if canonicalize_name(one.name) == canonicalize_name(line.name):
            line.specifier &= one.specifier
    return str(line)


def _text(wheels: Sequence[Wheel]) -> str:
    packages = "".join(
        f'\n[[packages]]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n'
        f'wheels = [{{ url = "{wheel.url}", size = {wheel.size}, hashes = {{ sha256 = "{wheel.sha256}" }} }}]\n'
        for wheel in wheels
    )
    return 'lock-version = "1.0"\ncreated-by = "hubkiln"\n' + (packages or "packages = []\n")


class FakeIndex:
    """Knows the files named for each project."""

    def __init__(self, files: Mapping[str, Sequence[str]] | None = None) -> None:
        self._files = files or {}

    async def files(self, project: str) -> tuple[IndexFile, ...]:
        """See :class:`hubkiln.packages.simple_index.Index`."""
        if project not in self._files:
            raise LockFailed(f"There is no package named {project} in the package index.")
        return tuple(IndexFile(filename=name) for name in self._files[project])
