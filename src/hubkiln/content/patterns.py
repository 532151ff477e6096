"""Docker's patterns for paths, matched in a time that grows with the name alone, whatever the pattern.

``**`` crosses folders, ``*`` and ``?`` do not; ``[!…]`` is docker-py's none of these, ``[^…]`` Docker's own. A regular
expression of ten stars would try every way to share a name among them, and Python waits for it with all threads.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_LONGEST = 300
"""Letters of a name up to which an expression with few stars is quick."""
_FEW = 2


class _Kind(Enum):
    LETTER = auto()
    CLASS = auto()
    ANY = auto()
    """``?``"""
    STAR = auto()
    CROSSING = auto()
    """``**``"""
    PERHAPS = auto()
    """Before FOLDERS, which may be passed over."""
    FOLDERS = auto()
    """``**/``: anything that ends with a slash."""


_Token = tuple[_Kind, str]
"""The text is a letter, or an expression for one."""


class Pattern:
    """
    One pattern.

    A name is followed letter by letter with all places at once where the pattern could be: bits of a number.
    """

    def __init__(self, text: str) -> None:
        try:
            self._tokens = _tokens(text)
        except re.error:
            self._tokens = [(_Kind.LETTER, letter) for letter in text]
        stars = sum(kind in (_Kind.STAR, _Kind.CROSSING, _Kind.FOLDERS) for kind, _ in self._tokens)
        self._quick = re.compile("".join(map(_expression, self._tokens)), re.DOTALL) if stars <= _FEW else None
        self._empty = self._bits(_Kind.STAR) | self._bits(_Kind.CROSSING) | self._bits(_Kind.PERHAPS)
        self._passed = self._bits(_Kind.PERHAPS)
        self._letters: dict[str, tuple[int, int]] = {}

    def matches(self, name: str) -> bool:
        """Whether the whole of `name` is meant."""
        if self._quick is not None and len(name) <= _LONGEST:
            return self._quick.fullmatch(name) is not None
        at = self._on(1)
        for letter in name:
            step, stay = self._letters.get(letter) or self._known(letter)
            if not (at := self._on((at & step) << 1 | at & stay)):
                return False
        return bool(at >> len(self._tokens) & 1)

    def _on(self, at: int) -> int:
        """`at`, and wherever one gets from there without a letter."""
        while more := ((at & self._empty) << 1 | (at & self._passed) << 2) & ~at:
            at |= more
        return at

    def _known(self, letter: str) -> tuple[int, int]:
        """Places from which `letter` leads on, and places where it may stay."""
        step = stay = 0
        for place, (kind, text) in enumerate(self._tokens):
            if kind in (_Kind.CROSSING, _Kind.FOLDERS) or (kind is _Kind.STAR and letter != "/"):
                stay |= 1 << place
            if _leads_on(kind, text, letter):
                step |= 1 << place
        self._letters[letter] = step, stay
        return step, stay

    def _bits(self, wanted: _Kind) -> int:
        return sum(1 << place for place, (kind, _) in enumerate(self._tokens) if kind is wanted)


def _leads_on(kind: _Kind, text: str, letter: str) -> bool:
    if kind is _Kind.CLASS:
        return re.fullmatch(text, letter, re.DOTALL) is not None
    if kind is _Kind.FOLDERS:
        return letter == "/"
    return letter == text if kind is _Kind.LETTER else kind is _Kind.ANY and letter != "/"


def _expression(token: _Token) -> str:
    kind, text = token
    fixed = {_Kind.ANY: "[^/]", _Kind.STAR: "[^/]*", _Kind.CROSSING: ".*", _Kind.PERHAPS: "", _Kind.FOLDERS: "(?:.*/)?"}
    return fixed[kind] if kind in fixed else text if kind is _Kind.CLASS else re.escape(text)


def _tokens(pattern: str) -> list[_Token]:
    """
    The parts of `pattern`.

    Raises:
        re.error: one of its classes is none.
    """
    found: list[_Token] = []
    rest = pattern
    while rest:
        if rest.startswith("**/"):
            found, rest = [*found, (_Kind.PERHAPS, ""), (_Kind.FOLDERS, "")], rest[3:]
        elif rest.startswith("**"):
            found, rest = [*found, (_Kind.CROSSING, "")], rest[2:]
        elif rest[0] in "*?":
            found, rest = [*found, (_Kind.STAR if rest[0] == "*" else _Kind.ANY, "")], rest[1:]
        elif match := re.match(r"\[([!^]?)((?:[^\]\\]|\\.)+)\]", rest):
            inner = re.sub(r"([\[&~|])", r"\\\1", match[2])
            one = f"[{'^' if match[1] else ''}{inner}]"
            re.compile(one)
            found, rest = [*found, (_Kind.CLASS, one)], rest[match.end() :]
        elif rest[0] == "\\" and len(rest) > 1:
            found, rest = [*found, (_Kind.LETTER, rest[1])], rest[2:]
        else:
            found, rest = [*found, (_Kind.LETTER, rest[0])], rest[1:]
    return found
