"""Which system an image is, told by what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.local_images import without_glibc
from hubkiln.sandbox import Places

ALPINE = 'NAME="Alpine Linux"\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n'
VOID = "NAME='Void'\nID=void\n"
MUSL, GLIBC = "lib/ld-musl-x86_64.so.1", "lib/x86_64-linux-gnu/libc.so.6"


def image(folder: Path, files: dict[str, str], links: dict[str, str]) -> Places:
    """An image of one layer."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    places = Places()
    places.put("/", folder)
    return places


@pytest.mark.parametrize(
    ("files", "links", "said"),
    [
        ({"etc/os-release": ALPINE, MUSL: ""}, {}, "Alpine Linux v3.20 has musl"),
        ({"usr/lib/os-release": VOID, "usr/lib/ld-musl-aarch64.so.1": ""}, {"lib": "usr/lib"}, "Void has musl"),
        ({"usr/lib/os-release": ALPINE, MUSL: ""}, {"etc/os-release": "../usr/lib/os-release"}, "v3.20 has musl"),
        ({MUSL: "", "lib64/ld-linux-x86-64.so.2": ""}, {}, "It has musl"),
        ({"etc/os-release": "\N{SNOWMAN}" * 9, MUSL: ""}, {"usr/lib/os-release": "os-release"}, "It has musl"),
        ({"app": ""}, {}, "no C library"),
    ],
)
def test_a_system_without_glibc_is_known_by_its_files(
    tmp_path: Path, files: dict[str, str], links: dict[str, str], said: str
) -> None:
    """Whatever its image is called, also where a loader of glibc's name stands in for it."""
    assert said in without_glibc(image(tmp_path, files, links))


@pytest.mark.parametrize("glibc", [GLIBC, "usr/lib64/libc.so.6", "usr/lib/aarch64-linux-gnu/libc.so.6"])
def test_musl_beside_glibc_is_no_reason(tmp_path: Path, glibc: str) -> None:
    """As Debian's package `musl` leaves it."""
    links = {"lib": "usr/lib"} if glibc.startswith("usr/lib/") else {}
    files = {glibc: ""} | ({} if links else {MUSL: ""})
    assert without_glibc(image(tmp_path, files, links)) == ""
