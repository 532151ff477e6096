"""Reads ``runtime.txt``: which language, which version, which day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.pythons import allows

_HINT = "It should say `python-3.12`, or `r-4.4-2024-10-01` for R."


@dataclass(frozen=True, slots=True)
class Runtime:
    """``name-version``, ``name-version-date`` or ``name-date``."""

    name: str = ""
    """Empty without the file."""
    version: str = ""
    date: date | None = None


def read_runtime(files: Files) -> Runtime:
    """
    The runtime asked for.

    Raises:
        RecipeError: not of a form that is understood.
    """
    if (path := files.find("runtime.txt")) is None:
        return Runtime()
    text = files.text(path).strip("\ufeff \t\n\f\v")
    if not text:
        raise RecipeError(f"`{path}` is empty.", hint=_HINT)
    parts = text.split("-")
    if len(parts) not in (2, 4, 5) or not all(parts):
        raise RecipeError(f"`{path}` says `{_shown(text)}`, which names no runtime.", hint=_HINT)
    version = parts[1] if len(parts) in (2, 5) else ""
    return Runtime(parts[0], version, _date(path, parts[-3:]) if len(parts) > 2 else None)


def python_version(files: Files, version: str, source: str) -> str | None:
    """
    The minor version that `version` means, ``3.11``; None for plain ``3``, the default.

    Raises:
        RecipeError: not a version.
    """
    if not re.fullmatch(r"[23](\.\d{1,3}){0,2}", version):
        raise RecipeError(f"`{source}` asks for Python `{_shown(version)}`, which is not a version.", hint=_HINT)
    if version == "3":
        return None
    return "2.7" if version == "2" else ".".join(version.split(".")[:2])


def _date(path: str, parts: list[str]) -> date:
    text = "-".join(parts)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RecipeError(f"`{path}` has the date `{_shown(text)}`, which is none.", hint=_HINT)


def _shown(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)[:60]


def asked_python(
    files: Files, runtime: Runtime, allowed: str | None, draft: RecipeDraft, by: str = "pyproject.toml"
) -> str | None:
    """
    The Python of ``runtime.txt``, if it names one; `by` is the file that has the versions that are `allowed`.

    Raises:
        RecipeError: it is none of these, or no Python.
    """
    if runtime.name != "python":
        return None
    python = python_version(files, runtime.version, "runtime.txt") if runtime.version else None
    if runtime.version.count(".") > 1:
        draft.warn(f"`runtime.txt` names Python {runtime.version}; any release of {python} is used.")
    if python is not None and allowed is not None and not allows(allowed, python) and not files.folder:
        raise RecipeError(
            f"`runtime.txt` asks for Python {python}, but `{by}` allows only {allowed}.",
            hint="Change one of the two.",
        )
    return python


def warn_unused(files: Files, runtime: Runtime, draft: RecipeDraft) -> None:
    """Say what of ``runtime.txt`` is not followed, and that R's own file needs one."""
    if runtime.name not in ("", "python"):
        shown = re.sub(r"[^\x20-\x7e]", "?", f"{runtime.name}-{runtime.version}")[:40]
        why = "R needs a date" if runtime.name == "r" else "`python` or `r`, in small letters, is what counts"
        draft.warn(f"`runtime.txt` asks for `{shown}`, which is not understood ({why}); the default Python is used.")
    if runtime.name == "python" and runtime.date:
        draft.warn("The date in `runtime.txt` is ignored: it counts for R alone.")
    if (path := files.find("install.R")) is not None:
        draft.warn(f"`{path}` is ignored: it needs a `runtime.txt` such as `r-4.4-2024-10-01`.")
