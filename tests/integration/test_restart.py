"""Stopped, killed, out of space in the middle of real builds: the record says so, nothing is left, nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from newcomer import LOOPBACK, Service, hubkiln, left_over, said, serving, settled, unfinished

from git_server import GitServer, make_repository
from hubkiln.processes import ProcessId
from small_disk import enlarge, fill, small_disk

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.timeout(600)]

MARK = f"9{os.getpid():07}"
"""Seconds, which no other run of these tests has."""


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[GitServer]:
    """A git host that takes its time over large files."""
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "small.git", {"requirements.txt": "six\n", "a.ipynb": "{}"})
        make_repository(server.root / "large.git", {"a.ipynb": "{}", "data.bin": os.urandom(3_000_000)})
        yield server


def reached(service: Service, id: str, phase: str) -> None:
    """Return when the build is in `phase`; its stream tells."""
    import httpx

    url = f"http://127.0.0.1:{service.port}/services/binder/api/builds/{id}/events"
    with httpx.stream("GET", url, headers={"Authorization": "token own"}, timeout=120, trust_env=False) as events:
        for line in events.iter_lines():
            if f'"{phase}"' in line:
                return
    raise AssertionError(f"never came to {phase}")


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Return when `true()` is so; nobody tells when a program of others begins or ends."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def snapshot(data: Path) -> dict[str, int]:
    """How many files each finished thing in the stores has."""
    stores = ("trees", "environments", "wheels", "content")
    return {
        f"{store}/{path.name}": sum(1 for _ in path.rglob("*")) for store in stores for path in (data / store).iterdir()
    }


@pytest.mark.parametrize(("number", "phase"), [(signal.SIGKILL, "fetching"), (signal.SIGTERM, "fetching")])
def test_a_build_that_was_interrupted_goes_on(
    stacked: Path, hosted: GitServer, number: signal.Signals, phase: str
) -> None:
    """After a kill or a stop nothing runs on and stores are whole; the next start begins the build anew by itself."""
    before = snapshot(stacked)
    hosted.drip = 0.3
    with serving(stacked) as service:
        id = service.order(hosted.url("large.git")).json()["id"]
        reached(service, id, phase)
        until(lambda: any("git" in line for line in left_over(stacked, but={service.process.pid})))
        service.process.send_signal(number)
        service.process.wait(60)
        assert settled(stacked) == []
    assert snapshot(stacked) == before
    hosted.drip = 0.0
    with serving(stacked) as service:
        assert service.ended(id)["phase"] == "ready"
        assert "begins anew" in service.ask("GET", f"api/builds/{id}/log").text
        assert unfinished(stacked) == []


def its_process(data: Path) -> int:
    """The own process of the one build under way: another waits for the next, and has started nothing."""
    building = list[int]()
    while not building:  # between two programs that it runs it has none
        found = [ProcessId.of(int(line.split()[0])) for line in left_over(data) if "hubkiln.cli.child" in line]
        building = [process.pid for process in found if process is not None and process.children()]
    (pid,) = building
    return pid


def test_a_build_that_is_killed_takes_nothing_along(stacked: Path, hosted: GitServer) -> None:
    """
    The service and the build beside it go on, the log says what it died of, another process builds it; nothing is
    left of the one that died, and no secret was to be read of either in the list of processes.
    """
    hosted.drip = 0.3
    with serving(stacked, "--at-once", "2") as service:
        id = service.order(hosted.url("large.git")).json()["id"]
        reached(service, id, "fetching")
        until(lambda: any("git" in line for line in left_over(stacked, but={service.process.pid})))
        building = its_process(stacked)
        assert b"JUPYTERHUB" not in Path(f"/proc/{building}/environ").read_bytes()
        hosted.drip = 0.0
        os.kill(building, signal.SIGKILL)
        record = service.ended(id)
        assert record["phase"] == "ready", record
        assert "was killed by signal 9 (SIGKILL). Another begins anew." in service.text(id)
        assert service.process.poll() is None
        service.process.terminate()
        assert service.process.wait(60) == 0 and settled(stacked) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_stopped_leaves_nothing(stacked: Path, hosted: GitServer, number: signal.Signals) -> None:
    """Ctrl-C, a stop or a kill in the middle of a fetch: no process goes on, and no traceback is shown."""
    hosted.drip = 0.5
    command = [sys.executable, "-m", "hubkiln", "build", hosted.url("large.git"), "--data-dir", str(stacked)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as building:
        assert building.stderr is not None
        for line in building.stderr:
            if "Fetching" in line:
                break
        building.send_signal(number)
        rest = building.stderr.read()
        assert building.wait(60) not in (0, None) and "Traceback" not in rest
    assert settled(stacked) == []
    hosted.drip = 0.0
    assert hubkiln("build", hosted.url("large.git"), data=stacked).returncode == 0
    assert unfinished(stacked) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_in_an_environment_ends_with_us(stacked: Path, tmp_path: Path, number: signal.Signals) -> None:
    """``hubkiln run`` that is told to end, or killed, takes its sandbox along."""
    (tmp_path / "repository").mkdir()
    words = ["run", str(tmp_path / "repository"), "--data-dir", str(stacked), "--"]
    loop = ["python", "-c", f"import time; print('here', flush=True); time.sleep({MARK})"]
    command = [sys.executable, "-m", "hubkiln", *words, *loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "here\n"
        running.send_signal(number)
        assert running.wait(60) == (143 if number is signal.SIGTERM else -number)
    until(lambda: f"time.sleep({MARK})" not in processes())


def processes() -> str:
    """All command lines."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small one, for a data folder."""
    with small_disk() as disk:
        yield disk


def test_a_full_disk_is_said_and_loses_nothing(stacked: Path, disk: Path, hosted: GitServer) -> None:
    """Both the service and the command line say so; when there is room, the same build is retried and works."""
    data = disk / "data"
    with serving(data) as service:
        record = service.built(hosted.url("small.git"))
        assert (record["phase"], record["error"]["code"]) == ("failed", "disk_full"), record
        assert "space" in record["error"]["message"] and record["error"]["hint"]
        assert settled(data, but={service.process.pid}) == [] and unfinished(data) == []
        done = hubkiln("build", hosted.url("small.git"), data=data)
        assert done.returncode == 3 and "space" in said(done)
        enlarge(disk)
        shutil.copytree(stacked / "wheels", data / "wheels", dirs_exist_ok=True)  # saves downloading them
        again = service.ask("POST", f"api/builds/{record['id']}/retry")
        assert service.ended(again.json()["id"])["phase"] == "ready"


def test_a_service_without_any_space_answers_and_recovers(disk: Path, hosted: GitServer) -> None:
    """Not one byte left for the record itself: the request is refused with a sentence, and works once there is room."""
    data = disk / "data"
    with serving(data) as service:
        filler = fill(disk)
        answer = service.order(hosted.url("missing.git"))
        told = answer.json()
        if answer.status_code == 201:
            told = service.ended(told["id"])
        else:
            assert answer.status_code in (503, 507), answer.text
        assert told["error"]["message"].endswith("."), told
        filler.unlink()
        assert service.built(hosted.url("missing.git"))["error"]["code"] == "repository_not_found"
        assert "Traceback" not in service.log.read_text()
    done = hubkiln("build", hosted.url("missing.git"), data=data)
    assert done.returncode == 1


def test_a_database_on_a_full_disk_is_said(disk: Path) -> None:
    """A first start that cannot even make its files."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    done = hubkiln("build", "inline/six", data=disk / "data")
    assert done.returncode == 3 and "space" in said(done)


def test_two_services_on_one_folder_share_it(stacked: Path, hosted: GitServer) -> None:
    """A command line beside the service: the same environment is made once, and neither disturbs the other."""
    with serving(stacked) as service:
        first = service.order(hosted.url("small.git")).json()["id"]
        done = hubkiln("build", hosted.url("small.git"), data=stacked)
        assert done.returncode == 0, done.stderr
        assert service.ended(first)["phase"] == "ready"


def test_the_port_of_the_service_in_use_is_said(stacked: Path) -> None:
    """The hub's log tells why its service does not start."""
    with serving(stacked) as service:
        environment = {
            "JUPYTERHUB_API_TOKEN": "x",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{service.port}",
        }
        done = hubkiln("serve", LOOPBACK, data=stacked, env=environment)
        assert done.returncode == 3 and str(service.port) in said(done)
