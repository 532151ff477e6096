"""The key of an environment: equal exactly when the environment would be."""

from __future__ import annotations

from hubkiln.keys import digest
from hubkiln.recipes.interface import Recipe
from hubkiln.values import FORMAT


def recipe_key(
    recipe: Recipe, *, python: str, base: str, commit: str, subdir: str = "", platform: str = "", as_of: str = ""
) -> str:
    """
    sha256 hex over what `recipe` means, not how it is written, and what it is built on.

    `python` is the version chosen, `base` names the base (an image's digest, or the host), `as_of` the moment up
    to which packages count. `commit` and `subdir` matter only where the recipe reads the whole tree. Where the
    exact packages are known, their lock's digest belongs beside this key.
    """
    meaning = {
        "format": FORMAT,
        "kind": recipe.kind if recipe.whole_tree else "",
        "python": python,
        "base": base,
        "platform": platform,
        "as_of": as_of,
        "requirements": sorted(recipe.requirements),
        "constraints": sorted(recipe.constraints),
        "hashes": recipe.hashes,
        "local": recipe.local,
        "direct": sorted(recipe.direct),
        "conda": sorted(recipe.conda),
        "channels": recipe.channels,
        "apt": sorted(recipe.apt),
        "env": sorted(recipe.env),
        "post_build": recipe.post_build,
        "tree": [commit, subdir] if recipe.whole_tree else None,
    }
    if recipe.server:
        meaning["server"] = sorted(recipe.server)
    return digest(meaning)
