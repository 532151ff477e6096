"""What the rest may know of recipes: a checkout becomes a Recipe, a Recipe becomes a Plan with its reasons.

Reading is pure apart from reading files below the checkout; nothing is evaluated. The precedence is
repo2docker's (2026.4.0). The environment key covers exactly what was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which of repo2docker's build packs would take the repository."""

    DEFAULT = "default"
    PYTHON = "python"
    PIPFILE = "pipfile"
    CONDA = "conda"
    DOCKERFILE = "dockerfile"
    R = "r"
    JULIA = "julia"
    NIX = "nix"


class PlanKind(StrEnum):
    """How an environment will be made."""

    COMPOSE = "compose"
    RUN_STEPS = "run-steps"
    REPO2DOCKER = "repo2docker"


class Need(StrEnum):
    """What a recipe needs beyond placing wheels; an installation says which of these it can meet."""

    APT = "apt"
    POST_BUILD = "postBuild"
    INSTALL_PROJECT = "install-project"
    SDIST = "sdist"
    DIRECT = "direct"
    CONDA = "conda"
    REPO2DOCKER = "repo2docker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a repository's files ask for."""

    kind: Kind
    folder: str
    """``""``, ``binder`` or ``.binder``: where the files were looked for, below the root."""

    python: str | None = None
    """Minor version asked for, ``3.11``; None means the default."""

    requires_python: str | None = None
    """Versions allowed (``>=3.9``) where no single one is asked for; see :func:`hubkiln.recipes.choose_python`."""

    requirements: tuple[str, ...] = ()
    """Requirement lines (PEP 508, normalised; no options), in file order: public packages to lock."""

    server: tuple[str, ...] = ()
    """Lines of ``requirements3.txt``: for the server's environment, where notebooks run in a kernel beside it."""

    constraints: tuple[str, ...] = ()
    """Lines of ``-c`` files and the pins of a lock, same form: they limit versions and ask for nothing."""

    hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(normalised name, sha256 hex of every file allowed) where ``--hash`` or a lock says; see :func:`check_hashes`."""

    local: tuple[str, ...] = ()
    """
    Arguments for ``pip install`` that need the tree, from its root, quoted for a shell: ``.``, ``-e ./pkg``; a marker
    stands after `` ; ``.
    """

    direct: tuple[str, ...] = ()
    """``name @ git+https://…`` and ``name @ https://…/file.whl`` requirements: PEP 508's direct references."""

    conda: tuple[str, ...] = ()
    """Conda match specs; python, when it is a plain version, and pip are left out."""

    channels: tuple[str, ...] = ()
    """Conda channels in order."""

    apt: tuple[str, ...] = ()
    """Debian package names, sorted."""

    post_build: str | None = None
    """Path of the script below the root."""

    start: str | None = None
    """Path of the ``start`` script below the root."""

    env: tuple[tuple[str, str], ...] = ()
    """Environment variables the recipe sets."""

    files: tuple[tuple[str, str], ...] = ()
    """(path below the root, sha256) of every file read, sorted; for the record: the key covers what they mean."""

    whole_tree: str | None = None
    """Why the whole commit is in the key (``postBuild reads the tree``), or None."""

    beyond: str | None = None
    """What repo2docker does not know (``uv.lock``, packages that were added) and this follows: no falling back then."""

    warnings: tuple[str, ...] = ()
    """One sentence each, shown in the build log: files that are ignored, quirks that apply."""

    elsewhere: tuple[str, ...] = ()
    """Folders that have recipes of their own, where this one asks for nothing."""

    alone: Recipe | None = None
    """The repository's package without pixi's environment around it: for where conda packages cannot be installed."""

    @property
    def conda_file(self) -> str:
        """The file that asks for conda packages, as sentences name it."""
        of_pixi = self.beyond is not None and self.beyond.endswith(("pixi.toml", "pyproject.toml"))
        return str(self.beyond) if of_pixi else "environment.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a recipe will be made here."""

    kind: PlanKind
    why: tuple[str, ...]
    """One sentence per reason: ``apt.txt needs run steps``."""

    needs: tuple[Need, ...] = ()
