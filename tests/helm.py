"""Our chart, rendered by Helm; where there is none, `.ci/helm` brings one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[1] / "charts/hubkiln"
EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))
LEAST = CHART / "ci/least-values.yaml"


@cache
def found() -> str | None:
    """Helm's path, or None."""
    beside = Path(sys.executable).with_name("helm")
    return str(beside) if beside.exists() else shutil.which("helm")


needs_helm = pytest.mark.skipif(found() is None, reason="needs helm: `python3 .ci/helm .venv/bin` brings it")


def helm(*words: object) -> subprocess.CompletedProcess[str]:
    """What Helm says."""
    argv = [str(found()), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@cache
def rendered(*words: object, chart: Path = CHART, release: str = "hubkiln") -> list[dict[str, Any]]:
    """The objects that `helm template` makes in the namespace `jhub`; remembered, so leave them as they are."""
    done = helm("template", release, chart, "--namespace", "jhub", *words)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.load_all(done.stdout, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]


def refused(*words: object) -> str:
    """The sentence with which our chart refuses values."""
    done = helm("template", "hubkiln", CHART, "--values", LEAST, *words)
    assert done.returncode != 0, done.stdout
    return done.stderr


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only object of this kind."""
    (found,) = [item for item in objects if item["kind"] == kind]
    return found
