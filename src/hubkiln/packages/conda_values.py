"""What the conda side speaks of: settings, a lock that can be kept as text, and the parts an environment falls into.

The lock is our own explicit list rather than conda's, for two reasons: conda's has no dependencies (they decide the
order in which packages are placed), and ours gives the same text for the same packages on any machine.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from hubkiln.errors import RecipeError
from hubkiln.keys import digest
from hubkiln.values import FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaSettings:
    """Where conda packages may come from, and how much of them."""

    host: str = "https://conda.anaconda.org"
    """What a channel's name is looked up below; a mirror of it works as well."""

    default_channels: tuple[str, ...] = ("conda-forge",)
    """For an environment.yml that names none."""

    allowed_channels: tuple[str, ...] | None = None
    """Names or URLs (``https://…``, ``file:///…``) a recipe may use. None allows every channel of `host` by name, and
    neither URLs nor the company's own (``defaults``, ``main``: their terms ask larger organisations for a licence)."""

    glibc: str = "2.28"
    """What packages may expect of the image's C library. One value for all keeps locks equal across machines."""

    solve_seconds: float = 300
    """Longest solve, fetching the channels' indexes included."""

    max_packages: int = 2000
    """More than the largest sensible environment; a bound against a hostile channel."""

    max_bytes: int = 20 * 1024**3
    """Largest environment, unpacked."""

    downloads_at_once: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """One exact package of a lock."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    """``linux-64`` or ``noarch``."""
    url: str
    """Where its archive is; never holds credentials."""
    channel: str
    """URL of its channel."""
    sha256: str
    size: int | None = None
    """Bytes of the archive, where the channel tells."""
    noarch: str = ""
    """``python``, ``generic`` or empty."""
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    site_packages: str = ""
    """For Python itself: where its packages live below the prefix, if it says so."""
    license: str = ""

    @property
    def filename(self) -> str:
        """``numpy-1.26.4-py311h64a7726_0.conda``."""
        ending = ".conda" if self.url.endswith(".conda") else ".tar.bz2"
        return f"{self.name}-{self.version}-{self.build}{ending}"


@dataclass(frozen=True, slots=True)
class Archive:
    """A package on disk, checked."""

    package: CondaPackage
    path: Path
    files: tuple[str, ...]
    """Paths it places below the prefix (``site-packages/…`` for noarch Python), links left out."""
    links: tuple[str, ...]
    """Symbolic links among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaLock:
    """Exact conda packages for one platform and Python minor."""

    platform: str
    python: str
    """Minor version, ``3.11``; the interpreter itself is one of the packages."""
    packages: tuple[CondaPackage, ...]
    """Sorted by name."""

    @property
    def text(self) -> str:
        """The lock as JSON, to be kept with the environment; equal locks give equal text."""
        document = {"version": 1, "platform": self.platform, "python": self.python}
        rows = [
            {name: value for name, value in asdict(p).items() if value not in ("", (), None)} for p in self.packages
        ]
        return json.dumps(document | {"packages": rows}, indent=1, sort_keys=True) + "\n"

    @property
    def digest(self) -> str:
        """sha256 hex over the packages' own hashes: the same packages give the same digest wherever they came from."""
        named = [self.platform, self.python, [(p.name, p.version, p.build, p.sha256) for p in self.packages]]
        return digest(named)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPart:
    """What one package owns of an installed prefix: the stuff of one layer."""

    name: str
    """The package's name; ``""`` for what no package owns."""
    version: str
    key: str
    """sha256 hex; equal keys mean equal files, on any machine."""
    files: tuple[str, ...]
    """POSIX paths below the prefix, sorted: files and links, no folders."""
    size_bytes: int


def parse_lock(text: str) -> CondaLock:
    """
    The lock that :attr:`CondaLock.text` wrote.

    Raises:
        RecipeError: it is not one.
    """
    known = {field.name for field in fields(CondaPackage)}
    try:
        document = json.loads(text)
        if document["version"] != 1:
            raise ValueError(f"version {document['version']}")
        packages = tuple(
            CondaPackage(**_frozen(row, known))  # type: ignore[arg-type]
            for row in document["packages"]
        )
        return CondaLock(platform=document["platform"], python=document["python"], packages=packages)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"The stored conda lock cannot be read ({error}).", hint="Build with a fresh lock (refresh)."
        ) from error


def _frozen(row: dict[str, object], known: set[str]) -> dict[str, object]:
    """The fields of a row that we know, lists as the tuples they were."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items() if key in known}


def part_key(*inputs: str) -> str:
    """The key of a part made from `inputs`; changes with our format."""
    return hashlib.sha256("\0".join((FORMAT, "conda", *inputs)).encode()).hexdigest()
