"""A repository that goes on and a home into which it is delivered again and again: what tests of delivery share."""

import datetime
import os
import subprocess
from pathlib import Path

from hubkiln.content.deliver import Report
from hubkiln.content.deliver import deliver as bring

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
LINES = "1\n2\n3\n4\n5\n6\n7\n"
_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
_PERSON = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run git there without anybody's settings."""
    command = ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENV | _PERSON
    done = subprocess.run(command, cwd=folder, env=env, check=check, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


class Course:
    """`upstream` is the repository, `folder` the user's."""

    def __init__(self, root: Path, *, whole: bool = False) -> None:
        self.root, self.upstream, self.home = root, root / "upstream", root / "home"
        self.folder = self.home / "nb"
        self.whole = whole
        self._images = 0
        for folder in (self.upstream, self.home):
            folder.mkdir(parents=True)
        git(self.upstream, "init", "-q")

    def has(self, **files: str) -> "Course":
        """The repository's files, ``__`` in a name being a slash; None removes one."""
        return self.put({name.replace("__", "/"): text for name, text in files.items()})

    def put(self, files: dict[str, "str | bytes | None"]) -> "Course":
        """Write `files` in the repository, or remove those that are None, and commit."""
        for name, content in files.items():
            path = self.upstream / name
            if content is None:
                git(self.upstream, "rm", "-q", "-r", "-f", "--", f":(literal){name}")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        git(self.upstream, "add", "-A")
        git(self.upstream, "commit", "-q", "--allow-empty", "-m", "v")
        return self

    def image(self, ref: str = "") -> Path:
        """What lies at ``/srv/repo``: a clone of one commit, or the `whole` one, with an address as its origin."""
        self._images += 1
        source = self.root / f"image{self._images}"
        depth = [] if self.whole or ref else ["--depth", "1", "--shallow-submodules"]
        git(self.root, "clone", "-q", "--recurse-submodules", *depth, f"file://{self.upstream}", str(source))
        if ref:
            git(source, "checkout", "-q", ref)
        git(source, "remote", "set-url", "origin", "https://example.org/nb.git")
        return source

    def start(self, ref: str = "", image: Path | None = None) -> Report:
        """A server starts, from what the repository is at now, from `ref`, or from an older `image`."""
        return bring(image or self.image(ref), self.home, "nb", now=lambda: NOW)

    def edit(self, name: str, text: "str | bytes") -> Path:
        """The user writes a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name: str) -> str:
        """The user's file."""
        return (self.folder / name).read_bytes().decode()

    def git(self, *arguments: str, check: bool = True) -> str:
        """The user runs git."""
        return git(self.folder, *arguments, check=check)
