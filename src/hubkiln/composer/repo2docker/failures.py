"""Why repo2docker failed, from its log: before its first step as well as in one. Pure.

Before the first step it is the recipe that it does not understand, a host that is not reached, an image that is not
there, or an engine that does not work; each is told apart, because it is somebody else's turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hubkiln.composer.steps import telling
from hubkiln.egress import host_in, reason, unanswered
from hubkiln.errors import (
    BuildFailed,
    DiskFull,
    EngineMissing,
    HubkilnError,
    RecipeError,
    ServiceError,
    Unreachable,
)
from hubkiln.excerpts import excerpt, short

LOG = "The log above says why."

_IMAGE = r"(?P<image>[^\s\",]+?)"
_STEP = re.compile(r"(?:building at STEP|at STEP) \"(?P<step>.+?)\": (?P<why>.+)")
_DOCKER = re.compile(r"failed to solve: process \"(?P<step>.+?)\" did not complete successfully: (?P<why>.+)")
_PULL = re.compile(
    r"(?:initializing source docker://|pull access denied for |reading manifest \S+ in )"
    r"(?P<image>[^\s\",]+?):?(?=[\s\",]|$)"
)
_UNDERSTANDING = re.compile(r"^Error during build: (?P<why>.+)", re.MULTILINE)

Answer = Callable[[re.Match[str], str], HubkilnError]


def repo2docker_error(code: int, log: str) -> HubkilnError:
    """The error for repo2docker, which ended with `code` and said `log`."""
    log = excerpt(log)
    if (known := _by(_ANYWHERE, log)) is not None:
        return known
    if step := _STEP.search(log) or _DOCKER.search(log):
        why = step["why"].rpartition(": ")[2].strip()
        return BuildFailed(f"The build step {short(step['step'])!r} failed ({short(why)}).", hint=LOG)
    if (known := _by(_BEFORE_STEPS, log)) is not None:
        return known
    if pulled := _PULL.search(log):
        return _pulling(pulled["image"], log)
    if found := _UNDERSTANDING.search(log):
        return _understanding(found["why"])
    said = telling(log).rstrip(".") or f"it ended with code {code}"
    return BuildFailed(f"repo2docker failed: {said}.", hint=LOG)


def _by(rows: Sequence[tuple[str, Answer]], log: str) -> HubkilnError | None:
    for pattern, answer in rows:
        if found := re.search(pattern, log, re.MULTILINE):
            return answer(found, log)
    return None


def _understanding(why: str) -> HubkilnError:
    """repo2docker gave up while it read the recipe, or asked somebody what is in it."""
    if reason(why) is not None and (host := host_in(why)):
        return unanswered(host, why)
    words = short(why).rstrip(".")
    return RecipeError(
        f"repo2docker cannot build what this recipe asks for: {words}.", hint="Change the recipe as it says."
    )


def _pulling(image: str, log: str) -> HubkilnError:
    """The image that the build starts from cannot be had."""
    if reason(log) is not None:
        named, slash, _ = image.partition("/")
        line = next(line for line in log.splitlines() if reason(line) is not None)
        found = unanswered(named if slash and re.search("[.:]", named) else host_in(line) or "of its registry", line)
        return Unreachable(f"The base image {image} cannot be fetched. {found.message}", hint=found.hint)
    if re.search(r"x509|certificate|TLS handshake|server gave HTTP response to HTTPS client", log):
        return Unreachable(
            f"The base image {image} cannot be fetched: its registry's certificate is not trusted here.",
            hint="An admin can give the container engine the registry's certificate authority.",
        )
    if re.search(r"no image found in (?:image index|manifest list)|no matching manifest|exec format", log):
        return BuildFailed(
            f"The base image {image} is not made for this machine's processor.", hint="Name another image in FROM."
        )
    return BuildFailed(f"The base image {image} does not exist or is not public.", hint="Check the FROM line.")


def _elsewhere(found: re.Match[str], log: str) -> HubkilnError:
    return BuildFailed(
        f"The build starts from {short(found['image'], 200)}, which is no image of a registry.",
        hint="Name an image of a registry in FROM.",
    )


def _dockerfile(found: re.Match[str], log: str) -> HubkilnError:
    return RecipeError(f"The Dockerfile has a mistake in it: {short(found['why']).rstrip('.')}.", hint="Correct it.")


def _engine(found: re.Match[str], log: str) -> HubkilnError:
    return EngineMissing(
        f"The container engine cannot build on this machine: {short(found['why']).rstrip('.')}.",
        hint="`hubkiln doctor` says what works here; an admin can set HUBKILN_ENGINE_BUILD_ARGUMENTS.",
    )


def _too_many(found: re.Match[str], log: str) -> HubkilnError:
    pulled = _PULL.search(log)
    where = f" for {pulled['image']}" if pulled else ""
    return Unreachable(
        f"The registry gets too many requests from here{where}.",
        hint="Wait and try again; the admin can log the container engine in for a larger allowance.",
    )


def _said(kind: type[HubkilnError], message: str, hint: str) -> Answer:
    return lambda found, log: kind(message, hint=hint)


_ANYWHERE: tuple[tuple[str, Answer], ...] = (
    (
        r"(?i)no space left on device|disk quota exceeded",
        _said(DiskFull, "", "Free space in the container engine's storage, then try again."),
    ),
    (
        r"Container engine 'hubkiln' not found",
        _said(ServiceError, "repo2docker does not find our engine.", "Install Hubkiln and repo2docker together."),
    ),
    (r"(?P<image>[a-z-]+:/\S*?) is rejected by policy", _elsewhere),
)
"""What is meant wherever it stands."""

_BEFORE_STEPS: tuple[tuple[str, Answer], ...] = (
    (r"(?i)toomanyrequests|too many requests|rate limit", _too_many),
    (
        r"(?P<why>no FROM statement found|[Uu]nknown instruction: \S+|[Uu]nknown flag: \S+|dockerfile parse error[^\n]*"
        r"|syntax error[^\n]*Dockerfile[^\n]*|the Dockerfile \([^)]*\) cannot be empty)",
        _dockerfile,
    ),
    (
        r"(?P<why>Cannot connect to (?:the Docker daemon|Podman)[^\n]*|cannot clone: [^\n]*|newuidmap[^\n]*"
        r"|cannot set up namespace[^\n]*|error during unshare[^\n]*|mounting new container: [^\n]*)",
        _engine,
    ),
    (
        r"\"(?P<image>[^\"]+)\" did not resolve to an alias|failed to solve: (?P<other>[^\s:]\S*?): "
        r"(?:[^\n]*: )?(?:not found|pull access denied)",
        lambda found, log: _pulling(found["image"] or found["other"], log),
    ),
)
"""What is meant where no step was begun; a step may print any of it."""
