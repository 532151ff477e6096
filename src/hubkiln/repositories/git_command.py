"""How git is called: no prompt, no configuration but ours, no hook, no redirect, one pinned address."""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln import processes
from hubkiln.egress import Endpoint
from hubkiln.errors import EngineMissing, Refused
from hubkiln.processes import Finished
from hubkiln.repositories.complaints import explain

OTHERWISE = "oauth2"
"""User name with a token as password. GitLab knows an OAuth login's token by this one, most hosts take any."""

USERS = {"github.com": "x-access-token", "bitbucket.org": "x-token-auth"}
"""What GitHub's documentation gives for an App's tokens, and Bitbucket's for all that belong to no account."""

_OF_APPS = "ghs_"
"""Beginning of a GitHub App's tokens, those of an Enterprise too, whose host says nothing."""

_QUESTIONS = 20
_TRANSPORTS = ("http", "https", "ssh")
_SETTINGS = (
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=false",
    "core.protectNTFS=true",
    "core.askPass=",
    "credential.helper=",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
)


@dataclass(frozen=True, slots=True)
class Remote:
    """Where git is to connect, checked: an address with what reaching it needs."""

    url: str
    """The address after redirects."""

    endpoint: Endpoint
    token: str | None = field(default=None, repr=False)
    ssh_options: tuple[str, ...] = ()

    def settings(self) -> tuple[str, ...]:
        """``-c`` settings that make git connect to the address that was checked."""
        allow = tuple(f"protocol.{name}.allow=always" for name in _TRANSPORTS)
        if self.endpoint.ip is None or self.endpoint.ip == self.endpoint.host:
            return allow
        ip = f"[{self.endpoint.ip}]" if ":" in self.endpoint.ip else self.endpoint.ip
        return (*allow, f"http.curloptResolve={self.endpoint.host}:{self.endpoint.port}:{ip}")

    def environment(self) -> dict[str, str]:
        """How to call ssh."""
        return {"GIT_SSH_COMMAND": shlex.join(("ssh", *self.ssh_options))} if self.ssh_options else {}


def _user(host: str, token: str) -> str:
    return USERS["github.com"] if token.startswith(_OF_APPS) else USERS.get(host, OTHERWISE)


def authorization(host: str, token: str) -> str:
    """The header's value for `host`, as git sends it with :func:`helper`."""
    return "Basic " + base64.b64encode(f"{_user(host, token)}:{token}".encode()).decode()


def environment() -> dict[str, str]:
    """git's whole environment: ours cleaned, with everything off that could ask, run or read something else."""
    return processes.clean_environment(
        HOME="/nonexistent",  # no ~/.netrc, no ~/.gitconfig
        LC_ALL="C.UTF-8",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL="/dev/null",
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="",
        SSH_ASKPASS="",
        GIT_LFS_SKIP_SMUDGE="1",
        GIT_LITERAL_PATHSPECS="1",  # names are names, never patterns
    )


@contextmanager
def helper(remote: Remote | None) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """
    A credential helper that reads the token of `remote` from a pipe: it stands in no argument, variable or file.

    Each question takes one line; git asks for each of its connections once. It is for the scheme, host and port of
    `remote`: the rest of the address is a stranger's, and in a setting's name would be a setting of theirs.

    Raises:
        Refused: the host's name is none that can stand there.
    """
    if remote is None or remote.token is None:
        yield (), ()
        return
    reading, writing = os.pipe()
    try:
        os.fchmod(reading, 0o444)  # git may be another user than we are; whoever has no handle of it cannot name it
        os.write(writing, f"{remote.token}\n".encode() * min(_QUESTIONS, 60_000 // (len(remote.token) + 1)))
        os.close(writing)
        answer = (
            f'!h() {{ test "$1" = get && IFS= read -r p </dev/fd/{reading} && '
            f'echo username={_user(remote.endpoint.host, remote.token)} && echo "password=$p"; }}; h'
        )
        yield ("-c", f"credential.{_place(remote.url)}.helper={answer}"), (reading,)
    finally:
        os.close(reading)


def _place(url: str) -> str:
    place = re.match(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?(?=/|$)", url)
    if place is None:
        raise Refused("The token of a host cannot be used for an address like that.", hint="Check its spelling.")
    return place[0]


async def git(
    *arguments: str | Path,
    cwd: Path | None = None,
    remote: Remote | None = None,
    settings: Sequence[str] = (),
    extra: dict[str, str] | None = None,
    say: Callable[[str], None] | None = None,
    keep: int = 1 << 20,
    input: bytes | None = None,
    wall: Sequence[str] = (),
) -> Finished:
    """
    Run git to its end; `remote` allows it the network, `wall` stands before its command line.

    Raises:
        EngineMissing: git is not installed.
    """
    chosen = (*_SETTINGS, *(remote.settings() if remote else ()), *settings)
    options = [text for setting in chosen for text in ("-c", setting)]
    env = environment() | (remote.environment() if remote else {}) | (extra or {})
    try:
        with helper(remote) as (more, handles):
            argv = (*wall, "git", *options, *more, *arguments)
            return await processes.run(argv, cwd=cwd, env=env, say=say, keep=keep, input=input, pass_fds=handles)
    except FileNotFoundError as error:
        raise EngineMissing("git is not installed here.", hint="Install it with `apt install git`.") from error


async def checked(
    url: str, *arguments: str | Path, cwd: Path | None = None, remote: Remote | None = None, wall: Sequence[str] = ()
) -> str:
    """:func:`git`'s output; its failure explained as concerning `url`."""
    finished = await git(*arguments, cwd=cwd, remote=remote, wall=wall)
    if finished.code != 0:
        raise explain(finished.output, url)
    return finished.output


def ssh_options(endpoint: Endpoint, *, key: Path | None, own_keys: bool) -> tuple[str, ...]:
    """Arguments of ssh: to the checked address, never asking, with `key`, else the user's `own_keys`, else none."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=accept-new", "ConnectTimeout=15", "ClearAllForwardings=yes"]
    options += [f"HostName={endpoint.ip or endpoint.host}", f"HostKeyAlias={endpoint.host}", "CheckHostIP=no"]
    if key is not None:
        options += [f"IdentityFile={key}", "IdentitiesOnly=yes", "IdentityAgent=none"]
    elif not own_keys:
        options += ["IdentityFile=none", "IdentitiesOnly=yes", "IdentityAgent=none"]
    return ("-F", "none", *(text for option in options for text in ("-o", option)))
