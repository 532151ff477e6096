"""Root file systems and homes made by somebody who wants out: a few of this machine's programs and what they plant."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tiny_root

from hubkiln.errors import HubkilnError
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.identity import Identity, current
from hubkiln.sandbox.interface import Mount, Overlay, Room, SandboxSettings
from hubkiln.sandbox.overlays import remove
from hubkiln.sandbox.unpack import unpack

WHO = "#!/bin/sh\nid -u\ncat /proc/self/uid_map\ntouch /home/jovyan/made /srv/made\n"
"""A program of the attacker's: tells who it is."""


@dataclass(frozen=True)
class Attacker:
    """Somebody with an image and a home of their own, and an engine that is asked to run them."""

    folder: Path
    identity: Identity

    @property
    def home(self) -> Path:
        """Their home on the host."""
        return self.folder / "home"

    def layer(self, links: Mapping[str, str], files: Mapping[str, bytes]) -> Path:
        """The image's own layer, unpacked: `links` and executable `files` over a shell."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, target in links.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, target
                archive.addfile(info)
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(content), 0o755
                archive.addfile(info, io.BytesIO(content))
        below, above = self.folder / "below", self.folder / "above"
        unpack(io.BytesIO(tiny_root.layer()), below, self.identity)
        out.seek(0)
        unpack(out, above, self.identity, lowers=(below,))
        return above

    def room(self, layer: Path, *, home: str = "/home/jovyan", overlays: Sequence[Overlay] = ()) -> Room:
        """A room over the image, with the home at `home`."""
        return Room(
            rootfs=Overlay(target="/", lowers=(self.folder / "below", layer), upper=self.folder / "upper"),
            overlays=tuple(overlays),
            mounts=(Mount(source=self.home, target=home, writable=True),),
            home=home,
            cwd="/",
        )

    async def run(self, room: Room, argv: Sequence[str]) -> str:
        """What `argv` says in `room`; the refusal if that is refused."""
        try:
            outcome = await SandboxEngine(SandboxSettings(state=self.folder / "state")).run(room, argv)
        except HubkilnError as error:
            return f"refused: {error.message}"
        return outcome.output


def attacker(folder: Path) -> Attacker:
    """A new one, with an empty home."""
    made = Attacker(folder, current())
    made.home.mkdir()
    if made.identity.privileged:
        shutil.chown(made.home, made.identity.uid, made.identity.gid)
    return made


def forget(folder: Path) -> None:
    """Remove what they left."""
    remove(folder)
