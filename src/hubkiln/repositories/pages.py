"""Pages of other sites that show, open, copy or serve what is in a repository of GitHub, a gist or Hugging Face.

What is pasted is often not the repository's own page but a viewer's, an editor's or a raw file's address.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from hubkiln.repositories import gist, github
from hubkiln.repositories.kind import Place, blob, page_parts, tree

_SHOWS_GITHUB = {
    "nbviewer.org": "",
    "nbviewer.jupyter.org": "",
    "colab.research.google.com": "",
    "vscode.dev": "",
    "console.paperspace.com": "",
    "studiolab.sagemaker.aws": "import",
}
"""Hosts whose pages are called ``…/github/org/repo/blob/…``, and what stands before that."""

_SAME_PATHS = (
    *("github.dev", "github1s.com", "codespaces.new", "m.github.com", "gitingest.com", "uithub.com"),
    *("githubtocolab.com", "nbsanity.com", "deepwiki.com"),
)
"""Hosts whose pages have GitHub's own paths."""

_RAW = ("raw.githubusercontent.com", "raw.github.com", "raw.githack.com", "rawcdn.githack.com", "rawgit.com")
"""Hosts whose pages are files of GitHub as they are: ``org/repo/ref/path``."""

_ASKED = {
    "deepnote.com": "url",
    "kaggle.com": "src",
    "lightning.ai": "repo_url",
    "app.deepnote.com": "url",
    "datalore.jetbrains.com": "url",
}
"""Hosts that take a page of GitHub as a parameter."""


def shown_there(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """The provider and place that `page` is about; None for every other page. Raises BadSpec."""
    host, parts = (page.hostname or "").removeprefix("www."), page_parts(page)
    if (before := _SHOWS_GITHUB.get(host)) is not None:
        parts = parts[1:] if before and parts[:1] == [before] else parts
        if (place := github.read_viewer(parts, ref)) is not None:
            return "gh", place
        return ("gist", found) if (found := gist.read_viewer(parts, ref)) is not None else None
    if host in _SAME_PATHS and len(parts) > 1:
        return _github(parts, ref)
    if host in _RAW and len(parts) > 3:
        return _github([*parts[:2], "blob", *parts[2:]], ref)
    if host == "cdn.jsdelivr.net" and parts[:1] == ["gh"] and len(parts) > 3:
        name, _, given = parts[2].partition("@")
        return _github([parts[1], name, "blob", given or "HEAD", *parts[3:]], ref)
    if host == "codeload.github.com" and len(parts) > 3:
        return _github([*parts[:2], "archive", *parts[3:]], ref)
    if host == "api.github.com" and parts[:1] == ["repos"] and len(parts) > 2:
        return _github(
            [*parts[1:3], *(["archive", *parts[4:]] if parts[3:4] in (["zipball"], ["tarball"]) else [])], ref
        )
    if host == "gist.githubusercontent.com" and len(parts) > 1:
        return "gist", Place(gist.canonical("/".join(parts[:2])))
    if host == "gist.github.com" and len(parts) == 1 and re.fullmatch(r"[0-9a-f]{20,40}(\.git)?", parts[0]):
        return "git", Place(f"https://gist.github.com/{parts[0].removesuffix('.git')}.git")
    if host == "zenodo.org" and parts[:2] == ["badge", "DOI"] and len(parts) > 2:
        return "doi", Place(unquote("/".join(parts[2:])).removesuffix(".svg"))
    if host in ("huggingface.co", "hf.co"):
        return _hugging_face(parts, ref)
    return _asked(host, page, ref)


def _github(parts: list[str], ref: str | None) -> tuple[str, Place]:
    return "gh", github.read_page(SplitResult("https", "github.com", "/".join(["", *parts]), "", ""), ref)


def _hugging_face(parts: list[str], ref: str | None) -> tuple[str, Place] | None:
    """``org/model``, ``datasets/org/name`` and ``spaces/org/name``, with ``tree/…``, ``blob/…`` or ``resolve/…``."""
    count = 3 if parts[:1] in (["datasets"], ["spaces"]) else 2
    if len(parts) < count or parts[0] in ("docs", "blog", "papers", "learn", "models", "collections"):
        return None
    repository = "https://huggingface.co/" + "/".join(parts[:count])
    match parts[count:]:
        case ["tree", *rest]:
            return "git", tree(repository, rest, ref)
        case ["blob" | "resolve" | "raw", *rest]:
            return "git", blob(repository, rest, ref)
        case _:
            return "git", Place(repository)


def _asked(host: str, page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """What stands in a page's parameter, or after its ``#``."""
    given = parse_qs(page.query, max_num_fields=50).get(_ASKED.get(host, ""), [""])[0]
    if host in ("gitpod.io", "app.gitpod.io"):
        given = unquote(page.fragment).lstrip("/")
    inner = urlsplit(given) if re.match(r"https?://(www\.)?github\.com/", given) else None
    return _github(page_parts(inner), ref) if inner is not None else None
