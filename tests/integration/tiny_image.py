"""A base image of a few megabytes made from this machine's own shell, in a storage of its own: no network needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

from kept import end_pause, remove_behind

from hubkiln.composer.repo2docker.engines import EngineCommand

NAME = "localhost/tiny:1"
PROGRAMS = ("/bin/sh", "/bin/cat", "/bin/sleep", "/bin/ls", "/usr/bin/id", "/bin/touch", "/usr/bin/env", "/bin/mkdir")
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")


def engine(folder: Path, command: str = "podman") -> EngineCommand:
    """`command` with its storage below `folder`, building without namespaces (they may be refused where tests run)."""
    return EngineCommand(
        command=command,
        global_arguments=("--root", str(folder / "storage"), "--runroot", str(folder / "run"), *driver()),
        build_arguments=("--isolation", "chroot", *LIMITS),
    )


@cache
def driver() -> tuple[str, ...]:
    """
    Which way of storing layers is asked for; none where podman's own choice does.

    An ordinary user's podman without fuse-overlayfs copies every layer whole, gigabytes of them, though the kernel
    would lay them over each other.
    """
    if os.geteuid() == 0:
        return ()
    wanted = ("--storage-driver", "overlay")
    with tempfile.TemporaryDirectory(prefix="hubkiln-tests-") as folder:
        places = [f"--{name}={folder}/{name}" for name in ("root", "runroot", "tmpdir")]
        tried = subprocess.run(["podman", *places, *wanted, "info"], check=False, capture_output=True)
        end_pause(Path(folder) / "tmpdir")
    return () if tried.returncode else wanted


def buildah(podman: EngineCommand) -> EngineCommand:
    """Buildah over the storage of `podman`, one that `storage` made; it has no folder for locks."""
    return replace(podman, command="buildah", global_arguments=podman.global_arguments[:-2])


@contextmanager
def storage() -> Iterator[EngineCommand]:
    """Podman with a storage of its own, gone at the end (it mounts its storage, which pytest could not remove)."""
    folder = Path(tempfile.mkdtemp(prefix="hubkiln-tests-"))
    usual = engine(folder)
    # its own place for locks too: other runs of podman have theirs
    made = replace(usual, global_arguments=(*usual.global_arguments, "--tmpdir", str(folder / "tmp")))
    try:
        yield made
    finally:
        end_pause(folder / "tmp")
        if os.geteuid() != 0:  # what images hold belongs to uids of our range
            subprocess.run([*made.base, "system", "reset", "--force"], check=False, capture_output=True)
            subprocess.run(["podman", "unshare", "rm", "-rf", folder], check=False, capture_output=True)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        remove_behind(folder)


def import_tiny(engine: EngineCommand) -> str:
    """Put the base image into the engine's storage; returns its name."""
    subprocess.run(
        [*EngineCommand(command="podman", global_arguments=engine.global_arguments).base, "import", "-", NAME],
        input=tiny_root(),
        check=True,
        capture_output=True,
    )
    return NAME


def run_argv(engine: EngineCommand, image: str, *argv: str, home: Path | None = None) -> list[str]:
    """How to run `argv` in `image` with podman, here; over ``/home/jovyan`` lies `home`, as a hub's volume would."""
    podman = EngineCommand(command="podman", global_arguments=engine.global_arguments)
    volume = () if home is None else ("--volume", f"{home}:/home/jovyan")
    return [*podman.base, "--runtime", "runc", "run", "--rm", "--network", "none", *volume, *LIMITS, image, *argv]


@contextmanager
def volume(folder: Path) -> Iterator[Path]:
    """An empty folder that the user of an image may write, as a hub's new volume; ours again at the end."""
    inside = () if os.geteuid() == 0 else ("podman", "unshare")  # where uids of our range have their names of inside
    folder.mkdir()
    sh(*inside, "chown", "1000:1000", folder)
    try:
        yield folder
    finally:
        sh(*inside, "chown", "-R", "0:0", folder)


def sh(*argv: str | Path, cwd: Path | None = None) -> str:
    """What `argv` says on its standard output; it must end well."""
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd)
    assert ended.returncode == 0, f"{argv}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def tiny_root() -> bytes:
    """A root file system in a tar: a shell, a few programs, the libraries they need."""
    files = {Path(shutil.which(program) or program) for program in PROGRAMS}
    wanted = {path for program in files for path in (program, *libraries(program))}
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("tmp", "etc", "home", "home/jovyan", "root", "proc", "sys", "dev"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(member)
        for name, text in (("etc/passwd", "root:x:0:0::/root:/bin/sh\n"), ("etc/group", "root:x:0:\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, BytesIO(text.encode()))
        for path in sorted(wanted):
            member = tarfile.TarInfo(str(path).lstrip("/"))
            data = path.read_bytes()
            member.mode, member.size = 0o755, len(data)
            tar.addfile(member, BytesIO(data))
    return buffer.getvalue()


def libraries(program: Path) -> list[Path]:
    """What the dynamic linker says that `program` needs, its own path included."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(word) for line in told.splitlines() for word in line.split() if word.startswith("/")]
