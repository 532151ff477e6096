"""Reads ``environment.yml``: conda packages, or nothing but a Python and a ``pip:`` section."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from hubkiln.errors import RecipeError
from hubkiln.recipes.conda_python import read_conda_python
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines
from hubkiln.recipes.yaml_file import Lines

_SPEC = re.compile(
    r"(?:(?P<channel>[A-Za-z0-9_][\w./-]*)::)?(?P<name>[A-Za-z0-9_][\w.-]*)"
    r"(?P<rest>[^\S\n]*[\w.*+!<>=~|,\s\[\]()'\"-]*)"
)
_MOST = 2000
_HINT = "See conda's documentation of environment files."


Spec = tuple[str, str]
"""A match spec, and where it stands."""

Variables = tuple[tuple[str, str], ...]
"""Environment variables and their values."""


@dataclass(frozen=True, slots=True)
class CondaFile:
    """What the file asks for, the ``pip:`` section apart."""

    path: str
    python: str | None
    requires_python: str | None
    specs: tuple[str, ...]
    """Without python and pip; empty when pip alone is enough."""
    channels: tuple[str, ...]
    env: tuple[tuple[str, str], ...]


def find_environment(files: Files) -> str | None:
    """Where the file is."""
    return files.find("environment.yml") or files.find("environment.yaml")


def read_environment(files: Files, path: str, draft: RecipeDraft) -> CondaFile:
    """
    The environment file at `path`; its ``pip:`` section goes to `draft`.

    Raises:
        RecipeError.
    """
    content, lines = files.yaml(path)
    specs: list[Spec] = []
    pip: list[Line] = []
    for number, item in enumerate(_list(content, "dependencies", lines)):
        place = lines.of("dependencies", number)
        if isinstance(item, dict) and set(item) == {"pip"}:
            pip += _pip_lines(item["pip"], path, lines, number)
            if item["pip"] is None:
                draft.warn(f"{place}: there is nothing below `- pip:`; its packages are to be indented further.")
        elif isinstance(item, str):
            specs.append((check_spec(item.strip(), place), place))
        else:
            kind = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(item), "a value")
            raise RecipeError(f"{place}: {kind} among its dependencies is not a package.", hint=_instead(item))
    refuse_many(path, len(specs) + len(pip))
    read_lines(files, pip, draft)
    for key in sorted(key for key in content if isinstance(key, str) and key not in _KNOWN):
        draft.warn(f"{lines.of(key)}: `{key[:40]}` is ignored{_BELOW.get(key.lower(), '')}.")
    channels = [
        channel_name(item, lines.of("channels", number))
        for number, item in enumerate(_list(content, "channels", lines))
    ]
    env = plain_variables(content.get("variables") or {}, lambda *name: lines.of("variables", *name), draft)
    return conda_file(path, specs, channels, env, draft)


def refuse_many(path: str, count: int) -> None:
    """
    Raise where the file at `path` has so many dependencies that no person can have meant them.

    Raises:
        RecipeError.
    """
    if count > _MOST:
        raise RecipeError(f"`{path}` has more than {_MOST:,} dependencies.", hint="List what is needed.")


def conda_file(path: str, specs: list[Spec], channels: list[str], env: Variables, draft: RecipeDraft) -> CondaFile:
    """
    What `specs` ask for, Python and pip apart, whichever file they are written in.

    Raises:
        RecipeError: the Python is not understood.
    """
    python, allowed = read_conda_python([pair for pair in specs if _name(pair[0]) == "python"], draft)
    for spec, place in specs:
        if _name(spec) == "pip" and re.search(r"[<>=!~\d]", spec):
            draft.warn(f"{place}: the version in `{spec}` is not followed; pip is a newer one.")
    return CondaFile(
        path=path,
        python=python,
        requires_python=allowed,
        specs=_with_kernel_of_r([spec for spec, _ in specs if _name(spec) not in ("python", "pip")]),
        channels=tuple(dict.fromkeys(channels)),
        env=env,
    )


def _with_kernel_of_r(specs: list[str]) -> tuple[str, ...]:
    """`specs`, once each; with packages of R comes R as a kernel, as repo2docker brings it."""
    names = {_name(spec) for spec in specs}
    if any(name.startswith("r-") for name in names) and "r-irkernel" not in names:
        specs = [*specs, "r-irkernel"]
    return tuple(dict.fromkeys(specs))


_BELOW = {"pip": "; its packages count as `- pip:` in the list below `dependencies`"} | dict.fromkeys(
    ("dependancies", "dependency", "dependecies", "packages", "requirements"), "; what counts is `dependencies`"
)
"""What people write, and where it belongs."""

_KNOWN = {"name", "channels", "dependencies", "variables", "prefix", "platforms"}


def _instead(item: Any) -> str:
    """A hint for a dependency that is no text: how the package that is meant is written, where that is seen."""
    name, version = next(iter(item.items()), (None, None)) if isinstance(item, dict) else (None, None)
    if name == "python" or not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        return "Write `- python=3.12`." if name == "python" else _HINT
    return f"Write `- {name[:40]}={version}`." if isinstance(version, int) else f"Write `- {name[:40]}`, and no colon."


def _pip_lines(items: Any, path: str, lines: Lines, number: int) -> list[Line]:
    """The lines of the ``pip:`` section that is the dependency of that `number`."""
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise RecipeError(
            f"{lines.of('dependencies', number, 'pip')}: the `pip:` section is not a list of packages.",
            hint="Write one `- package` a line.",
        )
    base = str(PurePosixPath(path).parent)  # conda runs pip there
    texts = [re.sub(r"\s+#.*$", "", item).strip() for item in items]
    return [
        Line(text, path, lines.line("dependencies", number, "pip", at), base=base)
        for at, text in enumerate(texts)
        if text
    ]


def check_spec(spec: str, place: str) -> str:
    """
    `spec` in one spelling; `place` says where it stands.

    Raises:
        RecipeError: it is no conda package.
    """
    spec = re.sub(r"\s*::\s*", "::", re.sub(r"\s+#.*", "", spec))
    shown = re.sub(r"[^\x20-\x7e]", "?", spec)[:80]
    if spec.startswith("-"):
        raise RecipeError(f"{place}: `{shown}` is an option of pip's, not a package.", hint="Put it below `- pip:`.")
    if "://" in spec or spec.startswith(("/", ".", "~")):
        raise RecipeError(f"{place}: `{shown}` is an address, not a package.", hint="Name the package; conda finds it.")
    if len(spec) > 300 or not _SPEC.fullmatch(spec):
        raise RecipeError(f"{place}: `{shown}` is not a conda package.", hint="Write it as `numpy` or `numpy=2.1`.")
    return " ".join(spec.split())


def _name(spec: str) -> str:
    match = _SPEC.fullmatch(spec)
    return match["name"].lower() if match else ""


def channel_name(item: Any, place: str) -> str:
    """
    The channel that `item` names.

    Raises:
        RecipeError: none can be called so.
    """
    text = item.strip() if isinstance(item, str) else ""
    if not text or re.search(r"[\x00-\x20\x7f]|//[^/]*@", text) or len(text) > 300:
        raise RecipeError(f"{place}: the channel is not a name.", hint="Name it, as in `conda-forge`.")
    return _OF_CONDA.sub("", text).rstrip("/")


_OF_CONDA = re.compile(r"https://(conda\.anaconda\.org/|(repo\.|conda\.)?prefix\.dev/(?=conda-forge/*$))")
"""Hosts whose channels are those of that name: conda's own, and pixi's for its copy of conda-forge."""


_NOT_A_RECIPES = re.compile(r"HOME|USER|LOGNAME|PATH|NB_(USER|UID|GID)|(JUPYTERHUB|HUBKILN)_.*")
"""Variables that say who and where the server is and find its programs: not a recipe's to set."""


def plain_variables(variables: Any, place: Callable[..., str], draft: RecipeDraft) -> Variables:
    """
    The environment variables that are a recipe's to set; `place` says where the one that it is given stands.

    Raises:
        RecipeError: a name or a value can be none.
    """
    if not isinstance(variables, dict):
        raise RecipeError(f"{place()}: `variables` should hold `NAME: value` lines.", hint=_HINT)
    for name, value in variables.items():
        plain = isinstance(value, str | float | date) or (isinstance(value, int) and value.bit_length() <= 128)
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            shown = re.sub(r"[^\x20-\x7e]", "?", name)[:40] if isinstance(name, str) else "a value that is no text"
            raise RecipeError(f"{place(name)}: `{shown}` is not an environment variable.", hint=_HINT)
        if not plain or (isinstance(value, str) and "\0" in value):
            hint = f'Write `{name[:40]}: ""` for an empty one.' if value is None else _HINT
            raise RecipeError(f"{place(name)}: the variable `{name[:40]}` has no plain value.", hint=hint)
    ignored = sorted(name for name in variables if _NOT_A_RECIPES.fullmatch(name))
    for name in ignored:
        why = "the environment's programs would not be found" if name == "PATH" else "the hub sets it"
        draft.warn(f"{place(name)}: the variable `{name[:40]}` is ignored: {why}.")
    return tuple(sorted((name, str(value)) for name, value in variables.items() if name not in ignored))


def _list(content: dict[str, Any], key: str, lines: Lines) -> list[Any]:
    value = content.get(key) or []
    if not isinstance(value, list):
        raise RecipeError(f"{lines.of(key)}: `{key}` should be a list.", hint=f"Write one `- …` a line below `{key}:`.")
    return value
