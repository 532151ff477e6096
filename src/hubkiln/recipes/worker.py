"""Reads one recipe, in a process of its own that has nothing but a pipe to ask for the files' bytes.

``python -m hubkiln.recipes.worker`` writes a line for each question, reads a line for each answer, and ends with what
it found. What strangers wrote is parsed here and nowhere else: within bounds of memory and, by whoever started it
(:mod:`hubkiln.recipes.apart`), of time; as nobody where we are root; a parser that falls over takes nobody along.
"""

from __future__ import annotations

import base64
import importlib
import json
import select
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from hubkiln.confined import confine
from hubkiln.errors import RecipeError
from hubkiln.recipes.reader import read_from

MEMORY_BYTES = 1 << 30

_LATER = ("yaml", "charset_normalizer")
"""What only some recipes need; nobody may not be able to read where it is."""


class Asked:
    """A checkout's files, asked for over the pipe; see :class:`hubkiln.recipes.disk.Source`."""

    def is_folder(self, path: str) -> bool:
        """See :class:`hubkiln.recipes.disk.Source`."""
        return bool(_ask("is_folder", path))

    def exists(self, path: str) -> bool:
        """See :class:`hubkiln.recipes.disk.Source`."""
        return bool(_ask("exists", path))

    def is_file(self, path: str) -> bool:
        """See :class:`hubkiln.recipes.disk.Source`."""
        return bool(_ask("is_file", path))

    def leads_nowhere(self, path: str) -> bool:
        """See :class:`hubkiln.recipes.disk.Source`."""
        return bool(_ask("leads_nowhere", path))

    def inside(self, path: str) -> str | None:
        """See :class:`hubkiln.recipes.disk.Source`."""
        found: str | None = _ask("inside", path)
        return found

    def folders_with(self, names: str) -> list[str]:
        """See :class:`hubkiln.recipes.disk.Source`."""
        found: list[str] = _ask("folders_with", names)
        return found

    def scripts(self, folder: str) -> list[str]:
        """See :class:`hubkiln.recipes.disk.Source`."""
        found: list[str] = _ask("scripts", folder)
        return found

    def content(self, path: str, largest: int) -> bytes:
        """See :class:`hubkiln.recipes.disk.Source`."""
        return base64.b64decode(_ask("content", path, largest))


def _ask(*question: object) -> Any:
    print(json.dumps({"ask": question}), flush=True)
    answer = json.loads(sys.stdin.readline())
    if "failed" in answer:
        raise RecipeError(answer["failed"][0], hint=answer["failed"][1])
    return answer["found"]


def _tell(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Say where this broke off; never with what: an error's text may hold what was parsed, many times over."""
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f"{Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}" if at is not None else "nowhere"
    print(json.dumps({"broken": f"{kind.__name__}, {where}"}), flush=True)


def _load() -> None:
    """Load what the recipe will need, which the other end says; while it says nothing yet, what it might need."""
    for name in _LATER:
        if select.select([sys.stdin], [], [], 0)[0]:
            break
        importlib.import_module(name)
    for name in json.loads(sys.stdin.readline())["load"]:
        if name in _LATER:
            importlib.import_module(name)


def main() -> None:
    """Read the recipe of whoever is at the other end."""
    sys.excepthook = _tell
    _load()
    confine(memory_bytes=MEMORY_BYTES)
    try:
        told: dict[str, object] = {"recipe": asdict(read_from(Asked()))}
    except RecipeError as error:
        told = {"failed": [error.message, error.hint]}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
