"""GitHub's gists: ``gist/user/id/ref``; a gist is a git repository by its id alone, the user is for people."""

from __future__ import annotations

import re

from hubkiln.errors import BadSpec
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.repositories.hosted import Hosted, Place, path_parts


def canonical(repository: str) -> str:
    """``user/id``; raises BadSpec."""
    named = path_parts(repository, fewest=2, most=2, example="gist/user/id")
    if not re.fullmatch(r"[0-9a-fA-F]+", named.split("/")[1]):
        raise BadSpec("That is not a gist.", hint="It looks like `gist/user/0123456789abcdef0123456789abcdef`.")
    return named


def read_page(path: str, ref: str | None) -> Place:
    """
    What the page at `path` of the gists' host shows.

    Raises:
        BadSpec.
    """
    parts = [part for part in path.split("/") if part]
    return Place(canonical("/".join(parts[:2])), parts[2] if len(parts) > 2 else "")


def provider(base: str, remote: GitRemote) -> Hosted:
    """Gists at the address `base`."""
    return Hosted("gist", canonical, lambda repository: f"{base}/{repository}.git", remote)
