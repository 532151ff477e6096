"""What a forge is told of a commit: whether it was built, in GitHub's, GitLab's and Gitea's own words. Pure functions.

The tokens are an admin's for this alone: they may write, and nothing is read with them. Those of a GitHub App are asked
for one repository at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from hubkiln.repositories import github
from hubkiln.repositories.kind import Source
from hubkiln.repositories.tokens import Lent, host_of
from hubkiln.values import Spec

LONGEST = 140
"""Letters of a description: what GitHub takes, the least of the three."""


class CommitState(StrEnum):
    """How it stands with a commit."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    """The repository's own fault."""
    ERROR = "error"
    """Nobody's in the repository."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """What is said of a commit."""

    state: CommitState
    context: str
    """Who says it: a later status of the same context takes the place of an earlier one."""
    description: str
    target: str
    """Where more is to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A ``POST`` that tells a forge."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


@dataclass(frozen=True, slots=True)
class CommitStatuses:
    """Tells the forges among `sources`, by name, for whose hosts there are `tokens`, or for GitHub a `lent` one."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    lent: Lent | None = None

    @property
    def any(self) -> bool:
        """Whether some forge may be told."""
        return bool(self.tokens) or self.lent is not None

    def can_tell(self, provider: str) -> bool:
        """Whether commits of repositories of `provider` may get a status."""
        source = self.sources.get(provider)
        if source is None or source.kind not in _FORGES:
            return False
        return host_of(source.address) in self.tokens or (self.lent is not None and source.kind == "github")

    async def request(self, spec: Spec, commit: str, status: CommitStatus) -> StatusRequest | None:
        """
        What tells `status` of `commit`; None where nothing is told.

        Raises:
            ServiceError: whether something is lent for it cannot be asked now.
        """
        if spec.reader or not self.can_tell(spec.provider):
            return None
        source = self.sources[spec.provider]
        token = self.tokens.get(host_of(source.address))
        if token is None and self.lent is not None:
            token = (await self.lent(spec)).get(host_of(source.address))
        return _FORGES[source.kind](source.address, token, spec, commit, status) if token else None


_Forge = Callable[[str, str, Spec, str, CommitStatus], StatusRequest]


def _github(address: str, token: str, spec: Spec, commit: str, status: CommitStatus) -> StatusRequest:
    """https://docs.github.com/rest/commits/statuses#create-a-commit-status"""
    return _request(
        f"{github.api_of(address)}/repos/{quote(spec.repository)}/statuses/{quote(commit, safe='')}",
        {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        _usual(status),
    )


def _gitea(address: str, token: str, spec: Spec, commit: str, status: CommitStatus) -> StatusRequest:
    """``repoCreateStatus`` of https://docs.gitea.com/api; Forgejo's is the same."""
    where = f"{address}/api/v1/repos/{quote(spec.repository)}/statuses/{quote(commit, safe='')}"
    return _request(where, {"Authorization": f"token {token}"}, _usual(status))


_OF_GITLAB = {CommitState.FAILURE: "failed", CommitState.ERROR: "failed", CommitState.CANCELLED: "canceled"}


def _gitlab(address: str, token: str, spec: Spec, commit: str, status: CommitStatus) -> StatusRequest:
    """https://docs.gitlab.com/api/commits/#set-commit-pipeline-status"""
    project = quote(spec.repository, safe="")
    told = {
        "state": _OF_GITLAB.get(status.state, status.state.value),
        "ref": spec.ref,
        "name": status.context,
        "description": status.description[:LONGEST],
        "target_url": status.target,
    }
    where = f"{address}/api/v4/projects/{project}/statuses/{quote(commit, safe='')}"
    return _request(where, {"PRIVATE-TOKEN": token}, told)


def _usual(status: CommitStatus) -> dict[str, str]:
    state = CommitState.ERROR if status.state is CommitState.CANCELLED else status.state
    return {
        "state": state.value,
        "context": status.context,
        "description": status.description[:LONGEST],
        "target_url": status.target,
    }


def _request(url: str, headers: dict[str, str], told: dict[str, str]) -> StatusRequest:
    return StatusRequest(url=url, headers=headers, body=json.dumps(told).encode())


_FORGES: dict[str, _Forge] = {"github": _github, "gitlab": _gitlab, "gitea": _gitea}
