"""The environment that is there: its name, and what is in it without conda's doing."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

from .refused import Refused

OURS = ("notebook", "kernel", "base", "root")
"""Names of the one environment: repo2docker's, and what scripts call it elsewhere."""

_METADATA = re.compile(r"/site-packages/([^/]+?)-[^/-]+(?:\.dist-info/METADATA$|(?:-[^/]*)?\.egg-info(?:/PKG-INFO)?$)")
_ALIASES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "msgpack-python": "msgpack"}


def check_environment(name: str | None, prefix: str | None, here: Path) -> None:
    """
    Raises:
        Refused: another environment than the one that is there is meant.
    """
    wanted = prefix or name
    places = (here, *(Path("/srv/conda", one) for one in ("", "envs/notebook", "envs/kernel")))
    if wanted and wanted not in OURS and Path(wanted) not in places:
        raise Refused(f"there is no environment `{wanted}`, and none is made: the one that is there is `{OURS[0]}`.")


def name_of(spec: str) -> str:
    """The package's name in a spec."""
    return re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


def wheels(here: Path) -> dict[str, str]:
    """Python packages that are no conda packages: name, and version."""
    owned: set[str] = set()
    for record in (here / "conda-meta").glob("*.json"):
        for path in json.loads(record.read_text()).get("files", ()):
            if match := _METADATA.search(path):
                owned.add(plain(match[1]))
    found = {
        plain(one.name): one.version
        for folder in here.glob("lib/python3.*/site-packages")
        for one in importlib.metadata.distributions(path=[str(folder)])
    }
    return {name: version for name, version in found.items() if name not in owned}


def plain(name: str) -> str:
    """One spelling for what conda and PyPI call a package."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    return _ALIASES.get(name, name)
