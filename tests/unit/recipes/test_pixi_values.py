"""Whatever stands in the place of any value of pixi's manifest, it is read or refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import read

PART: dict[str, Any] = {
    "channels": ["a", {"channel": "b", "priority": 1}],
    "platforms": ["linux-64", {"platform": "linux-64", "name": "x"}],
    "dependencies": {"python": "3.12.*", "a": {"version": "*", "build": "b", "channel": "c"}},
    "pypi-dependencies": {
        "b": {"version": "*", "extras": ["x"], "env-markers": "os_name == 'posix'"},
        "c": {"git": "https://example.org/c.git", "tag": "v1", "subdirectory": "x"},
        "d": {"path": ".", "editable": True},
    },
    "pypi-options": {"index-url": "https://pypi.org/simple", "extra-index-urls": [{"url": "https://pypi.org/simple"}]},
    "activation": {"env": {"A": "1"}, "scripts": ["x.sh"]},
}
WHOLE = {
    **{key: value for key, value in PART.items() if key not in ("channels", "platforms")},
    "workspace": {key: PART[key] for key in ("channels", "platforms")},
    "target": {"linux-64": {"dependencies": {"e": "1"}}},
    "feature": {"more": {**PART, "target": {"unix": {"host-dependencies": {"f": "1"}}}}},
    "environments": {"default": {"features": ["more"], "no-default-feature": False}},
}
OTHERS: tuple[Any, ...] = (True, 7, "", "1 2", [[]], ["x"], [{"a": 1}], {"a b": {}})


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within `value`."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*at, key)
        yield from places(inner, (*at, key))


def as_toml(value: Any) -> str:
    """`value` as TOML's inline form, its keys in order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {as_toml(one)}' for key, one in value.items()) + "}"
    return "[" + ", ".join(map(as_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


def written(folder: Path, tables: dict[str, Any]) -> Path:
    (folder / "pixi.toml").write_text("".join(f'"{key}" = {as_toml(one)}\n' for key, one in tables.items()))
    return folder


def test_the_whole_is_read(tmp_path: Path) -> None:
    """So that what is refused below is refused for the one value that is another."""
    recipe = read(written(tmp_path, WHOLE))
    assert set(recipe.conda) == {"c::a * b", "e 1", "f 1"}
    assert (recipe.local, len(recipe.direct), recipe.requirements) == (("-e .",), 1, ('b[x]; os_name == "posix"',))


@pytest.mark.slow
@pytest.mark.parametrize("at", list(places(WHOLE)), ids=lambda at: ".".join(map(str, at)))
def test_any_value_may_be_any_other(tmp_path: Path, at: tuple[Any, ...]) -> None:
    """Nothing but a RecipeError with a hint comes of it."""
    for other in OTHERS:
        tables = copy.deepcopy(WHOLE)
        inner: Any = tables
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = other
        try:
            read(written(tmp_path, tables))
        except RecipeError as error:
            assert error.hint, error.message
