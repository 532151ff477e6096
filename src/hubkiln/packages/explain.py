"""uv's words turned into ours: what is wrong with the packages asked for, whose turn it is, and what to change.

Pure. Each known failure is one row of a table; of an unknown one the last lines that matter are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hubkiln.egress import host_in, reason, unanswered
from hubkiln.errors import DiskFull, HubkilnError, LockFailed, Unreachable
from hubkiln.excerpts import short
from hubkiln.packages import mistaken, stack
from hubkiln.packages.interface import PinsConflict
from hubkiln.values import REPO_DIR

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = re.compile(r"^(Using |Resolved |Downloading |warning: |\s*$)")

_MOST = 1 << 18
"""Characters of uv's answer that are looked at."""
_LONGEST_WORD = 300
"""Of each of its words: recipes may name packages of any length, and patterns look at each letter again and again."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_OF_THE_PYTHON = re.compile(r"Python|python_(?:full_)?version|\b(?:wheel|platform|abi|sdist)", re.I)
"""Words of uv by which another Python might have it: its markers, and files that are for some Pythons."""
_SPECIFIER = r"[<>=!~][^\s,;`]*[^\s,;`.]"
"""A sentence's full stop is no part of it."""

Answer = Callable[[re.Match[str], str], HubkilnError]


class MissingVersion(LockFailed):
    """The index has no version of `project` that `specifier` allows."""

    def __init__(self, project: str, specifier: str) -> None:
        self.project, self.specifier = project, specifier
        super().__init__(
            f"There is no version of {project} that is {specifier}.",
            hint="Look up which versions exist and change the pin.",
        )


def explain(output: str) -> HubkilnError:
    """The error that `output`, printed by a failed ``uv pip compile``, means."""
    text = _flat(output)
    for pattern, answer in _ROWS:
        if match := pattern.search(text):
            return answer(match, text)
    return LockFailed(
        f"The packages asked for cannot be resolved: {last_lines(output)}",
        hint="The log has uv's full answer.",
    )


def without_wheels(output: str) -> tuple[str, ...]:
    """
    Requirement lines of the packages that uv says have a source and no usable wheel, sorted.

    A single version that nobody asked for is one that uv fell back to, and is left out if anything else is missing.
    """
    text = _flat(output)
    names = set(re.findall(rf"Wheels are required for `({_NAME})`", text))
    names |= set(re.findall(rf"(?:all|any) versions? of ({_NAME}) (?:have|has) no usable wheels", text))
    exact = dict(re.findall(rf"({_NAME})==([^\s,]+) has no usable wheels", text))
    wanted = dict(re.findall(rf"depends on ({_NAME})({_SPECIFIER}(?:,{_SPECIFIER})*)", text))
    asked = {
        name for name, pin in exact.items() if re.search(rf"(?:require|depends on) {name}=={re.escape(pin)}", text)
    }
    if len(names | exact.keys()) > len(fallen := exact.keys() - asked):
        names, exact = names - fallen, {name: pin for name, pin in exact.items() if name in asked}
    lines = {name: f"{name}{wanted.get(name, '').rstrip(',')}" for name in names}
    return tuple(sorted((lines | {name: f"{name}=={version}" for name, version in exact.items()}).values()))


def _flat(output: str) -> str:
    return " ".join(word[:_LONGEST_WORD] for word in _ANSI.sub("", output[-_MOST:]).split())


def last_lines(output: str, count: int = 4) -> str:
    """The last lines of `output` that say something, joined."""
    lines = [line.strip() for line in _ANSI.sub("", output).splitlines() if not _NOISE.match(line)]
    return short(" ".join(lines[-count:]), 600) or "uv said nothing."


def _no_such_package(match: re.Match[str], text: str) -> HubkilnError:
    if (known := mistaken.of_name(match["name"])) is not None:
        return LockFailed(known[0], hint=known[1])
    return LockFailed(
        f"There is no package named {match['name']} in the package index.",
        hint="Check its spelling; the name to install is not always the name to import.",
    )


def _no_such_version(match: re.Match[str], text: str) -> HubkilnError:
    if (known := mistaken.of_version(match["name"], match["specifier"])) is not None:
        return LockFailed(known[0], hint=known[1])
    return MissingVersion(match["name"], match["specifier"])


def _at_an_address(match: re.Match[str], text: str) -> HubkilnError:
    line = match["line"]
    folder = line.partition(f"file:///{REPO_DIR}/")[2]
    return LockFailed(
        f"{match['by']} needs {match['name']} from an address of its own: {short(line, 300)}.",
        hint=f"Ask for {f'`./{folder}`' if folder else 'that'} beside it, in requirements.txt or the file that is read "
        "in its place: the public package of that name may be another one.",
    )


def _no_upload_times(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        "The package index does not say when packages were uploaded, so packages as of a date cannot be had.",
        hint="Build with today's packages, or ask the admin for an index that tells upload times.",
    )


def _too_young(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        f"No fitting version of {match['name']} had been uploaded before {match['day']}.",
        hint="Choose a later date, or loosen its pin.",
    )


def _wrong_python(match: re.Match[str], text: str) -> HubkilnError:
    return LockFailed(
        f"{match['what']} needs Python {match['needs']}, and this environment has {match['python']}.",
        hint="Ask for such a Python in runtime.txt, or change the pin.",
    )


def _no_wheel(match: re.Match[str], text: str) -> HubkilnError:
    if len(_required(text)) > 1:
        return _conflict(match, text)
    if (known := mistaken.of_other_system(match["name"]) or _other_platform(match["name"], text)) is not None:
        return LockFailed(known[0], hint=known[1])
    packages = ", ".join(without_wheels(text)) or f"{match['name']}{match['specifier'] or ''}"
    return LockFailed(
        f"There is no ready-made package (wheel) of {packages} for this Python and platform.",
        hint="Choose a version that has wheels for this Python, or another Python in runtime.txt.",
    )


def _other_platform(name: str, text: str) -> tuple[str, str] | None:
    """What is said of a package that the index has for other machines alone."""
    there = re.search(
        rf"Wheels are available for `{re.escape(name)}` \([^)]*\) on the following platforms?: (.*)", text
    )
    platforms = re.findall(r"`(\w+)`", there[1]) if there else []
    if not platforms or any("linux" in one for one in platforms):
        return None
    marker = "win32" if "win" in platforms[0] else "darwin"
    return (
        f"{name} is not made for Linux: the index has it for {', '.join(platforms[:4])} alone.",
        f'Remove it from the list, or write `{name} ; sys_platform == "{marker}"`.',
    )


def _conflict(match: re.Match[str], text: str) -> HubkilnError:
    required = _required(text)
    premises = re.findall(r"[Bb]ecause (.*?),? we can conclude that", text)
    reason = "; ".join(premises)
    if not premises or len(reason) > 400:
        reason = f"{' and '.join(required) or 'what is asked for'} cannot be had together"
    hint = "Loosen one of these pins."
    if ours := {line for line in stack.ASKED if line in required}:
        hint = f"Loosen the pins; {', '.join(sorted(ours))} is what the server that a hub starts needs."
    kind = LockFailed if ours or _OF_THE_PYTHON.search(text) else PinsConflict
    return kind(f"The requirements contradict each other: {reason}.", hint=hint)


def _required(text: str) -> list[str]:
    """The requirements that uv's last sentence puts against each other."""
    found = re.findall(r"you require (.*?),? we can conclude that your requirements are unsatisfiable", text)
    last = found[-1].rsplit("you require ", 1)[-1] if found else ""
    return [part for part in last.split(" and ") if part]


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
    host = host_in(re.sub(r"^.*?(?=Failed to fetch|error sending request|for url)", "", text))
    if (why := reason(text)) is None or not host:
        hint = why[1] if why else "Try again; if it stays so, ask the admin to check the network."
        return Unreachable(f"The package index{f' at {host}' if host else ''} does not answer.", hint=hint)
    found = unanswered(host, text)
    return Unreachable(f"The package index does not answer. {found.message}", hint=found.hint)


def _disk_full(match: re.Match[str], text: str) -> HubkilnError:
    return DiskFull("There is no space left for the package cache.", hint="Ask the admin to make room, then try again.")


_ROWS: tuple[tuple[re.Pattern[str], Answer], ...] = (
    (re.compile(r"No space left on device|os error 28|Disk quota exceeded"), _disk_full),
    (re.compile(r"429 Too Many Requests|HTTP status client error \(429"), _rate_limited),
    (re.compile(r"HTTP status client error \(40[13]|401 Unauthorized|403 Forbidden"), _not_let_in),
    (re.compile(r"invalid peer certificate|certificate verify failed|UnknownIssuer|self-signed", re.I), _certificate),
    (
        re.compile(
            r"Failed to fetch|error sending request|Request failed after|HTTP status server error|network was disabled"
        ),
        _unreachable,
    ),
    (
        re.compile(
            rf"for package `(?P<by>{_NAME}==[^\s`]+)` cause: Package `(?P<name>{_NAME})` was included as a URL "
            r"dependency.*? Consider adding `(?P<line>[^`]+)`"
        ),
        _at_an_address,
    ),
    (re.compile(r"is missing an upload date"), _no_upload_times),
    (
        re.compile(rf"`(?P<name>{_NAME})` was filtered by `exclude-newer`.*? before (?P<day>\d{{4}}-\d\d-\d\d)"),
        _too_young,
    ),
    (re.compile(rf"(?P<name>{_NAME}) was not found in the (?:package registry|provided package)"), _no_such_package),
    (
        re.compile(
            rf"Python version \(>=(?P<python>[\d.]+)\) does not satisfy Python(?P<needs>{_SPECIFIER}) "
            rf"and (?P<what>{_NAME}(?:{_SPECIFIER})?) depends on Python"
        ),
        _wrong_python,
    ),
    (
        re.compile(rf"(?P<name>{_NAME})(?P<specifier>{_SPECIFIER})? (?:has|have) no (?:usable )?wheels"),
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
        re.compile(rf"[Oo]nly (?P<all>\S+) is available and you require (?P<name>{_NAME})(?P<specifier>{_SPECIFIER})"),
        _no_such_version,
    ),
    (re.compile(r"requirements are unsatisfiable|No solution found"), _conflict),
)
