"""Conda specs become a lock: rattler fetches the channels' indexes and solves; nothing of a package is read.

rattler is an optional part of the installation, so it is imported where it is used.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubkiln.egress import host_in, reason, unanswered
from hubkiln.errors import AccessDenied, HubkilnError, LockFailed, RecipeError, TooLarge, Unreachable, Unsupported
from hubkiln.excerpts import excerpt
from hubkiln.packages.conda_channels import channel_url, channel_urls, split_spec
from hubkiln.packages.conda_values import CondaLock, CondaPackage, CondaSettings
from hubkiln.values import Say

if TYPE_CHECKING:
    import rattler

_WORD = re.compile(r"[A-Za-z0-9_.+!-]+")


async def lock_conda(
    specs: Sequence[str],
    channels: Sequence[str],
    *,
    python_minor: str,
    settings: CondaSettings,
    cache: Path,
    say: Say,
    platform: str = "linux-64",
    as_of: datetime | None = None,
) -> CondaLock:
    """
    Exact conda packages for `specs` and a Python of `python_minor`; indexes are kept below `cache`.

    Raises:
        LockFailed: no such package or channel, or a conflict; the message says which.
        Refused, RecipeError: a channel or spec that may not or cannot be used.
        Unreachable: a channel does not answer; try again.
        Unsupported: this installation has no rattler.
    """
    have_rattler()
    urls = list(channel_urls(channels, settings, say))
    matches = [_match(spec, urls, settings) for spec in (*specs, f"python {python_minor}.*")]
    say(f"Solving {len(matches)} conda specs with {', '.join(urls)}\n")
    try:
        async with asyncio.timeout(settings.solve_seconds):
            records = await _solve(matches, urls, settings, cache, platform, as_of)
    except TimeoutError:
        raise LockFailed(
            f"The conda packages could not be solved within {settings.solve_seconds:.0f} seconds.",
            hint="Give versions for the large packages, or use fewer channels.",
        ) from None
    except HubkilnError:
        raise
    except Exception as error:
        raise solver_error(error, say) from error
    if len(records) > settings.max_packages:
        raise TooLarge(f"The environment needs {len(records)} conda packages.", hint="Ask for fewer packages.")
    hosts = {_place(url) for url in urls}
    packages = sorted((_package(record, hosts) for record in records), key=lambda p: p.name)
    return CondaLock(platform=platform, python=python_minor, packages=tuple(packages))


def have_rattler() -> None:
    """
    Raises:
        Unsupported: rattler is not installed.
    """
    if find_spec("rattler") is None:  # loading it takes a while, and few recipes have conda packages
        raise Unsupported(
            "Conda packages need py-rattler, which is not installed.",
            hint="An admin's turn: pip install 'hubkiln[conda]'",
        )


def virtual_packages(settings: CondaSettings) -> list[rattler.GenericVirtualPackage]:
    """What the image offers by itself, in conda's words: the kernel, the C library."""
    from rattler import GenericVirtualPackage, PackageName, Version
    from rattler.package import BuildString

    offered = {
        "__unix": ("0", "0"),
        "__linux": ("5.10", "0"),
        "__glibc": (settings.glibc, "0"),
        "__archspec": ("1", "x86_64"),
    }
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, (version, build) in offered.items()
    ]


async def _solve(
    matches: list[rattler.MatchSpec],
    urls: list[str],
    settings: CondaSettings,
    cache: Path,
    platform: str,
    as_of: datetime | None,
) -> list[rattler.RepoDataRecord]:
    from rattler import Gateway, Subdir, solve

    index = cache / "indexes"
    index.mkdir(parents=True, exist_ok=True)
    return await solve(
        sources=urls,
        specs=matches,
        gateway=Gateway(cache_dir=index),
        platforms=[Subdir(platform), Subdir("noarch")],
        virtual_packages=virtual_packages(settings),
        exclude_newer=as_of.astimezone(UTC) if as_of else None,
        channel_relations="disabled",  # a channel may not bring in others that the admin has not seen
    )


def _match(spec: str, urls: list[str], settings: CondaSettings) -> rattler.MatchSpec:
    """`spec` as rattler's; a channel it names itself joins `urls`."""
    from rattler import MatchSpec
    from rattler.exceptions import InvalidChannelError, InvalidMatchSpecError

    channel, rest = split_spec(spec)
    if channel:
        url = channel_url(channel, settings)
        if url not in urls:
            urls.append(url)
        rest = f"{url}::{rest}"
    try:
        return MatchSpec(rest)
    except (InvalidMatchSpecError, InvalidChannelError) as error:
        raise RecipeError(
            f"{spec!r} is not a conda package spec: {str(error).splitlines()[0]}.",
            hint="Write a name with a version, such as numpy=1.26.",
        ) from error


def _package(record: rattler.RepoDataRecord, hosts: set[str]) -> CondaPackage:
    """The record as ours, with everything refused that could name a place it has no business in."""
    name, version, build = record.name.normalized, str(record.version), str(record.build)
    site_packages = record.python_site_packages_path or ""
    sha256 = record.sha256.hex() if record.sha256 else ""
    safe = all(_WORD.fullmatch(word) for word in (name, version, build))
    safe = (
        safe
        and record.url.endswith((".conda", ".tar.bz2"))
        and not site_packages.startswith("/")
        and ".." not in site_packages.split("/")
    )
    if not safe or _place(record.url) not in hosts or not sha256:
        raise LockFailed(
            f"The channel's entry for {name[:80]!r} cannot be trusted: it names another place or has no sha256.",
            hint="Use another channel for this package.",
        )
    noarch = "python" if record.noarch.python else "generic" if record.noarch.generic else ""
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        build_number=record.build_number,
        subdir=record.subdir,
        url=record.url,
        channel=(record.channel or "").rstrip("/"),
        sha256=sha256,
        size=record.size,
        noarch=noarch,
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
        site_packages=site_packages,
        license=record.license or "",
    )


def _place(url: str) -> str:
    """Scheme and host of a URL: packages come from where their channel is, whatever the channel's index says."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def solver_error(error: Exception, say: Say) -> HubkilnError:
    """What rattler raised, in the user's words; its full text goes to the log."""
    text = excerpt(str(error).strip())
    say(f"{text}\n")
    if absent := re.search(r"could not find subdir '[^']*' in channel '([^']*)'", text):
        return LockFailed(f"There is no conda channel at {absent[1]}", hint="Check the channel's name.")
    if re.search(r"\b(401|403)\b", text):
        where = f" at {host}" if (host := host_in(text)) else ""
        return AccessDenied(
            f"The conda channel{where} asks for credentials.", hint="Ask the administrator to give access."
        )
    if "solve the request" not in text and reason(text) is not None:
        return unanswered(host_in(text), text)
    if "solve the request" not in text:
        return Unreachable(
            f"A conda channel cannot be used: {(text.splitlines() or ['no answer'])[0]}.", hint="Try again in a minute."
        )
    if dated := re.search(r"(\S+ \S+) is excluded because the package is uploaded after.*date of (\S+)", text):
        return LockFailed(
            f"{dated[1]} was published after {dated[2]}.",
            hint="Choose a later date, or an older version of the package.",
        )
    if alone := re.search(r"because of: No candidates were found for (.+?)\.?$", text, re.M):
        return _nowhere(_plain(alone[1]))
    needs = re.findall(r"─ (.+?) would require\s+.*?─ (.+?), (?:for which|which)", text)
    because = f": {_plain(needs[0][0])} needs {_plain(needs[0][1])}" if needs else ""
    return LockFailed(
        f"The conda packages asked for cannot be installed together{because}.",
        hint="Loosen the versions of the packages named in the log.",
    )


_ELSEWHERE = {
    "Windows": r"vc(14_runtime)?|vs20\d\d_\S+|ucrt|m2w64-\S+|msys2-\S+|(py)?winpty|pywin32|wincertstore|win_\S+|icc_rt",
    "macOS": r"appnope|python\.app|pyobjc-\S+|\S+_osx-(64|arm64)",
}


def _nowhere(spec: str) -> LockFailed:
    """Why no channel has `spec`, where its form tells."""
    name = spec.split(" ")[0].split("=")[0].lower()
    exported = "`conda env export --from-history` lists what was asked for, without what one system adds."
    for system, names in _ELSEWHERE.items():
        if re.fullmatch(names, name):
            return LockFailed(f"The conda package {spec!r} is for {system}.", hint=f"Remove its line. {exported}")
    if re.search(r"[= ]\w*h[0-9a-f]{7}_\d+$", spec):
        return LockFailed(
            f"No channel has the conda package {spec!r} for this platform: its build may be another system's.",
            hint=f"Leave the build out, the part behind the version. {exported}",
        )
    return LockFailed(
        f"No channel has a conda package {spec!r} for this platform.",
        hint="Check the name and version, and that the channel that has it is listed.",
    )


def _plain(spec: str) -> str:
    """``nosuch *`` as people write it."""
    return spec.removesuffix(" *").strip()
