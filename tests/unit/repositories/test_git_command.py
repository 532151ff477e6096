"""How git and ssh are called, and what their complaints mean."""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.egress.guard import Endpoint
from hubkiln.errors import AccessDenied, DiskFull, HubkilnError, RefNotFound, Refused, RepositoryNotFound, Unreachable
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.git_command import Remote, authorization, environment, git, helper, ssh_options
from hubkiln.repositories.refs import Listing
from hubkiln.repositories.urls import join, short_name

HERE = Endpoint("host.example", 443, "140.82.121.4", vouched=False)


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("fatal: write error: No space left on device", DiskFull),
        ("git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.", AccessDenied),
        ("Host key verification failed.", Unreachable),
        ("fatal: remote error: upload-pack: not our ref 0123", RefNotFound),
        ("fatal: unable to access 'https://h/ssl/tls.git/': The requested URL returned error: 404", RepositoryNotFound),
        ("fatal: unable to access 'https://h/r/': Failed to connect to h port 443", Unreachable),
        (
            "remote: fatal: unable to read 6c9b2d85dba0f9ad2e14d77ee95982c0bd76d379\n"
            "remote: aborting due to possible repository corruption on the remote side.\nfatal: early EOF",
            RepositoryNotFound,
        ),
        ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", Unreachable),
        ("ERROR: Repository not found.", RepositoryNotFound),
        ("", Unreachable),
        ("fatal: something \x1b[31mnew\x00", Unreachable),
    ],
)
def test_complaints_become_errors_with_a_hint(output: str, error: type[HubkilnError]) -> None:
    """Every way that git fails is one of our errors, in a sentence that can be shown."""
    found = explain(output, "https://h/r")
    assert type(found) is error
    assert found.hint and "\x1b" not in found.message and "https://h/r" in found.message


@pytest.mark.parametrize(
    ("output", "error", "says"),
    [
        (
            "remote: Repository offline: maintenance until noon.\nfatal: the remote end hung up unexpectedly",
            Unreachable,
            "refuses: Repository offline: maintenance until noon.",
        ),
        (
            "remote: Counting objects: 3\rremote: error: object file is empty\nfatal: early EOF",
            Unreachable,
            "refuses: error: object file is empty.",
        ),
        (
            "remote: The project you were looking for could not be found or you don't have permission to view it.\n"
            "fatal: repository 'https://h/r/' not found",
            RepositoryNotFound,
            "says: The project you were looking for could not be found",
        ),
        ("fatal: remote error: access denied or quota exceeded", AccessDenied, "says: access denied or quota exceeded"),
        ("remote: Enumerating objects: 7, done.\nfatal: early EOF", Unreachable, "connection to https://h/r was lost"),
    ],
)
def test_a_servers_own_words_are_shown(output: str, error: type[HubkilnError], says: str) -> None:
    """What the server wrote of its refusal comes before what git makes of it; its progress is no refusal."""
    found = explain(output, "https://h/r")
    assert type(found) is error
    assert says in found.message


def test_git_is_told_the_checked_address() -> None:
    """git connects to the address that was checked, whatever the name means by then."""
    assert "http.curloptResolve=host.example:443:140.82.121.4" in Remote("https://host.example/r", HERE).settings()


async def test_a_token_is_told_through_a_pipe_alone() -> None:
    """It stands in no argument, no variable and no printed value; git gets it from a helper, each time it asks."""
    remote = Remote("https://host.example/r", HERE, token="t0ken")
    assert "t0ken" not in " ".join(remote.settings()) + repr(remote) + str(remote.environment())
    with helper(remote) as (settings, _):
        assert "t0ken" not in " ".join(settings)
    asked = b"protocol=https\nhost=host.example\npath=r\n\n"
    told = await git("credential", "fill", remote=remote, input=asked)
    assert "password=t0ken" in told.output.splitlines()
    elsewhere = await git("credential", "fill", remote=remote, input=asked.replace(b"host.example", b"other.example"))
    assert "t0ken" not in elsewhere.output


@pytest.mark.parametrize(
    "path",
    [
        "x/.helper=!echo${IFS}username=thief;echo${IFS}password=told;:${x+",
        "x.helper=!touch${IFS}a;:${x+",
        "a=b/c.git",
        "x/.username=thief/r",
    ],
)
async def test_an_address_with_a_token_is_no_setting_of_a_strangers(path: str) -> None:
    """An equals sign in it would end the setting's name: what follows was run by a shell."""
    remote = Remote(f"https://host.example:8443/{path}", HERE, token="t0ken")
    with helper(remote) as (settings, _):
        names = [word.partition("=")[0] for word in settings if word.startswith("credential.")]
    assert names == ["credential.https://host.example:8443.helper"]
    asked = f"protocol=https\nhost=host.example:8443\npath={path}\n\n".encode()
    told = (await git("credential", "fill", remote=remote, input=asked)).output.splitlines()
    assert "username=oauth2" in told and "password=t0ken" in told


async def test_a_token_is_not_told_for_what_is_no_hosts_name() -> None:
    """A redirect can lead to any text."""
    with pytest.raises(Refused):
        await git("credential", "fill", remote=Remote("https://a=b/r", HERE, token="t0ken"), input=b"\n")


@pytest.mark.parametrize(
    ("host", "token", "user"),
    [
        ("github.com", "t0ken", "x-access-token"),
        ("bitbucket.org", "t0ken", "x-token-auth"),
        ("gitlab.com", "t0ken", "oauth2"),
        ("a.b", "t0ken", "oauth2"),
        ("github.example.org", "ghs_t0ken", "x-access-token"),
    ],
)
async def test_a_token_comes_with_the_name_that_its_host_wants(host: str, token: str, user: str) -> None:
    """git and what asks for it beforehand say the same: some hosts take tokens of one kind under one name alone."""
    remote = Remote(f"https://{host}/r", replace(HERE, host=host), token=token)
    told = await git("credential", "fill", remote=remote, input=f"protocol=https\nhost={host}\npath=r\n\n".encode())
    assert f"username={user}" in told.output.splitlines()
    assert b64decode(authorization(host, token).removeprefix("Basic ")) == f"{user}:{token}".encode()


def test_git_gets_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret, no configuration and no home of the service reaches git."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")
    assert "s3cret" not in environment().values()
    assert environment()["HOME"] != os.environ.get("HOME")


def test_ssh_offers_no_key_of_the_service() -> None:
    """Unless the admin gives a key, ssh has none: a user must not read what the service could."""
    assert "IdentityFile=none" in ssh_options(HERE, key=None, own_keys=False)
    assert "IdentityFile=none" not in ssh_options(HERE, key=None, own_keys=True)
    assert "IdentityFile=/keys/deploy" in ssh_options(HERE, key=Path("/keys/deploy"), own_keys=False)


def test_annotated_tags_are_peeled() -> None:
    """An annotated tag means the commit it points at, not the tag object."""
    listing = Listing.read(f"{'a' * 40}\trefs/tags/v1\n{'b' * 40}\trefs/tags/v1^{{}}\n")
    found = listing.find("v1")
    assert found is not None and found.commit == "b" * 40


def test_a_branch_comes_before_a_tag_of_the_same_name() -> None:
    """As with `git clone --branch`; and only the exact name counts, not one that ends alike."""
    listing = Listing.read(f"{'a' * 40}\trefs/heads/x/v1\n{'b' * 40}\trefs/tags/v1\n{'c' * 40}\trefs/heads/v1\n")
    found = listing.find("v1")
    assert found is not None and (found.commit, found.branch) == ("c" * 40, "v1")


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("../b.git", "https://h/org/b.git"),
        ("./b", "https://h/org/a.git/b"),
        ("../../x/b", "https://h/x/b"),
        ("https://z/b", "https://z/b"),
    ],
)
def test_relative_submodules_are_siblings(relative: str, expected: str) -> None:
    """`../b.git` beside `https://h/org/a.git` is `https://h/org/b.git`."""
    assert join("https://h/org/a.git", relative) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/org/My Repo!.git", "my-repo"),
        ("...", "repository"),
        ("x/ünï", "n"),
        ("a" * 99, "a" * 60),
        ("x/.git", "repository"),
    ],
)
def test_names_fit_folders_and_images(text: str, expected: str) -> None:
    """A name is never empty, never hidden and holds nothing odd."""
    assert short_name(text) == expected
