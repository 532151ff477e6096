"""The hub's part, as values of zero-to-jupyterhub: no image of its own, a folder that is put into the usual one.

Our chart renders the same by itself, for those who have no Python at hand; a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FOLDER = "/opt/hubkiln"
"""Where the hub's Python finds the plugin."""

PATH = "PYTHONPATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPart:
    """What the hub must know of the service."""

    image: str
    """The service's, which has the plugin."""

    service: str = "binder"
    url: str = "http://hubkiln"
    pull_secrets: tuple[str, ...] = ()
    """Secrets that users' servers pull built images with."""


def hub_values(part: HubPart) -> dict[str, Any]:
    """Values of zero-to-jupyterhub with which its hub joins the service of our chart."""
    code = (
        "from hubkiln.hub import setup\n"
        f"setup(c, service={json.dumps(part.service)}, pull_secrets={json.dumps(part.pull_secrets)})\n"
    )
    fetch = {
        "name": "hubkiln",
        "image": part.image,
        "command": ["cp", "-r", "/opt/hubkiln-plugin/.", "/plugin/"],
        "securityContext": {
            "runAsUser": 1000,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "hubkiln", "mountPath": "/plugin"}],
    }
    return {
        "hub": {
            "initContainers": [fetch],
            "extraVolumes": [{"name": "hubkiln", "emptyDir": {"sizeLimit": "20Mi"}}],
            "extraVolumeMounts": [{"name": "hubkiln", "mountPath": FOLDER, "readOnly": True}],
            "extraEnv": {PATH: FOLDER},
            "services": {part.service: {"url": part.url, "oauth_no_confirm": True, "display": False}},
            "extraConfig": {"zz-hubkiln": code},
        }
    }


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """
    Both, where Helm would take only `theirs` of two lists: what they say wins, and of lists each item stays.

    Items of the same name are one, theirs; so what was merged before can be merged again.
    """
    found = dict(ours)
    for key, value in theirs.items():
        found[key] = _both(key, ours[key], value) if key in ours else value
    return found


def _both(key: str, ours: Any, theirs: Any) -> Any:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return merged(ours, theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        names = [_name(item) for item in theirs]
        return [*(item for item in ours if _name(item) not in names), *theirs]
    if key == PATH and isinstance(theirs, str):
        return ":".join(dict.fromkeys([*str(ours).split(":"), *theirs.split(":")]))
    return ours if theirs is None else theirs


def _name(item: Any) -> Any:
    return item.get("name", item) if isinstance(item, Mapping) else item
