"""Records of data hosts, from hosts on loopback that answer in the form that each one's interface is described in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from answers import Answer, Answers
from archives import entry, tarred, zipped
from hubkiln.errors import AccessDenied, HubkilnError, NotFound, RefNotFound, RepositoryNotFound, TooLarge, Unreachable
from hubkiln.repositories import Repositories, RepositorySettings, Source
from hubkiln.repositories.tokens import host_of
from hubkiln.values import Checkout, Revision

ADA = b"name,born\nAda,1815\n"
NOTES = b"# Notes\n"
SHA = "0123456789abcdef0123456789abcdef01234567"
RESOURCE = "8f7c2f0341ef4180b0dbe97f59130756"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture
def host() -> Iterator[Answers]:
    with Answers() as answers:
        yield answers


@pytest.fixture
def repositories(host: Answers) -> Repositories:
    return Repositories(settings_for(host))


def settings_for(host: Answers) -> RepositorySettings:
    kinds = ("zenodo", "figshare", "hydroshare", "swh", "doi")
    return RepositorySettings(
        allowed_networks=(ip_network("127.0.0.0/8"),),
        sources=tuple(Source(kind, kind, host.url) for kind in kinds),
    )


async def fetched(
    repositories: Repositories, revision: Revision, into: Path, said: list[str] | None = None
) -> Checkout:
    return await repositories.fetch(revision, into, (said if said is not None else []).append)


def files_of(checkout: Checkout) -> dict[str, bytes]:
    root = checkout.path
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def zenodo_record(host: Answers, files: dict[str, bytes], number: int = 3242074) -> None:
    """As https://developers.zenodo.org/#records shows one, with the files of https://zenodo.org/api/records/<id>."""
    listed = []
    for name, content in files.items():
        path = f"/api/records/{number}/files/{name}/content"
        host.bytes(path, content)
        listed.append(
            {
                "id": f"id-of-{name}",
                "key": name,
                "size": len(content),
                "checksum": f"md5:{md5(content)}",
                "links": {"self": f"{host.url}{path}"},
            }
        )
    record = {
        "id": number,
        "conceptrecid": "3242073",
        "doi": f"10.5281/zenodo.{number}",
        "conceptdoi": "10.5281/zenodo.3242073",
        "metadata": {"title": "Waves", "access_right": "open", "resource_type": {"type": "software"}},
        "files": listed,
    }
    host.answers[f"/api/records/{number}"] = []
    host.json(f"/api/records/{number}", record, ETag='"one"')


async def test_zenodo_files_come_with_their_names(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """A record's files are fetched by name, folders in names included; the record's number is the revision."""
    zenodo_record(host, {"data/ada.csv": ADA, "README.md": NOTES})
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    checkout = await fetched(repositories, revision, tmp_path / "out")
    assert (revision.commit, revision.name) == ("3242074", "zenodo-3242074")
    assert files_of(checkout) == {"data/ada.csv": ADA, "README.md": NOTES}


async def test_a_doi_for_all_versions_means_the_newest(host: Answers, repositories: Repositories) -> None:
    """Zenodo redirects the number of all versions; what is built names the very version."""
    zenodo_record(host, {"a.csv": ADA})
    host.redirect("/api/records/3242073", "/api/records/3242074")
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242073"))
    assert revision.commit == "3242074"
    assert revision.spec.repository == "10.5281/zenodo.3242074"


async def test_a_single_zip_is_unpacked(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """As repo2docker does: one archive stands for what is in it, and its one folder for what is in that."""
    zenodo_record(host, {"waves-v1.zip": zipped({"org-waves-1a2b3c/requirements.txt": "numpy\n"})})
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    assert files_of(await fetched(repositories, revision, tmp_path / "out")) == {"requirements.txt": b"numpy\n"}


async def test_an_archive_among_other_files_stays_as_it_is(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """Beside other files an archive is data."""
    packed = zipped({"a": "b"})
    zenodo_record(host, {"data.zip": packed, "requirements.txt": b"numpy\n"})
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    assert files_of(await fetched(repositories, revision, tmp_path / "out"))["data.zip"] == packed


async def test_other_bytes_than_promised_are_refused(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """The checksum that the host tells is checked; nothing is left behind."""
    zenodo_record(host, {"a.csv": ADA, "b.csv": NOTES})
    host.bytes("/api/records/3242074/files/a.csv/content", ADA[::-1])
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    with pytest.raises(Unreachable, match="other bytes"):
        await fetched(repositories, revision, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../../x", "/etc/x", ".git/config", "a/../../x"])
async def test_a_host_cannot_choose_where_files_go(
    host: Answers, repositories: Repositories, tmp_path: Path, name: str
) -> None:
    """A name that leads out of the record, or into git's own folder, is refused."""
    zenodo_record(host, {"ok.csv": ADA})
    answer = {"id": 3242074, "files": [{"key": name, "size": len(ADA), "checksum": f"md5:{md5(ADA)}",
              "links": {"self": f"{host.url}/api/records/3242074/files/ok.csv/content"}}] * 2}  # fmt: skip
    host.answers["/api/records/3242074"] = []
    host.json("/api/records/3242074", answer)
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    with pytest.raises(HubkilnError, match="refused"):
        await fetched(repositories, revision, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


async def test_a_record_larger_than_allowed_is_not_fetched(host: Answers, tmp_path: Path) -> None:
    """What the host says of sizes is enough to refuse; nothing is asked of the files."""
    zenodo_record(host, {"a.csv": bytes(5000), "b.csv": ADA})
    repositories = Repositories(replace(settings_for(host), max_bytes=4000))
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    with pytest.raises(TooLarge):
        await fetched(repositories, revision, tmp_path / "out")
    assert not any("/files/" in request for request in host.requests)


async def test_invenio_lists_files_by_name(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """InvenioRDM's own form, https://inveniordm.docs.cern.ch/reference/rest_api_drafts_records/#get-a-record."""
    host.bytes("/content", ADA)
    entries = {"ada.csv": {"key": "ada.csv", "size": len(ADA), "checksum": f"md5:{md5(ADA)}",
                           "links": {"content": f"{host.url}/content"}}}  # fmt: skip
    host.json("/api/records/abcde-12345", {"id": "abcde-12345", "files": {"enabled": True, "entries": entries}})
    revision = await repositories.resolve(repositories.parse("zenodo/abcde-12345"))
    assert files_of(await fetched(repositories, revision, tmp_path / "out")) == {"ada.csv": ADA}


async def test_figshare_without_a_version_is_the_newest(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """https://docs.figshare.com/#article_versions and #article_version_details; files elsewhere are left out."""
    host.json("/v2/articles/9784088/versions", [{"version": n, "url": f"{host.url}/{n}"} for n in (1, 3, 2)])
    files = [
        {"id": 1, "name": "ada.csv", "size": len(ADA), "is_link_only": False, "download_url": f"{host.url}/files/1",
         "supplied_md5": "", "computed_md5": md5(ADA)},
        {"id": 2, "name": "far", "size": 0, "is_link_only": True, "download_url": "https://elsewhere.example",
         "supplied_md5": "", "computed_md5": ""},
    ]  # fmt: skip
    host.json("/v2/articles/9784088/versions/3", {"id": 9784088, "version": 3, "files": files})
    host.redirect("/files/1", "/stored/1")
    host.bytes("/stored/1", ADA)
    revision = await repositories.resolve(repositories.parse("10.6084/m9.figshare.9784088"))
    assert (revision.commit, revision.spec.repository) == ("9784088.v3", "10.6084/m9.figshare.9784088.v3")
    assert files_of(await fetched(repositories, revision, tmp_path / "out")) == {"ada.csv": ADA}


def dataverse_dataset(host: Answers) -> None:
    """https://guides.dataverse.org/en/latest/api/native-api.html#get-version-of-a-dataset, the DOI leading there."""
    page = f"{host.url}/citation?persistentId=doi:10.7910/DVN/TJCLKP"
    handle = {"index": 1, "type": "URL", "data": {"format": "string", "value": page}}
    host.json("/api/handles/10.7910/DVN/TJCLKP?type=URL", {"responseCode": 1, "values": [handle]})
    stata = b"the original"
    files = [
        {"label": "ada.tab", "directoryLabel": "data", "restricted": False, "dataFile": {
            "id": 7, "filename": "ada.tab", "filesize": 999, "originalFileFormat": "application/x-stata",
            "originalFileName": "ada.dta", "originalFileSize": len(stata), "md5": md5(stata),
            "checksum": {"type": "MD5", "value": md5(stata)}}},
        {"label": "notes.md", "restricted": False, "dataFile": {
            "id": 8, "filename": "notes.md", "filesize": len(NOTES),
            "checksum": {"type": "SHA-1", "value": hashlib.sha1(NOTES, usedforsecurity=False).hexdigest()}}},
        {"label": "secret.csv", "restricted": True, "dataFile": {"id": 9, "filename": "secret.csv", "filesize": 1}},
    ]  # fmt: skip
    version = {"id": 70, "datasetId": 42, "versionNumber": 2, "versionMinorNumber": 1, "files": files}
    path = "/api/datasets/:persistentId/versions/:latest-published?persistentId=doi%3A10.7910%2FDVN%2FTJCLKP"
    host.json(path, {"status": "OK", "data": version})
    host.bytes("/api/access/datafile/7?format=original", stata)
    host.bytes("/api/access/datafile/8", NOTES)


async def test_dataverse_gives_files_as_they_were_uploaded(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """The DOI says which host; tables come as uploaded, in their folders; restricted files are left out."""
    dataverse_dataset(host)
    revision = await repositories.resolve(repositories.parse("10.7910/DVN/TJCLKP"))
    assert revision.commit == "42.v2.1"
    checkout = await fetched(repositories, revision, tmp_path / "out")
    assert files_of(checkout) == {"data/ada.dta": b"the original", "notes.md": NOTES}


async def test_hydroshare_files_keep_their_folders(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """https://www.hydroshare.org/hsapi/ `resource/{id}/files/` (in pages) and `scimeta/elements/`."""
    below = f"/resource/{RESOURCE}/data/contents"
    dates = [{"type": "created", "start_date": "2019-01-01T00:00:00Z"},
             {"type": "modified", "start_date": "2019-09-25T16:09:17.006152Z"}]  # fmt: skip
    host.json(f"/hsapi/resource/{RESOURCE}/scimeta/elements/", {"title": "Rivers", "dates": dates})
    one, two = ({"file_name": name.rsplit("/")[-1], "url": f"{host.url}{below}/{name}", "size": len(content),
                 "content_type": "text/csv", "logical_file_type": "", "checksum": md5(content)}
                for name, content in (("data/ada.csv", ADA), ("notes.md", NOTES)))  # fmt: skip
    following = f"/hsapi/resource/{RESOURCE}/files/?page=2"
    host.json(f"/hsapi/resource/{RESOURCE}/files/", {"count": 2, "next": host.url + following, "results": [one]})
    host.json(following, {"count": 2, "next": None, "results": [two]})
    host.bytes(f"{below}/data/ada.csv", ADA)
    host.bytes(f"{below}/notes.md", NOTES)
    revision = await repositories.resolve(repositories.parse(f"hydroshare/{RESOURCE}"))
    assert revision.commit == f"{RESOURCE}.v1569427757"
    checkout = await fetched(repositories, revision, tmp_path / "out")
    assert files_of(checkout) == {"data/ada.csv": ADA, "notes.md": NOTES}


async def test_a_ckan_dataset_is_as_old_as_its_last_change(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """https://docs.ckan.org/en/latest/api/ `package_show`; a change in between is said instead of mixed."""
    resource = {"id": "r1", "name": "Ada", "url": f"{host.url}/dataset/x/resource/r1/download/ada.csv", "hash": ""}
    shown = {"help": "…", "success": True,
             "result": {"id": "d1", "name": "ada", "metadata_modified": "2024-02-27T16:36:53.110451",
                        "resources": [resource, {**resource, "id": "r2", "url": ""}]}}  # fmt: skip
    host.json("/portal/api/3/action/package_show?id=ada", shown)
    host.bytes("/dataset/x/resource/r1/download/ada.csv", ADA)
    revision = await repositories.resolve(repositories.parse(f"{host.url}/portal/dataset/ada"))
    assert revision.commit == "ada.v1709051813"
    assert files_of(await fetched(repositories, revision, tmp_path / "out")) == {"ada.csv": ADA}
    shown["result"]["metadata_modified"] = "2024-03-01T00:00:00"  # type: ignore[index]
    host.answers["/portal/api/3/action/package_show?id=ada"] = []
    host.json("/portal/api/3/action/package_show?id=ada", shown)
    with pytest.raises(RefNotFound, match="changed in the meantime"):
        await fetched(repositories, revision, tmp_path / "again")


async def test_a_users_token_is_not_for_what_a_dataset_names(host: Answers, tmp_path: Path) -> None:
    """Its maker writes what address they like, others' private data too; what was uploaded is the host's own."""
    with Answers() as other:
        kinds = {"mine": (host, "upload"), "theirs": (host, None), "typed": (host, ""), "away": (other, "upload")}
        listed = []
        for name, (where, kind) in kinds.items():
            where.bytes(f"/{name}.csv", ADA)
            listed.append({"id": name, "url": f"{where.url}/{name}.csv", "url_type": kind})
        dataset = {"metadata_modified": "2024-02-27T16:36:53", "resources": listed}
        host.json("/api/3/action/package_show?id=ada", {"result": dataset})
        own = {host_of(one.url): "t0ken" for one in (host, other)}
        repositories = Repositories(replace(settings_for(host), own_tokens=own))
        revision = await repositories.resolve(repositories.parse(f"{host.url}/dataset/ada"))
        await fetched(repositories, revision, tmp_path / "out")
        asked = zip(host.requests + other.requests, host.headers + other.headers, strict=True)
        opened = {line.split()[1].strip("/") for line, told in asked if "Authorization" in told}
    assert {name for name in opened if name.endswith(".csv")} == {"mine.csv"}


def heritage(host: Answers) -> None:
    """https://archive.softwareheritage.org/api/1/ `revision`, `release`, `snapshot`, and the vault's `flat`."""
    folder = "a" * 40
    api = "/api/1"
    host.json(f"{api}/revision/{SHA}/", {"id": SHA, "directory": folder, "message": "x"})
    host.json(f"{api}/release/{'b' * 40}/", {"id": "b" * 40, "target": SHA, "target_type": "revision"})
    branches = {"HEAD": {"target": "refs/heads/main", "target_type": "alias"},
                "refs/heads/main": {"target": SHA, "target_type": "revision"}}  # fmt: skip
    host.json(f"{api}/snapshot/{'c' * 40}/", {"id": "c" * 40, "branches": branches, "next_branch": None})
    vault = f"{api}/vault/flat/swh:1:dir:{folder}/"
    told = {"fetch_url": f"{host.url}{vault}raw/", "progress_message": None, "id": 1, "swhid": f"swh:1:dir:{folder}"}
    host.json(f"POST {vault}", told | {"status": "done"})
    host.bytes(f"{vault}raw/", tarred(entry(f"swh:1:dir:{folder}/requirements.txt", b"numpy\n")))


@pytest.mark.parametrize("swhid", [f"swh:1:rev:{SHA}", f"swh:1:rel:{'b' * 40}", f"swh:1:snp:{'c' * 40}"])
async def test_software_heritage_packs_the_folder_that_an_identifier_means(
    host: Answers, repositories: Repositories, tmp_path: Path, swhid: str
) -> None:
    """A revision, a release and a snapshot's default branch all lead to a folder, which is the revision built."""
    heritage(host)
    revision = await repositories.resolve(repositories.parse(swhid))
    assert revision.commit == "a" * 40
    assert files_of(await fetched(repositories, revision, tmp_path / "out")) == {"requirements.txt": b"numpy\n"}


async def test_an_archive_at_an_address_is_what_its_etag_says(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """A changed archive is another revision; its folder counts as the repository."""
    host.bytes("/course.zip", zipped({"course/requirements.txt": "numpy\n"}), ETag='"one"')
    spec = repositories.parse(f"{host.url}/course.zip")
    first = await repositories.resolve(spec)
    assert files_of(await fetched(repositories, first, tmp_path / "out")) == {"requirements.txt": b"numpy\n"}
    host.bytes("/course.zip", zipped({"course/requirements.txt": "pandas\n"}), ETag='"two"')
    assert (await repositories.resolve(spec)).commit != first.commit


async def test_an_archive_without_any_sign_of_its_state_is_hashed(host: Answers, repositories: Repositories) -> None:
    """Where neither an ETag nor a date is told, the bytes decide."""
    host.bytes("/course.tgz", data := tarred(entry("a", b"b")))
    revision = await repositories.resolve(repositories.parse(f"{host.url}/course.tgz"))
    assert revision.commit == hashlib.sha256(data).hexdigest()


async def test_an_archive_with_its_sha256_must_have_it(
    host: Answers, repositories: Repositories, tmp_path: Path
) -> None:
    """A checksum given with the address is the revision, and other bytes are refused."""
    host.bytes("/course.zip", data := zipped({"a": "b"}))
    digest = hashlib.sha256(data).hexdigest()
    revision = await repositories.resolve(repositories.parse(f"{host.url}/course.zip#sha256={digest}"))
    assert revision.commit == digest
    await fetched(repositories, revision, tmp_path / "out")
    host.bytes("/course.zip", zipped({"a": "c"}))
    with pytest.raises(Unreachable, match="other bytes"):
        await fetched(repositories, revision, tmp_path / "again")


async def test_a_doi_of_any_host_is_led_to_it(host: Answers, repositories: Repositories) -> None:
    """A DOI that does not say whose it is, is looked up; what it leads to is read like a pasted page."""
    zenodo_record(host, {"a.csv": ADA})
    value = {"type": "URL", "data": {"format": "string", "value": f"{host.url}/records/3242074"}}
    host.json("/api/handles/10.1234/other?type=URL", {"responseCode": 1, "values": [value]})
    revision = await repositories.resolve(repositories.parse("doi:10.1234/other"))
    assert (revision.spec.provider, revision.commit) == ("zenodo", "3242074")


@pytest.mark.parametrize("page", ["https://journal.example.org/article/1", "http://127.0.0.1:1/x.git", "file:///etc"])
async def test_a_doi_of_an_article_is_no_repository(host: Answers, repositories: Repositories, page: str) -> None:
    """A DOI leads to most anything; only to what can be built is it followed."""
    value = {"type": "URL", "data": {"format": "string", "value": page}}
    host.json("/api/handles/10.1234/other?type=URL", {"responseCode": 1, "values": [value]})
    with pytest.raises(RepositoryNotFound, match="no repository that can be built"):
        await repositories.resolve(repositories.parse("doi:10.1234/other"))


async def test_what_is_not_there_is_named(host: Answers, repositories: Repositories) -> None:
    """A missing record is said as such, and is not asked for again at once."""
    for _ in range(2):
        with pytest.raises(RepositoryNotFound, match=r"no record 10\.5281/zenodo\.99"):
            await repositories.resolve(repositories.parse("10.5281/zenodo.99"))
    assert host.requests == ["GET /api/records/99"]


async def test_an_answer_that_has_not_changed_is_not_sent_again(host: Answers, repositories: Repositories) -> None:
    """The second question says which answer is known."""
    zenodo_record(host, {"a.csv": ADA})
    for _ in range(2):
        await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    assert [headers.get("If-None-Match") for headers in host.headers] == [None, '"one"']


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {"Retry-After": "120"}), (403, {"X-RateLimit-Remaining": "0", "Retry-After": "120"})],
)
async def test_a_host_that_has_had_enough_is_left_be(
    host: Answers, repositories: Repositories, status: int, headers: dict[str, str]
) -> None:
    """It says when to come again; until then nothing is asked, and people are told."""
    host.answers["/api/records/99"] = [Answer(status, b"{}", headers)]
    for number in (99, 99, 98):
        with pytest.raises(Unreachable, match="no more questions") as caught:
            await repositories.resolve(repositories.parse(f"10.5281/zenodo.{number}"))
        assert "Try again in 2 minutes" in caught.value.hint
    assert len(host.requests) == 1


@pytest.mark.parametrize("answer", [[], {"id": True}, {"id": 5, "files": [{"key": "a"}]}, {"id": 5, "files": 7}])
async def test_an_answer_of_another_form_names_the_host(
    host: Answers, repositories: Repositories, answer: object
) -> None:
    """A host that has changed its interface, or lies, gives an error that says so; nothing breaks."""
    host.json("/api/records/5", answer)
    with pytest.raises((Unreachable, AccessDenied)):
        await repositories.resolve(repositories.parse("10.5281/zenodo.5"))


async def test_a_file_that_leads_inside_is_not_fetched(host: Answers, tmp_path: Path) -> None:
    """A public host cannot make us ask a private address for a file."""
    zenodo_record(host, {"a.csv": ADA, "b.csv": ADA})
    host.redirect("/api/records/3242074/files/a.csv/content", "http://169.254.169.254/latest/meta-data")
    repositories = Repositories(settings_for(host))
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074"))
    with pytest.raises(HubkilnError, match="inside this network"):
        await fetched(repositories, revision, tmp_path / "out")


async def test_a_folder_of_a_record_can_be_the_root(host: Answers, repositories: Repositories, tmp_path: Path) -> None:
    """A folder that is not there is said, as for git."""
    zenodo_record(host, {"data/ada.csv": ADA, "README.md": NOTES})
    revision = await repositories.resolve(repositories.parse("10.5281/zenodo.3242074", subdir="nowhere"))
    with pytest.raises(NotFound, match="no folder `nowhere`"):
        await fetched(repositories, revision, tmp_path / "out")
