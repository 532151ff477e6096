"""What an image's configuration says of how it is started, as a local image understands it. Pure but for looks inside.

Whoever made the image wrote the configuration, so nothing in it is trusted: it may only harm the image itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from hubkiln.conventions import HOME, PULLED_LABEL
from hubkiln.errors import ServiceError, Unsupported
from hubkiln.images import ImageName, own_platform
from hubkiln.local_images.interface import LocalImage
from hubkiln.sandbox import Places

_NO_HOMES = ("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var/run")
_NO_HOME_ITSELF = ("/", "/home", "/mnt", "/opt", "/srv", "/tmp", "/var", "/nonexistent")


def check_platform(name: ImageName, config: Mapping[str, Any], wanted: str | None = None) -> None:
    """
    Raises:
        Unsupported: the image is for another system or processor.
    """
    wanted = wanted or own_platform()
    found = f"{config.get('os', 'linux')}/{config.get('architecture', wanted.partition('/')[2])}"
    if found != wanted:
        raise Unsupported(
            f"The image {name} is for {found}, and this machine is {wanted}.",
            hint="Choose an image that is made for this kind of machine.",
        )


def image_of_config(name: ImageName, config: Mapping[str, Any], rootfs: tuple[str, ...], places: Places) -> LocalImage:
    """The local image of `config`; `places` shows its root file system, and `name` has its digest."""
    told = config.get("config")
    started = told if isinstance(told, dict) else {}
    env = _pairs(started.get("Env"))
    env["HOME"] = home_in(env.get("HOME", ""), str(started.get("User") or ""), places)
    if places.find("/bin/bash") is not None:
        env.setdefault("SHELL", "/bin/bash")
    labels = started.get("Labels")
    named = {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
    return LocalImage(
        name=name.path.rpartition("/")[2],
        rootfs=rootfs,
        env=tuple(env.items()),
        entrypoint=_words(started.get("Entrypoint")),
        command=_words(started.get("Cmd")),
        workdir=_workdir(started.get("WorkingDir"), places),
        user=str(started.get("User") or ""),
        labels=tuple(sorted((named | {PULLED_LABEL: str(name)}).items())),
    )


def home_in(named: str, user: str, places: Places) -> str:
    """
    Where the user's home is seen: what the image says, unless that is root's or would hide the system.

    An image says it by ``HOME``, or by the home of its user in its ``/etc/passwd``.
    """
    for home in (named, _passwd_home(user.partition(":")[0], places)):
        if not home.startswith("/") or not home.isprintable() or ":" in home:
            continue
        clean = posixpath.normpath(f"/{home.lstrip('/')}")
        try:
            leads_to = places.resolve(clean)
        except ServiceError:  # links without end
            continue
        if all(path not in _NO_HOME_ITSELF and not _below(path, _NO_HOMES) for path in (clean, leads_to)):
            return clean
    return HOME


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _passwd_home(user: str, places: Places) -> str:
    found = places.find("/etc/passwd")
    if not user or found is None or not found.is_file():
        return ""
    with found.open("rb") as file:
        lines = file.read(1 << 20).decode("utf-8", "replace").splitlines()
    fields = [line.split(":") for line in lines]
    return next((one[5] for one in fields if len(one) >= 7 and user in (one[0], one[2])), "")


def _workdir(value: object, places: Places) -> str:
    """The folder to start in, if the image has it; ``""`` for the home."""
    if not isinstance(value, str) or not value.startswith("/") or value == "/":
        return ""
    found = places.find(value)
    return posixpath.normpath(value) if found is not None and found.is_dir() else ""


def _pairs(lines: object) -> dict[str, str]:
    found = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return {name: value for name, sign, value in (line.partition("=") for line in found) if sign and name}


def _words(value: object) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()
