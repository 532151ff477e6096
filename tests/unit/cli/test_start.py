"""The first moment of the command line, before it can say anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STOPPED = "import os, signal; os.kill(os.getpid(), signal.SIGINT); raise SystemExit('went on')"


@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_while_it_loads_ends_it_without_a_word(tmp_path: Path, ignored: bool) -> None:
    """As it ends any program; and not at all where a script has put it in the background."""
    (tmp_path / "click.py").write_text(STOPPED)  # what it loads first
    words = (sys.executable, "-m", "hubkiln", "--version")
    begin = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh") if ignored else ()
    done = subprocess.run(
        [*begin, *words], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        (1, "", "went on\n") if ignored else (-signal.SIGINT, "", "")
    )


def test_the_installed_command_begins_there_too() -> None:
    """Both ways to start it are one."""
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="hubkiln")
    assert command.value == "hubkiln.__main__:main"
