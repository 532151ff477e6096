"""What people type where a repository is asked for, and is none."""

from __future__ import annotations

import pytest

from hubkiln.errors import BadSpec
from hubkiln.repositories import RepositorySettings, parse_spec

SERVICE = RepositorySettings()
COMMAND_LINE = RepositorySettings(allow_local_folders=True)

TYPED = {
    "numpy pandas": ("names packages", "inline/numpy,pandas"),
    "numpy, pandas": ("names packages", "inline/numpy,pandas"),
    "numpy, pandas and matplotlib": ("names packages", "inline/numpy,pandas,matplotlib"),
    "numpy, pandas, and scikit-learn>=1": ("names packages", "inline/numpy,pandas,scikit-learn>=1"),
    "FROM python:3.11\nRUN pip install numpy\n": ("lines of a Dockerfile", "file `Dockerfile`"),
    "FROM quay.io/jupyter/base-notebook RUN mamba install -y numpy": ("lines of a Dockerfile", "file `Dockerfile`"),
    '{"cells": [], "metadata": {}, "nbformat": 4}': ("what is in a notebook", "upload"),
    '{\n "nbformat": 4,\n "cells": [{"source": "https://example.org/a"}]}' + "\n" * 5000: ("in a notebook", "upload"),
    "numpy==1.26.4": ("names a package", "inline/numpy==1.26.4"),
    "pandas >= 2": ("names a package", "inline/pandas>=2"),
    "scikit-learn": ("has no owner", "inline/scikit-learn"),
    "pip install numpy pandas": ("names packages", "inline/numpy,pandas"),
    "conda install -c conda-forge xarray=2024.1": ("names a package", "inline/xarray==2024.1.*"),
    "!pip install -U rich": ("names a package", "inline/rich"),
    "https://pypi.org/project/requests/2.32.0/": ("names a package", "inline/requests"),
    "https://anaconda.org/conda-forge/xarray": ("names a package", "inline/xarray"),
    "python:3.12": ("name of an image", "--image python:3.12"),
    "quay.io/jupyter/scipy-notebook": ("name of an image", "--image quay.io/jupyter/scipy-notebook"),
    "quay.io/jupyter/scipy-notebook:2024-05-27": ("name of an image", "--image quay.io"),
    "jupyter/scipy-notebook": ("name of an image", "--image jupyter/scipy-notebook"),
    "jupyter/docker-stacks:latest": ("name of an image", "--image jupyter/docker-stacks:latest"),
    "ghcr.io/org/thing@sha256:" + "0" * 64: ("name of an image", "spawn page"),
    "docker://rocker/binder:4.3": ("name of an image", "--image rocker/binder:4.3"),
    "localhost:5000/team/env:1": ("name of an image", "--image localhost:5000/team/env:1"),
    "docker run -it rocker/rstudio": ("name of an image", "--image rocker/rstudio"),
    "https://hub.docker.com/r/jupyter/base-notebook/tags": ("name of an image", "--image jupyter/base-notebook"),
    "https://quay.io/repository/jupyter/base-notebook": ("name of an image", "--image quay.io/jupyter/base-notebook"),
    "C:\\Users\\ada\\notebooks": ("folder of your own computer", "git address"),
    "analysis.ipynb": ("name of a file", "repository that it is in"),
}


@pytest.mark.parametrize("settings", [SERVICE, COMMAND_LINE], ids=["page", "command line"])
@pytest.mark.parametrize("text", TYPED)
def test_what_is_none_is_recognised_for_what_it_is(text: str, settings: RepositorySettings) -> None:
    """The sentence says what it seems to be, the hint how to get it; the page and the command line say the same."""
    is_, way = TYPED[text]
    with pytest.raises(BadSpec) as caught:
        parse_spec(text, settings=settings)
    assert is_ in caught.value.message and way in caught.value.hint


@pytest.mark.parametrize(
    "text", ["10.5281/zenodo.3242074", "https://doi.org/10.5281/zenodo.3242074", "doi:10.6084/m9.figshare.9782777"]
)
def test_a_doi_is_never_taken_for_github(text: str) -> None:
    """However it is written, and whether or not its host can be asked here."""
    try:
        provider = parse_spec(text, settings=SERVICE).provider
    except BadSpec as error:
        assert "DOI" in error.message
    else:
        assert provider not in ("gh", "git")


@pytest.mark.parametrize(
    "text",
    ["org/repo", "numpy/numpy", "jupyter/docker-stacks", "jupyter/notebook", "python/cpython", "host.example/a/b",
     "https://host.example:8443/r.git", "https://registry.example.org/group/r.git", "git@host.example:r.git"],
)  # fmt: skip
def test_repositories_are_still_repositories(text: str) -> None:
    """Names and addresses that only resemble the others."""
    assert parse_spec(text, settings=SERVICE)
