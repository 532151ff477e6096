"""
Three replicas on a PostgreSQL of their own, one killed ten seconds after the last is back, for five minutes, while
people ask for builds.

Prints what was asked, how often processes died of it, and everything that was lost, doubled or another's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/integration"))
from journey import machine
from replica_chaos import Chaos, killed_repeatedly

from postgresql import throw_away_postgresql


def page(chaos: Chaos, seconds: float) -> str:
    """The result as Markdown."""
    rows = {
        "seconds": f"{seconds:.0f}",
        "replicas killed": chaos.kills,
        "builds asked for": len(chaos.asked),
        "requests to a dead replica": chaos.refused,
        "ended as": ", ".join(f"{state} {count}" for state, count in sorted(chaos.states.items())),
        "begun": ", ".join(f"{count} × {times}" for times, count in sorted(chaos.attempts.items())),
        "slowest, from request to end": f"{chaos.slowest:.1f} s",
        "lost, doubled or wrong": len(chaos.wrong),
    }
    lines = [f"# Replicas that are killed\n\n{machine()}\n", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items()), *chaos.wrong])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--every", type=float, default=10)
    given = parser.parse_args()
    with throw_away_postgresql() as server:
        print(page(asyncio.run(killed_repeatedly(server.url, given.seconds, given.every)), given.seconds))
