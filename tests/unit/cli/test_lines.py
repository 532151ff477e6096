"""``hubkiln build --events``: a language that another program reads."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubkiln.builds import BuildRequest, Built, decode_event
from hubkiln.cli.lines import tell_all, told_too
from hubkiln.errors import BuildFailed
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.values import Spec

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))


def read(out: io.StringIO) -> list[dict[str, object]]:
    """The lines."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


async def test_each_event_is_a_line_and_the_result_is_the_last() -> None:
    """They are read back as what they were."""
    out = io.StringIO()
    await told_too(tell_all(FakeBuilder(), REQUEST, out), out)
    *events, last = read(out)
    assert tuple(decode_event(str(event["type"]), event) for event in events) == SCRIPT
    built = dict(last["built"]) | {"why": tuple(last["built"]["why"])}  # type: ignore[call-overload, index]
    assert last["type"] == "built" and Built(**built) == BUILT


async def test_an_error_is_the_last_line_by_its_code() -> None:
    """Whoever started us can make the same error of it."""
    out = io.StringIO()
    builder = FakeBuilder(raises=BuildFailed("postBuild failed.", hint="See its log."))
    with pytest.raises(BuildFailed):
        await told_too(tell_all(builder, REQUEST, out), out)
    error = {"code": "build_failed", "message": "postBuild failed.", "hint": "See its log.", "status": 422}
    assert read(out)[-1] == {"type": "failed", "error": error}


@pytest.mark.slow
def test_the_command_ends_with_a_line_whatever_happens(tmp_path: Path) -> None:
    """A folder that is not there: one line of JSON, the sentence for people on standard error, status 1."""
    command = [sys.executable, "-m", "hubkiln", "build", "--events", "--data-dir", str(tmp_path / "data"), "./nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    *_, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and last["type"] == "failed" and last["error"]["message"] in done.stderr
