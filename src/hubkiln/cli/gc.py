"""``hubkiln gc``: what nobody needs any more goes, and it is said what stays and why."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.cli.plain_lines import echo
from hubkiln.forms import SIZE
from hubkiln.setting_values import Values
from hubkiln.settings import storage_settings
from hubkiln.storage import Storage
from hubkiln.stores import Collection, CollectSettings, Swept

DAY = 24 * 3600
MOST_ROOTS = 20
"""Reasons that are shown one by one."""


@click.command()
@data_dir_option
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--keep-days", type=click.FloatRange(0), help="What was used within so many days stays. [default: 30]")
@click.option("--keep-bytes", metavar="SIZE", help="Beyond it, what was used longest ago goes too. [default: no limit]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object that names every thing.")
def gc(data_dir: Path | None, dry_run: bool, keep_days: float | None, keep_bytes: str | None, as_json: bool) -> None:
    """Free disk space: remove images, environments and packages that nobody needs any more.

    What saved environments, running servers and running builds need stays, and what was used lately. What goes can
    be made again from its repository, with the packages that it had. Safe beside a running hub.
    """
    settings = storage_settings(os.environ)
    if keep_days is not None:
        settings = replace(settings, keep_seconds=keep_days * DAY)
    if keep_bytes is not None:
        settings = replace(settings, keep_bytes=SIZE.or_none().read("--keep-bytes", keep_bytes))
    storage = Storage(open_data_dir(data_dir), Values(os.environ).get("database", ""))
    found, swept = asyncio.run(collected(storage, settings, dry_run))
    if as_json:
        click.echo(json.dumps(document(found, swept, storage.nobodys())))
    else:
        for line in told(found, swept, storage.nobodys()):
            echo(line)


async def collected(storage: Storage, settings: CollectSettings, dry_run: bool) -> tuple[Collection, Swept | None]:
    """What was found and what went; nothing went in a dry run."""
    if dry_run:
        return (await storage.look(settings))[1], None
    return await storage.collect(settings)


def told(found: Collection, swept: Swept | None, nobodys: Iterable[Path]) -> Iterator[str]:
    """For people."""
    yield f"Stays: {_things(len(found.kept))}, {size(found.bytes_kept)}"
    whys = Counter(root.why for root in found.roots if not root.why.startswith("used "))
    for why, count in whys.most_common(MOST_ROOTS):
        yield f"  {why}" + (f" ({_things(count)})" if count > 1 else "")
    if len(whys) > MOST_ROOTS:
        yield f"  and for {len(whys) - MOST_ROOTS} reasons more; --json names them all"
    if recent := sum(root.why.startswith("used ") for root in found.roots):
        yield f"  used since {_moment(found.before)} ({_things(recent)})"
    for lease in found.leases:
        yield f"  {lease.what} is at work since {_moment(lease.since)} (process {lease.pid}): what was used since stays"
    went = found.garbage if swept is None else swept.gone
    freed = found.bytes_garbage if swept is None else swept.bytes
    yield f"{'Would go' if swept is None else 'Gone'}: {_things(len(went))}, {size(freed)}"
    for store, count in sorted(Counter(ref.store for ref in went).items()):
        yield f"  {store}: {count}, {size(sum(found.sizes[ref] for ref in went if ref.store == store))}"
    if swept is not None and swept.rescued:
        yield f"  {_things(len(swept.rescued))} stayed after all: somebody came to use them meanwhile"
    for path in nobodys:
        yield f"Nobody's, not touched: {path}"


def document(found: Collection, swept: Swept | None, nobodys: Iterable[Path]) -> dict[str, Any]:
    """For programs."""
    went = found.garbage if swept is None else swept.gone
    return {
        "dry_run": swept is None,
        "kept_bytes": found.bytes_kept,
        "gone_bytes": found.bytes_garbage if swept is None else swept.bytes,
        "kept": [
            {"store": ref.store, "key": ref.key, "bytes": found.sizes[ref], "for": str(root.ref), "why": root.why}
            for ref, root in sorted(found.kept.items())
        ],
        "gone": [{"store": ref.store, "key": ref.key, "bytes": found.sizes[ref]} for ref in went],
        "rescued": [] if swept is None else [{"store": ref.store, "key": ref.key} for ref in sorted(swept.rescued)],
        "leases": [{"what": one.what, "since": one.since, "pid": one.pid} for one in found.leases],
        "nobodys": [str(path) for path in nobodys],
    }


def size(count: int) -> str:
    """Bytes for people."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} bytes"


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(max(seconds, 0)).astimezone().strftime("%Y-%m-%d %H:%M")
