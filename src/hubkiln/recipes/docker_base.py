"""What a `Dockerfile` builds on, and whether a hub's server can be put beside that: said before the build, if not."""

from __future__ import annotations

import re

from hubkiln.recipes.pythons import OLDEST_SERVER

_ARG = re.compile(r"ARG\s+(?P<name>\w+)(?:=[\"']?(?P<value>[^\s\"']*)[\"']?)?", re.IGNORECASE)
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_PYTHON = re.compile(r"(?:.*/)?python:(?P<version>[23](?:\.\d+)?)(?:[.-]|$)")
_MUSL = re.compile(r"(?:.*/)?(?:alpine(?:$|:|-)|[\w.-]+:(?:[\w.-]+-)?alpine)")


def base_image(text: str) -> str:
    """The image that the last stage of a Dockerfile builds on; empty where it says none."""
    given: dict[str, str] = {}
    stages: dict[str, str] = {}
    last = ""
    for line in re.sub(r"\\[ \t]*\r?\n", " ", text).splitlines():
        if not last and (found := _ARG.match(line.strip())):
            given[found["name"]] = found["value"] or ""
        elif found := _FROM.match(line.strip()):
            image = _VARIABLE.sub(lambda one: given.get(one[1] or one[3]) or one[2] or "", found["image"])
            last = stages.get(image.lower(), image)
            if found["stage"]:
                stages[found["stage"].lower()] = last
    return last


def warn_of_base(text: str) -> str:
    """A sentence about a base image on whose Python our server cannot run; empty for any other, or with one in it."""
    image = base_image(text)
    shown = re.sub(r"[^\x20-\x7e]", "?", image)[:80]
    python = _PYTHON.fullmatch(image.partition("@")[0]) or _PYTHON.match(image)
    old = python is not None and python["version"] != "3" and _parts(python["version"]) < OLDEST_SERVER
    if re.search(r"jupyterhub|jupyter[/-]|notebook", text) or not (old or _MUSL.match(image)):
        return ""
    oldest = ".".join(map(str, OLDEST_SERVER))
    why = f"its Python is older than {oldest}" if old else "it is Alpine, for which there are few wheels"
    return (
        f"The Dockerfile builds on `{shown}`, beside which no server of a hub can be put ({why}): "
        "`hubkiln run` works; for a hub, install `jupyterhub` in it."
    )


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
