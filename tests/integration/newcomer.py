"""What somebody who types commands has: the real command line, the real build service, and a look at what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx

from sockets import free_port

LOOPBACK = "--allow-network=127.0.0.0/8"
ENDED = ("ready", "failed", "cancelled", "interrupted")


def hubkiln(*words: str | Path, data: Path, seconds: float = 500, **more: Any) -> subprocess.CompletedProcess[str]:
    """Type ``hubkiln WORDS…`` with `data` as data folder."""
    command = [sys.executable, "-m", "hubkiln", *map(str, words)]
    environment = os.environ | {"HUBKILN_DATA_DIR": str(data)} | more.pop("env", {})
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=seconds, check=False, **more
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The error that a command ended with: the sentence and its hint, on one line."""
    assert "Traceback" not in done.stderr, done.stderr
    _, found, rest = done.stderr.rpartition("Error: ")
    assert found, done.stderr
    return " ".join(rest.split())


@dataclass
class Service:
    """A running ``hubkiln serve``, asked with its own token."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path

    login: ClassVar = {"Authorization": "token own"}

    @property
    def url(self) -> str:
        """Where it is, as its hub's proxy sees it."""
        return f"http://127.0.0.1:{self.port}/services/binder/"

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; no authority is asked, and to read them all would take longer than most requests do."""
        return httpx.request(
            method, self.url + path, headers=self.login, timeout=120, trust_env=False, verify=False, **more
        )

    def order(self, spec: str, **more: Any) -> httpx.Response:
        """Ask for a build."""
        return self.ask("POST", "api/builds", json={"spec": spec} | more)

    def ended(self, id: str) -> dict[str, Any]:
        """The record of a build once it has ended: its stream of events ends with it."""
        return self.end_in(self.ask("GET", f"api/builds/{id}/events").text)

    @staticmethod
    def end_in(events: str) -> dict[str, Any]:
        """The record that a whole stream of events ends with."""
        last = json.loads(events.strip().split("\n\n")[-1].partition("data: ")[2])
        assert last["type"] == "end", last
        record: dict[str, Any] = last["build"]
        return record

    def built(self, spec: str, **more: Any) -> dict[str, Any]:
        """Build to the end, whichever it is."""
        asked = self.order(spec, **more)
        assert asked.status_code in (200, 201), asked.text
        return self.ended(asked.json()["id"])

    def text(self, id: str) -> str:
        """A build's log."""
        return self.ask("GET", f"api/builds/{id}/log").text


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Service]:
    """``hubkiln serve`` on `data` as a hub would start it, killed at the end if it still runs."""
    port, log = free_port(), data.with_name(f"{data.name}-serve-{time.monotonic_ns()}.log")
    environment = os.environ | {
        "JUPYTERHUB_API_TOKEN": "own",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/binder/",
    }
    command = [sys.executable, "-m", "hubkiln", "serve", "--data-dir", str(data), LOOPBACK, *options]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    service = Service(process, port, data, log)
    try:
        until_it_answers(service)
        yield service
    finally:
        process.kill()
        process.wait()
        print(log.read_text(errors="replace")[-4000:])  # shown where a test fails


def until_it_answers(service: Service, seconds: float = 150) -> None:
    """Return when the service takes requests."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and service.process.poll() is None:
        with suppress(httpx.TransportError):
            if service.ask("GET", "health").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(service.log.read_text())


def left_over(data: Path, *, but: set[int] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """
    Processes that work in `data`: by command line, working folder or open mounts; zombies do not count, and neither do
    those in which a service that is one of `but` builds.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) in but | {os.getpid()}:
            continue
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            where = (folder / "cwd").readlink()
            if any(f"hubkiln.cli.child {parent} " in words for parent in but):
                continue
            if words and (str(data) in words or where.is_relative_to(data)):
                found.append(f"{folder.name} {words}")
    return found


def settled(data: Path, *, but: set[int] = frozenset(), seconds: float = 60) -> list[str]:  # type: ignore[assignment]
    """What is still left over after it had some seconds to end."""
    end = time.monotonic() + seconds
    while (left := left_over(data, but=but)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def unfinished(data: Path) -> list[str]:
    """What lies in the folder for unfinished things, and at the desks of those who live; locks apart."""
    work = data / "work"
    found = [*(path for path in work.iterdir() if not path.name.startswith("desk-")), *work.glob("desk-*/*")]
    return [path.name for path in found if path.suffix != ".claim" and path.name != "sandboxes"]
