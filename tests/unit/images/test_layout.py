"""Images on disk: whole or not there, whoever else writes at the same time."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from hubkiln.errors import NotFound, ServiceError
from hubkiln.images.interface import Descriptor
from hubkiln.images.layout import OciLayout
from hubkiln.images.media_types import OCI_MANIFEST
from hubkiln.images.stores import BlobStore


@pytest.fixture
def layout(tmp_path: Path) -> OciLayout:
    return OciLayout(tmp_path / "images").make()


def manifest(n: int) -> Descriptor:
    return Descriptor(media_type=OCI_MANIFEST, digest=f"sha256:{n:064x}", size=n)


def test_documents_come_back_checked(layout: OciLayout) -> None:
    """What is read is what was put; damage and absence are errors of their own."""
    digest = layout.put(b"{}")
    assert layout.read(digest) == b"{}" and layout.has(digest, 2) and not layout.has(digest, 3)
    layout.path(digest).write_bytes(b"[]")
    with pytest.raises(ServiceError, match="damaged"):
        layout.read(digest)
    with pytest.raises(NotFound):
        layout.read("sha256:" + "0" * 64)


def test_an_unadopted_blob_leaves_nothing(layout: OciLayout) -> None:
    """A builder that fails in the middle leaves no file."""
    with pytest.raises(RuntimeError), layout.partial() as path:
        path.write_bytes(b"half")
        raise RuntimeError
    assert list(layout.root.rglob("*half*")) == [] and list((layout.root / ".partial").iterdir()) == []


def test_what_dead_builders_left_is_dropped(layout: OciLayout) -> None:
    """Old unfinished blobs go at the next start, fresh ones belong to somebody."""
    old, fresh = layout.root / ".partial/old", layout.root / ".partial/fresh"
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    layout.make()
    assert not old.exists() and fresh.exists()


def test_a_name_means_the_last_manifest_it_was_given(layout: OciLayout) -> None:
    """Tagging again moves the name; when its manifest goes, so does the name."""
    layout.tag("a", manifest(1))
    layout.tag("b", manifest(2))
    layout.tag("a", manifest(3))
    found = layout.find("a")
    assert found is not None and found.digest == manifest(3).digest
    assert layout.names() == ["a", "b"]
    layout.untag(manifest(3).digest)
    assert layout.names() == ["b"]


def test_it_is_a_standard_layout(layout: OciLayout) -> None:
    """Other tools find their files."""
    layout.tag("a", manifest(1))
    assert json.loads((layout.root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((layout.root / "index.json").read_text())["manifests"][0]["digest"] == manifest(1).digest


def test_builders_racing_lose_no_name(layout: OciLayout) -> None:
    """Many at once: every name is there at the end."""
    threads = [threading.Thread(target=layout.tag, args=(f"n{n:02}", manifest(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert layout.names() == [f"n{n:02}" for n in range(20)]


def test_a_damaged_index_is_said_to_be(layout: OciLayout) -> None:
    """Never silently replaced by an empty one."""
    (layout.root / "index.json").write_text("{")
    with pytest.raises(ServiceError, match="damaged"):
        layout.tag("a", manifest(1))


@pytest.mark.parametrize(
    "text", [b'{"layers": ' + b"[" * 100_000, b'{"config": 1, "layers": [2]}', b'{"manifests": null}', b"{"]
)
def test_a_blob_that_looks_like_a_document_ends_no_collection(layout: OciLayout, text: bytes) -> None:
    """Strangers' images hold what they like: it needs nothing, and what is kept of others is looked at all the same."""
    digest = layout.put(text)
    assert list(BlobStore(layout.root, layout).needs(digest.removeprefix("sha256:"))) == []
