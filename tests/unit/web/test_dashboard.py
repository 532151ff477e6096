"""What dashboards and alerts ask of Prometheus is in its language, of metrics and labels that there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from hubkiln.web.measured import Metrics

ROOT = Path(__file__).parents[3]
DASHBOARDS = ("docs/how-to/hubkiln-dashboard.json", "charts/hubkiln/files/dashboard.json")
OF_TARGETS = {"namespace", "service"}
"""Labels that Prometheus itself gives to all that it gets of a Service."""


def alerts() -> list[dict[str, Any]]:
    """The chart's."""
    rules: list[dict[str, Any]] = yaml.safe_load((ROOT / "charts/hubkiln/files/alerts.yaml").read_text())
    return rules


def asked() -> Iterator[Any]:
    """Each expression; a length of time that Grafana puts in is one."""
    for place in DASHBOARDS:
        for panel in json.loads((ROOT / place).read_text())["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "5m")
                yield pytest.param(expression, id=f"{place.partition('/')[0]}-{panel['title']}-{target['refId']}")
    for rule in alerts():
        yield pytest.param(rule["expr"], id=rule["alert"])


@pytest.fixture(scope="module")
def told() -> dict[str, set[str]]:
    """The labels of each metric; whether the service can be asked at all is Prometheus' own."""
    metrics = Metrics()
    with metrics.build("gh"), metrics.launch("gh"):
        pass
    metrics.refused.labels("403").inc()
    found: dict[str, set[str]] = defaultdict(set, up=set())
    for family in metrics.registry.collect():
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return dict(found)


@pytest.mark.parametrize("expression", [*asked()])
def test_what_is_asked_can_be_answered(expression: str, told: dict[str, set[str]]) -> None:
    """A slip of the pen, or a metric or label that is renamed, is a red test and no empty panel or silent alert."""
    metrics: dict[str, set[str]] = {}
    grouped: set[str] = set()

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.MatrixSelector):
            visit(node.vector_selector)
        elif isinstance(node, promql.VectorSelector):
            assert node.name
            metrics.setdefault(node.name, set()).update(one.name for one in node.matchers.matchers)
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)

    promql.walk(promql.parse(expression), visit)
    assert metrics and metrics.keys() <= told.keys()
    for name, labels in metrics.items():
        assert labels | grouped <= told[name] | OF_TARGETS, name


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_is_a_rule_of_prometheus(rule: dict[str, Any]) -> None:
    """It lasts as long as can be said, has a severity and says what is the matter."""
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert promql.parse_duration(rule.get("for", "1m"))
    assert rule["labels"].keys() == {"severity"} and rule["annotations"].keys() == {"summary", "description"}
