"""Says how a recipe will be made where only some needs can be met, and why."""

from __future__ import annotations

from collections.abc import Mapping

from hubkiln.errors import Unsupported
from hubkiln.recipes.draft import is_own
from hubkiln.recipes.interface import Kind, Need, Plan, PlanKind, Recipe
from hubkiln.recipes.pythons import allows

OLDEST = (3, 5)
"""The oldest Python 3 that is composed: those that cannot run the server get a kernel beside it."""

NEWEST = (3, 14)
"""The newest that is known: nothing has been locked for later ones."""

_LAST_OF_TWO = (2, 7)
"""The one older Python that is composed."""

_named = "{}.{}".format
_ASK = f"Ask for Python 2.7, or for one from {_named(*OLDEST)} to {_named(*NEWEST)}, the newest known here."
_NEWER = f"for Python {_named(*OLDEST)} or newer."
_RUN_STEPS = "run steps, which this installation does not have"
_MISSING = {
    Need.APT: _RUN_STEPS,
    Need.POST_BUILD: _RUN_STEPS,
    Need.INSTALL_PROJECT: _RUN_STEPS,
    Need.SDIST: _RUN_STEPS,
    Need.DIRECT: _RUN_STEPS,
    Need.CONDA: "conda packages, which this installation cannot install",
    Need.REPO2DOCKER: "repo2docker with a container engine, which this installation does not have",
}
_SEVERAL = "Packages at an address"
_NOT_COMPOSED = {Kind.DOCKERFILE: "Dockerfile", Kind.R: "R", Kind.JULIA: "Julia", Kind.NIX: "Nix"}


def plan(recipe: Recipe, can: frozenset[Need], hints: Mapping[Need, str] | None = None) -> Plan:
    """
    How `recipe` is made where the needs in `can` are met: composed if possible, else by repo2docker.

    `hints` says of needs that are not met how they could be.

    Raises:
        Unsupported: naming every need that is not met.
    """
    _check_python(recipe)
    reasons = needs(recipe)
    if Need.REPO2DOCKER not in reasons:
        if asks_for_r(recipe) and Need.REPO2DOCKER in can and recipe.beyond is None:
            r = "R in `environment.yml` comes with RStudio from repo2docker"
            return Plan(kind=PlanKind.REPO2DOCKER, why=(r,), needs=(Need.REPO2DOCKER,))
        missing = [need for need in reasons if need not in can]
        if not missing:
            return _here(reasons, recipe)
        if Need.REPO2DOCKER in can and recipe.beyond is None:
            why = tuple(f"{reasons[need]} needs {_MISSING[need].split(',')[0]}" for need in missing)
            return Plan(kind=PlanKind.REPO2DOCKER, why=why, needs=(Need.REPO2DOCKER,))
        raise _unsupported({need: reasons[need] for need in missing}, hints or {})
    if recipe.beyond is not None:
        raise Unsupported(
            f"{reasons[Need.REPO2DOCKER]} needs repo2docker, which does not follow `{recipe.beyond}`.",
            hint=f"Ask for Python {_named(*OLDEST)} or newer.",
        )
    if Need.REPO2DOCKER in can:
        return Plan(
            kind=PlanKind.REPO2DOCKER,
            why=(f"{reasons[Need.REPO2DOCKER]} needs repo2docker",),
            needs=(Need.REPO2DOCKER,),
        )
    raise _unsupported({Need.REPO2DOCKER: reasons[Need.REPO2DOCKER]}, hints or {})


def within(recipe: Recipe, can: frozenset[Need]) -> Recipe:
    """`recipe`, or its package alone where the conda packages that pixi puts around it cannot be installed."""
    return recipe.alone if recipe.alone is not None and Need.CONDA not in can else recipe


def _check_python(recipe: Recipe) -> None:
    """Refuse now the Pythons that neither we nor repo2docker can bring, whatever else the recipe asks for."""
    if recipe.kind in _NOT_COMPOSED:
        return
    if recipe.python is None:
        if recipe.requires_python is not None and not _is_any_allowed(recipe.requires_python):
            raise Unsupported(
                f"No Python that can be had is one of those that are allowed ({recipe.requires_python}).", hint=_ASK
            )
        return
    asked = tuple(map(int, recipe.python.split(".")))
    if asked < OLDEST and asked != _LAST_OF_TWO:
        raise Unsupported(
            f"Python {recipe.python} cannot be had: nothing here makes environments with it, nor does repo2docker.",
            hint=_ASK,
        )
    if recipe.conda and asked > NEWEST:
        raise Unsupported(f"Python {recipe.python} cannot be had: it is newer than any that is known here.", hint=_ASK)


def needs(recipe: Recipe) -> dict[Need, str]:
    """What composing `recipe` needs beyond placing wheels, with what asks for it; in the order it would be done."""
    if (reason := _needs_repo2docker(recipe)) is not None:
        return {Need.REPO2DOCKER: reason}
    found: dict[Need, str] = {}
    if recipe.apt:
        found[Need.APT] = "`apt.txt`"
    if recipe.conda:
        by_script = recipe.conda == ("python",)
        asks = (
            f"`{recipe.post_build}`, which calls `conda`,"
            if by_script
            else f"`{recipe.conda_file}` ({_some(recipe.conda)})"
        )
        found[Need.CONDA] = asks
    if recipe.direct:
        found[Need.DIRECT] = (
            f"`{recipe.direct[0]}`" if len(recipe.direct) == 1 else f"{_SEVERAL} ({len(recipe.direct)})"
        )
    if recipe.local:
        what = "the repository itself" if is_own(recipe.local[0]) else "a package of the repository's"
        found[Need.INSTALL_PROJECT] = f"Installing {what} (`pip install {recipe.local[0]}`)"
    if recipe.post_build is not None:
        found[Need.POST_BUILD] = f"`{recipe.post_build}`"
    return found


def _needs_repo2docker(recipe: Recipe) -> str | None:
    if recipe.kind in _NOT_COMPOSED:
        return _NOT_COMPOSED[recipe.kind]
    if recipe.conda and (old := _too_old(recipe)):
        return f"Python {old} from conda"
    return None


def asks_for_r(recipe: Recipe) -> bool:
    """Whether conda brings R, beside which repo2docker would put RStudio; without it, notebooks have R."""
    return any(spec.split("::")[-1].startswith("r-") for spec in recipe.conda)


def _too_old(recipe: Recipe) -> str | None:
    """What it asks for, if conda's Python could not even be a kernel's beside the server."""
    if recipe.python is not None:
        return recipe.python if recipe.python.startswith("2.") else None
    wanted = recipe.requires_python
    return None if wanted is None or _is_any_allowed(wanted, two=False) else wanted


def _is_any_allowed(wanted: str, *, two: bool = True) -> bool:
    """Whether a Python that is composed is among those `wanted`; Python 2.7 only with `two`."""
    known = (*(("2.7",) if two else ()), *(f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)))
    return any(allows(wanted, minor) for minor in known)


def _here(reasons: dict[Need, str], recipe: Recipe) -> Plan:
    if not reasons:
        asks = recipe.requirements or recipe.server
        said = "It asks for packages alone." if asks else "It asks for no packages: it gets Jupyter's own."
        found = ", ".join(f"`{folder}`" for folder in recipe.elsewhere)
        below = (f"Recipes are in its folders {found}: to build one, choose it as the folder.",) if found else ()
        return Plan(kind=PlanKind.COMPOSE, why=(said, *below))
    steps = [need for need in reasons if need is not Need.CONDA]
    why = tuple(
        f"{reason} {'need' if reason.startswith(_SEVERAL) else 'needs'} "
        f"{'conda packages' if need is Need.CONDA else 'run steps'}"
        for need, reason in reasons.items()
    )
    if asks_for_r(recipe):
        why += ("Notebooks have R; RStudio, which repo2docker would add, is not in it.",)
    return Plan(kind=PlanKind.RUN_STEPS if steps else PlanKind.COMPOSE, why=why, needs=tuple(reasons))


def _unsupported(reasons: dict[Need, str], hints: Mapping[Need, str]) -> Unsupported:
    sentences = [f"{reason} needs {_MISSING[need]}" for need, reason in reasons.items()]
    known = [hints[need] for need in reasons if need in hints]
    if any(reason.startswith("Python ") for reason in reasons.values()):
        known.append(f"{'Or ask' if known else 'Ask'} {_NEWER}")
    return Unsupported(
        "; ".join(sentences) + ".",
        hint=" ".join(known) or "An admin's turn: `hubkiln doctor` says what is missing and how to get it.",
    )


def _some(items: tuple[str, ...]) -> str:
    return ", ".join(items[:3]) + (", …" if len(items) > 3 else "")
