"""The layer index: the same promises in memory and in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkiln.images.interface import Descriptor, Layer
from hubkiln.images.layer_index import InMemoryLayerIndex, LayerIndex, SqliteLayerIndex

BLOB = Descriptor(media_type="m", digest="sha256:1", size=3, annotations={"a": "b"})
LAYER = Layer(descriptor=BLOB, diff_id="sha256:2")


@pytest.fixture(params=["memory", "file"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LayerIndex]:
    if request.param == "memory":
        yield InMemoryLayerIndex()
        return
    index = SqliteLayerIndex(tmp_path / "index")
    yield index
    index.close()


def test_a_layer_is_found_by_its_key(index: LayerIndex) -> None:
    """Whole, annotations included; the latest counts."""
    assert index.get("k") is None
    index.put("k", LAYER)
    assert index.get("k") == LAYER
    other = Layer(descriptor=BLOB, diff_id="sha256:3")
    index.put("k", other)
    assert index.get("k") == other


def test_homes_are_known_by_host_and_few(index: LayerIndex) -> None:
    """Only the same registry's repositories can be mounted from, and trying them all would cost too much."""
    assert index.homes("sha256:1", "a") == []
    for n in range(10):
        index.seen("sha256:1", "a", f"p{n}")
        index.seen("sha256:1", "a", f"p{n}")
    index.seen("sha256:1", "b", "q")
    assert 0 < len(index.homes("sha256:1", "a")) <= 4
    assert index.homes("sha256:1", "b") == ["q"]


def test_two_builders_share_a_file(tmp_path: Path) -> None:
    """What one learns, the other knows; also after a restart."""
    one, two = SqliteLayerIndex(tmp_path / "i"), SqliteLayerIndex(tmp_path / "i")
    one.put("k", LAYER)
    assert two.get("k") == LAYER
    one.close()
    two.close()
    again = SqliteLayerIndex(tmp_path / "i")
    assert again.get("k") == LAYER
    again.close()
