"""The description of our chart's values: ``values.schema.json`` for editors and Helm, and lists for its templates.

What a value may be is read from ``values.yaml``: what it is there, and the comment above it. Settings (`config`) come
from the table that everything else reads. Unknown keys are left to the templates, which say what was meant instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from hubkiln import forms
from hubkiln.setting_table import SETTINGS, Setting

ELSEWHERE = {
    "data_dir": "the volume",
    "database": "database.url or database.existingSecret",
    "credential_keys": "configFiles.credential_key",
    "push": "registry.push",
    "pull_from": "registry.pullFrom",
    "base_image": "images.base",
    "steps_in": "builds.mode",
    "pods_namespace": "builds.namespace",
    "pods_address": "the Service",
    "pods_port": "builds.port",
    "pods_image": "builds.image",
    "pods_root": "builds.root",
    "pods_template": "builds.pods",
}
"""Settings that have a value of their own in the chart."""

WORDS = {
    "images.pullPolicy": ["Always", "IfNotPresent", "Never"],
    "registry.internal.nodeTrust": ["", "localhost"],
    "builds.mode": ["service", "pods"],
}
"""Values that are one of a few words."""

TABLES = (
    *("tolerations", "initContainers", "extraVolumes", "extraVolumeMounts", "builds.egress", "builds.apiServer"),
    *("networkPolicy.ingressFrom", "networkPolicy.egress", "networkPolicy.dns", "metrics.from"),
)
"""Lists of what Kubernetes has as a table."""

NONE = ("fullnameOverride", "token.existingSecret")
"""Values that may be taken away though they are something if nothing is said."""

_LISTS = (forms.WORDS, forms.NETWORKS, forms.HOSTS, forms.ORIGINS, forms.SOURCES, forms.QUOTED, forms.ADDRESSES)


def written(values: str) -> dict[str, str]:
    """Every file that is made of `values`, by its path in the chart."""
    tree = yaml.safe_load(values)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hubkiln's chart",
        **_described(tree, dict(_comments(values)), ""),
    }
    settings = {
        "settings": [one.name for one in SETTINGS if one.name not in ELSEWHERE and one.form is not forms.FILE],
        "files": [one.name for one in SETTINGS if one.form is forms.FILE],
        "elsewhere": ELSEWHERE,
    }
    made = {"values.schema.json": schema, "files/settings.json": settings, "files/keys.json": _keys(tree)}
    return {name: json.dumps(about, indent=2, ensure_ascii=False) + "\n" for name, about in made.items()}


def _keys(tree: Any, path: str = "") -> Any:
    """The keys that there are; below those that take any, or one value, whether the chart needs one there."""
    if isinstance(tree, dict) and not _open(tree):
        return {key: _keys(value, f"{path}.{key}".lstrip(".")) for key, value in tree.items()}
    return path == "config" or (isinstance(tree, (int, str)) and tree != "" and path not in NONE)


def _open(tree: dict[str, Any]) -> bool:
    """Whether a table's keys are the admin's: names of settings, labels, variables, Kubernetes' own."""
    return not tree or any(not re.fullmatch(r"[a-z][a-zA-Z]*", key) for key in tree) or {"requests"} <= tree.keys()


def _described(value: Any, comments: dict[str, str], path: str) -> dict[str, Any]:
    about: dict[str, Any] = {"description": comments[path]} if path in comments else {}
    if path == "config":
        return about | {"type": "object", "properties": {one.name: _setting(one) for one in _config()}}
    if path in WORDS:
        return about | {"enum": WORDS[path], "default": value}
    if isinstance(value, dict):
        about["type"] = ["object", "null"] if path else "object"
        if not _open(value):
            inside = {key: _described(item, comments, f"{path}.{key}".lstrip(".")) for key, item in value.items()}
            about["properties"] = inside
        return about
    if isinstance(value, list):
        return about | {"type": ["array", "null"]} | ({"items": {"type": "object"}} if path in TABLES else {})
    if value is None:
        return about
    return about | {"type": _types(value), "default": value}


def _types(value: bool | int | str) -> list[str]:
    if isinstance(value, bool):
        return ["boolean"]
    return ["integer"] if isinstance(value, int) else ["string", "null"]


def _config() -> Iterator[Setting]:
    return (one for one in SETTINGS if one.name not in ELSEWHERE and one.form is not forms.FILE)


def _setting(setting: Setting) -> dict[str, Any]:
    """One setting; how its text is written is told by the service itself, in a sentence."""
    form = setting.form
    about = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", setting.about).replace("`", "")
    found: dict[str, Any] = {"description": f"{about[:1].upper()}{about[1:]}. {form.what}: {form.example}."}
    if setting.default:
        found["default"] = setting.default
    if form in _LISTS:
        return found | {"type": ["string", "array"], "items": {"type": "string"}}
    if form is forms.TEXT:  # 3.10 without quotes would be 3.1
        return found | {"type": "string"}
    return found | {"type": ["string", "number", "null"]}


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """The comment right above each key, by the key's path."""
    lines: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if found := re.match(r"( *)# ?(.*)", line):
            lines.append(found[2])
            continue
        if found := re.match(r"( *)([A-Za-z]\w*):", line):
            path = [*((indent, key) for indent, key in path if indent < len(found[1])), (len(found[1]), found[2])]
            if lines:
                yield ".".join(key for _, key in path), " ".join(lines)
        lines = []
