"""How repositories of one kind are written: in links, on web pages, and one way for all of them.

Each provider's file makes its own :class:`Kind`; :mod:`hubkiln.repositories.table` finds them. A *source* is a place
where repositories of a kind live, under the name that its links begin with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from hubkiln.errors import BadSpec

_PART = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """What a text says: a repository, and perhaps more."""

    repository: str
    ref: str = ""
    subdir: str = ""
    shows: str = ""
    """The file that a page shows, from the repository's root."""


ReadPage = Callable[[SplitResult, str | None], Place | None]
"""What the page at an address shows, its path still percent-encoded; a ref beside it says where the ref ends."""


def no_page(page: SplitResult, ref: str | None) -> Place | None:
    """Of kinds that have no pages of their own."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of repository."""

    title: str
    """For people: ``GitHub``."""

    example: str
    """What follows the name in a link: ``org/repo/HEAD``."""

    canonical: Callable[[str], str]
    """One spelling for each repository; raises BadSpec."""

    read_link: Callable[[str], Place]
    """The rest of a link after its name, still percent-encoded; raises BadSpec."""

    read_page: ReadPage = no_page
    """Pages of a source of this kind; None: that page is none of a repository. Raises BadSpec."""

    one_segment: bool = False
    """Whether links hold the repository percent-encoded, as one segment."""

    refs: bool = True
    """Whether there are branches, tags and commits to choose from."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place where repositories live."""

    name: str
    """What links begin with: ``gh``."""

    kind: str
    address: str = ""
    """Where it is; empty for kinds whose repositories say it themselves."""


def path_parts(text: str, *, fewest: int, most: int, example: str) -> str:
    """
    `text` as a repository's path on its host, ``.git`` taken off.

    Raises:
        BadSpec: not so many parts, or odd ones.
    """
    parts = text.strip("/").removesuffix(".git").split("/")
    named = all(_PART.fullmatch(part) and part.strip(".") for part in parts)
    if not fewest <= len(parts) <= most or not named or len(text) > 500:
        raise BadSpec(f"`{shown(text)}` does not name a repository.", hint=f"It looks like `{example}`.")
    return "/".join(parts)


def read_link(name: str, kind: Kind, rest: str) -> Place:
    """
    What follows the source's `name` in a link, also where pages or logins on its way encoded the repository twice.

    Raises:
        BadSpec: nothing does, or what is encoded in it is no text, or no repository of that kind.
    """
    like = f"It looks like `{name}/{kind.example}`."
    if not rest.strip("/"):
        raise BadSpec(f"There is no repository behind `{name}/`.", hint=like)
    try:
        unquote(rest, errors="strict")
    except UnicodeDecodeError as error:
        raise BadSpec("That link is not well-formed.", hint="Copy it again from where it came.") from error
    repository, slash, ref = rest.partition("/")
    twice = re.search("%25(2F|3A)", repository, re.IGNORECASE) and not re.search("%(2F|3A)", repository, re.IGNORECASE)
    try:
        return kind.read_link(f"{unquote(repository)}{slash}{ref}" if twice else rest)
    except BadSpec as error:
        raise error if error.hint else BadSpec(error.message, hint=like) from error


def owner_and_name(rest: str) -> Place:
    """
    ``org/repo/ref`` of a link, where the ref may hold slashes.

    Raises:
        BadSpec: there is but one part, or nothing before it, or none before ``HEAD``.
    """
    parts = rest.rstrip("/").split("/")
    if len(parts) < 2 or not parts[0] or parts[1:] == ["HEAD"]:
        raise BadSpec("That needs an owner and a name.")
    return Place(unquote("/".join(parts[:2])), unquote("/".join(parts[2:])))


def whole(rest: str) -> Place:
    """A link that holds nothing but the repository; ``/HEAD`` after it says what is so anyway."""
    return Place(unquote(rest).strip("/").removesuffix("/HEAD"))


def page_parts(page: SplitResult) -> list[str]:
    """The parts of a page's path, still percent-encoded."""
    return [part for part in page.path.split("/") if part]


def ref_and_subdir(parts: list[str], ref: str | None) -> tuple[str, str]:
    """
    What ``tree/<ref>/<subdir>`` means when `parts` follow ``tree``.

    A ref may hold slashes: a `ref` given beside the address says where it ends, else its first part is taken and
    more are tried when the host knows no such ref.
    """
    decoded = [unquote(part) for part in parts]
    known = (ref or "").strip("/").split("/") if ref else []
    if known and decoded[: len(known)] == known:
        return "/".join(known), "/".join(decoded[len(known) :])
    return (decoded[0] if decoded else ""), "/".join(decoded[1:])


def tree(repository: str, parts: list[str], ref: str | None) -> Place:
    """The folder that a page shows when `parts` are its ref and path."""
    return Place(repository, *ref_and_subdir(parts, ref))


def blob(repository: str, parts: list[str], ref: str | None) -> Place:
    """The file that a page shows when `parts` are its ref and path."""
    named, path = ref_and_subdir(parts, ref)
    return Place(repository, named, "", path)


def either(repository: str, parts: list[str], ref: str | None) -> Place:
    """The same where pages of files and folders look alike: what has an ending is a file."""
    return (blob if parts and "." in parts[-1].lstrip(".") and len(parts) > 1 else tree)(repository, parts, ref)


def history(repository: str, parts: list[str], ref: str | None) -> Place:
    """The ref whose commits a page shows when `parts` are that and perhaps a path."""
    return Place(repository, either(repository, parts, ref).ref)


def shown(text: str) -> str:
    """`text` for a message: letters of any script, nothing that turns or hides what is around it; not too long."""
    return repr(text)[1:-1][:80]  # which leaves alone what is printable
