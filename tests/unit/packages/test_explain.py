"""uv's failures, recorded from real runs, each become one sentence with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.errors import DiskFull, HubkilnError, LockFailed, Unreachable
from hubkiln.packages.explain import MissingVersion, explain, without_wheels
from hubkiln.packages.interface import PinsConflict

OUTPUTS = Path(__file__).parent / "uv_outputs"

TABLE: tuple[tuple[str, type[HubkilnError], str], ...] = (
    ("address", LockFailed, "app==1 needs kilnb from an address of its own: kilnb @ git+http://127.0.0.1:46805/b.git."),
    ("abi", LockFailed, "no ready-made package (wheel) of tensorflow==2.3.0 for this Python"),
    ("conflict_deps", PinsConflict, "requests==2.25.0 depends on urllib3>=1.21.1,<1.27 and you require urllib3==2.2.0"),
    ("conflict_direct", PinsConflict, "you require numpy==1.26.4 and numpy==1.25.0"),
    ("conflict_long", LockFailed, "jinja2==3.0.0 and jupyterlab>=3 cannot be had together"),
    ("disk_full", DiskFull, "no space left"),
    ("dns", Unreachable, "No host named no-such-host.invalid is known here"),
    ("exact_beside", LockFailed, "No fitting version of notebook had been uploaded before 2020-01-12"),
    ("filtered", LockFailed, "No fitting version of numpy had been uploaded before 2023-01-02"),
    ("http_401", Unreachable, "asks for credentials"),
    ("http_403", Unreachable, "asks for credentials"),
    ("http_404", LockFailed, "no package named numpy"),
    ("http_429", Unreachable, "slow down"),
    ("http_500", Unreachable, "index at 127.0.0.1 does not answer"),
    ("http_503", Unreachable, "does not answer"),
    ("no_upload_times", LockFailed, "does not say when packages were uploaded"),
    ("no_version", MissingVersion, "no version of numpy that is ==99"),
    ("no_version_range", MissingVersion, "no version of numpy that is >=99"),
    ("offline", Unreachable, "does not answer"),
    ("platform", LockFailed, "pywin32 is for Windows alone"),
    ("python", LockFailed, "wheel) of scipy==1.18.0"),
    ("requires_python", LockFailed, "networkx==3.4 needs Python >=3.10, and this environment has 3.8.5"),
    ("requires_python_deep", LockFailed, "ipython==9.10.0 needs Python >=3.11"),
    ("transitive_sdist", LockFailed, "wheel) of antlr4-python3-runtime"),
)


@pytest.mark.parametrize(("name", "kind", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_a_failure_is_explained(name: str, kind: type[HubkilnError], words: str) -> None:
    """Each recorded failure is of the right class, says what is wrong, and what to do."""
    error = explain((OUTPUTS / f"{name}.txt").read_text())
    assert type(error) is kind
    assert words in error.message
    assert error.hint


def test_every_recording_is_in_the_table() -> None:
    """No recorded output goes unchecked."""
    assert {path.stem for path in OUTPUTS.glob("*.txt")} == {row[0] for row in TABLE}


def test_a_full_stop_is_no_part_of_a_version() -> None:
    """What uv says of a package that old pins need: its sentence ends behind the version."""
    said = (
        "Because notebook==5.7.8 depends on tornado>=4.1 and tornado>=4.1,<=4.5.3 has no usable wheels, we can "
        "conclude that notebook==5.7.8 depends on tornado>=5.0a1. And because you require tornado<5, we can conclude "
        "that your requirements are unsatisfiable. hint: Wheels are required for `tornado` because building is disabled"
    )
    assert without_wheels(said) == ("tornado>=5.0a1",)


def test_an_unknown_failure_shows_its_last_lines() -> None:
    """What no row knows is shown, without colours and progress."""
    error = explain("Using Python 3.11\n\n\x1b[1merror\x1b[0m: the moon is in the way\n  cause: tide\n")
    assert isinstance(error, LockFailed)
    assert error.message.endswith("error: the moon is in the way cause: tide")


def test_silence_is_explained_too() -> None:
    """A failure that prints nothing still makes a sentence."""
    assert "uv said nothing" in explain("").message


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("transitive_sdist", ("antlr4-python3-runtime==4.9.*",)),
        ("python", ("scipy==1.18.0",)),
        ("exact_beside", ("tornado>=4.1",)),
        ("abi", ()),
        ("conflict_direct", ()),
    ],
)
def test_what_must_be_built_is_named(name: str, requirements: tuple[str, ...]) -> None:
    """Packages that have a source and no wheel are named as requirements; those without a source are not."""
    assert without_wheels((OUTPUTS / f"{name}.txt").read_text()) == requirements
