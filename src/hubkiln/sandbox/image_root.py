"""What a root file system of its own needs to know of our user, read as the room itself would see it."""

from __future__ import annotations

from hubkiln.sandbox.places import Places

_LONGEST = 1024 * 1024


def accounts(places: Places, name: str, home: str, uid: int, gid: int) -> tuple[bytes, bytes]:
    """``(passwd, group)`` of the image, in which `uid` and `gid` are our user's."""
    users = _others(_read(places, "/etc/passwd"), name, uid)
    groups = _others(_read(places, "/etc/group"), name, gid)
    shell = "/bin/bash" if places.find("/bin/bash") else "/bin/sh"
    users.append(f"{name}:x:{uid}:{gid}::{home}:{shell}")
    groups.append(f"{name}:x:{gid}:")
    return ("\n".join(users) + "\n").encode(), ("\n".join(groups) + "\n").encode()


def _others(text: str, name: str, number: int) -> list[str]:
    fields = [(line, line.split(":")) for line in text.splitlines()]
    return [line for line, parts in fields if len(parts) >= 4 and parts[0] != name and parts[2] != str(number)]


def _read(places: Places, path: str) -> str:
    found = places.find(path)
    if found is None or not found.is_file():
        return ""
    with found.open("rb") as file:
        return file.read(_LONGEST).decode("utf-8", "replace")
