"""What a build may start from: images of registries alone, not the archives and layouts of this machine.

Podman and Buildah read ``FROM oci:/path`` and ``COPY --from=docker-archive:/path``, also in what a base image does
when it is built upon, as the user that they run as. Their own signature policy is what says no to that.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubkiln.errors import ServiceError
from hubkiln.home import home

DOCKER_HUB = "docker.io"

ANYTHING = [{"type": "insecureAcceptAnything"}]


def policy_files() -> tuple[Path, ...]:
    """Where an admin's policy lies; the first that is there counts, as for the engines."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config")
    return config / "containers/policy.json", Path("/etc/containers/policy.json")


def registries_only(files: Sequence[Path] | None = None) -> dict[str, Any]:
    """
    The admin's policy for registries, and no for everything else.

    Raises:
        ServiceError: the admin's policy cannot be read.
    """
    found = next((path for path in policy_files() if path.is_file()) if files is None else iter(files), None)
    try:
        policy = json.loads(found.read_text()) if found is not None else {}
        usual = policy.get("default") or ANYTHING
        docker = {"": usual} | policy.get("transports", {}).get("docker", {})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ServiceError(f"The policy for images in {found} cannot be read.", hint="An admin can mend it.") from error
    own = {"": ANYTHING}  # what the engine itself holds: pulled by that policy, or built here
    return {"default": [{"type": "reject"}], "transports": {"docker": docker, "containers-storage": own}}


def registries_files() -> tuple[Path, ...]:
    """Where an admin's registries.conf lies, and what is added to it; the first that is there counts, then the rest."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config")
    named = [Path(chosen)] if (chosen := os.environ.get("CONTAINERS_REGISTRIES_CONF")) else []
    places = [config / "containers/registries.conf", Path("/etc/containers/registries.conf")]
    first = next((path for path in (*named, *places) if path.is_file()), None)
    added = sorted(Path("/etc/containers/registries.conf.d").glob("*.conf"))
    return (*([first] if first else []), *added)


def searched(files: Sequence[Path]) -> tuple[str, ...]:
    """The registries in which an admin lets short names be looked for; empty where nobody chose any."""
    for path in files:
        try:
            told = tomllib.loads(path.read_text())
        except (OSError, ValueError):
            continue
        old = told.get("registries", {})
        found = told.get("unqualified-search-registries") or (old.get("search", {}) if isinstance(old, dict) else {})
        names = found.get("registries", []) if isinstance(found, dict) else found
        if names:
            return tuple(str(name) for name in names)
    return ()


def search_registries() -> tuple[str, ...]:
    """What :func:`searched` finds on this machine."""
    return searched(registries_files())


def short_names(kind: str, folder: Path, files: Sequence[Path] | None = None) -> dict[str, str]:
    """
    Variables by which an engine of `kind` takes ``FROM org/name`` for Docker Hub's, as Docker does.

    What an admin says in a registries.conf stays in force, with this in front where it chooses no registries.
    """
    found = registries_files() if files is None else tuple(files)
    if kind == "docker" or searched(found):
        return {}
    first = next((path for path in found if path.name == "registries.conf"), None)
    path = folder / "registries.conf"
    path.write_text(f'unqualified-search-registries = ["{DOCKER_HUB}"]\n' + (first.read_text() if first else ""))
    return {"CONTAINERS_REGISTRIES_CONF": str(path)}


def policy_arguments(kind: str, folder: Path) -> list[str]:
    """Arguments of a build with an engine of `kind`; the policy goes into `folder`. Docker reads no such sources."""
    if kind == "docker":
        return []
    path = folder / "policy.json"
    path.write_text(json.dumps(registries_only()))
    return ["--signature-policy", str(path)]
