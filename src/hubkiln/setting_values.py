"""What an admin wrote, by the keys of :mod:`hubkiln.setting_table`: found, checked and read."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from hubkiln.errors import BadSpec
from hubkiln.setting_table import INTERNAL, PREFIX, SETTINGS, Setting

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def named(name: str) -> Setting:
    """
    The setting with this key.

    Raises:
        BadSpec: there is none; the hint says which is meant.
    """
    key = name.strip().lower().replace("-", "_").removeprefix(PREFIX.lower())
    if key in _BY_NAME:
        return _BY_NAME[key]
    near = difflib.get_close_matches(key, _BY_NAME, 1, 0.6)
    hint = f"Did you mean {near[0]}?" if near else "The settings page lists all."
    raise BadSpec(f"There is no setting {name!r}.", hint=hint)


def check_variables(environ: Iterable[str]) -> None:
    """
    Find misspelt variables; those that merely begin as ours do (a cluster sets some) are let be.

    Raises:
        BadSpec: one is nearly, but not quite, a setting.
    """
    known = {setting.variable for setting in SETTINGS} | {PREFIX + name for name in INTERNAL}
    for variable in environ:
        if not variable.startswith(PREFIX) or variable in known:
            continue
        if near := difflib.get_close_matches(variable, known, 1, 0.9):
            raise BadSpec(f"There is no setting {variable}.", hint=f"Did you mean {near[0]}?")


def variables_of(given: Mapping[str, Any]) -> dict[str, str]:
    """
    What `given` says by key, as variables; Python's own values are written as an admin would.

    Raises:
        BadSpec: there is no such setting, or the value cannot be read.
    """
    found = {}
    for name, value in given.items():
        setting = named(name)
        text = as_text(value)
        setting.form.read(setting.name, text)
        found[setting.variable] = text
    return found


def given_option(words: Iterable[str]) -> dict[str, str]:
    """
    What ``--set KEY=VALUE`` says, by key.

    Raises:
        BadSpec: one has no ``=``.
    """
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise BadSpec(f"{word!r} sets nothing.", hint="Write it like --set step_memory=8G.")
        found[name] = value
    return found


def as_text(value: Any) -> str:
    """`value` as it is written in a variable: None is ``none``, lists have spaces between, mappings are quoted."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return " ".join(shlex.quote(f"{name}={text}") for name, text in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(str(item) for item in value)
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


@dataclass(frozen=True, slots=True)
class Values:
    """What variables say, read when it is asked for."""

    variables: Mapping[str, str]

    def get(self, name: str, otherwise: Any = None) -> Any:
        """
        The value of the setting `name`; `otherwise` where it is not set, or empty.

        Raises:
            BadSpec: it cannot be read.
        """
        setting = _BY_NAME[name]
        text = self.variables.get(setting.variable, "")
        return setting.form.read(setting.variable, text) if text.strip() else otherwise

    def put_into(self, usual: T, **keys: str) -> T:
        """
        The frozen `usual` with what is set put into the fields named: ``seconds="build_seconds"``.

        Raises:
            BadSpec: one cannot be read.
        """
        return replace(usual, **{field: self.get(key, getattr(usual, field)) for field, key in keys.items()})
