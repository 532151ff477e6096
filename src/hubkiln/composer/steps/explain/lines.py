"""The few lines of a log that say why something failed: no frames of a traceback, no frame of pip's, no progress.

Pure. Looked for in this order: the exception that a traceback ends with, the first mistake that a compiler names, a
line that begins with *error*, and else the last lines that are not noise. What the shell itself says at the end comes
before all that: it names the command.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from hubkiln.excerpts import short

LONGEST = 500
NEAR = 6
"""Lines that may come after a traceback without its being forgotten."""

_FRAME = re.compile(r"\[\d+ lines? of output\]\n(?P<output>.*?)^\s*\[end of output\]", re.DOTALL | re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):"
_NOISE = re.compile(
    r"^\s*$|^\[?notice|WARNING: |DEPRECATION|^[\s~^|]*\^[\s~^]*$|^\s*\d* *\|"
    r"|^\s*(?:× |│ |╰─>|\[\d+ lines? of output\]|\[end of output\]|note: |hint: |See above)"
    r"|: (?:started|finished with status '\w+')$|^(?:Successfully|Failed to) build?"
    r"|^npm (?:notice|WARN|warn)|^npm (?:ERR!|error)(?:\s*\d*\s*$|\s+(?:A complete log of this run|/\S*\.npm/_logs))"
    r"|^info (?:If you think this is a bug|Visit https)|^Execution halted$"
    r"|^make(?:\[\d+\])?: (?:\*\*\*(?! No )|Leaving|Entering)"
)
_SUMMARY = re.compile(
    r"ERROR: Failed (?:building|to build)|error: (?:subprocess-|metadata-|legacy-|backend-|[Cc]ommand )"
)
_MISTAKE = re.compile(r"^(?P<file>[^\s:]+):\d+(?::\d+)?: (?:(?:fatal )?error|ERROR): .+")
_ERROR = re.compile(r"^(?:error|ERROR|Error|fatal|FATAL|E): .+|^Error in .+|^error [A-Z].+|^\s*ERR_PNPM_\w+ .+")
_COMPLAINT = re.compile(
    r"^(?:[\w.+/-]{1,60}: (?:.{0,200}: )?(?:error: |[Cc]annot |[Cc]an't |[Cc]ould not |[Uu]nable to |[Ff]ailed to "
    r"|(?:invalid|unrecognized|unknown|illegal|missing|ambiguous) (?:option|argument|operand|command)|not in gzip"
    r"|(?:No such file or directory|Permission denied|Is a directory|Not a directory|File exists|command not found)$)"
    r"|no such option: |curl: \(\d+\) |unzip: +cannot |[\d: -]{0,25}ERROR [45]\d\d: |make(?:\[\d+\])?: \*\*\* No "
    r"|(?:\w+\.){0,9}[A-Z]\w{0,60}(?:Error|Exception): |Segmentation fault|Bus error|Aborted|Killed$).{0,400}",
)
"""How programs say of themselves that they cannot: `cp: cannot stat 'x': No such file or directory`."""
_NPM = re.compile(
    r"^npm (?:ERR!|error) (?!code |errno |syscall |path |dest |A complete log|\d* *$|\d+ (?:Note|tarball))\s*(.+)"
)
_CMAKE = re.compile(r"^CMake Error(?: at (?P<where>[^\s:]+:\d+)(?: \(\w+\))?)?:\s*(?P<said>.*)$")
_CMAKES_END = "-- Configuring incomplete, errors occurred!"
_GROUP = re.compile(r"^[\s|]*\+-\+-+ 1 -+$")
_GROUPS_END = re.compile(r"^[\s|]*\+-+$")
_OF_GROUP = re.compile(r"^\s*(?:\| )+(?!Traceback |Exception Group )(?P<said>\S.*)$")
_SHELL = re.compile(r"^(?:\S*/)?(?P<script>[\w.-]+): (?:line )?(?P<line>\d+): (?P<why>\S.*)$")
_TRACED = re.compile(r"^\+{1,9} (?P<command>\S.*)$")
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*(?P<rest>[A-Z]\w*(?:: .*)?)$")


def telling(text: str) -> str:
    """What `text` says last of a cause, in one line, or else says last; empty if it says nothing."""
    return cause(text) or last_lines("\n".join(_of_program(text)[0]))


def cause(text: str) -> str:
    """What `text` says of a cause, in one line; empty where nothing in it looks like one."""
    lines, framed = _of_program(text)
    found = _shell(lines) or _cmake(lines, whole=framed) or _group(lines, whole=framed)
    found = found or _exception(lines, whole=framed) or _mistake(lines) or _npm(lines) or _last_error(lines)
    found = found or _complaint(lines)
    return short(found, LONGEST)


def traced(text: str) -> str:
    """The command that a shell which shows what it does (``set -x``) came to last; empty where none does."""
    return next((found["command"] for line in reversed(text.splitlines()) if (found := _TRACED.match(line))), "")


def _of_program(text: str) -> tuple[list[str], bool]:
    """The lines of the program that failed, and whether pip has framed them."""
    framed = list(_FRAME.finditer(_to_last_end(text)))
    return textwrap.dedent(framed[-1]["output"] if framed else text).splitlines(), bool(framed)


def _to_last_end(text: str) -> str:
    """`text` to the last end of a frame: what begins after it would be looked for in vain, from each beginning."""
    lines = text.split("\n")
    ends = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith("[end of output]")]
    return "\n".join(lines[: ends[-1]]) if ends else ""


def last_lines(text: str, count: int = 3) -> str:
    """The last lines of `text` that say something, joined."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    wanted = [line for line in lines if not _SUMMARY.match(line)]
    return short(" ".join((wanted or lines)[-count:]), LONGEST)


def _exception(lines: Sequence[str], *, whole: bool) -> str:
    """The message of the last traceback; in output that is not the `whole` of one program's, only near the end."""
    starts = [number for number, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return ""
    head = lines[starts[-1]]
    indent = head[: len(head) - len(head.lstrip())]
    for number in range(starts[-1] + 1, len(lines)):
        line = lines[number].removeprefix(indent)
        if line.strip() and not line.startswith(" ") and lines[number].startswith(indent):
            message = list(_paragraph(lines[number:]))
            return " ".join(message) if whole else message[0] if _is_near_the_end(lines, number) else ""
    return ""


def _is_near_the_end(lines: Sequence[str], number: int) -> bool:
    """Whether hardly anything comes after the line `number`."""
    return len([line for line in lines[number + 1 :] if not _NOISE.search(line)]) <= NEAR


def _cmake(lines: Sequence[str], *, whole: bool) -> str:
    """What CMake says first of what is wrong, and where: it goes on to say how it was called, and what it wrote."""
    found = ((number, match) for number, line in enumerate(lines) if (match := _CMAKE.match(line.strip())))
    number, first = next(found, (0, None))
    if first is None:
        return ""
    ends = [at for at, line in enumerate(lines) if line.strip() == _CMAKES_END]
    if not whole and not _is_near_the_end(lines, max([number + 3, *ends])):
        return ""
    said = [first["said"]] if first["said"] else []
    for line in lines[number + 1 :] if not said else ():
        if not line.strip():
            break
        said.append(line.strip())
    return f"{first['where']}: {' '.join(said)}" if first["where"] else " ".join(said)


def _group(lines: Sequence[str], *, whole: bool) -> str:
    """The first of the exceptions that a group of them holds."""
    starts = [number for number, line in enumerate(lines) if _GROUP.match(line)]
    ends = [number for number, line in enumerate(lines) if _GROUPS_END.match(line)]
    if not starts or not (whole or _is_near_the_end(lines, max([starts[-1], *ends]))):
        return ""
    said = next((match["said"] for line in lines[starts[-1] + 1 :] if (match := _OF_GROUP.match(line))), "")
    found = _EXCEPTION.match(said)
    return found["rest"] if found else said


def _paragraph(lines: Sequence[str], most: int = 3) -> Iterator[str]:
    """An exception with what belongs to its message, without the names of modules."""
    found = _EXCEPTION.match(lines[0].strip())
    yield found["rest"] if found else lines[0].strip()
    for line in lines[1:most]:
        if not line.strip() or line.strip().startswith(("File ", "During handling", "The above exception")):
            return
        yield line.strip()


def _shell(lines: Sequence[str]) -> str:
    """What the shell says at the very end: the line of the script, the command, and what is wrong with it."""
    worth = [line.strip() for line in lines if not _NOISE.search(line)]
    for line in reversed(worth[-2:]):
        if found := _SHELL.match(line):
            return f"{found['script']}, line {found['line']}: {found['why']}"
    return ""


def _complaint(lines: Sequence[str]) -> str:
    """What a program says near the end of its not being able to; it may say how it is to be called after that."""
    worth = [line.strip() for line in lines if not _NOISE.search(line)]
    return next((line for line in reversed(worth[-3:]) if _COMPLAINT.match(line)), "")


def _npm(lines: Sequence[str]) -> str:
    """The first that npm says of what is wrong, without where its log is."""
    found = [match[1].strip() for line in lines if (match := _NPM.match(line.strip()))]
    return " ".join(found[:2])


def _mistake(lines: Sequence[str]) -> str:
    return next((line.strip() for line in lines if _MISTAKE.match(line.strip())), "")


def _last_error(lines: Sequence[str]) -> str:
    """The last line that begins as an error, unless it only says that there was one."""
    found = [line.strip() for line in lines if _ERROR.match(line.strip()) and not _SUMMARY.match(line.strip())]
    return found[-1] if found else ""
