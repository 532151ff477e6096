"""Gitea and Forgejo, Codeberg's: ``codeberg/org/repo/ref``, and the addresses of their pages."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, blob, either, owner_and_name, page_parts, path_parts

_ENDS = re.compile(r"\.(?:zip|tar\.gz|bundle)$")

_OWN = re.compile(r"-|admin|api|explore|milestones|notifications|user")
"""What stands in the place of an owner for pages of the forge itself."""

_ABOUT = re.compile(
    r"actions|activity|branches|commits|forks|issues|labels|milestones|packages|projects|pulls|releases|search|settings"
    r"|stars|tags|watchers|wiki"
)
"""Pages about a repository, which show none of its files."""


def canonical(repository: str) -> str:
    """``org/repo``; raises BadSpec."""
    return path_parts(repository, fewest=2, most=2, example="org/repo")


def read_page(page: SplitResult, ref: str | None) -> Place:
    """
    What a page shows.

    Raises:
        BadSpec: no repository, or a page that is none of its files.
    """
    parts = page_parts(page)
    if parts and _OWN.fullmatch(parts[0]):
        raise BadSpec("That page shows no repository.", hint="It looks like `org/repo`.")
    repository = canonical("/".join(parts[:2]))
    match parts[2:]:
        case []:
            return Place(repository)
        case ["src", "branch" | "tag" | "commit", *rest]:
            return either(repository, rest, ref)
        case ["raw" | "blame" | "media", "branch" | "tag" | "commit", *rest]:
            return blob(repository, rest, ref)
        case ["commit", one]:
            return Place(repository, one)
        case ["commits", "branch" | "tag" | "commit", *rest]:
            return Place(repository, unquote("/".join(rest)))
        case ["releases", "tag", *rest]:
            return Place(repository, unquote("/".join(rest)))
        case ["archive", *rest] if rest:
            return Place(repository, _ENDS.sub("", unquote("/".join(rest))))
        case ["pulls", number, *_] if number.isdecimal():
            return Place(repository, f"refs/pull/{number}/head")
        case [about, *_] if _ABOUT.fullmatch(about):
            return Place(repository)
        case _:
            raise BadSpec(
                "That page shows no files of a repository.",
                hint=f"Use that of `{repository}`, with a branch beside it.",
            )


def elsewhere(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """A page of a Gitea that nobody named: ``src/branch`` stands in no other host's addresses."""
    if not re.match(r"/[^/]+/[^/]+/(src|raw)/(branch|tag|commit)/.", page.path):
        return None
    place = read_page(page, ref)
    address = f"{page.scheme}://{page.netloc}/{place.repository}.git"
    return "git", Place(address, place.ref, place.subdir, place.shows)


def commit_address(address: str, repository: str, ref: str) -> str:
    """Where its API tells a commit: ``repoGetSingleCommit`` of https://docs.gitea.com/api."""
    return f"{address}/api/v1/repos/{repository}/git/commits/{quote(ref, safe='')}"


KIND = Kind(
    title="Gitea or Forgejo",
    example="org/repo/HEAD",
    canonical=canonical,
    read_link=owner_and_name,
    read_page=read_page,
)
