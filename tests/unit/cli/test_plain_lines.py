"""What strangers wrote tells a terminal nothing, wherever it is printed."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from hubkiln.builds.events import Log
from hubkiln.cli import main
from hubkiln.cli.display import Display
from hubkiln.cli.plain_lines import coloured, escaped, plain
from hubkiln.cli.service_log import PlainLines

HOSTILE = {
    "reset": "\x1bc",
    "8 bits": "\x9b2J",
    "title": "\x1b]0;t\x07",
    "title of 8 bits": "\x9d0;t\x9c",
    "clipboard": "\x1b]52;c;ZQ==\x1b\\",
    "link": "\x1b]8;;http://evil.example\x1b\\",
    "other screen": "\x1b[?1049h",
    "cursor": "\x1b[1A",
    "letters": "\x1b(0",
    "shift out": "\x0e",
    "bell": "\x07\x08",
}


class Terminal(io.StringIO):
    """One that says it is watched."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("sequence", HOSTILE.values(), ids=HOSTILE)
def test_nothing_is_told_but_colours(sequence: str) -> None:
    """Neither by a sentence nor by a line of a log, which keeps its colours in a terminal."""
    assert plain(f"a{sequence}\x1b[31mb\tc\n") == "ab\tc\n"
    assert coloured(f"a{sequence}\x1b[31mb") == "a\x1b[31mb"
    assert plain("a\x1b") == coloured("a\x1b") == "a"
    written = escaped(f"a{sequence}\nb")
    assert written.isprintable() and written.startswith("a\\x") and written.endswith("\\nb")


@pytest.mark.parametrize("out", [io.StringIO, Terminal])
def test_a_builds_log_tells_a_terminal_nothing(out: type[io.StringIO]) -> None:
    """Watched or not."""
    shown = out()
    with Display(shown) as display:
        for sequence in HOSTILE.values():
            display(Log(f"<{sequence}>\n"))
    assert shown.getvalue().count("<>") == len(HOSTILE)


def test_an_errors_words_tell_a_terminal_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They hold names of a repository's files, and what hosts say."""
    monkeypatch.setattr(sys, "argv", ["hubkiln", "--set", "\x1b]0;t\x07\x9b2Jodd", "doctor"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert "odd" in told and not {"\x9b", "\x07", "\x1b"} & set(told)


def test_a_record_of_the_log_is_one_line() -> None:
    """With the error that it is about; what a stranger wrote begins no line, and a traceback moves no cursor."""
    try:
        raise ValueError("odd\x1b[2J")
    except ValueError:
        record = logging.LogRecord("hubkiln.x", logging.INFO, "f", 1, "%s", ("a\n12:00 INFO b\x9b2J",), sys.exc_info())
    record.error = "it is\nso"
    line, *traceback = PlainLines("%(levelname)s %(message)s").format(record).split("\n")
    assert line == "INFO a\\n12:00 INFO b\\x9b2J: it is\\nso"
    assert traceback[-1] == "ValueError: odd\\x1b[2J"
