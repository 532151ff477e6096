"""Our chart as a dependency of somebody's own, beside whatever else that holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
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
    """Global values, a condition and values of its own are taken, and make nothing."""
    assert [*deployments(parent)] == ["hubkiln"]


def test_a_parent_may_have_it_twice(parent: Path) -> None:
    """Two under names of their own, with all that a chart of ours makes, share no object, and none finds a pod of the
    other's."""
    whole = {
        "registry": {"push": "", "internal": {"enabled": True, "nodeTrust": "localhost"}},
        "builds": {"mode": "pods"},
        "replicas": 2,
        "database": {"existingSecret": "database"},
        "metrics": {name: {"enabled": True} for name in ("serviceMonitor", "rules", "dashboard")},
    }
    given = {"builds": whole, "trial": whole | {"enabled": True}}
    (parent / "more.yaml").write_text(yaml.safe_dump(given))
    objects = rendered("--values", parent / "more.yaml", chart=parent, release="org")
    named = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(named) == len({*named})
    pods = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in objects
        if item["kind"] == "Deployment"
    }
    assert pods.keys() == {"hubkiln", "hubkiln-registry", "trial", "trial-registry"}
    for item in objects:
        trial = item["metadata"]["name"].startswith("trial")
        for wanted in labels_wanted(item):
            found = {name for name, labels in pods.items() if wanted.items() <= labels.items()}
            assert not {name for name in found if name.startswith("trial") is not trial}, (item["metadata"], wanted)


def labels_wanted(part: Any) -> Iterator[dict[str, str]]:
    """Each set of labels by which an object, or a part of it, finds others."""
    if isinstance(part, list):
        for one in part:
            yield from labels_wanted(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "matchLabels" or (key == "selector" and all(isinstance(it, str) for it in value.values())):
                yield value
            yield from labels_wanted(value)


def test_a_parent_is_told_what_it_mistyped(parent: Path) -> None:
    """The sentence is the chart's own, through the parent."""
    done = helm("template", "org", parent, "--set", "builds.replcas=2")
    assert "no value replcas. Did you mean replicas?" in done.stderr
