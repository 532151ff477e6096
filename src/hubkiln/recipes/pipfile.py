"""Reads ``Pipfile`` and ``Pipfile.lock`` as ``pipenv install --system --dev`` would: the lock when there is one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.errors import RecipeError
from hubkiln.recipes.addresses import git_address, in_folder
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files
from hubkiln.recipes.index import is_pypi
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines
from hubkiln.recipes.runtime import python_version

_MARKERS = (
    "sys_platform",
    "platform_system",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_version",
    "python_version",
    "python_full_version",
    "os_name",
    "implementation_name",
    "implementation_version",
)


def read_pipfile(files: Files, draft: RecipeDraft) -> str | None:
    """
    Add what the files ask for; returns the minor version of Python they name.

    Raises:
        RecipeError.
    """
    lock, pipfile = files.find("Pipfile.lock"), files.find("Pipfile")
    locked = files.json(lock, largest=LARGEST_LOCK) if lock else {}
    written = files.toml(pipfile) if pipfile else {}
    meta = _table(locked, "_meta", lock or "")
    path, content = (lock, locked) if lock else (pipfile, written)
    assert path is not None
    _check_sources(meta if lock else written, "sources" if lock else "source", path)
    known = _source_names(meta if lock else written, "sources" if lock else "source")
    if lock and "sources" not in meta:
        _check_sources(written, "source", pipfile or "")
    if not lock and _table(written, "pipenv", path).get("allow_prereleases"):
        draft.warn(f"`{path}`: `allow_prereleases` is not followed without a lock.")
    for section in ("default", "develop") if lock else ("packages", "dev-packages"):
        for name, entry in _table(content, section, path).items():
            if isinstance(entry, dict) and "index" in entry and entry["index"] not in known:
                raise RecipeError(
                    f"`{path}` takes {_shown(name)} from an index that it does not describe; the public package of "
                    "that name may be another one.",
                    hint="Remove `index`, or take the package from a git repository.",
                )
            _take(files, path, name, entry, draft)
    for requires in (_table(meta, "requires", path), _table(written, "requires", path)):
        for key in ("python_full_version", "python_version"):
            if (said := str(requires.get(key, "")).strip()) not in ("", "*"):
                return _python(files, path, key, said, draft)
    return None


def _check_sources(content: dict[str, Any], key: str, path: str) -> None:
    sources = content.get(key, [])
    for source in sources if isinstance(sources, list) else []:
        url = source.get("url") if isinstance(source, dict) else None
        if not is_pypi(url):
            raise RecipeError(
                f"`{path}`: a package source other than PyPI is not allowed.",
                hint="Remove it: packages come from the index that the admin has set.",
            )


def _source_names(content: dict[str, Any], key: str) -> list[Any]:
    """What entries may call PyPI."""
    sources = content.get(key)
    named = [one.get("name") for one in sources if isinstance(one, dict)] if isinstance(sources, list) else []
    return [*named, "pypi", *[one.get("url") for one in sources or [] if isinstance(one, dict)]]


def _shown(name: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", name)[:60]


def _take(files: Files, path: str, name: str, entry: Any, draft: RecipeDraft) -> None:
    if isinstance(entry, str):
        entry = {"version": entry}
    line = Line("", path, 0 if path.endswith(".lock") else files.lines_of(path, _KEY).get(name, 0))
    if not isinstance(entry, dict):
        raise line.error(f"`{_shown(name)}` is malformed.", 'Write it as `package = "==1.2"`.')
    if {"hg", "svn", "bzr"} & entry.keys():
        raise RecipeError(
            f"`{path}` takes {_shown(name)} from where it cannot be had here; the public package of that name may be "
            "another one and is not installed instead.",
            hint="Take it from a git repository over https, or put it into the repository.",
        )
    extras = f"[{','.join(map(str, entry['extras']))}]" if isinstance(entry.get("extras"), list) else ""
    markers = _markers(entry)
    if isinstance(git := entry.get("git"), str):
        ref, inner = (one if isinstance(one, str) else "" for one in (entry.get("ref"), entry.get("subdirectory")))
        text = f"{name}{extras} @ {git_address(git, ref, inner)}" + (f" ; {markers}" if markers else "")
    elif isinstance(local := entry.get("path") or entry.get("file"), str) and "://" not in local:
        folder = f"{files.folder}/" if files.folder else ""
        text = (
            "-e " if entry.get("editable") else ""
        ) + f"./{folder}{local}{in_folder(entry.get('subdirectory'))}{extras}"
        text += f" ; {markers}" if markers else ""
    else:
        version = str(entry.get("version") or "*").strip()
        address = (
            f" @ {entry['file']}{in_folder(entry.get('subdirectory'))}" if isinstance(entry.get("file"), str) else ""
        )
        text = f"{name}{extras}" + (address or ("" if version == "*" else _specifier(version)))
        text += f" ; {markers}" if markers else ""
        for digest in entry.get("hashes") or []:
            if isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-fA-F]{64}", digest):
                draft.allow(name, digest.removeprefix("sha256:"))
        _check(line, name, text)
    read_lines(files, [replace(line, text=text)], draft)


_KEY = r"^\s*[\"']?([\w.-]+)[\"']?\s*="


def _check(line: Line, name: str, text: str) -> None:
    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError, ValueError) as error:
        raise line.error(f"`{_shown(name)}` has a malformed version.", 'Write it as `"==1.2"` or `"*"`.') from error


def _specifier(version: str) -> str:
    return version if re.match(r"[<>=!~]", version) else f"=={version}"


def _markers(entry: dict[str, Any]) -> str:
    found = [f"({entry['markers']})"] if isinstance(entry.get("markers"), str) else []
    found += [f"{key} {entry[key]}" for key in _MARKERS if isinstance(entry.get(key), str)]
    return " and ".join(found) if len(found) > 1 else "".join(found).removeprefix("(").removesuffix(")")


def _python(files: Files, path: str, key: str, said: str, draft: RecipeDraft) -> str | None:
    """The minor version that ``[requires]`` names; what it says besides is said."""
    match = re.fullmatch(r"(?:={2,3}|~=)?\s*(\d[\w.]{0,20}?)(?:\.\*)?", said)
    if match is None:
        raise RecipeError(
            f"`{path}`: the Python that `{key} = {_shown(said)}` asks for is not understood.",
            hint='Write it as `python_version = "3.12"`.',
        )
    minor = python_version(files, match[1], path)
    if match[1].count(".") > 1:
        draft.warn(f"`{path}` names Python {match[1]}; any release of {minor} is used.")
    return minor


def _table(of: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    value = of.get(name) or {}
    if not isinstance(value, dict):
        raise RecipeError(f"`{path}`: `{name}` is malformed.", hint="Make the file again.")
    return value
