"""What a link to the spawn page asks for: it fills the form in, and only what an admin listed starts at once.

Whoever follows a link has chosen nothing yet, so a link that names more than listed choices (an image to type,
something built, a repository, a path) waits for the button. Pure functions; :mod:`hubkiln.hub.hooks` shows what waits
in the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from hubkiln.errors import BadSpec, HubkilnError
from hubkiln.hub.choices import EXTRAS, LONGEST, Chosen, Picked, choose, parse_form
from hubkiln.hub.profiles import Profile, profile_that_builds
from hubkiln.images import parse_name
from hubkiln.launches import opening
from hubkiln.local_images import is_local
from hubkiln.written_links import split_link

IMAGE = "image"
"""The option that offers environments."""

KEPT = frozenset({"next", "display_name"})
"""Parameters of the spawn page's address that JupyterHub itself needs and takes for no options."""

REPOSITORY = "repository"
"""Parameter of the spawn page: what follows ``/v2/`` in a launch link, still encoded."""

PACKAGES = "packages"
"""Parameter of launch links that says what to install besides what the repository asks for."""

OPENING = ("labpath", "filepath", "urlpath")
"""Parameters of launch links that say what to open."""

_PREFIX = "opt-"
_LONGEST_NAME = 4000
_LONGEST_LIST = 20_000
"""Letters of a repository, and of one with packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link asks for."""

    options: Mapping[str, str] = field(default_factory=dict)
    """User options in the stored shape, for the form or for the start."""

    starts: bool = False
    """True if everything in it is listed, so that the server may start without another question."""

    opens: str = ""
    """What to open when the server runs: an address below the server's."""

    problem: str = ""
    """Why it cannot be followed; the form says so."""


def query_of(request: Any) -> Mapping[str, Sequence[bytes]]:
    """The query of a `request` for the spawn page; of one that leads to a repository as launch links are read."""
    if REPOSITORY not in request.query_arguments:
        return request.query_arguments  # type: ignore[no-any-return]
    given = parse_qs(split_link("", request.query)[1], keep_blank_values=True, errors="surrogateescape")
    return {name: [value.encode(errors="surrogateescape") for value in values] for name, values in given.items()}


def read_link(
    query: Mapping[str, Sequence[bytes]], profiles: Sequence[Profile], groups: Sequence[str], images: Sequence[str] = ()
) -> Link | None:
    """
    What the `query` of a link asks somebody in `groups` to start; None if it has no options at all.

    `images` are the repositories whose images a link may start, as :func:`image_repositories` gives them.
    """
    if REPOSITORY in query:
        return _to_repository(query, profiles, groups)
    form = _form(query)
    if not form:
        return None
    options: dict[str, str] = {}
    try:
        options = {name: value for name, value in parse_form(form).items() if len(value) <= LONGEST}
        chosen = choose(options, profiles, groups)
    except HubkilnError as error:
        return Link(options=options, problem="" if _names_repository(options) else str(error))
    starts = _says_all(form, options) and not _names_repository(options) and only_listed(chosen, images)
    return Link(options=options, starts=starts)


def only_listed(chosen: Chosen, images: Sequence[str] = ()) -> bool:
    """Whether `chosen` is made of listed choices alone, and of typed images of the repositories `images`."""
    return not chosen.open and all(listed_image(picked, images) for picked in chosen.unlisted)


def listed_image(picked: Picked, images: Sequence[str]) -> bool:
    """Whether a typed value is an image of a repository in `images`, or of one below."""
    typed = picked.unlisted or ""
    if picked.option != "image" or is_local(typed):
        return False
    try:
        name = parse_name(typed).repository
    except BadSpec:
        return False
    return any(name == listed or name.startswith(f"{listed}/") for listed in images)


def image_repositories(listed: Sequence[str]) -> tuple[str, ...]:
    """
    An admin's list of repositories of images, in the form that :func:`listed_image` compares.

    Raises:
        BadSpec: one of them is not ``host/path`` (or ``host``) without tag and digest.
    """
    return tuple(_repository(text) for text in listed)


def sources_of_links(listed: Sequence[str]) -> tuple[str, ...]:
    """
    An admin's list of sources, ``provider/repository`` or the beginning of one.

    Raises:
        BadSpec: one of them is not written so, or says less than it seems to.
    """
    for text in listed:
        provider, slash, rest = text.strip().partition("/")
        if not slash or not rest.strip("/") or not provider.isalnum():
            raise BadSpec(f"{text!r} names no source.", hint="Write it like gh/organisation or gl/group/project.")
        if provider == "gist" and "/" not in rest.strip("/"):
            raise BadSpec(
                f"{text!r} names nobody's gists: a gist is found by its id, whatever user stands before it.",
                hint="List each gist, like gist/user/0123456789abcdef0123456789abcdef.",
            )
    return tuple(text.strip().rstrip("/") for text in listed)


def is_link(handler: object) -> bool:
    """Whether the request that `handler` answers only follows a link; None means that it is no browser's request."""
    request = getattr(handler, "request", None)
    return getattr(request, "method", "POST") not in ("POST", "PUT", "PATCH", "DELETE")


def _repository(text: str) -> str:
    text = text.strip().rstrip("/")
    first = text.partition("/")[0]
    if "/" not in text and ("." in first or ":" in first or first == "localhost"):
        return parse_name(f"{text}/any").host
    name = parse_name(text)
    if name.tag or name.digest:
        raise BadSpec(f"{text!r} names one image.", hint="Write a repository without tag, like quay.io/jupyter.")
    return name.repository


def _to_repository(query: Mapping[str, Sequence[bytes]], profiles: Sequence[Profile], groups: Sequence[str]) -> Link:
    """A launch link, as :class:`hubkiln.hub.launch_links.LaunchLink` hands it on; it never starts from here."""
    given = {name: values[0].decode(errors="replace") for name, values in query.items() if values}
    found = opening(given)
    profile = profile_that_builds(profiles, groups, given.get("profile", ""))
    if profile is None:
        return Link(
            options={"profile": ""}, problem="The link asks for a repository, and this hub builds none for you."
        )
    options = {"profile": str(profile["slug"]), IMAGE: "--extra-selectable-item"}
    repository = f"{given[REPOSITORY]} + {more}" if (more := given.get(PACKAGES, "")) else given[REPOSITORY]
    values = (repository, given.get("ref", ""), given.get("subdir", ""))
    too_long = len(given[REPOSITORY]) > _LONGEST_NAME and not given[REPOSITORY].startswith("/v2/inline/")
    if too_long or max(map(len, values)) > _LONGEST_LIST:
        return Link(options=options, problem="The link's repository is too long to be one.")
    options |= {f"{IMAGE}{suffix}": value for suffix, value in zip(EXTRAS, values, strict=True) if value}
    return Link(options=options, opens=found.address, problem=found.problem)


def _form(query: Mapping[str, Sequence[bytes]]) -> dict[str, list[str]]:
    """The options in a query, by JupyterHub's rule: with a prefix, or, where nothing has it, without."""
    given = {name: list(values) for name, values in query.items() if name not in KEPT | {"_xsrf"}}
    new = {name.removeprefix(_PREFIX): values for name, values in given.items() if name.startswith(_PREFIX)}
    return {name: [value.decode(errors="replace") for value in values] for name, values in (new or given).items()}


def _names_repository(options: Mapping[str, str]) -> bool:
    return any(value and name.endswith(EXTRAS) for name, value in options.items())


def _says_all(form: Mapping[str, Sequence[str]], options: Mapping[str, str]) -> bool:
    """Whether `options` is all that the link says: nothing was passed over, nothing is there twice."""
    return bool(options.get("profile")) and len(options) == len(form) == sum(len(values) for values in form.values())
