"""Hosts that cannot be reached: one kind of failure whoever met it, the host named, and why, as far as it is known.

Pure. Reads errors of Python's own and what git, uv, rattler, apt and container engines print. A name service that
knows no such host and one that does not answer look alike to most programs, and a machine without a network has
neither: so nobody is told that they misspelt a name where that is not known.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from hubkiln.errors import Unreachable

LATER = "Try again in a few minutes."
_HERE = "Try again in a few minutes; if it stays so, an admin has to look at this machine's network and its DNS."
_NAMED = "If the name is right, try again when this machine has a network: without one, no name is known."

_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        r"Temporary failure (?:in name resolution|resolving)|Could not resolve|server misbehaving|read udp .*:53"
        r"|DNS.{0,40}(?:timed out|no answer|SERVFAIL)|EAI_AGAIN",
        "The host {host} cannot be looked up: the name service does not answer, or does not know it",
        _HERE,
    ),
    (
        r"Name or service not known|nodename nor servname|No address associated|no such host|NXDOMAIN|name not found"
        r"|ENOTFOUND|failed to lookup address|dns error|UnicodeError|label (?:empty|too long)",
        "No host named {host} is known here",
        _NAMED,
    ),
    (
        r"Network is unreachable|No route to host|Host is unreachable|network unreachable|ENETUNREACH"
        r"|network was disabled",
        "The host {host} cannot be reached: this machine has no network that leads there",
        _HERE,
    ),
    (r"[Cc]onnection refused|ECONNREFUSED", "The host {host} refuses the connection", LATER),
    (
        r"[Tt]imed? ?out|ETIMEDOUT|i/o timeout|deadline|too slow|ReadTimeout|ConnectTimeout",
        "The host {host} does not answer in time",
        LATER,
    ),
    (r"reset by peer|unexpected EOF|disconnect|broken pipe", "The host {host} broke the connection", LATER),
)
_ROWS = tuple((re.compile(pattern), words, hint) for pattern, words, hint in _REASONS)


def unanswered(host: str, why: BaseException | str) -> Unreachable:
    """The error of `host`, which could not be asked; `why` is what was raised, or what a program printed."""
    told = reason(why)
    words, hint = told or ("The host {host} does not answer", LATER)
    return Unreachable(f"{words.format(host=host or 'asked')}.", hint=hint)


def reason(why: BaseException | str) -> tuple[str, str] | None:
    """The sentence, with a place for the host, and the hint that `why` stands for; None for what is something else."""
    text = why if isinstance(why, str) else "\n".join(_told(why))
    return next(((words, hint) for pattern, words, hint in _ROWS if pattern.search(text)), None)


def host_in(text: str) -> str:
    """The host that `text`, printed by a program that could not reach it, names; empty if it names none."""
    for pattern in (
        r"(?:https?|ssh)://[^\s/'\"`)>]+",
        r"(?:host(?: address)?|lookup|[Rr]esolving|resolve|tcp|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT)[:= ]+['‘\"]?"
        r"([A-Za-z0-9][\w.-]*\.\w+)",
    ):
        for found in re.finditer(pattern, text):
            named = found[1] if found.lastindex else _host_of(found[0])
            if named:
                return named
    return ""


def joined(address: str, told: str) -> str:
    """
    Where `told`, which came in an answer of `address`, leads.

    Raises:
        Unreachable: it is no address.
    """
    try:
        return urljoin(address, told)
    except ValueError as error:
        raise Unreachable(
            f"{_host_of(address)} names an address that is none.", hint="Tell whoever runs it."
        ) from error


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _told(error: BaseException) -> Iterator[str]:
    """What `error` and everything that it came of says, the class included."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, socket.gaierror):
            failing = cause.errno == socket.EAI_AGAIN
            yield "Temporary failure in name resolution" if failing else "Name or service not known"
        elif isinstance(cause, OSError) and cause.errno:
            yield os.strerror(cause.errno)
        elif isinstance(cause, BaseExceptionGroup):
            for one in cause.exceptions:
                yield from _told(one)
        yield f"{type(cause).__name__}: {cause}" if not isinstance(cause, TimeoutError) else "timed out"
        cause = cause.__cause__ or cause.__context__
