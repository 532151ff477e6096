"""Whatever a data host answers, it is understood, or one of our own errors says that it cannot be."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings

from damaged import Host, at_once, damaged
from hubkiln.errors import HubkilnError, RepositoryNotFound
from hubkiln.repositories import ckan, dataverse, figshare, hydroshare, zenodo
from hubkiln.repositories.api import Api
from hubkiln.repositories.doi import DoiSystem
from hubkiln.repositories.record import Record

pytestmark = pytest.mark.slow

HOST = "https://data.example.org"
FEW = settings(max_examples=200, derandomize=True)

ZENODO = {
    "id": 42,
    "files": [{"key": "a.csv", "size": 3, "checksum": "md5:1", "links": {"self": f"{HOST}/a.csv"}}],
}
FIGSHARE = {
    "files": [
        {"name": "a.csv", "download_url": f"{HOST}/1", "size": 3, "computed_md5": "1", "supplied_md5": "2"},
        {"name": "elsewhere", "is_link_only": True},
    ]
}
DATAVERSE = {
    "data": {
        "datasetId": 42,
        "versionNumber": 2,
        "versionMinorNumber": 1,
        "files": [
            {
                "label": "a.csv",
                "directoryLabel": "data",
                "restricted": False,
                "dataFile": {
                    "id": 7,
                    "filename": "a.tab",
                    "filesize": 3,
                    "originalFileFormat": "text/csv",
                    "originalFileName": "a.csv",
                    "originalFileSize": 4,
                    "checksum": {"type": "MD5", "value": "1"},
                    "md5": "1",
                },
            },
            {"label": "b", "dataFile": {"id": 8, "filename": "b", "filesize": 3, "md5": "1"}},
        ],
    }
}
HYDROSHARE = {
    "dates": [{"type": "modified", "start_date": "2024-02-27T16:36:53Z"}],
    "results": [{"url": f"{HOST}/data/contents/a.csv", "file_name": "a.csv", "size": 3, "checksum": "0" * 32}],
    "next": None,
}
CKAN = {
    "result": {
        "metadata_modified": "2024-02-27T16:36:53.110451",
        "resources": [{"id": "1", "url": f"{HOST}/a.csv", "hash": "md5:00"}],
    }
}


async def asked(kind: str, document: Any) -> Record:
    """What the host's answer comes to."""
    api = cast(Api, Host(document))
    if kind == "zenodo":
        return await zenodo.find(api, HOST, "10.5281/zenodo.42")
    if kind == "figshare":
        return await figshare.find(api, HOST, "9784088.v2")
    if kind == "figshare versions":
        return await figshare.find(api, HOST, "9784088")
    if kind == "dataverse":
        return await dataverse.find(api, cast(Any, None), HOST, "10.7910/DVN/ABC")
    if kind == "hydroshare":
        return await hydroshare.find(api, HOST, "0" * 32)
    return await ckan.find(api, f"{HOST}/dataset/ada")


GOOD = [
    ("zenodo", ZENODO),
    ("figshare", FIGSHARE),
    ("figshare versions", FIGSHARE),
    ("dataverse", DATAVERSE),
    ("hydroshare", HYDROSHARE),
    ("ckan", CKAN),
]


@pytest.mark.parametrize(("kind", "good"), GOOD)
def test_any_answer_is_a_record_or_refused(kind: str, good: Any) -> None:
    """A value left out, of another kind, or with what means something to a program that reads it."""

    @FEW
    @given(damaged(good))
    def tried(document: Any) -> None:
        with suppress(HubkilnError):
            record = at_once(asked(kind, document))
            for file in record.files:
                assert isinstance(file.path, str) and isinstance(file.url, str) and isinstance(file.checksum, str)
                assert file.size is None or (isinstance(file.size, int) and file.size >= 0)

    tried()


async def test_a_doi_that_leads_to_no_address_is_no_dataset() -> None:
    """Of a Dataverse that nobody named, its DOI says where it is."""
    told = {"values": [{"type": "URL", "data": {"value": "http://["}}]}
    with pytest.raises(RepositoryNotFound, match="no dataset"):
        await dataverse.find(cast(Api, None), DoiSystem(HOST, cast(Api, Host(told))), "", "10.7910/DVN/ABC")


@pytest.mark.parametrize(("kind", "good"), [one for one in GOOD if one[0] != "figshare versions"])
async def test_the_good_answers_are_understood(kind: str, good: Any) -> None:
    """Else the test above would be one of refusals."""
    assert (await asked(kind, good)).files
