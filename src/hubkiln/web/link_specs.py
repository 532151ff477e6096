"""The spec that a link names: its path as it was sent, and the packages of its query."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request

from hubkiln.repositories import with_packages
from hubkiln.values import Spec
from hubkiln.web.kinds import Written, link_path
from hubkiln.web.requests import Parts
from hubkiln.web.spelled import split_path

PACKAGES = "packages"
"""Parameter that says what to install besides what the repository asks for, as in the hub's links."""


def spec_in(request: Request, parts: Parts) -> Spec:
    """
    What a request for ``v2/…`` or ``build/…`` means; ``%2F`` inside a segment of its path is not a slash.

    Raises:
        BadSpec.
    """
    spec = parts.offer.parse_provider(*split_path(request.scope["raw_path"], parts.prefix))
    more = packages_in(request)
    return with_packages(spec, more) if more else spec


def packages_in(request: Request) -> str:
    """As they were typed; the first of several counts, as of what a link opens."""
    if PACKAGES.encode() not in request.scope["query_string"]:  # nearly always
        return ""
    return next((value.strip() for name, value in request.query_params.multi_items() if name == PACKAGES), "")


def link_of(kinds: Sequence[Written], spec: Spec) -> str:
    """What follows ``v2/`` in a link to `spec`, without its folder."""
    return link_path(kinds, spec) + query_of(", ".join(spec.packages.splitlines()))


def query_of(packages: str) -> str:
    """The query that adds `packages` to a link."""
    return f"?{PACKAGES}={quote(packages, safe='')}" if packages else ""
