"""Logins are found where docker and podman keep them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from hubkiln.errors import AccessDenied
from hubkiln.images.credentials import DockerCredentials, Login, default_files
from hubkiln.images.names import parse_name


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def found(tmp_path: Path, config: Any, name: str = "quay.io/org/x") -> Login | None:
    file = tmp_path / "config.json"
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    return await DockerCredentials([tmp_path / "absent.json", file]).find(parse_name(name))


@pytest.mark.parametrize("key", ["quay.io", "https://quay.io", "https://quay.io/v1/", "quay.io/org", "quay.io/org/x"])
async def test_a_stored_login_is_found_however_the_host_is_written(tmp_path: Path, key: str) -> None:
    """docker and podman spell the same host differently."""
    login = await found(tmp_path, {"auths": {key: {"auth": encoded("ann:se:cret")}}})
    assert login == Login(username="ann", password="se:cret")


async def test_the_most_special_entry_wins(tmp_path: Path) -> None:
    """One organisation may have a login of its own."""
    auths = {"quay.io": {"auth": encoded("all:1")}, "quay.io/org": {"auth": encoded("org:2")}}
    login = await found(tmp_path, {"auths": auths})
    assert login is not None and login.username == "org"
    other = await found(tmp_path, {"auths": auths}, "quay.io/other/x")
    assert other is not None and other.username == "all"


async def test_docker_hub_has_a_name_of_its_own(tmp_path: Path) -> None:
    """`docker login` stores the hub under an old address."""
    config = {"auths": {"https://index.docker.io/v1/": {"identitytoken": "t"}}}
    assert await found(tmp_path, config, "python") == Login(identity_token="t")


@pytest.mark.parametrize(
    "config", ["", "{", "[]", {"auths": 3}, {"auths": {"quay.io": 3}}, {"auths": {"quay.io": {"auth": "%"}}}, {}]
)
async def test_a_file_that_makes_no_sense_is_no_login(tmp_path: Path, config: Any) -> None:
    """Then we ask as nobody, and the registry says what it thinks of that."""
    assert await found(tmp_path, config) is None


def helper(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\nread server\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("how", ["credHelpers", "credsStore"])
async def test_a_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """By host, or for all; it hears the host's name."""
    helper(tmp_path, "test", """echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}" """)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = {"credsStore": "test"} if how == "credsStore" else {"credHelpers": {"quay.io": "test"}}
    assert await found(tmp_path, config) == Login(username="quay.io", password="s")


async def test_a_helper_may_give_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user name `<token>` means an identity token."""
    helper(tmp_path, "test", """echo '{"Username":"<token>","Secret":"s"}'""")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert await found(tmp_path, {"credsStore": "test"}) == Login(identity_token="s")


async def test_a_helper_without_an_answer_is_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not found is not an error."""
    helper(tmp_path, "test", "echo credentials not found in native keychain; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert await found(tmp_path, {"credsStore": "test"}) is None


@pytest.mark.parametrize("script", ["exit 3", "echo '{'", "echo '{\"Username\": 1}'"])
async def test_a_broken_helper_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The admin learns which program fails."""
    helper(tmp_path, "test", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(AccessDenied, match="docker-credential-test"):
        await found(tmp_path, {"credsStore": "test"})


@pytest.mark.parametrize("name", ["nowhere-installed", "../evil", "a b"])
async def test_a_helper_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    """Also when its name could not be a program's."""
    with pytest.raises(AccessDenied):
        await found(tmp_path, {"credsStore": name})


def test_secrets_are_not_printed() -> None:
    """A login in a log or a traceback shows no password."""
    assert "hush" not in repr(Login(username="ann", password="hush", identity_token="hush"))


def test_the_usual_places_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """docker's folder first, podman's after it."""
    monkeypatch.setenv("DOCKER_CONFIG", "/d")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/r.json")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert [str(file) for file in default_files()] == ["/d/config.json", "/r.json", "/c/containers/auth.json"]
