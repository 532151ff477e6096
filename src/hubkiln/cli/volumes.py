"""``--volume``: folders and files of this machine that a command sees, as containers take them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

from hubkiln.cli.building import to_stderr
from hubkiln.errors import BadSpec
from hubkiln.sandbox import Identity, Mount

_CLOSED = ("/boot", "/dev", "/etc", "/proc", "/sys")
"""Nothing in them is anybody's work."""
_WHOLE = ("/", "/bin", "/home", "/lib", "/lib64", "/opt", "/root", "/run", "/sbin", "/srv", "/tmp", "/usr", "/var")
"""Never given away as a whole; folders in them are."""
_WAYS = {"ro": False, "rw": True, "z": True, "Z": True}
_FORM = "Write it as --volume FOLDER:/data, or --volume FOLDER:/data:ro."


def volumes(given: Sequence[str], own: Path) -> tuple[Mount, ...]:
    """
    What ``--volume`` shows, last; places that are not absolute count from where commands start. `own` is our data
    folder, which nobody sees inside.

    Raises:
        BadSpec: one is none, is not there, or is nobody's to give.
    """
    return tuple(_volume(text, own.resolve()) for text in given)


def tell_of_unwritable(shown: Sequence[Mount], identity: Identity) -> None:
    """Where we are root, commands are somebody else: say which volumes are not theirs to change."""
    for volume in shown if identity.privileged else ():
        found = volume.source.stat()
        if volume.writable and found.st_uid != identity.uid and not found.st_mode & 0o002:
            to_stderr(
                f"{volume.source} is not the sandbox's user's to change: chown it to {identity.uid} if it is to be.\n"
            )


def _volume(text: str, own: Path) -> Mount:
    rest, _, last = text.rpartition(":")
    writable = _WAYS.get(last)
    if writable is None:
        rest, writable = text, True
    source, colon, target = rest.rpartition(":")
    if not (source and colon and target) or "\0" in text or not target.strip("/."):
        raise BadSpec(f"{text[:80]!r} names no volume.", hint=_FORM)
    if ".." in target.split("/"):
        raise BadSpec(f"{target!r} is no place for a volume.", hint=_FORM)
    return Mount(source=_source(source, own), target=posixpath.normpath(target), writable=writable)


def _source(text: str, own: Path) -> Path:
    try:
        found = Path(text).expanduser().resolve(strict=True)
        readable = os.access(found, os.R_OK)
    except (OSError, RuntimeError, ValueError):
        raise BadSpec(f"There is no folder {text}.", hint="Make it, or correct its name.") from None
    if not (found.is_dir() or found.is_file()):
        raise BadSpec(f"{text} is neither a folder nor a file.", hint="Only those can be shown in a sandbox.")
    if str(found) in _WHOLE or any(found.is_relative_to(place) for place in _CLOSED):
        raise BadSpec(f"{found} belongs to this machine's system.", hint="Show a folder of your own.")
    if own.is_relative_to(found) or found.is_relative_to(own):
        raise BadSpec(
            f"{text} holds, or is part of, Hubkiln's data folder {own}, which no sandbox sees.",
            hint="Show another folder, or one within it.",
        )
    if not readable:
        raise BadSpec(f"{text} is not yours to read.", hint="Show a folder of your own.")
    return found
