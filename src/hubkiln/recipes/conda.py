"""Reads ``environment.yml``: conda packages, or nothing but a Python and a ``pip:`` section."""

from __future__ import annotations

import re
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

_SPEC = re.compile(
    r"(?:(?P<channel>[A-Za-z0-9_][\w./-]*)::)?(?P<name>[A-Za-z0-9_][\w.-]*)"
    r"(?P<rest>[^\S\n]*[\w.*+!<>=~|,\s\[\]()'\"-]*)"
)
_MOST = 2000
_HINT = "See conda's documentation of environment files."


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
    content = files.yaml(path)
    specs: list[str] = []
    pip: list[str] = []
    for item in _list(content, "dependencies", path):
        if isinstance(item, dict) and "python" in item:
            raise RecipeError(f"`{path}`: its Python is not named as conda reads it.", hint="Write `- python=3.12`.")
        if isinstance(item, dict) and set(item) == {"pip"}:
            pip += _pip_items(item["pip"], path)
            if item["pip"] is None:
                draft.warn(f"`{path}`: there is nothing below `- pip:`; its packages are to be indented further.")
        elif isinstance(item, str):
            specs.append(_check_spec(item.strip(), path))
        else:
            kind = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(item), "a value")
            raise RecipeError(f"`{path}`: {kind} among its dependencies is not a package.", hint=_HINT)
    if len(specs) + len(pip) > _MOST:
        raise RecipeError(f"`{path}` has more than {_MOST:,} dependencies.", hint="List what is needed.")
    lines = files.text(path).split("\n")
    base = str(PurePosixPath(path).parent)  # conda runs pip there
    read_lines(files, [Line(text, path, _number(lines, text), base=base) for text in pip if text], draft)
    for key in sorted(key for key in content if isinstance(key, str) and key not in _KNOWN):
        draft.warn(f"`{path}`: `{key[:40]}` is ignored{_BELOW.get(key.lower(), '')}.")
    wanted = [spec for spec in specs if _name(spec) == "python"]
    python, allowed = read_conda_python(wanted, path, draft)
    for spec in specs:
        if _name(spec) == "pip" and re.search(r"[<>=!~\d]", spec):
            draft.warn(f"`{path}`: the version in `{spec}` is not followed; pip is a newer one.")
    return CondaFile(
        path=path,
        python=python,
        requires_python=allowed,
        specs=_with_kernel_of_r([spec for spec in specs if _name(spec) not in ("python", "pip")]),
        channels=_channels(content, path),
        env=_variables(content, path, draft),
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


def _pip_items(items: Any, path: str) -> list[str]:
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise RecipeError(
            f"`{path}`: the `pip:` section is not a list of packages.", hint="Write one `- package` a line."
        )
    return [re.sub(r"\s+#.*$", "", item).strip() for item in items]


def _check_spec(spec: str, path: str) -> str:
    spec = re.sub(r"\s*::\s*", "::", re.sub(r"\s+#.*", "", spec))
    shown = re.sub(r"[^\x20-\x7e]", "?", spec)[:80]
    if "://" in spec or spec.startswith(("/", ".", "~", "-")):
        raise RecipeError(
            f"`{path}`: `{shown}` is an address, not a package.", hint="Name the package; conda finds it."
        )
    if len(spec) > 300 or not _SPEC.fullmatch(spec):
        raise RecipeError(f"`{path}`: `{shown}` is not a conda package.", hint="Write it as `numpy` or `numpy=2.1`.")
    return " ".join(spec.split())


def _name(spec: str) -> str:
    match = _SPEC.fullmatch(spec)
    return match["name"].lower() if match else ""


def _channels(content: dict[str, Any], path: str) -> tuple[str, ...]:
    found: list[str] = []
    for item in _list(content, "channels", path):
        text = item.strip() if isinstance(item, str) else ""
        if not text or re.search(r"[\x00-\x20\x7f]|//[^/]*@", text) or len(text) > 300:
            raise RecipeError(f"`{path}`: one of its channels is not a name.", hint="Name it, as in `conda-forge`.")
        found.append(text.removeprefix("https://conda.anaconda.org/").rstrip("/"))
    return tuple(dict.fromkeys(found))


_NOT_A_RECIPES = re.compile(r"HOME|USER|LOGNAME|PATH|NB_(USER|UID|GID)|(JUPYTERHUB|HUBKILN)_.*")
"""Variables that say who and where the server is and find its programs: not a recipe's to set."""


def _variables(content: dict[str, Any], path: str, draft: RecipeDraft) -> tuple[tuple[str, str], ...]:
    variables = content.get("variables") or {}
    if not isinstance(variables, dict):
        raise RecipeError(f"`{path}`: `variables` should hold `NAME: value` lines.", hint=_HINT)
    for name, value in variables.items():
        plain = isinstance(value, str | float | date) or (isinstance(value, int) and value.bit_length() <= 128)
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            shown = re.sub(r"[^\x20-\x7e]", "?", name)[:40] if isinstance(name, str) else "a value that is no text"
            raise RecipeError(f"`{path}`: `{shown}` is not an environment variable.", hint=_HINT)
        if not plain or (isinstance(value, str) and "\0" in value):
            hint = f'Write `{name[:40]}: ""` for an empty one.' if value is None else _HINT
            raise RecipeError(f"`{path}`: the variable `{name[:40]}` has no plain value.", hint=hint)
    ignored = sorted(name for name in variables if _NOT_A_RECIPES.fullmatch(name))
    for name in ignored:
        why = "the environment's programs would not be found" if name == "PATH" else "the hub sets it"
        draft.warn(f"`{path}`: the variable `{name[:40]}` is ignored: {why}.")
    return tuple(sorted((name, str(value)) for name, value in variables.items() if name not in ignored))


def _list(content: dict[str, Any], key: str, path: str) -> list[Any]:
    value = content.get(key) or []
    if not isinstance(value, list):
        raise RecipeError(f"`{path}`: `{key}` should be a list.", hint=f"Write one `- …` a line below `{key}:`.")
    return value


def _number(lines: list[str], text: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)
