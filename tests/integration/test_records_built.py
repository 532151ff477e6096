"""A record and an identifier of Software Heritage become environments, from the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from newcomer import hubkiln

from answers import Answers
from archives import entry, tarred, zipped

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.timeout(600)]

FOLDER, COMMIT = "a" * 40, "b" * 40


@pytest.fixture
def host() -> Iterator[Answers]:
    """Zenodo as in https://developers.zenodo.org/#records, Software Heritage as in its `api/1`, by what is needed."""
    with Answers() as host:
        content = f"{host.url}/api/records/7/files/waves.zip/content"
        data = zipped({"org-waves-1a2b/requirements.txt": "humanize\n"})
        host.bytes("/api/records/7/files/waves.zip/content", data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        file = {"key": "waves.zip", "size": len(data), "checksum": f"md5:{md5}", "links": {"self": content}}
        host.json("/api/records/7", {"id": 7, "files": [file]})
        host.redirect("/api/records/6", "/api/records/7")
        host.json(f"/api/1/revision/{COMMIT}/", {"id": COMMIT, "directory": FOLDER})
        vault = f"/api/1/vault/flat/swh:1:dir:{FOLDER}/"
        host.json(f"POST {vault}", {"status": "done", "fetch_url": f"{host.url}{vault}raw/"})
        host.bytes(f"{vault}raw/", tarred(entry(f"swh:1:dir:{FOLDER}/requirements.txt", b"humanize\n")))
        yield host


@pytest.mark.parametrize(
    ("typed", "name"), [("10.5281/zenodo.6", "zenodo-7"), (f"swh:1:rev:{COMMIT}", f"swh-{FOLDER[:12]}")]
)
def test_a_record_becomes_an_environment(host: Answers, stacked: Path, typed: str, name: str) -> None:
    """From what people paste to an image whose Jupyter starts; a DOI for all versions is built as the newest."""
    given = f"sources=zenodo=zenodo:{host.url} swh=swh:{host.url}"
    done = hubkiln("--set", given, "build", typed, data=stacked)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"hubkiln.local/{name}@sha256:")
