"""A system's tar becomes a tree that says nothing of when and where it was made."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

import pytest

from hubkiln.composer.bases.debian.skeleton import skeleton
from hubkiln.composer.bases.debian.system import PACKAGES, System, _explained, debootstrap, read, read_system, timeless
from hubkiln.composer.bases.runtime import runtime
from hubkiln.conventions import PATH
from hubkiln.errors import BadSpec, BuildFailed, DiskFull, EngineMissing, HubkilnError, Unreachable
from hubkiln.images.layers import write_layer
from hubkiln.trees import MTIME

STATUS = """\
Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u14

Package: python3
Version: 3.11.2-1+b1

Package: python3.11
Status: install ok installed
Version: 3.11.2-6+deb12u6
"""


def system(tmp_path: Path, **options: int) -> System:
    """A tiny system."""
    tar = tmp_path / "system.tar"
    with tarfile.open(tar, "w") as out:

        def add(name: str, data: bytes | None = None, **fields: object) -> None:
            member = tarfile.TarInfo(name)
            member.mtime = options.get("mtime", 5)
            member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            member.mode = 0o755 if data is None else 0o644
            member.size = len(data or b"")
            for field, value in fields.items():
                setattr(member, field, value)
            out.addfile(member, io.BytesIO(data or b""))

        for folder in (
            "./",
            "./dev",
            "./etc",
            "./usr",
            "./usr/bin",
            "./usr/lib",
            "./var",
            "./var/lib",
            "./var/lib/dpkg",
        ):
            add(folder)
        add("./dev/null", None, type=tarfile.CHRTYPE)
        add("./etc/passwd", b"root:x:0:0::/root:/bin/bash\n")
        add("./etc/machine-id", b"deadbeef\n")
        add("./etc/resolv.conf", b"nameserver 10.1.2.3\n")
        add("./usr/bin/su", b"su", mode=0o4755, uid=0, gid=42)
        add("./usr/bin/perl", b"perl", mode=0o755)
        add("./usr/bin/perl5", b"", type=tarfile.LNKTYPE, linkname="./usr/bin/perl", size=0)
        add("./usr/bin/sh", None, type=tarfile.SYMTYPE, linkname="bash")
        add("./usr/lib/x.pyc", b"mag1" + struct.pack("<II", 0, 1_700_000_000) + b"sizecode")
        add("./var/lib/dpkg/status", STATUS.encode())
    return read_system(tar)


def test_what_says_when_and_where_is_left_out(tmp_path: Path) -> None:
    """Devices, machine id and the host's name server do not enter the image."""
    paths = {entry.path for entry in system(tmp_path).entries}
    assert not paths & {"dev/null", "etc/machine-id", "etc/resolv.conf"}
    assert {"dev", "etc/passwd", "usr/bin/sh"} <= paths


def test_no_file_makes_its_user_somebody_else(tmp_path: Path) -> None:
    """Set-user-id bits are dropped, owners stay."""
    su = next(entry for entry in system(tmp_path).entries if entry.path == "usr/bin/su")
    assert (su.mode, su.uid, su.gid) == (0o755, 0, 42)


def test_hard_links_become_files(tmp_path: Path) -> None:
    """A second name of a file holds the same bytes."""
    perl = next(entry for entry in system(tmp_path).entries if entry.path == "usr/bin/perl5")
    assert perl.source is not None
    assert (perl.size, perl.mode, read(perl.source)) == (4, 0o755, b"perl")


def test_versions_come_from_the_packages(tmp_path: Path) -> None:
    """What the C library and the distribution's Python are."""
    found = system(tmp_path)
    assert (found.glibc, found.python) == ((2, 36), "3.11.2")


def test_compiled_python_fits_the_fixed_time(tmp_path: Path) -> None:
    """All files get one modification time; compiled files must agree with it, or every start compiles anew."""
    pyc = next(entry for entry in system(tmp_path).entries if entry.path.endswith(".pyc"))
    assert isinstance(pyc.source, bytes)
    assert struct.unpack_from("<I", pyc.source, 8)[0] == MTIME
    hashed = b"mag1" + struct.pack("<II", 1, 7) + b"hashcode"
    assert timeless(hashed) == hashed
    assert timeless(b"short") == b"short"


def test_the_same_system_gives_the_same_layer(tmp_path: Path) -> None:
    """Times of unpacking do not matter."""
    digests = []
    for number, mtime in enumerate((5, 6_000_000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        digests.append(write_layer(system(folder, mtime=mtime).entries, folder / "layer").diff_id)
    assert digests[0] == digests[1]


def test_the_skeleton_is_a_layer_with_the_user_and_the_prefix(tmp_path: Path) -> None:
    """jovyan is 1000, owns home, prefix and repository folder; their parents are root's, as in every layer."""
    entries = {entry.path: entry for entry in skeleton(system(tmp_path), "bookworm")}
    write_layer(entries.values(), tmp_path / "layer")
    owners = {path: entries[path].uid for path in ("home/jovyan", "srv/conda/envs/notebook", "srv/repo")}
    assert set(owners.values()) == {1000}
    assert {entries[path].uid for path in ("home", "srv", "srv/conda", "srv/conda/envs")} == {0}
    passwd = entries["etc/passwd"].source
    assert passwd == b"root:x:0:0::/root:/bin/bash\njovyan:x:1000:1000::/home/jovyan:/bin/bash\n"


def test_the_environment_is_found_first() -> None:
    """The user's own scripts, then the environment's, then the system's; repo2docker's variables are there."""
    env = dict(runtime({}).env)
    assert env["PATH"] == PATH
    assert PATH.split(":")[:3] == ["/home/jovyan/.local/bin", "/srv/repo/.local/bin", "/srv/conda/envs/notebook/bin"]
    assert env["NB_PYTHON_PREFIX"] == env["KERNEL_PYTHON_PREFIX"] == "/srv/conda/envs/notebook"


@pytest.mark.parametrize(
    ("suite", "package"), [("book worm", "git"), ("--x", "git"), ("bookworm", "git,x"), ("b", "-o")]
)
async def test_names_that_are_options_are_refused(tmp_path: Path, suite: str, package: str) -> None:
    """Nothing typed becomes an argument of its own."""
    with pytest.raises(BadSpec):
        await debootstrap(tmp_path / "x", suite=suite, packages=[package], say=len)


@pytest.mark.parametrize(
    "mirror", ["nonsense", "deb.debian.org/debian", "htp://deb.debian.org", "https:///debian", "-x"]
)
async def test_what_is_no_address_of_a_mirror_is_the_users_turn(tmp_path: Path, mirror: str) -> None:
    """Not a network that may work in a minute."""
    with pytest.raises(BadSpec, match="is not the address of a Debian mirror"):
        await debootstrap(tmp_path / "x", suite="bookworm", packages=["git"], say=len, mirror=mirror)


@pytest.mark.parametrize(
    ("output", "kind", "text"),
    [
        ("mmdebstrap: No such file or directory", EngineMissing, "apt install"),
        ("E: newuidmap 12 failed", EngineMissing, "subuid"),
        ("cp: No space left on device", DiskFull, "space"),
        ("E: Unable to locate package nosuch", BuildFailed, "'nosuch'"),
        ("E: The repository 'x' does not have a Release file.", BuildFailed, "no Debian suite"),
        ("E: apt-get update failed", Unreachable, "apt-get update failed"),
        ("", Unreachable, "no output"),
    ],
)
def test_failures_are_explained(output: str, kind: type[HubkilnError], text: str) -> None:
    """What to install, change or wait for."""
    error = _explained("bookworm", output)
    assert type(error) is kind
    assert text in str(error)


def test_the_packages_are_sorted_and_each_once() -> None:
    """So that adding one is a one-line change."""
    assert list(PACKAGES) == sorted(set(PACKAGES))
