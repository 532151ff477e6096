"""Names inside a repository: refs and folders, checked before any program sees them, and looked up among all refs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hubkiln.errors import BadSpec

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
DEFAULT_BRANCHES = frozenset({"master", "main"})
"""Written in old links by habit: where the repository has no such branch, its default branch is meant."""

_OURS = ("refs/remotes/origin/", "remotes/origin/", "origin/")
"""What a clone calls its remote's branches by: people copy it from there."""

_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
_LONGEST = 255
"""Characters; what git itself could name no file of."""


def check_ref(ref: str | None) -> str:
    """
    `ref` as it may be given to git; ``HEAD`` when empty.

    Raises:
        BadSpec: git could take it for something else than a branch, tag or commit.
    """
    ref = (ref or "").strip().strip("/") or "HEAD"
    ref = "HEAD" if ref == "@" else ref
    if ref.startswith("-"):
        raise BadSpec("A ref cannot begin with `-`.", hint="Give the name of a branch or tag, or a commit.")
    odd = ".." in ref or "@{" in ref or "//" in ref or ref.endswith((".", ".lock"))
    if len(ref) > _LONGEST:
        raise BadSpec(f"No ref is longer than {_LONGEST} characters.", hint="Give a branch, a tag, or the commit.")
    if odd or not _REF.fullmatch(ref):
        shown = re.sub(r"[^\x21-\x7e]", "?", ref)[:60]
        raise BadSpec(
            f"`{shown}` is not the name of a branch, tag or commit.",
            hint="Spaces, `..`, `~`, `^`, `:` and the like cannot be part of it. In place of `HEAD~1` give the commit.",
        )
    whole = plain_ref(ref).lower()
    return whole if COMMIT.fullmatch(whole) else ref


def plain_ref(ref: str) -> str:
    """`ref` as its own repository calls it: ``origin/main`` of a clone is ``main``."""
    return next((ref.removeprefix(ours) for ours in _OURS if ref.startswith(ours)), ref)


def check_subdir(subdir: str) -> str:
    """
    `subdir` without leading or trailing slashes and ``.`` parts.

    Raises:
        BadSpec: it leads out of the repository.
    """
    if re.search(r"[\x00-\x1f\x7f\\]", subdir) or len(subdir) > 1000:
        raise BadSpec(
            "That folder name holds characters that cannot be part of a path.", hint="Write it as `folder/inner`."
        )
    parts = [part for part in subdir.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadSpec(
            "A folder inside the repository cannot contain `..`.",
            hint="Write it from the repository's root, as `folder/inner`.",
        )
    if parts[:1] == [".git"]:
        raise BadSpec("`.git` cannot be built.", hint="Name a folder of the repository's own files.")
    return "/".join(parts)


def patterns(ref: str) -> tuple[str, ...]:
    """What to ask ``ls-remote`` for, so that hosts with many refs need not list them all."""
    if ref == "HEAD":
        return ("HEAD",)
    return (
        "HEAD",
        ref,
        *(f"{prefix}{ref}" for prefix in ("refs/heads/", "refs/tags/", "refs/")),
        *(f"{prefix}{ref}^{{}}" for prefix in ("refs/tags/", "refs/", "")),
        *(patterns(plain)[1:] if (plain := plain_ref(ref)) != ref else ()),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Where a ref points."""

    commit: str
    branch: str | None
    """The branch's name, when it is one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A remote's refs."""

    commits: dict[str, str]
    """Full ref name to commit; ``<tag>^{}`` is what an annotated tag points at."""

    head: str | None
    """The branch that HEAD stands for."""

    @classmethod
    def read(cls, output: str) -> Listing:
        """From the output of ``git ls-remote --symref``."""
        commits: dict[str, str] = {}
        head = None
        for line in output.splitlines():
            left, tab, name = line.partition("\t")
            if tab and left.startswith("ref: refs/heads/") and name == "HEAD":
                head = left.removeprefix("ref: refs/heads/")
            elif tab and COMMIT.fullmatch(left):
                commits[name] = left
        return cls(commits, head)

    def find(self, ref: str) -> Found | None:
        """
        What `ref` names: a branch before a tag of the same name, as ``git clone --branch`` does.

        ``master`` and ``main`` fall back to HEAD.
        """
        if ref == "HEAD":
            return Found(self.commits["HEAD"], self.head) if "HEAD" in self.commits else None
        for name in _names(ref):
            if (commit := self.commits.get(f"{name}^{{}}") or self.commits.get(name)) is not None:
                return Found(commit, name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None)
        if (plain := plain_ref(ref)) != ref:
            return self.find(plain)
        return self.find("HEAD") if ref in DEFAULT_BRANCHES else None


def _names(ref: str) -> Iterator[str]:
    yield f"refs/heads/{ref}"
    yield f"refs/tags/{ref}"
    if ref.startswith("refs/"):
        yield ref
    yield f"refs/{ref}"
