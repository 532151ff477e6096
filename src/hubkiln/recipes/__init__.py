"""What a checkout asks for, and how it will be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.recipes.apart import Reading
    from hubkiln.recipes.draft import check_hashes
    from hubkiln.recipes.interface import Kind, Need, Plan, PlanKind, Recipe
    from hubkiln.recipes.keys import recipe_key
    from hubkiln.recipes.packages_beside import with_packages
    from hubkiln.recipes.planner import asks_for_r, needs, plan, within
    from hubkiln.recipes.pythons import allows, choose_python
    from hubkiln.recipes.reader import read
    from hubkiln.recipes.scripts import NODE, calls_conda, is_of_windows, needs_node

__all__ = [
    "NODE",
    "Kind",
    "Need",
    "Plan",
    "PlanKind",
    "Reading",
    "Recipe",
    "allows",
    "asks_for_r",
    "calls_conda",
    "check_hashes",
    "choose_python",
    "is_of_windows",
    "needs",
    "needs_node",
    "plan",
    "read",
    "recipe_key",
    "with_packages",
    "within",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
