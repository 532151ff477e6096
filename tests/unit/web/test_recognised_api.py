"""Promises of the question what a text means, with the real reader of texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hubkiln.repositories import RepositorySettings, recognise
from hubkiln.testing.service import Service, in_memory


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """The service with the real reader."""

    def read(text: str, ref: str | None, subdir: str) -> Any:
        return recognise(text, ref, subdir=subdir, settings=RepositorySettings())

    async with in_memory(tmp_path, recognise=read) as running:
        yield running


async def asked(service: Service, text: str, **more: str) -> dict[str, Any]:
    """What the service says of `text`."""
    answer = await service.ask("GET", "api/recognised", params={"text": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("text", "source", "link", "opens"),
    [
        ("lab/waves", "GitHub", "gh/lab/waves/HEAD", ""),
        ("gh/lab/waves/feature%2Fx", "GitHub", "gh/lab/waves/feature/x", ""),
        ("https://github.com/lab/waves/blob/main/a%20b.ipynb", "GitHub", "gh/lab/waves/main", "lab/tree/a%20b.ipynb"),
        ("https://mybinder.org/v2/gh/lab/waves/v1?labpath=x.ipynb", "GitHub", "gh/lab/waves/v1", "doc/tree/x.ipynb"),
        ("gl/group%2Fsub%2Fproject/main", "GitLab", "gl/group%2Fsub%2Fproject/main", ""),
        ("https://git.example.org/a/b.git", "git", "git/https%3A%2F%2Fgit.example.org%2Fa%2Fb.git/HEAD", ""),
        ("10.5281/zenodo.3242074", "Zenodo DOI", "zenodo/10.5281/zenodo.3242074", ""),
    ],
)
async def test_a_repository_however_it_is_written(
    service: Service, text: str, source: str, link: str, opens: str
) -> None:
    """Where it lives, the link to it, and what a pasted page shows."""
    found = await asked(service, text)
    assert (found["kind"], found["source"], found["link"], found["opens"]) == ("repository", source, link, opens)


async def test_what_stands_in_other_fields_counts(service: Service) -> None:
    """The ref and the folder."""
    found = await asked(service, "lab/waves", ref="dev", subdir="docs")
    assert (found["spec"]["ref"], found["spec"]["subdir"], found["link"]) == ("dev", "docs", "gh/lab/waves/dev")


@pytest.mark.parametrize("text", ["pip install numpy pandas==2.2", "numpy, pandas==2.2", "inline/numpy,pandas==2.2"])
async def test_packages(service: Service, text: str) -> None:
    """A list of them is an environment of its own."""
    found = await asked(service, text)
    assert (found["kind"], found["spec"]["provider"]) == ("packages", "inline")
    assert found["link"].startswith("inline/")


@pytest.mark.parametrize("text", ["quay.io/jupyter/scipy-notebook:2025-01-01", "docker pull a/b:1"])
async def test_an_image(service: Service, text: str) -> None:
    """Its name, without what is around it."""
    found = await asked(service, text)
    assert (found["kind"], found["value"], found["spec"]) == ("image", text.split()[-1], None)


async def test_what_names_nothing_is_said(service: Service) -> None:
    """400 with a hint; and nobody asks without a login."""
    answer = await service.ask("GET", "api/recognised", params={"text": "a b/c d"})
    assert answer.status_code == 400 and answer.json()["error"]["hint"]
    assert (await service.ask("GET", "api/recognised", None, params={"text": "a/b"})).status_code == 401


async def test_what_is_too_long_for_an_address_is_posted(service: Service) -> None:
    """Proxies end addresses at 16 KB: four hundred packages with their versions are understood all the same."""
    text = "\n".join(f"package-{number}==1.{number}.0" for number in range(400))
    found = (await service.ask("POST", "api/recognised", json={"text": text})).json()
    assert found == await asked(service, text) and found["kind"] == "packages"
    assert (await service.ask("POST", "api/recognised", json={"text": "a b/c d"})).status_code == 400
    assert (await service.ask("POST", "api/recognised", None, json={"text": text})).status_code == 401
