"""What of an environment is pixi's to say: all of it, or what stands around the package that is installed.

pixi makes one environment of both, the package in it. repo2docker knows the package alone; so where pixi's part cannot
be followed, the package is what is left, and that is said.
"""

from __future__ import annotations

from hubkiln.errors import RecipeError
from hubkiln.recipes.conda import CondaFile
from hubkiln.recipes.draft import RecipeDraft, is_own
from hubkiln.recipes.files import Files
from hubkiln.recipes.lock_files import warn_of_tools
from hubkiln.recipes.pixi import find_manifest, read_manifest
from hubkiln.recipes.pyproject import Project, read_dependencies


def read_environment(files: Files, project: Project, draft: RecipeDraft) -> CondaFile | None:
    """
    What pixi's manifest asks for, with the `project` if that is a package; None where there is none or it asks nothing.

    Raises:
        RecipeError: see :func:`hubkiln.recipes.pixi.read_manifest`; a package's own dependencies are malformed.
    """
    if (path := find_manifest(files, project)) is None:
        return None
    if not project.is_package:
        return read_manifest(files, path, project, draft)
    alone = draft.copy()
    read_dependencies(files, project, alone)
    around = alone.copy()
    try:
        asked = read_manifest(files, path, project, around)
    except RecipeError as error:
        draft.warn(f"The repository is installed without what pixi adds to it: {error.message}")
        return None
    if asked is None or not (asked.specs or asked.python or asked.requires_python or around.asks_beyond(alone)):
        if path != project.path:
            draft.warn(f"`{path}` asks for no packages in its default environment.")
        return None
    if not any(map(is_own, around.local)):
        around.install(".")
    warn_of_tools(files, project, around, but="pixi")
    draft.become(around)
    return asked
