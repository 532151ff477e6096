"""What is shown of a build where nobody watches, and where somebody does."""

from __future__ import annotations

import io
import re

import pytest

from hubkiln.builds.events import Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved
from hubkiln.cli.display import Display

TOLD: tuple[Event, ...] = (
    Queued(2),
    Entered(Phase.FETCHING),
    Resolved("c0ffee"),
    Progress(1, 2),
    Log("one\nhal"),
    Log("f a \x1b[32mgreen\x1b[0m line\n10%\r90%\rdone\n"),
    Planned("compose", ("wheels only", "no scripts")),
    Log("the rest"),
)


class Terminal(io.StringIO):
    """One that says it is watched."""

    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO) -> str:
    with Display(out) as display:
        for event in TOLD:
            display(event)
    return out.getvalue()


def test_a_file_gets_plain_lines() -> None:
    """Whole lines, each with what a terminal would show at the end, and no colours."""
    text = re.sub(r"\[ *[0-9.]+s\]", "[time]", shown(io.StringIO()))
    assert text.splitlines() == [
        "Number 2 in the queue",
        "[time] Fetching its files",
        "  one",
        "  half a green line",
        "  done",
        "Plan: compose (wheels only; no scripts)",
        "the rest",
    ]


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_writes_nothing_over_gets_plain_lines(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phases too: in an editor's shell, a build would be silent between the lines of its log."""
    monkeypatch.setenv("TERM", term)
    assert "Fetching its files\n" in shown(Terminal()) and "\x1b" not in shown(Terminal())


def test_control_characters_stay_out_of_files() -> None:
    """Cursor movements, titles and bells, also unfinished ones."""
    out = io.StringIO()
    with Display(out) as display:
        display(Log("a\x1b[2K\x1b[1Ab\x1b]0;title\x07c\x07\x1b(Bd\te\x1b\n"))
    assert out.getvalue() == "  abcd\te\n"


def test_lines_that_end_as_on_windows_are_shown() -> None:
    """Also where the two letters arrive apart, where a line is written over, and where nothing follows."""
    out = io.StringIO()
    with Display(out) as display:
        for text in ("HTTP/1.1 200 OK\r\nLocation", ": /x\r", "\n10%\r90%\r\r\n", "end\r"):
            display(Log(text))
    assert out.getvalue() == "  HTTP/1.1 200 OK\n  Location: /x\n  90%\nend\n"


def test_a_line_without_an_end_stays_its_own() -> None:
    """The next phase, and what it says, begin below it."""
    out = io.StringIO()
    with Display(out) as display:
        for event in (Log("no end"), Entered(Phase.VERIFYING), Log("said\n"), Log("more"), Planned("compose", ())):
            display(event)
    lines = re.sub(r"\[ *[0-9.]+s\]", "[time]", out.getvalue()).splitlines()
    assert lines == ["  no end", "[time] Checking that Jupyter starts", "  said", "  more", "Plan: compose"]


def test_a_terminal_keeps_the_phase_below_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log's own colours are shown."""
    monkeypatch.setenv("TERM", "xterm")
    text = shown(Terminal())
    assert "Fetching its files" in text and "half a \x1b[32mgreen\x1b[0m line" in text
