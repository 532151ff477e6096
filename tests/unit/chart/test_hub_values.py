"""Values for zero-to-jupyterhub, alone and with an admin's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from hubkiln.chart import HubPart, hub_values, merged
from hubkiln.cli import cli

OURS = hub_values(HubPart(image="quay.io/org/hubkiln:1"))


def test_lists_are_joined_where_helm_would_take_one() -> None:
    """An admin's own volumes and init containers stay beside ours."""
    theirs = {"hub": {"extraVolumes": [{"name": "mine"}], "initContainers": [{"name": "wait"}]}, "debug": {"a": 1}}
    found = merged(OURS, theirs)
    assert [item["name"] for item in found["hub"]["extraVolumes"]] == ["hubkiln", "mine"]
    assert [item["name"] for item in found["hub"]["initContainers"]] == ["hubkiln", "wait"]
    assert found["debug"] == {"a": 1} and found["hub"]["services"] == OURS["hub"]["services"]


@pytest.mark.parametrize(
    "theirs",
    [
        {"hub": {"extraVolumes": [{"name": "mine"}], "extraEnv": {"PYTHONPATH": "/srv/own", "A": "b"}}},
        {"hub": {"extraVolumes": None, "services": {"other": {"url": "http://x"}}}},
        {},
    ],
)
def test_what_was_merged_can_be_merged_again(theirs: dict[str, Any]) -> None:
    """So the printed file may become the admin's own."""
    once = merged(OURS, theirs)
    assert merged(OURS, once) == once
    assert "/opt/hubkiln" in once["hub"]["extraEnv"]["PYTHONPATH"].split(":")


def test_what_an_admin_says_wins() -> None:
    """Also of an item of ours: another image for the init container."""
    theirs = {"hub": {"services": {"binder": {"display": True}}, "initContainers": [{"name": "hubkiln", "image": "x"}]}}
    found = merged(OURS, theirs)["hub"]
    assert found["services"]["binder"] == OURS["hub"]["services"]["binder"] | {"display": True}
    assert found["initContainers"] == [{"name": "hubkiln", "image": "x"}]


def test_the_command_merges_a_file(tmp_path: Path) -> None:
    """Code stays readable: lines are lines."""
    (tmp_path / "mine.yaml").write_text('hub: {extraConfig: {a: "x = 1\\ny = 2"}}')
    words = ["chart", "values", "--image", "x", "--merge", str(tmp_path / "mine.yaml")]
    printed = CliRunner().invoke(cli, words)
    assert set(yaml.safe_load(printed.output)["hub"]["extraConfig"]) == {"a", "zz-hubkiln"}
    assert "      from hubkiln.hub import setup\n" in printed.output


@pytest.mark.parametrize("text", ["a: [", "- a\n", "\x00"])
def test_a_file_that_holds_no_values_is_named(text: str, tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "mine.yaml").write_text(text)
    done = CliRunner().invoke(cli, ["chart", "values", "--image", "x", "--merge", str(tmp_path / "mine.yaml")])
    assert "mine.yaml" in str(done.exception)
    away = CliRunner().invoke(cli, ["chart", "values", "--image", "x", "--merge", str(tmp_path / "away.yaml")])
    assert "away.yaml cannot be read" in str(away.exception)
