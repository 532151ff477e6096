"""A root made of the host's ``/usr`` and a minimal ``/etc``, as bubblewrap options.

Only what programs need to run is named here; everything else of the host (homes, ``/var``, ``/root``, ``/srv``, other
files of ``/etc``) is simply not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders that are links into ``/usr`` on today's systems and folders of their own on older ones."""

ETC = (
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "ImageMagick-6",
    "inputrc",
    "java-17-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "magic.mime",
    "mime.types",
    "nsswitch.conf",
    "OpenCL",
    "os-release",
    "pki/ca-trust",
    "pki/tls",
    "protocols",
    "R",
    "services",
    "ssl",
    "terminfo",
    "texmf",
    "timezone",
    "vulkan",
    "xdg",
)
"""What is taken from the host's ``/etc``, where it exists."""

ELSEWHERE = ("/var/cache/fontconfig", "/var/lib/texmf", "/sys/devices/system/cpu")
"""Caches that belong to ``/usr``, and how many processors there are."""


def options(hidden: tuple[Path, ...], covers: Mapping[str, Path], host: Path = Path("/")) -> list[str]:
    """
    bubblewrap options for the root; `hidden` folders below ``/usr`` are covered by empty ones.

    `covers` lie over folders of programs, see :mod:`hubkiln.sandbox.host_programs`; `host` is where the host's own root
    is seen.
    """
    words = ["--ro-bind", "/usr", "/usr"]
    for name in LINKS:
        words += _link(host / name, name)
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path in ELSEWHERE:
        words += ["--ro-bind-try", path, path]
    for name, cover in covers.items():
        words += ["--overlay-src", name, "--overlay-src", str(cover), "--ro-overlay", name]
    for folder in hidden:
        if folder.is_relative_to("/usr"):
            words += ["--perms", "0000", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    return words


def _link(path: Path, name: str) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), f"/{name}"]
    return ["--ro-bind", f"/{name}", f"/{name}"] if path.is_dir() else []


def passwd(name: str, home: str, uid: int, gid: int) -> bytes:
    """``/etc/passwd`` with root, the user and nobody."""
    return (
        "root:x:0:0:root:/root:/bin/sh\n"
        f"{name}:x:{uid}:{gid}::{home}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ).encode()


def group(name: str, gid: int) -> bytes:
    """``/etc/group`` to go with :func:`passwd`."""
    return f"root:x:0:\n{name}:x:{gid}:\nnogroup:x:65534:\n".encode()


def hosts(hostname: str, existing: str) -> bytes:
    """``/etc/hosts``: the host's own lines, and the sandbox's name for itself."""
    return f"{existing.rstrip()}\n127.0.0.1 localhost {hostname}\n".lstrip().encode()
