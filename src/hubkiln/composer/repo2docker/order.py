"""What is to be built by repo2docker, with its keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hubkiln import recipes
from hubkiln.composer.targets import Order
from hubkiln.keys import digest
from hubkiln.values import FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo2dockerOrder(Order):
    """A repository whose recipe goes to repo2docker."""

    build_args: tuple[tuple[str, str], ...] = ()

    @property
    def split(self) -> bool:
        """Whether repo2docker gets the recipe's own files alone, so that other files change nothing."""
        return self.recipe.whole_tree is None

    @property
    def environment_key(self) -> str:
        """Equal exactly when repo2docker is given the same."""
        from importlib.metadata import version

        known = recipes.recipe_key(
            self.recipe,
            python=self.recipe.python or "",
            base=f"repo2docker {version('jupyter-repo2docker')}",
            commit=self.revision.identity,
            subdir=self.revision.spec.subdir,
        )
        files = [self.recipe.folder, self.recipe.files] if self.split else []
        return digest([FORMAT, "repo2docker", known, files, self.build_args])

    @property
    def start(self) -> str | None:
        """Path of the ``start`` script below the repository, where the image itself does not know of it."""
        return self.script if self.split else None

    @property
    def tag(self) -> str:
        """What the container engine calls it: an image of that name is never built twice."""
        return f"localhost/hubkiln/environment:{self.environment_key}"
