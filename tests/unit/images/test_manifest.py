"""Documents of images: pure, canonical, and faithful to the base."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubkiln.errors import Unsupported
from hubkiln.images.interface import Descriptor, Layer
from hubkiln.images.manifest import ParentImage, Runtime, compose, read_descriptor, read_layers
from hubkiln.images.media_types import OCI_LAYER_GZIP


def layer(n: int) -> Layer:
    blob = Descriptor(
        media_type=OCI_LAYER_GZIP, digest=f"sha256:{n:064x}", size=n, annotations={"a": "b"} if n % 2 else {}
    )
    return Layer(descriptor=blob, diff_id=f"sha256:{n + 1000:064x}")


BASE = ParentImage(
    layers=(layer(1),),
    config={
        "os": "linux",
        "architecture": "amd64",
        "config": {"Env": ["PATH=/bin", "KEPT=1"], "Cmd": ["sh"], "Labels": {"theirs": "1"}, "StopSignal": "SIGINT"},
        "history": [{"created_by": "debian"}, {"created_by": "ENV", "empty_layer": True}],
    },
)
RUNTIME = Runtime(
    env=(("PATH", "/srv/bin:/bin"), ("NEW", "2")),
    user="1000",
    workdir="/srv",
    labels=(("ours", "2"),),
    ports=("8888/tcp",),
)


def config_of(**changes: Any) -> dict[str, Any]:
    fields = {name: getattr(RUNTIME, name) for name in Runtime.__slots__} | changes
    found: dict[str, Any] = json.loads(compose(BASE, [(layer(2), "numpy")], Runtime(**fields)).config)
    return found


def test_the_same_inputs_give_the_same_digest() -> None:
    """Whoever composes it, whenever: one image."""
    first = compose(BASE, [(layer(2), "numpy")], RUNTIME)
    assert first == compose(BASE, [(layer(2), "numpy")], RUNTIME)
    assert first.digest != compose(BASE, [(layer(4), "numpy")], RUNTIME).digest


def test_manifest_and_configuration_list_the_same_layers() -> None:
    """Base first; what was composed can be read back."""
    image = compose(BASE, [(layer(2), "numpy"), (layer(3), "content")], RUNTIME)
    manifest, config = json.loads(image.manifest), json.loads(image.config)
    assert read_layers(manifest, config) == image.layers == (layer(1), layer(2), layer(3))
    assert read_descriptor(manifest["config"]) == image.config_descriptor


def test_every_layer_has_its_line_of_history() -> None:
    """The base's lines are kept, empty ones too."""
    lines = config_of()["history"]
    assert [line["created_by"] for line in lines] == ["debian", "ENV", "numpy"]


def test_history_that_does_not_fit_the_layers_is_replaced() -> None:
    """Engines refuse images whose history and layers disagree."""
    base = ParentImage(layers=(layer(1), layer(3)), config={"history": [{"created_by": "one"}]})
    config = json.loads(compose(base, [], RUNTIME).config)
    assert len(config["history"]) == 2


def test_variables_and_labels_are_merged_ours_winning() -> None:
    """What the base sets stays unless we set it."""
    started = config_of()["config"]
    assert started["Env"] == ["PATH=/srv/bin:/bin", "KEPT=1", "NEW=2"]
    assert started["Labels"] == {"theirs": "1", "ours": "2"}
    assert started["StopSignal"] == "SIGINT"
    assert (started["User"], started["WorkingDir"], started["ExposedPorts"]) == ("1000", "/srv", {"8888/tcp": {}})


def test_an_entrypoint_of_ours_drops_the_bases_command() -> None:
    """A command is written for its own entrypoint."""
    assert config_of()["config"]["Cmd"] == ["sh"]
    assert "Cmd" not in config_of(entrypoint=("/e",))["config"]
    assert config_of(entrypoint=("/e",), command=("jupyter",))["config"]["Cmd"] == ["jupyter"]


def test_a_base_for_another_platform_is_refused() -> None:
    """Before an image is made that cannot run."""
    with pytest.raises(Unsupported, match="arm64"):
        compose(ParentImage(layers=(), config={"os": "linux", "architecture": "arm64"}), [], RUNTIME)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"digest": "sha256:1", "size": 1},
        {"digest": "md5:" + "0" * 64, "size": 1},
        {"digest": 3, "size": 1},
        {"digest": "sha256:" + "0" * 64, "size": -1},
        {"digest": "sha256:../../../" + "0" * 55, "size": 1},
    ],
)
def test_a_descriptor_that_cannot_be_trusted_is_refused(document: object) -> None:
    """Digests become file names: nothing but hexadecimal digits."""
    with pytest.raises(Unsupported):
        read_descriptor(document)


def test_documents_that_disagree_are_refused() -> None:
    """As many layers as uncompressed digests."""
    with pytest.raises(Unsupported):
        read_layers({"layers": []}, {"rootfs": {"diff_ids": ["x"]}})
