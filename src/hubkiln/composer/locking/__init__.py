"""From a recipe to its exact packages."""
