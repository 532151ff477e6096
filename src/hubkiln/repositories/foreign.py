"""Sites from which no repository can be had: said for what their pages are, with the way to go.

Pure.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hubkiln.errors import BadSpec
from hubkiln.repositories.mistaken import FORMS, shown

_KEPT = {
    "drive.google.com": "a file that somebody keeps",
    "docs.google.com": "a document that somebody keeps",
    "dropbox.com": "a file that somebody keeps",
    "onedrive.live.com": "a file that somebody keeps",
    "1drv.ms": "a file that somebody keeps",
    "kaggle.com": "a page of Kaggle",
    "osf.io": "a page of OSF",
    "sourceforge.net": "a page of SourceForge",
    "stackoverflow.com": "a question and its answers",
    "youtube.com": "a film",
}
"""Hosts, and what their pages are."""

_FILE = re.compile(r"\.(ipynb|py|csv|pdf|html?|svg|png)$", re.IGNORECASE)
_SERVER = re.compile(r"/user/[^/]+/(?:[^/]+/)?(?:lab|tree|notebooks|doc|edit|files|rstudio|voila|proxy)(?:/|$)")
_SEARCH = re.compile(r"/search/?$")


def paper(text: str) -> BadSpec | None:
    """arXiv's papers, by number, DOI or page: they name a repository at best."""
    if not re.search(r"(^|[/.])arxiv(\.org/(abs|pdf|html)/|[.:]\s*\d{4}\.)", text, re.IGNORECASE):
        return None
    return BadSpec(
        f"`{shown(text)}` is a paper, not a repository.",
        hint=f"Look on its page for the repository with its code, and give that address. {FORMS}",
    )


def elsewhere(text: str) -> BadSpec | None:
    """The error for an address that no provider knows, and that git could not fetch from: a site, a file, a server."""
    try:
        page = urlsplit(text)
    except ValueError:
        return None
    if page.scheme.lower() not in ("http", "https") or "@" in page.netloc:
        return None
    host, parts = (page.hostname or "").removeprefix("www."), [part for part in page.path.split("/") if part]
    what, hint = _KEPT.get(host), f"Put it into a repository, and give its address. {FORMS}"
    if host == "colab.research.google.com":
        what = "a notebook that somebody keeps in Google Drive"
    elif host in ("nbviewer.org", "nbviewer.jupyter.org"):
        what = "a notebook at an address of its own"
    elif _SERVER.search(page.path) or (host in ("localhost", "127.0.0.1") and {*_OWN} & {*parts[:1]}):
        what, hint = "the address of a server that runs", f"Give what it was started from. {FORMS}"
    elif re.search(r"/hub/(spawn|home|environments|token|admin|login)(/|$)", page.path):
        what, hint = "a page of a hub", f"Give what is built there. {FORMS}"
    elif host.endswith(".github.io"):
        owner = host.removesuffix(".github.io")
        name = parts[0] if parts and "." not in parts[0] else f"{owner}.github.io"
        what, hint = "a site that GitHub serves", f"Its repository is perhaps `{shown(f'{owner}/{name}')}`."
    elif host == "mybinder.org" and parts[:1] != ["v2"]:
        what, hint = "a page of Binder", f"Paste a link with `/v2/` in it. {FORMS}"
    elif _SEARCH.search(page.path) and page.query:
        what, hint = "a list of what was found", f"Give the address of what is meant. {FORMS}"
    elif parts and _FILE.search(parts[-1]) and not {"blob", "raw", "src"} & {*parts}:
        what, hint = "the address of a single file", f"Give the address of the repository that it is in. {FORMS}"
    text = text.partition("?")[0]
    return BadSpec(f"`{shown(text)}` is {what}, not a repository.", hint=hint) if what else None


_OWN = ("lab", "tree", "notebooks", "hub", "user")
"""What addresses of a server on one's own machine begin with."""
