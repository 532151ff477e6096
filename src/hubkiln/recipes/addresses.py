"""Where a package is, in pip's spelling. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs


def git_address(address: str, ref: str, subdirectory: str) -> str:
    """A git repository in pip's spelling."""
    address = address if address.startswith("git+") else f"git+{address}"
    return address + (f"@{ref}" if ref else "") + in_folder(subdirectory)


def locked_git(address: str) -> str:
    """``https://host/r.git?subdirectory=x&rev=main#<commit>``, as uv and pixi lock it, in pip's spelling."""
    base, _, commit = address.partition("#")
    base, _, query = base.partition("?")
    said = {key: values[0] for key, values in parse_qs(query).items()}
    ref = commit or said.get("rev") or said.get("tag") or said.get("branch", "")
    return git_address(base, ref, said.get("subdirectory", ""))


def in_folder(subdirectory: Any) -> str:
    """What pip's address of a package below a repository's or an archive's root ends with; nothing at the root."""
    return f"#subdirectory={subdirectory}" if isinstance(subdirectory, str) and subdirectory not in ("", ".") else ""


def archive_address(address: str, sha256: str, subdirectory: Any) -> str:
    """The archive at `address`, of which one file alone will do, in pip's spelling."""
    return f"{address}#sha256={sha256}{in_folder(subdirectory).replace('#', '&')}"


def extras_of(extras: Any) -> str:
    """``[a,b]``, or nothing."""
    names = sorted(map(str, extras)) if isinstance(extras, list | set | tuple) else []
    return f"[{','.join(names)}]" if names else ""


def all_of(markers: list[str]) -> str:
    """`` ; a and b``, or nothing."""
    return (
        f" ; {markers[0]}"
        if len(markers) == 1
        else " ; " + " and ".join(f"({one})" for one in markers)
        if markers
        else ""
    )
