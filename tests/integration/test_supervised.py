"""The supervisor: nothing of what it runs outlives it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from hubkiln.processes import run

SUPERVISED = [sys.executable, "-m", "hubkiln.processes.supervised"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_output_and_exit_code_pass_through() -> None:
    """It adds nothing and hides nothing."""
    ended = await run([*SUPERVISED, "sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (ended.code, sorted(ended.output.split())) == (7, ["err", "out"])


async def test_a_missing_program_is_named() -> None:
    """As a shell would say it."""
    ended = await run([*SUPERVISED, "/no/such/program"])
    assert ended.code == 127
    assert "/no/such/program" in ended.output


async def test_a_process_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    """A grandchild that left the group, ignores SIGTERM and was orphaned does not survive a cancellation."""
    script = (
        f"(setsid sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/pid; echo ready; while :; do sleep 9; done' &); sleep 60"
    )
    ready = asyncio.Event()
    task = asyncio.create_task(run([*SUPERVISED, "sh", "-c", script], say=lambda text: ready.set()))
    await asyncio.wait_for(ready.wait(), 30)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not alive(pid)


async def test_what_is_left_running_ends_with_the_command(tmp_path: Path) -> None:
    """A daemon that the command started ends when the command does."""
    script = f"setsid sleep 60 & echo $! > {tmp_path}/pid"
    assert (await run([*SUPERVISED, "sh", "-c", script], seconds=30)).code == 0
    assert not alive(int((tmp_path / "pid").read_text()))
