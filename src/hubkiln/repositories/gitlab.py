"""GitLab: ``gl/group%2Fproject/ref``, and the addresses of its pages."""

from __future__ import annotations

from urllib.parse import unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.hosted import Hosted, Place, path_parts, ref_and_subdir


def canonical(repository: str) -> str:
    """``group/project`` or deeper; raises BadSpec."""
    return path_parts(unquote(repository), fewest=2, most=21, example="group/project")


def read_page(path: str, ref: str | None) -> Place:
    """
    What the page at `path` of a GitLab shows.

    Raises:
        BadSpec: no project, or a page that is none of its files.
    """
    project, _, page = path.strip("/").partition("/-/")
    repository = canonical(project)
    match [part for part in page.split("/") if part]:
        case []:
            return Place(repository)
        case ["tree", *rest]:
            return Place(repository, *ref_and_subdir(rest, ref))
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            return Place(repository, ref_and_subdir(rest, ref)[0])
        case ["commit" | "commits", one]:
            return Place(repository, one)
        case ["tags", *rest] if rest:
            return Place(repository, "/".join(rest))
        case ["merge_requests", number, *_] if number.isdecimal():
            return Place(repository, f"refs/merge-requests/{number}/head")
        case _:
            raise BadSpec(
                "That page of GitLab shows no files of a project.",
                hint="Use the project's own address, with a branch beside it.",
            )


def provider(base: str, remote: GitRemote) -> Hosted:
    """GitLab at the address `base`."""
    return Hosted("gl", canonical, lambda repository: f"{base}/{repository}.git", remote)
