"""GitHub: ``gh/org/repo/ref``, ``org/repo``, and the addresses of its pages."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, blob, history, owner_and_name, page_parts, path_parts, shown, tree

_OWN = re.compile(
    r"about|apps|codespaces|collections|customer-stories|enterprise|events|explore|features|login|marketplace|new"
    r"|notifications|organizations|orgs|pricing|search|security|settings|signup|site|sponsors|stars|team|topics|trending"
    r"|users"
)
"""What GitHub has in the place of an owner for pages of its own."""
_ABOUT = re.compile(
    r"actions|activity|branches|codespaces|commits|community|contributors|custom-properties|deployments|discussions"
    r"|environments|find|fork|forks|graphs|issues|labels|milestone|milestones|network|new|packages|projects|pulls|pulse"
    r"|releases|rulesets|search|security|settings|stargazers|suggestions|tags|upload|watchers|wiki"
)
"""Pages about a repository, which show none of its files."""
_ENDS = re.compile(r"\.(?:zip|tar\.gz)$")


def canonical(repository: str) -> str:
    """``org/repo``; raises BadSpec."""
    return path_parts(repository, fewest=2, most=2, example="org/repo")


def read_page(page: SplitResult, ref: str | None) -> Place:
    """
    What a page of GitHub shows.

    Raises:
        BadSpec: no repository, or a page that is none of its files.
    """
    parts = page_parts(page)
    if parts[:2] == ["codespaces", "new"]:
        parts = parts[2:]
    if len(parts) < 2 or _OWN.fullmatch(parts[0]):
        raise BadSpec(f"That page of GitHub shows no repository{_whose(parts)}.", hint="It looks like `org/repo`.")
    repository = canonical("/".join(parts[:2]))
    if parts[3:5] in (["refs", "heads"], ["refs", "tags"]) and parts[2] in ("tree", "blob", "raw", "blame", "edit"):
        del parts[3:5]
    match parts[2:]:
        case []:
            return Place(repository)
        case ["tree", *rest]:
            return tree(repository, rest, ref)
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            return blob(repository, rest, ref)
        case ["commit", one, *_]:
            return Place(repository, re.sub(r"\.(patch|diff)$", "", one))
        case ["commits", *rest] if rest:
            return history(repository, rest, ref)
        case ["compare", two] if re.fullmatch(r"[^:]+\.\.\.?[^:]+", two):
            return Place(repository, unquote(re.split(r"\.\.\.?", two)[-1]))
        case ["releases", "tag", *rest]:
            return Place(repository, unquote("/".join(rest)))
        case ["releases", "download", *rest] if len(rest) > 1:
            return Place(repository, unquote("/".join(rest[:-1])))
        case ["pull", _, "commits", one]:
            return Place(repository, one)
        case ["pull", number, *_] if number.isdecimal():
            return Place(repository, f"refs/pull/{number}/head")
        case ["archive" | "zipball" | "tarball", *rest] if rest:
            return Place(repository, _ENDS.sub("", unquote("/".join(rest))))
        case [about, *rest] if _ABOUT.fullmatch(about) and rest != ["latest"]:
            return Place(repository)
        case _:
            raise BadSpec(
                "That page of GitHub shows no files of a repository.",
                hint=f"Use `{repository}`, with a branch beside it.",
            )


def _whose(parts: list[str]) -> str:
    """Where somebody's own page is meant."""
    return f": `{shown(parts[0])}` is an owner of some" if len(parts) == 1 and not _OWN.fullmatch(parts[0]) else ""


def read_viewer(parts: list[str], ref: str | None) -> Place | None:
    """What others show of GitHub under ``github/org/repo/blob/…``: nbviewer, Colab."""
    match parts:
        case ["github", owner, name, *rest]:
            return read_page(SplitResult("https", "github.com", "/".join(["", owner, name, *rest]), "", ""), ref)
        case _:
            return None


def api_of(address: str) -> str:
    """Where the web interface of the GitHub at `address` is."""
    return "https://api.github.com" if address == "https://github.com" else f"{address}/api/v3"


def commit_address(address: str, repository: str, ref: str) -> str:
    """Where its API tells a commit: https://docs.github.com/rest/commits/commits#get-a-commit."""
    return f"{api_of(address)}/repos/{repository}/commits/{ref}"


KIND = Kind(title="GitHub", example="org/repo/HEAD", canonical=canonical, read_link=owner_and_name, read_page=read_page)
