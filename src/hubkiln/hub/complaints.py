"""An admin's mistakes in a ``profile_list``: each a sentence that names the profile and the option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hubkiln.errors import BadSpec


def mistake(where: str, what: str, hint: str) -> BadSpec:
    """The sentence."""
    return BadSpec(f"`profile_list`: {where}: {what}.", hint=hint)


def table(value: Any, where: str) -> dict[str, Any]:
    """
    A copy of what should hold names and values; nothing for what was left empty, as YAML's ``small:`` is.

    Raises:
        BadSpec.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise mistake(where, f"it is {_kind(value)}, not a mapping", "Write `name: value` lines, or `{...}` in Python.")
    return dict(value)


def switch(value: Any, where: str) -> dict[str, Any]:
    """
    As :func:`table`; plain true and false mean ``enabled``.

    Raises:
        BadSpec.
    """
    return {"enabled": value} if isinstance(value, bool) else table(value, where)


def check_rule(rule: Any, where: str) -> None:
    """
    Raise unless `rule` is a regular expression, or nothing.

    Raises:
        BadSpec.
    """
    hint = "Write a regular expression, such as `quay.io/.*`."
    wrong = mistake(where, "its `validation_regex` is no regular expression", hint)
    if rule is not None and not isinstance(rule, str):
        raise wrong
    try:
        re.compile(rule or "")
    except (re.error, RecursionError, OverflowError) as error:
        raise wrong from error


def _kind(value: object) -> str:
    kinds = {list: "a list", tuple: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "something else")
