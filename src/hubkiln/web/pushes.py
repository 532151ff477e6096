"""What a forge's webhook tells: which branch of which repository was pushed to. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

from hubkiln.errors import BadSpec

EVENTS = ("x-github-event", "x-gitea-event", "x-forgejo-event", "x-gitlab-event")
"""Headers that say what happened."""

PUSHES = frozenset({"push", "Push Hook"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A branch that is new or has new commits."""

    repository: str
    """``org/repo``, with groups before it on GitLab."""
    branch: str
    default: bool
    """Whether it is the repository's default branch."""


def read_push(headers: Mapping[str, str], body: bytes) -> Push | None:
    """
    The push that a webhook tells of; None for every other event, also for a branch or tag that was removed.

    Raises:
        BadSpec: it cannot be understood.
    """
    event = next((headers[name] for name in EVENTS if name in headers), "")
    if event not in PUSHES:
        return None
    try:
        told: dict[str, Any] = json.loads(_payload(headers, body))
        forge = told.get("project") or told["repository"]  # GitLab has both, and says more in the first
        repository = str(forge.get("path_with_namespace") or forge["full_name"])
        ref, default = str(told["ref"]), str(forge.get("default_branch", ""))
        gone = bool(told.get("deleted")) or set(str(told.get("after", "1"))) == {"0"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSpec("The webhook's body cannot be understood.", hint="Choose JSON as its content type.") from error
    branch = ref.removeprefix("refs/heads/")
    if gone or branch == ref:
        return None
    return Push(repository=repository, branch=branch, default=branch == default)


def allowed(push: Push, source: str, patterns: Sequence[str]) -> bool:
    """Whether an admin's `patterns` (``gh/org/*``, ``gh/org/repo@release-*``) let `push` of `source` be built."""
    name = f"{source}/{push.repository}".lower()
    for pattern in patterns:
        repository, at, branch = pattern.partition("@")
        if fnmatchcase(name, repository.lower()) and (fnmatchcase(push.branch, branch) if at else push.default):
            return True
    return False


def _payload(headers: Mapping[str, str], body: bytes) -> bytes:
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode())["payload"][0].encode()
    return body
