"""The Grafana dashboard names what the service counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hubkiln.web.measured import Metrics

DASHBOARD = json.loads((Path(__file__).parents[3] / "docs/how-to/hubkiln-dashboard.json").read_text())


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
async def test_each_metric_of_a_panel_exists(panel: dict[str, list[dict[str, str]]]) -> None:
    """By its name and labels: a metric that is renamed is a red test and not an empty panel."""
    metrics = Metrics()
    with metrics.build("gh"), metrics.launch("gh"):
        pass
    metrics.refused.labels("403").inc()
    text = metrics.text().decode()
    for target in panel["targets"]:
        names = re.findall(r"\b(?:binderhub|hubkiln)_\w+", target["expr"])
        assert names
        for name in names:
            assert re.search(rf"^{name}[{{ ]", text, re.MULTILINE), name
            for label in re.findall(r"by \((\w+)\)", target["expr"]):
                assert re.search(rf'^{name}{{[^}}]*\b{label}="', text, re.MULTILINE), (name, label)
