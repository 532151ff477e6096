"""Where a project says that its packages come from, such as `[tool.uv.sources]`: followed, or refused.

Never passed over: a public package of the same name could be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes.addresses import all_of, extras_of, git_address, in_folder
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.index import is_pypi
from hubkiln.recipes.requirement_lines import Line
from hubkiln.recipes.requirements import read_lines
from hubkiln.recipes.uv_projects import find_member

_PYTHONS = [
    {"python_version": version, "python_full_version": f"{version}.9", "implementation_name": "cpython"}
    for version in ("2.7", *(f"3.{minor}" for minor in range(5, 20)))
]


@dataclass(frozen=True, slots=True)
class Places:
    """What one `pyproject.toml` says about where packages come from."""

    files: Files
    path: str
    """The file, below the root."""
    table: Mapping[str, Any]
    above: Places | None = None
    """The workspace's, of which this project is a member: its sources hold for members too."""
    seen: set[str] = field(default_factory=set)
    """Projects whose own sources have been followed, with the extras that were asked for."""

    def take(self, requirement: Requirement, draft: RecipeDraft, group: str = "") -> bool:
        """
        Add `requirement`, of the dependency group `group` if any, from where the project says; False where it says
        nothing.

        Raises:
            RecipeError: it cannot be followed.
        """
        name = canonicalize_name(requirement.name)
        place: Places | None = self
        while place is not None:
            said = [*place._uv(name, group), *place._poetry(name), *place._pixi(name)]
            if said and requirement.url is None:
                followed = [place._follow(requirement, one, draft) for one in said if may_apply(one.get("marker"))]
                # Where no marker holds, the index's package is meant; where one does, what is built goes before it.
                return all(followed) and any(not one.get("marker") for one in said)
            place = place.above
        return False

    def refuse_indexes(self) -> None:
        """
        Raise where packages without a source of their own would come from an index other than PyPI.

        Raises:
            RecipeError.
        """
        uv, poetry = _dict(self._tool("uv")), _dict(self._tool("poetry"))
        sources = [one for one in _dicts(poetry.get("source")) if one.get("priority") != "explicit"]
        sources += [one for tool in ("pdm", "rye") for one in _dicts(_dict(self._tool(tool)).get(_SOURCES[tool]))]
        listed = [one["url"] for one in sources if "url" in one]
        pixi = _dict(_dict(self._tool("pixi")).get("pypi-options"))
        listed += [address for part in (uv, _dict(uv.get("pip")), pixi) for address in _indexes(part)]
        named = {self.path: listed}
        if (own := self.files.find("uv.toml")) is not None:
            named[own] = _indexes(self.files.toml(own))
        for path, addresses in named.items():
            if any(not is_pypi(one) for one in addresses):
                raise RecipeError(
                    f"`{path}` names a package index other than PyPI, which is not allowed.",
                    hint="Remove it: packages come from the index that the admin has set. uv and Poetry take an index "
                    "that is *explicit* for nothing but the packages that name it.",
                )

    def refuse_builders(self) -> None:
        """
        Raise where the project takes what builds it from somewhere of its own: pip asks the index alone.

        Raises:
            RecipeError.
        """
        for requirement in _requirements(_dict(self.table.get("build-system")).get("requires")):
            for said in self._uv(canonicalize_name(requirement.name), ""):
                if may_apply(said.get("marker")) and not self._is_pypi(said.get("index")):
                    raise self._no_place(requirement.name)

    def _tool(self, name: str) -> Any:
        return _dict(self.table.get("tool")).get(name)

    def _uv(self, name: str, group: str) -> Iterator[dict[str, Any]]:
        for key, value in _dict(_dict(self._tool("uv")).get("sources")).items():
            if canonicalize_name(key) == name:
                said = [one if isinstance(one, dict) else {} for one in (value if isinstance(value, list) else [value])]
                # Extras are not installed, so what is said for one alone does not count.
                yield from (one for one in said if "extra" not in one and _group(one) in ("", group))

    def _pixi(self, name: str) -> Iterator[dict[str, Any]]:
        for key, value in _dict(_dict(self._tool("pixi")).get("pypi-dependencies")).items():
            if canonicalize_name(key) == name and {"path", "git", "url", "index"} & _dict(value).keys():
                yield value

    def _poetry(self, name: str) -> Iterator[dict[str, Any]]:
        poetry = _dict(self._tool("poetry"))
        groups = [_dict(group).get("dependencies") for group in _dict(poetry.get("group")).values()]
        for table in (poetry.get("dependencies"), poetry.get("dev-dependencies"), *groups):
            for key, value in _dict(table).items():
                if canonicalize_name(key) == name:
                    said = _dicts(value if isinstance(value, list) else [value])
                    found = [one for one in said if {"path", "file", "url", "git", "source"} & one.keys()]
                    yield from ({**one, "editable": one.get("develop"), "marker": one.get("markers")} for one in found)
                    if found:
                        return

    def _follow(self, requirement: Requirement, said: dict[str, Any], draft: RecipeDraft) -> bool:
        """Add what one source says; False where that is PyPI."""
        name = f"{requirement.name}{extras_of(requirement.extras)}"
        marker = all_of([str(one) for one in (requirement.marker, said.get("marker")) if one])
        text = {key: value for key, value in said.items() if isinstance(value, str)}
        if "git" in text:
            ref = next((text[key] for key in ("rev", "tag", "branch") if key in text), "")
            line = f"{name} @ {git_address(text['git'], ref, text.get('subdirectory', ''))}{marker}"
        elif "url" in text:
            line = f"{name} @ {text['url']}{in_folder(text.get('subdirectory'))}{marker}"
        elif folder := text.get("path") or text.get("file") or (said.get("workspace") and self._member(requirement)):
            inside = self._inside(requirement.name, folder)
            self._follow_project(inside, requirement.extras, draft, is_member=bool(said.get("workspace")))
            place = "." if inside == "." else f"./{inside}"
            line = f"{'-e ' if said.get('editable') else ''}{place}{in_folder(text.get('subdirectory'))}"
            line += f"{extras_of(requirement.extras)}{marker}"
        elif self._is_pypi(text.get("index") or text.get("source")):
            return False
        else:
            raise self._no_place(requirement.name)
        read_lines(self.files, [Line(line, self.path, 0)], draft)
        return True

    def _follow_project(self, folder: str, extras: Iterable[str], draft: RecipeDraft, *, is_member: bool) -> None:
        """What the project in `folder`, with `extras`, takes from elsewhere; the rest is in what is built of it."""
        path = f"{folder}/pyproject.toml"
        asked = f"{path}{extras_of(set(extras))}"
        if asked in self.seen or not self.files.is_file(path):
            return
        self.seen.add(asked)
        inner = Places(self.files, path, self.files.toml(path), self if is_member else None, self.seen)
        inner.refuse_builders()
        for requirement in inner._needed(extras):
            inner.take(requirement, draft)

    def _needed(self, extras: Iterable[str]) -> Iterator[Requirement]:
        """What the project asks for by name, `extras` of it and of itself included; Poetry's own tables too."""
        project = _dict(self.table.get("project"))
        optional = {canonicalize_name(key): value for key, value in _dict(project.get("optional-dependencies")).items()}
        own, known, waiting = canonicalize_name(str(project.get("name"))), set[str](), [*extras]
        new = _requirements(project.get("dependencies"))
        while True:
            yield from (one for one in new if canonicalize_name(one.name) != own)
            waiting += [extra for one in new if canonicalize_name(one.name) == own for extra in one.extras]
            if not (wanted := {canonicalize_name(one) for one in waiting} - known):
                break
            known |= wanted
            waiting, new = [], [one for extra in wanted for one in _requirements(optional.get(extra))]
        yield from _requirements([*_dict(_dict(self._tool("poetry")).get("dependencies"))])

    def _inside(self, name: str, folder: str) -> str:
        try:
            return self.files.inside(folder.removeprefix("file:"), within=str(PurePosixPath(self.path).parent))
        except RecipeError as error:
            raise self._no_place(name) from error

    def _member(self, requirement: Requirement) -> str | None:
        """Folder of the workspace's member that is called so, seen from this project."""
        place: Places | None = self
        while place is not None and "workspace" not in _dict(place._tool("uv")):
            place = place.above
        if place is None:
            return None
        workspace = _dict(_dict(place._tool("uv"))["workspace"])
        found = find_member(self.files, str(PurePosixPath(place.path).parent), workspace, requirement.name)
        return found and "../" * len(PurePosixPath(self.path).parent.parts) + found

    def _is_pypi(self, index: str | None) -> bool:
        if index is None:
            return False
        named = [*_dicts(_dict(self._tool("uv")).get("index")), *_dicts(_dict(self._tool("poetry")).get("source"))]
        said = [one for one in named if str(one.get("name")).lower() == index.lower()]
        return all(is_pypi(one.get("url")) for one in said) if said else index.lower() == "pypi" or is_pypi(index)

    def _no_place(self, name: str) -> RecipeError:
        return RecipeError(
            f"`{self.path}` takes {_printable(name)} from where it cannot be had here; the public package of that "
            "name may be another one and is not installed instead.",
            hint="Put it into the repository, take it from a git repository over https, or remove its source.",
        )


_SOURCES = {"pdm": "source", "rye": "sources"}


def _indexes(tool: dict[str, Any]) -> list[Any]:
    """Addresses of the indexes that uv or pixi would ask for every package."""
    found = [one.get("url") for one in _dicts(tool.get("index")) if not one.get("explicit")]
    for key in ("index-url", "extra-index-url", "extra-index-urls", "find-links"):
        found += tool[key] if isinstance(tool.get(key), list) else [tool[key]] if key in tool else []
    return found


def _requirements(items: Any) -> list[Requirement]:
    """The requirements in `items`, whatever it is; of those that are malformed whatever builds the package says so."""
    found = []
    for item in items if isinstance(items, list) else []:
        try:
            found.append(Requirement(str(item)))
        except (InvalidRequirement, RecursionError, ValueError):
            continue
    return found


def _group(said: dict[str, Any]) -> str:
    """The dependency group for which alone a source counts."""
    return re.sub(r"[-_.]+", "-", str(said.get("group", ""))).lower()


def may_apply(marker: Any) -> bool:
    """False for a marker that holds with no Python on Linux; the machine that asks makes no difference."""
    if not isinstance(marker, str) or not marker:
        return True
    system = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    try:
        asked = Marker(marker)
        return any(
            asked.evaluate({**system, **python, "platform_machine": machine, "extra": ""})
            for python in _PYTHONS
            for machine in ("x86_64", "aarch64")
        )
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError, ValueError):
        return True


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)[:60]
