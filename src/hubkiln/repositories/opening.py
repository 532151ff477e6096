"""What a link wants to be opened once the server runs: paths of a Jupyter server, and nothing else than such."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, unquote

_PATH = re.compile(r"[^\x00-\x20\x7f\\<>\"]{1,2000}")


def of_query(query: str) -> str:
    """
    What the parameters of a Binder link mean: ``labpath`` before ``filepath`` before ``urlpath``, as its own client.

    Empty for one that leads off the server.
    """
    given = {name: values[0] for name, values in parse_qs(query, max_num_fields=50).items()}
    if path := given.get("labpath"):
        return _safe(f"doc/tree/{_quoted(path)}")
    if path := given.get("filepath"):
        return _safe(f"tree/{_quoted(path)}")
    return _safe(given.get("urlpath", ""))


def of_page(shows: str, subdir: str) -> str:
    """The file that a repository's page shows."""
    if not shows:
        return ""
    below = shows.removeprefix(f"{subdir}/") if subdir else shows
    return _safe(f"lab/tree/{_quoted(below)}")


def _quoted(path: str) -> str:
    return quote(path.strip("/"), safe="/")


def _safe(path: str) -> str:
    path = path.lstrip("/")
    parts = unquote(unquote(path)).partition("?")[0].split("/")
    away = ".." in parts or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path) or "//" in unquote(path).partition("?")[0]
    return path if path and _PATH.fullmatch(path) and not away else ""
