"""Our chart as a dependency of somebody's own, beside whatever else that holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm import CHART, LEAST, helm, needs_helm, rendered

pytestmark = needs_helm


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A chart that has ours twice, on condition, and values for all of its parts."""
    depends = {"name": "hubkiln", "version": ">=0-0", "repository": ""}
    once, again = (depends | {"alias": name, "condition": f"{name}.enabled"} for name in ("builds", "trial"))
    chart = {"apiVersion": "v2", "name": "basehub", "version": "1.0.0", "dependencies": [once, again]}
    ours = yaml.safe_load(LEAST.read_text())
    values = {
        "global": {"domain": "example.org", "nested": {"a": [1]}},
        "builds": ours | {"enabled": True, "custom": {"team": "science"}},
        "trial": ours | {"enabled": False, "fullnameOverride": "trial"},
    }
    shutil.copytree(CHART, tmp_path / "basehub/charts/hubkiln")
    (tmp_path / "basehub/templates").mkdir()
    for name, text in (("Chart", chart), ("values", values)):
        (tmp_path / f"basehub/{name}.yaml").write_text(yaml.safe_dump(text))
    return tmp_path / "basehub"


def deployments(parent: Path, *words: str) -> dict[str, dict[str, Any]]:
    """What the parent makes of ours, by name."""
    objects = rendered(*words, chart=parent, release="org")
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == "Deployment"}


def test_a_parent_passes_on_its_own_values(parent: Path) -> None:
    """Global values, a condition and values of its own are taken; nothing is made where the condition is false."""
    assert [*deployments(parent)] == ["hubkiln"]
    assert deployments(parent, "--set", "builds.enabled=false") == {}
    done = helm("lint", parent, "--strict")
    assert done.returncode == 0, done.stdout


def test_a_parent_may_have_it_twice(parent: Path) -> None:
    """Two under names of their own share no object and no label by which pods are found."""
    objects = rendered("--set", "trial.enabled=true", chart=parent, release="org")
    named = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(named) == len({*named})
    both = deployments(parent, "--set", "trial.enabled=true")
    first, second = (both[name]["spec"]["selector"]["matchLabels"] for name in ("hubkiln", "trial"))
    assert first != second


def test_a_parent_is_told_what_it_mistyped(parent: Path) -> None:
    """The sentence is the chart's own, through the parent."""
    done = helm("template", "org", parent, "--set", "builds.replcas=2")
    assert "no value replcas. Did you mean replicas?" in done.stderr
