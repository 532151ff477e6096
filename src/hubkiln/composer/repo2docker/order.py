"""What is to be built by repo2docker, with its keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hubkiln import __version__, recipes
from hubkiln.builds import BuildRequest
from hubkiln.content import Content
from hubkiln.keys import digest
from hubkiln.recipes import Plan, Recipe
from hubkiln.values import FORMAT, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo2dockerOrder:
    """A repository whose recipe goes to repo2docker."""

    request: BuildRequest
    revision: Revision
    content: Content
    recipe: Recipe
    plan: Plan
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
            commit=self.revision.commit,
            subdir=self.revision.spec.subdir,
        )
        files = [self.recipe.folder, self.recipe.files] if self.split else []
        return digest([FORMAT, "repo2docker", known, files, self.build_args])

    @property
    def image_key(self) -> str:
        """The same for the whole image: content, where it came from, and who builds."""
        revision = self.revision
        about = [revision.spec.provider, revision.url, revision.commit, revision.name, revision.spec.subdir]
        return digest([self.environment_key, self.content.key, about, __version__])

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What every image says of itself."""
        labels = {
            "org.opencontainers.image.source": self.revision.url,
            "org.opencontainers.image.revision": self.revision.commit,
            "io.hubkiln.environment-key": self.environment_key,
            "io.hubkiln.version": __version__,
        }
        return tuple(sorted(labels.items()))

    @property
    def start(self) -> str | None:
        """Path of the ``start`` script below the repository, where the image itself does not know of it."""
        if self.recipe.start is None or not self.split:
            return None
        below = f"{self.revision.spec.subdir}/" if self.revision.spec.subdir else ""
        return f"{below}{self.recipe.start}"

    @property
    def tag(self) -> str:
        """What the container engine calls it: an image of that name is never built twice."""
        return f"localhost/hubkiln/environment:{self.environment_key}"
