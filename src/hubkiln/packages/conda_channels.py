"""Which conda channels a recipe may use, and what a package spec may say. Pure.

A channel is code that will run, and its index decides which addresses are asked for packages; so a recipe gets
names, and URLs only where the admin listed them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from hubkiln.errors import RecipeError, Refused
from hubkiln.packages.conda_values import CondaSettings
from hubkiln.values import Say

COMPANY = frozenset({"defaults", "anaconda", "main", "r", "pkgs/main", "pkgs/r"})
"""Anaconda Inc.'s own channels."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/label/[A-Za-z0-9._-]+)?")
_SPEC = re.compile(r"[^\x00-\x1f\x7f]{1,500}")


def channel_urls(channels: Sequence[str], settings: CondaSettings, say: Say) -> tuple[str, ...]:
    """
    The URLs of `channels`, in order, each once; the default ones for none.

    Company channels that are not allowed are left out with a word to the user, conda-forge taking their place.

    Raises:
        Refused: a channel that is not allowed here.
        RecipeError: not a channel at all.
    """
    urls: list[str] = []
    for channel in (text.strip() for text in channels):
        if channel == "nodefaults":
            continue
        if channel in COMPANY and channel not in (settings.allowed_channels or ()):
            say(f"The conda channel {channel!r} is left out: this installation does not allow it.\n")
            continue
        urls += company_urls(channel, settings) or [channel_url(channel, settings)]
    if not urls:
        urls = [channel_url(channel, settings) for channel in settings.default_channels]
    return tuple(dict.fromkeys(urls))


def company_urls(channel: str, settings: CondaSettings) -> list[str]:
    """What an allowed company channel stands for."""
    host = "https://repo.anaconda.com/pkgs"
    known = {"defaults": ["main", "r"], "main": ["main"], "pkgs/main": ["main"], "r": ["r"], "pkgs/r": ["r"]}
    return [f"{host}/{name}" for name in known.get(channel, [])]


def channel_url(channel: str, settings: CondaSettings) -> str:
    """
    The URL of one channel, without a slash at its end.

    Raises:
        Refused: it is not allowed here.
        RecipeError: not a channel.
    """
    allowed = settings.allowed_channels
    if _NAME.fullmatch(channel) and ".." not in channel:
        url = f"{settings.host.rstrip('/')}/{channel}"
        permitted = allowed is None or channel in allowed or url in _stripped(allowed)
    else:
        url = _checked(channel)
        inside = url.startswith(f"{settings.host.rstrip('/')}/")
        permitted = url in _stripped(allowed or ()) or (
            inside and (allowed is None or url.rsplit("/", 1)[1] in allowed)
        )
    if not permitted:
        raise Refused(
            f"The conda channel {channel!r} is not allowed here.",
            hint="Use conda-forge, or ask the administrator to allow this channel.",
        )
    return url


def split_spec(spec: str) -> tuple[str, str]:
    """
    A conda spec as (channel or ``""``, the rest), with the forms that fetch from anywhere refused.

    Raises:
        RecipeError: it is no package spec.
    """
    channel, found, rest = spec.strip().rpartition("::")
    if not _SPEC.fullmatch(spec) or (found and not channel) or re.search(r"\b(url|fn|channel|subdir)\s*=", rest):
        raise RecipeError(
            f"{spec[:200]!r} is not a conda package that can be used here.",
            hint="Write a name with a version, such as numpy=1.26 or conda-forge::numpy.",
        )
    return channel, rest


def _checked(url: str) -> str:
    """`url` if it can be a channel's at all: no credentials, no tricks with the path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.username or parts.password or parts.path.startswith("/t/"):
        raise RecipeError(
            "A conda channel holds credentials.", hint="Remove them; the administrator can give the service access."
        )
    usable = parts.scheme in ("http", "https", "file") and parts.path.strip("/") and not (parts.query or parts.fragment)
    if not usable or ".." in parts.path.split("/"):
        raise RecipeError(f"{url[:200]!r} is not a conda channel.", hint="Name a channel such as conda-forge.")
    return url.rstrip("/")


def _stripped(urls: Sequence[str]) -> set[str]:
    return {url.rstrip("/") for url in urls}
