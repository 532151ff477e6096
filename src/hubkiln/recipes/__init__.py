"""What a checkout asks for, and how it will be made."""

from hubkiln.recipes.draft import check_hashes
from hubkiln.recipes.interface import Kind, Need, Plan, Recipe
from hubkiln.recipes.keys import recipe_key
from hubkiln.recipes.planner import needs, plan
from hubkiln.recipes.pythons import choose_python
from hubkiln.recipes.reader import read

__all__ = ["Kind", "Need", "Plan", "Recipe", "check_hashes", "choose_python", "needs", "plan", "read", "recipe_key"]
