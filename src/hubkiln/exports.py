"""An environment in other tools' words: its lock, a Dockerfile, command lines, a bill of materials. Pure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubkiln import __version__
from hubkiln.conventions import COMMIT_LABEL, SOURCE_LABEL
from hubkiln.errors import Unsupported
from hubkiln.local_images import is_local
from hubkiln.packages import Lock, Wheel

LINES_OF_A_RUN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What there is to export."""

    image: str
    """Its reference; empty for an environment without one."""
    lock: Lock
    labels: Mapping[str, str]


def lock(environment: Exported) -> str:
    """The lock, a ``pylock.toml`` that uv and pip read."""
    return environment.lock.text


def dockerfile(environment: Exported) -> str:
    """A Dockerfile that installs the same packages by their hashes; steps and the repository's files are not in it."""
    locked = environment.lock
    if locked.conda is not None:
        raise Unsupported(
            "An environment with conda packages has no Dockerfile.", hint="Export its lock, or use its image."
        )
    if locked.kernel is not None:
        raise Unsupported(
            "An environment with a kernel beside the server has no Dockerfile.",
            hint="Export its lock, or use its image.",
        )
    lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in locked.wheels if _public(wheel)]
    built = [f"#   {wheel.name}=={wheel.version}" for wheel in locked.wheels if not _public(wheel)]
    notes = ["# Built from source by Hubkiln, so they are in no index; install them yourself:", *built] if built else []
    return "\n".join(
        (
            f"# The packages of {_named(environment)}, as Hubkiln {__version__} locked them.",
            *notes,
            f"FROM python:{locked.python}-slim",
            *_written(lines, "/tmp/requirements.txt"),
            "RUN pip install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.txt",
            'CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]',
            "",
        )
    )


def _written(lines: Sequence[str], path: str) -> Iterator[str]:
    """
    Instructions that write `lines` to a file, without what older builders do not know (Debian 12's no heredoc).

    The shell gets each as one word, and the kernel lets no word be longer than 128 KiB.
    """
    for start in range(0, len(lines), LINES_OF_A_RUN):
        words = [f"  '{line}' \\" for line in lines[start : start + LINES_OF_A_RUN]]
        yield "\n".join(("RUN printf '%s\\n' \\", *words, f"  >> {path}"))


def podman(environment: Exported) -> str:
    """How to start it with Podman."""
    return f"podman run --rm -it -p 127.0.0.1:8888:8888 {_pushed(environment)} jupyter lab --ip=0.0.0.0 --no-browser\n"


def apptainer(environment: Exported) -> str:
    """How to use it where only Apptainer is, as on a cluster."""
    image, name = _pushed(environment), f"{_short(environment)}.sif"
    return f"apptainer pull {name} docker://{image}\napptainer exec {name} jupyter lab --ip=127.0.0.1 --no-browser\n"


def sbom(environment: Exported) -> str:
    """A CycloneDX 1.6 bill of materials; the same environment gives the same one."""
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{_named(environment)} {environment.lock.digest}")
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "hubkiln", "version": __version__}]},
            "component": _subject(environment),
        },
        "components": [
            *map(_component, environment.lock.wheels),
            *_kernel(environment.lock),
            *_conda(environment.lock),
        ],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


FORMATS: dict[str, Callable[[Exported], str]] = {
    "lock": lock,
    "dockerfile": dockerfile,
    "podman": podman,
    "apptainer": apptainer,
    "sbom": sbom,
}


def _public(wheel: Wheel) -> bool:
    return not wheel.url.startswith("file:")


def _named(environment: Exported) -> str:
    source, commit = environment.labels.get(SOURCE_LABEL, ""), environment.labels.get(COMMIT_LABEL, "")
    said = f"{source} at {commit}" if source and commit else source or environment.image or "an environment"
    return " ".join(said.split())  # whoever made the image wrote its labels: of a comment no instruction may come


def _short(environment: Exported) -> str:
    return environment.image.partition("@")[0].rpartition("/")[2].partition(":")[0] or "environment"


def _pushed(environment: Exported) -> str:
    if not environment.image or is_local(environment.image):
        raise Unsupported(
            "The environment is on this machine only.", hint="Push it: hubkiln build SPEC --push REGISTRY/NAME."
        )
    return environment.image


def _subject(environment: Exported) -> dict[str, Any]:
    about = {name: value for name, value in environment.labels.items() if value}
    found: dict[str, Any] = {"type": "container", "name": _short(environment), "bom-ref": "environment"}
    if "@" in environment.image:
        found["version"] = environment.image.partition("@")[2]
    return found | {"properties": [{"name": name, "value": about[name]} for name in sorted(about)]}


def _component(wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
    }
    if _public(wheel):
        found["externalReferences"] = [{"type": "distribution", "url": wheel.url}]
    return found


def _kernel(lock: Lock) -> list[dict[str, Any]]:
    """The packages of the kernel beside the server, which may have the same names in the same versions."""
    if lock.kernel is None:
        return []
    found = [*map(_component, lock.kernel.wheels), *_conda(lock.kernel)]
    return [one | {"bom-ref": f"kernel {one['bom-ref']}"} for one in found]


def _conda(lock: Lock) -> list[dict[str, Any]]:
    found = []
    for package in lock.conda.packages if lock.conda else ():
        purl = f"pkg:conda/{package.name}@{package.version}?build={package.build}&subdir={package.subdir}"
        one: dict[str, Any] = {
            "type": "library",
            "bom-ref": purl,
            "name": package.name,
            "version": package.version,
            "purl": purl,
            "hashes": [{"alg": "SHA-256", "content": package.sha256}],
        }
        found.append(one)
    return found
