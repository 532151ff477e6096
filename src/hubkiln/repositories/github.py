"""GitHub: ``gh/org/repo/ref``, ``org/repo``, and the addresses of its pages."""

from __future__ import annotations

from hubkiln.errors import BadSpec
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.hosted import Hosted, Place, path_parts, ref_and_subdir


def canonical(repository: str) -> str:
    """``org/repo``; raises BadSpec."""
    return path_parts(repository, fewest=2, most=2, example="org/repo")


def read_page(path: str, ref: str | None) -> Place:
    """
    What the page at `path` of GitHub shows.

    Raises:
        BadSpec: no repository, or a page that is none of its files.
    """
    parts = [part for part in path.split("/") if part]
    repository = canonical("/".join(parts[:2]))
    match parts[2:]:
        case []:
            return Place(repository)
        case ["tree", *rest]:
            return Place(repository, *ref_and_subdir(rest, ref))
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            return Place(repository, ref_and_subdir(rest, ref)[0])
        case ["commit" | "commits", one]:
            return Place(repository, one)
        case ["releases", "tag", *rest]:
            return Place(repository, "/".join(rest))
        case ["pull", number, *_] if number.isdecimal():
            return Place(repository, f"refs/pull/{number}/head")
        case _:
            raise BadSpec(
                "That page of GitHub shows no files of a repository.",
                hint=f"Use `{repository}`, with a branch beside it.",
            )


def provider(base: str, remote: GitRemote) -> Hosted:
    """GitHub at the address `base`."""
    return Hosted("gh", canonical, lambda repository: f"{base}/{repository}", remote)
