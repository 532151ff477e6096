"""What must be run to make an environment: Debian packages, `postBuild`, and wheels from sources; each in a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.steps.explain.bygone import older_setuptools
    from hubkiln.composer.steps.explain.lines import last_lines, telling
    from hubkiln.composer.steps.hosts import with_packages
    from hubkiln.composer.steps.interface import StepLayer
    from hubkiln.composer.steps.room import index_variables, step_room
    from hubkiln.composer.steps.run_steps import RunSteps
    from hubkiln.composer.steps.running import Tail, run_explained
    from hubkiln.composer.steps.scripts import GIVE_NODE
    from hubkiln.composer.steps.settings import StepSettings
    from hubkiln.composer.steps.settings import settings as step_settings

__all__ = [
    "GIVE_NODE",
    "RunSteps",
    "StepLayer",
    "StepSettings",
    "Tail",
    "index_variables",
    "last_lines",
    "older_setuptools",
    "run_explained",
    "step_room",
    "step_settings",
    "telling",
    "with_packages",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
