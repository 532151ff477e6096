"""One line of a list of requirements: where it stands, how it is shown, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hubkiln.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line and where it stands."""

    text: str
    path: str
    """File below the root."""
    number: int
    """1 for the first; 0 where a file has no lines."""
    constraint: bool = False
    base: str = ""
    """Folder from which packages of the repository are named: where pip runs; the root if empty."""

    def error(self, message: str, hint: str) -> RecipeError:
        """An error that says where."""
        where = f"`{self.path}`, line {self.number}" if self.number else f"`{self.path}`"
        return RecipeError(f"{where}: {message}", hint=hint)

    @property
    def shown(self) -> str:
        """The text, harmless and short; what an address carries is left out, as it may be a password."""
        clean = re.sub(r"(\w+://)[^\s/@]*@", r"\1…@", self.text)
        return re.sub(r"[^\x20-\x7e…]", "?", clean)[:80]


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their number: continued ones joined, comments and blank ones left out."""
    number, joined = 0, ""
    for at, raw in enumerate(text.split("\n"), 1):
        number = number or at
        comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not comment:
            joined += raw[:-1] + " "
            continue
        line = re.sub(r"(^|\s)#.*$", "", joined + ("" if comment else raw)).strip()
        if line:
            yield number, line
        number, joined = 0, ""
    if rest := re.sub(r"(^|\s)#.*$", "", joined).strip():
        yield number, rest


def unquoted(value: str) -> str:
    """The value without quotes around all of it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def printable(text: str) -> str:
    """The text, harmless and short."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:80]


def what_is_wrong(text: str) -> str:
    """A hint for a text that is no requirement."""
    if star := re.search(r"(>=|<=|>|<|~=)\s*(\d+(?:\.\d+)*)\.\*", text):
        return f"A star goes with `==` and `!=` alone: write `{star[1]}{star[2]}`."
    if re.match(r"[\w.-]+(\[[^\]]*\])?\s*=\s*[\w*]", text):
        return "Use `==` between a package and its version."
    if re.match(r"(pip3?|conda|mamba|uv|python3?) ", text):
        return "List packages alone, one on each line, without commands."
    if re.match(r"[\w.-]+\s+[\w.-]+", text):
        return "Put each package on a line of its own."
    return "Write it as `package` or `package==1.2`."
