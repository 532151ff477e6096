"""What an admin writes, read in one way everywhere: sizes, durations, counts, networks, lists.

Each :class:`Form` knows how a value is written; :meth:`Form.read` is told which key the text belongs to, so that an
error names it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Generic, TypeVar

from hubkiln.errors import BadSpec
from hubkiln.home import typed_path

T = TypeVar("T")
U = TypeVar("U")

_SIZE = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[smhd]?)", re.IGNORECASE)
_DURATIONS = {"": 1, "S": 1, "M": 60, "H": 3600, "D": 86400}
_HOST = re.compile(r"[a-z0-9_.-]+(:\d{1,5})?|\[[0-9a-f:]+\](:\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How a kind of value is written."""

    what: str
    """What a text is if it can be read: ``a size``."""

    example: str
    """How to write one: ``512M or 4G``."""

    parse: Callable[[str], T]
    """Raises ValueError."""

    def read(self, key: str, text: str) -> T:
        """
        The value that `text` of the setting `key` means.

        Raises:
            BadSpec: none; the message names the key.
        """
        try:
            return self.parse(text.strip())
        except ValueError:
            raise BadSpec(f"{key} is {text!r}, which is not {self.what}.", hint=f"Write {self.example}.") from None

    def or_none(self) -> Form[T | None]:
        """The same, or ``none`` for no limit."""
        parse = self.parse

        def parsed(text: str) -> T | None:
            return None if text.lower() == "none" else parse(text)

        return Form(self.what, f"{self.example}, or none", parsed)

    def or_nothing(self) -> Form[T | int]:
        """The same, or ``0`` for nothing at all."""
        parse = self.parse

        def parsed(text: str) -> T | int:
            return 0 if re.fullmatch(r"0+(\.0+)?", text) else parse(text)

        return Form(self.what, f"{self.example}; 0 for nothing at all", parsed)


def _size(text: str) -> int:
    return _above_zero(int(_counted(_SIZE, _SIZES, text)))


def _duration(text: str) -> float:
    return _above_zero(_counted(_DURATION, _DURATIONS, text))


def _for(text: str) -> float:
    return _counted(_DURATION, _DURATIONS, text)  # none at all is a time too


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError(text)
    return _above_zero(int(text))


def _counted(form: re.Pattern[str], units: dict[str, int], text: str) -> float:
    found = form.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return float(found["count"]) * units[found["unit"].upper()]


N = TypeVar("N", int, float)


def _above_zero(number: N) -> N:
    if number <= 0:
        raise ValueError(number)
    return number


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(word, strict=False) for word in _words(text))


def _hosts(text: str) -> frozenset[str]:
    found = frozenset(_words(text.lower()))
    if not all(_HOST.fullmatch(host) for host in found):
        raise ValueError(text)
    return found


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError(text)
    return text.rstrip("/")


def _address_or_folder(text: str) -> str:
    return text.rstrip("/") if re.fullmatch(r"file:///[^\s?#]+", text) else _address(text)


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(_address(word) for word in _words(text))


def _sources(text: str) -> tuple[tuple[str, str, str], ...]:
    found = [re.fullmatch(r"([a-z][a-z0-9-]*)=([a-z]+):(.+)", word) for word in _words(text)]
    return tuple((match[1], match[2], _address(match[3])) if match else _none(text) for match in found)


def _none(text: str) -> tuple[str, str, str]:
    raise ValueError(text)


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"https?://[^\s/?#]+", text):
        raise ValueError(text)
    return text


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(word.rstrip("/").lower()) for word in _words(text))


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def _file(text: str) -> Path:
    path = typed_path(text)
    if not path.is_file():
        raise ValueError(text)
    return path


def _folder(text: str) -> Path:
    path = typed_path(text)
    if not path.is_dir():
        raise ValueError(text)
    return path


SIZE = Form("a size", "it like 512M or 4G", _size)
DURATION = Form("a duration", "seconds, or it like 90s, 30m, 2h", _duration)
FOR = Form("a time", "it like 12h or 30d", _for)
COUNT = Form("a number", "a number above 0", _count)
NETWORKS = Form("a list of networks", "them like 10.1.0.0/16, with spaces or commas between", _networks)
WORDS = Form("a list", "its words with spaces or commas between", _words)
HOSTS = Form("a list of hosts", "them like registry.lan:5000, with spaces or commas between", _hosts)
ADDRESS = Form("an address", "it like https://git.example.org", _address)
ADDRESSES = Form("a list of addresses", "them like https://example.org/built, with spaces between", _addresses)
ADDRESS_OR_FOLDER = Form("an address", "it like https://conda.example.org or file:///srv/conda", _address_or_folder)
SOURCES = Form("a list of sources", "each like forge=gitea:https://git.example.org", _sources)
ORIGINS = Form("a list of origins", "them like https://binder.example.org, or * for every one", _origins)
FILE = Form("a file that is there", "its path", _file)
FOLDER = Form("a folder that is there", "its path", _folder)
QUOTED = Form("a line of words", "its words quoted as for a shell", lambda text: tuple(shlex.split(text)))
TEXT = Form("a text", "anything", str)


def one_of(*words: str) -> Form[str]:
    """One of `words`, in any case."""
    return Form(f"one of {', '.join(words)}", " or ".join(words), _one_of(*words))
