"""Which Python a recipe gets: what it asks for, else one that fits its day and its packages, the same on every machine.

Where nobody asks, the candidates are those that had been out for half a year on the day that packages are resolved
for, the admin's default first; the packages decide among them (:mod:`hubkiln.packages.python_choice`). The choice is
written into the lock, so that whoever uses the lock uses that Python. Where the first choice is not on the machine and
cannot be brought, the next one that fits is taken, and the lock says so.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from packaging.specifiers import SpecifierSet

from hubkiln.errors import BadSpec, BuildFailed, HubkilnError, LockFailed, Unsupported
from hubkiln.packages import Choice, Packages, is_two, number, settled, stack_minors
from hubkiln.recipes import Recipe, allows
from hubkiln.setting_values import Values
from hubkiln.values import Say

Had = TypeVar("Had")

DEFAULT = "3.11"
"""Fixed, and not this machine's own: the same repository is to get the same Python everywhere."""

_TABLE = "\n[tool.hubkiln]\npython = "


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Pythons to choose from."""

    minors: tuple[str, ...]
    """Best first, at least one."""
    why: str
    """Why the first is the first."""


def default_python(variables: Mapping[str, str]) -> str:
    """
    The admin's default, ``HUBKILN_PYTHON``.

    Raises:
        BadSpec: no such version can be had.
    """
    found: str = Values(variables).get("python", DEFAULT)
    if found not in stack_minors():
        raise BadSpec(
            f"HUBKILN_PYTHON is {found!r}, which is no version that an environment can have.",
            hint=f"Write one of {', '.join(sorted(stack_minors(), key=number))}.",
        )
    return found


def candidates(
    recipe: Recipe, default: str, at: datetime, offered: Collection[str], absent: Collection[str] = ()
) -> Candidates:
    """
    Which of the versions `offered` may be taken for `recipe` as of the moment `at`, but for those that are `absent`.

    Raises:
        Unsupported: the repository allows none of them.
    """
    if recipe.python is not None and recipe.python not in absent:
        return Candidates(minors=(recipe.python,), why="the repository asks for it")
    allowed = [minor for minor in offered if not recipe.requires_python or allows(recipe.requires_python, minor)]
    if not allowed:
        there = ", ".join(sorted(offered, key=number)) or "none"
        raise Unsupported(
            f"The repository asks for Python {recipe.requires_python}, which no environment can have here.",
            hint=f"There is {there}; change what the repository allows.",
        )
    allowed = [minor for minor in allowed if not is_two(minor)] or allowed  # nobody gets Python 2 unasked
    allowed = [minor for minor in allowed if minor not in absent and recipe.python is None]
    if not allowed:
        raise Unsupported("No Python that the repository allows can be had here.", hint="See the log for each.")
    bounds = f" and that {recipe.requires_python} allows" if recipe.requires_python else ""
    old = settled(allowed, at)
    if not old:
        why = f"the first that can be had{bounds}, though it had not been out for half a year on {at:%Y-%m-%d}"
        return Candidates(minors=(min(allowed, key=number),), why=why)
    if default in old:
        others = tuple(minor for minor in old if minor != default)
        return Candidates(minors=(default, *others), why="the default where nobody asks for another")
    return Candidates(minors=old, why=f"the newest that had been out for half a year on {at:%Y-%m-%d}{bounds}")


async def one_of(minors: Sequence[str], packages: Packages, say: Say) -> None:
    """
    See that this machine has one of `minors`, best first, or can bring one.

    Raises:
        LockFailed, Unsupported: why not, of the first.
    """
    for minor in minors:
        if await packages.here(minor) is not None:
            return
    errors: list[LockFailed | Unsupported] = []
    for minor in minors:
        try:
            await packages.interpreter(minor, say)
            return
        except (LockFailed, Unsupported) as error:
            errors.append(error)
    raise errors[0]


async def first_had(
    choose: Callable[[Candidates], Awaitable[Choice]],
    having: Callable[[str], Awaitable[Had]],
    among: Callable[[Collection[str]], Candidates],
    say: Say,
    flaw: Callable[[Had], str] = lambda had: "",
) -> tuple[Had, Choice, str]:
    """
    The best choice whose Python is here or can be brought, what `having` gives for it, and why it was chosen.

    `among` tells the candidates but for those that turned out to be absent. A Python for which not everything is
    ready-made does not stand in for one that only had to be brought. One that has a `flaw`, a sentence, is taken where
    no other will do, and the sentence is said.

    Raises:
        LockFailed, Unsupported: as `having`, of the first choice, where no other will do.
    """
    absent: dict[str, LockFailed | Unsupported] = {}
    second: tuple[Had, Choice, str] | None = None
    whole = False
    while True:
        lack = next(iter(absent.values()), None)
        try:
            first = among(absent)
        except Unsupported as error:
            if second is not None:
                say(f"Note: {flaw(second[0])}\n")
                return second
            raise lack or error from error
        choice = await choose(first)
        if lack is not None and whole and not choice.fits:
            if second is not None:
                say(f"Note: {flaw(second[0])}\n")
                return second
            raise lack
        whole = whole or choice.fits
        why = reason(choice, first, absent)
        for line in explained(choice, why):
            say(line)
        try:
            had = await having(choice.minor)
            if not (said := flaw(had)):
                return had, choice, why
            second = second or (had, choice, why)
            absent[choice.minor] = Unsupported(said, hint="Allow that release.")
        except (LockFailed, Unsupported) as error:
            absent[choice.minor] = error
        if len(first.minors) > 1:
            say(f"{absent[choice.minor].message} Another Python is looked for.\n")


def not_allowed(recipe: Recipe, version: str) -> str:
    """A sentence, if `recipe` allows some releases of a Python and `version` (``3.11.2``) is none of them."""
    wanted = None if recipe.python is not None else recipe.requires_python
    if not wanted or SpecifierSet(wanted).contains(version):
        return ""
    return f"Python {version} is what can be had here, and the repository allows only {wanted}."


def reason(choice: Choice, first: Candidates, absent: Collection[str] = ()) -> str:
    """What is said of `choice`: a sentence, and a second one where others that come before it are `absent`."""
    if choice.why:
        sentence = f"Python {choice.minor} is the newest for which everything asked for is ready-made: {choice.why}."
    elif choice.minor != first.minors[0]:
        sentence = f"Python {choice.minor} lacks least of what is asked for."
    else:
        sentence = f"Python {choice.minor}: {first.why}."
    if not absent:
        return sentence
    verb = "comes" if len(absent) == 1 else "come"
    return f"{sentence} Before it {verb} Python {' and '.join(absent)}, which could not be had when this was locked."


def explained(choice: Choice, why: str) -> Iterator[str]:
    """What is said of `choice` before anything is built, first of all `why`: a line each."""
    yield f"{why}\n"
    if choice.apart:
        yield f"Note: no Python has everything that is asked for ready-made: {choice.apart}.\n"
    if choice.missing:
        yield f"Note: {choice.missing}, not for {choice.minor}: it must be built from source, which may fail.\n"


def with_choice(error: BuildFailed | LockFailed, choice: Choice) -> HubkilnError:
    """`error` with what would help, where it came of what is not ready-made for the Python of `choice`."""
    if not choice.missing:
        return error
    if choice.apart and isinstance(error, LockFailed):
        return LockFailed(
            f"No Python has everything that is asked for ready-made: {choice.apart}.",
            hint=f"Choose versions that one Python has. For Python {choice.minor}: {error.message}",
        )
    return type(error)(error.message, hint=f"{choice.missing}: ask for such a Python, or for newer versions.")


def with_python(text: str, minor: str, why: str) -> str:
    """A lock's `text` that says which Python it is for, and why."""
    return f"{text.rstrip()}\n{_TABLE}{json.dumps(minor)}\nwhy-python = {json.dumps(why, ensure_ascii=False)}\n"


def python_of(text: str) -> str | None:
    """The Python that a lock's `text` is for, if it says so."""
    if _TABLE not in text:
        return None
    try:
        found = tomllib.loads(text)["tool"]["hubkiln"]["python"]
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None
