"""Commands that people paste where a repository is asked for: what they would have fetched, run or installed.

Pure; what to say of it is :mod:`hubkiln.repositories.mistaken`'s.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_BEFORE = re.compile(r"^(?:[$#>!%]\s*|(?:sudo|time|exec|RUN)\s+)+")
_PYTHON = re.compile(r"^(?:python[\d.]*|py(?:\s+-[\d.]+)?)\s+-m\s+(?=(?:pip|conda|repo2docker)\b)")
_ADDRESS = re.compile(r"(?:https?|ssh)://\S+|[\w.-]+@[\w.-]+:\S+")
_PAIR = re.compile(r"[A-Za-z0-9_.][\w.-]*/[A-Za-z0-9_.][\w.-]*")

_ENGINES = ("docker", "podman", "nerdctl", "buildah", "singularity", "apptainer")
_RUNS = ("run", "pull", "exec", "create", "push", "shell", "from")
_INSTALLS = {
    "pip": ("install", "download"),
    "pip3": ("install", "download"),
    "pipx": ("install", "run"),
    "conda": ("install", "create"),
    "mamba": ("install", "create"),
    "micromamba": ("install", "create"),
    "uv": ("add", "pip", "tool"),
    "uvx": (),
    "poetry": ("add",),
    "pdm": ("add",),
    "pixi": ("add",),
    "rye": ("add",),
    "pipenv": ("install",),
}
_SYSTEM = ("apt", "apt-get", "aptitude", "dnf", "yum", "apk", "brew")
_FETCHES = ("git", "gh", "glab", "hg", "svn", "repo2docker", "jupyter-repo2docker", "hubkiln", "wget", "curl", "gitpod")
_OTHERS = re.compile(
    r"npm|npx|yarn|cd|ls|mkdir|source|conda|jupyter|Rscript|docker(-compose)?|bash|sh|cat|cp|mv|rm|echo|export|chmod"
    r"|ssh|scp|rsync|tar|unzip|cargo|go|julia|R|nix(-shell|-env)?|helm|kubectl|choco|winget|node|deno"
)
"""Programs that install nothing of Python, or nothing with what follows."""

_WITH_VALUE = {
    "engine": re.compile(
        r"-[pvewuhmlB]|--(publish|volume|env|workdir|user|hostname|memory|label|name|net|network|mount|env-file|bind"
        r"|entrypoint|gpus|shm-size|cpus|platform|restart|add-host|device|ulimit|pull|tmpfs|cap-add|cap-drop|pod|runtime"
        r"|security-opt|userns|isolation|expose|link|dns|ip|pid|ipc|group-add|cpuset-cpus|stop-timeout)"
    ),
    "install": re.compile(
        r"-[cnprfiteG]|--(channel|name|prefix|requirement|file|find-links|index-url|extra-index-url|target|editable"
        r"|constraint|python|group|platform|trusted-host|solver|root|src|python-version|index|branch|tag|rev)"
    ),
    "fetch": re.compile(
        r"-[bocjepvOH]|--(branch|depth|origin|config|jobs|ref|user-name|user-id|image-name|reference|filter|subdir"
        r"|shallow-since|depth|as-of)"
    ),
}
"""Options that have a value after them, by what the program does."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a command is about."""

    kind: Literal["clone", "source", "image", "packages", "system", "other"]
    """``source`` is a package that is installed from a repository."""
    words: tuple[str, ...] = ()
    """The address of a repository, the name of an image, or packages; none where it says none."""
    ref: str = ""
    """The branch that it asks for."""


def read(text: str) -> Command | None:
    """What `text` would do; None if it is no command."""
    text = _PYTHON.sub("", _BEFORE.sub("", text, count=1))
    try:
        words = shlex.split(re.split(r"&&|\|\||[;|]|\s#\s", text)[0])
    except ValueError:
        words = text.split()
    if not words:
        return None
    program, *rest = words
    if program in _ENGINES and rest and rest[0] in _RUNS:
        named = _plain(rest[1:], "engine")[:1]
        return Command("image", tuple(re.sub(r"^(docker|oci|library|shub)://", "", one) for one in named))
    if program in _INSTALLS and (not _INSTALLS[program] or (rest and rest[0] in _INSTALLS[program])):
        return _installs(program, rest)
    if program in _SYSTEM and rest and re.fullmatch("-.*|install|add|update", rest[0]):
        return Command("system", tuple(word for word in _plain(rest, "install") if word not in ("install", "add")))
    if program in _FETCHES and rest:
        return _fetches(program, rest)
    if re.fullmatch(r"python[\d.]*|py", program) and rest and re.match(r"-|.*\.pyw?$", rest[0]):
        return Command("other")
    others = (program in _INSTALLS or _OTHERS.fullmatch(program)) and rest
    return Command("other") if others else None


def _installs(program: str, rest: list[str]) -> Command:
    """``pip install …``: packages, or a repository."""
    plain = _plain(rest, "install", but=("-e", "--editable", "-r", "--requirement"))
    if (found := next((match for word in plain if (match := _ADDRESS.search(word))), None)) is not None:
        address, ref = re.fullmatch(r"(.+?)(?:@([^@/]+))?", found[0].partition("#")[0]).groups("")  # type: ignore[union-attr]
        return Command("source", (address,), ref)
    actions = {"install", "add", "create", "run", "download", "pip", "tool", "env"}
    after = rest[next((at for at, word in enumerate(rest) if word not in actions), len(rest)) :] if rest else []
    named = pinned(_plain(after, "install"))
    if program in ("uvx", "pipx"):
        named = named[:1]  # what follows is for the program itself
    return Command("packages", tuple(word for word in named if not re.search(r"^\.|/|\.(txt|ya?ml|whl)$", word)))


def pinned(words: Iterable[str]) -> list[str]:
    """conda's ways to name packages as pip's: ``conda-forge::numpy=1.26`` is ``numpy==1.26.*``."""
    bare = [re.sub(r"^[\w./-]+::", "", word) for word in words]
    return [re.sub(r"^([\w.-]+)=(\d[\w.]*?)(\.\*)?(=[\w*]+)?$", _loose, word) for word in bare]


def _loose(match: re.Match[str]) -> str:
    """conda's ``numpy=1.26``, which is pip's ``numpy==1.26.*``."""
    return f"{match[1]}=={match[2]}" + ("" if match[1] == "python" else ".*")


def _fetches(program: str, rest: list[str]) -> Command:
    """``git clone …`` and its like: the address, or ``org/repo`` where the program knows whose that is."""
    ref = next((rest[at + 1] for at, word in enumerate(rest[:-1]) if word in ("-b", "--branch", "--ref")), "")
    ref = ref or next((word.partition("=")[2] for word in rest if re.match(r"--(branch|ref)=", word)), "")
    plain = _plain(rest, "fetch")
    named = [word for word in plain if _ADDRESS.fullmatch(word)]
    if not named and program not in ("git", "hg", "svn", "wget", "curl"):
        named = [word for word in plain if _PAIR.fullmatch(word)]
    return Command("clone", tuple(named[:1]), ref) if named else Command("other")


def _plain(words: list[str], of: str, *, but: tuple[str, ...] = ()) -> list[str]:
    """`words` without options and their values; of the options `but` those are kept."""
    found, skipping = [], False
    for word in words:
        if skipping:
            skipping = False
        elif word.startswith("-"):
            skipping = word not in but and _WITH_VALUE[of].fullmatch(word) is not None
        else:
            found.append(word)
    return found
