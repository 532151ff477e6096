"""The parts of a lock file, read with care: what is malformed is refused by the file's name."""

from __future__ import annotations

import re
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft, pin, spell
from hubkiln.recipes.index import is_pypi


def locked_pin(path: str, name: str, version: str, marker: Any) -> Requirement:
    """One pin of the lock at `path`; raises RecipeError."""
    try:
        requirement = pin(name, version, marker=marker if isinstance(marker, str) else "")
        spell(requirement)
        return requirement
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise malformed(path) from error


def wish(path: str, text: str) -> Requirement:
    """A requirement that the file at `path` holds; raises RecipeError."""
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise malformed(path) from error


def allow(draft: RecipeDraft, name: str, digest: Any) -> None:
    """Add a sha256, if `digest` is one."""
    if isinstance(digest, str) and re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        draft.allow(name, digest)


def files_of(package: dict[str, Any]) -> list[dict[str, Any]]:
    """Wheels and source of a package of `uv.lock` or `pylock.toml`."""
    return [*dicts(package.get("wheels")), *dicts([package.get("sdist")])]


def tables(content: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
    """A list of tables; raises RecipeError where it is something else."""
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise malformed(path)
    return value


def dicts(value: Any) -> list[dict[str, Any]]:
    """The tables in `value`, whatever it is."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def table_of(value: Any) -> dict[str, Any]:
    """`value`, or an empty table."""
    return value if isinstance(value, dict) else {}


def text_of(of: dict[str, Any], key: str, path: str) -> str:
    """Text that must be there; raises RecipeError."""
    value = of.get(key)
    if not isinstance(value, str):
        raise malformed(path)
    return value


def malformed(path: str) -> RecipeError:
    """For a lock that no tool wrote."""
    return RecipeError(f"`{path}` is malformed.", hint="Make the lock again.")


def no_place(path: str, name: str) -> RecipeError:
    """For a package that comes from where it cannot be had here."""
    shown = re.sub(r"[^\x20-\x7e]", "?", name)[:60]
    return RecipeError(
        f"`{path}` takes {shown} from a file or address, which is not allowed.",
        hint="Take it from the index or a git repository.",
    )


def check_registry(path: str, name: str, registry: Any, digests: list[str]) -> None:
    """
    Raise where a package is another index's and no hash would tell PyPI's package of that name apart.

    Raises:
        RecipeError.
    """
    if not is_pypi(registry) and not any(re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", one) for one in digests):
        shown = re.sub(r"[^\x20-\x7e]", "?", name)[:60]
        raise RecipeError(
            f"`{path}` takes {shown} from an index other than PyPI and lists no sha256 of its files; the public "
            "package of that name may be another one.",
            hint="Make the lock again with hashes, or take the package from a git repository.",
        )
