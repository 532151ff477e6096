"""Tokens with which users logged in at a forge, as JupyterHub keeps them in a user's ``auth_state``.

Which entry is a token for which host is the admin's to say; this reads it, :mod:`hubkiln.web.logins` asks the hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubkiln.errors import BadSpec
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.table import sources
from hubkiln.repositories.tokens import LoginHost, Tokens, host_of, is_token, read_host

PROOFS = {"github": "github_user", "gitlab": "gitlab_user", "bitbucket": "bitbucket_user"}
"""What OAuthenticator keeps of a user beside the token, by the kind of host that they logged in at."""

TOKEN = "access_token"
"""Under what OAuthenticator keeps the token."""


def check_login_hosts(words: Iterable[str], settings: RepositorySettings) -> tuple[LoginHost, ...]:
    """
    What an admin writes: ``github.com``, or ``git.example.org=access_token`` for a host of no kind that is known.

    Raises:
        BadSpec: no host, or one of which it is not known what a login at it looks like.
    """
    kinds = {host_of(source.address): source.kind for source in sources(settings).values()}
    found = []
    for word in words:
        written, sign, path = word.partition("=")
        host = read_host(written)
        proof = PROOFS.get(kinds.get(host, ""), "")
        if not host or (sign and not all(path.split("."))):
            raise BadSpec(f"login_hosts: {word!r} is no host.", hint="Write it like github.com.")
        if not sign and not proof:
            raise BadSpec(
                f"login_hosts: what a login at {host} looks like is not known.",
                hint=f"Say where its token stands in auth_state: {host}={TOKEN}.",
            )
        found.append(LoginHost(host, tuple(path.split(".")), "") if sign else LoginHost(host, proof=proof))
    return tuple(found)


def tokens_in(state: object, hosts: Iterable[LoginHost]) -> dict[str, str]:
    """The tokens that stand in a user's ``auth_state``, by host."""
    found = {}
    for one in hosts:
        value = state
        for name in one.path:
            value = value.get(name) if isinstance(value, Mapping) else None
        proven = not one.proof or (isinstance(state, Mapping) and bool(state.get(one.proof)))
        if proven and isinstance(value, str) and is_token(value):
            found[one.host] = value
    return found


def first_of(*ways: Tokens) -> Tokens:
    """The tokens of all `ways`; where two have one for a host, the earlier's."""

    async def tokens(user: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for way in ways:
            found = {**await way(user), **found}
        return found

    return tokens
