"""What the chart says of its own values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hubkiln.chart.schema import written
from hubkiln.setting_table import SETTINGS

CHART = Path(__file__).parents[3] / "charts/hubkiln"
MADE = written((CHART / "values.yaml").read_text())
SCHEMA = json.loads(MADE["values.schema.json"])

Validate = Callable[[object], None]


@pytest.fixture(scope="module")
def validate() -> Validate:
    """Raises a ``ValueError`` where values do not fit the schema. Its library takes a second to be imported."""
    import jsonschema

    validator = jsonschema.validators.validator_for(SCHEMA)
    validator.check_schema(SCHEMA)

    def checked(values: object) -> None:
        try:
            validator(SCHEMA).validate(values)
        except jsonschema.ValidationError as error:
            raise ValueError(error.message) from error

    return checked


@pytest.mark.parametrize("name", MADE)
def test_it_is_what_values_and_settings_say_now(name: str) -> None:
    """If not: ``python -m hubkiln.chart``."""
    assert (CHART / name).read_text() == MADE[name]


def test_every_setting_is_described_or_has_its_own_value() -> None:
    """None is forgotten, and each description has words."""
    about = json.loads(MADE["files/settings.json"])
    assert {*about["settings"], *about["files"], *about["elsewhere"]} == {one.name for one in SETTINGS}
    assert all(item["description"] for item in SCHEMA["properties"]["config"]["properties"].values())


def test_every_value_has_words() -> None:
    """Tables are told by what is in them."""

    def check(properties: dict[str, dict[str, object]], path: str) -> None:
        for key, item in properties.items():
            inside = item.get("properties")
            assert "description" in item or inside, f"{path}{key} has no comment in values.yaml"
            if isinstance(inside, dict):
                check(inside, f"{path}{key}.")

    check(SCHEMA["properties"], "")


@pytest.mark.parametrize("path", sorted((CHART / "ci").glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_fit(path: Path, validate: Validate) -> None:
    """Values that the chart's tests are made with."""
    validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("bad", [{"replicas": "two"}, {"config": {"python": 3.1}}, {"images": {"pullPolicy": "Often"}}])
def test_a_wrong_kind_of_value_does_not_fit(bad: dict[str, object], validate: Validate) -> None:
    """3.10 without quotes is 3.1."""
    with pytest.raises(ValueError):
        validate(bad)
