"""One line of a list of requirements: where it stands, how it is shown, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import InvalidMarker, Marker

from hubkiln.errors import RecipeError
from hubkiln.recipes.files import Files


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
        return RecipeError(f"{self.place}: {message}", hint=hint)

    @property
    def place(self) -> str:
        """The file, and the line where it has lines."""
        return f"`{self.path}`, line {self.number}" if self.number else f"`{self.path}`"

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


def quoted_line(files: Files, path: str, text: str) -> Line:
    """The requirement `text`, and where in a file of TOML it stands in quotes, if in one place alone."""
    found = files.lines_of(path, r"\"([^\"\\]+)\"") | files.lines_of(path, r"'([^']+)'")
    return Line(text.strip(), path, found.get(text, 0))


def unquoted(value: str) -> str:
    """The value without quotes around all of it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def printable(text: str) -> str:
    """The text, harmless and short."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:80]


_LOOKED_AT = 300
"""Letters of a line that a hint is made of."""


def what_is_wrong(text: str) -> str:
    """A hint for a text that is no requirement; its beginning says which."""
    text = text[:_LOOKED_AT]
    if star := re.search(r"(>=|<=|>|<|~=)\s*(\d+(?:\.\d+)*)\.\*", text):
        return f"A star goes with `==` and `!=` alone: write `{star[1]}{star[2]}`."
    if text.startswith("@EXPLICIT") or re.match(r"[\w.-]+=[\w.!+]+=\w+$", text):
        return "This is a list of conda's: write an environment.yml (`conda env export --from-history`)."
    if re.match(r"Package\s+Version\b|-{5,}|#?\s*Name\s+Version\s+Build", text):
        return "This is a table for people: write what `pip list --format=freeze` prints."
    if re.match(r"(import|from)\s+\w", text):
        return "This is a line of Python: name the packages that it imports from, one on each line."
    if match := re.fullmatch(r"python[\s=<>~]*(\d\.\d+)?[\d.]*", text, re.IGNORECASE):
        return f"The Python is asked for in runtime.txt: `python-{match[1] or '3.12'}`."
    if re.match(r"<!DOCTYPE|<html", text, re.IGNORECASE):
        return "This is a web page that was saved in place of the list."
    if re.match(r"\[|dependencies:|channels:|name:", text):
        return "This belongs into another kind of file: here is one package on each line."
    if re.search(r"[\u00a0\u2000-\u200a\u202f\u3000\uff1d\u2010-\u2015\u2018-\u201f\u2264\u2265\u200b\ufeff]", text):
        return "It holds typographic signs or signs that cannot be seen: type the line again."
    if re.match(r"[^\s#]+#", text):
        return "A comment needs a space before its `#`."
    if re.search(r"\^|=>|=<", text) or re.search(r"==\s*(latest|\*)", text):
        return "Write it as `package`, `package>=1.2` or `package==1.2.*`."
    if re.match(r"[\w.-]+(\[[^\]]*\])?\s*=\s*[\w*]", text):
        return "Use `==` between a package and its version."
    if re.match(r"[!%$]?\s*(sudo )?(pip3?|conda|mamba|uv|python3?) ", text):
        return "List packages alone, one on each line, without commands."
    if re.match(r"[\w.-]+\s+-", text):
        return "Options of pip's command have no place here."
    if re.match(r"[\"'][^\"']+[\"']$", text):
        return "Leave the quotation marks out: they are a shell's."
    if re.match(r"[\w.-]+\s+v?\d+(\.\d+)+\w*$", text):
        return "Use `==` between a package and its version."
    if re.match(r"[\w.-]+(\[[^\]]*\])?\s*[:,(]?\s*(latest|newest|any|version|ver|v)\b", text, re.IGNORECASE):
        return "Write the name alone for the newest version, or `==` and a version behind it."
    if re.match(r"[\w.-]+\s*[\s,]\s*[\w.-]+", text):
        return "Put each package on a line of its own."
    return "Write it as `package` or `package==1.2`."


_BY_KEY = re.compile(
    r"git\+(?:(?:ssh|git)://(?:[^\s@/:]*@)?|[^\s@/:]+@)(?P<host>[\w.-]+|\[[\da-fA-F:]+\])(?::\d+(?=/))?[:/]"
    r"(?P<path>[^/@\s]+(?:/.*)?)"
)


def by_https(address: str) -> str:
    """
    Where a git repository of that `address` is fetched from.

    As for submodules, ``git+ssh://``, ``git+git@host:path`` and ``git+git://`` become https: whoever builds has no
    key for the first, and hosts no longer answer the last.
    """
    found = _BY_KEY.fullmatch(address)
    return f"git+https://{found['host']}/{found['path']}" if found else address


def marker_of(line: Line, text: str) -> str:
    """`` ; marker`` in one spelling, or nothing."""
    try:
        return f" ; {Marker(text.strip())}" if text.strip() else ""
    except (InvalidMarker, RecursionError, ValueError) as error:
        hint = 'Write it as `; sys_platform == "linux"`.'
        raise line.error(f"`{line.shown}` ends in a marker that is not understood.", hint) from error


def address_error(line: Line) -> RecipeError:
    """For an address of what cannot be installed."""
    if re.search(r"\{root:|PROJECT_ROOT", line.text):
        return line.error(
            "a folder cannot be named in that tool's own way.",
            'Name it in requirements.txt (`./folder`), or in `[tool.uv.sources]` (`{ path = "folder" }`).',
        )
    if "file:" in line.text or re.match(r"[A-Za-z]:[\\/]", line.text):
        return line.error(
            "a file of the machine where the list was made cannot be installed.",
            "Make the list with `pip list --format=freeze`, which names versions instead of files.",
        )
    return line.error(
        "its address names neither a wheel nor a source archive.",
        "Name the package and its version; or give the address of a file that ends with .whl, .tar.gz or .zip.",
    )
