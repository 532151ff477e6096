"""Puts the parts together: content, packages and sandbox become an image that can be run.

The layer above the packages that each do one thing, and below :mod:`hubkiln.pipeline`, which tells a whole build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.bases.bases import DEFAULT_BASE, Bases, default_base, read_parent
    from hubkiln.composer.bases.debian.image import BaseImage, BaseRequest, build_base
    from hubkiln.composer.bases.debian.system import PACKAGES as BASE_PACKAGES
    from hubkiln.composer.bases.further import labels_of as base_labels
    from hubkiln.composer.locking.conda import missing as conda_missing
    from hubkiln.composer.locking.conda import settings as conda_settings
    from hubkiln.composer.locking.interface import LockBook
    from hubkiln.composer.locking.locking import Locking
    from hubkiln.composer.locking.python_choice import default_python
    from hubkiln.composer.repo2docker.builder import Repo2dockerBuilder
    from hubkiln.composer.repo2docker.planning import Planner
    from hubkiln.composer.repo2docker.settings import Ability, Repo2dockerSettings
    from hubkiln.composer.repo2docker.settings import ability as repo2docker_ability
    from hubkiln.composer.repo2docker.settings import settings as repo2docker_settings
    from hubkiln.composer.repo2docker.sources import search_registries
    from hubkiln.composer.sources.build import SourceWheels
    from hubkiln.composer.sources.interface import version_files
    from hubkiln.composer.steps.run_steps import RunSteps
    from hubkiln.composer.steps.settings import StepSettings
    from hubkiln.composer.steps.settings import settings as step_settings
    from hubkiln.composer.stores import composer_stores
    from hubkiln.composer.targets.composing import ByRequest, Composer
    from hubkiln.composer.targets.interface import DryRun, Maker, Prepared, Result
    from hubkiln.composer.targets.layers import PushTools
    from hubkiln.composer.targets.local import LocalTarget
    from hubkiln.composer.targets.patience import Patience
    from hubkiln.composer.targets.registry import RegistryTarget
    from hubkiln.composer.targets.smoke_test import SmokeTest

__all__ = [
    "BASE_PACKAGES",
    "DEFAULT_BASE",
    "Ability",
    "BaseImage",
    "BaseRequest",
    "Bases",
    "ByRequest",
    "Composer",
    "DryRun",
    "LocalTarget",
    "LockBook",
    "Locking",
    "Maker",
    "Patience",
    "Planner",
    "Prepared",
    "PushTools",
    "RegistryTarget",
    "Repo2dockerBuilder",
    "Repo2dockerSettings",
    "Result",
    "RunSteps",
    "SmokeTest",
    "SourceWheels",
    "StepSettings",
    "base_labels",
    "build_base",
    "composer_stores",
    "conda_missing",
    "conda_settings",
    "default_base",
    "default_python",
    "read_parent",
    "repo2docker_ability",
    "repo2docker_settings",
    "search_registries",
    "step_settings",
    "version_files",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
