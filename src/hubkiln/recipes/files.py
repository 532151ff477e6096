"""Reads a recipe's files: bounded, as text, never through a link that leaves the checkout; remembers what was read.

What guesses encodings is loaded when a file needs it: most repositories have nothing but UTF-8.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from hubkiln.errors import RecipeError
from hubkiln.recipes.disk import MIB, Source
from hubkiln.recipes.toml_file import older_toml
from hubkiln.recipes.yaml_file import Lines, read_mapping

LARGEST = MIB
"""Bytes of a file that a person could have written; a larger one is something else."""

LARGEST_LOCK = 16 * LARGEST
"""Bytes of a lock file, which a program writes."""

_LFS = b"version https://git-lfs.github.com/spec/"
_CONFLICT = re.compile(r"^<{7}(?: .*)?$(?=[\s\S]*^={7}$)", re.MULTILINE)

_BOMS = (
    (codecs.BOM_UTF8, codecs.utf_8_decode),
    (codecs.BOM_UTF32_LE, codecs.utf_32_le_decode),
    (codecs.BOM_UTF32_BE, codecs.utf_32_be_decode),
    (codecs.BOM_UTF16_LE, codecs.utf_16_le_decode),
    (codecs.BOM_UTF16_BE, codecs.utf_16_be_decode),
)
"""Decoders of the interpreter itself: where recipes are read, no module can be loaded any more."""


class Files:
    """The files below one root, the ``binder`` or ``.binder`` folder preferred."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.read: dict[str, str] = {}
        """Path below the root to sha256, of every file read."""
        self._lines_of: dict[tuple[str, str], dict[str, int]] = {}
        self.folder = self._find_folder()

    def _find_folder(self) -> str:
        there = [name for name in ("binder", ".binder") if self._source.is_folder(name)]
        if len(there) == 2:
            raise RecipeError("The repository has both a `binder` and a `.binder` folder.", hint="Remove one of them.")
        for name in there:
            if self._source.inside(name) is None:
                raise RecipeError(
                    f"`{name}` is a link that leaves the repository.", hint="Replace it by the folder itself."
                )
        return there[0] if there else ""

    def find(self, name: str) -> str | None:
        """Where the recipe's file `name` is below the root, if it exists; a dangling link does not."""
        path = f"{self.folder}/{name}" if self.folder else name
        return path if self.exists(path) else None

    def find_at_root(self, name: str) -> str | None:
        """As :meth:`find` for files that count only at the root of a repository without a binder folder."""
        return name if not self.folder and self.exists(name) else None

    def exists(self, path: str) -> bool:
        """Whether `path`, from the root, exists; a link to nowhere does not."""
        return self._source.exists(path)

    def is_file(self, path: str) -> bool:
        """Whether `path`, from the root, is a file or a link to one."""
        return self._source.is_file(path)

    def is_folder(self, path: str) -> bool:
        """Whether `path`, from the root, is a folder or a link to one."""
        return self._source.is_folder(path)

    def leads_nowhere(self, path: str) -> bool:
        """Whether `path`, from the root, is a link to what does not exist, as :meth:`exists` has it."""
        return self._source.leads_nowhere(path)

    def folders_with(self, names: Iterable[str]) -> tuple[str, ...]:
        """Folders below the root that hold one of the files called `names`; see :class:`Source`."""
        return tuple(self._source.folders_with(" ".join(names)))

    def scripts(self) -> tuple[str, ...]:
        """Programs and notebooks that list packages of their own; see :class:`Source`."""
        return tuple(self._source.scripts(""))

    def inside(self, path: str, *, within: str = "") -> str:
        """
        `path`, given in the folder `within`, as a path from the root.

        Raises:
            RecipeError: it leaves the checkout, by ``..`` or by a link.
        """
        if not path.startswith("/"):
            target = self._source.inside(f"{within}/{path}" if within else path)
            if target is not None:
                return target
        raise RecipeError(f"`{path}` is outside the repository.", hint="Only the repository's own files can be used.")

    def bytes(self, path: str, *, largest: int = LARGEST) -> bytes:
        """
        The content of `path`.

        Raises:
            RecipeError: not a file, outside, or too large.
        """
        content = self._source.content(path, largest)
        self.read[path] = hashlib.sha256(content).hexdigest()
        if content.startswith(_LFS):
            raise RecipeError(
                f"`{path}` is a pointer of Git LFS; the file itself is not there.",
                hint="Commit the file itself, or fetch it first (`git lfs pull`).",
            )
        return content

    def text(self, path: str, *, largest: int = LARGEST) -> str:
        """
        The text of `path` in whatever encoding it seems to have, lines ending in ``\\n``.

        Raises:
            RecipeError: as :meth:`bytes`; it is no text.
        """
        content = self.bytes(path, largest=largest)
        text = _decode(content)
        if text is None or "\0" in text:
            raise RecipeError(f"`{path}` is not a text file.", hint="Save it as plain text in UTF-8.")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if match := _CONFLICT.search(text):
            raise RecipeError(
                f"`{path}`, line {text.count(chr(10), 0, match.start()) + 1}: git left a conflict in the file.",
                hint="Settle it: choose one side, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`.",
            )
        return text

    def lines_of(self, path: str, written: str) -> dict[str, int]:
        """What the first group of the pattern `written` finds in `path`, with its line; 0 if it stands in several."""
        if (path, written) not in self._lines_of:
            found: dict[str, int] = {}
            for number, line in enumerate(self.text(path).split("\n"), 1):
                for match in re.finditer(written, line):
                    found[match[1]] = 0 if match[1] in found else number
            self._lines_of[path, written] = found
        return self._lines_of[path, written]

    def toml(self, path: str, *, largest: int = LARGEST, newer: bool = False) -> dict[str, Any]:
        """`path` read as TOML, of version 1.1 where that is `newer`; raises RecipeError with the line."""
        text = self.text(path, largest=largest)
        if newer:
            with suppress(tomllib.TOMLDecodeError, RecursionError, ValueError):
                return tomllib.loads(older_toml(text))
        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            raise RecipeError(f"`{path}` is not valid TOML: {_short(error)}.", hint="Correct it.") from error

    def json(self, path: str, *, largest: int = LARGEST) -> dict[str, Any]:
        """`path` read as a JSON object; raises RecipeError with the line."""
        try:
            value = json.loads(self.text(path, largest=largest))
        except (RecursionError, ValueError) as error:
            raise RecipeError(
                f"`{path}` is not valid JSON: {_short(error)}.", hint="Correct it, or make it again."
            ) from error
        if not isinstance(value, dict):
            raise RecipeError(f"`{path}` does not hold a JSON object.", hint="Make it again.")
        return value

    def yaml(self, path: str, *, largest: int = LARGEST) -> tuple[dict[str, Any], Lines]:
        """`path` as a YAML mapping, nothing when empty, and where what stands; raises RecipeError with the line."""
        text = self.text(path, largest=largest)
        return read_mapping(text, path), Lines(text, path)


def _decode(content: bytes) -> str | None:
    for bom, decode in _BOMS:
        if content.startswith(bom):
            try:
                return decode(content[len(bom) :], "strict", True)[0]
            except UnicodeDecodeError:
                return None
    if (text := _try(content, "utf-8")) is not None:
        return text
    if b"\0" in content:
        return None
    try:
        import charset_normalizer
    except (ImportError, OSError):  # a file that another names, where nothing can be loaded any more
        return _try(content, "latin-1")

    best = charset_normalizer.from_bytes(content).best()
    return _try(content, best.encoding) if best is not None else None


def _try(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
