"""GitLab: ``gl/group%2Fproject/ref``, and the addresses of its pages."""

from __future__ import annotations

from urllib.parse import SplitResult, quote, unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, blob, owner_and_name, path_parts, tree


def canonical(repository: str) -> str:
    """``group/project`` or deeper; raises BadSpec."""
    return path_parts(unquote(repository), fewest=2, most=21, example="group/project")


def read_link(rest: str) -> Place:
    """``group%2Fproject/ref``; where something on the way has decoded it, two parts and a ref. Raises BadSpec."""
    first, _, ref = rest.strip("/").partition("/")
    if "%2f" in first.lower():
        return Place(unquote(first), unquote(ref))
    return owner_and_name(rest)


def read_page(page: SplitResult, ref: str | None) -> Place:
    """
    What a page of a GitLab shows.

    Raises:
        BadSpec: no project, or a page that is none of its files.
    """
    project, _, shows = page.path.strip("/").partition("/-/")
    repository = canonical(project)
    match [part for part in shows.split("/") if part]:
        case []:
            return Place(repository)
        case ["tree", *rest]:
            return tree(repository, rest, ref)
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            return blob(repository, rest, ref)
        case ["commit" | "commits", one]:
            return Place(repository, one)
        case ["tags", *rest] if rest:
            return Place(repository, unquote("/".join(rest)))
        case ["archive", *rest] if len(rest) > 1:
            return Place(repository, unquote("/".join(rest[:-1])))
        case ["merge_requests", number, *_] if number.isdecimal():
            return Place(repository, f"refs/merge-requests/{number}/head")
        case _:
            raise BadSpec(
                "That page of GitLab shows no files of a project.",
                hint="Use the project's own address, with a branch beside it.",
            )


def elsewhere(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """A page of a GitLab that nobody named: no other host has ``/-/`` in addresses."""
    if "/-/" not in page.path:
        return None
    place = read_page(page, ref)
    address = f"{page.scheme}://{page.netloc}/{place.repository}.git"
    return "git", Place(address, place.ref, place.subdir, place.shows)


def commit_address(address: str, repository: str, ref: str) -> str:
    """Where its API tells a commit: https://docs.gitlab.com/api/commits/#get-a-single-commit."""
    return f"{address}/api/v4/projects/{quote(repository, safe='')}/repository/commits/{quote(ref, safe='')}"


KIND = Kind(
    title="GitLab",
    example="group%2Fproject/HEAD",
    canonical=canonical,
    read_link=read_link,
    read_page=read_page,
    one_segment=True,
)
