"""Whatever a forge, the archive or an LFS server answers, it is understood, or refused by an error of ours."""

from __future__ import annotations

import asyncio
import json
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from damaged import JSON, TEXTS, Host, at_once, damaged
from hubkiln.egress import Guard
from hubkiln.errors import HubkilnError, RefNotFound
from hubkiln.repositories import AppKey, GitHubApp, RepositorySettings, Source, bitbucket, gitea, github, gitlab
from hubkiln.repositories.api import Api
from hubkiln.repositories.doi import DoiSystem
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.hosted import Hosted
from hubkiln.repositories.lfs_server import LfsServer, LostFile, Silent
from hubkiln.repositories.refs import COMMIT
from hubkiln.repositories.software_heritage import SoftwareHeritage
from hubkiln.repositories.tokens import is_token
from hubkiln.testing.github import ID, FakeGitHub
from hubkiln.testing.loopback import Loopback
from hubkiln.values import Spec

pytestmark = pytest.mark.slow

HERE = (ip_network("127.0.0.0/8"),)
SOME = settings(max_examples=100, derandomize=True)
FEW = settings(max_examples=40, derandomize=True, phases=(Phase.explicit, Phase.generate))
"""Over a socket, where looking for the smallest that fails would take long."""
HASH, OID = "a" * 40, "b" * 64


class Git:
    """Stands for git, which is asked where the web interface is not enough, and knows nothing either."""

    def token(self, host: str) -> str:
        """There is one, so that the web interface is asked first."""
        return "secret"

    async def resolve(self, spec: Spec, url: str) -> None:
        """As of a repository without that branch."""
        raise RefNotFound


FORGES = {
    "gh": ({"sha": HASH, "commit": {"message": "m"}}, github.commit_address),
    "gl": ({"id": HASH, "short_id": HASH[:8]}, gitlab.commit_address),
    "codeberg": ({"sha": HASH, "url": "https://codeberg.org/x"}, gitea.commit_address),
    "bitbucket": ({"hash": HASH, "type": "commit"}, bitbucket.commit_address),
}
"""What each answers of a commit, by its documentation, which `commit_address` names."""


@pytest.mark.parametrize("name", FORGES)
def test_any_answer_of_a_forge_is_a_commit_or_left_to_git(name: str) -> None:
    """Only a whole hash is taken for a commit."""
    good, address = FORGES[name]

    async def asked(document: Any) -> str:
        source = Source(name, name, "https://forge.example.org")
        hosted = Hosted(source, cast(GitRemote, Git()), cast(Api, Host(document)), ".git", address)
        return (await hosted.resolve(Spec(provider=name, repository="org/repo", ref="v1"))).commit

    assert at_once(asked(good)) == HASH

    @SOME
    @given(damaged(good))
    def tried(document: Any) -> None:
        with suppress(HubkilnError):
            assert COMMIT.fullmatch(at_once(asked(document)))

    tried()


class Archive(Host):
    """Answers each question of Software Heritage by what it asks about, and the vault with a good answer."""

    async def get(self, url: str, **how: Any) -> Any:
        """See :class:`hubkiln.repositories.api.Api`."""
        kind = url.split("/api/1/")[1].split("/")[0]
        answers = self._document if isinstance(self._document, dict) else {}
        return await Host(answers.get(kind)).get(url)


ARCHIVE = {
    "revision": {"directory": HASH},
    "release": {"target_type": "revision", "target": HASH},
    "snapshot": {
        "branches": {
            "HEAD": {"target_type": "alias", "target": "refs/heads/main"},
            "refs/heads/main": {"target_type": "release", "target": HASH},
        }
    },
    "vault": {"status": "done"},
}
"""https://archive.softwareheritage.org/api/1/"""


def test_any_answer_of_the_archive_is_a_folder_or_refused() -> None:
    """A folder has a whole hash: it names what is kept, and stands in the address that is asked next."""

    async def asked(document: Any) -> str:
        archive = SoftwareHeritage("https://archive.example.org", cast(Api, Archive(document)), pause=0)
        record = await archive.find(f"swh:1:snp:{HASH}")
        assert record.ready is not None
        await record.ready(record, lambda text: None)
        return record.key

    assert at_once(asked(ARCHIVE)) == HASH

    @SOME
    @given(damaged({name: answer for name, answer in ARCHIVE.items() if name != "vault"}))
    def tried(document: Any) -> None:
        document = document | {"vault": ARCHIVE["vault"]} if isinstance(document, dict) else document
        with suppress(HubkilnError):
            assert re.fullmatch("[0-9a-f]{40}", at_once(asked(document)))

    tried()


def test_any_answer_of_the_doi_system_is_an_address_or_refused() -> None:
    """What it leads to is checked as an address that somebody pasted is."""
    good = {"values": [{"type": "URL", "data": {"format": "string", "value": "https://zenodo.org/records/42"}}]}

    async def asked(document: Any) -> str:
        return await DoiSystem("https://doi.example.org", cast(Api, Host(document))).leads_to("10.5281/zenodo.42")

    assert at_once(asked(good)) == "https://zenodo.org/records/42"

    @SOME
    @given(damaged(good))
    def tried(document: Any) -> None:
        with suppress(HubkilnError):
            assert at_once(asked(document))

    tried()


class Answering:
    """A server on loopback that gives each question the next of the `answers`, as it stands in the wire's own form."""

    def __init__(self) -> None:
        self.answer = b""
        self.listener = Loopback(self._one)

    def says(self, status: int, body: bytes, head: str = "") -> None:
        """What it answers from now on."""
        first = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
        self.answer = first.encode("utf-8", "replace") + body

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()


Run = Callable[[Awaitable[Any]], Any]


@contextmanager
def loop_with(listener: Loopback) -> Iterator[Run]:
    """Runs what it is given in one loop, in which `listener` listens: a loop for each example would take longer."""

    async def awaited(what: Awaitable[Any]) -> Any:
        return await what

    with asyncio.Runner() as runner:
        runner.run(listener.__aenter__())
        try:
            yield lambda what: runner.run(awaited(what))
        finally:
            runner.run(listener.__aexit__())


FOUND = {
    "transfer": "basic",
    "objects": [{"oid": OID, "size": 3, "actions": {"download": {"href": "http://x.example/f", "header": {"A": "b"}}}}],
    "message": "told",
}
"""https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"""


def test_any_answer_of_an_lfs_server_is_read_or_its_files_stay_pointers(tmp_path: Path) -> None:
    """What it says of a file leads to an address that may be asked, or the pointer is left."""
    server = Answering()
    with loop_with(server.listener) as run:
        lfs = LfsServer(Guard(HERE), lambda url: None)

        async def asked(document: Any, status: int) -> None:
            server.says(status, json.dumps(document).encode())
            told = await lfs.look_up(f"http://{server.listener.host}/org/repo.git/info/lfs", {OID: 3})
            if OID in told:
                server.says(404, b"")
                await lfs.bring(f"http://{server.listener.host}", OID, 3, told[OID], tmp_path / "file")

        @FEW
        @example({"objects": [{"oid": [OID]}]}, 200)
        @given(damaged(FOUND), st.sampled_from([200, 200, 200, 401, 403, 422, 501, 503, 200]))
        def tried(document: Any, status: int) -> None:
            with suppress(HubkilnError, Silent, LostFile):
                run(asked(document, status))

        tried()


ODD_NUMBERS = st.sampled_from(["", "nan", "inf", "-inf", "-1", "0", "1e400", "99999999999", "٣", "soon", "0x10"])


def test_whatever_stands_in_an_answers_head_a_host_is_left_be_or_asked_again() -> None:
    """Times to come again that are no times, and bodies that are no JSON, of every status."""
    server = Answering()
    with loop_with(server.listener) as run:

        @FEW
        @given(st.sampled_from([200, 204, 301, 403, 404, 429, 503]), ODD_NUMBERS, ODD_NUMBERS, st.one_of(TEXTS, JSON))
        def tried(status: int, after: str, reset: str, body: Any) -> None:
            head = (
                f"Retry-After: {after}\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {reset}\r\nETag: {after}\r\n"
            )
            text = body if isinstance(body, str) else json.dumps(body)
            server.says(status, text.encode(), head + "Location: http://[\r\n" * (status == 301))
            api = Api(Guard(HERE))
            for _ in range(2):
                with suppress(HubkilnError):
                    answer = run(api.get(f"http://{server.listener.host}/x", missing="There is none."))
                    assert isinstance(answer, dict)

        tried()


class OddGitHub(FakeGitHub):
    """Answers an app's questions with documents of the test."""

    documents: Any = ()

    def _proven(self, header: str) -> bool:
        return True

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        documents = self.documents if isinstance(self.documents, dict) else {}
        return 200, documents.get("installation" if path.endswith("/installation") else "token")


class Unproven(GitHubApp):
    """Signs nothing, which takes longer than all else here."""

    def _proof(self) -> str:
        return "me"


def test_any_answer_to_an_app_is_a_token_or_refused() -> None:
    """Only what can stand in a header is taken for a token."""
    good = {"installation": {"id": 3}, "token": {"token": "ghs_1", "expires_at": "2097-01-01T00:00:00Z"}}
    there = OddGitHub("org/repo")
    with loop_with(there._listener) as run:

        async def asked(document: Any) -> Any:
            there.documents = document
            key = AppKey(id=ID, key="")
            app = Unproven(RepositorySettings(github=there.address, allowed_networks=HERE, github_app=key))
            return await app.tokens(Spec(provider="gh", repository="org/repo"))

        assert run(asked(good)) == {there.address: "ghs_1"}

        @FEW
        @example({**good, "token": {**good["token"], "token": "two words"}})
        @example({**good, "token": {**good["token"], "expires_at": "0001-01-01"}})
        @given(damaged(good))
        def tried(document: Any) -> None:
            with suppress(HubkilnError):
                assert all(is_token(token) for token in run(asked(document)).values())

        tried()
