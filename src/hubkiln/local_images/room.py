"""A local image becomes a room: which folders are seen where, and with which environment variables.

Pure. ``hubkiln run``, the verification of a build and the spawner all open the same room; what they add is a home,
a working folder for writes, and limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hubkiln.conventions import GIVEN_HOME, HOME, PATH, SYSTEM_PATH, USER
from hubkiln.data_dir import RoomFolders
from hubkiln.errors import NotFound
from hubkiln.local_images.interface import LocalImage
from hubkiln.sandbox import Mount, Network, Overlay, Places, Room
from hubkiln.values import (
    KERNEL_LINK,
    KERNEL_PREFIX,
    KERNELS_BELOW,
    PREFIX,
    REPO_DIR,
    SERVERS_BELOW,
    Interpreter,
    Limits,
)

_AS_IT_IS = """\
if [ -x "$0" ]; then exec "$0" "$@"; fi
set -f
read -r first < "$0"
case "$first" in "#!"*) exec ${first#??} "$0" "$@" ;; esac
exec /bin/sh "$0" "$@"
"""
BEHIND = ("/bin/sh", "-c", _AS_IT_IS)
"""What goes before a ``start`` script and its command: it need not be executable. Many repositories forget the bit;
repo2docker sets it in its images, which cannot be done to files that are only seen."""


def environment_variables(image: LocalImage) -> dict[str, str]:
    """What every process of `image` finds in its environment, as repo2docker's images have it."""
    prefix = f"/{PREFIX}"
    variables = {
        "HOME": HOME,
        "USER": USER,
        "NB_USER": USER,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "JUPYTER_IMAGE_SPEC": image.name,
    }
    if image.environment:
        variables |= {
            "SHELL": "/bin/bash",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "C.UTF-8",
            "REPO_DIR": f"/{REPO_DIR}",
            "APP_BASE": "/srv",
            "PATH": PATH,
            "CONDA_DIR": "/srv/conda",
            "NB_PYTHON_PREFIX": prefix,
            "KERNEL_PYTHON_PREFIX": prefix,
            "NPM_CONFIG_PREFIX": prefix,
        }
    else:
        variables["PATH"] = SYSTEM_PATH
    if any(PurePosixPath(word).name == "tini" for word in image.entrypoint):  # the first, or behind a script of ours
        variables["TINI_SUBREAPER"] = "1"  # here it is not the first process, of which it would warn at each start
    return variables | dict(image.env) | {"HOME": home_of(image)}


def kind_variables(*, conda: bool) -> dict[str, str]:
    """What tells programs which kind of environment they are in: conda's or a virtual one."""
    if conda:
        return {"CONDA_PREFIX": f"/{PREFIX}", "CONDA_DEFAULT_ENV": "notebook"}
    return {"VIRTUAL_ENV": f"/{PREFIX}"}


def kernel_variables(kernel: Interpreter | None) -> tuple[tuple[str, str], ...]:
    """What leads terminals, commands and the server to the environment of a `kernel` beside the server's."""
    if kernel is None:
        return ()
    before = (f"/{KERNEL_PREFIX}/{SERVERS_BELOW}", f"/{KERNEL_PREFIX}/bin", f"/{PREFIX}/bin")
    condas = kernel.path.is_relative_to(f"/{KERNEL_PREFIX}")
    kind = {"CONDA_PREFIX": f"/{KERNEL_PREFIX}", "CONDA_DEFAULT_ENV": "kernel"}
    return (
        ("JUPYTER_PATH", f"/{KERNEL_PREFIX}/{KERNELS_BELOW}"),
        ("KERNEL_PYTHON_PREFIX", f"/{KERNEL_PREFIX}"),
        ("PATH", PATH.replace(f"/{PREFIX}/bin", ":".join(before))),
        *(kind if condas else {"VIRTUAL_ENV": f"/{KERNEL_PREFIX}"}).items(),
    )


def kernel_links(has_kernel: bool) -> tuple[tuple[str, str], ...]:
    """repo2docker's path of the kernel's environment, for repositories that name it."""
    return ((f"/{KERNEL_LINK}", f"/{KERNEL_PREFIX}"),) if has_kernel else ()


def home_of(image: LocalImage) -> str:
    """Where the user's home is seen: ``/home/jovyan``, unless an image that was not composed here says otherwise."""
    return HOME if image.environment or not image.rootfs else dict(image.env).get("HOME") or HOME


def places_of(folders: RoomFolders, rootfs: Sequence[str]) -> Places:
    """What a root file system of unpacked layers shows where."""
    places = Places()
    places.stack(Overlay(target="/", lowers=tuple(folders.layers / layer for layer in rootfs)))
    return places


def home_lowers(folders: RoomFolders, image: LocalImage, home: str = HOME) -> tuple[Path, ...]:
    """What the image and its steps have at `home`, bottom first; an empty folder if that is nothing."""
    layers = [folder_in(folders.layers / name, home) for name in image.rootfs]
    found = [layer for layer in layers if layer is not None]
    found += [folders.steps / folder for place, folder in image.steps if place == home]
    return tuple(found) or (nothing(folders),)


def nothing(folders: RoomFolders) -> Path:
    """An empty folder that is never written: what an overlay has at its bottom where nothing else is."""
    folder = folders.steps / "empty"
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    return folder


def own_content(folders: RoomFolders, image: LocalImage) -> tuple[Path, ...]:
    """What the image itself has where the repository's files are seen, such as what its build made of them."""
    found = (folder_in(folders.layers / layer, REPO_DIR) for layer in image.rootfs)
    return tuple(folder for folder in found if folder is not None and any(folder.iterdir()))


def folder_in(layer: Path, path: str) -> Path | None:
    """The folder at `path` of an unpacked layer; None where a link is on the way: it would lead into this machine."""
    found = layer
    for part in PurePosixPath(path).parts:
        if part == "/":
            continue
        found = found / part
        if part == ".." or found.is_symlink() or not found.is_dir():
            return None
    return found


def has_home(folders: RoomFolders, image: LocalImage, owner: int) -> bool:
    """Whether the image or its steps bring a home that its user, `owner` on disk, can write to."""
    if any(place == home_of(image) for place, _ in image.steps):
        return True
    if not image.rootfs:
        return False
    found = places_of(folders, image.rootfs).find(home_of(image))
    return found is not None and found.is_dir() and found.stat().st_uid == owner


def room_for(
    folders: RoomFolders,
    image: LocalImage,
    *,
    home: Path | None,
    work: Path,
    env: dict[str, str] | None = None,
    limits: Limits | None = None,
    network: Network = Network.HOST,
    cwd: str | None = None,
    writable_content: bool = False,
    name: str = "sandbox",
) -> Room:
    """
    The room in which `image` runs.

    `home` is the host folder seen at :func:`home_of`, None to see what the image and its steps have there; `work` an
    empty folder for everything else that is written (the caller makes and removes both). With `writable_content` the
    repository's files can be changed inside, which changes nothing outside.

    Raises:
        NotFound: the Python of its environment has left this machine.
    """
    if not has_python(folders, image):
        raise NotFound(
            "The Python of this environment is no longer where it was on this machine.",
            hint="Build its repository again.",
        )
    overlays = _overlays(folders, image, work, writable_content=writable_content)
    mounts = [Mount(source=Path(root), target=root) for root in image.python_roots]
    kind = kind_variables(conda=_has_conda(folders, image)) if image.environment else {}
    inside = home_of(image)
    changed = _changed(folders, image, inside)
    if home is not None:
        mounts.append(Mount(source=home, target=inside, writable=True))
        mounts += [Mount(source=path, target=GIVEN_HOME) for path in changed[-1:]]
    elif changed:
        overlays.append(Overlay(target=inside, lowers=home_lowers(folders, image, inside), upper=work / "home"))
    return Room(
        rootfs=_root(folders, image, work),
        overlays=tuple(overlays),
        mounts=tuple(mounts),
        links=kernel_links(dict(image.env).get("KERNEL_PYTHON_PREFIX") == f"/{KERNEL_PREFIX}"),
        env=kind | environment_variables(image) | (env or {}),
        cwd=cwd or (f"/{REPO_DIR}" if image.content else (image.workdir if image.rootfs else "") or inside),
        home=inside,
        limits=limits or Limits(),
        network=network,
        name=name,
    )


def has_python(folders: RoomFolders, image: LocalImage) -> bool:
    """Whether the Python of this machine that the environment of `image` links to is there, if it links to one."""
    links = [prefix / "bin/python" for prefix in _prefixes(folders, image)] if not image.rootfs else []
    return not any(link.is_symlink() and not link.exists() for link in links)


def _has_conda(folders: RoomFolders, image: LocalImage) -> bool:
    """Whether conda packages are in the environment, be it in the kernel beside the server alone."""
    return any((prefix / "conda-meta").is_dir() for prefix in _prefixes(folders, image))


def _prefixes(folders: RoomFolders, image: LocalImage) -> tuple[Path, Path]:
    """The environment, and where it has that of a kernel beside the server."""
    own = folders.environments / str(image.environment)
    return own, own / KERNEL_PREFIX.removeprefix(f"{PREFIX}/")


def _changed(folders: RoomFolders, image: LocalImage, target: str) -> tuple[Path, ...]:
    """What run steps changed at `target`."""
    return tuple(folders.steps / folder for place, folder in image.steps if place == target)


def _root(folders: RoomFolders, image: LocalImage, work: Path) -> Overlay | None:
    """The layers of an image that brings its own system."""
    if not image.rootfs:
        return None
    layers = tuple(folders.layers / layer for layer in image.rootfs)
    return Overlay(target="/", lowers=(*layers, *_changed(folders, image, "/")), upper=work / "root")


def _overlays(folders: RoomFolders, image: LocalImage, work: Path, *, writable_content: bool) -> list[Overlay]:
    """The environment and the repository's files, where `image` has them."""
    overlays = []
    if image.environment:
        compiled = folders.byte_code(image.environment)
        below = (compiled,) if compiled.is_dir() else ()
        lowers = (*below, folders.environments / image.environment, *_changed(folders, image, f"/{PREFIX}"))
        overlays.append(Overlay(target=f"/{PREFIX}", lowers=lowers, upper=work / "environment"))
    if image.content:
        lowers = (
            folders.content / image.content,
            *own_content(folders, image),
            *_changed(folders, image, f"/{REPO_DIR}"),
        )
        upper = work / "content" if writable_content else None
        overlays.append(Overlay(target=f"/{REPO_DIR}", lowers=lowers, upper=upper))
    return overlays


def started(image: LocalImage, argv: list[str]) -> list[str]:
    """`argv` behind the repository's ``start`` script, where it has one."""
    if image.start is None:
        return [*image.entrypoint, *argv]
    return [*image.entrypoint, *BEHIND, f"/{REPO_DIR}/{image.start}", *argv]
