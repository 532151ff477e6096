"""GitLab: ``gl/group%2Fproject/ref``, and the addresses of its pages."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, blob, history, owner_and_name, path_parts, tree

_OWN = re.compile(r"admin|dashboard|explore|groups|help|projects|public|search|snippets|users|-")
"""What GitLab has in the place of a group for pages of its own."""
_OLD = re.compile(r"([^/]+(?:/[^/]+)+?)/((?:blame|blob|commits|edit|raw|tree|wikis)(?:/.*)?)")
"""Pages as they were called before; no project has such a name: https://docs.gitlab.com/user/reserved_names/."""

_ABOUT = re.compile(
    r"activity|artifacts|boards|branches|forks|graphs|issues|jobs|labels|milestones|network|packages|pipelines|project_members"
    r"|releases|settings|snippets|starrers|tags|value_stream_analytics|wikis|work_items|merge_requests|find_file|commits"
)
"""Pages about a project, which show none of its files."""


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
    project, found, shows = page.path.strip("/").partition("/-/")
    if not found and (old := _OLD.fullmatch(project)):
        project, shows = old[1], old[2]
    if _OWN.fullmatch(project.partition("/")[0]):
        raise BadSpec("That page of GitLab shows no project.", hint="It looks like `group/project`.")
    repository = canonical(project)
    match [part for part in shows.split("/") if part]:
        case []:
            return Place(repository)
        case ["tree", *rest]:
            return tree(repository, rest, ref)
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            return blob(repository, rest, ref)
        case ["commit", one]:
            return Place(repository, one)
        case ["commits", *rest] if rest:
            return history(repository, rest, ref)
        case ["compare", two] if ".." in two:
            return Place(repository, unquote(re.split(r"\.\.\.?", two)[-1]))
        case ["tags" | "releases", *rest] if rest:
            return Place(repository, unquote("/".join(rest)))
        case ["archive", *rest] if len(rest) > 1:
            return Place(repository, unquote("/".join(rest[:-1])))
        case ["merge_requests", number, *_] if number.isdecimal():
            return Place(repository, f"refs/merge-requests/{number}/head")
        case [about, *_] if _ABOUT.fullmatch(about):
            return Place(repository)
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
