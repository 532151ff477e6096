"""Reads what pixi calls its manifest: its default environment, for machines as ours, as an `environment.yml` asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln.errors import RecipeError
from hubkiln.recipes.addresses import extras_of
from hubkiln.recipes.conda import (
    CondaFile,
    Variables,
    channel_name,
    check_spec,
    conda_file,
    plain_variables,
    refuse_many,
)
from hubkiln.recipes.draft import RecipeDraft, spell
from hubkiln.recipes.files import Files
from hubkiln.recipes.lock_parts import dicts, table_of
from hubkiln.recipes.places import Places
from hubkiln.recipes.pyproject import Project, group_names, read_dependencies, read_group
from hubkiln.recipes.requirement_lines import Line, printable
from hubkiln.recipes.requirements import read_lines

_PLATFORM = "linux-64"
_TARGETS = ("unix", "linux", _PLATFORM)
"""What counts on our kind of machine; what is named later goes before what is named earlier."""

_CONDA = ("build-dependencies", "host-dependencies", "dependencies")
_PYPI = ("pypi-dependencies",)
_NOT_FOLLOWED = ("system-requirements", "constraints", "dev", "exclude-newer", "solve-strategy", "pypi-exclude-newer")
_INDEXES = ("index-url", "extra-index-urls", "find-links")
_OF_PYPI = {"version", "extras", "index", "path", "editable", "git", "rev", "tag", "branch", "url", "subdirectory"}
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_WRITTEN = r"^\s*[\"']?([\w.-]+)[\"']?\s*="
"""A key of TOML."""


def find_manifest(files: Files, project: Project) -> str | None:
    """Where pixi's manifest is, if it is there: a file of its own, or tables in the `project`'s."""
    if (path := files.find("pixi.toml")) is not None:
        return path
    pixi = table_of(table_of(project.table.get("tool")).get("pixi"))
    return project.path if {*_CONDA, *_PYPI, "target", "feature"} & pixi.keys() else None


def read_manifest(files: Files, path: str, project: Project, draft: RecipeDraft) -> CondaFile | None:
    """
    What the manifest at `path` asks for by default, its packages of PyPI in `draft`; None if that is nothing.

    Raises:
        RecipeError: it is malformed, made for other systems, or asks for what cannot be followed.
    """
    inside = path == project.path
    table = table_of(table_of(project.table.get("tool")).get("pixi")) if inside else files.toml(path, newer=True)
    manifest = _Manifest(files, path, table, project if inside else Project())
    found = manifest.read(draft)
    if not (found.specs or found.python or found.requires_python or draft.requirements or draft.local or draft.direct):
        draft.warn(f"`{path}` asks for no packages in its default environment.")
        return None
    return found


@dataclass(frozen=True, slots=True)
class _Manifest:
    files: Files
    path: str
    table: dict[str, Any]
    project: Project
    """The one whose file it stands in; empty where it has its own."""

    def read(self, draft: RecipeDraft) -> CondaFile:
        workspace = self._table(self.table, "workspace") or self._table(self.table, "project")
        features = self._features(draft)
        self._check_platforms(workspace, features)
        self._say_what_is_not_followed([workspace, *features], draft)
        conda = [entry for feature in features for entry in self._entries(feature, _CONDA).values()]
        pypi = [entry for feature in features for entry in self._entries(feature, _PYPI).values()]
        refuse_many(self.path, len(conda) + len(pypi))
        specs = [(self._spec(name, value), self._place(name)) for name, value in conda]
        self._take_pypi(pypi, [workspace, *features], draft)
        channels = self._channels(workspace, features)
        return conda_file(self.path, specs, channels, self._variables(features, draft), draft)

    def _features(self, draft: RecipeDraft) -> list[dict[str, Any]]:
        """The tables that make the default environment; pixi lets the first say most."""
        said = self._table(self.table, "environments").get("default", [])
        named = said.get("features", []) if isinstance(said, dict) else said
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            raise RecipeError(
                f"{self._place('default')}: the environment `default` is not a list of features.",
                hint="Write it as `[…]`.",
            )
        known, found = self._table(self.table, "feature"), []
        groups = {canonicalize_name(one) for one in group_names(self.project)}
        for name in named:
            if name not in known and canonicalize_name(name) not in groups:
                place = self._place("default")
                raise RecipeError(f"{place}: there is no feature `{printable(name)}`.", hint="Correct its name.")
            read_group(self.files, self.project, name, draft)
            found.append(self._table(known, name))
        if isinstance(said, dict) and said.get("no-default-feature"):
            return found
        read_dependencies(self.files, self.project, draft)
        return [*found, self.table]

    def _check_platforms(self, workspace: dict[str, Any], features: list[dict[str, Any]]) -> None:
        """Raise where one of the tables is for other systems alone; a platform may have a name of its own."""
        tables = dicts(workspace.get("platforms"))
        declared = [one for one in tables if one.get("platform", one.get("name")) == _PLATFORM]
        ours = [_PLATFORM, *declared, *(one.get("name") for one in declared)]
        for platforms in (one.get("platforms") for one in [workspace, *features]):
            if platforms and isinstance(platforms, list) and not any(one in ours for one in platforms):
                raise RecipeError(
                    f"{self._place('platforms')}: it is made for other systems than linux-64.",
                    hint="Add `linux-64` to `platforms`.",
                )

    def _say_what_is_not_followed(self, tables: list[dict[str, Any]], draft: RecipeDraft) -> None:
        parts = [part for one in tables for part in self._parts(one)]
        said = [key for key in _NOT_FOLLOWED if any(part.get(key) not in (None, {}, "highest") for part in parts)]
        said += ["channel-priority"] * any(part.get("channel-priority", "strict") != "strict" for part in parts)
        options = [key for part in parts for key in self._table(part, "pypi-options") if key not in _INDEXES]
        said += [f"pypi-options.{printable(key)}" for key in dict.fromkeys(options)]
        said += ["activation.scripts"] * any(self._table(part, "activation").get("scripts") for part in parts)
        for key in said:
            draft.warn(f"{self._place(key)}: `{key}` is not followed.")
        if "package" in self.table:
            draft.warn(f"{self._place()}: the package that `[package]` describes is not built.")

    def _parts(self, feature: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The table itself, then what it says for systems as ours."""
        yield feature
        targets = self._table(feature, "target")
        for name in _TARGETS:
            yield self._table(targets, name)

    def _entries(self, feature: dict[str, Any], keys: tuple[str, ...]) -> dict[str, tuple[str, Any]]:
        """By its name in one spelling, each package as it is written; of one that stands there twice, pixi's choice."""
        found = {}
        for part in self._parts(feature):
            for key in keys:
                for name, value in self._table(part, key).items():
                    if not _NAME.fullmatch(name):
                        shown = f"{self._place(name)}: `{printable(name)}`"
                        raise RecipeError(f"{shown} is not a package's name.", hint="Correct the name.")
                    found[canonicalize_name(name) if keys is _PYPI else name.lower()] = (name, value)
        return found

    def _spec(self, name: str, value: Any) -> str:
        """conda's match spec for one entry of its tables."""
        said, place = value if isinstance(value, dict) else {"version": value}, self._place(name)
        if others := sorted(said.keys() - {"version", "build", "channel"}):
            where = {"path", "git", "url"} & set(others)
            hint = "Ask for it by `version`, `build` and `channel`."
            if where:
                hint = "Take it from a channel, or, where it is a Python package, put it below `[pypi-dependencies]`."
            raise RecipeError(
                f"{place}: `{printable(others[0])}` of the conda package `{name}` cannot be followed.", hint=hint
            )
        if not all(isinstance(one, str) for one in said.values()):
            raise RecipeError(f"{place}: `{name}` has no version that is text.", hint=f'Write it as `{name} = "*"`.')
        version = re.sub(r"\s*([,|<>=!~()])\s*", r"\1", said.get("version", "*").strip()) or "*"
        if re.search(r"\s", version):
            raise RecipeError(f"{place}: the version of `{name}` is not understood.", hint='Write it as `">=1.2,<2"`.')
        wanted = [one for one in (version, said.get("build", "").strip()) if one]
        spec = name if wanted == ["*"] else " ".join((name, *wanted))
        return check_spec(f"{channel_name(said['channel'], place)}::{spec}" if "channel" in said else spec, place)

    def _take_pypi(self, entries: list[tuple[str, Any]], tables: list[dict[str, Any]], draft: RecipeDraft) -> None:
        options: dict[str, list[Any]] = {}
        for part in (part for one in tables for part in self._parts(one)):
            for key, value in self._table(part, "pypi-options").items():
                options[key] = options.get(key, []) + (value if isinstance(value, list) else [value])
        options["extra-index-urls"] = [
            one.get("url") if isinstance(one, dict) else one for one in options.get("extra-index-urls", [])
        ]
        Places(self.files, self.path, {"tool": {"pixi": {"pypi-options": options}}}).refuse_indexes()
        for name, value in entries:
            requirement = self._requirement(name, value)
            places = Places(self.files, self.path, {"tool": {"pixi": {"pypi-dependencies": {name: value}}}})
            if not places.take(requirement, draft):
                read_lines(self.files, [Line(spell(requirement), self.path, self._line(name))], draft)

    def _requirement(self, name: str, value: Any) -> Requirement:
        """pip's requirement for one entry, but for where it comes from."""
        said = value if isinstance(value, dict) else {"version": value}
        if others := sorted(said.keys() - _OF_PYPI - {"env-markers"}):
            hint = "Ask for it by `version` and `extras`, or say where it is by `path`, `git` or `url`."
            raise RecipeError(
                f"{self._place(name)}: `{printable(others[0])}` of `{name}` cannot be followed.", hint=hint
            )
        version, marker = said.get("version", "*"), said.get("env-markers")
        try:
            text = f"{name}{extras_of(said.get('extras'))}{'' if version == '*' else f' {version}'}"
            return Requirement(f"{text} ; {marker}" if marker else text)
        except (InvalidRequirement, RecursionError, ValueError) as error:
            raise RecipeError(
                f"{self._place(name)}: the version of `{name}` is not one of PyPI's.",
                hint='Write it as `">=1.2"` or `"==1.2.3"`.',
            ) from error

    def _channels(self, workspace: dict[str, Any], features: list[dict[str, Any]]) -> list[str]:
        """Channels in pixi's order: by the priority that is given to them, else as the features are named."""
        found: list[tuple[int, str]] = []
        for feature in features:
            said = workspace.get("channels", []) if feature is self.table else feature.get("channels")
            said = workspace.get("channels", []) if said is None else said
            if not isinstance(said, list):
                raise RecipeError(
                    f"{self._place('channels')}: `channels` should be a list.", hint='Write it as `["conda-forge"]`.'
                )
            for one in said:
                item, priority = (one.get("channel"), one.get("priority")) if isinstance(one, dict) else (one, 0)
                found.append(
                    (-priority if isinstance(priority, int) else 0, channel_name(item, self._place("channels")))
                )
        return [name for _, name in sorted(found, key=lambda one: one[0])]

    def _variables(self, features: list[dict[str, Any]], draft: RecipeDraft) -> Variables:
        """Those that `[activation.env]` gives a value as it stands."""
        said: dict[str, Any] = {}
        for part in (part for feature in reversed(features) for part in self._parts(feature)):
            said |= self._table(self._table(part, "activation"), "env")
        for name in [name for name, value in said.items() if "$" in str(value)]:
            draft.warn(f"{self._place(name)}: the variable `{name[:40]}` is ignored: its value is made of others.")
            del said[name]
        return plain_variables(said, lambda *names: self._place(*names), draft)

    def _table(self, of: dict[str, Any], key: str) -> dict[str, Any]:
        value = of.get(key, {})
        if not isinstance(value, dict):
            shown = printable(key)
            raise RecipeError(f"{self._place(key)}: `{shown}` should be a table.", hint=f"Write it as `[{shown}]`.")
        return value

    def _line(self, key: str) -> int:
        return self.files.lines_of(self.path, _WRITTEN).get(key, 0)

    def _place(self, key: str = "") -> str:
        return Line("", self.path, self._line(key)).place
