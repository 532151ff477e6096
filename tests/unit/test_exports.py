"""An environment in other tools' words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hubkiln.conventions import PYTHON_LABEL
from hubkiln.errors import NotFound, Unsupported
from hubkiln.exporting import label
from hubkiln.exports import FORMATS, Exported
from hubkiln.packages.conda_values import CondaLock, CondaPackage
from hubkiln.packages.interface import Lock, Wheel
from hubkiln.testing.packages import release

BUILT = release("ours", "0.1", url="file:///somewhere/ours-0.1-py3-none-any.whl")
LABELS = {"org.opencontainers.image.source": "https://host.example/work", "org.opencontainers.image.revision": "abc"}
CONDA = CondaLock(
    platform="linux-64",
    python="3.11",
    packages=(
        CondaPackage(
            name="zlib",
            version="1.3",
            build="h1_0",
            build_number=0,
            subdir="linux-64",
            url="https://conda.example/main/linux-64/zlib-1.3-h1_0.conda",
            channel="https://conda.example/main",
            sha256="2" * 64,
        ),
    ),
)
IMAGE = f"registry.example/team/work@sha256:{'1' * 64}"


def environment(*wheels: Wheel, image: str = IMAGE) -> Exported:
    lock = Lock(python="3.11", wheels=wheels or (release("numpy", "2.0"), BUILT), text='lock-version = "1.0"\n')
    return Exported(image=image, lock=lock, labels=LABELS)


def test_the_lock_is_as_it_was() -> None:
    """Byte by byte."""
    assert FORMATS["lock"](environment()) == 'lock-version = "1.0"\n'


def test_a_dockerfile_pins_by_hash_and_says_what_it_lacks() -> None:
    """What was built here is in no index."""
    text = FORMATS["dockerfile"](environment())
    assert f"numpy==2.0 --hash=sha256:{release('numpy', '2.0').sha256}" in text
    assert "FROM python:3.11-slim" in text and "--require-hashes" in text
    assert "#   ours==0.1" in text and "\nours==" not in text
    assert "https://host.example/work at abc" in text


def test_no_instruction_comes_of_what_an_image_says_of_itself() -> None:
    """Whoever made it wrote its labels; in a Dockerfile of ours they are a comment, and never a version of Python."""
    labels = {name: f"{value}\nRUN evil\rRUN evil" for name, value in LABELS.items()}
    text = FORMATS["dockerfile"](replace(environment(), labels=labels))
    assert "RUN evil" in text.splitlines()[0] and text.count("\n") == FORMATS["dockerfile"](environment()).count("\n")
    with pytest.raises(NotFound, match="does not say"):
        label({PYTHON_LABEL: "3.12\nRUN evil"}, PYTHON_LABEL, IMAGE)


def test_a_dockerfile_needs_no_new_builder_and_no_long_words() -> None:
    """No heredoc, which Debian 12's Buildah takes for a file's name; a thousand packages are several instructions."""
    text = FORMATS["dockerfile"](environment(*(release(f"package-{n}", "1.0") for n in range(1100))))
    assert "<<" not in text
    runs = text.replace("\\\n", "").splitlines()
    assert sum(run.count("--hash=") for run in runs) == 1100 and max(map(len, runs)) < 128 * 1024


@pytest.mark.parametrize("kind", ["podman", "apptainer"])
def test_command_lines_name_the_image(kind: str) -> None:
    """By digest, where it is in a registry."""
    assert IMAGE in FORMATS[kind](environment())
    for image in ("", f"hubkiln.local/work@sha256:{'1' * 64}"):
        with pytest.raises(Unsupported, match="this machine only"):
            FORMATS[kind](environment(image=image))


def test_a_bill_of_materials_names_every_package() -> None:
    """In CycloneDX's words, the same every time."""
    text = FORMATS["sbom"](environment())
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["purl"] for one in bill["components"]] == ["pkg:pypi/numpy@2.0", "pkg:pypi/ours@0.1"]
    assert bill["components"][0]["hashes"] == [{"alg": "SHA-256", "content": release("numpy", "2.0").sha256}]
    assert "externalReferences" not in bill["components"][1]
    assert bill["metadata"]["component"]["version"] == f"sha256:{'1' * 64}"
    assert text == FORMATS["sbom"](environment())


def test_a_bill_of_materials_is_what_its_schema_says() -> None:
    """Every field and value of CycloneDX 1.6, with wheels of an index, of our own, and conda's packages."""
    schema = pytest.importorskip("cyclonedx.schema")
    validation = pytest.importorskip("cyclonedx.validation.json")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    whole = environment()
    for one in (whole, replace(whole, lock=replace(whole.lock, conda=CONDA)), environment(image="")):
        assert validator.validate_str(FORMATS["sbom"](one)) is None
    assert validator.validate_str(FORMATS["sbom"](whole).replace('"library"', '"book"')) is not None


def test_the_kernel_beside_the_server_is_part_of_it() -> None:
    """Its packages are in the bill of materials too, each once; no Dockerfile could make both."""
    both = environment(release("numpy", "2.0"))
    kernel = Lock(python="3.7", wheels=(release("numpy", "2.0"), release("six", "1.15.0")), text="")
    both = replace(both, lock=replace(both.lock, kernel=kernel))
    refs = [one["bom-ref"] for one in json.loads(FORMATS["sbom"](both))["components"]]
    numpy = "pkg:pypi/numpy@2.0"
    assert refs == [numpy, f"kernel {numpy}", "kernel pkg:pypi/six@1.15.0"]
    with pytest.raises(Unsupported, match="kernel"):
        FORMATS["dockerfile"](both)
