"""Any git repository by its address: ``git/https%3A%2F%2Fhost%2Fr.git/main``."""

from __future__ import annotations

import re
from urllib.parse import unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories import urls
from hubkiln.repositories.kind import Kind, Place


def read_link(rest: str) -> Place:
    """
    The address is one encoded segment.

    Where something on the way has decoded it, it ends with ``.git`` or before the last segment.

    Raises:
        BadSpec: it holds no address.
    """
    parts = rest.strip("/").split("/")
    first = unquote(parts[0])
    if urls.is_url(first) and not re.fullmatch(r"\w+://?", first):
        return Place(first, unquote("/".join(parts[1:])))
    if re.fullmatch(r"[a-z]+:", parts[0]):
        rest_parts = [unquote(part) for part in parts[1:] if part]
        ends = next((index for index, part in enumerate(rest_parts, 1) if part.endswith(".git")), len(rest_parts) - 1)
        return Place(f"{parts[0]}//{'/'.join(rest_parts[:ends])}", "/".join(rest_parts[ends:]))
    if "%" in parts[0] or "." in parts[0]:
        return Place(f"https://{first}", unquote("/".join(parts[1:])))
    raise BadSpec("`git/…` needs an address.")


KIND = Kind(
    title="Git repository",
    example="https%3A%2F%2Fhost%2Frepository.git/HEAD",
    canonical=urls.canonical,
    read_link=read_link,
    one_segment=True,
)
