"""What is found out about an installation, a line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import click

from hubkiln.cli.plain_lines import plain


class State(StrEnum):
    """How a finding stands."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing."""
    BAD = "bad"
    """Something needed is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    says: str


def report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print all and end: with 1 if something needed is missing."""
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            colour = {State.OK: "green", State.NOTE: "yellow", State.BAD: "red"}[finding.state]
            mark = click.style(f"{finding.state.value:>4}", fg=colour)
            click.echo(f"{mark}  {plain(f'{finding.name}: {finding.says}')}")
    sys.exit(1 if any(finding.state is State.BAD for finding in findings) else 0)
