"""What is built at certain times, on the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from hubkiln.builds import BuildRequest, Phase, Schedules
from hubkiln.cli.records import with_records
from hubkiln.cli.schedules import schedules
from hubkiln.database import Database
from hubkiln.errors import BadSpec, BuildFailed
from hubkiln.values import Spec


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
    assert run("remove", id) == ""
    assert run("list") == "There are no schedules."


def test_what_a_host_said_tells_a_terminal_nothing(tmp_path: Path) -> None:
    """Why the last build failed stands in the line, whichever command shows it."""

    async def failed(database: Database) -> str:
        made = Schedules(database)
        request = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
        one = await made.add(request, "0 4 * * 1", keep=True, author="root")
        await made.ended(one, Phase.FAILED, BuildFailed("odd\x1b]0;t\x07\x9b2J"), None)
        return one.id

    id = with_records(tmp_path, failed)
    for words in (["list"], ["pause", id], ["go-on", id]):
        told = CliRunner().invoke(schedules, [*words, "--data-dir", str(tmp_path)]).output
        assert "odd" in told and not {"\x9b", "\x07", "\x1b"} & set(told)
