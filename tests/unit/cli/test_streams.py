"""What is closed, what nobody reads, and Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hubkiln.cli.streams import ended_as_programs_do

HELD = """
import sys
from hubkiln.cli.streams import hold_open
hold_open()
print("out")
print("err", file=sys.stderr)
assert sys.stdin.read() == ""
with open(sys.argv[1], "w") as file:
    file.write(str(file.fileno()))
"""

TALKING = """
from hubkiln.cli.streams import ended_as_programs_do
with ended_as_programs_do():
    while True:
        print("a line", flush=True)
"""


def test_a_closed_stream_is_no_file_that_is_opened_later(tmp_path: Path) -> None:
    """What is printed, by programs that we start too, never gets into a database."""
    closed = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    subprocess.run([*closed, sys.executable, "-c", HELD, tmp_path / "opened"], check=True)
    assert int((tmp_path / "opened").read_text()) > 2


def test_a_reader_that_went_away_ends_it_without_a_word() -> None:
    """As `| head -1` ends any program."""
    with subprocess.Popen([sys.executable, "-c", TALKING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"a line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + 13


def test_a_strict_umask_shuts_out_no_helper_of_ours() -> None:
    """Started by root, uv and what runs in sandboxes is nobody or another user, and reads what we write."""
    program = "import atexit, os, sys; atexit.register(lambda: print(oct(os.umask(0)))); from hubkiln.cli import main; "
    strict = ("sh", "-c", 'umask 077; exec "$@"', "sh", sys.executable, "-c", program + "main()", "--version")
    assert subprocess.run(strict, capture_output=True, text=True, check=True).stdout.split()[-1] == "0o22"


def test_ctrl_c_has_the_exit_status_that_shells_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Not the one of a repository at fault."""
    with pytest.raises(SystemExit) as ended, ended_as_programs_do():
        raise KeyboardInterrupt
    assert ended.value.code == 128 + 2
    assert capsys.readouterr().err == "\nStopped.\n"


def test_the_exit_status_holds_where_nothing_can_be_said() -> None:
    """A full disk behind `2>` does not make of ours a fault of the repository."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "hubkiln", "serve"], stderr=full, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 3
