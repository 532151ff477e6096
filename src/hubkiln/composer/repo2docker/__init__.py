"""What cannot be composed: images that repo2docker and a container engine make, taken in and pushed like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.repo2docker.builder import Repo2dockerBuilder
    from hubkiln.composer.repo2docker.planning import Planner
    from hubkiln.composer.repo2docker.settings import Ability, Repo2dockerSettings
    from hubkiln.composer.repo2docker.settings import ability as repo2docker_ability
    from hubkiln.composer.repo2docker.settings import settings as repo2docker_settings
    from hubkiln.composer.repo2docker.sources import search_registries

__all__ = [
    "Ability",
    "Planner",
    "Repo2dockerBuilder",
    "Repo2dockerSettings",
    "repo2docker_ability",
    "repo2docker_settings",
    "search_registries",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
