"""Synthetic packages and environments that share them: what real ones are like, at a hundredth of the bytes.

Names are drawn by Zipf's law, each in its newer version four times of five. Four large wheels hold most of an
environment's bytes, as numpy and its like do. The ten that are in every environment bear names and versions of the
Jupyter stack, so they are treated as it is.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from hubkiln.packages import stack
from hubkiln.packages.interface import Lock, Wheel
from index_server import Index, serve
from wheels import make_wheel

SMALL, LARGE, COMMON = 300, 24, 10
"""Names of each kind; small and large ones have two versions."""
ASKED_SMALL, ASKED_LARGE = 40, 4
LARGE_BYTES = (2_200_000, 3_200_000)


@dataclass(frozen=True)
class Pool:
    """Wheels on a running index; by name, the newest first."""

    common: tuple[Wheel, ...]
    small: tuple[tuple[Wheel, ...], ...]
    large: tuple[tuple[Wheel, ...], ...]

    @property
    def wheels(self) -> list[Wheel]:
        """All of them."""
        return [*self.common, *(wheel for versions in (*self.small, *self.large) for wheel in versions)]

    def lock(self, number: int, minor: str) -> Lock:
        """What environment `number` needs; always the same for the same number."""
        choice = random.Random(f"environment {number}")
        chosen = [*self.common]
        for versions in (*drawn(choice, self.small, ASKED_SMALL), *drawn(choice, self.large, ASKED_LARGE)):
            chosen.append(versions[0] if choice.random() < 0.8 else versions[1])
        wheels = tuple(sorted(chosen, key=lambda wheel: wheel.name))
        return Lock(python=minor, wheels=wheels, text=pylock(wheels))


@contextmanager
def pool(folder: Path, minor: str) -> Iterator[Pool]:
    """Make all wheels in `folder` and serve them until the block ends."""
    folder.mkdir()
    with serve(folder) as index:
        index.immutable = True
        yield Pool(
            common=tuple(made(index, name, version, 30_000) for name, version in stack.preferred(minor)[:COMMON]),
            small=tuple(versions(index, f"small-{number}", 1_000, 60_000) for number in range(SMALL)),
            large=tuple(versions(index, f"large-{number}", *LARGE_BYTES) for number in range(LARGE)),
        )


def versions(index: Index, name: str, least: int, most: int) -> tuple[Wheel, ...]:
    """Two versions of `name`, the newer first."""
    size = random.Random(name).randint(least, most)
    return tuple(made(index, name, version, size) for version in ("2.0", "1.0"))


def made(index: Index, name: str, version: str, size: int) -> Wheel:
    """A wheel of some modules, two thirds of which its versions have in common, and `size` bytes of data."""
    module = name.replace("-", "_")
    files: dict[str, bytes | str] = {f"{module}/__init__.py": f"VERSION = {version!r}\n"}
    for number in range(9):
        seed = f"{name} {number} {version if number % 3 == 0 else ''}"
        files[f"{module}/part{number}.py"] = code(random.Random(seed), 40)
    files[f"{module}/data.bin"] = random.Random(f"{name} {version}").randbytes(size)
    return index.wheel(make_wheel(index.folder, name, version, files))


def code(choice: random.Random, functions: int) -> str:
    """Python that compiles and is as compressible as people's."""
    return "".join(
        f"def function_{choice.randrange(10**6)}(first, second):\n"
        f"    '''{' '.join(choice.choice(WORDS) for _ in range(8))}'''\n"
        f"    return first * {choice.randrange(10**4)} + second\n\n"
        for _ in range(functions)
    )


WORDS = (
    "returns",
    "the",
    "sum",
    "of",
    "both",
    "values",
    "as",
    "given",
    "or",
    "none",
    "where",
    "nothing",
    "was",
    "found",
)


def drawn(choice: random.Random, kinds: tuple[tuple[Wheel, ...], ...], count: int) -> list[tuple[Wheel, ...]]:
    """`count` different ones, the first in the list the likeliest."""
    weights = [1 / rank for rank in range(1, len(kinds) + 1)]
    found: dict[int, tuple[Wheel, ...]] = {}
    while len(found) < count:
        number = choice.choices(range(len(kinds)), weights)[0]
        found[number] = kinds[number]
    return list(found.values())


def pylock(wheels: tuple[Wheel, ...]) -> str:
    """The wheels as a pylock.toml, which uv installs from without asking an index."""
    lines = ['lock-version = "1.0"', 'created-by = "hubkiln"']
    for wheel in wheels:
        lines += ["", "[[packages]]", f'name = "{wheel.name}"', f'version = "{wheel.version}"']
        file = f'name = "{wheel.filename}", url = "{wheel.url}", size = {wheel.size}'
        lines.append(f'wheels = [{{ {file}, hashes = {{ sha256 = "{wheel.sha256}" }} }}]')
    return "\n".join(lines) + "\n"
