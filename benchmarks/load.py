"""
What the build service bears: answers that are there already, beside real BinderHub; a crowd that watches one build, or
asks for one; and whose turn it is when everybody asks at once.

``load.py cached --binderhub CHECKOUT --python PYTHON_THAT_HAS_ITS_REQUIREMENTS``, ``load.py watchers``, ``load.py
crowd``, ``load.py fairness --svg FILE``. All on the loopback, bounded in count and time. The clients take processor
time from the service, so rates are this machine's and only ratios carry over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from journey import machine
from load_service import LINES, PER_SECOND
from turns import turns

from hubkiln.database import sqlite_url
from hubkiln.processes import free_port
from hubkiln.testing.hub import SCOPE, FakeHub

HERE = Path(__file__).resolve().parent

READY = b'"ready"'
USERS = [f"user{number}" for number in range(200)]

BINDERHUB_CONFIG = """
from binderhub.build import FakeBuild
from binderhub.registry import FakeRegistry
from binderhub.repoproviders import FakeProvider

class Full(FakeRegistry):
    async def get_image_manifest(self, image, tag):
        return {"schemaVersion": 2}

c.BinderHub.use_registry = True
c.BinderHub.registry_class = Full
c.BinderHub.builder_required = False
c.BinderHub.repo_providers = {"gh": FakeProvider}
c.BinderHub.build_class = FakeBuild
c.BinderHub.enable_api_only_mode = True
c.RateLimiter.limit = 1_000_000_000
c.BinderHub.hub_url = "http://127.0.0.1:1/"
c.Application.log_level = "WARN"
"""


async def answered(url: str, token: str = "", until: bytes = b"") -> bytes:
    """What a request gets, up to `until`; a connection of its own, as a browser's event stream has."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        login = f"Authorization: token {token}\r\n" if token else ""
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n"
        writer.write(f"{head}{login}Connection: close\r\n\r\n".encode())
        found = b""
        while piece := await reader.read(65536):
            found += piece
            if until and until in found:
                break
        return found
    finally:
        writer.close()


async def hammered(url: str, *, count: int, at_once: int, tokens: list[str], until: bytes) -> tuple[float, list[float]]:
    """Requests per second, and how long each took; fails where an answer is none."""
    taken: list[float] = []
    numbers = iter(range(count))

    async def one_after_another() -> None:
        for number in numbers:
            begin = time.monotonic()
            answer = await answered(url, tokens[number % len(tokens)] if tokens else "", until)
            assert until in answer, answer[-500:]
            taken.append(time.monotonic() - begin)

    begin = time.monotonic()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return count / (time.monotonic() - begin), taken


@asynccontextmanager
async def program(words: list[str], url: str, env: dict[str, str]) -> AsyncIterator[int]:
    """A server, from when it answers; its pid."""
    process = await asyncio.create_subprocess_exec(*words, env=env, stdout=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60):
            while True:
                with suppress(OSError):
                    if b" 200 " in (await answered(url))[:20]:
                        break
                await asyncio.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def ours(kind: str, *more: str) -> AsyncIterator[tuple[str, int]]:
    """The service, with a Hub that knows 200 users; its address and pid."""
    known = {user: {"name": user, "kind": "user", "admin": False, "scopes": [SCOPE]} for user in USERS}
    async with FakeHub(known) as hub:
        with tempfile.TemporaryDirectory() as folder:
            base = f"http://127.0.0.1:{free_port()}"
            env = os.environ | {
                "JUPYTERHUB_API_TOKEN": "own",
                "JUPYTERHUB_API_URL": hub.api_url,
                "JUPYTERHUB_SERVICE_URL": base,
                "JUPYTERHUB_SERVICE_PREFIX": "/services/binder/",
            }
            words = [sys.executable, str(HERE / "load_service.py"), sqlite_url(Path(folder) / "db"), kind, *more]
            async with program(words, f"{base}/services/binder/live", env) as pid:
                yield f"{base}/services/binder", pid


def processor_seconds(pid: int) -> float:
    """What a process has had of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def theirs(checkout: Path, python: Path) -> AsyncIterator[tuple[str, int]]:
    """BinderHub, every image of which is in its registry."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.py"
        config.write_text(BINDERHUB_CONFIG)
        base = f"http://127.0.0.1:{(port := free_port())}"
        words = [str(python), "-m", "binderhub", "-f", str(config), f"--port={port}"]
        async with program(words, f"{base}/versions", os.environ | {"PYTHONPATH": str(checkout)}) as pid:
            yield base, pid


@dataclass
class Measured:
    """What came of one of them, round by round."""

    rates: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """Seconds of a processor for each answer, which others on the machine change least."""

    async def add(self, base: str, pid: int, count: int, tokens: list[str]) -> None:
        """One round, after everybody has asked once."""
        url = base + "/build/gh/org/repo/HEAD?build_only=true"
        await hammered(url, count=len(USERS), at_once=8, tokens=tokens, until=READY)
        before = processor_seconds(pid)
        rate, each = await hammered(url, count=count, at_once=32, tokens=tokens, until=READY)
        self.processor.append((processor_seconds(pid) - before) / count)
        self.rates.append(rate)
        self.taken += each

    @property
    def row(self) -> str:
        """Of the table."""
        p50, slow = median(self.taken) * 1000, p99(self.taken) * 1000
        return f"{median(self.rates):.0f} | {p50:.0f} ms | {slow:.0f} ms | {median(self.processor) * 1000:.2f} ms |"


async def cached(checkout: Path, python: Path, count: int, rounds: int) -> None:
    """Print requests per second of both, in turns."""
    them, us = Measured(), Measured()
    for _ in range(rounds):
        async with theirs(checkout, python) as (base, pid):
            await them.add(base, pid, count, [])
        async with ours("cached") as (base, pid):
            await us.add(base, pid, count, USERS)
    print(f"# Answers that are there already\n\n{machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("`GET build/gh/org/repo/HEAD?build_only=true`, 32 at once, until `ready`; medians of the rounds, in turns.\n")
    print("| | requests per second | p50 | p99 | of a processor, each |\n|---|---|---|---|---|")
    print(f"| BinderHub | {them.row}\n| Hubkiln | {us.row}")
    quicker = median(us.rates) / median(them.rates)
    cheaper = median(them.processor) / median(us.processor)
    print(
        f"\nRatio of requests {quicker:.1f}, of p99 {p99(them.taken) / p99(us.taken):.1f}, of the work {cheaper:.1f}."
    )


def p99(values: list[float]) -> float:
    """Of a hundred, the slowest but one."""
    return quantiles(values, n=100)[-1]


async def watched(url: str, token: str, late: list[float] | None, begun: asyncio.Event) -> int:
    """How many lines one watcher got; with `late`, each looked at: once and in order, and how late it came."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: x\r\nAuthorization: token {token}\r\n\r\n".encode())
    said, seen, rest = re.compile(rb"line (\d+) at ([\d.]+)\\n"), 0, b""
    try:
        while b'"type":"end"' not in rest:
            piece = await reader.read(262144)
            begun.set()
            now, rest = time.monotonic(), rest + piece
            if late is None:  # who looks at each line of a thousand needs a processor of its own
                seen += rest.count(b" at ")
                rest = rest[-300:].replace(b" at ", b" AT ")
                if not piece:
                    break
                continue
            last = 0
            for found in said.finditer(rest):
                assert int(found[1]) == seen, (found, seen)
                seen, last = seen + 1, found.end()
                late.append(now - float(found[2]))
            rest = rest[last:]
            if not piece:
                break
    finally:
        writer.close()
    return seen


async def watchers(count: int) -> None:
    """Print what a crowd that watches one build costs, and whether any of it missed a line."""
    late: list[float] = []
    async with ours("talking") as (base, pid):
        order = await answered(f"{base}/build/gh/org/repo/HEAD?build_only=true", USERS[0], b"data:")
        assert b"data:" in order
        asked = await answered(f"{base}/api/builds", USERS[0])
        id = json.loads(asked[asked.index(b"{") : asked.rindex(b"}") + 1])["builds"][0]["id"]
        url = f"{base}/api/builds/{id}/events"
        begun = [asyncio.Event() for _ in range(count)]
        looking = [late if number % 20 == 0 else None for number in range(count)]
        watching = [asyncio.create_task(watched(url, USERS[0], *one)) for one in zip(looking, begun, strict=True)]
        async with asyncio.timeout(LINES / PER_SECOND + 120):
            seen = await asyncio.gather(*watching)
        busy = processor_seconds(pid)
        peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(f"# {count:,} who watch one build of {LINES:,} lines\n\n{machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| | |\n|---|---|")
    print(f"| watchers that got every line | {sum(one == LINES for one in seen):,} of {count:,} |")
    print(f"| a line is told until a watcher has it: p50, p99, longest | {_seconds(late)} |")
    print(f"| processor time of the service, of {LINES / PER_SECOND:.0f} s in which lines were told | {busy:.0f} s |")
    print(f"| memory of the service, at most | {int(peak.split()[1]) / 1024:.0f} MB |")


def _seconds(values: list[float]) -> str:
    return f"{median(values):.2f} s, {p99(values):.2f} s, {max(values):.2f} s"


async def crowd(count: int) -> None:
    """Print how many builds so many requests for one make; it is built when all have asked."""
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder) / "open"
        async with ours("short", str(gate)) as (base, pid):
            url, before = f"{base}/build/gh/org/repo/HEAD?build_only=true", processor_seconds(pid)
            rate, each = await hammered(url, count=count, at_once=200, tokens=USERS, until=b'"phase"')
            busy = (processor_seconds(pid) - before) / count
            gate.touch()
            (record,) = await _ended(base, USERS[0], 1)
            made = (await answered(f"{base}/metrics")).decode()
    (total,) = [line for line in made.splitlines() if line.startswith("binderhub_build_count_total")]
    print(f"# {count:,} requests of {len(USERS)} users for one thing\n\n{machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| | |\n|---|---|")
    print(f"| builds made | {float(total.rpartition(' ')[2]):.0f} (`{record['id']}`) |")
    print(f"| requests per second | {rate:.0f} |\n| p99 until the first event | {p99(each):.1f} s |")
    print(f"| of a processor, each | {busy * 1000:.1f} ms |")


async def fairness(svg: Path, users: int, each: int) -> None:
    """
    Draw whose builds began when: one user asks for as many as all together, then each of the others for some.

    Nothing is built until all have asked.
    """
    greedy = USERS[0]
    wanted = [(greedy, number) for number in range(users)]
    wanted += [(user, number) for number in range(each) for user in USERS[1:users]]
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder) / "open"
        async with ours("short", str(gate)) as (base, _):
            line = asyncio.Semaphore(8)

            async def ask(user: str, number: int) -> None:
                async with line:
                    url = f"{base}/build/gh/{user}/repo{number}/HEAD?build_only=true"
                    assert b"data:" in await answered(url, user, b"data:")

            await asyncio.gather(*(ask(user, number) for user, number in wanted))
            gate.touch()
            async with asyncio.timeout(len(wanted)):
                records = [await _ended(base, user, users if user == greedy else each) for user in USERS[:users]]
    begun = sorted((one["started"], number) for number, theirs in enumerate(records) for one in theirs)
    had, dots = [0] * users, []
    for place, (_, number) in enumerate(begun):
        dots.append((place, number, min(had[number], each - 1)))
        had[number] += 1
    svg.write_text(turns(dots, users))
    others = [place for place, number, _ in dots if number]
    before = sum(1 for place, number, _ in dots if not number and place < others[-1])
    print(f"# One asks for {users} builds, then {users - 1} for {each} each\n")
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}\n\n![Whose build began as the how-manieth]({svg.name})\n")
    print("| | |\n|---|---|")
    print(f"| builds begun before everybody else had their first | {_firsts(dots)} (of {users - 1} at best) |")
    print(f"| builds of the one while others waited | {before} of {len(others)} |")


def _firsts(dots: list[tuple[int, int, int]]) -> int:
    """How many builds had begun when the last of the others had one."""
    return max(place for place, number, nth in dots if number and nth == 0) + 1


async def _ended(base: str, user: str, count: int) -> list[dict[str, Any]]:
    """The records of a user's builds, when all have ended."""
    while True:
        asked = await answered(f"{base}/api/builds?limit={count}", user)
        found: list[dict[str, Any]] = json.loads(asked[asked.index(b"\r\n\r\n") :])["builds"]
        if len(found) == count and all(one["phase"] == "ready" for one in found):
            return found
        await asyncio.sleep(0.5)


def main() -> None:
    """One of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("cached")
    one.add_argument("--binderhub", type=Path, required=True)
    one.add_argument("--python", type=Path, required=True)
    one.add_argument("--count", type=int, default=3000)
    one.add_argument("--rounds", type=int, default=3)
    kinds.add_parser("watchers").add_argument("--count", type=int, default=1000)
    kinds.add_parser("crowd").add_argument("--count", type=int, default=10_000)
    fair = kinds.add_parser("fairness")
    fair.add_argument("--svg", type=Path, required=True)
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    match given.kind:
        case "cached":
            asyncio.run(cached(given.binderhub, given.python, given.count, given.rounds))
        case "watchers":
            asyncio.run(watchers(given.count))
        case "crowd":
            asyncio.run(crowd(given.count))
        case "fairness":
            asyncio.run(fairness(given.svg, 200, 5))


if __name__ == "__main__":
    main()
