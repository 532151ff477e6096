"""Locks requirements with ``uv pip compile``.

Nothing of any package is run here: uv gets ``--no-build`` always, so it never asks a ``setup.py`` for metadata.
uv sees no file of the repository and no option of its making, only a list of requirements that was parsed here.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubkiln import processes
from hubkiln.beneath import Beneath
from hubkiln.errors import HubkilnError, LockFailed, Unreachable, Unsupported
from hubkiln.packages import mistaken, stack
from hubkiln.packages.beside import described
from hubkiln.packages.explain import explain, without_wheels
from hubkiln.packages.interface import Lock, LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.lockfile import ours_alone, parse_lock, preferences
from hubkiln.packages.repair import MOST, refused, repaired
from hubkiln.packages.simple_index import SimpleIndex
from hubkiln.packages.tags import environment_for
from hubkiln.packages.tools import index_address, index_variables, uv
from hubkiln.sandbox import as_nobody, given
from hubkiln.values import Say

_LOCK, _WANTED, _BOUNDS = "pylock.toml", "requirements.txt", "constraints.txt"
_CONFIG, _LEFT_OUT = "uv.toml", "left-out.txt"
_LARGEST_LOCK = 64 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """What uv is asked, as the text of the files it gets."""

    requirements: str
    constraints: str
    preferences: str


class UvLocker:
    """
    See :class:`hubkiln.packages.interface.Locker`; keeps uv's answers from the index in `cache`.

    Where we are root, uv is nobody, and sees of the folders `hidden` what it works with.
    """

    def __init__(self, settings: PackageSettings, cache: Path, *, hidden: Sequence[Path]) -> None:
        self._settings, self._cache, self._hidden = settings, cache, hidden
        self._index = SimpleIndex(index_address(settings.index_url))

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`; also raises NeedsBuilding where `request` allows sdists."""
        if request.as_of is not None and request.stack:
            lock = await self._as_of(request, say)
        else:
            lock = await self._resolve(request, frozenset(), say)
        check_hashes(lock, request)
        return lock

    async def _as_of(self, request: LockRequest, say: Say) -> Lock:
        """
        What the recipe needs as of its date; the rest of the stack as it is today.

        The server must work with today's hub, whatever day the recipe is read as of; repo2docker's does the same.
        Where today's server cannot live with a shared package of that day, that package is today's too.
        """
        own = await self._resolve(replace(request, stack=False), frozenset(), say)
        stacked = frozenset(name for name, _ in stack.preferred(request.python.minor))
        dated = {wheel.name for wheel in own.wheels}
        try:
            return await self._resolve(request, stacked - dated, lambda text: None)
        except NeedsBuilding:
            raise
        except LockFailed:
            say("Note: the server that a hub starts needs some packages younger than the date asked for.\n")
            return await self._resolve(request, stacked - named(request), say)

    async def _resolve(self, request: LockRequest, undated: frozenset[str], say: Say) -> Lock:
        text = await self._repairing(request, undated, ask(request), say)
        return parse_lock(text, request.python, self._settings.platform)

    async def _repairing(self, request: LockRequest, undated: frozenset[str], asked: Input, say: Say) -> str:
        """The lock's text; packages whose description uv refuses are described to it, one after the other."""
        known = list[str]()
        if request.find_links is not None:
            known += map(str, await asyncio.to_thread(described, request.find_links))
        for _ in range(MOST):
            told: list[str] = []
            try:
                return await self._compile(request, undated, asked, known, told.append)
            except LockFailed:
                broken = refused("".join(told))
                found = await repaired(*broken, self._index) if broken is not None else None
                if found is None or str(found) in known:
                    raise
                known.append(str(found))
                named = f"{found.name} {found.version}"
                say(f"Note: {named} names the versions it needs in a form that is not valid; any are taken.\n")
            finally:
                if told and not refused("".join(told)):
                    say("".join(told))
        return await self._compile(request, undated, asked, known, say)

    async def _compile(
        self, request: LockRequest, undated: frozenset[str], asked: Input, known: Sequence[str], say: Say
    ) -> str:
        await asyncio.to_thread(given, self._cache / "uv", uv(), python=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="lock-") as made:  # new for each: uv can write to it
            folder = Path(made)
            for name, text in (
                (_LOCK, asked.preferences),
                (_WANTED, asked.requirements),
                (_BOUNDS, asked.constraints),
                (_CONFIG, "\n".join(known)),
                (_LEFT_OUT, "".join(f"{name}\n" for name in sorted(request.left_out))),
            ):
                (folder / name).write_text(text)
            (folder / _LOCK).chmod(0o666)  # uv writes there, as whomever; the cache is closed to others
            await self._run(request, undated, folder, say)
            with Beneath(folder) as beneath:
                text = (beneath.read(_LOCK, _LARGEST_LOCK) or b"").decode()
            return ours_alone(text, request.find_links)

    async def _run(self, request: LockRequest, undated: frozenset[str], folder: Path, say: Say) -> None:
        warnings: list[str] = []
        wall = as_nobody(
            uv(),
            hidden=self._hidden,
            readable=[request.find_links] if request.find_links is not None else [],
            writable=[self._cache / "uv", folder],
            python=True,
        )
        finished = await processes.run(
            [*wall, *self._command(request, undated, folder)],
            env=processes.clean_environment(HOME=str(folder)) | index_variables(self._settings.index_url),
            cwd=folder,
            say=warnings.append,
            seconds=self._settings.seconds,
        )
        if finished.timed_out:
            raise Unreachable(
                f"Resolving the packages took longer than {self._settings.seconds:.0f} seconds and was stopped.",
                hint="Try again; more exact pins make it quicker.",
            )
        if finished.code != 0:
            error = _failure(finished.output, request)
            if not isinstance(error, NeedsBuilding):
                say(finished.output.replace(f"{folder}/", ""))
            raise error
        if "is missing an upload date" in "".join(warnings):
            say("Note: the package index does not say of every file when it was uploaded; those were left out.\n")

    def _command(self, request: LockRequest, undated: frozenset[str], folder: Path) -> list[str | Path]:
        python = request.python
        command: list[str | Path] = [
            *(uv(), "pip", "compile", "--config-file", folder / _CONFIG, "--no-header", "--no-build"),
            *("--no-python-downloads", "--no-sources", "--no-progress", "--format", "pylock.toml"),
            *("--cache-dir", self._cache / "uv", "--python", python.path, "--python-version", python.version),
            *("--python-platform", self._settings.platform, "--constraints", folder / _BOUNDS),
            *("--output-file", folder / _LOCK),
        ]
        if request.as_of is not None:
            command += ["--exclude-newer", request.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")]
            for name in sorted(undated | stack.TOOLS):
                command += ["--exclude-newer-package", f"{name}=false"]
        else:
            command.append("--quiet")
        if request.find_links is not None:
            command += ["--find-links", request.find_links.absolute()]
        if request.left_out:
            command += ["--excludes", folder / _LEFT_OUT]
        return [*command, folder / _WANTED]


def ask(request: LockRequest) -> Input:
    """
    The files that uv gets for `request`.

    Raises:
        LockFailed: a line is not a requirement.
        Unsupported: a line names an address instead of a package of the index.
    """
    lines = [_line(text) for text in request.requirements]
    preferred: tuple[tuple[str, str], ...] = ()
    if request.stack:
        lines += [
            line
            for line in stack.asked(request.python.minor)
            if Requirement(line).name not in named(request) - {stack.NEEDED}
        ]
        preferred = stack.preferred(request.python.minor)
    return Input(
        requirements="".join(f"{line}\n" for line in lines),
        constraints="".join(f"{_line(text)}\n" for text in request.constraints),
        preferences=preferences(preferred),
    )


def named(request: LockRequest) -> frozenset[str]:
    """Normalised names of the packages that the recipe itself asks for."""
    return frozenset(canonicalize_name(Requirement(_line(text)).name) for text in request.requirements)


def _line(text: str) -> str:
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement as error:
        raise LockFailed(
            f"{text.strip()[:200]!r} is not a requirement.", hint="Write it like name, name==1.2 or name>=1.2."
        ) from error
    if requirement.url is not None:
        raise Unsupported(
            f"{requirement.name} is asked for by address, not from the package index.",
            hint=f"Ask for {requirement.name} by name and version, or install it in postBuild.",
        )
    return str(requirement)


def _failure(output: str, request: LockRequest) -> HubkilnError:
    missing = without_wheels(output)
    for asked in map(Requirement, missing):
        name = asked.name
        if mistaken.stands_in(asked, named(request)):
            continue
        if (known := mistaken.of_no_package(name) or mistaken.of_other_system(name)) is not None:
            return LockFailed(known[0], hint=known[1])
    if missing and request.allow_sdists:
        return NeedsBuilding(_as_asked(missing, request))
    return explain(output)


def _as_asked(missing: Sequence[str], request: LockRequest) -> tuple[str, ...]:
    """
    What to build: the requirement's own line where there is one, else what uv said, within the constraints.

    Those are the pins of a repository's lock: without them, the newest source would be built.
    """
    lines = {canonicalize_name(Requirement(line).name): line for line in map(_line, request.requirements)}
    bounds = [one for one in map(Requirement, request.constraints) if _is_here(one, request)]
    return tuple(_within(lines.get(canonicalize_name(Requirement(line).name), line), bounds) for line in missing)


def _within(line: str, bounds: Sequence[Requirement]) -> str:
    asked = Requirement(line)
    name = canonicalize_name(asked.name)
    for one in bounds:
        if canonicalize_name(one.name) == name:
            asked.specifier &= one.specifier
    return str(asked)


def _is_pinned(name: str, request: LockRequest) -> bool:
    """False where all that the repository says of a package is for other Pythons, systems or extras than asked for."""
    lines = [Requirement(line) for line in (*request.requirements, *request.constraints)]
    about = [line for line in lines if canonicalize_name(line.name) == name]
    return not about or any(_is_here(line, request) for line in about)


def _is_here(line: Requirement, request: LockRequest) -> bool:
    values = environment_for(request.python, PackageSettings().platform)
    here = {name: str(value) for name, value in values.items()} | {"extra": ""}
    return line.marker is None or line.marker.evaluate(here)


def check_hashes(lock: Lock, request: LockRequest) -> None:
    """
    Compare the files of `lock` with the hashes that the repository lists; those we built ourselves have none yet.

    Raises:
        NeedsBuilding: the index has other wheels, such as some that came later, where `request` allows what is built of
            a source, whose hash may be listed; LockFailed: where it does not.
    """
    allowed = {name: digests for name, digests in request.hashes if _is_pinned(name, request)}
    ours = request.find_links.absolute().as_uri() if request.find_links is not None else None
    theirs = [wheel for wheel in lock.wheels if ours is None or not wheel.url.startswith(f"{ours}/")]
    others = [wheel for wheel in theirs if wheel.name in allowed and wheel.sha256 not in allowed[wheel.name]]
    if others and request.allow_sdists:
        raise NeedsBuilding(tuple(f"{wheel.name}=={wheel.version}" for wheel in others))
    if others:
        raise LockFailed(
            f"The index's {others[0].filename} is not a file whose hash the repository lists.",
            hint="Make the repository's lock or its hashes again; they may be for another platform.",
        )
