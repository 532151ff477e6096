"""GitHub's gists: ``gist/user/id/ref``; a gist is a git repository by its id alone, the user is for people."""

from __future__ import annotations

import re
from urllib.parse import SplitResult

from hubkiln.errors import BadSpec
from hubkiln.repositories.kind import Kind, Place, owner_and_name, page_parts, path_parts


def canonical(repository: str) -> str:
    """``user/id``; raises BadSpec."""
    named = path_parts(repository, fewest=2, most=2, example="gist/user/id")
    if not re.fullmatch(r"[0-9a-fA-F]+", named.split("/")[1]):
        raise BadSpec("That is not a gist.", hint="It looks like `gist/user/0123456789abcdef0123456789abcdef`.")
    return named


def read_page(page: SplitResult, ref: str | None) -> Place:
    """
    What a page of the gists' host shows.

    Raises:
        BadSpec.
    """
    parts = page_parts(page)
    return Place(canonical("/".join(parts[:2])), parts[2] if len(parts) > 2 else "")


def read_viewer(parts: list[str], ref: str | None) -> Place | None:
    """What others show of gists under ``gist/user/id``."""
    match parts:
        case ["gist", user, one, *_]:
            return Place(canonical(f"{user}/{one}"))
        case _:
            return None


KIND = Kind(title="Gist", example="user/id/HEAD", canonical=canonical, read_link=owner_and_name, read_page=read_page)
