"""Bitbucket Cloud: ``bitbucket/workspace/repo/ref``, and the addresses of its pages."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, blob, either, owner_and_name, page_parts, path_parts


def canonical(repository: str) -> str:
    """``workspace/repo``; raises BadSpec."""
    return path_parts(repository, fewest=2, most=2, example="workspace/repo")


def read_page(page: SplitResult, ref: str | None) -> Place:
    """
    What a page of Bitbucket shows.

    Raises:
        BadSpec: no repository, or a page that is none of its files.
    """
    parts = page_parts(page)
    if parts[1:2] == ["workspace"] or parts[:1] == ["account"]:
        raise BadSpec("That page of Bitbucket shows no repository.", hint="It looks like `workspace/repo`.")
    repository = canonical("/".join(parts[:2]))
    match parts[2:]:
        case [] | ["src"]:
            return Place(repository)
        case ["src", *rest]:
            return either(repository, rest, ref)
        case ["raw" | "annotate", *rest]:
            return blob(repository, rest, ref)
        case ["branch", *rest] if rest:
            return Place(repository, unquote("/".join(rest)))
        case ["commits", "tag" | "branch", *rest] if rest:
            return Place(repository, unquote("/".join(rest)))
        case ["commits", one]:
            return Place(repository, one)
        case ["get", *rest] if rest:
            return Place(repository, re.sub(r"\.(?:zip|tar\.gz|tar\.bz2)$", "", unquote("/".join(rest))))
        case ["admin" | "branches" | "commits" | "downloads" | "issues" | "pipelines" | "wiki", *_]:
            return Place(repository)
        case _:
            raise BadSpec(
                "That page of Bitbucket shows no files of a repository.",
                hint=f"Use that of `{repository}`, with a branch beside it.",
            )


def commit_address(address: str, repository: str, ref: str) -> str:
    """Where its API tells a commit: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/."""
    api = "https://api.bitbucket.org/2.0" if address == "https://bitbucket.org" else f"{address}/2.0"
    return f"{api}/repositories/{repository}/commit/{quote(ref, safe='')}"


KIND = Kind(
    title="Bitbucket",
    example="workspace/repo/HEAD",
    canonical=canonical,
    read_link=owner_and_name,
    read_page=read_page,
)
