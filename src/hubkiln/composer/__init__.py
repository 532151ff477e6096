"""Puts the parts together: content, packages and sandbox become an image that can be run.

The layer above the packages that each do one thing, and below :mod:`hubkiln.pipeline`, which tells a whole build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.bases import (
        BASE_PACKAGES,
        DEFAULT_BASE,
        BaseImage,
        BaseRequest,
        Bases,
        FirstBase,
        Learned,
        base_labels,
        build_base,
        default_base,
        read_parent,
    )
    from hubkiln.composer.locking import LockBook, Locking, conda_missing, conda_settings, default_python
    from hubkiln.composer.repo2docker import (
        Ability,
        Planner,
        Repo2dockerBuilder,
        Repo2dockerSettings,
        repo2docker_ability,
        repo2docker_settings,
        search_registries,
    )
    from hubkiln.composer.sources import SourceWheels, version_files
    from hubkiln.composer.steps import RunSteps, StepSettings, step_settings
    from hubkiln.composer.stores import composer_stores
    from hubkiln.composer.targets import (
        ByRequest,
        Composer,
        DryRun,
        LocalTarget,
        Maker,
        Patience,
        Prepared,
        PushTools,
        RegistryTarget,
        Result,
        SmokeTest,
    )

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
    "FirstBase",
    "Learned",
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
