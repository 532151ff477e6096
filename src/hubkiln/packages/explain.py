"""uv's words turned into ours: what is wrong with the packages asked for, whose turn it is, and what to change.

Pure. Each known failure is one row of a table; of an unknown one the last lines that matter are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hubkiln.errors import DiskFull, HubkilnError, LockFailed, Unreachable
from hubkiln.packages import stack

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = re.compile(r"^(Using |Resolved |Downloading |warning: |\s*$)")

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SPECIFIER = r"[<>=!~][^\s,;`]*"

Answer = Callable[[re.Match[str], str], HubkilnError]


def explain(output: str) -> HubkilnError:
    """The error that `output`, printed by a failed ``uv pip compile``, means."""
    text = " ".join(_ANSI.sub("", output).split())
    for pattern, answer in _ROWS:
        if match := pattern.search(text):
            return answer(match, text)
    return LockFailed(
        f"The packages asked for cannot be resolved: {last_lines(output)}",
        hint="The log has uv's full answer.",
    )


def without_wheels(output: str) -> tuple[str, ...]:
    """``name`` or ``name==version`` of the packages that uv says have no usable wheel, sorted."""
    text = " ".join(_ANSI.sub("", output).split())
    found = set(re.findall(rf"Wheels are required for `({_NAME})`", text))
    exact = dict(re.findall(rf"({_NAME})==([^\s,]+) has no (?:usable )?wheels", text))
    every = set(re.findall(rf"(?:all|any) versions? of ({_NAME}) (?:have|has) no (?:usable )?wheels", text))
    names = found | set(exact) | every
    return tuple(sorted(f"{name}=={exact[name]}" if name in exact and name not in every else name for name in names))


def last_lines(output: str, count: int = 4) -> str:
    """The last lines of `output` that say something, joined."""
    lines = [line.strip() for line in _ANSI.sub("", output).splitlines() if not _NOISE.match(line)]
    return " ".join(lines[-count:])[:600] or "uv said nothing."


def _no_such_package(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        f"There is no package named {match['name']} in the package index.",
        hint="Check its spelling; the name to install is not always the name to import.",
    )


def _no_such_version(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        f"There is no version of {match['name']} that is {match['specifier']}.",
        hint="Look up which versions exist and change the pin.",
    )


def _too_young(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        "The package index does not say when packages were uploaded, so packages as of a date cannot be had.",
        hint="Build with today's packages, or ask the admin for an index that tells upload times.",
    )


def _wrong_python(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        f"{match['what'].strip()} needs Python {match['needs']}, not {match['python']}.",
        hint="Ask for such a Python in runtime.txt, or change the pin.",
    )


def _no_wheel(match: re.Match[str], text: str) -> HubkilnError:
    packages = ", ".join(without_wheels(text)) or match["name"]
    abi = re.search(r"no wheels with a matching (Python|ABI|platform)|only wheels are available for `?\w+", text)
    return LockFailed(
        f"There is no ready-made package (wheel) of {packages} for this Python and platform.",
        hint="Choose a version that has wheels"
        + (" for this Python, or another Python in runtime.txt." if abi or "==" in packages else "."),
    )


def _conflict(match: re.Match[str], text: str) -> HubkilnError:
    cause = re.search(r"[Bb]ecause (.*?),? we can conclude that (?:your|the) requirements are unsatisfiable", text)
    reason = cause[1] if cause else match[0]
    ours = [name for name in (re.split(r"[<>=]", line)[0] for line in stack.ASKED) if re.search(rf"\b{name}\b", reason)]
    hint = "Loosen one of these pins."
    if ours:
        hint = f"Loosen the pins; {', '.join(ours)} must be there for the server that a hub starts."
    return LockFailed(f"The requirements contradict each other: {_shorter(reason)}.", hint=hint)


def _shorter(reason: str) -> str:
    return reason if len(reason) <= 700 else reason[:700].rsplit(" ", 1)[0] + " …"


def _rate_limited(match: re.Match[str], text: str) -> HubkilnError:
    return Unreachable("The package index asks us to slow down (429).", hint="Try again in a few minutes.")


def _not_let_in(match: re.Match[str], text: str) -> HubkilnError:
    return Unreachable(
        "The package index asks for credentials.", hint="Ask the admin to check the index address and its password."
    )


def _certificate(match: re.Match[str], text: str) -> HubkilnError:
    return Unreachable(
        "The package index's certificate is not trusted here.",
        hint="Ask the admin to set SSL_CERT_FILE to the right certificates.",
    )


def _unreachable(match: re.Match[str], text: str) -> HubkilnError:
    return Unreachable(
        "The package index does not answer.", hint="Try again; if it stays so, ask the admin to check the network."
    )


def _disk_full(match: re.Match[str], text: str) -> HubkilnError:
    return DiskFull("There is no space left for the package cache.", hint="Ask the admin to make room, then try again.")


def _cannot_read(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(f"A requirement cannot be read: {match['what']}.", hint="Write it like name or name==1.2.")


_ROWS: tuple[tuple[re.Pattern[str], Answer], ...] = (
    (re.compile(r"No space left on device|os error 28|Disk quota exceeded"), _disk_full),
    (re.compile(r"429 Too Many Requests|HTTP status client error \(429"), _rate_limited),
    (re.compile(r"HTTP status client error \(40[13]|401 Unauthorized|403 Forbidden"), _not_let_in),
    (re.compile(r"invalid peer certificate|certificate verify failed|UnknownIssuer|self-signed", re.I), _certificate),
    (
        re.compile(
            r"Failed to fetch|error sending request|Connection refused|timed out|dns error|Request failed after"
            r"|Network connectivity is disabled|HTTP status server error"
        ),
        _unreachable,
    ),
    (
        re.compile(rf"(?P<name>{_NAME}) was not found in the (?:package registry|provided package locations|cache)"),
        _no_such_package,
    ),
    (re.compile(r"is missing an upload date|upload dates? .*not available"), _too_young),
    (
        re.compile(
            r"because the (?:current|requested) Python version \((?P<python>[\d.]+)\) does not satisfy "
            r"Python(?P<needs>[<>=!~][^ ]*) and (?P<what>[^ ]+(?: and [^ ]+)?) depends? on Python",
            re.I,
        ),
        _wrong_python,
    ),
    (
        re.compile(rf"(?P<name>{_NAME})(?:==[^\s,]+)? (?:has|have) no (?:usable )?wheels|Wheels are required for"),
        _no_wheel,
    ),
    (
        re.compile(
            rf"there (?:is|are) no versions? of (?P<name>{_NAME})(?P<specifier>{_SPECIFIER}) "
            r"and you require (?P=name)(?P=specifier),? we can"
        ),
        _no_such_version,
    ),
    (
        re.compile(rf"[Oo]nly (?P<all>.*?) is available and you require (?P<name>{_NAME})(?P<specifier>{_SPECIFIER})"),
        _no_such_version,
    ),
    (
        re.compile(r"Couldn't parse requirement.*?: (?P<what>.{1,200})|Failed to parse: `(?P<what2>[^`]*)`"),
        _cannot_read,
    ),
    (re.compile(r"requirements are unsatisfiable|No solution found"), _conflict),
)
