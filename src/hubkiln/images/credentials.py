"""Credentials for registries, found where other tools keep them.

Read, in this order, are ``$DOCKER_CONFIG/config.json`` (or ``~/.docker/config.json``), ``$REGISTRY_AUTH_FILE``, the
run-time folder's and ``~/.config/containers/auth.json``; in each, a helper program named for the host goes before a
stored password, which goes before the general helper. Nothing here is ever printed.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hubkiln import processes
from hubkiln.errors import AccessDenied
from hubkiln.home import home
from hubkiln.images.names import HUB, ImageName

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER = re.compile(r"[A-Za-z0-9._-]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user name and password, or a token that stands for both."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """OAuth2 refresh token, to be changed into access tokens."""

    @property
    def basic(self) -> str:
        """Value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class Credentials(Protocol):
    """Where logins come from."""

    async def find(self, name: ImageName) -> Login | None:
        """The login for `name`'s registry, or None to ask as nobody.

        Raises:
            AccessDenied: a credential helper is named but does not work.
        """


def default_files() -> tuple[Path, ...]:
    """The files other tools write, first match wins."""
    docker = Path(os.environ.get("DOCKER_CONFIG") or home() / ".docker") / "config.json"
    places = [docker]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        places.append(Path(named))
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "containers/auth.json")
    places.append(Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config") / "containers/auth.json")
    return tuple(places)


class DockerCredentials:
    """Logins from docker's and podman's files, read anew each time so that a later `login` counts."""

    def __init__(self, files: Sequence[Path] | None = None) -> None:
        self._files = files

    async def find(self, name: ImageName) -> Login | None:
        """See :class:`Credentials`."""
        for file in self._files if self._files is not None else default_files():
            login = await self._from(_read(file), name)
            if login is not None:
                return login
        return None

    async def _from(self, config: Mapping[str, Any], name: ImageName) -> Login | None:
        keys = _keys(name)
        helpers = _section(config, "credHelpers")
        for key in keys:
            if isinstance(helper := helpers.get(key), str):
                return await _ask(helper, key)
        auths = _section(config, "auths")
        for key in keys:
            if isinstance(stored := auths.get(key), dict) and (login := _stored(stored)):
                return login
        if isinstance(store := config.get("credsStore"), str) and store:
            return await _ask(store, _HUB_KEYS[0] if name.host == HUB else name.host)
        return None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _section(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = config.get(key)
    return section if isinstance(section, dict) else {}


def _keys(name: ImageName) -> list[str]:
    """Names under which the login may be stored, the most special first."""
    parts = name.path.split("/")
    keys = [f"{name.host}/{'/'.join(parts[:end])}" for end in range(len(parts), 0, -1)]
    keys += [
        name.host,
        f"https://{name.host}",
        f"https://{name.host}/v1/",
        f"https://{name.host}/v2/",
        f"http://{name.host}",
    ]
    return keys + list(_HUB_KEYS) if name.host == HUB else keys


def _stored(entry: Mapping[str, Any]) -> Login | None:
    if token := entry.get("identitytoken"):
        return Login(identity_token=str(token))
    if encoded := entry.get("auth"):
        try:
            username, colon, password = base64.b64decode(str(encoded)).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Login(username=username, password=password.rstrip("\0")) if colon else None
    if entry.get("username"):
        return Login(username=str(entry["username"]), password=str(entry.get("password", "")))
    return None


async def _ask(helper: str, server: str) -> Login | None:
    program = f"docker-credential-{helper}"
    if not _HELPER.match(helper):
        raise AccessDenied("The credential helper's name in the docker configuration is not a program name.")
    try:
        done = await processes.run([program, "get"], env=dict(os.environ), input=server.encode(), seconds=30)
    except FileNotFoundError as error:
        hint = f"Install it, or remove it from the docker configuration and log in to {server} again."
        raise AccessDenied(f"The docker configuration names {program}, which is not installed.", hint=hint) from error
    if "credentials not found" in done.output:
        return None
    try:
        answer = json.loads(done.output[done.output.index("{") :]) if done.code == 0 else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "Secret" not in answer:
        raise AccessDenied(f"{program} gave no credentials for {server}.", hint=f"Log in to {server} again.")
    if answer.get("Username") == "<token>":
        return Login(identity_token=str(answer["Secret"]))
    return Login(username=str(answer.get("Username", "")), password=str(answer["Secret"]))
