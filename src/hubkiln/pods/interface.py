"""What an admin chooses of step pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubkiln.errors import BadSpec
from hubkiln.setting_values import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """Where steps run, and how their pods are made."""

    wanted: bool = False
    """Whether steps and checks run in pods instead of sandboxes."""

    namespace: str = ""
    """Of the pods; empty for our own."""

    address: str = ""
    """``host:port`` at which pods find :class:`hubkiln.pods.uploads.Uploads` of this service."""

    port: int = 8587
    """Where it listens."""

    image: str = ""
    """The repository for their images, which are removed again; empty for one beside those that are built."""

    root: bool = False
    """Whether a pod may be root, which ``apt.txt`` needs: Pod Security's *restricted* refuses it."""

    template: Mapping[str, Any] = field(default_factory=dict)
    """What the pods' descriptions have besides: ``nodeSelector``, ``tolerations``, ``imagePullSecrets``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodWaits:
    """How long each thing is waited for that may pass by itself, in seconds."""

    away: float = 600
    """The API server: longer than an upgrade of it takes."""
    pull: float = 180
    """A node that cannot pull: longer than a registry takes to restart."""
    room: float = 900
    """A node with room: longer than a cluster takes to add one."""
    quota: float = 600
    """Other steps' ends, where a quota is used up."""
    going: float = 60
    """A pod that was removed and is still there: longer than it is given to end, so its node does not answer."""


_OURS = ("containers", "initContainers", "restartPolicy", "activeDeadlineSeconds", "serviceAccountName")


def settings(variables: Mapping[str, str]) -> PodSettings:
    """
    From ``HUBKILN_PODS_…``; see :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one cannot be read.
    """
    values = Values(variables)
    template = values.get("pods_template")
    found = PodSettings(
        wanted=values.get("steps_in", "sandbox") == "pods",
        root=values.get("pods_root", "no") == "yes",
        template=_template(template) if template else {},
    )
    return values.put_into(
        found, namespace="pods_namespace", address="pods_address", port="pods_port", image="pods_image"
    )


def _template(path: Path) -> dict[str, Any]:
    import yaml  # only where there is a template

    hint = "It holds a part of a pod's spec, in YAML or JSON: nodeSelector, tolerations, imagePullSecrets, resources."
    try:
        found = yaml.safe_load(path.read_text()) or {}
        json.dumps(found)
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise BadSpec(f"HUBKILN_PODS_TEMPLATE: {path} cannot be read: {error}.", hint=hint) from error
    if not isinstance(found, dict) or set(found) & set(_OURS):
        raise BadSpec(f"HUBKILN_PODS_TEMPLATE: {path} may not have {', '.join(_OURS)}.", hint=hint)
    return found
