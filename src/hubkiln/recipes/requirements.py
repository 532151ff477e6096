"""Reads ``requirements.txt`` by an allow-list: what is not understood is refused, with its file and line.

pip's files can name other indexes, read any file of the machine and run code; whoever builds for others must not.
The admin's index is the only one.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from hubkiln.errors import RecipeError
from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import Files
from hubkiln.recipes.index import is_pypi, is_pypis_host
from hubkiln.recipes.requirement_lines import (
    Line,
    address_error,
    by_https,
    logical_lines,
    marker_of,
    printable,
    unquoted,
    what_is_wrong,
)

_MOST_FILES = 50
_MOST_LINES = 10_000
"""Lines of all files together: a hundred times the largest sensible environment, and still read in a second."""
_LONGEST = 10_000
"""Characters of one line: a package with some hundred hashes."""
_OPTION = re.compile(r"(?P<name>--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|$)(?P<value>.*)", re.DOTALL)
_SHORT = re.compile(r"(?P<name>-[rcief])(?P<value>[^\s=].*)", re.DOTALL)
_TRAILING = re.compile(r"\s(?=--[a-z])")
_NEXT = re.compile(r"\s(?=--?[A-Za-z])")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".tar.xz", ".tar")
_INNER = "#subdirectory="
"""Before the folder of a package that is not at the root of its archive."""
_SERVED = re.compile(r"/(?:tarball|zipball)/[^/]")
"""Where hosts of repositories serve archives whose address does not end like one."""
_IGNORED = {
    "--prefer-binary": "",
    "--only-binary": "",
    "--no-cache-dir": "",
    "--require-hashes": "",
    "--no-require-hashes": "",
}
_WARNED = {"--pre", "--no-binary", "--use-pep517", "--use-feature", "--all-releases", "--only-final"}
_INDEXES = {"-i", "--index", "--index-url", "--pypi-url", "--extra-index-url"}
_ELSEWHERE = {*_INDEXES, "-f", "--find-links", "--trusted-host", "--no-index"}


def read_requirements(files: Files, path: str, draft: RecipeDraft) -> None:
    """
    Add what the file at `path`, and those it includes, ask for.

    Raises:
        RecipeError: with the file and line.
    """
    _Reader(files, draft).read(path, constraint=False, above=())


def read_lines(files: Files, lines: list[Line], draft: RecipeDraft) -> None:
    """
    Add what single lines ask for, such as those of a ``pip:`` section.

    Raises:
        RecipeError.
    """
    reader = _Reader(files, draft)
    for line in lines:
        reader.take(line, above=(line.path,))


class _Reader:
    def __init__(self, files: Files, draft: RecipeDraft) -> None:
        self._files = files
        self._draft = draft
        self._seen: set[tuple[str, bool]] = set()
        self._lines = 0

    def read(self, path: str, *, constraint: bool, above: tuple[str, ...], base: str = "") -> None:
        if (path, constraint) in self._seen:
            return
        self._seen.add((path, constraint))
        for number, text in logical_lines(self._files.text(path)):
            self.take(Line(text, path, number, constraint, base), above=(*above, path))

    def take(self, line: Line, *, above: tuple[str, ...]) -> None:
        self._lines += 1
        if self._lines > _MOST_LINES or len(line.text) > _LONGEST:
            what = "the line is too long" if len(line.text) > _LONGEST else f"more than {_MOST_LINES:,} lines"
            raise line.error(f"{what}.", "List what is needed, one package on each line.")
        if not line.text.startswith("-"):
            self._take_package(line, line.text)
            return
        first, *others = _NEXT.split(line.text)
        if others and first[:2] != "-e" and not first.startswith("--editable"):
            for text in (first, *others):
                self.take(replace(line, text=text.strip()), above=above)
            return
        match = _SHORT.fullmatch(line.text) or _OPTION.fullmatch(line.text)
        name, value = (match["name"], match["value"].strip()) if match else (line.text.split()[0], "")
        if name in ("-r", "--requirement", "-c", "--constraint"):
            self._include(line, value, constraint="c" in name, above=above)
        elif name in ("-e", "--editable"):
            self._take_editable(line, value)
        elif name in _ELSEWHERE:
            self._take_index(line, name, value)
        elif name in _WARNED:
            self._draft.warn(f"`{line.path}`: `{name}` is ignored.")
        elif name not in _IGNORED:
            hint = "Write packages alone, without a dash before them." if name == "-" else "Remove the line."
            raise line.error(f"the option `{printable(name)}` is not known here.", hint)

    def _include(self, line: Line, value: str, *, constraint: bool, above: tuple[str, ...]) -> None:
        value = unquoted(value)
        within = str(PurePosixPath(line.path).parent)
        if value.startswith("file:") and "://" not in value:
            value, within = value.removeprefix("file:"), line.base  # an address counts from where pip runs
        if not value or "://" in value:
            raise line.error("only a file of the repository can be included.", "Put its content into the repository.")
        try:
            path = self._files.inside(value, within=within)
        except RecipeError as error:
            raise line.error(
                "the file it includes is outside the repository.", "Only the repository's own files can be included."
            ) from error
        if not self._files.is_file(path):
            raise line.error(f"there is no file `{printable(value)}`.", self._instead(value, within))
        if path in above:
            raise line.error(f"`{path}` includes itself.", "Remove one of the `-r` or `-c` lines.")
        if len(self._seen) >= _MOST_FILES:
            raise line.error(f"more than {_MOST_FILES} files are included.", "Join some of them.")
        self.read(path, constraint=constraint, above=above, base=line.base)

    def _instead(self, path: str, within: str) -> str:
        """A hint for a `path` that is not there: where it would be from the root, or with the other slash."""
        if "\\" in path:
            return f"Write `{printable(path).replace(chr(92), '/')}`."
        if within not in ("", ".") and self._files.exists(path):
            up = "../" * len(PurePosixPath(within).parts)
            return f"It counts from the folder `{printable(within)}`: write `{up}{printable(path)}`."
        return "Correct the name, or add it."

    def _take_index(self, line: Line, name: str, value: str) -> None:
        value = unquoted(value)
        if (name in _INDEXES and is_pypi(value)) or (name == "--trusted-host" and is_pypis_host(value)):
            return
        raise line.error(
            f"`{name}` is not allowed: packages come from the index that the admin has set.",
            "Remove the line; packages that only another index has cannot be installed here.",
        )

    def _take_editable(self, line: Line, value: str) -> None:
        value = unquoted(value)
        if not value:
            raise line.error("`-e` needs a folder or address.", "Write `-e .`, or remove the line.")
        if re.match(r"(git|hg|svn|bzr)\+", value):
            self._take_vcs(line, value)
        elif "://" in value:
            raise line.error("`-e` needs a folder of the repository.", "Write `-e .` or `-e ./folder`.")
        else:
            self._take_path(line, value, editable=True)

    def _take_package(self, line: Line, text: str) -> None:
        head, *options = _TRAILING.split(text)
        head = head.strip()
        if "://" in head:
            head = re.sub(r"(\S);\s+", r"\1 ; ", head, count=1)  # an address ends before `; ` as pip reads it
        if re.match(r"(git|hg|svn|bzr)\+", head):
            self._take_vcs(line, head)
        elif re.match(r"\w+://", head):
            if options:
                raise line.error("an address has no options.", "Write a hash as `#sha256=…` at the address's end.")
            self._take_archive(line, head)
        elif _is_path(head) or head.startswith("file:"):
            self._take_path(line, head, editable=False)
        else:
            self._take_named(line, head, options)

    def _take_named(self, line: Line, head: str, options: list[str]) -> None:
        try:
            requirement = Requirement(head.removesuffix(";"))  # pip takes a marker that is empty
            if any(not specifier.version for specifier in requirement.specifier):
                raise ValueError("a comparison with nothing")  # packaging lets `name ===` pass
        except (InvalidRequirement, RecursionError, ValueError) as error:
            raise line.error(f"`{line.shown}` is not a requirement.", what_is_wrong(head)) from error
        for option in options:
            self._take_option(line, requirement.name, option)
        if requirement.url is None:
            (self._draft.constrain if line.constraint else self._draft.require)(requirement)
        elif line.constraint:
            raise line.error("a constraint cannot have an address.", "Constrain the version instead.")
        else:
            marker = f" ; {requirement.marker}" if requirement.marker else ""
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            if requirement.url.startswith("file:") and "://" not in requirement.url:
                self._take_path(line, f"{requirement.url}{extras}{marker}", editable=False)
                return
            is_vcs = requirement.url.startswith(("git+", "hg+", "svn+", "bzr+"))
            take = self._take_vcs if is_vcs else self._take_archive
            take(line, requirement.url, name=requirement.name + extras, marker=marker)

    def _take_option(self, line: Line, name: str, option: str) -> None:
        key, _, value = re.sub(r"^(--[\w-]+)\s+", r"\1=", option.strip()).partition("=")
        if key in _WARNED:
            self._draft.warn(f"`{line.path}`: `{key}` is ignored.")
            return
        if key.strip() != "--hash":
            raise line.error(f"the option `{printable(key.split()[0])}` is not known here.", "Remove it.")
        algorithm, _, digest = value.strip().partition(":")
        if algorithm in ("sha384", "sha512") and "sha256:" in line.text:
            return
        if algorithm != "sha256" or not re.fullmatch(r"[0-9A-Fa-f]{64}", digest):
            raise line.error("only `--hash=sha256:…` can be checked.", "Make the hashes again with sha256.")
        self._draft.allow(name, digest)

    def _take_vcs(self, line: Line, address: str, *, name: str = "", marker: str = "") -> None:
        asked, _, rest = address.partition(" ")
        address = by_https(asked)
        if address != asked:
            self._draft.warn(f"{line.place}: `{printable(address)}` is fetched instead, which needs no key.")
        if not address.startswith(("git+https://", "git+http://")):
            raise line.error("only `git+https://` addresses can be fetched.", "Use the repository's https address.")
        self._check_address(line, address, rest, "`name @ git+https://…`")
        self._fetch(address, rest, name, marker)

    def _take_archive(self, line: Line, address: str, *, name: str = "", marker: str = "") -> None:
        """A wheel or source archive at an address."""
        address, _, rest = address.partition(" ")
        if not address.startswith(("https://", "http://")):
            raise address_error(line)
        self._check_address(line, address, rest, "`name @ https://…`")
        path = urlsplit(address).path
        if not path.lower().endswith(_ARCHIVES) and not _SERVED.search(path):
            raise address_error(line)
        self._fetch(address, rest, name, marker)

    def _fetch(self, address: str, rest: str, name: str, marker: str) -> None:
        asked = f"{name} @ {address}" if name else address
        self._draft.fetch(asked + (marker or (f" {rest.strip()}" if rest else "")))

    def _check_address(self, line: Line, address: str, rest: str, example: str) -> None:
        """Raise unless `address` can be asked and is followed by nothing but a marker."""
        if rest and not rest.strip().startswith(";"):
            raise line.error(f"`{line.shown}` is not a requirement.", f"Write it as {example}.")
        try:
            parts = urlsplit(address)
            has_credentials, host, _ = "@" in parts.netloc, parts.hostname, parts.port
        except ValueError as error:
            raise line.error("its address is malformed.", f"Write it as {example}.") from error
        if has_credentials and re.search(r"\$\{[A-Z0-9_]+\}", parts.netloc):
            raise line.error("the address takes a login from a variable, and there is none here.", "Leave it out.")
        if has_credentials:
            raise line.error("the address holds a user name or password.", "Leave it out, and change that password.")
        if not host or re.search(r"[\x00-\x20\x7f'\"`$\\;]", address):
            raise line.error("its address holds odd characters.", f"Write it as {example}.")
        if line.constraint:
            raise line.error("a constraint cannot have an address.", "Constrain the version instead.")

    def _take_path(self, line: Line, value: str, *, editable: bool) -> None:
        """A folder or archive of the tree; paths count from where pip runs."""
        value, _, marker = value.partition(";")
        path, extras = re.fullmatch(r"([^\[]*)(\[[\w,. -]*\])?.*", value, re.DOTALL).groups()  # type: ignore[union-attr]
        path, _, inner = path.strip().partition(_INNER)
        marker = marker_of(line, marker)
        if re.match(r"[A-Za-z]:[\\/]", path):
            raise address_error(line)
        try:
            inside = self._files.inside(path.removeprefix("file:"), within=line.base)
            if inner and self._files.is_folder(inside):
                inside, inner = self._files.inside(inner, within=inside), ""
        except RecipeError as error:
            raise line.error(
                f"`{printable(path)}` is outside the repository.", "Only the repository's own files can be installed."
            ) from error
        if not self._files.exists(inside):
            raise line.error(f"`{printable(path)}` does not exist.", self._instead(path, line.base))
        if line.constraint:
            raise line.error("a constraint cannot be a folder.", "Constrain the version instead.")
        place = "." if inside == "." else f"file:./{inside}{_INNER}{inner}" if inner else f"./{inside}"
        argument = shlex.quote(place) + (shlex.quote(extras) if extras else "")
        if editable:
            self._draft.warn(f"`-e {printable(path)}` is installed as a copy: later changes to its files do not count.")
        self._draft.install(("-e " if editable else "") + argument + marker)


def _is_path(text: str) -> bool:
    first = text.split(";")[0].split("[")[0].strip()
    if re.match(r"[\w.-]+\s*@\s*\w+:", first):
        return False
    return first.startswith((".", "/", "~")) or ("/" in first and "@" not in first) or first.lower().endswith(_ARCHIVES)
