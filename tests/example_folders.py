"""The folders below ``tests/examples``: what each is, from their table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A repository in a folder."""

    name: str
    kind: str = ""
    """What repo2docker takes it for."""
    path: str = ""
    """How Hubkiln makes it."""
    also: str = ""
    """What its test needs: ``base image``, ``channel``, ``engine``, ``image``; empty for no more than usual."""
    refused: str = ""
    """Words of the error, where it cannot be built by anybody."""

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name

    @property
    def has_verify(self) -> bool:
        return (self.folder / "verify").exists()


def examples() -> list[Example]:
    """All of them, in the order of the table."""
    table = tomllib.loads((EXAMPLES / "examples.toml").read_text())
    return [Example(name=f"{group}/{name}", **row) for group, rows in table.items() for name, row in rows.items()]


def names(also: str) -> list[str]:
    """Those that can be verified with what `also` says."""
    return [one.name for one in examples() if one.has_verify and one.also == also]


def find(name: str) -> Example:
    """The one of that name."""
    return next(one for one in examples() if one.name == name)
