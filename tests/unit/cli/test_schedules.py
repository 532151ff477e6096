"""What is built at certain times, on the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from hubkiln.cli.schedules import schedules
from hubkiln.errors import BadSpec


def test_schedules_come_are_listed_and_go(tmp_path: Path) -> None:
    """With the next time; times that cannot be read are refused before anything is kept."""

    def run(*words: str) -> str:
        done = CliRunner().invoke(schedules, [*words, "--data-dir", str(tmp_path)])
        if isinstance(done.exception, BadSpec):
            return str(done.exception)
        assert done.exit_code == 0, done.output
        return done.output.strip()

    id = run("add", "org/repo", "0 4 * * 1", "--ref", "main", "--refresh")
    assert "cron" in run("add", "org/other", "on Mondays")
    (line,) = run("list").splitlines()
    assert line.startswith(f"{id}  gh/org/repo@main  0 4 * * 1  next 2") and " 04:00 UTC (" in line
    assert "  paused (" in run("pause", id) and "  next 2" in run("go-on", id)
    assert run("remove", id) == run("list") == ""
