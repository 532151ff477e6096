"""What a build may start from: images of registries alone, not the archives and layouts of this machine.

Podman and Buildah read ``FROM oci:/path`` and ``COPY --from=docker-archive:/path``, also in what a base image does
when it is built upon, as the user that they run as. Their own signature policy is what says no to that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubkiln.errors import ServiceError

ANYTHING = [{"type": "insecureAcceptAnything"}]


def policy_files() -> tuple[Path, ...]:
    """Where an admin's policy lies; the first that is there counts, as for the engines."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
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


def policy_arguments(kind: str, folder: Path) -> list[str]:
    """Arguments of a build with an engine of `kind`; the policy goes into `folder`. Docker reads no such sources."""
    if kind == "docker":
        return []
    path = folder / "policy.json"
    path.write_text(json.dumps(registries_only()))
    return ["--signature-policy", str(path)]
