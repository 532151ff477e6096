"""Recipes whose conda channel cannot be had, and what else their users can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.composer.locking.conda import split_name, way_out
from hubkiln.data_dir import DataDir
from hubkiln.errors import Unreachable
from hubkiln.packages import Packages
from hubkiln.packages.conda_solve import solver_error
from hubkiln.recipes import Kind, Recipe
from hubkiln.testing.packages import FakeIndex


@pytest.mark.parametrize(
    ("known", "offered"), [(("numpy", "xarray"), True), (("numpy",), False)], ids=["all there", "one missing"]
)
async def test_the_package_index_is_offered_where_it_has_everything(
    tmp_path: Path, known: tuple[str, ...], offered: bool
) -> None:
    """Under the same names; Python and pip come anyway."""
    recipe = Recipe(
        kind=Kind.CONDA, folder="", conda=("python=3.11", "numpy>=1.2", "conda-forge::xarray=2024.1", "pip")
    )
    index = FakeIndex({name: [f"{name}-1-py3-none-any.whl"] for name in known})
    hint = await way_out("Try later.", recipe, Packages(DataDir(tmp_path), index=index))
    assert hint.startswith("Try later.")
    assert ("list numpy, xarray in requirements.txt" in hint) is offered


def test_a_closed_channel_names_its_host() -> None:
    """rattler says a whole address, and why."""
    said = "error sending request for url (https://conda.anaconda.org/conda-forge/noarch/repodata.json): dns error"
    error = solver_error(RuntimeError(said), lambda text: None)
    assert isinstance(error, Unreachable)
    assert "conda.anaconda.org" in error.message


@pytest.mark.parametrize("spec", ["numpy", "NumPy=1.2", "numpy >=1,<2", "conda-forge::numpy", "numpy[version='>=1']"])
def test_a_spec_is_known_by_its_name(spec: str) -> None:
    """However it is written."""
    assert split_name(spec) == "numpy"
