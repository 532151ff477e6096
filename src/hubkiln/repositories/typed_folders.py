"""What is typed on the command line and names a place of this machine, or was meant to."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from hubkiln.errors import BadSpec
from hubkiln.home import typed_path
from hubkiln.repositories import urls
from hubkiln.repositories.mistaken import shown

_ARCHIVE = re.compile(r"\.(zip|7z|tar|t[gbx]z|tbz2|tar\.\w+)$", re.IGNORECASE)


def is_path(text: str) -> bool:
    """Whether `text` is written as a path is, whatever is there."""
    return text.startswith((".", "/", "~", "file://"))


def path_of(text: str) -> str:
    """
    The path that `text` is, or that it is the address of.

    Raises:
        BadSpec: that address is of another machine.
    """
    if not text.startswith("file://"):
        return text
    host, slash, path = text.removeprefix("file://").partition("/")
    if host not in ("", "localhost"):
        raise BadSpec(f"`{shown(text)}` is not on this machine.", hint="Write `file:///folder`, or the path alone.")
    return unquote(slash + path)


def folder_there(text: str) -> tuple[str, str, str] | None:
    """
    The folder, the ref and the packages of ``folder@v1 + numpy``, by what is there: names of folders may hold all of
    these letters. None where no folder is.
    """
    for found in reversed([*re.finditer(r"\s\+\s*|$", text)]):
        before, packages = text[: found.start()], text[found.end() :]
        if _is_folder(before):
            return path_of(before), "", packages
        for cut in [*re.finditer(r"[@#]", before)] if is_path(before) or not urls.is_url(before) else []:
            folder, ref = before[: cut.start()], before[cut.end() :]
            if re.fullmatch(r"\S+", ref) and _is_folder(folder):
                return path_of(folder), ref, packages
    return None


def check_no_file(text: str) -> None:
    """
    See that the path `text` is not a file.

    Raises:
        BadSpec: it is one.
    """
    path = path_of(text)
    if not _there(path) or _is_folder(path):
        return
    inside = f"Give the folder that it is in: `{shown(str(Path(path).parent))}`."
    raise BadSpec(
        f"`{shown(path)}` is a file, and what is built is a folder.",
        hint="Unpack it, and give that folder." if _ARCHIVE.search(path) else inside,
    )


def perhaps_folder(error: BadSpec) -> BadSpec:
    """`error`, of a text that names no repository, for whoever meant a folder that is not there."""
    error.hint = f"No folder here is called so. {error.hint}"
    return error


def _is_folder(text: str) -> bool:
    try:
        return typed_path(path_of(text)).is_dir()
    except (OSError, ValueError):
        return False


def _there(path: str) -> bool:
    try:
        return typed_path(path).exists()
    except (OSError, ValueError):
        return False
