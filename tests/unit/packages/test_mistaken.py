"""Names and versions that no index will have get an answer of their own."""

from __future__ import annotations

import pytest

from hubkiln.errors import LockFailed
from hubkiln.packages.explain import explain
from hubkiln.packages.mistaken import of_name, of_no_package

NO_PACKAGE = (
    "error: No solution found when resolving dependencies\n  cause: Because {name} was not found in the package "
    "registry and you require {line}, we can conclude that your requirements are unsatisfiable."
)
NO_VERSION = (
    "error: No solution found when resolving dependencies\n  cause: Because there is no version of {line} and you "
    "require {line}, we can conclude that your requirements are unsatisfiable."
)
NO_PLATFORM = (
    "error: No solution found when resolving dependencies\n  cause: Because {line} has no wheels with a matching "
    "platform tag (e.g., `manylinux_2_28_x86_64`) and you require {line}, we can conclude that your requirements are "
    "unsatisfiable.\n\nhint: Wheels are available for `{name}` (v1) on the following platforms: {there}"
)


@pytest.mark.parametrize(
    ("output", "says", "hint"),
    [
        (NO_PACKAGE.format(name="pkg-resources", line="pkg-resources==0.0.0"), "by mistake", "Remove the line"),
        (NO_PACKAGE.format(name="sqlite3", line="sqlite3"), "sqlite3 is part of Python", "Remove it"),
        (NO_PACKAGE.format(name="os", line="os"), "os is part of Python", "Remove it"),
        (NO_PACKAGE.format(name="tkinter", line="tkinter"), "part of Python", "python3-tk"),
        (NO_PACKAGE.format(name="python", line="python==3.8"), "no package of the index", "runtime.txt"),
        (NO_PACKAGE.format(name="no-such", line="no-such"), "no package named no-such", "spelling"),
        (NO_PACKAGE.format(name="r-base", line="r-base"), "`r-base` is a package of conda's", "an environment.yml"),
        (NO_PACKAGE.format(name="bioconductor-deseq2", line="bioconductor-deseq2"), "of conda's", "environment.yml"),
        (NO_PACKAGE.format(name="cxx-compiler", line="cxx-compiler"), "of conda's", "environment.yml"),
        (NO_PACKAGE.format(name="gcc-linux-64", line="gcc-linux-64"), "of conda's", "environment.yml"),
        (NO_VERSION.format(line="torch==2.1.0+cu118"), "its makers' own", "`torch==2.1.0`"),
        (NO_VERSION.format(line="torch==1.8.0+cpu"), "its makers' own", "`torch==1.8.0`"),
        (NO_VERSION.format(line="numpy==1.21.6+mkl"), "built by somebody", "`numpy==1.21.6`"),
        (NO_VERSION.format(line="numpy==99"), "no version of numpy that is ==99", "which versions exist"),
        (NO_PLATFORM.format(name="pywin32", line="pywin32==306", there="`win_amd64`"), "Windows alone", "win32"),
        (
            NO_PLATFORM.format(name="coolmac", line="coolmac==1", there="`macosx_11_0_arm64`"),
            "not made for Linux",
            'sys_platform == "darwin"',
        ),
    ],
)
def test_what_is_known_is_said(output: str, says: str, hint: str) -> None:
    """Freezes of other systems, names of modules, and builds of their makers' own."""
    error = explain(output)
    assert isinstance(error, LockFailed)
    assert says in error.message and hint in error.hint


@pytest.mark.parametrize("name", ["sklearn", "PyTorch", "skimage"])
def test_a_name_under_which_nothing_can_be_built_is_judged(name: str) -> None:
    """The index has a source there that does nothing but fail; names of other systems' packages are another matter."""
    assert of_no_package(name) is not None
    assert of_no_package("pywin32") is None


def test_ordinary_names_are_not_judged() -> None:
    """Only what is known to be no package."""
    assert [of_name(name) for name in ("numpy", "rich", "argcomplete", "ruff")] == [None] * 4
